/**
 * What lies between the browser and the server fails, in each way that it does: cut, slow, away, drained, behind an nginx that answers 502,
 * a token that has expired, a limit. The tabs say what is so, come back by themselves, and have missed nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Chromium } from '../support/chromium/chromium.js';
import { mustBeHidden, mustBeThrottled } from '../support/chromium/premises.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { freePort } from '../support/free-port.js';
import { LinkProxy } from '../support/link-proxy.js';
import { startNginx } from '../support/nginx.js';
import { waitFor } from '../support/wait.js';
import { leaderOf, openPages, Page, PROMISED_MS, stopwatch } from './support/pages.js';
import { Site, type SiteOptions } from './support/site.js';

jest.setTimeout(90_000);

let chromium: Chromium;
beforeAll(async () => {
  chromium = await Chromium.launch();
});
afterAll(() => chromium?.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: SiteOptions = {}): Promise<Site> {
  const site = await Site.start(options);
  closing.push(() => site.close());
  return site;
}

async function open(...given: Parameters<typeof openPages>): Promise<Page[]> {
  const pages = await openPages(...given);
  closing.push(async () => {
    for (const { tab } of pages) await tab.close();
  });
  return pages;
}

const statusOf = (page: Page, state: string, reason?: string): boolean =>
  page.lines.some(([name, is, why]) => name === 'status' && is === state && (reason === undefined || why === reason));

async function allHear(site: Site, pages: readonly Page[]): Promise<void> {
  await site.publish();
  const last = site.published;
  for (const page of pages) await page.hears(last);
  for (const page of pages) expect(page.wrongs(last)).toEqual([]);
}

test('hidden tabs with slow timers, the leader among them, hear everything', async () => {
  const site = await start();
  const pages = await open(chromium, site, 3);
  const leader = await leaderOf(pages);
  await pages.find((page) => page !== leader)!.tab.show();
  await mustBeThrottled(leader.tab);
  await site.publish(20);
  await allHear(site, pages);
  expect(await leader.leads()).toBe(true);
  await site.settled();
});

test('a leader that nobody has seen for a while, whose timers run once a minute: a stream that has died is told within 10 s to whom a person looks at', async () => {
  const slow = await Chromium.launch({ args: ['--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1'] });
  closing.push(() => slow.close());
  // The browser spares the first timers of a chain: of the client's look after silences more than those have run by then.
  const site = await start({ hub: { heartbeatMs: 300 } });
  const proxy = await LinkProxy.start(() => ({ port: site.port, host: '127.0.0.1' }));
  closing.push(() => proxy.close());
  const through = { url: `http://127.0.0.1:${proxy.port}` } as Site;
  const [leader, other] = [await Page.open(slow, through, { window: true }), await Page.open(slow, through, { window: true })];
  for (const page of [leader, other]) await page.live();
  expect([await leader.leads(), await other.leads()]).toEqual([true, false]);
  await leader.tab.minimize();
  await mustBeHidden(leader.tab);
  await waitFor(() => leader.tab.evaluate('performance.now() - page.ticked > 5_000'), 'timers that come once a minute', 80_000);
  expect([await leader.tab.visibility(), await other.tab.visibility()]).toEqual(['hidden', 'visible']);
  const took = await stopwatch([other]);
  proxy.partOpen();
  await waitFor(() => other.state !== 'live', 'it to be told', 90_000);
  expect(await took(other)).toBeLessThan(PROMISED_MS);
  for (const page of [leader, other]) await waitFor(() => page.tab.evaluate('page.client.status.state === "live"'), 'the page to be live', 60_000);
  await allHear(site, [leader, other]);
});

test('the network is cut, again and again', async () => {
  const site = await start();
  const proxy = await CuttingProxy.start(site.port, () => undefined);
  closing.push(() => proxy.close());
  const pages = await open(chromium, { url: `http://127.0.0.1:${proxy.port}` } as Site, 2);
  for (let i = 1; i <= 3; i++) {
    await site.publish();
    const connects = site.connects;
    const took = await stopwatch(pages);
    proxy.cutAll();
    await site.publish();
    await waitFor(() => site.connects > connects, 'it to come back');
    for (const page of pages) await page.live();
    for (const page of pages) expect(await took(page)).toBeLessThan(PROMISED_MS);
  }
  await allHear(site, pages);
  await site.settled();
  for (const page of pages) expect(statusOf(page, 'connecting', 'cut')).toBe(true);
});

test('a slow network, and one on which no byte passes any more: the silence is noticed, and ends', async () => {
  const site = await start();
  const proxy = await LinkProxy.start(() => ({ port: site.port, host: '127.0.0.1' }));
  closing.push(() => proxy.close());
  const pages = await open(chromium, { url: `http://127.0.0.1:${proxy.port}` } as Site, 2);
  proxy.slow(300);
  await allHear(site, pages);
  const silent = await stopwatch(pages);
  proxy.part();
  await site.publish(2);
  for (const page of pages) await waitFor(() => statusOf(page, 'connecting', 'silent'), 'the silence to be noticed', 60_000);
  for (const page of pages) expect(await silent(page)).toBeLessThan(PROMISED_MS);
  proxy.slow(0);
  const took = await stopwatch(pages);
  proxy.heal();
  for (const page of pages) await page.live();
  for (const page of pages) expect(await took(page)).toBeLessThan(PROMISED_MS);
  await allHear(site, pages);
  await site.settled();
});

test('a server that goes and comes back with another log: it is said that nothing is known, once, and all is live', async () => {
  const port = await freePort();
  const first = await Site.start({ port });
  const pages = await open(chromium, first, 2);
  await first.close();
  for (const page of pages) await waitFor(() => page.state !== 'live', 'the end to be said');
  const site = await start({ port });
  const took = await stopwatch(pages);
  for (const page of pages) await page.live();
  for (const page of pages) expect(await took(page)).toBeLessThan(PROMISED_MS);
  for (const page of pages) await waitFor(() => page.lines.some(([, type]) => type === 'resync'), 'the resync');
  await site.publish();
  for (const page of pages) await page.hears(site.published);
  for (const page of pages) expect(page.lines.filter(([name, type]) => name === 'event' && type === 'resync').length).toBe(1);
  await site.settled();
});

test('a server that drains says so, and the stream comes back where it was', async () => {
  const site = await start();
  const pages = await open(chromium, site, 2);
  await site.hub.endStreams(100);
  for (const page of pages) await waitFor(() => statusOf(page, 'connecting', 'drain'), 'the drain to be said');
  for (const page of pages) await page.live();
  await allHear(site, pages);
  await site.settled();
});

test('behind an nginx whose server is away for 5 s: 502 is named, tried again, and nothing is missed', async () => {
  const behind = await start();
  const port = await freePort();
  const gate = await CuttingProxy.start(behind.port, () => undefined, port);
  const nginx = await startNginx({ backends: [gate.port], location: 'proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection "";' });
  closing.push(() => nginx.stop());
  const pages = await open(chromium, { url: `http://127.0.0.1:${nginx.port}` } as Site, 2);
  await allHear(behind, pages);
  await gate.close();
  const away = Date.now();
  await behind.publish(3);
  for (const page of pages) await waitFor(() => statusOf(page, 'connecting', 'bad_gateway'), 'the 502 to be named');
  await waitFor(() => Date.now() - away > 5_000, 'the 5 s to be over');
  const again = await CuttingProxy.start(behind.port, () => undefined, port);
  closing.push(() => again.close());
  const took = await stopwatch(pages);
  for (const page of pages) await page.live();
  for (const page of pages) expect(await took(page)).toBeLessThan(PROMISED_MS);
  await allHear(behind, pages);
  await behind.settled();
});

test('a token that has expired is asked for anew, and the cursor is kept', async () => {
  let valid = 'first';
  const seen: (string | undefined)[] = [];
  const before = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!request.url?.startsWith('/sync/stream')) return false;
    seen.push(request.headers.authorization);
    if (request.headers.authorization === `Bearer ${valid}`) return false;
    response.writeHead(401).end();
    return true;
  };
  const site = await start({ before });
  const pages = await open(chromium, site, 2, { query: '?token' });
  valid = 'second';
  await site.hub.disconnect({ userId: 'ada' }, 'auth_expired');
  await site.publish(2);
  await waitFor(() => seen.at(-1) === 'Bearer second', 'the second token');
  for (const page of pages) await page.live();
  await allHear(site, pages);
});

test('a limit that is reached is said, and what is freed is taken', async () => {
  const site = await start({ hub: { limits: { perUser: 1 } } });
  const [first] = (await open(chromium, site, 1, { context: await chromium.privateContext() })) as [Page];
  const other = await Page.open(chromium, site);
  closing.push(() => other.tab.close());
  await waitFor(() => statusOf(other, 'connecting', 'limit'), 'the limit to be said');
  await first.tab.close();
  await other.live();
  await allHear(site, [other]);
  await site.settled();
});

test('who may no longer listen is told, and does not try again', async () => {
  const site = await start();
  const pages = await open(chromium, site, 2);
  const connects = site.connects;
  await site.hub.disconnect({ userId: 'ada' });
  for (const page of pages) await waitFor(() => page.state === 'refused' && page.reason === 'revoked', 'the end to be said');
  await site.settled('ada', 0);
  expect(site.connects).toBe(connects);
  await pages[1]!.tab.evaluate('page.client.reconnect()');
  for (const page of pages) await page.live();
  await allHear(site, pages);
});
