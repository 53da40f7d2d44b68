/**
 * Data that comes back (SPEC §16, Q1 to Q3): beside an error that is taken away, by an undo, as the answer of a mutation that was waited for, out of a
 * store, into a query that was removed meanwhile. It is as old as it was; and what is not stale costs no refetch, nor a later one.
 */
import * as newest from '@tanstack/query-core';
import * as oldest from 'query-core-5-62';
import { key, Page } from './support/page.js';

const ALL = 'guests.getAll';
const LIST = 'guests.list';
const SUM = 'budget.total';
const HOUR = 3_600_000;

const CORES: [string, typeof newest][] = [
  ['newest', newest],
  ['5.62', oldest as unknown as typeof newest],
];

beforeAll(() => {
  for (const [, { notifyManager }] of CORES) notifyManager.setScheduler(queueMicrotask);
});

const answer = (httpStatus: number): Error => Object.assign(new Error('no'), { data: { httpStatus } });

describe.each(CORES)('query-core %s', (_, core) => {
  let page: Page;
  beforeEach(() => {
    page = new Page(core);
  });
  afterEach(() => page.end());

  async function mounted(...paths: string[]): Promise<void> {
    for (const path of paths) page.mount(path);
    await page.live();
    page.taken();
  }

  const shown = (path = ALL): unknown => page.queries.getQueryData(key(path));
  const put = (data: object, path = ALL): unknown => page.queries.setQueryData(key(path), data);
  const callTo = (path: string) => page.calls.find((call) => call.path === path)!;

  /** An event of it, and the answer. */
  async function changed(data: unknown, path = ALL): Promise<void> {
    page.hear([path]);
    await page.pass(1_000);
    await page.answerAll(data, page.status.cursor);
    await page.pass(2_000);
    page.taken();
  }

  /** Stale: it is read again. */
  async function isStale(path = ALL): Promise<void> {
    expect(page.binding.status.pending).toEqual([key(path)]);
    await page.pass(10_000);
    expect(page.taken()).toEqual([path]);
    await page.answerAll({ new: true }, page.status.cursor);
    expect(shown(path)).toEqual({ new: true });
    expect(page.binding.status.state).toBe('current');
  }

  describe('beside an error that was an answer', () => {
    const refused = async (): Promise<void> => {
      page.hear(['guests']);
      await page.pass(1_000);
      page.calls[0]!.fail(answer(400));
      await page.pass(0);
      page.taken();
      expect(page.binding.status.state).toBe('current');
    };

    test.each([
      ['a hand', () => put({ by: 'hand' })],
      ['an undo', () => put(shown() as object)],
      ['a store', () => page.queries.getQueryCache().find({ queryKey: key(ALL) })!.setState({ status: 'success', error: null })],
    ])('the data that %s shows again is as old as it was', async (_how, again) => {
      await mounted(ALL);
      await refused();
      again();
      expect(page.state(ALL).status).toBe('success');
      await isStale();
    });

    test('so is that of an infinite query, when one more page comes', async () => {
      const observer = new core.InfiniteQueryObserver(page.queries, {
        queryKey: key(LIST, undefined, 'infinite'),
        queryFn: ({ pageParam }) => page.call(LIST, { cursor: pageParam }),
        initialPageParam: 0,
        getNextPageParam: (_page: unknown, all: unknown[]) => all.length,
      });
      observer.subscribe(() => undefined);
      await page.live();
      await refused();
      void observer.fetchNextPage();
      await page.pass(1);
      page.taken();
      page.calls[0]!.answer({}, page.status.cursor);
      await page.pass(1_000);
      // All of it, from its first page on.
      expect(page.calls.map(({ input }) => input)).toEqual([{ cursor: 0 }]);
      await page.answerAll({}, page.status.cursor);
      expect(page.binding.status.state).toBe('current');
    });
  });

  describe('by hand', () => {
    test('an undo, where data is shown as it is put there', async () => {
      page.mount(ALL, { structuralSharing: false });
      await mounted();
      const before = shown();
      await changed({ new: true });
      put(before as object);
      await isStale();
    });

    test('an undo, into a query that was removed and read anew', async () => {
      const unmount = page.mount(ALL);
      await mounted();
      const before = shown();
      page.hear([ALL]);
      unmount();
      page.queries.removeQueries({ queryKey: key(ALL) });
      page.mount(ALL);
      await page.answerAll({ new: true }, page.status.cursor);
      page.taken();
      put(before as object);
      await isStale();
    });

    test.each([
      ['waited for', {}],
      ['waited for, and shown as it is put there', { structuralSharing: false }],
    ])("a mutation's answer that was %s, and comes after what was read since", async (_how, more) => {
      page.mount(ALL, more);
      await mounted();
      const mutation = new core.MutationObserver(page.queries, { mutationKey: [['other', 'create']], networkMode: 'always', mutationFn: () => page.call('other.create') });
      const saved = mutation.mutate().then((own) => void put(own as object));
      await page.pass(1);
      page.hear([ALL]);
      page.hear([ALL]);
      await page.pass(1_000);
      callTo(ALL).answer({ by: 'both' }, page.status.cursor);
      await page.pass(0);
      expect(page.binding.status.state).toBe('current');
      page.taken();
      callTo('other.create').answer({ by: 'own alone' });
      await saved;
      await isStale();
      // Later it has nothing to do with it.
      await page.pass(10_000);
      put({ by: 'hand' });
      expect(page.binding.status.state).toBe('current');
    });

    test('a mutation that waited is as old as its end of waiting', async () => {
      await mounted(ALL);
      // The second one of a scope waits for the first.
      for (let nth = 0; nth < 2; nth += 1) {
        const mutation = new core.MutationObserver(page.queries, { scope: { id: 'one' }, mutationKey: [['other', 'create']], networkMode: 'always', mutationFn: () => page.call('other.create') });
        mutation.mutate().catch(() => undefined);
      }
      await page.pass(1);
      page.hear([ALL]);
      callTo('other.create').fail();
      await page.pass(10_000);
      callTo(ALL).answer({ new: true }, page.status.cursor);
      await page.pass(0);
      expect(page.calls.map(({ path }) => path)).toEqual(['other.create']);
      put({ by: 'hand' });
      expect(page.binding.status.state).toBe('current');
    });
  });

  describe('by a clock', () => {
    test('what a store had read in the future is no newer than what is heard then', async () => {
      await mounted();
      page.queries.setQueryData(key(SUM), {}, { updatedAt: page.clock.now + HOUR });
      page.mount(SUM);
      await page.pass(1_000);
      page.taken();
      page.hear([SUM]);
      await isStale(SUM);
    });

    test('a fetch that is ended gives back what was there when it began, at its age', async () => {
      await mounted(ALL);
      page.hear([ALL]);
      await page.pass(1_000);
      await page.pass(61_000);
      page.taken();
      const query = page.queries.getQueryCache().find({ queryKey: key(ALL) })!;
      query.setState({ data: { rendered: 'by a server' }, dataUpdatedAt: page.clock.now });
      expect(page.binding.status.state).toBe('current');
      void page.queries.cancelQueries({ queryKey: key(ALL) });
      expect(page.binding.status.failed).toEqual([]);
      await page.pass(0);
      expect(shown()).toEqual({});
      expect(page.binding.status).toMatchObject({ state: 'refetching', failed: [] });
    });
  });

  describe('and costs no more than it has to', () => {
    test('a list whose rows change every ten seconds is read as soon as the first time', async () => {
      page.mount(ALL);
      await page.live();
      await changed([{ id: 'a', n: 0 }]);
      for (let n = 1; n < 10; n += 1) {
        const at = page.status.cursor;
        page.hear([ALL, 'guests.getById'], { data: { id: 'a', n }, row: { query: 'guests.getById', input: { id: 'a' }, lists: [ALL], at } });
        expect(shown()).toEqual([{ id: 'a', n }]);
        await page.pass(300);
        expect(page.taken()).toEqual([ALL]);
        await page.answerAll([{ id: 'a', n }], page.status.cursor);
        await page.pass(10_000);
      }
    });

    const hope = (n: number, mutationKey = [['guests', 'update']]): void => {
      const mutation = new core.MutationObserver(page.queries, { mutationKey, networkMode: 'always', mutationFn: () => page.call('guests.update'), onMutate: () => void put({ hoped: n }) });
      void mutation.mutate();
    };

    test.each([
      ['of its router', [['guests', 'update']]],
      ['of another one', [['other', 'update']]],
    ])('one optimistic mutation after the other, %s: the last is read as soon as the first, and none before its event', async (_of, mutationKey) => {
      await mounted(ALL);
      for (let n = 0; n < 12; n += 1) {
        hope(n, mutationKey);
        await page.pass(50);
        expect(page.calls.map(({ path }) => path)).toEqual(['guests.update']);
        page.hear([ALL], { sourceId: page.sourceId });
        callTo('guests.update').answer({ n });
        page.taken();
        await page.pass(300);
        expect(page.taken()).toEqual([ALL]);
        await page.answerAll({ n }, page.status.cursor);
        expect(shown()).toEqual({ n });
        await page.pass(400);
        expect(page.taken()).toEqual([]);
      }
    });

    test('what is put there again and again while a mutation is on its way is read ever later, and at once when an event comes', async () => {
      await mounted(ALL);
      hope(0, [['other', 'update']]);
      const again = async (ms: number): Promise<string[]> => {
        page.taken();
        await page.pass(ms);
        const asked = page.taken();
        if (asked.length > 0) callTo(ALL).answer({}, page.status.cursor);
        await page.pass(0);
        return asked;
      };
      page.hear([ALL]);
      await again(1_000);
      for (let n = 1; n < 10; n += 1) {
        put({ n });
        expect(await again(6_000)).toEqual([ALL]);
      }
      put({ n: 10 });
      expect(await again(400)).toEqual([]);
      page.hear([ALL]);
      expect(await again(400)).toEqual([ALL]);
    });

    test('what is gone from the cache, and still on a screen for a moment, is no query that waits', async () => {
      await mounted(ALL);
      const query = page.queries.getQueryCache().find({ queryKey: key(ALL) })!;
      page.queries.removeQueries();
      page.hear([ALL]);
      query.setState({ isInvalidated: false });
      expect(page.binding.status).toEqual({ state: 'current', pending: [], failed: [] });
    });

    test('a query that takes 40 s comes to an end, under a stream that never rests', async () => {
      await mounted(ALL);
      const since = new Map<unknown, number>();
      let answers = 0;
      for (let ms = 0; ms < 600_000; ms += 1_000) {
        if (ms % 5_000 === 0) page.hear([ALL]);
        await page.pass(1_000);
        for (const call of [...page.calls]) {
          if (!since.has(call)) since.set(call, page.clock.now);
          if (page.clock.now - since.get(call)! < 40_000) continue;
          call.answer({ ms }, page.status.cursor);
          await page.pass(0);
          if ((shown() as { ms?: number }).ms === ms) answers += 1;
        }
      }
      expect(answers).toBeGreaterThan(5);
    });

    test('changes of one guest, however many, leave the others alone', async () => {
      page.mount('guests.getById', { input: { id: 'b' } });
      await mounted();
      for (let nth = 0; nth < 40; nth += 1) page.hear(['guests.getById'], { where: { 'guests.getById': { id: 'a' } } });
      await page.pass(10_000);
      expect(page.taken()).toEqual([]);
    });

    test('to read 500 queries again does not ask each of them 500 times', async () => {
      let asked = 0;
      const enabled = (): boolean => (asked += 1) > 0;
      for (let id = 0; id < 500; id += 1) page.mount('guests.getById', { input: { id }, enabled });
      await mounted();
      page.hear(['guests']);
      asked = 0;
      await page.pass(400);
      expect(page.taken()).toHaveLength(500);
      expect(asked).toBeLessThan(50_000);
      asked = 0;
      await page.answerAll({ new: true }, page.status.cursor);
      expect(page.binding.status.state).toBe('current');
      expect(asked).toBeLessThan(50_000);
    });
  });
});
