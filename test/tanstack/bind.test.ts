/** `bindQueryClient`, one promise after the other: SPEC §16. */
import { InfiniteQueryObserver, MutationObserver, notifyManager } from '@tanstack/query-core';
import { bindQueryClient } from '../../lib/tanstack/index.js';
import { key, Page } from './support/page.js';

beforeAll(() => notifyManager.setScheduler(queueMicrotask));

let page: Page;
beforeEach(() => {
  page = new Page();
});
afterEach(() => {
  page.end();
  expect(page.reports).toEqual([]);
});

const PATHS = ['guests.getAll', 'guests.getById', 'guestsX.all', 'budget.total'];

/** Mounted, read, live at e.0. */
async function mounted(...paths: string[]): Promise<void> {
  for (const path of paths) page.mount(path);
  await page.live();
  page.taken();
}

describe('what an event means', () => {
  test.each([
    [['guests.getAll'], {}, ['guests.getAll']],
    [['guests'], {}, ['guests.getAll', 'guests.getById']],
    [['guests.getAll', 'budget.total'], {}, ['budget.total', 'guests.getAll']],
    [['gue'], {}, []],
    [['guests.getAll.more'], {}, ['guests.getAll']],
    [['*'], {}, PATHS],
    [['nobody'], {}, []],
    [[], {}, []],
    [['guests'], { type: 'resync' }, PATHS],
    [['guests'], { type: 'of a later version' }, PATHS],
    [undefined, {}, PATHS],
    [['guests.getAll'], { type: 'invalidate', seq: undefined, from: 1, to: 3 }, ['guests.getAll']],
    [[], { type: 'ephemeral' }, []],
  ])('%j %j is read anew by %j', async (queryPaths, more, expected) => {
    await mounted(...PATHS);
    page.hear(queryPaths, more);
    await page.pass(300);
    expect(page.taken()).toEqual([...expected].sort());
  });

  test('a key of the app is what its own mapper says, several paths too; one that says nothing is left alone', async () => {
    page.bind({ pathsOf: ([name]) => (name === 'sums' ? ['guests.getAll', 'budget'] : undefined) });
    page.mount('sums', { queryKey: ['sums'] });
    page.mount('other', { queryKey: ['other'] });
    await page.live();
    for (const [path, expected] of [['budget.total', ['sums']], ['guests', ['sums']], ['guests.getById', []], ['*', ['sums']]] as const) {
      page.taken();
      page.hear([path]);
      await page.pass(1_500);
      expect([path, page.taken()]).toEqual([path, expected]);
      await page.answerAll({}, page.status.cursor);
      await page.pass(2_000);
    }
  });
});

describe('by input', () => {
  const ids = [1, 2, 3];
  const open = async (): Promise<void> => {
    for (const id of ids) page.mount(`guests.getById`, { input: { id, clientId: 'a' } });
    page.mount('guests.getAll', { input: { clientId: 'b' } });
    page.mount('guests.count');
    await page.live();
    page.calls.splice(0);
    page.taken();
  };
  const read = (): unknown[] => page.calls.map(({ path, input }) => [path, (input as { id?: number } | undefined)?.id ?? null]);

  test.each([
    [['guests.getById'], { 'guests.getById': { id: 2 } }, [['guests.getById', 2]]],
    [['guests.getById'], { 'guests.getById': { id: [1, 3] } }, [['guests.getById', 1], ['guests.getById', 3]]],
    [['guests'], { guests: { clientId: 'b' } }, [['guests.count', null], ['guests.getAll', null]]],
    // Any of the paths that name it is enough.
    [['guests.getById', 'guests'], { 'guests.getById': { id: 2 }, guests: { clientId: 'b' } }, [['guests.count', null], ['guests.getAll', null], ['guests.getById', 2]]],
    [['guests.getById', 'guests'], { 'guests.getById': { id: 2 } }, 'all'],
    [['guests.getById'], { 'guests.getById': { other: 2 } }, ids.map((id) => ['guests.getById', id])],
    [['guests.getById'], { 'guests.getById': 2 }, ids.map((id) => ['guests.getById', id])],
    [['*'], { '*': { clientId: 'nobody' } }, 'all'],
  ])('%j where %j', async (paths, where, expected) => {
    await open();
    page.hear(paths, { where });
    await page.pass(300);
    const all = [['guests.count', null], ['guests.getAll', null], ...ids.map((id) => ['guests.getById', id])];
    expect(read().sort()).toEqual((expected === 'all' ? all : (expected as unknown[])).sort());
  });

  test('what was narrowed stays owed beside what came later, until it is read; too much of it is all', async () => {
    await open();
    page.visible = false;
    page.hear(['guests.getById'], { where: { 'guests.getById': { id: 1 } }, spreadMs: 60_000 });
    page.hear(['guests.getById'], { where: { 'guests.getById': { id: 2 } } });
    page.hear(['guests.count']);
    expect(page.binding.status.pending).toHaveLength(3);
    for (let id = 10; id < 50; id += 1) page.hear(['guests.getById'], { where: { 'guests.getById': { id } } });
    expect(page.binding.status.pending).toHaveLength(4);
  });
});

