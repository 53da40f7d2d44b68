/** What can be done to a run: to its nodes, its Redis and what lies between. Each says how long it was, and what it may excuse. */
import type { Redis } from 'ioredis';
import { keysOf } from '../../lib/redis/keys.js';
import type { LinkProxy } from '../support/link-proxy.js';
import type { Random } from '../support/random.js';
import type { RedisCluster } from '../support/redis-cluster.js';
import type { RedisSentinels } from '../support/redis-sentinels.js';
import type { RedisServer } from '../support/redis.js';
import type { Excuse, Fault } from './history.js';
import type { ChaosNode } from './nodes.js';
import type { Network } from './network.js';
import { now } from './now.js';
import type { SetClock } from './set-clock.js';

export interface Place {
  readonly random: Random;
  readonly nodes: readonly ChaosNode[];
  readonly companies: readonly string[];
  readonly prefix: string;
  /** ms of the fault's own time; nobody is meant to depend on it. */
  pause(ms: number): Promise<void>;
}
export interface OneRedis extends Place {
  readonly server: RedisServer;
  /** Redis's. */
  readonly clock: SetClock | undefined;
  readonly admin: Redis;
  /** By node. */
  readonly links: readonly LinkProxy[];
}
/** One Redis, and each node on a network of its own. */
export interface NetworkRedis extends OneRedis {
  readonly network: Network;
}
export interface ManyRedis extends Place {
  readonly sentinels: RedisSentinels;
}

export interface ClusterRedis extends Place {
  readonly cluster: RedisCluster;
}

/** What it touches: two of different kinds may happen at the same time. */
type Touches = 'node' | 'redis' | 'link';
type Did = { excuses?: Excuse[]; companies?: string[]; nodes?: string[]; note?: string };
export interface FaultKind<P> {
  name: string;
  touches: Touches;
  weight: number;
  /** What the run or its machine may lack. */
  needs?: 'clock';
  happen(place: P): Promise<Did>;
}

/** Runs it. What comes back is for the history. */
export async function inflict<P extends Place>(kind: FaultKind<P>, place: P): Promise<Fault> {
  const at = now();
  const { excuses = [], companies, nodes, note } = await kind.happen(place);
  return { what: note === undefined ? kind.name : `${kind.name} (${note})`, at, until: now(), excuses, ...(companies ? { companies } : {}), ...(nodes ? { nodes } : {}) };
}

const between = (random: Random, from: number, to: number): number => from + random.below(to - from);

const ofNodes: FaultKind<Place>[] = [
  {
    name: 'a node is killed',
    touches: 'node',
    weight: 4,
    async happen({ random, nodes, pause }) {
      const node = random.pick(nodes);
      const downMs = between(random, 100, 3_000);
      await node.kill();
      await pause(downMs);
      await node.start();
      return { excuses: ['node-died'], nodes: [node.name] };
    },
  },
  {
    name: 'a node is stopped',
    touches: 'node',
    weight: 3,
    async happen({ random, nodes, pause }) {
      const node = random.pick(nodes);
      const ms = between(random, 300, 7_000);
      await node.stop();
      await pause(ms);
      node.cont();
      return { excuses: ['node-stood'], nodes: [node.name] };
    },
  },
  {
    name: "a node's clock jumps",
    touches: 'node',
    weight: 1,
    async happen({ random, nodes, pause }) {
      const node = random.pick(nodes);
      const offMs = random.pick([-3_600_000, -90_000, 90_000, 3_600_000]);
      node.clock(offMs);
      await pause(between(random, 500, 3_000));
      node.clock(0);
      return { nodes: [node.name], note: `${offMs} ms` };
    },
  },
];

