/**
 * `pathcast/offline` on the IndexedDB of a real Chromium: a tab is closed, crashes or is killed in each state of an entry, two tabs take over from each other in
 * the middle of a call, and a handle is lost. What was kept is done once, or is shown.
 */
import { Chromium } from '../support/chromium/chromium.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { OfflineSite } from './support/offline-site.js';
import { databaseOf, OFFLINE_PAGE, OfflineTab } from './support/offline-tab.js';

jest.setTimeout(90_000);

let chromium: Chromium;
let site: OfflineSite;
let user = '';
let users = 0;
const pages: OfflineTab[] = [];

beforeAll(async () => {
  chromium = await Chromium.launch();
  site = await OfflineSite.start({ '/client.js': await bundle(OFFLINE_PAGE), '/page.css': '' });
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});
beforeEach(() => {
  user = `user-${String(++users)}`;
  site.model.rows.clear();
  site.model.versions.clear();
  site.model.effects.length = 0;
  site.calls.length = 0;
  site.up = true;
  site.fate = () => undefined;
});
afterEach(async () => {
  site.release();
  for (const page of pages.splice(0)) await page.tab.close();
});

async function open(): Promise<OfflineTab> {
  const page = await OfflineTab.open(chromium, site, user);
  pages.push(page);
  return page;
}
const create = (page: OfflineTab, id = 'a', title = 'One'): Promise<string> => page.keep('pages.create', { id, title });
const effects = (): string[] => site.model.effects.map(({ id }) => id);
const row = (id = 'a'): unknown => site.model.rows.get(`pages ${id}`);

type End = (page: OfflineTab) => Promise<void>;
const ENDS: [string, End][] = [
  ['is closed', (page) => page.tab.close()],
  ['crashes', (page) => page.crash()],
  ['is killed', (page) => page.kill()],
];

describe.each(ENDS)('a tab %s', (_, end) => {
  test('while an entry is queued: the next one sends it', async () => {
    site.up = false;
    const first = await open();
    const id = await create(first);
    await end(first);
    site.up = true;
    const next = await open();
    await next.settled();
    expect([effects(), row()]).toEqual([[id], { title: 'One' }]);
  });

  test('while it is sent, before the server has done it: it is done once', async () => {
    site.fate = () => 'held';
    const first = await open();
    const id = await create(first);
    await waitFor(() => site.held === 1, 'the call');
    await end(first);
    site.fate = () => undefined;
    const next = await open();
    await next.settled();
    // The first call is done too late, as one of a proxy's may be.
    site.release();
    await waitFor(() => site.model.asked > 1 || site.calls.length > 1, 'both calls');
    expect([effects(), site.calls.map((call) => call.id)]).toEqual([[id], [id, id]]);
  });

  test('while it is sent, after the server has done it: it is done once, and its caller would have had the same answer', async () => {
    site.fate = () => 'held-after';
    const first = await open();
    const id = await create(first);
    await waitFor(() => site.held === 1, 'the call');
    await end(first);
    site.fate = () => undefined;
    const next = await open();
    await next.settled();
    expect([effects(), site.calls.length]).toEqual([[id], 2]);
    expect((await next.entries()).map((entry) => [entry.state, entry.answer])).toEqual([['acked', { id: 'a', by: id }]]);
  });

  test('after it is done: nothing is sent again', async () => {
    const first = await open();
    const id = await create(first);
    await first.is(id, 'acked');
    await end(first);
    const next = await open();
    await next.settled();
    const second = await create(next, 'b');
    await next.is(second, 'acked');
    expect(site.calls.map((call) => call.id)).toEqual([id, second]);
  });

  test('while it is conflicted: the next one shows it with all that is known, and ends it', async () => {
    site.model.call('pages.create', { id: 'a', title: 'One', tx: { transactionId: `seen-${user}` } });
    site.model.edit('pages a', 'title', 'Theirs', 'bilal');
    const first = await open();
    const id = await first.keep('pages.update', { id: 'a', title: 'Mine' }, { base: { title: { value: 'One', version: `seen-${user}` } } });
    await first.is(id, 'conflicted');
    await end(first);
    const next = await open();
    await next.is(id, 'conflicted');
    expect((await next.entries())[0]?.conflicts).toEqual([{ field: 'title', base: 'One', mine: 'Mine', theirs: 'Theirs', by: 'bilal', at: null, version: 'bilal' }]);
    await next.tab.evaluate(`offline.resolve('${id}', { merged: { title: 'Both' } })`);
    await next.settled();
    await waitFor(() => (row() as { title: string }).title === 'Both', 'the merge');
  });

  test('while it is refused: the next one shows it', async () => {
    const first = await open();
    const id = await first.keep('pages.update', { id: 'a', refuse: true });
    await first.is(id, 'rejected');
    await end(first);
    const next = await open();
    await next.is(id, 'rejected');
    expect(await next.tab.evaluate('[offline.status.failed, offline.entries[0].error.httpStatus]')).toEqual([1, 422]);
  });
});