describe('when it is fetched', () => {
  test('twenty events, 10 ms apart, are one fetch; a burst of a second is two', async () => {
    await mounted('guests.getAll');
    for (let nth = 0; nth < 20; nth += 1) {
      page.hear(['guests.getAll']);
      await page.pass(10);
    }
    await page.pass(100);
    await page.answerAll({}, page.status.cursor);
    await page.pass(2_000);
    expect(page.taken()).toEqual(['guests.getAll']);

    for (let nth = 0; nth < 52; nth += 1) {
      page.hear(['guests.getAll', 'guests.getById']);
      await page.pass(20);
      await page.answerAll({}, page.status.cursor);
    }
    await page.pass(3_000);
    await page.answerAll({}, page.status.cursor);
    expect(page.taken()).toEqual(['guests.getAll', 'guests.getAll']);
    expect(page.binding.status.state).toBe('current');
  });

  test.each([20, 60, 96, 120])('52 events, %d ms apart, are two fetches: what goes on is waited with for as long again as it has lasted', async (gap) => {
    await mounted('guests.getAll');
    for (let nth = 0; nth < 52; nth += 1) {
      page.hear(['guests.getAll']);
      for (let ms = 0; ms < gap; ms += 1) {
        await page.pass(1);
        await page.answerAll({}, page.status.cursor);
      }
    }
    await page.pass(1_250);
    await page.answerAll({}, page.status.cursor);
    await page.pass(5_000);
    expect(page.binding.status.state).toBe('current');
    expect(page.taken().length).toBeLessThanOrEqual(gap * 52 < 5_000 ? 2 : 3);
  });

  test('a storm on one query delays nothing of another', async () => {
    await mounted('guests.getAll', 'budget.getAll');
    const fetches = (): string[] => page.taken().filter((path) => path === 'budget.getAll');
    for (let nth = 0; nth < 100; nth += 1) {
      page.hear(['guests.getAll']);
      if (nth === 50) page.hear(['budget.getAll']);
      await page.pass(20);
      await page.answerAll({}, page.status.cursor);
      if (nth < 50) expect(fetches()).toEqual([]);
      if (nth === 54) expect(fetches()).toEqual(['budget.getAll']);
    }
  });

  test('a burst is spread like a single event: fifty clients that hear its end together do not fetch together', async () => {
    await mounted('guests.getAll');
    const at: number[] = [];
    for (let client = 0; client < 50; client += 1) {
      page.chance = (client + 0.5) / 50;
      for (let nth = 0; nth < 20; nth += 1) {
        page.hear(['guests.getAll'], { spreadMs: 250 });
        await page.pass(10);
      }
      const from = page.clock.now;
      while (page.taken().length === 0) await page.pass(1);
      at.push(page.clock.now - from);
      await page.answerAll({}, page.status.cursor);
      await page.pass(3_000);
    }
    // 50 in 225 ms are 11 in 50 ms.
    const peak = Math.max(...at.map((one) => at.filter((other) => other >= one && other < one + 50).length));
    expect(peak).toBeLessThanOrEqual(13);
    expect(Math.max(...at)).toBeLessThanOrEqual(300);
  });

  test('what nobody looks at is marked, and fetched when somebody does, whatever the mount would do', async () => {
    const unmount = page.mount('guests.getAll');
    await page.live();
    unmount();
    page.taken();
    page.hear(['guests']);
    await page.pass(5_000);
    expect(page.taken()).toEqual([]);
    expect(page.state('guests.getAll').isInvalidated).toBe(true);
    expect(page.binding.status.state).toBe('current');
    page.mount('guests.getAll', { refetchOnMount: false });
    expect(page.binding.status.state).toBe('refetching');
    await page.pass(1);
    expect(page.taken()).toEqual(['guests.getAll']);
  });

  test('a disabled query and a static one are not fetched', async () => {
    page.mount('guests.getAll', { staleTime: 'static' });
    const queryKey = key('guests.getById');
    page.mount('guests.getById', { enabled: false, queryKey });
    page.queries.setQueryData(queryKey, {});
    await page.live();
    page.taken();
    page.hear(['*']);
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
    expect(page.binding.status.state).toBe('current');
  });

  test('a hidden page waits as long as the server asks; one in sight, one that comes into sight and the author do not', async () => {
    await mounted('guests.getAll');
    const wait = async (more: object, ms: number): Promise<number> => {
      page.hear(['guests.getAll'], more);
      const from = page.clock.now;
      while (page.calls.length === 0 && page.clock.now - from < ms) await page.pass(1);
      const took = page.clock.now - from;
      await page.answerAll({}, page.status.cursor);
      await page.pass(3_000);
      return took;
    };
    expect(await wait({}, 400)).toBeLessThanOrEqual(60);
    expect(await wait({ spreadMs: 5_000 }, 400)).toBeLessThanOrEqual(251);
    page.visible = false;
    expect(await wait({ spreadMs: 5_000 }, 10_000)).toBeGreaterThan(4_900);
    expect(await wait({ spreadMs: 5_000, sourceId: page.sourceId }, 10_000)).toBeLessThanOrEqual(251);
    page.hear(['guests.getAll'], { spreadMs: 5_000 });
    await page.pass(300);
    expect(page.calls).toHaveLength(0);
    page.see();
    await page.pass(251);
    expect(page.calls).toHaveLength(1);
  });
});

