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
  expect(resumePoint({ ...all, header: undefined })).toEqual({ lastEventId: 'q.2' });
  expect(resumePoint({ ...all, header: '', query: query('Last-Event-Id=Q.3') })).toEqual({ lastEventId: 'Q.3' });
  expect(resumePoint({ ...all, header: null, query: undefined })).toEqual({ lastEventId: 'o.5' });
  expect(resumePoint({ input: all.input })).toEqual({ lastEventId: 'i.4' });
  expect(resumePoint({ input: { json: { lastEventId: 'j.5' } } })).toEqual({ lastEventId: 'j.5' });
  expect(resumePoint({ input: { lastSyncTimestamp: 5 }, lastSyncTimestamp: 6 })).toEqual({ lastSyncTimestamp: 6 });
  expect(resumePoint({ input: { lastSyncTimestamp: 5 } })).toEqual({ lastSyncTimestamp: 5 });
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
  expect(resumePoint({ input: { lastSyncTimestamp: '17' } })).toEqual({ lastSyncTimestamp: 17 });
  expect(resumePoint({ lastSyncTimestamp: new Date(18) })).toEqual({ lastSyncTimestamp: 18 });
  expect(resumePoint({ lastSyncTimestamp: 0 })).toEqual({ lastSyncTimestamp: 0 });
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
