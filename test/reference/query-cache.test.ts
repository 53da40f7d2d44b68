/** The pages' cache: what goes stale is fetched again, once for a burst, and never counts as fresh too early. */
import { covers, QueryCache } from '../../lib/reference/pages/shared/query-cache.js';
import { waitFor } from '../support/wait.js';

/** A query that answers when it is told to. */
function slowQuery() {
  const waiting: ((value: number) => void)[] = [];
  return {
    fetch: () => new Promise<number>((resolve) => waiting.push(resolve)),
    get asked() {
      return waiting.length;
    },
    answer: (nth: number, value: number) => waiting[nth]?.(value),
  };
}

test.each([
  ['guests.getAll', 'guests.getAll', true],
  ['guests', 'guests.getAll', true],
  ['*', 'guests.getAll', true],
  ['guests.get', 'guests.getAll', false],
  ['guest', 'guests.getAll', false],
  ['guests.getAll', 'guests', false],
])('%s covers %s: %s', (stale, path, expected) => {
  expect(covers(stale, path)).toBe(expected);
});

test('a burst of invalidations is one fetch', async () => {
  const cache = new QueryCache();
  let fetches = 0;
  cache.watch('guests.getAll', undefined, async () => ++fetches, () => undefined);
  cache.watch('hotels.getAll', undefined, async () => 0, () => undefined);
  await waitFor(() => cache.state('guests.getAll', undefined).data === 1, 'the first fetch');
  for (let i = 0; i < 20; i++) cache.invalidate(['guests.getAll', 'budget.getSummary']);
  await waitFor(() => cache.state('guests.getAll', undefined).data === 2, 'the second fetch');
  expect(cache.state('guests.getAll', undefined).refreshes).toBe(1);
  expect(cache.state('hotels.getAll', undefined).refreshes).toBe(0);
  expect(fetches).toBe(2);
});

test('a fetch that began before its path went stale is done again', async () => {
  const cache = new QueryCache();
  const query = slowQuery();
  cache.watch('guests.getAll', undefined, query.fetch, () => undefined);
  cache.invalidate(['guests.getAll']);
  await waitFor(() => cache.state('guests.getAll', undefined).refreshes === 1, 'the invalidation');
  expect(query.asked).toBe(1);
  query.answer(0, 41);
  await waitFor(() => query.asked === 2, 'the second fetch');
  query.answer(1, 42);
  await waitFor(() => cache.state('guests.getAll', undefined).data === 42, 'the fresh answer');
});

test('while paused nothing is fetched; afterwards what went stale is', async () => {
  const cache = new QueryCache();
  let fetches = 0;
  cache.watch('guests.getAll', undefined, async () => ++fetches, () => undefined);
  await waitFor(() => fetches === 1, 'the first fetch');
  cache.pause();
  cache.invalidate(['guests.getAll']);
  await waitFor(() => cache.state('guests.getAll', undefined).refreshes === 1, 'the invalidation');
  expect(fetches).toBe(1);
  cache.resume();
  await waitFor(() => fetches === 2, 'the fetch after the pause');
});

test('a fetch that failed is never fresh: it is tried again by itself, and until then the cache says that it is behind', async () => {
  const cache = new QueryCache([1, 4]);
  const behind: (string | undefined)[] = [];
  cache.onBehind = () => behind.push(cache.behind);
  let fetches = 0;
  const fetch = async () => {
    fetches += 1;
    if (fetches > 1 && fetches < 5) throw new Error('502');
    return fetches;
  };
  cache.watch('guests.getAll', undefined, fetch, () => undefined);
  await waitFor(() => cache.state('guests.getAll', undefined).data === 1, 'the first fetch');
  cache.invalidate(['guests.getAll']);
  await waitFor(() => cache.state('guests.getAll', undefined).data === 5, 'the fetch that succeeds');
  expect(behind).toEqual([undefined, '502', '502', '502', undefined]);
});

test('nobody looks at it: it is not tried again', async () => {
  const cache = new QueryCache([1, 1]);
  let fetches = 0;
  const leave = cache.watch('guests.getAll', undefined, async () => { fetches += 1; await Promise.resolve(); leave(); throw new Error('down'); }, () => undefined);
  let others = 0;
  cache.watch('hotels.getAll', undefined, async () => { if (++others < 20) throw new Error('down'); }, () => undefined);
  await waitFor(() => others === 20, 'twenty tries of the other');
  expect(fetches).toBe(1);
});

test('an error is shown, and the next invalidation tries again', async () => {
  const cache = new QueryCache();
  let broken = true;
  cache.watch('guests.getAll', undefined, async () => { if (broken) throw new Error('down'); return 1; }, () => undefined);
  await waitFor(() => cache.state('guests.getAll', undefined).error === 'down', 'the error');
  broken = false;
  cache.invalidate(['guests']);
  await waitFor(() => cache.state('guests.getAll', undefined).data === 1, 'the answer');
  expect(cache.state('guests.getAll', undefined).error).toBeUndefined();
});