describe('what failed', () => {
  test('stays stale, is shown, is tried again ever less often, and is true in the end', async () => {
    await mounted('guests.getAll');
    const states: string[] = [];
    page.binding.onStatus(({ state }) => states.push(state));
    page.hear(['guests.getAll']);
    const times: number[] = [];
    for (let nth = 0; nth < 8; nth += 1) {
      const from = page.clock.now;
      while (page.calls.length === 0) await page.pass(10);
      times.push(page.clock.now - from);
      page.calls[0]!.fail();
      await page.pass(0);
      expect(page.binding.status).toMatchObject({ state: 'failed', failed: [{ queryKey: key('guests.getAll'), tries: nth + 1 }] });
      expect(page.state('guests.getAll').isInvalidated).toBe(true);
    }
    expect(times.slice(1).map((ms) => Math.round(ms / 1_000))).toEqual([1, 2, 4, 8, 16, 30, 30]);
    // Another event brings no storm; that the server answers again does bring the next try.
    page.hear(['guests.getAll']);
    await page.pass(5_000);
    expect(page.calls).toHaveLength(0);
    page.tell({ state: 'connecting', reason: 'cut' });
    expect(page.binding.status.state).toBe('unknown');
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(1_100);
    await page.answerAll({ new: true }, page.status.cursor);
    expect(page.binding.status).toEqual({ state: 'current', pending: [], failed: [] });
    expect(page.state('guests.getAll')).toMatchObject({ data: { new: true }, isInvalidated: false });
    expect(states).toEqual(['refetching', ...Array<string>(8).fill('failed'), 'unknown', 'failed', 'current'].filter((state, index, all) => state !== 'failed' || all[index] === state));
  });

  test('an answer that says no is not asked for again before the next event', async () => {
    await mounted('guests.getById');
    page.hear(['guests.getById']);
    await page.pass(300);
    page.calls[0]!.fail(Object.assign(new Error('gone'), { data: { httpStatus: 404 } }));
    await page.pass(120_000);
    expect(page.taken()).toEqual(['guests.getById']);
    page.hear(['guests']);
    await page.pass(300);
    expect(page.taken()).toEqual(['guests.getById']);
  });
});

