/** `pathcast doctor --redis` and `tail --redis` where a Redis is more than one server: behind sentinels, a cluster, TLS, with replicas. */
import type { FindingId } from '../../../lib/cli/doctor/findings.js';
import { aclRule } from '../../../lib/redis/rights.js';
import { keysOf } from '../../../lib/redis/keys.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { MASTER_NAME, RedisSentinels } from '../../support/redis-sentinels.js';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis.js';
import { waitFor } from '../../support/wait.js';
import { Publisher } from '../support/redis-log.js';
import { Tail } from '../support/tail.js';
import { doctorOfRedis, endAll, later } from './set-ups.js';

jest.setTimeout(180_000);
afterEach(endAll);

const GOOD = ['--maxmemory', '64mb', '--maxmemory-policy', 'noeviction', '--appendonly', 'yes', '--appendfsync', 'everysec'];

/** What the servers of the helpers are not set up for. */
const SETTINGS_OF_A_TEST: FindingId[] = ['redis-unbounded'];
const without = (ids: readonly FindingId[] | string[], ...more: FindingId[]): string[] => ids.filter((id) => !([...SETTINGS_OF_A_TEST, ...more] as string[]).includes(id));

describe('sentinels', () => {
  let all: RedisSentinels;
  beforeAll(async () => {
    // A busy machine is no reason to fail over.
    all = await RedisSentinels.start({ stores: 'each-write', downAfterMs: 10_000 });
    for (const server of all.servers) await server.client().config('SET', 'min-replicas-to-write', '1');
  });
  afterAll(() => all?.end());

  test('three that agree, a master and a replica that follows', async () => {
    await all.followed();
    const { ids, checked } = await doctorOfRedis(all.url);
    expect(without(ids)).toEqual([]);
    expect(checked.join('\n')).toMatch(/Sentinels: 3 of 'pathcast', quorum 2; it fails over when the master was away for 10 s\./);
    expect(checked.join('\n')).toMatch(/1 replicas, 1 must be there for a write/);
  });

  test('a name that they do not know', async () => {
    const { ids, findings } = await doctorOfRedis(all.url.replace(/\w+$/, 'mymaster'));
    expect(ids).toEqual(['sentinel-no-master']);
    expect(findings[0]?.what).toMatch(/know no master 'mymaster'\.$/);
  });

  test('one that does not answer', async () => {
    const url = all.url.replace('sentinel://', `sentinel://127.0.0.1:${await freePort()},`);
    const { ids, findings } = await doctorOfRedis(url);
    expect(without(ids)).toEqual(['sentinel-no-answer']);
    expect(findings.find(({ id }) => id === 'sentinel-no-answer')?.what).toMatch(/cannot be used: ECONNREFUSED\.$/);
  });

  test('a server that is named in the place of a sentinel, and a sentinel in that of a server', async () => {
    const { port } = await all.master();
    expect((await doctorOfRedis(`redis+sentinel://127.0.0.1:${port}/${MASTER_NAME}`)).ids).toEqual(['redis-no-answer', 'sentinel-no-answer']);
    const { ids, findings } = await doctorOfRedis(`redis://127.0.0.1:${all.ports[0] ?? 0}`);
    expect({ ids, remedy: findings[0]?.remedy }).toEqual({ ids: ['redis-no-redis'], remedy: 'Use redis+sentinel://host:26379/mymaster.' });
  });

  test('a master that takes writes without its replica, and one whose replica is gone; nobody could fail over', async () => {
    const master = await all.master();
    await master.client().config('SET', 'min-replicas-to-write', '0');
    expect(without((await doctorOfRedis(all.url)).ids)).toEqual(['redis-split-brain']);
    await all.cutReplica();
    await waitFor(async () => /connected_slaves:0/.test(await master.client().info('replication')), 'the replica to be gone');
    expect(without((await doctorOfRedis(all.url)).ids)).toEqual(['redis-no-replica']);
    await all.killSentinel(1);
    await all.killSentinel(2);
    const [first = 0] = all.ports;
    const one = `redis+sentinel://127.0.0.1:${first}/${MASTER_NAME}`;
    await waitFor(async () => (await doctorOfRedis(one)).ids.includes('sentinel-no-quorum'), 'the quorum to be missed', 60_000);
  });
});

