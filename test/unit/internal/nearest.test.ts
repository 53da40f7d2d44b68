/** SPEC §8: the nearest real paths of a phantom, on the procedures of a real code base and on hostile ones. */
import { editDistance } from '../../../lib/internal/edit-distance.js';
import { nearestFinder, nearestPaths } from '../../../lib/internal/nearest.js';
import { meaningOf, spelling } from '../../../lib/internal/path-words.js';
import { runSeed, withSeed } from '../../support/random.js';

const PROCEDURES: Record<string, string> = {
  guests: 'getAll getById getStats getDietaryStats',
  budget: 'getAll getById getSummary getByCategory getCategorySummary getSegmentSummary getBySegment',
  events: 'getAll getById getStats',
  timeline: 'getAll getById getStats getGroupedByEvent',
  vendors: 'getAll getById getStats getByCategory',
  hotels: 'getAll getById getStats getCapacitySummary getAllWithGuests',
  guestTransport: 'getAll list getStats getAllWithGuests',
  gifts: 'getAll getById getStats',
  floorPlans: 'list getById',
  clients: 'list getAll getById',
};
const QUERIES = Object.entries(PROCEDURES).flatMap(([module, names]) => names.split(' ').map((name) => `${module}.${name}`));
const find = nearestFinder(QUERIES);
const best = (phantom: string): [string | undefined, boolean | undefined] => {
  const [first] = find(phantom);
  return [first?.path, first?.confident];
};

test.each([
  ['guests.list', 'guests.getAll'],
  ['budget.list', 'budget.getAll'],
  ['budget.overview', 'budget.getSummary'],
  ['budget.getStats', 'budget.getSummary'],
  ['events.list', 'events.getAll'],
  ['timeline.list', 'timeline.getAll'],
  ['vendors.list', 'vendors.getAll'],
  ['hotels.list', 'hotels.getAll'],
  ['gifts.list', 'gifts.getAll'],
  ['guests.overview', 'guests.getStats'],
  ['floorPlans.getAll', 'floorPlans.list'],
  ['vendors.findMany', 'vendors.getAll'],
  ['vendors.detail', 'vendors.getById'],
  ['vendors.get', 'vendors.getById'],
  ['guests.getAllGuests', 'guests.getAll'],
  ['guests.getGuests', 'guests.getAll'],
  ['guests.getGuest', 'guests.getById'],
  ['guests.guestList', 'guests.getAll'],
  ['floorPlans.listFloorPlans', 'floorPlans.list'],
  ['guests.getAl', 'guests.getAll'],
  ['guests.getall', 'guests.getAll'],
  ['guests.getDietryStat', 'guests.getDietaryStats'],
  ['guest.getAll', 'guests.getAll'],
  ['Guests.list', 'guests.getAll'],
  ['guest-transport.overview', 'guestTransport.getStats'],
  ['guest_transports.list', 'guestTransport.list'],
  ['floor-plans.getById', 'floorPlans.getById'],
  ['client.all', 'clients.getAll'],
  // A whole router under another spelling.
  ['guest', 'guests'],
  ['floor-plans', 'floorPlans'],
])('%s means %s, surely', (phantom, path) => {
  expect(best(phantom)).toEqual([path, true]);
});

test.each([
  ['guests.seating', 'guests.getAll'],
  ['gests.getAll', 'guests.getAll'],
  ['event.categories', 'events.getStats'],
  ['photos.list', 'gifts.getAll'],
  ['guests.getAllOfThem', 'guests.getAll'],
])('%s is near %s or another one, but nothing is sure', (phantom) => {
  const found = find(phantom);
  expect(found).toHaveLength(3);
  expect(found.map(({ confident }) => confident)).toEqual([false, false, false]);
});

test('one edit away, two from eight characters on', () => {
  const paths = ['m.getRows', 'm.getColumns'];
  const sure = (phantom: string): boolean | undefined => nearestPaths(phantom, paths)[0]?.confident;
  expect([sure('m.getRow'), sure('m.getRo'), sure('m.getColumn'), sure('m.getColum'), sure('m.getColu')]).toEqual([true, false, true, true, false]);
});

test('the order: module, convention, edit distance, the router’s order', () => {
  const order = (phantom: string, queries: string[], max?: number): string[] => nearestPaths(phantom, queries, max).map(({ path }) => path);
  expect(order('a.list', ['b.list', 'a.lisp', 'a.getAll', 'a.zzzz'])).toEqual(['a.getAll', 'a.lisp', 'a.zzzz']);
  expect(order('a.list', ['x.list', 'a.zzzz', 'xx.list'])).toEqual(['a.zzzz', 'x.list', 'xx.list']);
  expect(order('a.q', ['a.r', 'a.s', 'a.t', 'a.u'])).toEqual(['a.r', 'a.s', 'a.t']);
  expect(order('a.q', ['a.r', 'a.s', 'a.t', 'a.u'], 1)).toEqual(['a.r']);
  expect(order('a.q', [])).toEqual([]);
});

