/** The reference server with a Redis: what `/metrics` and the dashboard say of it, while it is there, while it stands still, and when it is back. */
import { waitFor } from '../support/wait.js';
import { RedisServer } from '../support/redis.js';
import { Browser, PAGES_FOLDER } from './support/browser.js';
import { apiOf } from './support/clients.js';
import { login, startServer, type TestServer } from './support/server.js';

let redis: RedisServer;
let servers: TestServer[];
let browser: Browser;
beforeAll(async () => {
  redis = await RedisServer.start();
  servers = [];
  for (let n = 0; n < 2; n++) servers.push(await startServer({ PATHCAST_REDIS_URL: `redis+unix://${redis.socket}` }, { pagesFolder: PAGES_FOLDER }));
  browser = await Browser.launch();
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers ?? []) await server.close();
  await redis?.end();
});

async function metricsOf({ url }: TestServer): Promise<Map<string, number>> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

const guest = async (server: TestServer, name: string): Promise<unknown> =>
  apiOf(server, await login(server, 'acme')).guests.create.mutate({ clientId: 'c1', name });

test('metrics of the link, the outbox, the gaps and the epochs', async () => {
  const [a] = servers as [TestServer, TestServer];
  await guest(a, 'Ada');
  const metrics = await waitFor(async () => {
    const read = await metricsOf(a);
    return (read.get('pathcast_redis_script_seconds_count') ?? 0) > 0 && read.get('pathcast_redis_epochs_total{why="new"}') === 1 ? read : undefined;
  }, 'a script to be counted');
  expect(Object.fromEntries(metrics)).toMatchObject({
    'pathcast_redis_link{state="ready"}': 1,
    'pathcast_redis_link{state="lost"}': 0,
    pathcast_redis_outbox_actions: 0,
    pathcast_redis_outbox_bytes: 0,
    pathcast_redis_gaps_found_total: 0,
    pathcast_redis_gaps_healed_total: 0,
    pathcast_redis_queued_total: 0,
    'pathcast_redis_epochs_total{why="rewound"}': 0,
    'pathcast_redis_doorbell_lag_seconds_bucket{le="+Inf"}': expect.any(Number) as number,
  });
});

test('the dashboard shows the link, the outbox and the nodes; and that Redis stands still', async () => {
  const [a, b] = servers as [TestServer, TestServer];
  const page = await browser.page();
  await page.goto(`${a.url}/dashboard`);
  await page.locator('[data-tile=Redis]').getByText('ready', { exact: true }).waitFor();
  const nodes = page.getByRole('region', { name: 'Table of the nodes' }).locator('tbody tr');
  await waitFor(async () => (await nodes.count()) === 2, 'both nodes to be listed');
  expect((await nodes.allTextContents()).filter((text) => text.includes('(this one)'))).toHaveLength(1);
  expect(b.hub.id).not.toBe(a.hub.id);

  await redis.stop();
  // Answered though it has no place yet.
  expect(await guest(a, 'Bea')).toBeTruthy();
  await waitFor(async () => Number(await page.locator('[data-tile=Outbox] .tile-value').textContent()) > 0, 'something to wait');
  redis.cont();
  await page.locator('[data-tile=Outbox]').getByText('0', { exact: true }).waitFor();
  expect((await metricsOf(a)).get('pathcast_redis_queued_total')).toBeGreaterThan(0);
  expect(browser.complaints).toEqual([]);
});