test('a master that writes nothing to disk empties its replicas, and one that does not follow yet is late', async () => {
  const master = await RedisServer.start({ tcp: true, settings: [...GOOD, '--appendonly', 'no', '--repl-diskless-sync-delay', '100', '--min-replicas-to-write', '0'] });
  later(() => master.end());
  const replica = await RedisServer.start({ tcp: true, settings: ['--replicaof', `127.0.0.1 ${master.port}`] });
  later(() => replica.end());
  await waitFor(async () => /slave0:.*state=wait_bgsave/.test(await master.client().info('replication')), 'the replica to ask');
  expect(without((await doctorOfRedis(master.url())).ids)).toEqual(['redis-empty-master', 'redis-replica-late', 'redis-split-brain']);
  const { ids, findings } = await doctorOfRedis(replica.url());
  expect({ ids, what: findings[0]?.what }).toEqual({ ids: ['redis-is-replica'], what: `127.0.0.1:${replica.port} is a replica of 127.0.0.1:${master.port}.` });
});

describe('TLS', () => {
  test('a certificate that nobody trusts, and one that is trusted', async () => {
    const server = await RedisServer.start({ tls: true, settings: GOOD });
    later(() => server.end());
    const { ids, findings } = await doctorOfRedis(server.tlsUrl());
    expect(ids).toEqual(['redis-tls']);
    expect(findings[0]?.what).toMatch(/^TLS with localhost:\d+ failed: DEPTH_ZERO_SELF_SIGNED_CERT\.$/);
    expect(findings[0]?.remedy).toContain('NODE_EXTRA_CA_CERTS');
  });

  test('redis:// at a port that speaks TLS', async () => {
    const server = await RedisServer.start({ tls: true, settings: GOOD });
    later(() => server.end());
    expect((await doctorOfRedis(server.tlsUrl().replace('rediss:', 'redis:'))).ids).toEqual(['redis-no-answer']);
  });
});

describe('a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    for (const server of cluster.servers) {
      await server.client().config('SET', 'appendonly', 'yes', 'maxmemory', '64mb', 'min-replicas-to-write', '1');
    }
  });
  afterAll(() => cluster?.end());

  test('has no finding; each master is looked at, and the scripts run where their keys are', async () => {
    const { ids, checked } = await doctorOfRedis(cluster.url);
    expect(without(ids)).toEqual([]);
    expect(checked.filter((line) => line.startsWith('Memory of ')).length).toBe(3);
    expect(checked.join('\n')).toMatch(/Cluster: 3 masters serve all slots\.[^]*Rights: the user default may run/);
  });

  test('the line of docs/redis.md with what a cluster needs beside it is enough', async () => {
    for (const server of cluster.servers) await server.client().call('ACL', 'SETUSER', 'node', 'on', '>node-secret', ...aclRule('pathcast', true).split(' '));
    const { ids, code } = await doctorOfRedis(cluster.url.replace('cluster://', 'cluster://node:node-secret@'));
    expect({ ids: without(ids), code }).toEqual({ ids: [], code: 0 });
  });

  test('the wrong kind of URL', async () => {
    const [first] = cluster.servers;
    expect((await doctorOfRedis(first?.url() ?? '')).ids).toEqual(['redis-is-cluster']);
    const single = await RedisServer.start({ tcp: true, settings: GOOD });
    later(() => single.end());
    expect((await doctorOfRedis(single.url().replace('redis:', 'redis+cluster:'))).ids).toEqual(['redis-no-cluster']);
  });

  test('tail finds the node that has the company, and hears its sharded doorbell', async () => {
    const { head } = keysOf('pathcast', 'acme');
    const owner = await cluster.ownerOf(await cluster.slotOf(head));
    const log = new Publisher(owner.client(), 'acme');
    await log.publish('a', { ring: 'SPUBLISH' });
    const tail = new Tail(['--redis', cluster.url, '--company', 'acme', '--json', '--last', '5']);
    await tail.until('e1.1');
    await log.publish('b', { ring: 'SPUBLISH' });
    await tail.until('e1.2');
    expect(tail.lines).toHaveLength(2);
    expect(await tail.stop()).toBe(0);
  });
});
