/** What is told apart while a lazy router is still away: it may bring a path, and it may not. */
import { createHub, type Hub } from '../../../lib/index.js';
import { compileMap } from '../../../lib/trpc/compile-map.js';
import { internalsOf } from '../../../lib/server/internals.js';
import { lazy, mutation, query, router } from '../../support/routers.js';

let hub: Hub;
let load: () => void;
let late: ReturnType<typeof router>;
beforeEach(() => {
  hub = createHub({ engine: 'js' });
  const gate = new Promise<void>((resolve) => (load = resolve));
  late = router({
    guests: router({ getAll: query, create: mutation }),
    late: lazy(() => gate.then(() => router({ list: query, old: query }))),
  });
});
afterEach(() => hub.close());

test('an alias of an alias is refused, also where its target may come with the lazy router', async () => {
  const aliases = { 'guests.list': 'late.names', 'late.names': 'guests.getAll' };
  await expect(hub.bindRouter(late, { aliases })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('"guests.list" leads to "late.names", which is an alias itself'),
  });
});

test('what a function of the map names beside real paths goes out, though it may be a path of the lazy router', async () => {
  const bound = hub.bindRouter(late);
  expect(internalsOf(hub).paths!.complete).toBe(false);
  const warned: string[] = [];
  const map = { mutations: { 'guests.create': () => ['guests.getAll', 'late.list'] } };
  const compiled = compileMap(map, internalsOf(hub).paths!, (message) => warned.push(message));
  const paths = compiled.mutations.get('guests.create')!.pathsOf({ input: {}, result: {} }, (error) => warned.push(error.message));
  expect(paths).toEqual(['guests.getAll', 'late.list']);
  expect(compiled.mutations.get('guests.create')!.staleOf({ input: {}, result: {} }, (error) => warned.push(error.message))).toEqual({ paths });
  expect(warned).toEqual([]);
  load();
  expect((await bound).queries).toContain('late.list');
});