describe.each(ENDS)('of two tabs the one that sends %s in mid-send', (_, end) => {
  test.each(['held', 'held-after'] as const)('(%s): the other one takes over, and who waits there has the answer', async (fate) => {
    const [first, second] = [await open(), await open()];
    await waitFor(() => first.leads(), 'the first to lead');
    site.fate = () => fate;
    const id = await create(second);
    await waitFor(() => site.held === 1, 'the call');
    await second.is(id, 'sending');
    site.fate = () => undefined;
    await end(first);
    await waitFor(() => second.leads(), 'the second to lead');
    await second.settled();
    await waitFor(() => second.answer(id), 'the answer');
    expect([await second.answer(id), effects()]).toEqual([['answer', { id: 'a', by: id }], [id]]);
  });
});

test('two tabs: what either does is seen in both, sent in one order, and each has its own answers', async () => {
  const [first, second] = [await open(), await open()];
  site.up = false;
  const made = await create(first);
  await waitFor(async () => (await second.state(made)) !== 'gone', 'it to be seen in the other');
  const other = await create(second, 'b');
  await waitFor(async () => (await first.state(other)) !== 'gone', 'that, too');
  expect(await first.tab.evaluate('offline.status.unsent')).toBe(2);
  site.up = true;
  for (const page of [first, second]) await page.settled();
  await waitFor(async () => (await first.answer(made)) && (await second.answer(other)), 'both answers');
  expect(effects().sort()).toEqual([made, other].sort());
  expect([await first.leads(), await second.leads()].filter(Boolean)).toHaveLength(1);
});

test('a handle that a newer version takes away is opened again, and nothing is lost', async () => {
  const page = await open();
  site.up = false;
  const kept = await create(page);
  // As another program of this origin does it, which thinks better of it.
  const outcome = await page.tab.evaluate(`new Promise((resolve) => {
    const request = indexedDB.open(${JSON.stringify(databaseOf(user))}, 999);
    request.onblocked = () => resolve('blocked');
    request.onupgradeneeded = () => request.transaction.abort();
    request.onerror = () => resolve('aborted');
  })`);
  expect(outcome).toBe('aborted');
  const second = await create(page, 'b', 'Two');
  site.up = true;
  await page.settled();
  expect(effects().sort()).toEqual([kept, second].sort());
  expect(page.problems).toEqual([]);
});

const throwAway = (page: OfflineTab): Promise<unknown> => page.tab.send('Storage.clearDataForOrigin', { origin: site.url, storageTypes: 'indexeddb' });

test('the browser throws away what was kept while nobody looks: that is told, with how many it were', async () => {
  const page = await open();
  site.up = false;
  await create(page);
  await create(page, 'b');
  await page.tab.goto(`${site.url}/page.css`);
  await throwAway(page);
  await page.tab.goto(`${site.url}/?user=${user}`);
  await page.tab.evaluate('started');
  await waitFor(() => page.problems.some(([, code]) => code === 'evicted'), 'it to be told');
  expect(page.problems.find(([, code]) => code === 'evicted')).toEqual(['problem', 'evicted', 2]);
  expect(await page.tab.evaluate('offline.status.storage')).toBe('lost');
});

test('the browser throws it away under a tab that knows it: nothing is lost', async () => {
  const page = await open();
  site.up = false;
  const ids = [await create(page), await create(page, 'b')];
  await throwAway(page);
  // Whatever it does next finds out.
  ids.push(await create(page, 'c'));
  site.up = true;
  await page.settled();
  expect(effects().sort()).toEqual(ids.sort());
});

test('another user of this browser sees nothing of it, and sends nothing of it', async () => {
  const first = await open();
  site.up = false;
  const id = await create(first);
  await first.tab.close();
  user = `${user}-other`;
  site.calls.length = 0;
  site.up = true;
  const other = await open();
  await create(other, 'b');
  await other.settled();
  expect((await other.entries()).map((entry) => entry.id)).not.toContain(id);
  expect(site.calls.map((call) => call.id)).not.toContain(id);
});

test('no page has complained', () => {
  // A call that gets no answer is an error of the network, which the browser says by itself.
  expect(chromium.complaints.filter((text) => !/Failed to load resource|ERR_EMPTY_RESPONSE/.test(text))).toEqual([]);
});
