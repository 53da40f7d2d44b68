/** What a binding tells of its own work (`observe`): SPEC §16. */
import { notifyManager } from '@tanstack/query-core';
import { createCommitClock } from '../../lib/tanstack/commit-clock.js';
import { cachedPaths, observe, type CacheTrace } from '../../lib/tanstack/index.js';
import { key, Page } from './support/page.js';

beforeAll(() => notifyManager.setScheduler(queueMicrotask));

let page: Page;
let told: CacheTrace[];
beforeEach(() => {
  page = new Page();
  told = [];
});
afterEach(() => {
  page.end();
  expect(page.reports).toEqual([]);
});

let unmount: Record<string, () => void>;

/** Live at e.0, nothing stale, observed from here on. */
async function observed(...queries: (readonly [path: string, input?: unknown])[]): Promise<void> {
  unmount = Object.fromEntries(queries.map(([path, input]) => [path, page.mount(path, { input })]));
  await page.live();
  page.taken();
  observe(page.binding, (trace) => told.push(trace));
}

/** What was told since the last time, of one kind. */
function taken<T extends CacheTrace['type']>(type: T): Extract<CacheTrace, { type: T }>[] {
  const found = told.filter((one) => one.type === type) as Extract<CacheTrace, { type: T }>[];
  told = told.filter((one) => one.type !== type);
  return found;
}

test('an event: what it is, which queries each of its names meets, and which name meets none', async () => {
  await observed(['guests.getAll'], ['guests.getById', { id: 'g1' }], ['budget.total']);
  page.hear(['guests', 'budget.list', 'guests.getAll'], { id: 'a1', module: 'guests', entityId: 'g1', sourceId: page.sourceId });
  const [heard] = taken('heard');
  expect(heard).toEqual({
    type: 'heard',
    event: {
      nth: 1, type: 'update', id: 'a1', modules: ['guests'], entityId: 'g1', queryPaths: ['guests', 'budget.list', 'guests.getAll'], position: 'e.1',
      timestamp: page.clock.now, heardAt: page.clock.now, own: true, count: 1, reason: undefined,
    },
    names: [
      { path: 'guests', met: [key('guests.getAll'), key('guests.getById', { id: 'g1' })], metCount: 2, spared: [], sparedCount: 0 },
      { path: 'budget.list', met: [], metCount: 0, spared: [], sparedCount: 0 },
      { path: 'guests.getAll', met: [key('guests.getAll')], metCount: 1, spared: [], sparedCount: 0 },
    ],
    stale: [key('guests.getAll'), key('guests.getById', { id: 'g1' })],
    staleCount: 2,
    avoided: { coalesced: 0, where: 0, position: 0 },
  });
  page.hear([], { type: 'ephemeral' });
  page.hear(undefined, { type: 'resync', reason: 'trimmed' });
  expect(taken('heard').map(({ event, names }) => [event.nth, event.type, event.reason, names.map(({ path, metCount }) => [path, metCount])])).toEqual([
    [2, 'resync', 'trimmed', [['*', 3]]],
  ]);
});

test('a fetch for two events is told with both, and so is when the page had them', async () => {
  await observed(['guests.getAll']);
  const from = page.clock.now;
  page.hear(['guests.getAll']);
  await page.pass(20);
  page.hear(['guests.getAll']);
  expect(taken('heard').map(({ avoided }) => avoided.coalesced)).toEqual([0, 1]);
  await page.pass(300);
  const nths = (events: readonly { nth: number }[]): number[] => events.map(({ nth }) => nth);
  expect(taken('refetch').map(({ queryKey, events }) => [queryKey, nths(events)])).toEqual([[key('guests.getAll'), [1, 2]]]);
  expect(taken('applied')).toEqual([]);
  await page.answerAll({}, page.status.cursor);
  const [applied, ...more] = taken('applied');
  expect(more).toEqual([]);
  expect([applied!.refetched, applied!.spared, nths(applied!.applied.map(({ event }) => event))]).toEqual([true, false, [1, 2]]);
  const [first, second] = applied!.applied.map(({ ms }) => ms!);
  expect(first).toBe(page.clock.now - from);
  expect(first! - second!).toBe(20);
});

