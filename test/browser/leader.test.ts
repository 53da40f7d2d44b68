/**
 * The tab that has the stream dies, stands still, leaves, is discarded or waits in the back-forward cache. Another one has a stream within
 * 10 s, no action is lost or doubled, and the server has ended the old stream. Each case first looks at what it takes for granted.
 */
import { Chromium } from '../support/chromium/chromium.js';
import { mustBeHidden, mustBeProcesses } from '../support/chromium/premises.js';
import { continueProcess, stateOf, stopProcess } from '../support/chromium/process.js';
import { waitFor } from '../support/wait.js';
import { leaderOf, openPages, PROMISED_MS, stopwatch, type Page } from './support/pages.js';
import { Site } from './support/site.js';

jest.setTimeout(240_000);

const STOPPED_MS = 30_000;

let chromium: Chromium;
let site: Site;
beforeAll(async () => {
  [chromium, site] = await Promise.all([Chromium.launch(), Site.start()]);
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});

interface Case {
  leader: Page;
  others: Page[];
}

let users = 0;

/** Three tabs of a user of its own, the first action heard by all. */
async function threeTabs(): Promise<Case & { user: string }> {
  const user = `user${++users}`;
  const pages = await openPages(chromium, site, 3, { query: `?user=${user}` });
  await site.publish();
  for (const page of pages) await page.hears(site.published);
  await site.settled(user);
  const leader = await leaderOf(pages);
  return { user, leader, others: pages.filter((page) => page !== leader) };
}

/** The leader goes as `fault` says. Actions come while nobody may lead; then one of `others` does, in time, and has missed nothing. Gives the new leader. */
async function takenOver<Result>(user: string, others: readonly Page[], fault: () => Promise<Result>): Promise<Result> {
  const took = await stopwatch(others);
  const result = await fault();
  await site.publish(2);
  const next = await leaderOf(others);
  await waitFor(() => next.tab.evaluate('page.client.status.state === "live"'), 'the new leader to be live');
  const ms = await took(next);
  await site.publish();
  const last = site.published;
  for (const page of others) await page.hears(last);
  // It has led since then, and not before.
  expect(ms).toBeGreaterThan(0);
  expect(ms).toBeLessThan(PROMISED_MS);
  await site.settled(user);
  for (const page of others) expect(page.wrongs().filter((wrong) => !wrong.startsWith('the last'))).toEqual([]);
  return result;
}

const closeAll = async (...pages: Page[]): Promise<void> => {
  for (const { tab } of pages) await tab.close();
};

/** The renderer stands still for 30 s, while the other cases run; then it goes on, as a follower that has missed nothing. */
let standsStill: Promise<void>;
async function stopped(): Promise<void> {
  const { user, leader, others } = await threeTabs();
  const [pid = 0] = await mustBeProcesses(leader.tab, ...others.map(({ tab }) => tab));
  const since = Date.now();
  try {
    await takenOver(user, others, () => stopProcess(pid));
    expect(stateOf(pid)).toBe('T');
    await waitFor(() => Date.now() - since > STOPPED_MS, 'the 30 s to be over', STOPPED_MS + 10_000);
  } finally {
    continueProcess(pid);
  }
  await site.publish();
  const last = site.published;
  for (const page of [leader, ...others]) await page.hears(last);
  expect(leader.wrongs()).toEqual([]);
  expect(await leader.leads()).toBe(false);
  await site.settled(user);
  await closeAll(leader, ...others);
}

test("the leader's renderer is killed", async () => {
  const { user, leader, others } = await threeTabs();
  await mustBeProcesses(leader.tab, ...others.map(({ tab }) => tab));
  await takenOver(user, others, () => leader.tab.kill());
  await closeAll(leader, ...others);
  // From here on beside the others, and told by a test of its own. A trace, which names processes, waits for one that stands still.
  standsStill = stopped();
  standsStill.catch(() => undefined);
});

test('the leader is closed', async () => {
  const { user, leader, others } = await threeTabs();
  await takenOver(user, others, () => leader.tab.close());
  await closeAll(...others);
});

test('the leader goes to another page, waits in the back-forward cache, and comes back as a follower that has missed nothing', async () => {
  const { user, leader, others } = await threeTabs();
  await takenOver(user, others, () => leader.tab.goto(`${site.url}/blank`));
  expect(await leader.tab.back()).toBe(true);
  await leader.tab.until("page.log.some(([name, persisted]) => name === 'pageshow' && persisted === true)");
  await leader.live();
  await site.publish();
  const last = site.published;
  await leader.tab.until(`page.log.some(([name, , entity]) => name === 'event' && entity === '${last}')`);
  const heard = await leader.tab.evaluate<string[]>(
    "page.log.filter(([name, type]) => name === 'event').map(([, type, entity]) => type + ' ' + entity)",
  );
  expect(heard).toEqual(Array.from({ length: last - leader.born }, (_, index) => `insert ${leader.born + index + 1}`));
  expect(await leader.leads()).toBe(false);
  await site.settled(user);
  await closeAll(leader, ...others);
});

test('the leader is discarded', async () => {
  const { user, leader, others } = await threeTabs();
  await others[0]!.tab.show();
  await mustBeHidden(leader.tab);
  const showAgain = await takenOver(user, others, () => leader.tab.discard());
  const again = await showAgain();
  await again.until('document.wasDiscarded && globalThis.page?.client.status.state === "live"');
  await site.settled(user);
  await again.close();
  await closeAll(...others);
});

test('the leader is frozen, and thawed after it was replaced', async () => {
  const { user, leader, others } = await threeTabs();
  await others[0]!.tab.show();
  await mustBeHidden(leader.tab);
  await takenOver(user, others, async () => {
    await leader.tab.freeze();
    await waitFor(() => leader.lines.some(([name]) => name === 'freeze'), 'the page to be frozen');
  });
  await leader.tab.thaw();
  await site.publish();
  const last = site.published;
  for (const page of [leader, ...others]) await page.hears(last);
  expect(leader.wrongs()).toEqual([]);
  await site.settled(user);
  await closeAll(leader, ...others);
});

test("the leader's renderer stands still for 30 s, and goes on as a follower", async () => {
  await standsStill;
});
