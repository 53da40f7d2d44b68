/** Rows that actions carry, in a page's cache: SPEC §20. */
import { InfiniteQueryObserver, MutationObserver, notifyManager } from '@tanstack/query-core';
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

const BY_ID = 'guests.getById';
const ALL = 'guests.getAll';
const input = { id: 'g1' };
const ada = { id: 'g1', name: 'Ada', table: 1 };
const paths = [BY_ID, ALL];
/** At the head of the log before it, and all that the query answers, unless `more` says otherwise. */
const row = (more: object = {}): object => ({ query: BY_ID, input, lists: [ALL], at: page.status.cursor, began: page.clock.now, whole: true, ...more });
const hear = (data: unknown, more: object = {}, event: object = {}): void => page.hear(paths, { type: 'update', entityId: 'g1', data, row: row(more), ...event });
const detail = (): unknown => page.state(BY_ID, input).data;
const list = (): unknown => page.state(ALL).data;

/** Both are read, live at e.5, and nothing is stale. */
async function open(guest: unknown = ada, guests: unknown = [ada, { ...ada, id: 'g2' }]): Promise<void> {
  page.mount(BY_ID, { input });
  page.mount(ALL);
  page.tell({ state: 'live', reason: 'open', cursor: 'e.5' });
  page.bind();
  await page.pass(1_000);
  for (const call of [...page.calls]) call.answer(call.path === BY_ID ? guest : guests, 'e.5');
  await page.pass(2_000);
  page.taken();
}

