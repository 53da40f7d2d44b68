/** Phase 10 of the plan, offline: what is kept, the way back, what becomes of a conflict. What a person sees of it: `phase-10-page.test.ts`. */
import { parseHlc } from '../../../lib/offline/clock/hlc.js';
import { createVersions } from '../../../lib/offline/sync/versions.js';
import { threeWay } from '../../../lib/offline-react/three-way.js';
import { waitFor } from '../../support/wait.js';
import { insideOf, makePage } from '../support/page.js';
import { makeShelf } from '../support/shelf.js';
import { PAGE, useApp, type Page } from './support/app.js';

const given = useApp();

/** The tab is closed as a browser does it, and what it kept is there. */
async function closes(page: Page, cursor: string): Promise<void> {
  page.tab.says('hide');
  await waitFor(async () => (await given.app.kept()).cursor === cursor, 'the position to be kept');
  page.kill();
}

describe('the position of the stream', () => {
  test('OFFLINE-OFFSET-001: it is kept in IndexedDB, and survives the tab', async () => {
    const { app } = given;
    const page = await app.open();
    await app.bilal('title', 'theirs');
    await waitFor(() => page.inside.versions.cursor === app.position, 'the page to have heard it');
    await closes(page, app.position);
    const again = await app.open({ started: false });
    await again.offline.ready;
    expect(again.offline.cursor).toBe(app.position);
  });

  // Of a company and a user: two people may use one browser.
  test('OFFLINE-OFFSET-002: each company has its own, and so has each user', async () => {
    const { app } = given;
    const page = await app.open();
    await app.bilal('title', 'theirs');
    await waitFor(() => page.inside.versions.cursor === app.position, 'the page to have heard it');
    await closes(page, app.position);
    for (const whose of [{ companyId: 'bcme' }, { userId: 'bob' }]) {
      const other = await app.open({ ...whose, started: false });
      await other.offline.ready;
      expect(other.offline.cursor).toBeUndefined();
    }
    const names = (await app.browser.databases.databases()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['acme ann', 'bcme ann', 'acme bob'].map((whose) => `pathcast offline 1 pathcast ${whose}`)));
  });

  test('OFFLINE-OFFSET-003: a stream begins where it was kept to be, and brings what was missed; without one it begins now', async () => {
    const { app } = given;
    const page = await app.open();
    expect(app.streams[0]!.url.search).not.toMatch(/lastEventId|since/);
    await app.bilal('title', 'one');
    const cursor = app.position;
    await waitFor(() => page.inside.versions.cursor === cursor, 'the page to have heard it');
    await closes(page, cursor);
    const version = await app.bilal('title', 'missed');
    const again = await app.open({ since: 'kept' });
    expect(app.streams.at(-1)!.url.searchParams.get('lastEventId')).toBe(cursor);
    await waitFor(() => again.inside.versions.of({ entity: 'pages', id: 'p1' }, 'title') === version, 'what was missed');
  });

  test('OFFLINE-OFFSET-004: each message moves it on', async () => {
    const { app } = given;
    const page = await app.open();
    const seen = new Set<string>();
    for (const title of ['one', 'two', 'three']) {
      await app.bilal('title', title);
      await waitFor(() => page.inside.versions.cursor === app.position, title);
      seen.add(page.offline.cursor!);
    }
    expect(seen.size).toBe(3);
    await closes(page, app.position);
  });

  test('OFFLINE-OFFSET-005: it is written once in 5 s at most', async () => {
    const page = makePage();
    const shelf = makeShelf();
    const versions = createVersions({ ...insideOf(page), storage: shelf });
    for (let seq = 1; seq <= 100; seq += 1) {
      versions.moved(`e.${seq}`);
      await page.passes(100);
    }
    // 10 s.
    expect([1, 2]).toContain(shelf.writes);
    await page.passes(5_000);
    expect(shelf.meta.cursor).toBe('e.100');
  });

  test('OFFLINE-OFFSET-006: it stands in the same database as the outbox', async () => {
    const { app } = given;
    const page = await app.open();
    await app.bilal('title', 'theirs');
    await waitFor(() => page.inside.versions.cursor === app.position, 'the page to have heard it');
    page.offline.pause();
    const { id } = await page.offline.add('pages.update', { id: 'p1', body: 'mine' });
    await closes(page, app.position);
    expect(await app.browser.databases.databases()).toHaveLength(1);
    expect(await app.kept()).toMatchObject({ cursor: app.position, entries: [{ id }] });
  });
});

