/** Phase 9 of the plan, the live stream: what it brings stands in the app's own cache, and confirms what this page did. A real hub, over a real socket. */
import { QueryClient } from '@tanstack/query-core';
import { overlayOf } from '../../../lib/offline/overlay/overlay.js';
import { waitFor } from '../../support/wait.js';
import { key, LIST, PAGE, useApp, type Row } from './support/app.js';

const given = useApp();

test("FE-MUT-023: the stream's word confirms a transaction: its place in the log is known, and what shows it needs nothing laid over it any more", async () => {
  const { app } = given;
  const page = await app.open();
  await page.shows(PAGE);
  await page.shows(LIST);
  app.quiet = true;
  await page.mutate('pages.update', { id: 'p1', title: 'mine' });
  const overlay = overlayOf(page.inside);
  const [item] = overlay.items;
  expect(item).toMatchObject({ acked: true, position: undefined });
  await app.tell();
  await waitFor(() => overlay.items.length === 0, 'it to be confirmed');
  expect(item!.position).toBe(app.position);
  expect([page.title(), page.data<Row[]>(LIST)![0]!['title']]).toEqual(['mine', 'mine']);
});

test('INT-QUERY-001: what the stream brings is put into the queries that show the row, one row and lists, of an update, a new row and a delete', async () => {
  const { app } = given;
  const page = await app.open();
  await page.shows(PAGE);
  await page.shows(LIST);
  const ids = (): unknown[] => page.data<Row[]>(LIST)!.map(({ id }) => id);
  app.queried.splice(0);
  await app.bilal('title', 'theirs');
  await waitFor(() => page.title() === 'theirs' && page.data<Row[]>(LIST)![0]!['title'] === 'theirs', "Bilal's title in both");
  // The row came with the stream: it was not asked for.
  expect(app.queried).not.toContain('pages.getById');
  await app.bilalMakes('p2', { title: 'two' });
  await waitFor(() => ids().includes('p2'), 'the new row');
  await app.bilalDeletes('p1');
  await waitFor(() => !ids().includes('p1'), 'the row to be gone');
  expect(ids()).toEqual(['p2']);
});

test("INT-QUERY-002: an `onMutate` of the app's own, with its undo, works as before", async () => {
  const { app } = given;
  const page = await app.open();
  await page.shows(PAGE);
  const own = {
    onMutate: (input: Row) => {
      const before = page.data(PAGE);
      page.queries.setQueryData(PAGE, { ...before, ...input });
      return before;
    },
    onError: (_error: unknown, _input: Row, before: unknown) => void page.queries.setQueryData(PAGE, before),
  };
  let go!: () => void;
  app.holds = new Promise((done) => (go = done));
  const refused = page.mutate('pages.update', { id: 'p1', title: 'refused', refuse: true }, own);
  await waitFor(() => page.title() === 'refused', 'it to be shown');
  go();
  await expect(refused).rejects.toMatchObject({ data: { httpStatus: 422 } });
  await waitFor(() => page.title() === 'old', 'the old title');
  // What was refused holds its row until the person has seen it.
  await page.offline.discard(page.waiting[0]!.id);
  await page.mutate('pages.update', { id: 'p1', title: 'mine' }, own);
  await waitFor(() => overlayOf(page.inside).items.length === 0, 'it to be confirmed');
  expect(page.title()).toBe('mine');
});

test("INT-QUERY-003: query keys stay the app's: tRPC's by themselves, others by one function", async () => {
  const { app } = given;
  const names: Record<string, string> = { one: 'pages.getById', list: 'pages.getAll' };
  const page = await app.open({ pathsOf: ([entity, kind]) => (entity === 'page' ? names[kind as string] : undefined) });
  const [one, list] = [['page', 'one', 'p1'], ['page', 'list', { sort: 'title' }]];
  await page.shows(one, 'pages.getById', { id: 'p1' });
  await page.shows(list, 'pages.getAll', undefined);
  const titles = (): unknown[] => [page.data(one)!['title'], page.data<Row[]>(list)![0]!['title']];
  await app.bilal('title', 'theirs');
  await waitFor(() => titles().every((title) => title === 'theirs'), "Bilal's title");
  await app.away();
  await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
  expect(titles()).toEqual(['mine', 'mine']);
});

test('INT-QUERY-004: there is no second cache: what is laid is the data of the query itself, and nothing is left of it in the end', async () => {
  const { app } = given;
  const page = await app.open();
  const observer = await page.shows(PAGE);
  page.offline.pause();
  await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
  const state = page.queries.getQueryCache().find({ queryKey: PAGE })!.state.data;
  expect(state).toMatchObject({ title: 'mine', body: 'text' });
  expect([observer.getCurrentResult().data, page.data(PAGE)]).toEqual([state, state]);
  page.offline.resume();
  await app.sent(page);
  await waitFor(() => overlayOf(page.inside).items.length === 0, 'nothing to be laid');
  expect(page.title()).toBe('mine');
});

test('INT-QUERY-005: it is the QueryClient that the app gave, and no other', async () => {
  const { app } = given;
  const page = await app.open();
  const other = new QueryClient();
  other.setQueryData(PAGE, { id: 'p1', title: 'old' });
  await page.shows(PAGE);
  await app.bilal('title', 'theirs');
  await waitFor(() => page.title() === 'theirs', "Bilal's title");
  page.offline.pause();
  await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
  expect([page.title(), other.getQueryData(PAGE)]).toEqual(['mine', { id: 'p1', title: 'old' }]);
  other.clear();
});

test('ITEM-HYDRATION: what happens while a page loads and hydrates is not lost: it comes behind the data with which the server rendered', async () => {
  const { app } = given;
  await app.bilal('title', 'at first');
  // The server renders.
  const [rendered, since] = [app.answer('pages', 'p1'), app.position];
  await app.bilal('title', 'meanwhile');
  await app.bilal('body', 'meanwhile');
  const page = await app.open({ started: false, since });
  page.queries.setQueryData(PAGE, rendered);
  await page.shows(PAGE);
  expect(page.title()).toBe('at first');
  await page.start();
  await waitFor(() => page.title() === 'meanwhile' && page.data(PAGE)!['body'] === 'meanwhile', 'what happened meanwhile');
  expect(page.data(key('pages.getById', { id: 'p1' }))).toMatchObject({ title: 'meanwhile', body: 'meanwhile' });
});