describe('optimistic mutations', () => {
  const begin = (mutationKey: readonly unknown[] | undefined): (() => void) => {
    let end!: () => void;
    const mutation = new MutationObserver(page.queries, {
      ...(mutationKey && { mutationKey }),
      networkMode: 'always',
      mutationFn: () => new Promise<void>((resolve) => void (end = resolve)),
      onMutate: () => undefined,
    });
    void mutation.mutate();
    return () => end();
  };

  test('one of the same router holds what it changes until it is over', async () => {
    await mounted('guests.getAll', 'budget.total');
    const end = begin([['guests', 'add']]);
    page.hear(['*']);
    await page.pass(10_000);
    expect(page.taken()).toEqual(['budget.total']);
    await page.answerAll({}, page.status.cursor);
    expect(page.binding.status).toMatchObject({ state: 'refetching', pending: [key('guests.getAll')] });
    end();
    await page.pass(1);
    expect(page.taken()).toEqual(['guests.getAll']);
  });

  test('one that never ends holds for 30 s; one whose key says nothing holds everything', async () => {
    await mounted('guests.getAll', 'budget.total');
    begin(undefined);
    page.hear(['*']);
    await page.pass(30_000);
    expect(page.taken()).toEqual([]);
    await page.pass(300);
    expect(page.taken()).toEqual(['budget.total', 'guests.getAll']);
  });

  test('its own event costs no second fetch, whether it comes before the app has asked, on the way, or after', async () => {
    await mounted('guests.getAll');
    for (const heard of ['before', 'meanwhile', 'after']) {
      if (heard === 'before') page.hear(['guests.getAll'], { sourceId: page.sourceId });
      void page.queries.invalidateQueries({ queryKey: key('guests.getAll') });
      if (heard === 'meanwhile') page.hear(['guests.getAll'], { sourceId: page.sourceId });
      await page.pass(5);
      const seq = Number(page.status.cursor!.slice(2)) + (heard === 'after' ? 1 : 0);
      await page.answerAll({}, `e.${seq}`);
      if (heard === 'after') page.hear(['guests.getAll'], { sourceId: page.sourceId });
      await page.pass(5_000);
      expect([heard, page.taken()]).toEqual([heard, ['guests.getAll']]);
      expect(page.binding.status.state).toBe('current');
    }
  });
});

describe('the fence', () => {
  test.each([
    ['at the change', 'e.1', 1],
    ['before it', 'e.0', 2],
    ['in another life of the log', 'x.9', 2],
    ['nowhere', undefined, 2],
  ])('a fetch that was on its way, and was read %s', async (_, position, fetches) => {
    await mounted('guests.getAll');
    void page.queries.refetchQueries({ queryKey: key('guests.getAll') });
    await page.pass(5);
    page.hear(['guests']);
    page.calls[0]!.answer({ v: 1 }, position);
    await page.pass(0);
    expect(page.state('guests.getAll').isInvalidated).toBe(fetches > 1);
    await page.pass(300);
    expect(page.taken()).toHaveLength(fetches);
    await page.answerAll({ v: 2 }, 'e.1');
    await page.pass(5_000);
    expect(page.taken()).toEqual([]);
    expect(page.binding.status.state).toBe('current');
  });

  test('the next try of a fetch says where it was read, whatever became of the one before', async () => {
    page.mount('guests.getAll', { retry: 1, retryDelay: 10 });
    await page.live();
    void page.queries.refetchQueries({ queryKey: key('guests.getAll') });
    await page.pass(1);
    page.calls[0]!.fail();
    await page.pass(20);
    page.hear(['guests']);
    page.calls[0]!.answer({ v: 1 }, 'e.1');
    await page.pass(0);
    expect(page.binding.status.state).toBe('current');
  });

  test('a replica that is behind is asked again, ever less often', async () => {
    await mounted('guests.getAll');
    page.hear(['guests']);
    await page.pass(300);
    for (let nth = 0; nth < 4; nth += 1) {
      await page.answerAll({}, 'e.0');
      expect(page.binding.status.state).toBe('refetching');
      await page.pass(100 * 2 ** nth + 1);
    }
    expect(page.taken()).toHaveLength(5);
    await page.answerAll({}, 'e.1');
    expect(page.binding.status.state).toBe('current');
  });

  test('a hand, a revert and one more page make nothing fresh', async () => {
    const pages = key('guests.list', undefined, 'infinite');
    const list = new InfiniteQueryObserver(page.queries, {
      queryKey: pages,
      queryFn: ({ pageParam }) => page.call('guests.list', { cursor: pageParam }),
      initialPageParam: 0,
      getNextPageParam: (_, all) => all.length,
    });
    list.subscribe(() => undefined);
    await mounted('guests.getAll');
    page.visible = false;
    page.hear(['guests'], { spreadMs: 60_000 });
    page.queries.setQueryData(key('guests.getAll'), { by: 'hand' });
    expect(page.state('guests.getAll').isInvalidated).toBe(true);
    void page.queries.refetchQueries({ queryKey: key('guests.getAll') });
    await page.queries.cancelQueries({ queryKey: key('guests.getAll') });
    expect(page.state('guests.getAll').isInvalidated).toBe(true);
    void list.fetchNextPage();
    await page.pass(1);
    page.calls.find(({ path }) => path === 'guests.list')!.answer({}, 'e.1');
    await page.pass(1);
    expect(page.queries.getQueryState(pages)).toMatchObject({ isInvalidated: true, data: { pages: [{}, {}] } });
    expect(page.binding.status.pending).toHaveLength(2);
  });

  test('a fetch that has no answer for 30 s is begun anew', async () => {
    await mounted('guests.getAll');
    void page.queries.refetchQueries({ queryKey: key('guests.getAll') });
    await page.pass(5);
    page.hear(['guests']);
    await page.pass(29_000);
    expect(page.taken()).toHaveLength(1);
    await page.pass(2_000);
    expect(page.taken()).toHaveLength(1);
    page.calls[1]!.answer({ new: true }, 'e.1');
    await page.pass(0);
    expect(page.binding.status.state).toBe('current');
  });
});

