/** The page that shows sync at work, in a real browser: real clicks, the unmodified tRPC client, real streams. */
import type { Locator, Page } from 'playwright-core';
import { waitFor } from '../support/wait.js';
import { apiOf } from './support/clients.js';
import { Browser, PAGES_FOLDER } from './support/browser.js';
import { login, startServer, type TestServer } from './support/server.js';

jest.setTimeout(240_000);

/** ms from a click in one pane to the row in another, at most: a few ms, and what a busy machine takes for the clicks. */
const SEEN_WITHIN_MS = 15_000;

let server: TestServer;
let browser: Browser;
let page: Page;
let workspace = 0;

beforeAll(async () => {
  server = await startServer({ PATHCAST_DEMO_DATA: '1' }, { pagesFolder: PAGES_FOLDER });
  browser = await Browser.launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(async () => {
  workspace += 1;
  browser.complaints.length = 0;
  page = await browser.page();
  await page.goto(`${server.url}/#test-${workspace}`);
  for (const who of ['ada', 'bilal', 'chen']) await status(who, 'Live');
  for (const who of ['ada', 'bilal', 'chen']) await countIs(who, 6);
});
afterEach(async () => {
  await page.close();
  expect(browser.complaints).toEqual([]);
});

const pane = (who: string): Locator => page.locator(`[data-pane=${who}]`);
const guest = (who: string, name: string): Locator => pane(who).locator(`[data-guest="${name}"]`);
const button = (who: string, name: string): Locator => pane(who).getByRole('button', { name, exact: true });
const text = async (who: string, testId: string): Promise<string> => (await pane(who).getByTestId(testId).textContent()) ?? '';

async function status(who: string, word: string): Promise<void> {
  await waitFor(async () => (await text(who, 'status')).trim() === word, `${who} to be ${word}`);
}
async function countIs(who: string, count: number): Promise<void> {
  await waitFor(async () => (await text(who, 'guest-count')) === String(count), `${who} to have ${count} guests`);
}
const refreshes = async (who: string): Promise<number> => Number(await text(who, 'guest-refreshes'));

async function add(who: string, name: string, also: string[] = []): Promise<void> {
  for (const label of also) await pane(who).getByText(label, { exact: true }).click();
  await pane(who).getByLabel('Name of a new guest').fill(name);
  await button(who, 'Add').click();
}

test('what one user adds, renames, answers and deletes, the other of the company sees at once', async () => {
  const start = Date.now();
  await add('ada', 'Zelda Quint', ['Room', 'Ride']);
  await guest('bilal', 'Zelda Quint').waitFor();
  expect(Date.now() - start).toBeLessThan(SEEN_WITHIN_MS);
  // What follows from a guest is there too.
  for (const card of ['hotels', 'transport']) await pane('bilal').locator(`[data-card=${card}]`).getByText('Zelda Quint').waitFor();

  await button('bilal', 'Rename Zelda Quint').click();
  await pane('bilal').getByLabel('New name of Zelda Quint').fill('Zelda Quill');
  await page.keyboard.press('Enter');
  await guest('ada', 'Zelda Quill').waitFor();

  await button('ada', 'Zelda Quill: Waiting; change').click();
  await button('bilal', 'Zelda Quill: Coming; change').waitFor();

  await button('bilal', 'Delete Zelda Quill').click();
  await guest('ada', 'Zelda Quill').waitFor({ state: 'detached' });
  await countIs('ada', 6);
  await waitFor(async () => (await pane('ada').locator('[data-card=hotels]').getByText('Zelda').count()) === 0, 'the booking to be gone');
});

test('the other company sees nothing of it', async () => {
  await add('ada', 'Only Meadow');
  await guest('bilal', 'Only Meadow').waitFor();
  await add('chen', 'Only Harbour');
  await guest('chen', 'Only Harbour').waitFor();
  expect(await guest('chen', 'Only Meadow').count()).toBe(0);
  expect(await guest('bilal', 'Only Harbour').count()).toBe(0);
  expect(await text('chen', 'events')).not.toContain('by ada');
});

test('an import of 500 is one refresh', async () => {
  const before = await refreshes('bilal');
  await button('ada', 'Import 500').click();
  await countIs('bilal', 506);
  await countIs('ada', 506);
  // A change after it, as a fence: had there been more events for the import, they would have come before.
  await add('ada', 'Fence');
  await countIs('bilal', 507);
  expect(await refreshes('bilal')).toBe(before + 2);
  expect((await text('bilal', 'events')).match(/insert in guests by ada/g)).toHaveLength(2);
  await waitFor(async () => (await pane('bilal').locator('[data-card=clients]').textContent())?.includes('1,01'), 'the head count of the client');
});

test('who was offline catches up, and is told', async () => {
  await button('bilal', 'Go offline').click();
  await status('bilal', 'Offline');
  await add('ada', 'Missed One');
  await guest('ada', 'Missed One').waitFor();
  await add('ada', 'Missed Two');
  await guest('ada', 'Missed Two').waitFor();
  expect(await guest('bilal', 'Missed One').count()).toBe(0);
  expect(await pane('bilal').getByLabel('Name of a new guest').isDisabled()).toBe(true);

  await button('bilal', 'Come back').click();
  await guest('bilal', 'Missed One').waitFor();
  await guest('bilal', 'Missed Two').waitFor();
  await status('bilal', 'Live');
  expect(await text('bilal', 'notice')).toBe('Caught up on 2 changes');
  expect(await text('bilal', 'verdict')).toBe('resumed ✓');
  expect(await text('bilal', 'cursor')).toBe(await text('ada', 'cursor'));
});

test('a long absence is one event', async () => {
  await button('bilal', 'Go offline').click();
  await status('bilal', 'Offline');
  const before = await refreshes('bilal');
  const api = apiOf(server, await login(server, `meadow-test-${workspace}`, 'script'));
  const { id } = await api.guests.create.mutate({ clientId: 'demo-rose-and-theo', name: 'Late 1' });
  for (let i = 2; i <= 150; i++) await api.guests.update.mutate({ id, name: `Late ${i}` });
  await button('bilal', 'Come back').click();
  await guest('bilal', 'Late 150').waitFor();
  expect(await text('bilal', 'notice')).toBe('Caught up on 150 changes');
  expect(await text('bilal', 'events')).toContain('150 changes in one event');
  expect(await refreshes('bilal')).toBe(before + 1);
});

test('a stream that the server ends comes back by itself and misses nothing', async () => {
  const ended = await server.hub.disconnect({ companyId: `meadow-test-${workspace}` }, 'drain');
  expect(ended).toBe(2);
  const api = apiOf(server, await login(server, `meadow-test-${workspace}`, 'script'));
  await api.guests.create.mutate({ clientId: 'demo-rose-and-theo', name: 'While Away' });
  for (const who of ['ada', 'bilal']) {
    await guest(who, 'While Away').waitFor();
    await status(who, 'Live');
    expect(await text(who, 'verdict')).toBe('resumed ✓');
  }
});

test('another client of the company can be looked at', async () => {
  await pane('ada').locator('[data-card=clients]').getByRole('button', { name: /Mira & Jonas/ }).click();
  await guest('ada', 'Greta Olsen').waitFor();
  await countIs('ada', 3);
});

test('every control has a name, and nothing is wider than a phone', async () => {
  await page.setViewportSize({ width: 380, height: 800 });
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, a, input')]
      .filter((element) => {
        const label = element.closest('label')?.textContent ?? '';
        return `${element.getAttribute('aria-label') ?? ''}${element.textContent ?? ''}${label}`.trim() === '';
      })
      .map((element) => element.outerHTML),
  );
  expect(unnamed).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(380);
});

describe('the dashboard', () => {
  /** What each chart shows, as a picture; undefined while it is blank. */
  const pictures = (dashboard: Page): Promise<Record<string, string | undefined>> =>
    dashboard.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll<HTMLElement>('[data-chart]')].map((chart) => {
          const canvas = chart.querySelector('canvas');
          const blank = document.createElement('canvas');
          Object.assign(blank, { width: canvas?.width, height: canvas?.height });
          const picture = canvas?.toDataURL();
          return [chart.dataset['chart'] ?? '', picture === blank.toDataURL() ? undefined : picture];
        }),
      ),
    );

  test('draws, moves, and lists what was announced', async () => {
    const dashboard = await browser.page();
    await dashboard.goto(`${server.url}/dashboard`);
    await dashboard.locator('[data-tile=Connections]').getByText('3', { exact: true }).waitFor();
    const charts = ['Connections', 'Deliveries', 'Publish to written', 'Slow sinks and conflations', 'JavaScript loop delay', 'Bytes written'];
    expect(Object.keys(await pictures(dashboard))).toEqual(charts);

    const first = await waitFor(async () => {
      const drawn = await pictures(dashboard);
      return Object.values(drawn).every((picture) => picture !== undefined) ? drawn : undefined;
    }, 'all charts to be drawn');
    await add('ada', 'On The Record');
    const row = dashboard.locator('tbody tr').first();
    await row.getByText(`meadow-test-${workspace}`).waitFor();
    expect(await row.textContent()).toContain('insert guests');
    await waitFor(async () => (await pictures(dashboard))['Deliveries'] !== first['Deliveries'], 'the chart of deliveries to move');

    await page.bringToFront();
    await button('bilal', 'Go offline').click();
    await dashboard.locator('[data-tile=Connections]').getByText('2', { exact: true }).waitFor();
    await dashboard.close();
  });
});

test('pages say what they may load, and no other site may frame them', async () => {
  for (const path of ['/', '/dashboard']) {
    const { headers } = await fetch(server.url + path);
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'self'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  }
});
