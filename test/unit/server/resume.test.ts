/** Where a client says it stopped: sources in their order, and what a bad position becomes. */
import { resumePoint, UNKNOWN_CURSOR } from '../../../lib/server/resume.js';

const query = (text: string): URLSearchParams => new URLSearchParams(text);

test('the first source that is there wins', () => {
  const all = {
    header: 'h.1',
    query: query('lastEventId=q.2&Last-Event-Id=Q.3&lastSyncTimestamp=9'),
    input: { lastEventId: 'i.4', lastSyncTimestamp: 5 },
    lastEventId: 'o.5',
    lastSyncTimestamp: 6,
  };
  expect(resumePoint(all)).toEqual({ lastEventId: 'h.1' });
  expect(resumePoint({ ...all, header: undefined })).toEqual({
    lastEventId: 'q.2',
  });
  expect(resumePoint({ ...all, header: '', query: query('Last-Event-Id=Q.3') })).toEqual({ lastEventId: 'Q.3' });
  expect(resumePoint({ ...all, header: null, query: undefined })).toEqual({
    lastEventId: 'o.5',
  });
  expect(resumePoint({ input: all.input })).toEqual({ lastEventId: 'i.4' });
  expect(resumePoint({ input: { json: { lastEventId: 'j.5' } } })).toEqual({
    lastEventId: 'j.5',
  });
  expect(resumePoint({ input: { lastSyncTimestamp: 5 }, lastSyncTimestamp: 6 })).toEqual({ lastSyncTimestamp: 6 });
  expect(resumePoint({ input: { lastSyncTimestamp: 5 } })).toEqual({
    lastSyncTimestamp: 5,
  });
  expect(resumePoint({ query: query('lastSyncTimestamp=1700000000000') })).toEqual({
    lastSyncTimestamp: 1_700_000_000_000,
  });
  expect(resumePoint({})).toEqual({});
});

test('an empty string is none', () => {
  expect(
    resumePoint({
      header: '',
      query: query('lastEventId='),
      input: { lastEventId: '', lastSyncTimestamp: '' },
      lastEventId: '',
    }),
  ).toEqual({});
});

test('a time may be text or a Date; 0 is a time', () => {
  expect(resumePoint({ input: { lastSyncTimestamp: '17' } })).toEqual({
    lastSyncTimestamp: 17,
  });
  expect(resumePoint({ lastSyncTimestamp: new Date(18) })).toEqual({
    lastSyncTimestamp: 18,
  });
  expect(resumePoint({ lastSyncTimestamp: 0 })).toEqual({
    lastSyncTimestamp: 0,
  });
});

test.each<[string, object]>([
  ['a cursor over 256 bytes', { header: 'x'.repeat(257) }],
  ['a cursor that is no string', { input: { lastEventId: 7 } }],
  ['a time that is none', { input: { lastSyncTimestamp: 'yesterday' } }],
  ['a negative time', { lastSyncTimestamp: -1 }],
  ['an invalid Date', { lastSyncTimestamp: new Date(NaN) }],
])('%s is an unknown position, never a fresh start', (_name, sources) => {
  expect(resumePoint(sources)).toEqual({ lastEventId: UNKNOWN_CURSOR });
});

test('since is asked last, and is a cursor or a time', () => {
  const since = { input: { since: 'abc.4' }, query: query('since=5') };
  expect(resumePoint(since)).toEqual({ lastEventId: 'abc.4' });
  expect(resumePoint({ ...since, since: 6 })).toEqual({ lastSyncTimestamp: 6 });
  expect(resumePoint({ query: query('since=1700000000000') })).toEqual({
    lastSyncTimestamp: 1_700_000_000_000,
  });
  expect(resumePoint({ query: query('since=abc.0') })).toEqual({
    lastEventId: 'abc.0',
  });
  expect(resumePoint({ since: '', input: { since: null }, query: query('since=') })).toEqual({});
  expect(resumePoint({ ...since, lastSyncTimestamp: 7 })).toEqual({
    lastSyncTimestamp: 7,
  });
  expect(resumePoint({ ...since, header: 'h.1' })).toEqual({
    lastEventId: 'h.1',
  });
  expect(resumePoint({ input: { json: { since: 8 } } })).toEqual({
    lastSyncTimestamp: 8,
  });
});

test.each<[string, object, string]>([
  ['since', { since: -1 }, 'got -1'],
  ['since', { since: NaN, lastEventId: 'e.1' }, 'got NaN'],
  ['input.since', { input: { since: 'yesterday' } }, 'got "yesterday"'],
  ['input.since', { input: { since: {} } }, 'got an object'],
  ['?since', { query: query('since=2026-11-28T12:00') }, 'got "2026-11-28T12:00"'],
  ['?since', { query: query('since=abc.01') }, 'got "abc.01"'],
])('a bad %s is refused: %j', (field, sources, got) => {
  let thrown: unknown;
  try {
    resumePoint(sources);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'INVALID_FIELD' });
  expect(String(thrown)).toContain(`${field} must be a cursor`);
  expect(String(thrown)).toContain(got);
});
