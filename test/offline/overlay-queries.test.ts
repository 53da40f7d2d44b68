/** What is laid over a TanStack cache, case by case: no observer is ever shown the old value after the change, and nothing stays laid for ever. */
import * as newest from '@tanstack/query-core';
import * as oldest from 'query-core-5-62';
import { bindOffline } from '../../lib/offline/overlay/queries.js';
import { key } from '../tanstack/support/page.js';
import { Desk } from './support/desk.js';

const CORES: [string, typeof newest][] = [
  ['newest', newest],
  ['5.62', oldest as unknown as typeof newest],
];

interface Row {
  id: string;
  name: string;
}
const ONE: Row = { id: 'p1', name: 'old' };
const MINE: Row = { id: 'p1', name: 'mine' };
const ROW = key('pages.getById', { id: 'p1' });
const LIST = key('pages.getAll');

describe.each(CORES)('query-core %s', (_, core) => {
  let desk: Desk;
  /** What the observers were told, synchronously, in their order. */
  let shown: unknown[] = [];
  let unmount: (() => void)[] = [];

  beforeEach(() => {
    desk = new Desk(core);
    shown = [];
    unmount = [];
  });
  afterEach(() => {
    for (const end of unmount) end();
    expect(desk.page.reports).toEqual([]);
    desk.end();
  });

  const data = (queryKey: newest.QueryKey = ROW): unknown => desk.page.queries.getQueryData(queryKey);

  function look(path = 'pages.getById', input: unknown = path === 'pages.getById' ? { id: 'p1' } : undefined): void {
    const observer = new core.QueryObserver(desk.page.queries, { queryKey: key(path, input), queryFn: () => desk.page.call(path, input) });
    unmount.push(observer.subscribe(({ data: told }) => void shown.push(told)));
  }

  async function open(): Promise<void> {
    desk.bind();
    look();
    await desk.page.answerAll(ONE, 'e.0');
    expect(data()).toEqual(ONE);
    shown = [];
  }
  const neverOld = (): void => expect(shown.filter((one) => (one as Row | undefined)?.name === 'old')).toEqual([]);

  test('a change is shown when it is kept, over the answer of a fetch that was on its way, until an answer contains it', async () => {
    await open();
    void desk.page.queries.refetchQueries();
    await desk.page.pass(0);
    shown = [];
    const entry = desk.keep('pages.update', MINE);
    expect(data()).toEqual(MINE);
    await desk.page.answerAll(ONE);
    expect(data()).toEqual(MINE);
    desk.ack(entry);
    expect(data()).toEqual(MINE);
    // What began to be read after the ack contains it: another one's value is not hidden.
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll({ id: 'p1', name: 'normalised' });
    expect(data()).toEqual({ id: 'p1', name: 'normalised' });
    neverOld();
    await desk.page.pass(0);
    expect(desk.overlay.items).toEqual([]);
  });

  test('a fetch that began before the ack and is answered after it does not show the old value', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    void desk.page.queries.refetchQueries();
    await desk.page.pass(0);
    desk.ack(entry);
    await desk.page.answerAll(ONE);
    expect(data()).toEqual(MINE);
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll(MINE);
    await desk.page.pass(0);
    expect(desk.overlay.items).toEqual([]);
    neverOld();
  });

  test('of two changes of a row that are done, the older one is not laid over an answer that has the newer one', async () => {
    desk.start();
    desk.bind();
    look();
    desk.page.tell({ state: 'live', cursor: 'e.1' });
    await desk.page.answerAll(ONE, 'e.1');
    // Its action was told before this page had a stream: nobody knows its place.
    const older = desk.keep('pages.update', MINE);
    const newer = desk.keep('pages.update', { id: 'p1', name: 'newest' });
    shown = [];
    desk.page.hear(['pages'], { id: `tx:${newer.id}` });
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll({ id: 'p1', name: 'newest' }, 'e.2');
    desk.ack(older);
    desk.ack(newer);
    await desk.page.pass(0);
    expect(data()).toEqual({ id: 'p1', name: 'newest' });
    expect(shown.map((one) => (one as Row).name)).not.toContain('mine');
    expect(desk.overlay.items).toEqual([]);
  });

  test('a change that is done is not laid over an answer that began after it, not for one observer either', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    look('pages.getAll');
    await desk.page.pass(0);
    desk.ack(entry);
    // Another query still lacks it: it stays. This one has it, and what somebody else has made of it since.
    void desk.page.queries.refetchQueries({ queryKey: ROW });
    await desk.page.pass(0);
    shown = [];
    const [, row] = desk.page.calls;
    row!.answer({ id: 'p1', name: 'theirs' });
    await desk.page.pass(0);
    expect(desk.overlay.items).toHaveLength(1);
    expect(shown).toContainEqual({ id: 'p1', name: 'theirs' });
    expect(shown).not.toContainEqual(MINE);
    await desk.page.answerAll([]);
  });

  test('a change that another tab has done, and this one finds late, does not hide what somebody else has made of it since', async () => {
    desk.start();
    desk.bind();
    look();
    desk.page.tell({ state: 'live', cursor: 'e.1' });
    await desk.page.answerAll(ONE);
    desk.page.hear(['pages'], { id: 'tx:e1' });
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll({ id: 'p1', name: 'theirs' });
    shown = [];
    desk.keep('pages.update', MINE, { id: 'e1', state: 'acked', ackedAt: desk.page.clock.now });
    // And what was done before the page was there.
    desk.keep('pages.update', MINE, { state: 'acked', ackedAt: 1 });
    await desk.page.pass(0);
    expect(data()).toEqual({ id: 'p1', name: 'theirs' });
    expect(shown).toEqual([]);
    expect(desk.overlay.items).toEqual([]);
  });

  test('an answer that equals what is shown, byte for byte, is the new base: nothing flickers when the change goes', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll({ ...MINE });
    await desk.page.pass(100);
    expect(desk.overlay.items).toEqual([]);
    expect(data()).toEqual(MINE);
    desk.page.queries.setQueryData(LIST, []);
    desk.keep('pages.update', { id: 'p2', name: 'x' });
    expect(data()).toEqual(MINE);
    neverOld();
  });

  test('what is discarded is gone at once and offline, and is read again', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.drop(entry);
    expect(data()).toEqual(ONE);
    await desk.page.pass(0);
    expect(desk.page.calls.map(({ path }) => path)).toEqual(['pages.getById']);
    expect(desk.overlay.items).toEqual([]);
  });

  test('what the server refused is not shown; what conflicts is', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.change(entry, { state: 'conflicted', conflicts: [] });
    expect(data()).toEqual(MINE);
    desk.change(entry, { state: 'rejected' });
    expect(data()).toEqual(ONE);
    desk.change(entry, { state: 'queued' });
    expect(data()).toEqual(MINE);
  });

  test('several changes of a row: one goes, the others stay', async () => {
    await open();
    const first = desk.keep('pages.update', { id: 'p1', name: 'first' });
    const second = desk.keep('pages.update', { id: 'p1', size: 2 });
    expect(data()).toEqual({ id: 'p1', name: 'first', size: 2 });
    desk.drop(first);
    expect(data()).toEqual({ id: 'p1', name: 'old', size: 2 });
    desk.drop(second);
    expect(data()).toEqual(ONE);
  });

  test('a squashed change goes on in the one that took it in, and nothing is read for it', async () => {
    await open();
    const first = desk.keep('pages.update', { id: 'p1', name: 'first' });
    desk.change(first, { id: 'e9', squashed: [first.id], fields: { name: 'second' } });
    expect(data()).toEqual({ id: 'p1', name: 'second' });
    await desk.page.pass(0);
    expect(desk.page.calls).toEqual([]);
    neverOld();
  });

  test('cancelQueries puts back what was there when the fetch began, and never the old value', async () => {
    await open();
    void desk.page.queries.refetchQueries();
    await desk.page.pass(0);
    shown = [];
    desk.keep('pages.update', MINE);
    await desk.page.queries.cancelQueries();
    await desk.page.pass(0);
    expect(desk.page.queries.getQueryState(ROW)!.fetchStatus).toBe('idle');
    expect(data()).toEqual(MINE);
    neverOld();
  });

  test("an app's own optimistic update and its undo lie below: the undo puts the base of then back", async () => {
    await open();
    const before = data();
    desk.page.queries.setQueryData(ROW, { id: 'p1', name: 'mine' });
    const entry = desk.keep('pages.update', MINE);
    desk.change(entry, { state: 'conflicted', conflicts: [] });
    // onError, of the rejection.
    desk.page.queries.setQueryData(ROW, before);
    expect(data()).toEqual(MINE);
    desk.drop(entry);
    expect(data()).toEqual(ONE);
  });

  test("an app's own optimistic update is taken out with the change that it was for, though nobody undoes it", async () => {
    await open();
    desk.page.queries.setQueryData(ROW, (old: Row | undefined) => ({ ...old!, name: 'mine' }));
    const entry = desk.keep('pages.update', MINE);
    desk.drop(entry);
    expect(data()).toEqual(ONE);
  });

  test('an undo to what was shown with a change that is done since shows it with the change', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    const before = data();
    desk.ack(entry);
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll(MINE);
    await desk.page.pass(0);
    expect(desk.overlay.items).toEqual([]);
    desk.page.queries.setQueryData(ROW, { id: 'p1', name: 'hoped for' });
    desk.page.queries.setQueryData(ROW, before);
    expect(data()).toEqual(MINE);
    neverOld();
  });

  test('a cancelled fetch puts an undo back as it was shown: without what went without effect, with what is done', async () => {
    await open();
    const done = desk.keep('pages.update', MINE);
    const refused = desk.keep('pages.update', { id: 'p1', name: 'refused' });
    const before = data();
    desk.drop(refused);
    desk.ack(done);
    await desk.page.pass(0);
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll(MINE);
    expect(desk.overlay.items).toEqual([]);
    void desk.page.queries.refetchQueries();
    await desk.page.pass(0);
    // The library copies what it is given, and may put that copy back.
    desk.page.queries.setQueryData(ROW, before);
    expect(data()).toEqual(MINE);
    await desk.page.queries.cancelQueries();
    await desk.page.pass(0);
    expect(desk.page.queries.getQueryState(ROW)!.fetchStatus).toBe('idle');
    expect(data()).toEqual(MINE);
    neverOld();
  });

  test('rows of a list: changed, made, deleted; in pages too', async () => {
    desk.bind();
    look('pages.getAll');
    const INFINITE = key('pages.getAll', { limit: 2 }, 'infinite');
    desk.page.queries.setQueryData(INFINITE, { pages: [{ items: [ONE], next: 1 }, { items: [], next: null }], pageParams: [0, 1] });
    await desk.page.answerAll([ONE]);
    const made = desk.keep('pages.create', { id: 'p2', name: 'two' });
    const changed = desk.keep('pages.update', MINE);
    expect(data(LIST)).toEqual([MINE, { id: 'p2', name: 'two' }]);
    expect(data(INFINITE)).toEqual({ pages: [{ items: [MINE], next: 1 }, { items: [{ id: 'p2', name: 'two' }], next: null }], pageParams: [0, 1] });
    const gone = desk.keep('pages.delete', { id: 'p1' });
    expect(data(LIST)).toEqual([{ id: 'p2', name: 'two' }]);
    for (const entry of [gone, changed, made]) desk.drop(entry);
    expect(data(LIST)).toEqual([ONE]);
    expect(data(INFINITE)).toEqual({ pages: [{ items: [ONE], next: 1 }, { items: [], next: null }], pageParams: [0, 1] });
  });

  test('what is put out of a store after a reload holds the change already: it can be discarded all the same', () => {
    desk.keep('pages.update', MINE, { base: { name: { value: 'old', version: null } } });
    const made = desk.keep('pages.create', { id: 'p2', name: 'two' });
    const stored = new core.QueryClient();
    stored.setQueryData(ROW, MINE);
    stored.setQueryData(LIST, [MINE, { id: 'p2', name: 'two' }]);
    const dehydrated = core.dehydrate(stored);
    stored.clear();
    desk.bind();
    core.hydrate(desk.page.queries, dehydrated);
    expect([data(), data(LIST)]).toEqual([MINE, [MINE, { id: 'p2', name: 'two' }]]);
    desk.drop(made);
    expect(data(LIST)).toEqual([MINE]);
    desk.drop(desk.entries[0]!);
    expect([data(), data(LIST)]).toEqual([ONE, [ONE]]);
  });

  test('what is hydrated without the change is shown with it: from the first look on, whichever was there first', () => {
    const stored = new core.QueryClient();
    stored.setQueryData(ROW, ONE);
    const dehydrated = core.dehydrate(stored);
    stored.clear();
    core.hydrate(desk.page.queries, dehydrated);
    desk.keep('pages.update', MINE);
    desk.bind();
    expect(data()).toEqual(MINE);
    desk.page.queries.removeQueries();
    core.hydrate(desk.page.queries, dehydrated);
    expect(new core.QueryObserver(desk.page.queries, { queryKey: ROW }).getCurrentResult().data).toEqual(MINE);
    // A newer one, over what is there.
    const newer = structuredClone(dehydrated);
    newer.queries[0]!.state.dataUpdatedAt += 60_000;
    core.hydrate(desk.page.queries, newer);
    expect(data()).toEqual(MINE);
  });

  test('what a fetch gives to whoever waits for it has the change', async () => {
    desk.bind();
    desk.keep('pages.update', MINE);
    const fetched = desk.page.queries.fetchQuery({ queryKey: ROW, queryFn: () => desk.page.call('pages.getById', { id: 'p1' }) });
    await desk.page.answerAll(ONE);
    await expect(fetched).resolves.toEqual(MINE);
  });

  test('10 s after its ack what lacks a change still is read again, and the answer is believed; until then it stays', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    await desk.page.pass(9_000);
    expect(data()).toEqual(MINE);
    expect(desk.page.calls).toEqual([]);
    await desk.page.pass(2_000);
    expect(desk.problems.map(({ code }) => code)).toEqual(['overlay_timeout']);
    expect(desk.page.calls).toHaveLength(1);
    expect(data()).toEqual(MINE);
    neverOld();
    await desk.page.answerAll({ id: 'p1', name: 'theirs' }, 'e.0');
    expect(data()).toEqual({ id: 'p1', name: 'theirs' });
    await desk.page.pass(0);
    expect(desk.overlay.items).toEqual([]);
  });

  test('what nobody looks at is marked after 10 s, and has the change for good', async () => {
    desk.bind();
    desk.page.queries.setQueryData(ROW, ONE);
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    await desk.page.pass(11_000);
    expect(desk.overlay.items).toEqual([]);
    expect(data()).toEqual(MINE);
    expect(desk.page.queries.getQueryState(ROW)!.isInvalidated).toBe(true);
    desk.keep('pages.update', { id: 'p1', size: 2 });
    expect(data()).toEqual({ ...MINE, size: 2 });
  });

  test('what fails to be read again has the change for good', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    await desk.page.pass(11_000);
    desk.page.calls[0]!.fail();
    await desk.page.pass(11_000);
    expect(desk.overlay.items).toEqual([]);
    expect(data()).toEqual(MINE);
    neverOld();
  });

  test('what has a later change of a row for good has those before it, too', async () => {
    desk.bind();
    look('pages.getAll');
    await desk.page.answerAll([], 'e.0');
    const created = desk.keep('pages.create', ONE);
    desk.ack(created);
    await desk.page.pass(5_000);
    const updated = desk.keep('pages.update', { id: 'p1', size: 2 });
    desk.ack(updated);
    // It is read again at 10 s, and nobody answers while the second time of the one before passes.
    await desk.page.pass(16_000);
    for (const call of [...desk.page.calls]) call.fail();
    await desk.page.pass(6_000);
    expect(desk.overlay.items.map(({ entry }) => entry.path)).not.toContain('pages.update');
    expect(data(LIST)).toEqual([{ ...ONE, size: 2 }]);
    await desk.page.pass(30_000);
    expect(data(LIST)).toEqual([{ ...ONE, size: 2 }]);
    expect(desk.overlay.items).toEqual([]);
  });

  test('what the stream has told of is done: it is not laid over what was read since, though its entry comes later and waits still', async () => {
    await open();
    desk.start();
    await desk.page.live('e.0');
    await desk.page.answerAll(ONE, 'e.0');
    desk.page.hear(['pages'], { id: `tx:e${desk.nextSeq}` });
    await desk.page.pass(1_000);
    await desk.page.answerAll({ id: 'p1', name: 'theirs' }, 'e.1');
    expect(data()).toEqual({ id: 'p1', name: 'theirs' });
    // Its answer was lost, and this tab hears of it only now.
    desk.keep('pages.update', MINE);
    expect(data()).toEqual({ id: 'p1', name: 'theirs' });
    await desk.page.pass(0);
    expect(desk.overlay.items).toEqual([]);
  });

  test('of two changes of a row of which the stream has told the later one, the first is not laid alone over what has both', async () => {
    desk.bind();
    desk.start();
    look('pages.getAll');
    await desk.page.live('e.0');
    await desk.page.answerAll([], 'e.0');
    // Its own action was told before this page had a stream.
    const created = desk.keep('pages.create', ONE);
    const updated = desk.keep('pages.update', MINE);
    desk.page.hear(['bells'], { id: `tx:${updated.id}` });
    void desk.page.queries.refetchQueries();
    await desk.page.pass(0);
    shown = [];
    await desk.page.answerAll([MINE], 'e.2');
    desk.ack(created);
    desk.ack(updated);
    await desk.page.pass(0);
    expect(data(LIST)).toEqual([MINE]);
    expect(shown.flat()).not.toContainEqual(ONE);
    expect(desk.overlay.items).toEqual([]);
  });

  test('while the server is not reached nothing is waited for in vain', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    desk.verified = false;
    await desk.page.pass(60_000);
    expect([desk.problems, data()]).toEqual([[], MINE]);
    desk.verified = true;
    await desk.page.pass(11_000);
    expect(desk.problems).toHaveLength(1);
  });

  test('a query that is removed holds nothing', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    for (const end of unmount.splice(0)) end();
    desk.page.queries.removeQueries();
    await desk.page.pass(0);
    expect(desk.overlay.items).toEqual([]);
  });

  test('beside the binding of the stream: a node that lags does not show the old value, and one that has the change ends it', async () => {
    await open();
    desk.start();
    await desk.page.live('e.0');
    desk.page.queries.setQueryData(ROW, ONE);
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll(ONE, 'e.0');
    shown = [];
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    desk.page.hear(['pages'], { id: `tx:${entry.id}` });
    await desk.page.pass(1_000);
    expect(desk.page.calls).toHaveLength(1);
    desk.page.calls[0]!.answer(ONE, 'e.0');
    await desk.page.pass(0);
    expect(data()).toEqual(MINE);
    await desk.page.pass(1_000);
    desk.page.calls[0]!.answer({ id: 'p1', name: 'newer' }, 'e.1');
    await desk.page.pass(0);
    expect(data()).toEqual({ id: 'p1', name: 'newer' });
    expect(desk.overlay.items).toEqual([]);
    neverOld();
  });

  test("a row of the stream, whole, of the change itself, settles the query without a fetch, whoever hears it first", async () => {
    await open();
    await desk.page.live('e.0');
    // The overlay hears the event after the binding.
    desk.start();
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll(ONE, 'e.0');
    shown = [];
    const entry = desk.keep('pages.update', MINE);
    desk.ack(entry);
    desk.page.hear(['pages.getById'], { id: `tx:${entry.id}`, data: { id: 'p1', name: 'mine, normalised' }, row: { query: 'pages.getById', input: { id: 'p1' }, whole: true, at: 'e.0', began: desk.page.clock.now } });
    expect(data()).toEqual({ id: 'p1', name: 'mine, normalised' });
    await desk.page.pass(1_000);
    expect(desk.page.calls).toEqual([]);
    expect(desk.overlay.items).toEqual([]);
    neverOld();
  });

  test("another one's row changes what the change does not, and what it does is shown as the person did it", async () => {
    await open();
    desk.start();
    await desk.page.live('e.0');
    void desk.page.queries.refetchQueries();
    await desk.page.answerAll({ ...ONE, size: 1 }, 'e.0');
    shown = [];
    const entry = desk.keep('pages.update', MINE);
    desk.page.hear(['pages.getById'], { id: 'a', data: { id: 'p1', name: 'theirs', size: 2 }, row: { query: 'pages.getById', input: { id: 'p1' }, whole: true, at: 'e.0', began: desk.page.clock.now } });
    expect(data()).toEqual({ id: 'p1', name: 'mine', size: 2 });
    neverOld();
    desk.drop(entry);
    expect(data()).toEqual({ id: 'p1', name: 'theirs', size: 2 });
  });

  test('the base of a field is what is shown without the overlay, and without what the app hopes for', async () => {
    await open();
    expect(desk.seen({ entity: 'pages', id: 'p1' }, 'name')).toEqual({ value: 'old' });
    expect(desk.seen({ entity: 'pages', id: 'p9' }, 'name')).toBeUndefined();
    desk.keep('pages.update', MINE);
    expect(desk.seen({ entity: 'pages', id: 'p1' }, 'name')).toEqual({ value: 'old' });
    desk.page.queries.setQueryData(ROW, (old: Row | undefined) => ({ ...old!, size: 3 }));
    expect(desk.seen({ entity: 'pages', id: 'p1' }, 'name')).toEqual({ value: 'old' });
    desk.drop(desk.entries[0]!);
    void new core.MutationObserver(desk.page.queries, { mutationFn: () => new Promise(() => undefined), onMutate: () => desk.page.queries.setQueryData(ROW, { id: 'p1', name: 'hoped' }) }).mutate();
    await desk.page.pass(0);
    expect(desk.seen({ entity: 'pages', id: 'p1' }, 'name')).toEqual({ value: 'old' });
  });

  test('a binding that ends and begins again knows what lies below', async () => {
    await open();
    const entry = desk.keep('pages.update', MINE);
    desk.binding!.close();
    expect(data()).toEqual(MINE);
    desk.bind();
    expect(data()).toEqual(MINE);
    desk.drop(entry);
    expect(data()).toEqual(ONE);
  });

  test('mutations go to the outbox without a network, unless the app has said otherwise', () => {
    desk.bind();
    expect(desk.page.queries.getDefaultOptions().mutations).toEqual({ networkMode: 'always' });
    desk.binding!.close();
    desk.page.queries.setDefaultOptions({ mutations: { networkMode: 'online', retry: 2 } });
    desk.bind();
    expect(desk.page.queries.getDefaultOptions().mutations).toEqual({ networkMode: 'online', retry: 2 });
  });
});

test('what is no QueryClient, and no createOffline(), is told', () => {
  const desk = new Desk();
  expect(() => bindOffline({} as never, desk.offline)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  expect(() => bindOffline(desk.page.queries, {} as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  desk.end();
});
