/** What a broadcast by hand left out of what the map says: a prefix is told where all that is below it is. */
import { createHub, type Hub } from '../../../lib/index.js';
import { leftOut } from '../../../lib/trpc/compiled-map.js';
import { internalsOf } from '../../../lib/server/internals.js';
import { query, router } from '../../support/routers.js';

let hub: Hub;
beforeEach(async () => {
  hub = createHub({ engine: 'js' });
  await hub.bindRouter(router({ guests: { getAll: query, getStats: query }, hotels: { getAll: query }, admin: { users: { list: query } } }));
});
afterEach(() => hub.close());

test.each<[string[], string[], string[]]>([
  [['guests'], ['guests.getAll', 'guests.getStats'], []],
  [['guests'], ['guests.getAll'], ['guests']],
  [['guests', 'hotels'], ['guests.getAll', 'guests.getStats'], ['hotels']],
  [['admin.users'], ['admin.users.list'], []],
  [['admin'], ['admin.users'], []],
  [['guests.getAll'], ['guests'], []],
  [['guests', 'hotels.getAll'], ['*'], []],
  [['*'], ['guests', 'hotels'], ['*']],
  [['*'], ['guests', 'hotels', 'admin'], []],
])('of %j, %j leaves out %j', (paths, sent, left) => {
  expect(leftOut(paths, new Set(sent), internalsOf(hub).paths)).toEqual(left);
});

test('without a router a prefix is told by itself alone', () => {
  expect(leftOut(['guests', 'hotels'], new Set(['guests.getAll', 'hotels']), undefined)).toEqual(['guests']);
});
