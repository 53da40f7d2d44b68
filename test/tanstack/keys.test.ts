/** Query keys as tRPC's two packages write them (verified with 11.0 to 11.25: `@trpc/react-query`, `@trpc/tanstack-react-query`, prefixed from 11.7). */
import { callName, callNames, namesOf, readTrpcKey, trpcPathsOf } from '../../lib/tanstack/keys.js';

test.each([
  [[['guests', 'getAll'], { type: 'query' }], 'guests.getAll'],
  [[['guests', 'getAll'], { input: { hotel: 'h' }, type: 'query' }], 'guests.getAll'],
  [[['guests', 'list'], { input: { hotel: 'h' }, type: 'infinite' }], 'guests.list'],
  [[['guests', 'getAll']], 'guests.getAll'],
  [[['guests']], 'guests'],
  [[['a', 'b', 'c'], { type: 'query' }], 'a.b.c'],
  [[['hotelA'], ['guests', 'getAll'], { type: 'query' }], 'guests.getAll'],
  [[['hotelA'], ['guests', 'list'], { input: { page: 1 }, type: 'infinite' }], 'guests.list'],
  [[['hotelA'], ['guests']], 'guests'],
  [[[]], '*'],
  [['guests', 'getAll'], undefined],
  [['guests.getAll'], undefined],
  [[['guests', 1], { type: 'query' }], undefined],
  [[{ scope: 'guests' }], undefined],
  [[], undefined],
])('%j has the path %s', (queryKey, path) => {
  expect(trpcPathsOf(queryKey)).toBe(path);
});

test('the input stands behind the path, with a prefix or without', () => {
  expect(readTrpcKey([['a'], { input: 1, type: 'query' }])).toEqual({ path: 'a', input: 1, infinite: false });
  expect(readTrpcKey([['p'], ['a', 'b'], { input: { x: 1 }, type: 'infinite' }])).toEqual({ path: 'a.b', input: { x: 1 }, infinite: true });
});

test('what covers a path', () => {
  expect(namesOf('guests')).toEqual(['*', 'guests']);
  expect(namesOf('a.b.c')).toEqual(['*', 'a', 'a.b', 'a.b.c']);
  expect(namesOf('*')).toEqual(['*']);
});

test('a call is found by the key of its query: whatever the order of its fields, and of each page', () => {
  expect(callNames('guests.get', { b: 2, a: { d: 1, c: [1] } })).toContain(callName([['guests', 'get'], { input: { a: { c: [1], d: 1 }, b: 2 }, type: 'query' }]));
  expect(callNames('guests.all', undefined)).toContain(callName([['guests', 'all'], { type: 'query' }]));
  const pages = callName([['h'], ['guests', 'list'], { input: { size: 2 }, type: 'infinite' }]);
  expect(callNames('guests.list', { size: 2, cursor: 7, direction: 'forward' })).toContain(pages);
  expect(callNames('guests.list', { size: 3, cursor: 7 })).not.toContain(pages);
  expect(callNames('guests.list', { cursor: 7 })).toContain(callName([['guests', 'list'], { type: 'infinite' }]));
  // A query that has a cursor of its own is another one than the first page.
  expect(callNames('guests.list', { size: 2, cursor: 7 })).not.toContain(callName([['guests', 'list'], { input: { size: 2 }, type: 'query' }]));
  expect(callName([['guests', 'list'], { input: { big: 1n }, type: 'query' }])).toBeUndefined();
});
