/** Brokers over the app's own cluster client, each version that is supported, on a cluster of six servers: slots, moved slots, a master that is gone. */
import { Cluster as Cluster5 } from 'ioredis';
import { Cluster as Cluster6 } from 'ioredis-6';
import { createCluster as createCluster5 } from 'redis';
import { createCluster as createCluster6 } from 'redis-6';
import { BrokerError, type Broker, type BrokerReply, type Script } from '../../lib/internal/broker.js';
import { clientBroker, isClient } from '../../lib/redis/brokers/app-client.js';
import { keySlot } from '../../lib/redis/brokers/key-slot.js';
import { urlBroker } from '../../lib/redis/brokers/load-ioredis.js';
import { parseRedisUrl } from '../../lib/redis/url.js';
import { FAILS_OVER_MS, RedisCluster } from '../support/redis-cluster.js';
import { waitFor } from '../support/wait.js';

const COUNT: Script = { name: 'count', body: "return redis.call('RPUSH', KEYS[1], ARGV[1])" };

class Ear {
  readonly heard: string[] = [];
  subscribed(): void {
    this.heard.push('subscribed');
  }
  message(payload: Buffer): void {
    this.heard.push(payload.toString('latin1'));
  }
  get times(): number {
    return this.heard.filter((each) => each === 'subscribed').length;
  }
}

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 120_000);
afterAll(() => cluster?.end());

const MAKERS: [name: string, make: () => Broker][] = [
  ['ioredis 5', () => clientBroker(new Cluster5(cluster.roots, { lazyConnect: true }))],
  ['ioredis 6', () => clientBroker(new Cluster6(cluster.roots, { lazyConnect: true }))],
  ['node-redis 5', () => clientBroker(createCluster5({ rootNodes: cluster.roots.map(({ host, port }) => ({ socket: { host, port } })) }))],
  ['node-redis 6', () => clientBroker(createCluster6({ rootNodes: cluster.roots.map(({ host, port }) => ({ socket: { host, port } })) }))],
  ['a URL', () => urlBroker(parseRedisUrl(cluster.url))],
];

