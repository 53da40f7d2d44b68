/** A database that is lost, full, shut or thrown away: what is kept is true, and what is not is told. */
import { crud } from '../../lib/offline/crud.js';
import type { Send } from '../../lib/offline/types.js';
import { makeRandom } from '../support/random.js';
import { ModelServer } from './support/model-server.js';
import { NO_FAULTS, openPage, Stage, type Page, type PageOptions } from './support/stage.js';

let stage: Stage;
let server: ModelServer;

beforeEach(() => {
  stage = new Stage(makeRandom(7));
  server = new ModelServer(() => stage.clock.now);
});

const sends: Send = async (path, input) => Promise.resolve(server.call(path, input));

async function open(options: Partial<PageOptions> = {}): Promise<Page> {
  const page = await openPage(stage, { mutations: crud('pages'), sends, ...options });
  page.outbox.start();
  await stage.run(10);
  return page;
}

/** Unsent, for nothing may be sent. */
async function resting(): Promise<Page> {
  const page = await open();
  page.outbox.pause('by_hand');
  return page;
}

test('a handle that is lost once costs nothing', async () => {
  const page = await resting();
  const { random } = stage;
  // Each second one.
  let nth = 0;
  random.chance = () => (nth += 1) % 2 === 1;
  stage.faults.lost = 1;
  for (let row = 0; row < 20; row += 1) await stage.done(page.outbox.add('pages.create', { id: `p${row}` }));
  expect(page.outbox.entries).toHaveLength(20);
  expect(page.problems).toEqual([]);
});

test('a handle that stays lost is told, shows nothing, and what comes after it is kept again', async () => {
  const page = await resting();
  stage.faults.lost = 1;
  await expect(stage.done(page.outbox.add('pages.create', { id: 'p1' }))).rejects.toMatchObject({ code: 'STORAGE', retryable: false });
  expect(page.outbox.entries).toEqual([]);
  expect(page.problems.map(({ code }) => code)).toEqual(['storage_lost']);
  expect(page.storage.state).toBe('unavailable');
  stage.faults.lost = 0;
  await stage.done(page.outbox.add('pages.create', { id: 'p2' }));
  expect(page.storage.state).toBe('ok');
  expect(page.outbox.entries).toMatchObject([{ entityId: 'p2' }]);
});