describe('the beginning', () => {
  test('what was read before the stream was live is read once more, unless its position is new enough', async () => {
    page.bind();
    page.mount('guests.getAll');
    page.mount('guests.getById');
    page.mount('budget.total');
    await page.pass(1);
    for (const [path, position] of [['guests.getAll', 'e.6'], ['guests.getById', 'e.7'], ['budget.total', undefined]] as const) {
      page.calls.find((call) => call.path === path)!.answer({}, position);
    }
    await page.pass(1_000);
    page.taken();
    expect(page.binding.status.state).toBe('unknown');
    page.tell({ state: 'live', reason: 'open', cursor: 'e.7' });
    expect(page.binding.status.state).toBe('refetching');
    await page.pass(300);
    expect(page.taken()).toEqual(['budget.total', 'guests.getAll']);
  });

  test('what a page came with is as new as its `since`', async () => {
    page.queries.setQueryData(key('guests.getAll'), {});
    page.status = { ...page.status, cursor: 'e.3' };
    page.since = 'e.3';
    page.bind();
    page.mount('guests.getAll');
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
    page.hear(['guests.getAll']);
    await page.pass(300);
    expect(page.taken()).toEqual(['guests.getAll']);
  });

  test('what is put there later, and was read before a change, is read anew', async () => {
    await page.live();
    page.hear(['guests']);
    await page.pass(1_000);
    page.queries.setQueryData(key('guests.getAll'), {}, { updatedAt: page.clock.now - 70_000 });
    page.mount('guests.getAll');
    await page.pass(300);
    expect(page.taken()).toEqual(['guests.getAll']);
  });

  test('closed, it does nothing more; another one knows what was read meanwhile', async () => {
    await mounted('guests.getAll');
    page.binding.close();
    page.hear(['guests']);
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
    expect(page.binding.status.state).toBe('unknown');
    void page.queries.refetchQueries({ queryKey: key('guests.getAll') });
    await page.pass(1);
    await page.answerAll({}, 'e.1');
    page.taken();
    page.bind();
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
    expect(page.binding.status.state).toBe('current');
  });

  test.each([
    [[{}, {}], /queryClient must be a QueryClient/],
    [[undefined, {}], /queryClient must be a QueryClient/],
    [['qc', {}], /client must be what createSyncClient\(\) gave/],
    [['qc', 'client', { pathOf: () => 'x' }], /option pathOf must be one of pathsOf, environment/],
    [['qc', 'client', { pathsOf: 'x' }], /pathsOf must be a function/],
  ])('%j is refused', (given, message) => {
    const real = given.map((one) => (one === 'qc' ? page.queries : one === 'client' ? page.client() : one));
    expect(() => bindQueryClient(...(real as Parameters<typeof bindQueryClient>))).toThrow(message);
    expect(() => bindQueryClient(...(real as Parameters<typeof bindQueryClient>))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
