/**
 * Seats, who is there and peers in a cluster, where a script sees one slot: a node's life stands in each company where it holds something, and
 * whoever makes another one's stream give way rings its node by itself.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Cluster } from 'ioredis';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { presenceKey, seatsKey } from '../../lib/redis/keys.js';
import type { StreamOptions } from '../../lib/server/options.js';
import type { SyncEvent } from '../../lib/index.js';
import { publishedUnder, REFUSALS } from '../support/publish-order.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { waitFor, within } from '../support/wait.js';

let cluster: RedisCluster;
let redis: Cluster;
let a: Hub;
let b: Hub;
beforeAll(async () => {
  cluster = await RedisCluster.start();
  redis = new Cluster(cluster.roots);
  [a, b] = [0, 1].map(() => createHub({ engine: 'js', redis: cluster.url, limits: { perUser: 2, perCompany: 3, policy: 'evict-oldest' } })) as [Hub, Hub];
  for (const hub of [a, b]) await within(hub.ready(), 'a hub', 60_000);
  await waitFor(async () => (await a.nodes()).length === 2 && (await b.nodes()).length === 2, 'both know each other', 60_000);
}, 120_000);
afterAll(async () => {
  for (const hub of [a, b]) await hub?.close({ flushMs: 0 });
  redis?.disconnect();
  await cluster?.end();
});

async function opened(hub: Hub, options: StreamOptions): Promise<AsyncGenerator<SyncEvent, undefined, undefined>> {
  const stream = hub.stream(options);
  expect((await within(stream.next(), 'the first event')).value).toMatchObject({ type: 'hello' });
  return stream;
}

async function ended(stream: AsyncGenerator<SyncEvent, undefined, undefined>): Promise<string | undefined> {
  try {
    for (;;) if ((await within(stream.next(), 'its end')).done) return 'done';
  } catch (error) {
    return (error as { reason?: string }).reason;
  }
}

const nodeOf = async (hub: Hub): Promise<string> => (await hub.nodes()).find(({ hubId }) => hubId === hub.id)!.id;

test('limits, eviction and replacement over both hubs, in companies of different slots', async () => {
  for (const companyId of ['acme', 'globex', 'initech']) {
    const first = await opened(a, { companyId, userId: 'ann' });
    await opened(b, { companyId, userId: 'ann', clientInstanceId: 'tab' });
    await opened(b, { companyId, userId: 'ann' });
    expect(await ended(first)).toBe('evicted');
    const tab = await opened(a, { companyId, userId: 'ann', clientInstanceId: 'tab' });
    // The replaced one is told by its own node, a moment later.
    await waitFor(async () => (await a.connections({ companyId })).length === 2, 'the replaced one to end');
    // Each node lives in the company where it holds something, and in no other key of it.
    const lives = await redis.zrange(seatsKey('pathcast', companyId), 0, -1, 'WITHSCORES');
    expect(lives.filter((_, at) => at % 2 === 0).sort()).toEqual([await nodeOf(a), await nodeOf(b)].sort());
    for (const till of lives.filter((_, at) => at % 2 === 1)) expect(Number(till)).toBeGreaterThan(Date.now() + 10_000);
    expect(await b.disconnect({ companyId })).toBe(2);
    expect(await ended(tab)).toBe('revoked');
    await waitFor(async () => (await redis.exists(seatsKey('pathcast', companyId))) === 0, 'nobody holds anything');
  }
});

test('a node that is dead in one company asks again there, and keeps what nobody took', async () => {
  const companyId = 'umbrella';
  const mine = await opened(a, { companyId, userId: 'ann' });
  await redis.zadd(seatsKey('pathcast', companyId), 1, await nodeOf(a));
  // Its next word about the company finds it.
  await opened(a, { companyId, userId: 'ben' });
  await waitFor(async () => (await redis.zcard(`${seatsKey('pathcast', companyId)}:${await nodeOf(a)}`)) === 2, 'both stand again');
  expect(a.metrics().seats?.fenced).toBe(1);
  expect(await a.disconnect({ companyId })).toBe(2);
  expect(await ended(mine)).toBe('revoked');
});

test('who is there, over both hubs', async () => {
  const companyId = 'hooli';
  await opened(a, { companyId, userId: 'ann', presence: { topics: ['x'] } });
  await opened(b, { companyId, userId: 'ben', presence: { topics: ['y'] } });
  for (const hub of [a, b]) {
    await waitFor(async () => (await hub.presence(companyId)).length === 2, 'both are there');
    expect((await hub.presence(companyId, 'y')).map(({ userId }) => userId)).toEqual(['ben']);
  }
  await redis.zadd(presenceKey('pathcast', companyId), 1, await nodeOf(b));
  expect((await a.presence(companyId)).map(({ userId }) => userId)).toEqual(['ann']);
  await a.disconnect({ companyId });
});

test('a rate over both hubs; forgetting', async () => {
  const rate = { limit: 1, windowMs: 60_000 };
  expect(await a.rateLimit('key', rate)).toMatchObject({ ok: true });
  expect(await b.rateLimit('key', rate)).toMatchObject({ ok: false });
  await opened(a, { companyId: 'piper', userId: 'ann' });
  await b.broadcast({ type: 'update', module: 'm', entityId: 'e', companyId: 'piper', userId: 'w', queryPaths: ['*'] });
  await b.forget('piper');
  const left = (await Promise.all(redis.nodes('master').map((node) => node.keys('pathcast:1:{piper}*')))).flat();
  expect(left).toEqual(['pathcast:1:{piper}:forgotten']);
});

describe.each(['js', 'native'] as const)('%s: publishes keep their order', (engine) => {
  test.each(REFUSALS)('%s', async (_what, round) => {
    const hub = createHub({ engine, redis: { url: cluster.url, publishWaitMs: 60_000 } });
    try {
      await within(hub.ready(), 'a hub', 30_000);
      const owner = (await cluster.ownerOf(await cluster.slotOf('{acme}'))).client();
      await owner.del('pathcast:1:{acme}:head', 'pathcast:1:{acme}:log', 'pathcast:1:{acme}:ids');
      const { sent, stored } = await publishedUnder(hub, owner, round);
      expect(stored).toEqual(sent);
    } finally {
      await hub.close({ flushMs: 0 });
    }
  });
});

test('a list of nodes that is somebody else’s, and seats that are lost, hold up nobody’s thread', async () => {
  const nodes = 'pathcast:1:nodes';
  const companyId = 'soylent';
  await opened(a, { companyId, userId: 'ann' });
  await redis.multi().del(nodes).set(nodes, 'mine').exec();
  await redis.unlink(seatsKey('pathcast', companyId), `${seatsKey('pathcast', companyId)}:${await nodeOf(a)}`);
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  // It is let in by what this node knows.
  await opened(a, { companyId, userId: 'ben' });
  delays.disable();
  // It was 5 s.
  expect(delays.max / 1e6).toBeLessThan(3_000);
  expect(await redis.get(nodes)).toBe('mine');
  await redis.del(nodes);
});