/** For one Redis, with a link for each node. */
export const oneRedisFaults: FaultKind<OneRedis>[] = [
  ...ofNodes,
  {
    name: 'Redis is killed, and comes back with all it had',
    touches: 'redis',
    weight: 4,
    async happen({ random, server, pause }) {
      const ms = between(random, 50, 5_000);
      await server.kill();
      await pause(ms);
      await server.up();
      return { excuses: ['outage', 'another-redis'] };
    },
  },
  {
    name: 'Redis is stopped',
    touches: 'redis',
    weight: 3,
    async happen({ random, server, pause }) {
      const ms = between(random, 200, 6_000);
      await server.stop();
      await pause(ms);
      server.cont();
      return { excuses: ['outage'] };
    },
  },
  {
    name: 'Redis comes back from an old dump',
    touches: 'redis',
    weight: 2,
    async happen({ random, server, pause }) {
      const old = server.copyData();
      await pause(between(random, 300, 2_000));
      await server.restart(old);
      return { excuses: ['loss', 'outage', 'another-redis'] };
    },
  },
  {
    name: 'Redis comes back from an old dump while all nodes are down',
    touches: 'redis',
    weight: 1,
    async happen({ random, server, nodes, pause }) {
      const old = server.copyData();
      await pause(between(random, 300, 2_000));
      await Promise.all(nodes.map((node) => node.kill()));
      await server.restart(old);
      await Promise.all(nodes.map((node) => node.start()));
      return { excuses: ['loss', 'outage', 'another-redis', 'node-died'] };
    },
  },
  {
    name: 'Redis comes back empty',
    touches: 'redis',
    weight: 1,
    async happen({ random, server, pause }) {
      await server.kill();
      await pause(between(random, 50, 1_500));
      await server.restart('nothing');
      return { excuses: ['loss', 'outage', 'another-redis'] };
    },
  },
  {
    name: 'FLUSHALL',
    touches: 'redis',
    weight: 1,
    async happen({ admin }) {
      await admin.flushall();
      return { excuses: ['loss'] };
    },
  },
  {
    name: 'SCRIPT FLUSH',
    touches: 'redis',
    weight: 2,
    async happen({ admin }) {
      await admin.script('FLUSH');
      return {};
    },
  },
  {
    name: 'CLIENT KILL',
    touches: 'redis',
    weight: 3,
    async happen({ random, admin }) {
      const type = random.pick(['pubsub', 'normal']);
      await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
      return { note: type };
    },
  },
  {
    name: 'a key is evicted',
    touches: 'redis',
    weight: 4,
    async happen({ random, admin, companies, prefix }) {
      const company = random.pick(companies);
      const key = random.pick(['head', 'log', 'ids'] as const);
      await admin.del(keysOf(prefix, company)[key]);
      return { excuses: [key === 'head' ? 'loss' : 'trimmed'], companies: [company], note: `${key} of ${company}` };
    },
  },
  {
    name: 'Redis has no memory left',
    touches: 'redis',
    weight: 1,
    async happen({ random, admin, pause }) {
      await admin.config('SET', 'maxmemory', '1');
      await pause(between(random, 200, 3_000));
      await admin.config('SET', 'maxmemory', '0');
      return { excuses: ['outage'] };
    },
  },
  {
    name: 'Redis is read-only',
    touches: 'redis',
    weight: 1,
    async happen({ random, admin, pause }) {
      await admin.replicaof('127.0.0.1', 1);
      await pause(between(random, 200, 3_000));
      await admin.call('REPLICAOF', 'NO', 'ONE');
      return { excuses: ['outage'] };
    },
  },
  {
    name: 'Redis is busy with a script',
    touches: 'redis',
    weight: 1,
    async happen({ random, server, admin, pause }) {
      await admin.config('SET', 'busy-reply-threshold', 50);
      const other = server.client();
      const loop = other.eval('while true do end', 0).catch(() => undefined);
      await pause(between(random, 200, 2_000));
      await admin.call('SCRIPT', 'KILL').catch(() => undefined);
      await loop;
      other.disconnect();
      return { excuses: ['outage'] };
    },
  },
  {
    name: "Redis's clock jumps",
    touches: 'redis',
    weight: 1,
    needs: 'clock',
    async happen({ random, clock, pause }) {
      const offMs = random.pick([-3_600_000, -90_000, 90_000, 3_600_000]);
      clock!.set(offMs);
      await pause(between(random, 500, 3_000));
      clock!.set(0);
      return { note: `${offMs} ms` };
    },
  },
  {
    name: 'a link is slow',
    touches: 'link',
    weight: 2,
    async happen({ random, links, nodes, pause }) {
      const index = random.below(links.length);
      const delayMs = between(random, 20, 400);
      links[index]!.slow(delayMs);
      await pause(between(random, 1_000, 5_000));
      links[index]!.slow(0);
      return { nodes: [nodes[index]!.name], note: `${delayMs} ms each way` };
    },
  },
  {
    name: 'a node is parted from Redis',
    touches: 'link',
    weight: 4,
    async happen({ random, links, nodes, pause }) {
      const index = random.below(links.length);
      links[index]!.part();
      await pause(between(random, 300, 8_000));
      links[index]!.heal();
      return { excuses: ['outage'], nodes: [nodes[index]!.name] };
    },
  },
  {
    name: 'a link is cut',
    touches: 'link',
    weight: 2,
    async happen({ random, links, nodes, pause }) {
      const index = random.below(links.length);
      links[index]!.refuse(true);
      await pause(between(random, 0, 2_000));
      links[index]!.refuse(false);
      return { excuses: ['outage'], nodes: [nodes[index]!.name] };
    },
  },
];

