/**
 * What broke: a tab held three streams, and a browser keeps six connections to a server for all its tabs together. With
 * the second tab no request got through: no data, no change, no third tab, all under "Live". Tabs that show the same
 * person now share one stream, and a browser never has more than four. A refetch that failed counted as fresh.
 * Pinned in a real browser: several tabs, other workspaces, tabs that close, requests that fail.
 */
import type { Locator, Page } from 'playwright-core';
import { waitFor } from '../support/wait.js';
import { apiOf } from './support/clients.js';
import { Browser, PAGES_FOLDER } from './support/browser.js';
import { login, startServer, type TestServer } from './support/server.js';

jest.setTimeout(240_000);

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  server = await startServer({ PATHCAST_DEMO_DATA: '1' }, { pagesFolder: PAGES_FOLDER });
});
beforeEach(async () => {
  browser = await Browser.launch();
});
afterEach(() => browser?.close());
afterAll(() => server?.close());

const pane = (page: Page, who: string): Locator => page.locator(`[data-pane=${who}]`);
const status = async (page: Page, who: string): Promise<string> => ((await pane(page, who).getByTestId('status').textContent()) ?? '').trim();
const guest = (page: Page, who: string, name: string): Locator => pane(page, who).locator(`[data-guest="${name}"]`);

async function openTab(hash = ''): Promise<Page> {
  const page = await browser.page();
  await page.goto(`${server.url}/${hash}`);
  return page;
}

async function live(page: Page, ...who: string[]): Promise<void> {
  for (const name of who) {
    await waitFor(async () => (await status(page, name)) === 'Live', `${name} to be live`);
    await waitFor(async () => (await pane(page, name).getByTestId('guest-count').textContent()) === '6', `the guests of ${name}`);
  }
}

async function add(page: Page, who: string, name: string): Promise<void> {
  await page.bringToFront();
  await pane(page, who).getByLabel('Name of a new guest').fill(name);
  await pane(page, who).getByRole('button', { name: 'Add', exact: true }).click();
  await guest(page, who, name).waitFor();
}

const streams = (): number => server.hub.metrics().connections;

test('three tabs share three streams, all of them work, and the dashboard opens', async () => {
  const tabs: Page[] = [];
  for (let i = 0; i < 3; i++) {
    tabs.push(await openTab());
    await live(tabs[i] as Page, 'ada', 'bilal', 'chen');
  }
  const [first, second, third] = tabs as [Page, Page, Page];
  await waitFor(() => streams() === 3, 'three streams');
  await add(second, 'ada', 'From The Second');
  for (const tab of tabs) await guest(tab, 'bilal', 'From The Second').waitFor();
  await add(third, 'bilal', 'From The Third');
  for (const tab of tabs) await guest(tab, 'ada', 'From The Third').waitFor();
  const dashboard = await browser.page();
  await dashboard.goto(`${server.url}/dashboard`);
  await dashboard.locator('[data-tile=Connections]').getByText('3', { exact: true }).waitFor();

  // The tab that has the streams goes, and something changes while nobody has them.
  const workspace = new URL(first.url()).hash.slice(1);
  const api = apiOf(server, await login(server, `meadow-${workspace}`, 'script'));
  await first.close();
  await api.guests.create.mutate({ clientId: 'demo-rose-and-theo', name: 'In Between' });
  for (const tab of [second, third]) for (const who of ['ada', 'bilal']) await guest(tab, who, 'In Between').waitFor();
  await waitFor(() => streams() === 3, 'the streams to be taken over');

  // One tab goes offline and comes back: it alone is told what it missed, and the streams stay three.
  await third.bringToFront();
  await pane(third, 'bilal').getByRole('button', { name: 'Go offline' }).click();
  await add(second, 'ada', 'Missed By The Third');
  await third.bringToFront();
  await pane(third, 'bilal').getByRole('button', { name: 'Come back' }).click();
  await guest(third, 'bilal', 'Missed By The Third').waitFor();
  expect(await pane(third, 'bilal').getByTestId('notice').textContent()).toBe('Caught up on 1 change');
  await add(third, 'bilal', 'After That');
  await guest(second, 'bilal', 'After That').waitFor();
  await waitFor(() => streams() === 3, 'the streams to be three');
  expect(browser.complaints).toEqual([]);
});

test('tabs of other workspaces never take the last connection: a stream that has to wait says so', async () => {
  const first = await openTab('#one');
  await live(first, 'ada', 'bilal', 'chen');
  const second = await openTab('#two');
  for (const who of ['ada', 'bilal', 'chen']) {
    await waitFor(async () => (await pane(second, who).getByTestId('guest-count').textContent()) === '6', `the guests of ${who}`);
  }
  const words = await waitFor(async () => {
    const seen = await Promise.all(['ada', 'bilal', 'chen'].map((who) => status(second, who)));
    return seen.filter((word) => word === 'Live').length === 1 ? seen : undefined;
  }, 'one stream of the second tab to be live');
  expect([...words].sort()).toEqual(['Connecting', 'Connecting', 'Live']);
  const waiting = ['ada', 'bilal', 'chen'][words.indexOf('Connecting')] ?? '';
  await pane(second, waiting).getByTestId('notice').getByText('other tabs hold the streams').waitFor();
  expect(streams()).toBe(4);
  const third = await openTab('#three');
  await pane(third, 'ada').getByTestId('guest-count').getByText('6', { exact: true }).waitFor();
  await first.close();
  await live(second, 'ada', 'bilal', 'chen');
});

test('a refetch that failed is said, is not called fresh, and mends itself', async () => {
  const page = await openTab();
  await live(page, 'ada', 'bilal', 'chen');
  let failed = 0;
  await page.route(/guests\.getAll/, (route) => {
    failed += 1;
    return route.abort();
  });
  const workspace = new URL(page.url()).hash.slice(1);
  const api = apiOf(server, await login(server, `meadow-${workspace}`, 'script'));
  await api.guests.create.mutate({ clientId: 'demo-rose-and-theo', name: 'Not Yet Seen' });
  const notice = pane(page, 'bilal').getByTestId('notice');
  await notice.getByText(/^Not up to date .*; trying again$/).waitFor();
  await waitFor(() => failed >= 3, 'it to try again');
  await page.unroute(/guests\.getAll/);
  for (const who of ['ada', 'bilal']) await guest(page, who, 'Not Yet Seen').waitFor();
  await notice.waitFor({ state: 'detached' });
});

test('nothing is wider than a small phone', async () => {
  const page = await openTab();
  await live(page, 'ada', 'bilal', 'chen');
  for (const where of ['/', '/dashboard']) {
    await page.goto(server.url + where);
    for (const width of [320, 380, 600]) {
      await page.setViewportSize({ width, height: 800 });
      expect([where, width, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([where, width, width]);
    }
  }
});