describe('the outbox', () => {
  test('OFFLINE-001: what is done offline is kept in IndexedDB', async () => {
    const { app } = given;
    const page = await app.open();
    await app.away();
    page.mutate('pages.update', { id: 'p1', title: 'mine' }).catch(() => undefined);
    await waitFor(() => page.waiting.length === 1, 'it to be kept');
    expect((await app.kept()).entries).toMatchObject([{ path: 'pages.update', input: { id: 'p1', title: 'mine' }, state: 'queued' }]);
    expect(app.requests).toEqual([]);
  });

  test('OFFLINE-002: an entry says which entity, which row and which fields', async () => {
    const page = await given.app.open();
    await given.app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    expect((await given.app.kept()).entries).toMatchObject([{ kind: 'update', entity: 'pages', entityId: 'p1', fields: { title: 'mine' } }]);
  });

  test('OFFLINE-003: it has the id of its transaction, the same for each try, and is done once', async () => {
    const { app } = given;
    // The waits between two tries are a random part of 1 s.
    const page = await app.open({ changed: { random: () => Math.random() / 100 } });
    app.fate = (_request, nth) => (nth === 0 ? 'lost' : nth === 1 ? 'failed' : undefined);
    const { id, answer } = await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    await answer;
    expect(app.requests.map(({ tx }) => tx.transactionId)).toEqual([id, id, id]);
    expect(app.model.effects.filter((effect) => effect.id === id)).toHaveLength(1);
  });

  test('OFFLINE-004: it has what its person had seen', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    await app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    expect((await app.kept()).entries).toMatchObject([{ base: { title: { value: 'old', version: 'first-pages-p1' } } }]);
    app.back();
    await app.sent(page);
    expect(app.requests[0]!.tx.expected).toEqual({ title: 'first-pages-p1' });
  });

  test('OFFLINE-005: two of the same field are one, with the later value and the later id', async () => {
    const { app } = given;
    const page = await app.open();
    await page.shows(PAGE);
    await app.away();
    const first = await page.offline.add('pages.update', { id: 'p1', title: 'm' });
    const second = await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    expect((await app.kept()).entries).toMatchObject([{ id: second.id, squashed: [first.id], fields: { title: 'mine' }, base: { title: { value: 'old' } } }]);
    app.back();
    // Who waits for the first hears of the one that it became.
    expect(await first.answer).toEqual(await second.answer);
    expect(app.requests).toMatchObject([{ input: { title: 'mine' }, tx: { transactionId: second.id } }]);
  });

  test('OFFLINE-006: two of different fields stay two', async () => {
    const { app } = given;
    const page = await app.open();
    await app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    await page.offline.add('pages.update', { id: 'p1', body: 'my text' });
    expect((await app.kept()).entries.map(({ fields }) => fields)).toEqual([{ title: 'mine' }, { body: 'my text' }]);
    app.back();
    await app.sent(page);
    expect(app.requests.map(({ tx }) => tx.changedFields)).toEqual([['title'], ['body']]);
  });
});

