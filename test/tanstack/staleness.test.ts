/**
 * Data that counted as current for ever though a change had been told of (SPEC §16, Q1 and Q2). Each was a case in which the binding took a wrong
 * thing for how old data is: a position that the page's data had never been read at, the end of a fetch that a server or a store had answered, an
 * error of one more page. And what an app may give wrongly (a mapper that throws, paths that are no texts) ended the marking of everything.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as newest from '@tanstack/query-core';
import { InfiniteQueryObserver, MutationObserver, type Query } from '@tanstack/query-core';
import * as oldest from 'query-core-5-62';
import { createHeard } from '../../lib/tanstack/heard.js';
import { key, Page } from './support/page.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const ALL = 'guests.getAll';

beforeAll(() => {
  for (const one of [newest.notifyManager, oldest.notifyManager]) one.setScheduler(queueMicrotask);
});

let page: Page;
beforeEach(() => {
  page = new Page();
});
afterEach(() => page.end());

async function mounted(...paths: string[]): Promise<void> {
  for (const path of paths) page.mount(path);
  await page.live();
  page.taken();
}

const list = (): { fetchNextPage(): Promise<unknown> } => {
  const observer = new InfiniteQueryObserver(page.queries, {
    queryKey: key('guests.list', undefined, 'infinite'),
    queryFn: ({ pageParam }) => page.call('guests.list', { cursor: pageParam }),
    initialPageParam: 0,
    getNextPageParam: (_, all) => all.length,
  });
  observer.subscribe(() => undefined);
  return observer;
};

describe('from where a binding hears', () => {
  test.each([undefined, 'e.0'])('a stream that was live earlier: what was read before (at %s) is read anew, when it is bound while it connects', async (position) => {
    page.tell({ state: 'live', reason: 'open', cursor: 'e.0' });
    page.mount(ALL);
    await page.answerAll({}, position);
    for (let nth = 0; nth < 5; nth += 1) page.hear([ALL]);
    page.tell({ state: 'connecting', reason: 'cut' });
    page.taken();
    page.bind();
    expect(page.binding.status).toMatchObject({ state: 'unknown', pending: [key(ALL)] });
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
    await page.answerAll({}, 'e.5');
    expect(page.binding.status.state).toBe('current');
  });

  test('one that has a `since` hears from there, whoever listened before', async () => {
    page.tell({ state: 'live', reason: 'open', cursor: 'e.1' });
    page.queries.setQueryData(key(ALL), {});
    page.queries.setQueryData(key('budget.total'), {});
    page.hear([ALL]);
    page.since = 'e.1';
    page.bind();
    page.mount(ALL);
    page.mount('budget.total');
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test('what another one had heard does not become fresh by a `since`; of another company nothing does', async () => {
    page.queries.setQueryData(key(ALL), {});
    await page.live('a.9');
    page.binding.close();
    page.taken();
    Object.assign(page, { sourceId: 'another', since: 'b.3' });
    page.status = { ...page.status, state: 'connecting', cursor: 'b.3' };
    page.bind();
    page.mount(ALL);
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test('one that ends and begins asks for nothing that it has heard, and for all that it has not', async () => {
    await mounted(ALL, 'guests.getById', 'budget.total');
    page.hear(['guests.getById']);
    await page.pass(1_000);
    // Without a position.
    await page.answerAll({});
    page.taken();
    page.binding.close();
    page.bind();
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
    page.visible = false;
    page.hear(['guests.getById'], { spreadMs: 60_000 });
    page.binding.close();
    page.hear([ALL]);
    page.tell({ state: 'connecting', reason: 'cut' });
    page.bind();
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL, 'guests.getById']);
  });

  test('what is heard late demands no less than what came before it', async () => {
    await page.live('e.5');
    page.mount(ALL);
    await page.pass(1);
    page.hear([ALL]);
    const { status } = page;
    page.hear([ALL], { seq: 2 });
    page.status = status;
    page.calls[0]!.answer({}, 'e.5');
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL, ALL]);
    await page.answerAll({}, 'e.6');
    expect(page.binding.status.state).toBe('current');
  });

  test('the newest position is of the life that was said last', () => {
    const heard = createHeard();
    const add = (position: string | undefined): void => heard.add(['a'], { heard: 1, at: 1, position, after: 0 });
    for (const [position, latest] of [[undefined, undefined], ['e.5', 'e.5'], ['e.4', 'e.5'], [undefined, 'e.5'], ['f.1', 'f.1'], ['f.12', 'f.12']] as const) {
      add(position);
      expect([position, heard.latest]).toEqual([position, latest]);
    }
  });
});

describe('how old it is', () => {
  test.each<[string, typeof newest]>([
    ['newest', newest],
    ['5.62', oldest as unknown as typeof newest],
  ])("a server's promise, with which the page goes on, is as old as nobody knows (query-core %s)", async (_, core) => {
    page.end();
    page = new Page(core);
    // Of the app, for every key: as tRPC's own, and as `setQueryDefaults`.
    page.queries.setDefaultOptions({ queries: { ...page.queries.getDefaultOptions().queries, queryFn: () => page.call(ALL) } });
    await page.live();
    const server = new core.QueryClient({ defaultOptions: { dehydrate: { shouldDehydrateQuery: () => true } } });
    let give!: (data: unknown) => void;
    void server.prefetchQuery({ queryKey: key(ALL), queryFn: () => new Promise((resolve) => (give = resolve)) });
    const state = core.dehydrate(server);
    page.hear([ALL]);
    core.hydrate(page.queries, state);
    await page.pass(100_000);
    give('old');
    await page.pass(100);
    page.mount(ALL);
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
    await page.answerAll('new', page.status.cursor);
    expect(page.binding.status.state).toBe('current');
    server.clear();
  });

  test('one that fails is tried again by the page itself, and that is the page\'s own', async () => {
    page.queries.setDefaultOptions({ queries: { ...page.queries.getDefaultOptions().queries, retry: 1, retryDelay: 10, queryFn: () => page.call(ALL) } });
    await page.live();
    const query = page.queries.getQueryCache().build(page.queries, { queryKey: key(ALL) });
    void query.fetch(undefined, { initialPromise: Promise.reject(new Error('of the server')) });
    await page.pass(100);
    await page.answerAll({}, page.status.cursor);
    page.taken();
    page.mount(ALL);
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
  });

  test.each(['says so afterwards', 'says so with it'])('what comes out of a store is as old as the store says (%s)', async (when) => {
    await page.live();
    page.hear([ALL]);
    await page.pass(1_000);
    const old = page.clock.now - 86_400_000;
    let restored = false;
    const persister = (ask: (context: unknown) => unknown, context: unknown, query: Query): unknown => {
      if (restored) return ask(context);
      restored = true;
      if (when === 'says so afterwards') page.clock.after(1, () => query.setState({ dataUpdatedAt: old }));
      else Object.assign(query, { setData: (data: unknown) => Object.getPrototypeOf(query).setData.call(query, data, { updatedAt: old }) as unknown });
      return Promise.resolve('yesterday');
    };
    page.mount(ALL, { persister });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test.each([
    [{}, [ALL]],
    [{ initialDataUpdatedAt: 1e15 }, []],
  ])('`initialData` %j', async (more, expected) => {
    await page.live();
    page.hear([ALL]);
    await page.pass(100_000);
    page.mount(ALL, { initialData: {}, ...more });
    await page.pass(1_000);
    expect(page.taken()).toEqual(expected);
  });

  test.each([400, 403, 404, 422])('one more page that is answered with %d says nothing of the others', async (httpStatus) => {
    const observer = list();
    await page.live();
    page.taken();
    page.hear(['guests']);
    void observer.fetchNextPage();
    await page.pass(1);
    page.calls[0]!.fail(Object.assign(new Error('no'), { data: { httpStatus } }));
    await page.pass(1_500);
    expect(page.taken()).toEqual(['guests.list', 'guests.list']);
    await page.answerAll({}, page.status.cursor);
    expect(page.binding.status.state).toBe('current');
  });

  test('at a position of another log: asked again, for a node may be behind, and after 10 s its beginning counts', async () => {
    await mounted(ALL);
    const times: number[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      page.hear([ALL]);
      for (let ms = 0; ms < 60_000; ms += 50) {
        await page.pass(50);
        for (const call of [...page.calls]) call.answer({}, 'x.9');
      }
      times.push(page.taken().length);
      expect(page.binding.status.state).toBe('current');
    }
    expect(times).toEqual([8, 1, 1]);
    // What was on its way when the event came is older as before.
    void page.queries.refetchQueries();
    await page.pass(1);
    page.hear([ALL]);
    page.calls[0]!.answer({}, 'x.9');
    await page.pass(1_500);
    expect(page.taken()).toEqual([ALL, ALL]);
  });
});

describe('an error that is all that is shown', () => {
  test('is tried again for as long as somebody looks, whether it came before the event or after, and when the stream comes back', async () => {
    await page.live();
    const unmount = page.mount(ALL);
    await page.pass(1);
    page.calls[0]!.fail();
    await page.pass(1);
    expect(page.binding.status).toMatchObject({ state: 'failed', failed: [{ queryKey: key(ALL), tries: 1 }] });
    const times: number[] = [];
    for (let nth = 0; nth < 6; nth += 1) {
      const from = page.clock.now;
      while (page.calls.length === 0) await page.pass(10);
      times.push(Math.round((page.clock.now - from) / 1_000));
      // It is tried no sooner for what comes meanwhile.
      page.hear([ALL]);
      page.calls[0]!.fail();
      await page.pass(1);
    }
    expect(times).toEqual([1, 2, 4, 8, 16, 30]);
    page.tell({ state: 'connecting', reason: 'cut' });
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(1_100);
    expect(page.calls).toHaveLength(1);
    await page.answerAll({}, page.status.cursor);
    expect(page.binding.status).toEqual({ state: 'current', pending: [], failed: [] });
    unmount();
  });
});

describe('what an app gives wrongly', () => {
  test.each([
    ['throws', () => { throw new Error('mapper'); }, 'Error: mapper'],
    ['gives a figure', () => 5, 'number'],
    ['gives a set', () => new Set(['x']), 'object'],
    ['gives holes', () => [undefined], 'object'],
  ])('a mapper that %s for one key is reported once, that key is concerned by all, and the others are as before', async (_, wrong, got) => {
    page.bind({ pathsOf: ([name]) => (name === 'bad' ? (wrong() as never) : 'guests.getAll') });
    page.mount('bad', { queryKey: ['bad'] });
    page.mount('good', { queryKey: ['good'] });
    await page.live();
    expect(page.binding.status.state).toBe('current');
    for (const [event, expected] of [['budget', ['bad']], ['guests', ['bad', 'good']]] as const) {
      page.taken();
      page.hear([event]);
      await page.pass(2_000);
      expect(page.taken()).toEqual(expected);
      await page.answerAll({}, page.status.cursor);
      await page.pass(2_000);
    }
    expect(page.queries.getQueryState(['bad'])?.status).toBe('success');
    expect(page.reports.map(String)).toEqual([expect.stringContaining(`pathsOf must give a text or a list of texts for ["bad"], got ${got}`)]);
  });

  test.each([[[5]], [[null]], [[{}, 'guests']]])('an event with the paths %j is of everything', async (queryPaths) => {
    await mounted(ALL, 'budget.total');
    page.hear(queryPaths);
    await page.pass(300);
    expect(page.taken()).toEqual(['budget.total', ALL]);
  });
});

describe('what waits', () => {
  const begin = (more: object = {}): void => {
    const mutationKey = [['guests', 'add']];
    void new MutationObserver(page.queries, { mutationKey, networkMode: 'always', mutationFn: () => new Promise(() => undefined), onMutate: () => undefined, ...more }).mutate();
  };

  test('a mutation that never ends holds for 30 s, and not for each event anew; one that waits for a network holds nothing', async () => {
    await mounted(ALL);
    begin();
    const waits: number[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      page.hear([ALL]);
      const from = page.clock.now;
      while (page.calls.length === 0) await page.pass(50);
      waits.push(Math.round((page.clock.now - from) / 1_000));
      await page.answerAll({}, page.status.cursor);
      await page.pass(2_000);
    }
    expect(waits).toEqual([30, 0, 0]);
  });

  test('one that is paused holds nothing', async () => {
    await mounted(ALL);
    // A second one of a scope waits for the first, which has no `onMutate`.
    begin({ scope: { id: 'one' }, onMutate: undefined });
    begin({ scope: { id: 'one' } });
    await page.pass(1);
    page.taken();
    page.hear([ALL]);
    await page.pass(300);
    expect(page.taken()).toEqual([ALL]);
  });

  test("keys of the app's own are held by what their paths say", async () => {
    page.bind({ pathsOf: ([name]) => (name === 'people' ? 'guests.getAll' : 'budget.total') });
    page.mount('people', { queryKey: ['people'] });
    page.mount('sums', { queryKey: ['sums'] });
    await page.live();
    page.taken();
    begin();
    page.hear(['*']);
    await page.pass(1_000);
    expect(page.taken()).toEqual(['sums']);
  });

  test('a wide spread that follows a narrow one is spread, and what is waited for already comes no later', async () => {
    await mounted(ALL, 'budget.total');
    page.visible = false;
    page.hear([ALL]);
    await page.pass(1);
    page.hear(['budget.total', ALL], { spreadMs: 60_000 });
    await page.pass(5_000);
    expect(page.taken()).toEqual([ALL]);
    page.hear(['budget.total'], { spreadMs: 100 });
    await page.pass(56_000);
    expect(page.taken()).toEqual(['budget.total']);
  });

  test('a static query by a function is not waited for', async () => {
    await mounted();
    page.mount(ALL, { staleTime: () => 'static' });
    await page.answerAll({}, 'e.0');
    page.taken();
    page.hear([ALL]);
    await page.pass(60_000);
    expect(page.taken()).toEqual([]);
    expect(page.binding.status.state).toBe('current');
  });
});

test.each<[string, typeof newest]>([
  ['newest', newest],
  ['5.62', oldest as unknown as typeof newest],
])('a fetch that is cancelled reads nothing, though it gives back an error that was an answer (query-core %s)', async (_, core) => {
  page.end();
  page = new Page(core);
  await mounted(ALL);
  const fetch = async (end: () => void): Promise<void> => {
    void page.queries.refetchQueries({ queryKey: key(ALL) });
    await page.pass(1);
    end();
    await page.pass(0);
  };
  await fetch(() => page.calls.at(-1)!.fail(Object.assign(new Error('no'), { data: { httpStatus: 403 } })));
  expect(page.binding.status.state).toBe('current');
  page.hear([ALL]);
  await fetch(() => void page.queries.cancelQueries({ queryKey: key(ALL) }));
  expect(page.state(ALL)).toMatchObject({ status: 'error', fetchStatus: 'idle' });
  expect(page.binding.status.pending).toEqual([key(ALL)]);
  await page.pass(2_000);
  await page.answerAll({ new: true }, page.status.cursor);
  expect(page.binding.status.state).toBe('current');
});

describe("what an app's own code does", () => {
  test.each([
    ['a mutation of another router', [['other', 'create']], 0],
    ['one that runs for longer than it holds', [['guests', 'update']], 40_000],
  ])('a revert of %s to what was shown before a change is stale', async (_, mutationKey, ms) => {
    await mounted(ALL);
    const before = page.queries.getQueryData(key(ALL));
    const mutation = new MutationObserver(page.queries, {
      mutationKey,
      networkMode: 'always',
      mutationFn: () => page.call('guests.update'),
      onMutate: () => void page.queries.setQueryData(key(ALL), { hoped: true }),
      onError: () => void page.queries.setQueryData(key(ALL), before),
    });
    mutation.mutate().catch(() => undefined);
    await page.pass(1);
    page.hear([ALL]);
    await page.pass(1_000 + ms);
    const read = page.calls.find(({ path }) => path === ALL)!;
    read.answer({ new: true }, page.status.cursor);
    await page.pass(0);
    expect(page.binding.status.state).toBe('current');
    page.taken();
    page.calls.find(({ path }) => path === 'guests.update')!.fail(new Error('no'));
    await page.pass(0);
    expect(page.binding.status.pending).toEqual([key(ALL)]);
    await page.pass(1_000);
    await page.answerAll({ new: true }, page.status.cursor);
    expect(page.queries.getQueryData(key(ALL))).toEqual({ new: true });
  });

  test('what an undo puts back is as old as it was when it was shown', async () => {
    await mounted(ALL);
    const before = page.queries.getQueryData(key(ALL));
    page.hear([ALL]);
    await page.pass(1_000);
    await page.answerAll({ new: true }, page.status.cursor);
    expect(page.binding.status.state).toBe('current');
    page.queries.setQueryData(key(ALL), { new: true, more: 1 });
    expect(page.binding.status.state).toBe('current');
    page.queries.setQueryData(key(ALL), before);
    expect(page.binding.status.pending).toEqual([key(ALL)]);
  });

  test('an answer that a mutation puts there after what was read since is stale', async () => {
    await mounted(ALL);
    const mutation = new MutationObserver(page.queries, {
      mutationKey: [['other', 'create']],
      networkMode: 'always',
      mutationFn: () => page.call('other.create'),
      onSuccess: (own) => void page.queries.setQueryData(key(ALL), own),
    });
    mutation.mutate().catch(() => undefined);
    await page.pass(1);
    // Its own change, and a later one of somebody else; both are read before its answer comes.
    page.hear([ALL]);
    page.hear([ALL]);
    await page.pass(1_000);
    page.calls.find(({ path }) => path === ALL)!.answer({ by: 'both' }, page.status.cursor);
    await page.pass(0);
    expect(page.binding.status.state).toBe('current');
    page.calls.find(({ path }) => path === 'other.create')!.answer({ by: 'own alone' });
    await page.pass(0);
    expect(page.binding.status.pending).toEqual([key(ALL)]);
    await page.pass(1_000);
    await page.answerAll({ by: 'both' }, page.status.cursor);
    expect(page.queries.getQueryData(key(ALL))).toEqual({ by: 'both' });
    expect(page.binding.status.state).toBe('current');
  });

  test('mutations that overlap without end hold a query for 30 s, not for ever', async () => {
    await mounted(ALL);
    const begin = (): void => {
      const one = new MutationObserver(page.queries, { mutationKey: [['guests', 'update']], networkMode: 'always', mutationFn: () => page.call('guests.update'), onMutate: () => undefined });
      one.mutate().catch(() => undefined);
    };
    begin();
    page.hear([ALL]);
    const from = page.clock.now;
    while (!page.calls.some(({ path }) => path === ALL) && page.clock.now - from < 120_000) {
      await page.pass(1_000);
      begin();
      page.calls.find(({ path }) => path === 'guests.update')!.answer({});
    }
    expect(page.clock.now - from).toBeLessThan(33_000);
  });

  test('a function of one query that throws (staleTime, enabled, a mutation key of another kind) keeps nothing from the others', async () => {
    await mounted(ALL, 'budget.total');
    const wrong = (): never => {
      throw new Error('of the app');
    };
    let armed = false;
    page.mount('guests.one', { staleTime: (() => (armed ? wrong() : 0)) });
    page.mount('guests.two', { enabled: (() => (armed ? wrong() : true)) });
    await page.answerAll({}, page.status.cursor);
    await page.pass(1_000);
    await page.answerAll({}, page.status.cursor);
    const strange = new MutationObserver(page.queries, { mutationKey: 5 as never, networkMode: 'always', mutationFn: () => page.call('guests.update'), onMutate: () => undefined });
    page.taken();
    armed = true;
    page.hear(['*']);
    await page.pass(1_000);
    expect(page.taken()).toEqual(expect.arrayContaining(['budget.total', ALL]));
    await page.answerAll({}, page.status.cursor);
    strange.mutate().catch(() => undefined);
    page.hear([ALL]);
    armed = false;
    await page.pass(31_000);
    expect(page.taken()).toContain(ALL);
    expect(page.reports.splice(0).map((one) => (one as Error).message)).toEqual(expect.arrayContaining(['of the app']));
  });

  test('two tabs whose caches tell each other what they read do not have each other read without end', async () => {
    await mounted(ALL);
    page.hear([ALL]);
    let reads = 0;
    for (let ms = 0; ms < 60_000; ms += 10) {
      await page.pass(10);
      for (const call of [...page.calls]) {
        reads += 1;
        call.answer({ n: reads }, page.status.cursor);
        await page.pass(0);
        // The other tab read the same, a moment ago.
        const query = page.queries.getQueryCache().find({ queryKey: key(ALL) })!;
        query.setState({ ...query.state, data: { n: reads, other: true }, dataUpdatedAt: page.clock.now });
      }
    }
    expect(reads).toBeLessThan(40);
  });

  test('paths without end are not kept without end', () => {
    const heard = createHeard();
    const demand = (nth: number) => ({ heard: nth, at: 0, position: `e.${nth}`, after: 0 });
    let nth = 0;
    gc();
    const before = process.memoryUsage().heapUsed;
    for (; nth < 20_000; nth += 1) heard.add([`r${nth}.p`], demand(nth), { [`r${nth}.p`]: { id: nth } });
    heard.add([Array.from({ length: 50_000 }, (_, at) => `w${at}`).join('.').slice(0, 60_000)], demand(nth));
    gc();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5e6);
    // What was forgotten is demanded of everything.
    expect(heard.some({ path: 'r1.p', names: ['*', 'r1', 'r1.p'], input: { id: 5 } }, () => true)).toBe(true);
  });
});