describe.each(MAKERS)('a broker over a cluster, by %s', (made, make) => {
  let broker: Broker;
  beforeEach(async () => {
    broker = make();
    await waitFor(() => broker.state.link === 'ready', 'the link to be ready');
  });
  afterEach(() => broker?.close());

  test('scripts and commands go to the slot of their key, in order; bytes stay', async () => {
    expect(broker.ring).toBe('SPUBLISH');
    const wild = Buffer.from([0, 255, 13, 10, 195, 40]);
    for (let i = 0; i < 30; i += 1) {
      const key = `{${broker.kind}${String(i)}}k`;
      await broker.command(['DEL', `${key}l`]);
      expect(await broker.command(['SET', key, wild])).toEqual(Buffer.from('OK'));
      expect(await broker.command(['GET', key])).toEqual(wild);
      const counts = await Promise.all(Array.from({ length: 20 }, (__, n): Promise<BrokerReply> => broker.eval(COUNT, [`${key}l`], [n])));
      expect(counts).toEqual(Array.from({ length: 20 }, (__, n) => n + 1));
    }
    expect(String(await broker.command(['INFO', 'server']))).toContain('redis_mode:cluster');
    await broker.command(['SET', '{w}t', 'x']);
    const refused: unknown = await broker.eval(COUNT, ['{w}t'], [1]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BrokerError);
    expect(refused).toMatchObject({ failure: 'refused', message: expect.stringMatching(/^WRONGTYPE /) });
  });

  test('what is asked for as soon as it is ready is answered, and it stays ready while it connects to the masters', async () => {
    const fresh = make();
    const states: string[] = [];
    const ears = Array.from({ length: 12 }, () => new Ear());
    const answered = new Promise<BrokerReply[]>((resolve, reject) => {
      fresh.onState(({ link }) => {
        states.push(link);
        if (states.length > 1) return;
        ears.forEach((ear, i) => fresh.subscribe(`p:{at once ${i}}:bell`, ear));
        const keys = Array.from({ length: 36 }, (__, i) => `{at once ${made} ${i % ears.length}}`);
        Promise.all(keys.map((key, i) => fresh.eval(COUNT, [key], [i]))).then(resolve, reject);
      });
    });
    expect(await answered).toEqual(Array.from({ length: 36 }, (__, i) => Math.floor(i / ears.length) + 1));
    await waitFor(() => ears.every(({ times }) => times === 1), 'all to be subscribed');
    expect(states).toEqual(['ready']);
    await fresh.close();
  });

  test('channels of all slots are heard, and each until it is left', async () => {
    const names = Array.from({ length: 60 }, (__, i) => `p:{c${String(i)}}:bell`);
    const ears = names.map(() => new Ear());
    const stops = names.map((name, i) => broker.subscribe(name, ears[i]!));
    await waitFor(() => ears.every(({ times }) => times === 1), 'all to be subscribed');
    for (const name of names) await broker.command(['SPUBLISH', name, name]);
    await waitFor(() => ears.every(({ heard }) => heard.length === 2), 'all messages');
    expect(ears.map(({ heard }) => heard[1])).toEqual(names);
    const second = new Ear();
    broker.subscribe(names[0]!, second);
    await waitFor(() => second.times === 1, 'the second listener');
    stops[1]!();
    await broker.command(['SPUBLISH', names[1]!, 'late']);
    await broker.command(['SPUBLISH', names[0]!, 'late']);
    await waitFor(() => second.heard.includes('late'), 'the last message');
    expect(ears[1]!.heard).toHaveLength(2);
    broker.resubscribe();
    await waitFor(() => ears[0]!.times === 2, 'to be subscribed again');
  });

  test('a slot that moves takes its channels along', async () => {
    const name = `p:{moves ${made}}:bell`;
    const ear = new Ear();
    broker.subscribe(name, ear);
    await waitFor(() => ear.times === 1, 'to be subscribed');
    await cluster.moveSlotOf(name);
    await waitFor(async () => {
      await broker.command(['SPUBLISH', name, 'x']).catch(() => undefined);
      return ear.times >= 2 && ear.heard.at(-1) === 'x';
    }, 'to be subscribed at the new master');
  });
});

test('a master that is gone: its replica is used, commands are answered again, channels heard again', async () => {
  await cluster.failOverAfter(FAILS_OVER_MS);
  const brokers = MAKERS.map(([, make]) => make());
  const name = 'p:{gone}:bell';
  const ears = brokers.map(() => new Ear());
  brokers.forEach((broker, i) => broker.subscribe(name, ears[i]!));
  await waitFor(() => ears.every(({ times }) => times === 1), 'all to be subscribed');
  const owner = await cluster.ownerOf(await cluster.slotOf(name));
  await owner.kill();
  await waitFor(() => ears.every(({ times }) => times > 1), 'all to be subscribed again', 60_000);
  for (const broker of brokers) await waitFor(async () => (await broker.command(['SET', '{gone}k', '1']).catch(() => null)) !== null, 'an answer');
  // A message is told to who listens at that moment: a client that looks for its masters once more may not.
  await waitFor(async () => {
    await brokers[0]!.command(['SPUBLISH', name, 'x']);
    return ears.every(({ heard }) => heard.includes('x'));
  }, 'the message');
  await owner.up();
  for (const broker of brokers) await broker.close();
}, 180_000);

test('slots are those of Redis', async () => {
  for (const key of ['', 'a', 'foo{bar}baz', '{}x', '{', 'x{y', 'p:1:{ä%20b}:head', 'foo{{bar}}zap']) expect(keySlot(key)).toBe(await cluster.slotOf(key));
});

test('what else has some of their methods is no client', () => {
  expect([{}, { duplicate: () => undefined }, { isCluster: true }, null, 7].map(isClient)).toEqual([false, false, false, false, false]);
});
