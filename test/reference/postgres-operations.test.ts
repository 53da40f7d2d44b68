/** What `/metrics` and the dashboard say of the worker that reads PostgreSQL: while all is well, while Redis stands still, and when it is back. */
import type { Page } from 'playwright-core';
import { PostgresServer } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import { Browser, PAGES_FOLDER } from './support/browser.js';
import { databaseOf, pagesApi, tx } from './support/postgres.js';
import { login, startServer, type TestServer } from './support/server.js';

let postgres: PostgresServer;
let redis: RedisServer;
let server: TestServer;
let browser: Browser;
let sql: (text: string) => Promise<string[][]>;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
  const database = await databaseOf(postgres, 'operations');
  ({ sql } = database);
  server = await startServer({ PATHCAST_POSTGRES_URL: database.url, PATHCAST_REDIS_URL: `redis+unix://${redis.socket}` }, { pagesFolder: PAGES_FOLDER });
  browser = await Browser.launch({ width: 1_280 });
}, 120_000);
afterAll(async () => {
  redis?.cont();
  await browser?.close();
  await server?.close();
  await redis?.end();
  await postgres?.end();
});

const metric = async (name: string): Promise<number | undefined> => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
};

const tile = (page: Page, name: string) => page.locator(`section[aria-label=PostgreSQL] [data-tile="${name}"]`);
const value = (page: Page, name: string): Promise<string | null> => tile(page, name).locator('.tile-value').textContent();
const isRed = async (page: Page, name: string): Promise<boolean> => (await tile(page, name).getAttribute('class'))?.includes('alarm') ?? false;

/** Of a person who wants to see it: a folder for pictures. */
const PICTURES = process.env['PATHCAST_PICTURES'];
async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  for (const width of [1_280, 768, 375]) {
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: `${PICTURES}/${name}-${String(width)}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 1_280, height: 1_000 });
}

test('the worker’s counters are in /metrics, its tiles and charts on the dashboard; while Redis stands still the lag grows', async () => {
  const token = await login(server, 'acme');
  await waitFor(async () => (await metric('pathcast_cdc_state{state="streaming"}')) === 1, 'the worker to read');
  await pagesApi(server.url, token).pages.create.mutate({ title: 'Seating', body: 'later', tx: tx() });
  await waitFor(async () => (await metric('pathcast_cdc_actions_total')) === 1, 'the row to be told');
  expect(await metric('pathcast_cdc_poison_total')).toBe(0);
  const page = await browser.page();
  await page.goto(`${server.url}/dashboard`);
  await tile(page, 'PostgreSQL').getByText('streaming', { exact: true }).waitFor();
  await tile(page, 'Behind').getByText('0 s', { exact: true }).waitFor();
  await waitFor(async () => /\d [KM]?i?B$/.test((await value(page, 'WAL kept')) ?? ''), 'the slot to be shown');
  expect(await value(page, 'Commit to log')).toMatch(/\d/);
  expect(await tile(page, 'Commit to log').textContent()).toContain('1 action');
  for (const name of ['PostgreSQL', 'Behind', 'WAL kept', 'Poison', 'All told to read']) expect([name, await isRed(page, name)]).toEqual([name, false]);
  await picture(page, 'well');

  await redis.stop();
  await sql(`UPDATE pages SET title = 'Seating plan'`);
  await waitFor(async () => ((await metric('pathcast_cdc_lag_seconds')) ?? 0) > 2, 'the lag to grow');
  await waitFor(async () => /^[1-9][\d.]* s$/.test((await value(page, 'Behind')) ?? ''), 'the lag to be shown');
  expect(await tile(page, 'Behind').textContent()).toContain('1 commit waiting');
  await picture(page, 'stalled');
  redis.cont();
  await waitFor(async () => (await metric('pathcast_cdc_lag_seconds')) === 0, 'the lag to be over');
  await tile(page, 'Behind').getByText('0 s', { exact: true }).waitFor();
  const charts = await page.locator('section[aria-label=PostgreSQL] [data-chart]').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset['chart']));
  expect(charts).toEqual(['Behind PostgreSQL', 'Commit to log']);
  expect(browser.complaints).toEqual([]);
}, 180_000);
