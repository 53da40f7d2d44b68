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
import { LinkProxy } from '../support/link-proxy.js';
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
/** Time for many rounds, where they follow each other without a wait. */
const REFUSES_MS = 500;
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
  const begun = performance.now();
  const ids = Array.from({ length: 10 }, (_, i) => `a${String(i)}`);
  await Promise.all(ids.map((id) => node.hub.broadcast({ ...change, id })));
  await node.hub.broadcast({ ...change, id: 'last' });
  await waitFor(() => performance.now() - begun > REFUSES_MS, 'Redis to have refused for long enough');
  const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))!;
  await client.config('SET', 'maxmemory', '0');
  await waitFor(() => node.hub.metrics().broker!.outboxActions === 0, 'what waited to go out');
  // Some four rounds of eleven, by waits that double from 50 ms on.
  expect(Number(calls)).toBeLessThan(200);
  expect((await client.xrange('pathcast:1:{acme}:log', '-', '+')).map(([, fields]) => fields[1])).toEqual(['first', ...ids, 'last']);
});

test.each<EngineKind>(['js', 'native'])('%s: what is behind an action that cannot be sealed does not pass the one before it', async (engine) => {
  const client = redis.client();
  const link = await LinkProxy.start(() => ({ path: redis.socket }));
  const seal = {
    encrypt: (bytes: Uint8Array) => {
      if (Buffer.from(bytes).includes('guests.broken')) throw new Error('no key');
      return bytes;
    },
    decrypt: (bytes: Uint8Array) => bytes,
  };
  try {
    const { hub } = await HubNode.start({ engine, redis: { url: link.url, seal, publishWaitMs } });
    const publish = (id: string) => hub.broadcast({ ...change, id, queryPaths: [`guests.${id}`] });
    expect(await publish('first')).toMatchObject({ ok: true, seq: 1 });
    await client.config('SET', 'maxmemory', '1');
    await client.config('RESETSTAT');
    link.slow(1_000);
    const one = publish('one');
    await waitFor(async () => (await client.info('errorstats')).includes('OOM'), 'the refusal');
    await client.config('SET', 'maxmemory', '0');
    // Its answer is on its way.
    const broken = publish('broken');
    expect(await broken).toMatchObject({ ok: false, code: 'BROKER' });
    const two = publish('two');
    link.slow(0);
    expect(await Promise.all([one, two])).toMatchObject([{ ok: true }, { ok: true }]);
    await waitFor(() => hub.metrics().broker!.outboxActions === 0, 'what waited to go out');
    expect((await client.xrange('pathcast:1:{acme}:log', '-', '+')).map(([, fields]) => fields[1])).toEqual(['first', 'one', 'two']);
  } finally {
    await endHubNodes();
    await link.close();
  }
});

test.each<[EngineKind, string, HubOptions['log'], string]>([
  ['js', 'few actions', { maxActions: 100 }, ''],
  ['native', 'few actions', { maxActions: 100 }, ''],
  ['js', 'few bytes', { maxBytes: 128 << 10 }, 'x'.repeat(3_000)],
  ['native', 'few bytes', { maxBytes: 128 << 10 }, 'x'.repeat(3_000)],
])('%s: a connection that is lost under a burst puts nothing into a log of %s twice', async (engine, _what, log, data) => {
  const client = redis.client();
  const link = await LinkProxy.start(() => ({ path: redis.socket }));
  try {
    const { hub } = await HubNode.start({ engine, log, redis: { url: link.url, publishWaitMs } });
    expect(await hub.broadcast({ ...change, id: 'a0' })).toMatchObject({ ok: true, seq: 1 });
    link.slow(2_000);
    const ids = Array.from({ length: 150 }, (_, i) => `a${String(i + 1)}`);
    const answers = ids.map((id) => hub.broadcast({ ...change, id, data }));
    // All that was sent is carried out, and its answers are on their way.
    let last = 1;
    await waitFor(async () => {
      const before = last;
      last = Number(await client.hget('pathcast:1:{acme}:head', 'seq'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      return last > 1 && last === before;
    }, 'what was sent to be in the log');
    link.cut();
    link.slow(0);
    expect((await Promise.all(answers)).filter(({ ok }) => !ok)).toEqual([]);
    await waitFor(() => hub.metrics().broker!.outboxActions === 0, 'what waited to go out');
    expect(await client.hget('pathcast:1:{acme}:head', 'seq')).toBe('151');
    const stored = (await client.xrange('pathcast:1:{acme}:log', '-', '+')).map(([, fields]) => fields[1]);
    expect(stored).toEqual(ids.slice(-stored.length));
  } finally {
    await endHubNodes();
    await link.close();
  }
});