test('what `where` leaves alone is told as spared; a name beside it that has no `where` concerns it all the same', async () => {
  await observed(['guests.getById', { id: 'g1' }], ['guests.getById', { id: 'g2' }]);
  const where = { 'guests.getById': { id: 'g1' } };
  page.hear(['guests.getById'], { where });
  page.hear(['guests.getById', 'guests'], { where });
  const [narrow, wide] = taken('heard');
  expect(narrow).toMatchObject({ staleCount: 1, avoided: { where: 1 }, names: [{ met: [key('guests.getById', { id: 'g1' })], spared: [key('guests.getById', { id: 'g2' })] }] });
  expect(wide).toMatchObject({ staleCount: 2, avoided: { where: 0, coalesced: 1 }, names: [{ metCount: 1, sparedCount: 1 }, { path: 'guests', metCount: 2 }] });
  await page.pass(300);
  expect(taken('refetch')).toHaveLength(2);
});

test('what was read at or past an event before it came costs nothing: its position says so', async () => {
  await observed(['guests.getAll']);
  void page.queries.refetchQueries();
  await page.pass(0);
  // The server has the change, the stream does not tell of it yet.
  await page.answerAll({}, 'e.1');
  page.hear(['guests.getAll']);
  expect(taken('heard')).toMatchObject([{ staleCount: 0, avoided: { position: 1 } }]);
  await page.pass(1_000);
  expect(taken('refetch')).toEqual([]);

  // On its way when the event comes, and as new.
  void page.queries.refetchQueries();
  await page.pass(0);
  page.hear(['guests.getAll']);
  await page.answerAll({}, 'e.2');
  expect(taken('heard')).toMatchObject([{ staleCount: 1, avoided: { position: 0 } }]);
  expect(taken('applied')).toMatchObject([{ refetched: false, spared: true, applied: [{ event: { nth: 2 }, ms: 0 }] }]);
  expect(taken('refetch')).toEqual([]);
});

test('a fetch for one event that holds the next one too spares that one’s', async () => {
  await observed(['guests.getAll']);
  page.hear(['guests.getAll']);
  await page.pass(300);
  page.hear(['guests.getAll']);
  await page.answerAll({}, 'e.2');
  expect(taken('applied')).toMatchObject([{ refetched: true, spared: true, applied: [{}, {}] }]);
  await page.pass(2_000);
  expect(taken('refetch')).toHaveLength(1);
});

test('a fetch that fails is told with its error, and the next one with the same event; what a fetch does not hold goes on waiting', async () => {
  await observed(['guests.getAll']);
  page.hear(['guests.getAll']);
  await page.pass(300);
  page.calls[0]!.fail(new Error('down'));
  await page.pass(0);
  expect(taken('failed')).toMatchObject([{ queryKey: key('guests.getAll'), events: [{ nth: 1 }], error: new Error('down') }]);
  expect(taken('applied')).toEqual([]);
  await page.pass(1_500);
  page.hear(['guests.getAll']);
  // A replica that has the first one.
  await page.answerAll({}, 'e.1');
  expect(taken('refetch').map(({ events }) => events.map(({ nth }) => nth))).toEqual([[1], [1]]);
  expect(taken('applied').map(({ applied }) => applied.map(({ event }) => event.nth))).toEqual([[1]]);
  await page.pass(300);
  await page.answerAll({}, 'e.2');
  expect(taken('applied').map(({ applied }) => applied.map(({ event }) => event.nth))).toEqual([[2]]);
});

test('what nobody looks at, or has not looked at for a while, is not timed and spares nothing', async () => {
  await observed(['guests.getAll'], ['budget.total']);
  unmount['budget.total']!();
  page.hear(['*']);
  expect(taken('heard')).toMatchObject([{ staleCount: 2 }]);
  unmount['guests.getAll']!();
  await page.pass(5_000);
  page.mount('guests.getAll');
  page.mount('budget.total');
  await page.pass(500);
  await page.answerAll({}, page.status.cursor);
  expect(taken('applied').map(({ spared, applied }) => [spared, applied.map(({ ms }) => ms)])).toEqual([[false, [undefined]], [false, [undefined]]]);
});

test('of a `resync` nothing is timed; of a query that is gone nothing is told', async () => {
  await observed(['guests.getAll'], ['budget.total']);
  page.hear(['*'], { type: 'resync' });
  await page.pass(300);
  unmount['budget.total']!();
  page.queries.removeQueries({ queryKey: key('budget.total') });
  await page.answerAll({}, page.status.cursor);
  expect(taken('applied')).toMatchObject([{ queryKey: key('guests.getAll'), applied: [{ ms: undefined }] }]);
});