describe('the way back', () => {
  test('OFFLINE-010: first everything that was missed is heard, then the outbox is sent', async () => {
    const { app } = given;
    app.row('p2', { title: 'two' });
    const page = await app.open();
    await app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    for (let nth = 0; nth < 100; nth += 1) await app.bilal('title', `two ${nth}`, { id: 'p2' });
    const missed = app.position;
    let come!: () => void;
    app.waits = new Promise((done) => (come = done));
    app.back();
    // The server answers, and the stream is still on its way.
    await waitFor(() => page.inside.coordinator.at === 'catching_up', 'the page to catch up');
    expect([page.offline.network.verified, app.requests.length]).toEqual([true, 0]);
    come();
    await app.sent(page);
    expect(app.requests).toMatchObject([{ path: 'pages.update', reached: missed }]);
  });

  test("OFFLINE-011: what the stream brings of a field that waits here marks it as conflicted, with the server's value, before it is sent", async () => {
    const { app } = given;
    const page = await app.open();
    expect(await app.conflict(page)).toMatchObject({ attempts: 0, conflicts: [{ field: 'title', base: 'old', mine: 'mine', theirs: 'theirs', by: 'bilal' }] });
    expect(app.requests).toEqual([]);
    // Of another field it is none.
    await app.away();
    await page.offline.add('pages.create', { id: 'p2', title: 'new' });
    app.back();
    await waitFor(() => app.requests.length === 1, 'the other row');
    expect(page.offline.status.conflicted).toBe(1);
  });

  test('OFFLINE-012: what is conflicted is not sent by itself: not by a flush, nor on the next way back, nor by another tab', async () => {
    const { app } = given;
    const page = await app.open();
    await app.conflict(page);
    await page.offline.flush();
    await app.away();
    app.back();
    await page.live();
    page.kill();
    const other = await app.open();
    await waitFor(() => other.offline.status.leader, 'the other tab to send');
    await other.offline.flush();
    expect([app.requests.length, other.offline.status.conflicted]).toEqual([0, 1]);
  });

  test('OFFLINE-013: all else is sent, of each row in the order in which it was done', async () => {
    const { app } = given;
    app.row('p2', { title: 'two' });
    const page = await app.open();
    await page.shows(PAGE);
    await app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    await page.offline.add('pages.create', { id: 'p3', title: 'three' });
    await page.offline.add('files.create', { id: 'f1', pageId: 'p3', name: 'a.png' });
    await page.offline.add('pages.update', { id: 'p2', title: 'mine' });
    await page.offline.add('pages.update', { id: 'p2', body: 'my text' });
    await app.bilal('title', 'theirs');
    app.back();
    await waitFor(() => page.waiting.length === 1, 'all else to be sent');
    expect(page.waiting).toMatchObject([{ state: 'conflicted', entityId: 'p1' }]);
    const sent = app.requests.map(({ path, input, tx }) => `${path} ${String(input['id'])} ${tx.changedFields?.join() ?? ''}`);
    expect(sent.filter((one) => one.includes('p2'))).toEqual(['pages.update p2 title', 'pages.update p2 body']);
    expect(sent.filter((one) => one.includes('create'))).toEqual(['pages.create p3 ', 'files.create f1 ']);
    expect(sent).toHaveLength(4);
  });
});

describe('a decision', () => {
  test('OFFLINE-022: keep mine: the same change, upon what the other one made, under a new id', async () => {
    const { app } = given;
    const page = await app.open();
    const { id, conflicts } = await app.conflict(page);
    await page.offline.resolve(id, 'mine');
    await app.sent(page);
    const [{ tx, input }] = app.requests as [(typeof app.requests)[0]];
    expect([input['title'], tx.expected]).toEqual(['mine', { title: conflicts![0]!.version }]);
    expect([tx.transactionId === id, parseHlc(tx.transactionId) !== undefined]).toEqual([false, true]);
    expect(app.model.rows.get('pages p1')!['title']).toBe('mine');
  });

  test("OFFLINE-023: keep the server's: what waited is gone, nothing of it is sent, and theirs is shown", async () => {
    const { app } = given;
    const page = await app.open();
    const { id } = await app.conflict(page);
    expect(page.title()).toBe('mine');
    await page.offline.resolve(id, 'theirs');
    await waitFor(() => page.title() === 'theirs', 'theirs to be shown');
    expect([page.waiting, (await app.kept()).entries]).toEqual([[], []]);
    await page.offline.flush();
    expect([app.requests, app.model.rows.get('pages p1')!['title']]).toEqual([[], 'theirs']);
  });

  test('OFFLINE-024: merge: what the person has made of both is sent', async () => {
    const { app } = given;
    const page = await app.open();
    const { id } = await app.conflict(page);
    await page.offline.resolve(id, { merged: { title: 'mine and theirs' } });
    await waitFor(() => page.title() === 'mine and theirs', 'it to be shown');
    await app.sent(page);
    expect(app.requests).toMatchObject([{ input: { title: 'mine and theirs' } }]);
    expect(app.model.rows.get('pages p1')!['title']).toBe('mine and theirs');
  });
});