test('what was kept without a word of it is kept once', async () => {
  const page = await resting();
  stage.faults.unheard = 1;
  for (let row = 0; row < 5; row += 1) await stage.done(page.outbox.add('pages.create', { id: `p${row}` }));
  stage.faults.unheard = 0;
  expect(page.outbox.entries.map(({ entityId }) => entityId)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
  page.tab.kill();
  expect((await resting()).outbox.entries).toHaveLength(5);
});

test('a full disk: offline it is refused and not shown; online it is sent without being kept', async () => {
  const page = await resting();
  Object.assign(stage.faults, NO_FAULTS, { full: true });
  await expect(stage.done(page.outbox.add('pages.create', { id: 'p1' }))).rejects.toMatchObject({ code: 'STORAGE', retryable: true });
  expect(page.outbox.entries).toEqual([]);
  expect(page.problems.map(({ code }) => code)).toEqual(['storage_full']);
  page.outbox.resume('by_hand');
  const { answer, kept } = await stage.done(page.outbox.add('pages.create', { id: 'p1', title: 'Plan' }));
  expect(kept).toBe(false);
  await stage.done(answer);
  expect(server.rows.get('pages p1')).toEqual({ title: 'Plan' });
});

test('a full disk, and something of the row waits: it may not overtake', async () => {
  const page = await resting();
  await stage.done(page.outbox.add('pages.create', { id: 'p1' }));
  stage.faults.full = true;
  page.outbox.resume('by_hand');
  await expect(stage.done(page.outbox.add('pages.update', { id: 'p1', title: 'b' }))).rejects.toMatchObject({ code: 'STORAGE' });
  stage.faults.full = false;
  await stage.done(page.outbox.flush());
  expect(server.rows.get('pages p1')).toEqual({});
});

test('a full disk: what is sent without being kept goes one after the other', async () => {
  const came: unknown[] = [];
  const slow = [100, 50, 1];
  const page = await open({
    sends: async (path, input) => {
      await new Promise<void>((done) => stage.clock.after(slow.shift() ?? 1, done));
      came.push((input as { title: string }).title);
      return server.call(path, input);
    },
  });
  stage.faults.full = true;
  const all = [page.outbox.add('pages.create', { id: 'p1', title: 'a' }), page.outbox.add('pages.update', { id: 'p1', title: 'b' }), page.outbox.add('pages.create', { id: 'p2', title: 'c' })];
  for (const { answer, kept } of await stage.done(Promise.all(all))) {
    expect(kept).toBe(false);
    await stage.done(answer);
  }
  expect(came).toEqual(['c', 'a', 'b']);
});

test('where nothing can be kept it lives in the tab, and that is said', async () => {
  const page = await open({ indexedDB: undefined });
  expect(page.problems.map(({ code }) => code)).toEqual(['storage_unavailable']);
  await stage.done((await stage.done(page.outbox.add('pages.create', { id: 'p1' }))).answer);
  expect(server.rows.has('pages p1')).toBe(true);
  stage.faults.shut = true;
  const shut = await open();
  expect(shut.storage.state).toBe('unavailable');
  await stage.done((await stage.done(shut.outbox.add('pages.create', { id: 'p2' }))).answer);
});

test('what is thrown away under a tab that knows it is kept anew', async () => {
  const page = await resting();
  await stage.done(page.outbox.add('pages.create', { id: 'p1' }));
  stage.evict();
  await stage.run(100);
  page.tab.kill();
  const next = await open();
  await stage.done(next.outbox.flush());
  expect(server.rows.has('pages p1')).toBe(true);
});

test('what is thrown away while nobody looks is told, with its number', async () => {
  const page = await resting();
  await stage.done(page.outbox.add('pages.create', { id: 'p1' }));
  await stage.done(page.outbox.add('pages.create', { id: 'p2' }));
  page.tab.kill();
  stage.evict();
  const next = await resting();
  expect(next.problems).toMatchObject([{ code: 'evicted', count: 2 }]);
  expect(next.storage.state).toBe('lost');
  await stage.done(next.outbox.add('pages.create', { id: 'p3' }));
  next.tab.kill();
  expect((await open()).problems).toEqual([]);
});

test('what waited for a person is counted, too', async () => {
  const page = await open();
  await stage.done((await stage.done(page.outbox.add('pages.create', { id: 'p1', refuse: true }))).answer.catch(() => undefined));
  expect(page.outbox.entries).toMatchObject([{ state: 'rejected' }]);
  page.tab.kill();
  stage.evict();
  expect((await resting()).problems).toMatchObject([{ code: 'evicted', count: 1 }]);
});

test('what is thrown away before another tab has heard of it is told by that tab', async () => {
  stage = new Stage(makeRandom(7), { channel: false });
  const first = await resting();
  const other = await resting();
  await stage.done(first.outbox.add('pages.create', { id: 'p1' }));
  await stage.run(2_000);
  await stage.done(first.outbox.add('pages.create', { id: 'p2' }));
  first.tab.kill();
  stage.evict();
  await stage.run(2_000);
  expect(other.problems).toMatchObject([{ code: 'evicted', count: 1 }, { code: 'dead' }]);
  expect(other.outbox.entries).toMatchObject([{ entityId: 'p1', state: 'dead', reason: 'unknown_outcome' }]);
});

test('a tab that has not heard what became of a change does not send it again of itself', async () => {
  stage = new Stage(makeRandom(7), { channel: false });
  const first = await resting();
  const { id } = await stage.done(first.outbox.add('pages.create', { id: 'p1', title: 'a' }));
  const other = await resting();
  expect(other.outbox.entries).toMatchObject([{ id, state: 'queued' }]);
  // Under another id, with what was done since.
  await stage.done(first.outbox.add('pages.update', { id: 'p1', title: 'b' }));
  first.outbox.resume('by_hand');
  await stage.done(first.outbox.flush());
  first.tab.kill();
  const { length } = server.effects;
  stage.evict();
  other.outbox.resume('by_hand');
  await stage.run(20_000);
  expect(server.effects).toHaveLength(length);
  expect(other.outbox.entries).toMatchObject([{ id, state: 'dead', reason: 'unknown_outcome' }]);
  // A person may, and hears that there is such a row.
  await stage.done(other.outbox.retry(id));
  await stage.run(5_000);
  expect(other.outbox.entries).toMatchObject([{ id, state: 'conflicted' }]);
});

test('a tab that finds another database than its own, begun after a sign-out, sends nothing of what it knew', async () => {
  stage = new Stage(makeRandom(7), { channel: false });
  // It leads: nobody asks it anything meanwhile.
  const other = await resting();
  const first = await resting();
  const { answer } = await stage.done(other.outbox.add('pages.create', { id: 'p1' }));
  first.outbox.forget();
  await stage.done(first.storage.erase());
  const next = await open();
  const { answer: later } = await stage.done(next.outbox.add('pages.create', { id: 'p2' }));
  other.outbox.resume('by_hand');
  await stage.done(later);
  await stage.run(5_000);
  expect(server.effects).toMatchObject([{ input: { id: 'p2' } }]);
  expect(other.problems).toMatchObject([{ code: 'evicted', count: 1 }]);
  await expect(stage.done(answer)).rejects.toMatchObject({ code: 'DISCARDED' });
});

test('what only one tab had heard of is told by it, too, where another one was the first to keep it anew', async () => {
  const other = await resting();
  const first = await resting();
  await stage.done(first.outbox.add('pages.create', { id: 'p1' }));
  void other.outbox.add('pages.create', { id: 'p2' });
  stage.evict();
  await stage.run(2_000);
  for (const { problems, storage } of [other, first]) {
    expect(problems).toMatchObject([{ code: 'evicted', count: 1 }]);
    expect(storage.state).toBe('lost');
  }
});

test('what one tab deletes is gone in all of them, and nothing of it is sent', async () => {
  // In whichever order the other tab hears of it.
  for (let seed = 0; seed < 100; seed += 1) {
    stage = new Stage(makeRandom(seed));
    server = new ModelServer(() => stage.clock.now);
    const page = await resting();
    const other = await resting();
    const { answer } = await stage.done(other.outbox.add('pages.create', { id: 'p1' }));
    await stage.run(10);
    page.outbox.forget();
    await stage.done(page.storage.erase());
    await expect(stage.done(answer)).rejects.toMatchObject({ code: 'STORAGE' });
    expect(other.outbox.paused).toContain('signed_out');
    const next = await open();
    expect(next.outbox.entries).toEqual([]);
    expect(next.problems).toEqual([]);
    await stage.run(5_000);
    expect(server.effects).toEqual([]);
  }
});