describe('a row', () => {
  test('is shown at once; the query that it answers is not read again, and a list is', async () => {
    await open();
    hear({ ...ada, name: 'Ada L.' });
    expect(detail()).toEqual({ ...ada, name: 'Ada L.' });
    expect(list()).toEqual([{ ...ada, name: 'Ada L.' }, { ...ada, id: 'g2' }]);
    expect(page.state(BY_ID, input).isInvalidated).toBe(false);
    expect(page.binding.status.pending).toEqual([key(ALL)]);
    await page.pass(2_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test('settles what its tab was told of by itself too', async () => {
    await open();
    hear({ ...ada, name: 'mine' }, {}, { sourceId: page.sourceId });
    await page.pass(2_000);
    expect([detail(), page.taken()]).toEqual([{ ...ada, name: 'mine' }, [ALL]]);
  });

  test.each([
    ['of another input', { input: { id: 'g2' } }],
    ['of another query', { query: 'hotels.getById' }],
    ['that is none', { query: 5 }],
  ])('%s is left alone', async (_, more) => {
    await open();
    hear({ ...ada, name: 'other' }, { ...more, lists: [] });
    expect(detail()).toEqual(ada);
    await page.pass(2_000);
    expect(page.taken()).toEqual([ALL, BY_ID].sort());
  });

  test('with the keys of what is shown may be a part: of a key that an answer may have nobody here knows', async () => {
    await open();
    hear({ ...ada, name: 'Ada L.' }, { whole: undefined });
    expect(detail()).toEqual({ ...ada, name: 'Ada L.' });
    await page.pass(2_000);
    expect(page.taken()).toEqual([ALL, BY_ID]);
  });

  test.each(['', ', though a hand has taken the error away'])('is not shown to who was refused%s', async (hand) => {
    await open();
    void page.queries.refetchQueries({ queryKey: key(BY_ID, input) });
    await page.pass(1);
    page.calls.find(({ path }) => path === BY_ID)!.fail(Object.assign(new Error('no'), { data: { httpStatus: 403 } }));
    await page.pass(0);
    page.taken();
    if (hand) page.queries.setQueryData(key(BY_ID, input), { ...ada });
    hear({ ...ada, name: 'secret' });
    expect(page.state(BY_ID, input)).toMatchObject({ status: hand ? 'success' : 'error', data: ada });
    await page.pass(2_000);
    expect(page.taken()).toEqual([ALL, BY_ID]);
    for (const call of [...page.calls]) call.answer(call.path === BY_ID ? ada : [ada], page.status.cursor);
    await page.pass(0);
    hear({ ...ada, name: 'no secret' });
    expect(detail()).toEqual({ ...ada, name: 'no secret' });
  });

  test('without data, or with what is no object, is none', async () => {
    await open();
    for (const data of [undefined, null, 5, [ada]]) hear(data);
    expect([detail(), page.binding.status.pending]).toEqual([ada, [key(BY_ID, input), key(ALL)]]);
  });

  test('of a key with a prefix is found; of a key that a mapper reads is not', async () => {
    const prefixed = [['app'], ...key(BY_ID, input)];
    page.mount(BY_ID, { input, queryKey: prefixed });
    page.mount(BY_ID, { input, queryKey: ['mine'] });
    page.bind({ pathsOf: (queryKey) => (queryKey[0] === 'mine' ? BY_ID : [BY_ID]) });
    await page.live('e.5');
    page.queries.setQueryData(prefixed, ada);
    page.queries.setQueryData(['mine'], ada);
    page.taken();
    hear({ ...ada, name: 'x' });
    expect([page.queries.getQueryData(prefixed), page.queries.getQueryData(['mine'])]).toEqual([{ ...ada, name: 'x' }, ada]);
    await page.pass(1_000);
    expect(page.taken()).toEqual([BY_ID]);
  });

  test('in part changes what it has, adds nothing, and the query is read again', async () => {
    await open({ ...ada, seats: [1], hotel: { id: 'h1', stars: 3 }, note: null, at: new Date(0) });
    hear({ id: 'g1', name: 'Ada L.', password: 'x', hotel: { id: 'h2' }, seats: ['a'], note: 'late', at: 'soon' }, { whole: undefined });
    expect(detail()).toEqual({ ...ada, name: 'Ada L.', seats: [1], hotel: { id: 'h2', stars: 3 }, note: 'late', at: new Date(0) });
    expect(page.binding.status.pending).toContainEqual(key(BY_ID, input));
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL, BY_ID].sort());
  });

  test('that has more than is shown adds nothing, and the query is read again', async () => {
    await open();
    hear({ ...ada, name: 'Ada L.', password: 'x' }, { whole: undefined });
    expect(detail()).toEqual({ ...ada, name: 'Ada L.' });
    expect(page.binding.status.pending).toContainEqual(key(BY_ID, input));
  });

  test('that is whole, as the map says, takes the place of all that is shown', async () => {
    await open({ ...ada, more: 1 });
    hear({ id: 'g1' }, { whole: true });
    expect(detail()).toEqual({ id: 'g1' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test('has its dates as dates', async () => {
    await open({ ...ada, at: new Date(0), days: [{ at: new Date(0) }] });
    hear({ ...ada, at: '2026-01-01T00:00:00.000Z', days: [{ at: '2026-01-02T00:00:00.000Z' }] }, { dates: [['at'], ['days', 0, 'at'], ['__proto__', 'x'], ['name', 'x'], [99]] });
    expect(detail()).toEqual({ ...ada, at: new Date('2026-01-01'), days: [{ at: new Date('2026-01-02') }] });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test('of what is gone: the list has it no more, and the query is read again', async () => {
    await open();
    hear(undefined, {}, { type: 'delete' });
    expect([detail(), list()]).toEqual([ada, [{ ...ada, id: 'g2' }]]);
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL, BY_ID].sort());
  });
});

describe('what a row does not prove', () => {
  test.each([
    ['before something else that concerned the query', { at: 'e.5' }],
    ['in another life of the log', { at: 'x.99' }],
  ])('one that was made %s is not shown', async (_, more) => {
    await open();
    page.hear([BY_ID]);
    await page.pass(300);
    page.calls[0]!.answer({ ...ada, name: 'newer' }, 'e.6');
    await page.pass(2_000);
    page.taken();
    hear({ ...ada, name: 'older' }, more);
    expect(detail()).toEqual({ ...ada, name: 'newer' });
    await page.pass(2_000);
    expect(page.taken()).toContain(BY_ID);
  });

  test('one that does not say what it contains is shown, and read again', async () => {
    await open();
    hear({ ...ada, name: 'by hand' }, { at: undefined });
    expect(detail()).toEqual({ ...ada, name: 'by hand' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL, BY_ID].sort());
  });

  test('where the query lacked something else, it is shown, and read again', async () => {
    await open();
    page.hear(['guests']);
    hear({ ...ada, name: 'Ada L.' });
    expect(detail()).toEqual({ ...ada, name: 'Ada L.' });
    expect(page.binding.status.pending).toContainEqual(key(BY_ID, input));
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL, BY_ID].sort());
  });

  test('what was read at or past the change is newer than the row', async () => {
    await open();
    void page.queries.refetchQueries({ queryKey: key(BY_ID, input) });
    await page.pass(1);
    page.calls[0]!.answer({ ...ada, name: 'newer' }, 'e.7');
    await page.pass(1);
    page.taken();
    hear({ ...ada, name: 'older' });
    expect([detail(), page.state(BY_ID, input).isInvalidated]).toEqual([{ ...ada, name: 'newer' }, false]);
  });

  test('after an event that no position answers, a row proves nothing before its mutation began a minute later', async () => {
    await open();
    page.hear(['guests'], { type: 'invalidate', seq: undefined, modules: [] });
    await page.pass(1_000);
    for (const call of [...page.calls]) call.answer(call.path === BY_ID ? ada : [ada], page.status.cursor);
    await page.pass(2_000);
    page.taken();
    hear({ ...ada, name: 'x' });
    await page.pass(1_000);
    expect(page.taken()).toContain(BY_ID);
    for (const call of [...page.calls]) call.answer(call.path === BY_ID ? ada : [ada], page.status.cursor);
    await page.pass(70_000);
    page.taken();
    hear({ ...ada, name: 'y' });
    await page.pass(1_000);
    expect([detail(), page.taken()]).toEqual([{ ...ada, name: 'y' }, [ALL]]);
  });

  test("so it is where the page's clock is late: the mutation began before that event, by the server's", async () => {
    await open();
    const ahead = page.clock.now + 300_000;
    page.hear(['guests'], { type: 'invalidate', seq: undefined, modules: [], timestamp: ahead });
    await page.pass(1_000);
    for (const call of [...page.calls]) call.answer(call.path === BY_ID ? ada : [ada], page.status.cursor);
    await page.pass(2_000);
    page.taken();
    hear({ ...ada, name: 'x' }, { began: ahead - 10_000 });
    await page.pass(1_000);
    expect(page.taken()).toContain(BY_ID);
  });

  test('what the app puts there, or takes back, after it', async () => {
    await open();
    hear({ ...ada, name: 'Ada L.' });
    page.hear([BY_ID]);
    page.queries.setQueryData(key(BY_ID, input), ada);
    expect(page.state(BY_ID, input).isInvalidated).toBe(true);
    await page.pass(2_000);
    expect(page.taken()).toContain(BY_ID);
  });
});

describe('the barrier', () => {
  test.each([
    ['from before it', 'e.5', 'row'],
    ['of nowhere', undefined, 'row'],
    ['from at it', 'e.6', 'answer'],
  ])('a fetch that is on its way is waited for; its answer %s', async (_, position, shown) => {
    await open();
    void page.queries.refetchQueries({ queryKey: key(BY_ID, input) });
    await page.pass(1);
    hear({ ...ada, name: 'row' });
    expect(detail()).toEqual(ada);
    page.calls.find(({ path }) => path === BY_ID)!.answer({ ...ada, name: 'answer' }, position);
    await page.pass(0);
    expect(detail()).toEqual({ ...ada, name: shown });
    expect(page.state(BY_ID, input).isInvalidated).toBe(false);
    page.taken();
    await page.pass(2_000);
    expect(page.taken()).toEqual([ALL]);
  });

  test('a first fetch, and one that is cancelled, too', async () => {
    await open();
    page.mount(BY_ID, { input: { id: 'g2' } });
    await page.pass(1);
    hear({ ...ada, id: 'g2', name: 'row' }, { input: { id: 'g2' } });
    page.calls.find(({ path }) => path === BY_ID)!.answer({ ...ada, id: 'g2' }, 'e.5');
    await page.pass(0);
    expect(page.state(BY_ID, { id: 'g2' })).toMatchObject({ data: { name: 'row' }, isInvalidated: false });

    void page.queries.refetchQueries({ queryKey: key(BY_ID, input) });
    await page.pass(1);
    hear({ ...ada, name: 'row' });
    await page.queries.cancelQueries({ queryKey: key(BY_ID, input) });
    expect(page.state(BY_ID, input)).toMatchObject({ data: { name: 'row' }, isInvalidated: false });
  });

  test('what is heard while it waits makes it old', async () => {
    await open();
    void page.queries.refetchQueries({ queryKey: key(BY_ID, input) });
    await page.pass(1);
    hear({ ...ada, name: 'row' });
    page.hear([BY_ID]);
    page.calls.find(({ path }) => path === BY_ID)!.answer({ ...ada, name: 'answer' }, 'e.5');
    await page.pass(0);
    expect(detail()).toEqual({ ...ada, name: 'answer' });
    expect(page.binding.status.pending).toContainEqual(key(BY_ID, input));
  });

  test('rows of a list wait together', async () => {
    await open();
    void page.queries.refetchQueries({ queryKey: key(ALL) });
    await page.pass(1);
    hear({ ...ada, name: 'one' });
    hear({ ...ada, id: 'g2', name: 'two' }, { input: { id: 'g2' } });
    page.calls.find(({ path }) => path === ALL)!.answer([ada, { ...ada, id: 'g2' }], 'e.5');
    await page.pass(0);
    expect(list()).toEqual([{ ...ada, name: 'one' }, { ...ada, id: 'g2', name: 'two' }]);
    expect(page.binding.status.pending).toContainEqual(key(ALL));
  });

  test('a restore that has not given the data yet is waited for', async () => {
    await page.live('e.5');
    page.mount(BY_ID, { input, enabled: false });
    hear({ ...ada, name: 'row' });
    page.queries.getQueryCache().find({ queryKey: key(BY_ID, input) })!.setState({ data: ada, status: 'success', dataUpdatedAt: page.clock.now - 300_000 });
    expect(page.state(BY_ID, input)).toMatchObject({ data: { name: 'row' }, isInvalidated: true });
  });

  test('an optimistic mutation holds it as it holds a fetch', async () => {
    await open();
    let end!: () => void;
    const mutation = new MutationObserver(page.queries, {
      mutationKey: [['guests', 'edit']],
      networkMode: 'always',
      mutationFn: () => new Promise<void>((resolve) => void (end = resolve)),
      onMutate: () => void page.queries.setQueryData(key(BY_ID, input), { ...ada, name: 'hoped' }),
    });
    void mutation.mutate();
    hear({ ...ada, name: 'row' });
    expect(detail()).toEqual({ ...ada, name: 'hoped' });
    await page.pass(1_000);
    expect(page.taken()).toEqual([]);
    end();
    await page.pass(0);
    expect(page.state(BY_ID, input)).toMatchObject({ data: { name: 'row' }, isInvalidated: false });
    await page.pass(1_000);
    expect(page.taken()).toEqual([ALL]);
  });
});

describe('lists', () => {
  const g2 = { ...ada, id: 'g2' };
  const g3 = { ...ada, id: 'g3' };
  const insert = { type: 'insert', entityId: 'g3' };
  const changed = { ...ada, name: 'x' };

  test.each<[string, unknown, unknown, unknown, unknown, object]>([
    ['a new row is appended where nothing is asked for', undefined, [ada], g3, [ada, g3], insert],
    ['or all of it is in the row', { table: 1 }, [ada], g3, [ada, g3], insert],
    ['not where something else is', { table: 2 }, [ada], g3, [ada], insert],
    ['nor what the row does not have', { search: 'a' }, [ada], g3, [ada], insert],
    ['nor where rows look otherwise', undefined, [{ ...ada, hotel: 'h' }], g3, [{ ...ada, hotel: 'h' }], insert],
    ['nor into nothing, which looks like anything', undefined, [], g3, [], insert],
    ['nor beside a total', undefined, { items: [ada], total: 1 }, g3, { items: [ada], total: 1 }, insert],
    ['one that is there already is replaced', undefined, [ada, g2], changed, [changed, g2], insert],
    ['a page of rows', undefined, { items: [ada, g2], total: 2, tags: [] }, changed, { items: [changed, g2], total: 2, tags: [] }, {}],
    ['an only array', undefined, { rows: [ada], total: 2 }, changed, { rows: [changed], total: 2 }, {}],
    ['of two arrays neither', undefined, { rows: [ada], more: [ada] }, changed, { rows: [ada], more: [ada] }, {}],
    ['a row that has left what was asked for', { table: 1 }, [ada], { ...ada, table: 2 }, [ada], {}],
    ['ids as numbers', undefined, [{ ...ada, id: 1 }], { ...changed, id: 1 }, [{ ...changed, id: 1 }], {}],
    ['what is no row', undefined, ['g1', null, { name: 'g1' }], changed, ['g1', null, { name: 'g1' }], {}],
  ])('%s', async (_, asked, before, data, expected, event) => {
    page.mount(ALL, { input: asked });
    await page.live('e.5');
    page.queries.setQueryData(key(ALL, asked), before);
    hear(data, {}, event);
    expect(page.state(ALL, asked)).toMatchObject({ data: expected, isInvalidated: true });
  });

  test('pages, by a key of the app', async () => {
    const queryKey = key(ALL, { size: 2 }, 'infinite');
    const observer = new InfiniteQueryObserver(page.queries, { queryKey, queryFn: () => page.call(ALL), initialPageParam: 0, getNextPageParam: () => undefined });
    observer.subscribe(() => undefined);
    await page.live('e.5');
    const rows = [{ uuid: 'a', name: '1' }, { uuid: 'b', name: '2' }, { uuid: 'c', name: '3' }] as const;
    page.queries.setQueryData(queryKey, { pages: [[rows[0]], { items: [rows[1], rows[2]], next: 5 }], pageParams: [0, 1] });
    hear({ uuid: 'b', name: 'two' }, { idKey: 'uuid' });
    hear(undefined, { idKey: 'uuid', input: { uuid: 'c' } }, { type: 'delete' });
    hear({ uuid: 'd', name: '4' }, { idKey: 'uuid' }, { type: 'insert' });
    expect(page.queries.getQueryState(queryKey)).toMatchObject({
      data: { pages: [[rows[0]], { items: [{ uuid: 'b', name: 'two' }], next: 5 }], pageParams: [0, 1] },
      isInvalidated: true,
    });
  });
});

test('what throws in the app is reported, and the query is read again', async () => {
  page.mount(BY_ID, {
    input,
    structuralSharing: (before: unknown, after: unknown) => {
      if (before !== undefined && (after as { name?: string }).name === 'bad') throw new Error('mine');
      return after;
    },
  });
  await page.live('e.5');
  page.queries.setQueryData(key(BY_ID, input), ada);
  page.taken();
  hear({ ...ada, name: 'bad' });
  expect(page.reports.splice(0)).toEqual([expect.objectContaining({ message: 'mine' })]);
  await page.pass(1_000);
  expect(page.taken()).toEqual([BY_ID]);
});