describe('how it is decided', () => {
  // The plan's default drops mine without a word. Here the server's value stays there, and mine waits: what a person wrote goes only by his word.
  test("MERGE-001: by default the server's value is not touched, and mine is kept and shown until the person decides", async () => {
    const { app } = given;
    const page = await app.open();
    await app.conflict(page);
    expect([app.model.rows.get('pages p1')!['title'], page.title(), page.offline.status.conflicted]).toEqual(['theirs', 'mine', 1]);
    expect((await app.kept()).entries).toMatchObject([{ state: 'conflicted', fields: { title: 'mine' } }]);
  });

  /** What an app writes that has a rule for some fields. */
  const decides = (page: Page, rules: Readonly<Record<string, 'lww' | 'text' | 'manual'>>): void => {
    const decided = new Set<string>();
    page.offline.onEntries((entries) => {
      for (const { id, state, entity, conflicts = [] } of entries) {
        const hints = conflicts.map(({ field }) => rules[`${entity}.${field}`] ?? 'manual');
        if (state !== 'conflicted' || hints.includes('manual') || decided.has(id)) continue;
        decided.add(id);
        const text = ({ base, mine, theirs }: (typeof conflicts)[number]): string => threeWay(String(base), String(mine), String(theirs)).text;
        void page.offline.resolve(id, hints.includes('text') ? { merged: Object.fromEntries(conflicts.map((one) => [one.field, text(one)])) } : 'theirs');
      }
    });
  };

  // Not the library's default (MERGE-001): the app asks for it, in the one place where it hears of entries.
  test("MERGE-002: an app may let the last writer win: theirs is taken, without a person's word", async () => {
    const { app } = given;
    const page = await app.open();
    decides(page, { 'pages.title': 'lww' });
    await page.shows(PAGE);
    await app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    await app.bilal('title', 'theirs');
    app.back();
    await waitFor(() => page.title() === 'theirs' && page.waiting.length === 0, 'theirs');
    expect([app.requests, app.model.rows.get('pages p1')!['title']]).toEqual([[], 'theirs']);
  });

  // Every field is `manual` here, but for those that the app's rule names.
  test('MERGE-003: a field without such a rule waits for the person, beside one that has it', async () => {
    const { app } = given;
    const page = await app.open();
    decides(page, { 'pages.body': 'lww' });
    await page.shows(PAGE);
    await app.away();
    await page.offline.add('pages.update', { id: 'p1', title: 'mine' });
    await page.offline.add('pages.update', { id: 'p1', body: 'my text' });
    await app.bilal('title', 'theirs');
    await app.bilal('body', 'their text');
    app.back();
    await waitFor(() => page.waiting.length === 1 && page.offline.status.conflicted === 1, 'one to be decided');
    expect(page.waiting).toMatchObject([{ fields: { title: 'mine' }, conflicts: [{ field: 'title' }] }]);
    expect(page.data(PAGE)).toMatchObject({ title: 'mine', body: 'their text' });
    expect(app.requests).toEqual([]);
  });

  // No option of a mutation: an entry names entity and field, so that the app's table of hints is one look away, and may be the same as its schema's.
  test('MERGE-007: a hint of a field is found by entity and field, and says what is done: here two texts become one', async () => {
    const { app } = given;
    app.row('p2', { title: 'One fine day' });
    const page = await app.open();
    decides(page, { 'pages.title': 'text' });
    await app.away();
    const base = { title: { value: 'One fine day', version: 'first-pages-p2' } };
    await page.offline.add('pages.update', { id: 'p2', title: 'One very fine day' }, { base });
    await app.bilal('title', 'One fine summer day', { id: 'p2' });
    app.back();
    await waitFor(() => app.model.rows.get('pages p2')!['title'] === 'One very fine summer day', 'both');
    await app.sent(page);
    expect(app.requests).toHaveLength(1);
  });
});
