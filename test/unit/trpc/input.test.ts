/** The subscription's input: what it lets pass, and what it refuses. */
import { syncInput } from '../../../lib/trpc/index.js';

test('nothing is an input too', () => {
  expect([syncInput(undefined), syncInput(null), syncInput({})]).toEqual([undefined, undefined, {}]);
});

test('all fields, copied; what is not known is dropped', () => {
  const input = {
    lastEventId: 'e-1',
    lastSyncTimestamp: 5,
    since: 'e.1',
    clientId: 'c',
    modules: ['guests'],
    entities: ['g1'],
    queryPaths: ['guests.getAll', 'budget'],
    sourceId: 's',
    clientInstanceId: 'i',
    clientGeneration: 7,
  };
  const read = syncInput({ ...input, companyId: 'other' });
  expect(read).toEqual(input);
  expect(read?.queryPaths).not.toBe(input.queryPaths);
});

test('since is a cursor or a time, in digits too', () => {
  expect([syncInput({ since: '17' }), syncInput({ since: 18 }), syncInput({ since: '' })]).toEqual([
    { since: 17 },
    { since: 18 },
    {},
  ]);
});

test.each([
  ['guests', 'input must be an object'],
  [[], 'input must be an object'],
  [{ clientId: 5 }, 'input.clientId must be a string'],
  [{ lastSyncTimestamp: '5' }, 'input.lastSyncTimestamp must be a number'],
  [{ since: 'yesterday' }, 'input.since must be a cursor'],
  [{ since: -5 }, 'input.since must be a cursor'],
  [{ modules: 'guests' }, 'input.modules must be an array of at most 256 strings'],
  [{ queryPaths: 'guests' }, 'input.queryPaths must be an array of at most 256 strings'],
  [{ queryPaths: ['guests', 5] }, 'input.queryPaths must be an array of at most 256 strings'],
  [{ queryPaths: Array<string>(257).fill('guests') }, 'input.queryPaths must be an array of at most 256 strings'],
])('%j is refused', (input, message) => {
  expect(() => syncInput(input)).toThrow(message);
});
