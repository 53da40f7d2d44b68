/** Phase 8 of the plan, mutations: ids, what is shown before the answer, what becomes of a transaction. Each is made as `useMutation` does it. */
import { parseHlc } from '../../../lib/offline/clock/hlc.js';
import { overlayOf } from '../../../lib/offline/overlay/overlay.js';
import { waitFor } from '../../support/wait.js';
import { key, LIST, PAGE, useApp, type Row } from './support/app.js';

const given = useApp();

describe('transaction generation', () => {
  test('FE-MUT-001: the id is there before the change is shown', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    const whenShown: string[][] = [];
    page.queries.getQueryCache().subscribe(() => {
      if (page.title() === 'mine') whenShown.push(page.offline.entries.map(({ id }) => id));
    });
    await page.mutate('pages.update', { id: 'p1', title: 'mine' });
    expect(whenShown[0]).toEqual([app.requests[0]!.tx.transactionId]);
    expect(parseHlc(whenShown[0]![0]!)).toBeDefined();
  });

  // Beside the input's own fields: procedures that know nothing of it keep their schemas.
  test('FE-MUT-002: the server is given the id, in `tx`', async () => {
    const { app } = given;
    const page = await app.open();
    await page.mutate('pages.update', { id: 'p1', title: 'mine' });
    expect(app.requests[0]!.input).toMatchObject({ id: 'p1', title: 'mine', tx: { transactionId: page.offline.entries[0]!.id } });
    expect(app.model.effects.at(-1)!.id).toBe(page.offline.entries[0]!.id);
  });

  // All fields of an update, not one: a form that saves two of them stays one mutation, and each is compared by itself.
  test('FE-MUT-004: an update says which fields it changes', async () => {
    const page = await given.app.open();
    await page.mutate('pages.update', { id: 'p1', title: 'mine', body: 'my text', nothing: undefined });
    expect(given.app.requests[0]!.tx.changedFields).toEqual(['title', 'body']);
  });

  test('FE-MUT-005: a delete has an id, and changes no field', async () => {
    const page = await given.app.open();
    await page.mutate('pages.delete', { id: 'p1' });
    const { tx } = given.app.requests[0]!;
    expect(parseHlc(tx.transactionId)).toBeDefined();
    expect(tx).not.toHaveProperty('changedFields');
    expect(given.app.model.rows.has('pages p1')).toBe(false);
  });
});

describe('optimistic updates', () => {
  test('FE-MUT-010: what a person did is shown before the call begins', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    await page.shows(LIST);
    const shown: unknown[] = [];
    app.fate = () => void shown.push(page.title(), page.data<Row[]>(LIST)![0]!['title']);
    await page.mutate('pages.update', { id: 'p1', title: 'mine' });
    expect(shown).toEqual(['mine', 'mine']);
  });

  test('FE-MUT-011: it is taken back when the server refuses', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    let go!: () => void;
    app.holds = new Promise((done) => (go = done));
    const answer = page.mutate('pages.update', { id: 'p1', title: 'mine', refuse: true });
    await waitFor(() => page.title() === 'mine', 'mine to be shown');
    go();
    await expect(answer).rejects.toMatchObject({ data: { httpStatus: 422 } });
    await waitFor(() => page.title() === 'old', 'the old title');
    expect(page.data(PAGE)).not.toHaveProperty('refuse');
  });

  test('FE-MUT-012: what the server made of it takes its place', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(LIST);
    const row = (): Row | undefined => page.data<Row[]>(LIST)?.find(({ id }) => id === 'p2');
    let go!: () => void;
    app.holds = new Promise((done) => (go = done));
    const answer = page.mutate('pages.create', { id: 'p2', title: 'new' });
    await waitFor(row, 'the new row');
    expect(row()).toEqual({ id: 'p2', title: 'new' });
    go();
    expect(await answer).toMatchObject({ id: 'p2', number: 2 });
    // With what only the server knows.
    await waitFor(() => row()?.['number'] === 2, "the server's row");
    expect(page.data<Row[]>(LIST)).toHaveLength(2);
  });
});