/** As the kernel's network has them: no process stands between a node and its Redis. */
export const networkFaults: FaultKind<NetworkRedis>[] = [
  ...oneRedisFaults.filter(({ touches }) => touches !== 'link'),
  {
    name: 'the cable of a node is pulled',
    touches: 'link',
    weight: 6,
    async happen({ random, network, nodes, pause }) {
      const index = random.below(nodes.length);
      network.part(index);
      await pause(between(random, 300, 10_000));
      network.heal(index);
      return { excuses: ['outage'], nodes: [nodes[index]!.name] };
    },
  },
  {
    name: 'the cable of Redis is pulled',
    touches: 'link',
    weight: 2,
    async happen({ random, network, nodes, pause }) {
      nodes.forEach((_, index) => network.part(index));
      await pause(between(random, 300, 6_000));
      nodes.forEach((_, index) => network.heal(index));
      return { excuses: ['outage'] };
    },
  },
  {
    name: 'the cable of a node is thin',
    touches: 'link',
    weight: 3,
    async happen({ random, network, nodes, pause }) {
      const index = random.below(nodes.length);
      const kbit = between(random, 60, 400);
      network.thin(index, kbit);
      await pause(between(random, 1_000, 6_000));
      network.thin(index, undefined);
      // It carries less than there is to say.
      return { excuses: ['outage'], nodes: [nodes[index]!.name], note: `${kbit} kbit/s` };
    },
  },
];

/** Whatever is written while a master changes may be lost with the former one. */
const FAILOVER: Excuse[] = ['loss', 'outage', 'another-redis'];

export const sentinelFaults: FaultKind<ManyRedis>[] = [
  ...ofNodes,
  {
    name: 'a failover is asked for',
    touches: 'redis',
    weight: 2,
    async happen({ sentinels, pause, random }) {
      await sentinels.failover();
      await pause(between(random, 100, 1_000));
      await sentinels.rejoin();
      return { excuses: FAILOVER };
    },
  },
  {
    name: 'the master is killed',
    touches: 'redis',
    weight: 2,
    async happen({ sentinels, pause, random }) {
      const master = await sentinels.master();
      await master.kill();
      await sentinels.promoted(master);
      await pause(between(random, 100, 1_000));
      await sentinels.rejoin();
      return { excuses: FAILOVER };
    },
  },
  {
    name: 'the master is killed, and its last writes are lost',
    touches: 'redis',
    weight: 2,
    async happen({ sentinels, pause, random }) {
      const master = await sentinels.master();
      await sentinels.cutReplica();
      await pause(between(random, 200, 1_500));
      await master.kill();
      await sentinels.promoted(master);
      await sentinels.rejoin();
      return { excuses: FAILOVER };
    },
  },
  {
    name: 'the master is stopped until another one is in its place',
    touches: 'redis',
    weight: 2,
    async happen({ sentinels, pause, random }) {
      const master = await sentinels.master();
      await master.stop();
      await sentinels.promoted(master);
      await pause(between(random, 0, 1_000));
      master.cont();
      await pause(between(random, 0, 1_500));
      await sentinels.rejoin();
      return { excuses: FAILOVER };
    },
  },
];

/** Its servers store nothing: what a replica does not have is gone with its master. */
export const clusterFaults: FaultKind<ClusterRedis>[] = [
  ...ofNodes,
  {
    name: 'a master of the cluster is killed',
    touches: 'redis',
    weight: 4,
    async happen({ cluster, random, companies, prefix, pause }) {
      const slot = await cluster.slotOf(keysOf(prefix, random.pick(companies)).head);
      await cluster.replaceOwnerOf(slot, () => pause(between(random, 100, 1_500)));
      return { excuses: FAILOVER };
    },
  },
  {
    name: 'a slot moves to another master',
    touches: 'redis',
    weight: 4,
    async happen({ cluster, random, companies, prefix }) {
      const company = random.pick(companies);
      await cluster.moveSlotOf(keysOf(prefix, company).head);
      return { excuses: ['another-redis'], companies: [company], note: company };
    },
  },
];