test('names stand for fifty keys each, and for how many there are', async () => {
  await observed(['guests.getAll']);
  for (let nth = 0; nth < 60; nth += 1) page.queries.setQueryData(key('guests.getById', { id: nth }), {});
  page.hear(['guests.getById']);
  const [{ names: [name], stale, staleCount }] = taken('heard') as [Extract<CacheTrace, { type: 'heard' }>];
  expect([name!.met.length, name!.metCount, stale.length, staleCount]).toEqual([50, 60, 50, 60]);
});

test('an observer that throws is reported and stops nobody; none costs nothing; an end is one', async () => {
  page.mount('guests.getAll');
  await page.live();
  let looked = 0;
  const cache = page.queries.getQueryCache();
  const getAll = cache.getAll.bind(cache);
  cache.getAll = () => {
    looked += 1;
    return getAll();
  };
  page.hear(['guests.getAll']);
  looked = 0;
  page.hear(['guests.getAll']);
  // Once for what is concerned.
  const unobserved = looked;
  expect(unobserved).toBe(1);
  const ends = [
    observe(page.binding, () => {
      throw new Error('wrong');
    }),
    observe(page.binding, (trace) => told.push(trace)),
  ];
  page.hear(['guests.getAll']);
  expect([looked - unobserved, taken('heard').length]).toEqual([unobserved + 2, 1]);
  expect(page.reports.splice(0)).toEqual([new Error('wrong')]);
  for (const end of ends) end();
  looked = 0;
  page.hear(['guests.getAll']);
  expect([looked, told]).toEqual([unobserved, []]);
  observe(page.binding, (trace) => told.push(trace));
  page.binding.close();
  page.hear(['guests.getAll']);
  expect(told).toEqual([]);
  observe(page.binding, (trace) => told.push(trace))();
  for (const wrong of [undefined, {}, page.queries]) expect(() => observe(wrong as never, () => undefined)).toThrow('binding must be what bindQueryClient() gave');
});

test('the paths that the cache holds, each once', async () => {
  await observed(['guests.getById', 1], ['guests.getById', 2], ['budget.total']);
  page.queries.setQueryData(['of the app'], {});
  expect(cachedPaths(page.binding).sort()).toEqual(['budget.total', 'guests.getById']);
});

describe('how late an event is, where clocks do not agree', () => {
  let time = 0;
  const skew = -3_600_000;
  const clock = () => createCommitClock({ now: () => time, elapsed: () => time });
  const at = (now: number, way: number): number => {
    time = now;
    return now + skew - way;
  };

  test('against the quickest way of the last minute or two', () => {
    const { arrived } = clock();
    expect(arrived(at(1_000, 30))).toBe(0);
    expect(arrived(at(2_000, 10))).toBe(0);
    expect(arrived(at(3_000, 500))).toBe(490);
    expect(arrived(at(70_000, 40))).toBe(30);
    // Its minute is over.
    expect(arrived(at(140_000, 40))).toBe(0);
  });

  test('a page whose clock is set meanwhile, and an action with a time of its own, count for no hour', () => {
    let ahead = 0;
    let elapsed = 0;
    const { arrived } = createCommitClock({ now: () => elapsed + ahead, elapsed: () => elapsed });
    const after = (ms: number, timestamp: number): number => {
      elapsed += ms;
      return arrived(timestamp);
    };
    expect(after(1_000, 990)).toBe(0);
    ahead = 3_600_000;
    expect(after(1_000, 1_980)).toBe(0);
    expect(after(1_000, 2_970)).toBe(10);
    expect(after(1_000, 3_980 + 7_200_000)).toBe(0);
    expect(after(1_000, 4_980)).toBe(0);
  });

  test('after a silence, and after a clock was set, nothing of before counts', () => {
    const { arrived } = clock();
    arrived(at(1_000, -5_000));
    expect(arrived(at(2_000, 20))).toBe(5_020);
    arrived(at(61_000, 20));
    expect(arrived(at(121_000, 25))).toBe(5);
    expect(arrived(at(900_000, 400))).toBe(0);
  });
});
