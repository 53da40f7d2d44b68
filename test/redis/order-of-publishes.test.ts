/**
 * Publishes of one node and company keep their order whatever Redis refuses of them. Several are on their way at once: where one was refused (no room, a script that was forgotten)
 * the next could be taken a moment later, and the first came after it. Over a cluster: hubs-in-a-cluster.test.ts.
 *
 * The first remedy, to send again at once what had come too early, made the JavaScript engine ask 10,000 times a second while Redis went on refusing.
 */
import { createClient } from 'redis';
import type { HubOptions } from '../../lib/index.js';
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { publishedUnder, REFUSALS } from '../support/publish-order.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  await endHubNodes();
  await redis.client().config('SET', 'maxmemory', '0');
  await redis.client().flushall();
});
afterAll(async () => await redis?.end());

const publishWaitMs = 60_000;
const links: [name: string, options: () => HubOptions][] = [
  ['the native link', () => ({ engine: 'native', redis: { url: redis.unixUrl(), publishWaitMs } })],
  ['native over ioredis', () => ({ engine: 'native', redis: { client: redis.client(), publishWaitMs } })],
  ['js over ioredis', () => ({ engine: 'js', redis: { client: redis.client(), publishWaitMs } })],
  ['js over node-redis', () => ({ engine: 'js', redis: { client: createClient({ socket: { path: redis.socket, tls: false } }), publishWaitMs } })],
];

describe.each(links)('%s', (_name, options) => {
  test.each(REFUSALS)('%s', async (_what, round) => {
    const node = await HubNode.start(options());
    const { sent, stored } = await publishedUnder(node.hub, redis.client(), round);
    expect(stored).toEqual(sent);
  });
});

test.each<EngineKind>(['js', 'native'])('%s: what Redis goes on refusing is tried again with patience', async (engine) => {
  const node = await HubNode.start({ engine, redis: redis.unixUrl() });
  const client = redis.client();
  expect(await node.hub.broadcast({ ...change, id: 'first' })).toMatchObject({ ok: true, seq: 1 });
  await client.config('SET', 'maxmemory', '1');
  await client.config('RESETSTAT');
  // Each has waited 250 ms when it is answered.
  const ids = Array.from({ length: 10 }, (_, i) => `a${String(i)}`);
  await Promise.all(ids.map((id) => node.hub.broadcast({ ...change, id })));
  await node.hub.broadcast({ ...change, id: 'last' });
  const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))!;
  await client.config('SET', 'maxmemory', '0');
  await waitFor(() => node.hub.metrics().broker!.outboxActions === 0, 'what waited to go out');
  // Some three rounds of eleven, by waits that double from 50 ms on.
  expect(Number(calls)).toBeLessThan(200);
  expect((await client.xrange('pathcast:1:{acme}:log', '-', '+')).map(([, fields]) => fields[1])).toEqual(['first', ...ids, 'last']);
});
