/**
 * Browsers that lack something, and tabs that are not alike: duplicated, in two windows, private, without storage, locks or channels, with a
 * full storage, of two versions of the client, signed out in one place, of another user.
 */
import { Chromium } from '../support/chromium/chromium.js';
import { waitFor } from '../support/wait.js';
import { leaderOf, openPages, Page, PROMISED_MS, stopwatch } from './support/pages.js';
import { CLIENT_PAGE, Site } from './support/site.js';
import { bundle } from './support/bundle.js';

jest.setTimeout(120_000);

let chromium: Chromium;
let site: Site;
let newer = '';
beforeAll(async () => {
  // A client whose protocol is another one: what it shares with tabs has other names.
  newer = await bundle(CLIENT_PAGE, { replace: [[/export const PROTOCOL = (\d+)/, 'export const PROTOCOL = 1000 + $1']] });
  [chromium, site] = await Promise.all([Chromium.launch(), Site.start({ scripts: { '/newer.js': newer } })]);
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});

let user = '';
let users = 0;
beforeEach(() => {
  user = `user${++users}`;
});

/** All of them hear what comes now, and have heard everything once. */
async function allHear(pages: readonly Page[]): Promise<void> {
  await site.publish();
  const last = site.published;
  for (const page of pages) await page.hears(last);
  for (const page of pages) expect(page.wrongs(last)).toEqual([]);
}

const query = (): { query: string } => ({ query: `?user=${user}` });
const closeAll = async (pages: readonly Page[]): Promise<void> => {
  for (const { tab } of pages) await tab.close();
};

test('a duplicated tab is one more follower', async () => {
  const [page] = (await openPages(chromium, site, 1, query())) as [Page];
  const before = page.lines.length;
  const copy = await page.tab.duplicate();
  await copy.until('page.client.status.state === "live"');
  expect(await copy.evaluate('page.client.status.leader')).toBe(false);
  expect(await copy.evaluate('page.client.sourceId')).not.toBe(await page.tab.evaluate('page.client.sourceId'));
  await site.publish();
  await waitFor(
    () => page.lines.slice(before).filter(([, type, entity]) => type === 'insert' && entity === String(site.published)).length === 2,
    'both to hear it',
  );
  await site.settled(user);
  await copy.close();
  await closeAll([page]);
});

test('two windows share a stream, both of them visible', async () => {
  const first = await Page.open(chromium, site, query());
  const second = await Page.open(chromium, site, { ...query(), window: true });
  const pages = [first, second];
  for (const page of pages) await page.live();
  expect([await first.tab.visibility(), await second.tab.visibility()]).toEqual(['visible', 'visible']);
  await allHear(pages);
  await site.settled(user);
  await closeAll(pages);
});

test('a private window is a browser of its own', async () => {
  const normal = await openPages(chromium, site, 2, query());
  const context = await chromium.privateContext();
  const hidden = await openPages(chromium, site, 1, { ...query(), context });
  await allHear([...normal, ...hidden]);
  await site.settled(user, 2);
  await leaderOf(normal);
  await leaderOf(hidden);
  await closeAll([...normal, ...hidden]);
});

test('eight tabs of a user who may have five streams: none is refused, and the requests of each get through', async () => {
  const [before, connects] = [site.hub.metrics().refusals, site.connects];
  // Over HTTP/1.1 a browser has six connections to a server for all its tabs: two tabs with three streams each took them all.
  const pages = await openPages(chromium, site, 8, query());
  for (const { tab } of pages) expect(await tab.evaluate('fetch("/blank").then(({ status }) => status)')).toBe(200);
  await allHear(pages);
  for (const { lines } of pages) expect(lines.filter(([name, , reason]) => name === 'status' && reason === 'limit')).toEqual([]);
  await site.settled(user);
  expect([site.hub.metrics().refusals, site.connects - connects]).toEqual([before, 1]);
  await closeAll(pages);
});

test('without Web Locks the lease in localStorage elects; its leader is killed and followed', async () => {
  const script = 'delete Navigator.prototype.locks;';
  const pages = await openPages(chromium, site, 2, { ...query(), script });
  expect(await pages[0]!.tab.evaluate('typeof navigator.locks')).toBe('undefined');
  await allHear(pages);
  await site.settled(user);
  const leader = await leaderOf(pages);
  const left = pages.filter((page) => page !== leader);
  const took = await stopwatch(left);
  await leader.tab.kill();
  await site.publish();
  const next = await leaderOf(left);
  await next.live();
  const ms = await took(next);
  expect(ms).toBeGreaterThan(0);
  expect(ms).toBeLessThan(PROMISED_MS);
  await allHear(left);
  await site.settled(user);
  await closeAll(pages);
});

test('without BroadcastChannel each tab has a stream', async () => {
  const pages = await openPages(chromium, site, 2, { ...query(), script: 'delete globalThis.BroadcastChannel;' });
  await allHear(pages);
  await site.settled(user, 2);
  await closeAll(pages);
});

test('with a full storage nothing is missing', async () => {
  const script = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };";
  const pages = await openPages(chromium, site, 2, { ...query(), script });
  await expect(pages[0]!.tab.evaluate("localStorage.setItem('a', 'b')")).rejects.toThrow('full');
  await allHear(pages);
  await site.settled(user);
  await closeAll(pages);
});

test('with storage blocked, which takes the locks too, each tab has a stream', async () => {
  const blocked = await Chromium.launch({ blockStorage: true });
  try {
    const pages = await openPages(blocked, site, 2, query());
    await expect(pages[0]!.tab.evaluate('localStorage.length')).rejects.toThrow('SecurityError');
    await allHear(pages);
    await site.settled(user, 2);
  } finally {
    await blocked.close();
  }
  await site.settled(user, 0);
});

test('tabs of two versions of the client have a stream each, and disturb each other in nothing', async () => {
  const old = await openPages(chromium, site, 2, query());
  const fresh = await openPages(chromium, site, 2, { query: `?user=${user}&script=/newer.js` });
  await allHear([...old, ...fresh]);
  await site.settled(user, 2);
  await leaderOf(old);
  await leaderOf(fresh);
  await closeAll([...old, ...fresh]);
});

test('who signs out in one tab is signed out in all, and nothing is kept; another user of the same browser is not touched', async () => {
  const pages = await openPages(chromium, site, 3, query());
  const others = await openPages(chromium, site, 1, { query: `?user=${user}-other` });
  await allHear([...pages, ...others]);
  await pages[1]!.tab.evaluate('page.client.close({ forget: true })');
  for (const page of pages) await page.tab.until('page.client.status.state === "closed"');
  await site.settled(user, 0);
  expect(await pages[0]!.tab.evaluate(`Object.keys(localStorage).filter((name) => name.includes(' ${user} ') || name.endsWith(' ${user}'))`)).toEqual(
    [],
  );
  await allHear(others);
  await site.settled(`${user}-other`);
  await closeAll([...pages, ...others]);
});