test('nested routers, and procedures at the root', () => {
  const queries = ['admin.guests.getAll', 'admin.guests.getById', 'admin.users.getAll', 'health', 'version'];
  expect(nearestPaths('admin.guest.list', queries)[0]).toEqual({ path: 'admin.guests.getAll', confident: true });
  expect(nearestPaths('admin.guests.getUser', queries)[0]?.confident).toBe(false);
  expect(nearestPaths('helth', queries)[0]).toEqual({ path: 'health', confident: true });
  expect(nearestPaths('admins.guest', queries)[0]).toEqual({ path: 'admin.guests', confident: true });
});

test('names that are keys of Object.prototype', () => {
  const queries = ['__proto__.list', 'constructor.getAll', 'toString.valueOf'];
  expect(nearestPaths('__proto__.getAll', queries)[0]).toEqual({ path: '__proto__.list', confident: true });
  expect(nearestPaths('constructor.list', queries)[0]).toEqual({ path: 'constructor.getAll', confident: true });
  expect(nearestPaths('hasOwnProperty.x', queries)).toHaveLength(3);
  expect(nearestPaths('', queries)).toHaveLength(3);
});

test.each(['x'.repeat(256), 'router1.'.repeat(32) + 'q', 'nobody.knows', '.'.repeat(100), 'router.query'])(
  '20,000 queries: %p is answered in bounded time, and remembered',
  (phantom) => {
    for (const queries of [
      Array.from({ length: 20_000 }, (_, i) => `router${Math.floor(i / 10)}.query${i % 10}`),
      Array.from({ length: 20_000 }, (_, i) => `r${i}.list`),
      Array.from({ length: 20_000 }, (_, i) => `flat.q${i}`),
      Array.from({ length: 20_000 }, (_, i) => `top${i}`),
    ]) {
      const finder = nearestFinder(queries);
      const start = process.cpuUsage();
      const found = finder(phantom);
      const { user, system } = process.cpuUsage(start);
      // Tens of milliseconds of processor time; a search that grew with the square of the queries would take a minute.
      expect((user + system) / 1_000).toBeLessThan(5_000);
      expect(found).toHaveLength(3);
      expect(finder(phantom)).toBe(found);
    }
  },
);

test('what it remembers is bounded', () => {
  const finder = nearestFinder(QUERIES);
  const first = finder('guests.x0');
  expect(finder('guests.x0')).toBe(first);
  for (let i = 1; i <= 1_000; i++) finder(`guests.x${i}`);
  expect(finder('guests.x0')).not.toBe(first);
  expect(finder('guests.x0')).toEqual(first);
});

test('the edit distance agrees with the recursive definition', async () => {
  const naive = (a: string, b: string): number =>
    a === '' || b === ''
      ? a.length + b.length
      : Math.min(naive(a.slice(1), b) + 1, naive(a, b.slice(1)) + 1, naive(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1));
  await withSeed(runSeed(), async (random) => {
    const word = (): string => Array.from({ length: random.below(7) }, () => random.pick(['a', 'b', 'c'])).join('');
    for (let i = 0; i < 300; i++) {
      const [a, b, limit] = [word(), word(), random.below(7)];
      const distance = naive(a, b);
      expect(editDistance(a, b)).toBe(distance);
      expect(editDistance(a, b, limit)).toBe(Math.min(distance, limit + 1));
    }
  });
});

test('spellings of one name', () => {
  expect(new Set(['guestTransport', 'guest-transport', 'guest_transports', 'GuestTransport'].map(spelling)).size).toBe(1);
  expect(spelling('a.guests')).toBe(spelling('A.guest'));
  expect(spelling('s')).toBe('s');
  expect(spelling('ab')).not.toBe(spelling('a.b'));
});

test('conventions', () => {
  for (const name of ['list', 'all', 'getAll', 'findMany', 'get-all', 'LIST', 'listAll', 'fetchAll']) expect(meaningOf('m', name)).toBe('many');
  for (const name of ['get', 'byId', 'getById', 'detail', 'findUnique', 'findFirst', 'one']) expect(meaningOf('m', name)).toBe('one');
  for (const name of ['overview', 'summary', 'stats', 'getStats', 'statistics']) expect(meaningOf('m', name)).toBe('summary');
  for (const name of ['search', 'getByCategory', 'getCategorySummary', '', 'toString', 'constructor']) expect(meaningOf('m', name)).toBeUndefined();
  // Nothing tells whether one or many are meant.
  expect(meaningOf('budget', 'getBudget')).toBeUndefined();
});
