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
