/**
 * The stream of another origin: an answer that the page may not read is named, and given up after five; 401, 403 and 404 of a server that
 * may be read say what they are. Each server is a real one, and the browser's own rules decide.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Chromium } from '../support/chromium/chromium.js';
import { waitFor } from '../support/wait.js';
import { Page } from './support/pages.js';
import { Site } from './support/site.js';

jest.setTimeout(90_000);

let chromium: Chromium;
let site: Site;
beforeAll(async () => {
  [chromium, site] = await Promise.all([Chromium.launch(), Site.start()]);
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What the other server says to whoever asks for a stream. `readable`: the page's origin may read it. */
interface Answer {
  readable: boolean;
  status: number;
}

/** Another origin, and the attempts that reached it. */
async function otherOrigin(answer: Answer): Promise<{ other: Site; attempts: () => number }> {
  let asked = 0;
  const before = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!request.url?.startsWith('/sync/stream')) return false;
    if (request.method === 'GET') asked += 1;
    if (answer.readable) response.setHeader('access-control-allow-origin', site.url);
    if (answer.status === 200) return false;
    response.writeHead(answer.status).end();
    return true;
  };
  const other = await Site.start({ before });
  closing.push(() => other.close());
  // EventSource says of no answer why it was none: fetch asks a second time.
  return { other, attempts: () => asked / 2 };
}

async function open(other: Site): Promise<Page> {
  const page = await Page.open(chromium, site, { query: `?stream=${encodeURIComponent(`${other.url}/sync/stream?user=ada`)}` });
  closing.push(() => page.tab.close());
  return page;
}

const saidOf = (page: Page): string[] => page.lines.filter(([name]) => name === 'status').map(([, state, reason]) => `${String(state)} ${String(reason)}`);

async function hears(other: Site, page: Page): Promise<void> {
  await page.live();
  await other.publish();
  await page.hears(other.published);
}

test('a server that lets nobody read its stream is named, and given up after five attempts, in all tabs; a person may try again', async () => {
  const answer: Answer = { readable: false, status: 200 };
  const { other, attempts } = await otherOrigin(answer);
  const pages = [await open(other), await open(other)];
  for (const page of pages) await waitFor(() => page.state === 'refused', 'the end', 45_000);
  for (const page of pages) {
    expect(page.reason).toBe('cors');
    expect(saidOf(page)).toContain('connecting cors');
    expect(saidOf(page).filter((said) => said.startsWith('offline'))).toEqual([]);
  }
  expect(attempts()).toBe(5);
  answer.readable = true;
  await pages[1]!.tab.evaluate('page.client.reconnect()');
  for (const page of pages) await hears(other, page);
});

test.each([
  [403, 'forbidden'],
  [404, 'not_found'],
])('%d is final, and says why', async (status, reason) => {
  const answer: Answer = { readable: true, status };
  const { other, attempts } = await otherOrigin(answer);
  const page = await open(other);
  await waitFor(() => page.state === 'refused', 'the refusal');
  expect([page.reason, attempts()]).toEqual([reason, 1]);
  answer.status = 200;
  await page.tab.evaluate('page.client.reconnect()');
  await hears(other, page);
});

test('401 is tried again for as long as it is the answer', async () => {
  const answer: Answer = { readable: true, status: 401 };
  const { other, attempts } = await otherOrigin(answer);
  const page = await open(other);
  await waitFor(() => attempts() >= 3, 'the third attempt');
  expect(saidOf(page)).toContain('connecting unauthorized');
  answer.status = 200;
  await hears(other, page);
  expect(saidOf(page).filter((said) => !said.startsWith('connecting') && said !== 'live open')).toEqual([]);
});
