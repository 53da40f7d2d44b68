/** The servers that the tests of Redis start are what they are taken for: each kind, and each fault that can be done to it. */
import { existsSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisSentinels } from '../support/redis-sentinels.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (let end = ends.pop(); end; end = ends.pop()) await end();
});
async function started(...given: Parameters<typeof RedisServer.start>): Promise<RedisServer> {
  const server = await RedisServer.start(...given);
  ends.push(() => server.end());
  return server;
}
function connected(url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  ends.push(() => client.disconnect());
  return client;
}
const runId = async (client: Redis): Promise<string> => /run_id:(\w+)/.exec(await client.info('server'))![1]!;

test('one server at a socket, a port and a TLS port, behind a password; its end leaves nothing', async () => {
  const server = await RedisServer.start({ tcp: true, tls: true, password: 'p:ss@word' });
  const { pid, folder } = server;
  expect(await server.client().set('a', '1')).toBe('OK');
  expect(await connected(server.url()).get('a')).toBe('1');
  expect(await server.tlsClient().get('a')).toBe('1');
  await expect(connected(`redis://127.0.0.1:${server.port}`).get('a')).rejects.toThrow('NOAUTH');
  await server.end();
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(existsSync(folder)).toBe(false);
});

test('users of an ACL file may do what it says', async () => {
  const server = await started({ tcp: true, acl: ['user default off', 'user app on >secret ~mine:* +@all'] });
  const app = connected(server.url('app:secret'));
  expect(await app.set('mine:1', 'x')).toBe('OK');
  await expect(app.set('yours:1', 'x')).rejects.toThrow('NOPERM');
});

test('stopped it answers nobody, and goes on where it was', async () => {
  const server = await started();
  const client = server.client();
  const run = await runId(client);
  await server.stop();
  let answered = false;
  const asked = client.set('a', '1').then(() => (answered = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  server.cont();
  await asked;
  expect(await runId(client)).toBe(run);
});

test('killed it comes back with each write, with none, or with old data, and is another one', async () => {
  const server = await started({ stores: 'each-write' });
  const client = server.client();
  await client.set('a', 'old');
  const old = server.copyData();
  await client.set('a', 'new');
  const runs = [await runId(client)];
  for (const [data, value] of [['stored', 'new'], [old, 'old'], ['nothing', null], [old, 'old']] as const) {
    await server.restart(data);
    expect(await client.get('a')).toBe(value);
    runs.push(await runId(client));
  }
  expect(new Set(runs).size).toBe(5);
}, 120_000);

test('with maxmemory it evicts, or refuses', async () => {
  const server = await started(['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction']);
  const client = server.client();
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) await client.set(`k${i}`, 'x'.repeat(100_000));
  };
  await expect(fill()).rejects.toThrow('OOM');
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await fill();
  expect(/evicted_keys:(\d+)/.exec(await client.info('stats'))![1]).not.toBe('0');
});

test('a replica takes the master\'s place: asked for, after a kill, and without the last writes', async () => {
  const sentinels = await RedisSentinels.start({ stores: 'each-write', downAfterMs: 3_000 });
  ends.push(() => sentinels.end());
  expect(sentinels.url).toMatch(/^redis\+sentinel:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/pathcast$/);
  const first = await sentinels.master();
  await first.client().set('a', '1');
  await sentinels.followed();
  const second = await sentinels.failover();
  expect(await second.client().get('a')).toBe('1');
  await sentinels.rejoin();

  await second.kill();
  expect(await sentinels.promoted(second)).toBe(first);
  await sentinels.rejoin();

  await first.client().set('a', 'kept');
  await sentinels.followed();
  await sentinels.cutReplica();
  await first.client().set('a', 'lost');
  await first.kill();
  const heir = await sentinels.promoted(first);
  expect(await heir.client().get('a')).toBe('kept');
}, 240_000);

test('six are a cluster, and a slot moves with what is in it', async () => {
  const cluster = await RedisCluster.start();
  ends.push(() => cluster.end());
  const client = new Cluster(cluster.roots);
  ends.push(() => client.disconnect());
  for (let i = 0; i < 30; i++) await client.set(`{k${i}}:a`, String(i));
  const before = await cluster.ownerOf(await cluster.slotOf('{k1}:a'));
  const after = await cluster.moveSlotOf('{k1}:a');
  expect(after).not.toBe(before);
  expect(await cluster.ownerOf(await cluster.slotOf('{k1}:a'))).toBe(after);
  for (let i = 0; i < 30; i++) expect(await client.get(`{k${i}}:a`)).toBe(String(i));
}, 120_000);

describe('a link', () => {
  let server: RedisServer;
  let link: LinkProxy;
  let client: Redis;
  beforeEach(async () => {
    server = await started();
    link = await LinkProxy.start(() => ({ path: server.socket }));
    ends.push(() => link.close());
    client = connected(link.url);
    await client.ping();
  });

  test('that is slow takes its time each way', async () => {
    link.slow(100);
    const from = performance.now();
    await client.ping();
    expect(performance.now() - from).toBeGreaterThanOrEqual(199);
    link.slow(0);
  });

  test('whose delay changes keeps the order of what is on its way', async () => {
    const sent: Promise<number>[] = [];
    for (let i = 0; i < 400; i++) {
      link.slow(i % 7 === 0 ? 0 : 5);
      sent.push(client.rpush('list', i));
      if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(sent)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    expect(await client.lrange('list', 0, -1)).toEqual(Array.from({ length: 400 }, (_, i) => String(i)));
  });

  test('that is parted passes nothing until it is healed, and loses nothing', async () => {
    link.part();
    const asked = Promise.all(Array.from({ length: 100 }, (_, i) => client.rpush('list', i)));
    // Another one, past the link, is sure that nothing has come.
    expect(await server.client().exists('list')).toBe(0);
    const late = connected(link.url);
    link.heal();
    await asked;
    expect(await late.lrange('list', 0, -1)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
  });

  test('that is cut loses what was on its way, and lets others in, or does not', async () => {
    const cut = new Promise((resolve) => client.once('close', resolve));
    link.cut();
    await cut;
    await client.ping();
    expect(link.opened).toBe(2);
    link.refuse(true);
    await waitFor(() => link.opened > 5, 'it to try again and again');
    expect(link.open).toBe(0);
    link.refuse(false);
    await client.ping();
  });
});