describe('transaction tracking', () => {
  test('FE-MUT-020: what is done is pending at once', async () => {
    const page = await given.app.open();
    page.offline.pause();
    const { id } = await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    expect(page.offline.entries).toMatchObject([{ id, state: 'queued', attempts: 0 }]);
    expect(page.offline.status.unsent).toBe(1);
  });

  test('FE-MUT-021: the answer of the server makes it sent', async () => {
    const { app } = given;
    app.quiet = true;
    const page = await app.open();
    const states: string[] = [];
    page.offline.onEntries(([entry]) => entry && states.push(entry.state));
    await page.mutate('pages.update', { id: 'p1', title: 'mine' });
    expect([...new Set(states)]).toEqual(['queued', 'sending', 'acked']);
    expect(page.offline.status.unsent).toBe(0);
  });

  test('FE-MUT-022: an error of the server makes it failed, with that error', async () => {
    const page = await given.app.open();
    let heard: unknown;
    const answer = page.mutate('pages.update', { id: 'p1', refuse: true }, { onError: (error) => (heard = error) });
    const thrown = await answer.catch((error: unknown) => error);
    expect(page.offline.entries).toMatchObject([{ state: 'rejected', error: { code: 'UNPROCESSABLE_CONTENT', httpStatus: 422 } }]);
    expect(page.offline.status).toMatchObject({ failed: 1, unsent: 0 });
    expect(thrown).toMatchObject({ data: { httpStatus: 422 } });
    expect(heard).toBe(thrown);
  });

  test('FE-MUT-023: the answer alone does not settle it: until the stream, or a reading, has it, it stays laid over what is shown', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    app.quiet = true;
    await page.mutate('pages.update', { id: 'p1', title: 'mine' });
    const overlay = overlayOf(page.inside);
    expect(overlay.items).toMatchObject([{ acked: true, position: undefined }]);
    // Whatever is put there now, as by an answer that came late.
    page.queries.setQueryData(PAGE, (row: Row | undefined) => ({ ...row, title: 'old' }));
    expect(page.title()).toBe('mine');
  });

  test('FE-MUT-024: what is pending survives a reload, and is sent under the same id', async () => {
    const { app } = given;
    const page = await app.open();
    await app.away();
    const { id } = await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    page.kill();
    const again = await app.open();
    expect(again.offline.entries).toMatchObject([{ id, state: 'queued', input: { id: 'p1', title: 'mine' } }]);
    app.back();
    await app.sent(again);
    expect(app.requests.map(({ tx }) => tx.transactionId)).toEqual([id]);
    expect(app.model.rows.get('pages p1')).toMatchObject({ title: 'mine' });
  });
});

describe('the mutations of the app', () => {
  // The plan's default is that the server's value wins. Here what a person wrote is kept until he has decided (MERGE-001).
  test("CONFLICT-013: a 409 of the server is a conflict with both values, which is not sent again but by a person's word", async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    const version = await app.bilal('title', 'theirs', { quietly: true });
    page.mutate('pages.update', { id: 'p1', title: 'mine' }).catch(() => undefined);
    await waitFor(() => page.offline.status.conflicted === 1, 'the conflict');
    const [entry] = page.waiting;
    const conflict = { field: 'title', base: 'old', mine: 'mine', theirs: 'theirs', version };
    expect(entry).toMatchObject({ state: 'conflicted', error: { httpStatus: 409 }, conflicts: [conflict] });
    await page.offline.flush();
    expect([app.requests.length, app.model.rows.get('pages p1')!['title']]).toEqual([1, 'theirs']);
    await page.offline.resolve(entry!.id, 'mine');
    await app.sent(page);
    expect([app.requests.length, app.model.rows.get('pages p1')!['title']]).toEqual([2, 'mine']);
  });

  test('ITEM-UPDATE: an update says what its person has seen, and goes through beside a change of another field', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    await app.bilal('body', 'their text', { quietly: true });
    await page.mutate('pages.update', { id: 'p1', title: 'mine' });
    expect(app.requests[0]!.tx).toMatchObject({ changedFields: ['title'], expected: { title: 'first-pages-p1' } });
    expect(app.model.rows.get('pages p1')).toEqual({ title: 'mine', body: 'their text' });
  });

  test('ITEM-DELETE: a delete of what somebody has changed meanwhile is a conflict, and deletes nothing', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    await app.bilal('title', 'theirs', { quietly: true });
    page.mutate('pages.delete', { id: 'p1' }).catch(() => undefined);
    await waitFor(() => page.offline.status.conflicted === 1, 'the conflict');
    expect(page.waiting).toMatchObject([{ kind: 'delete', conflicts: [{ field: 'title', theirs: 'theirs' }] }]);
    expect(app.model.rows.has('pages p1')).toBe(true);
  });

  test('ITEM-ATTACHMENTS: of another entity it is the same, and a file waits for the page that it is attached to', async () => {
    const { app } = given;
    const page = await app.open();
    const files = key('files.getAll');
    await page.shows(files);
    await app.away();
    await page.offline.add('pages.create', { id: 'p2', title: 'new' });
    await page.offline.add('files.create', { id: 'f1', pageId: 'p2', name: 'a.png' });
    expect(page.data<Row[]>(files)).toEqual([{ id: 'f1', pageId: 'p2', name: 'a.png' }]);
    await page.offline.add('files.update', { id: 'f1', name: 'b.png' });
    app.back();
    await app.sent(page);
    expect(app.requests.map(({ path, input }) => [path, input['name']])).toEqual([['pages.create', undefined], ['files.create', 'b.png']]);
    expect(app.model.rows.get('files f1')).toMatchObject({ pageId: 'p2', name: 'b.png' });
  });
});
