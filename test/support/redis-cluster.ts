/** Six servers that are one cluster: three masters with a replica each, all of the test's own. */
import type { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { PortTaken } from './redis-process.js';
import { RedisServer } from './redis.js';
import { waitFor } from './wait.js';

const MASTERS = 3;
const SLOTS = 16_384;
const DEADLINE_MS = 30_000;
const PORT_TRIES = 3;

/** A busy machine is no fault: nobody takes a master's place unless a test asks for it. ms */
const NEVER_DOWN_MS = 60_000;
/** `nodeTimeoutMs` where masters are to be replaced from the start. */
export const FAILS_OVER_MS = 2_000;

export class RedisCluster {
  readonly #asked = new Map<RedisServer, Redis>();

  private constructor(readonly servers: readonly RedisServer[]) {}

  /** The first three are masters at the start, the other three follow them. Resolves when every slot is served. */
  static async start({ nodeTimeoutMs = NEVER_DOWN_MS } = {}): Promise<RedisCluster> {
    const servers: RedisServer[] = [];
    const cluster = new RedisCluster(servers);
    try {
      for (let i = 0; i < 2 * MASTERS; i++) servers.push(await startNode(nodeTimeoutMs));
      const clients = servers.map((server) => cluster.#ask(server));
      // Each its own: of two masters with the same one, who is believed in a slot that moves is settled by chance, once, and never again.
      for (const [i, client] of clients.entries()) await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      for (const [i, client] of clients.entries()) {
        if (i > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', String(servers[0]!.port), String(busPort(servers[0]!)));
      }
      for (let i = 0; i < MASTERS; i++) {
        const [from, to] = [slotsBefore(i), slotsBefore(i + 1) - 1];
        await clients[i]!.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
      }
      for (let i = 0; i < MASTERS; i++) {
        const id = (await clients[i]!.call('CLUSTER', 'MYID')) as string;
        const replica = clients[i + MASTERS]!;
        await waitFor(async () => ((await replica.call('CLUSTER', 'NODES')) as string).includes(id), 'the nodes to meet', DEADLINE_MS);
        await replica.call('CLUSTER', 'REPLICATE', id);
      }
      await cluster.#agree('the cluster to stand');
      for (const replica of clients.slice(MASTERS)) {
        await waitFor(async () => /master_link_status:up/.test(await replica.info('replication')), 'the replicas to follow', DEADLINE_MS);
      }
      return cluster;
    } catch (error) {
      await cluster.end();
      throw error;
    }
  }

  /**
   * Resolves when each node that runs knows the same of all: who serves which slots and who follows whom. Each is told by itself, and one
   * that is not yet would send a client to the wrong place.
   */
  async #agree(what: string): Promise<void> {
    const running = this.servers.filter(({ runs }) => runs);
    const agree = async (): Promise<boolean> => {
      const views = await Promise.all(running.map((server) => viewOf(this.#ask(server))));
      return views.every((view) => view !== undefined && view === views[0]);
    };
    await waitFor(agree, what, DEADLINE_MS);
  }

  /** One client a server for all that is asked of it here. */
  #ask(server: RedisServer): Redis {
    let client = this.#asked.get(server);
    if (!client) this.#asked.set(server, (client = server.client()));
    return client;
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  /** For `new Cluster(…)` of ioredis, and `rootNodes` of node-redis. */
  get roots(): { host: string; port: number }[] {
    return this.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  async slotOf(key: string): Promise<number> {
    return (await this.#ask(this.servers[0]!).call('CLUSTER', 'KEYSLOT', key)) as number;
  }

  /** The master that serves the slot. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const ranges = (await this.#ask(this.servers.find(({ runs }) => runs)!).call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const [, , [, port]] = ranges.find(([from, to]) => from <= slot && slot <= to)!;
    return this.servers.find((server) => server.port === port)!;
  }

  /** From now on a master that is gone for this long is replaced. */
  async failOverAfter(ms: number): Promise<void> {
    for (const server of this.servers.filter(({ runs }) => runs)) await this.#ask(server).config('SET', 'cluster-node-timeout', ms);
  }

  /** Kills the master that serves the slot; once another one does, and after `meanwhile`, it comes back and follows that one. */
  async replaceOwnerOf(slot: number, meanwhile: () => Promise<void>): Promise<void> {
    const was = await this.ownerOf(slot);
    await was.kill();
    await waitFor(async () => (await this.ownerOf(slot)) !== was, 'a replica to take its place', DEADLINE_MS);
    await this.#agree('the nodes to know who took its place');
    await meanwhile();
    await was.up();
    await waitFor(async () => /master_link_status:up/.test(await this.#ask(was).info('replication')), 'it to follow', DEADLINE_MS);
    await this.#agree('the nodes to know who follows whom');
  }

  /** Reshards: the slot of `key`, and all that is in it, moves to another master, which is given. */
  async moveSlotOf(key: string): Promise<RedisServer> {
    const slot = await this.slotOf(key);
    const from = await this.ownerOf(slot);
    const to = await this.ownerOf((slot + Math.floor(SLOTS / MASTERS)) % SLOTS);
    const [source, target] = [this.#ask(from), this.#ask(to)];
    const [fromId, toId] = [(await source.call('CLUSTER', 'MYID')) as string, (await target.call('CLUSTER', 'MYID')) as string];
    const set = (client: Redis, ...words: string[]) => client.call('CLUSTER', 'SETSLOT', String(slot), ...words);
    await set(target, 'IMPORTING', fromId);
    await set(source, 'MIGRATING', toId);
    for (;;) {
      const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[];
      if (keys.length === 0) break;
      await source.call('MIGRATE', '127.0.0.1', String(to.port), '', '0', String(DEADLINE_MS), 'KEYS', ...keys);
    }
    const others: RedisServer[] = [];
    for (let other = 0; other < MASTERS; other++) others.push(await this.ownerOf(slotsBefore(other)));
    // The one that gets it first, and each master is told, as redis-cli does: not all hear of it from each other soon.
    for (const master of [to, from, ...others.filter((one) => one !== to && one !== from)]) await set(this.#ask(master), 'NODE', toId);
    await this.#agree('the nodes to know where the slot is');
    return to;
  }

  async end(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.end()));
  }
}

/** What a node knows of all: who serves which slots, who follows whom, who is gone. Undefined while it misses something of one. */
async function viewOf(client: Redis): Promise<string | undefined> {
  if (!((await client.call('CLUSTER', 'INFO')) as string).includes('cluster_state:ok')) return undefined;
  const nodes = ((await client.call('CLUSTER', 'NODES')) as string).trim().split('\n');
  const known = nodes.map((line) => {
    const [id = '', , flags = '', master = '', , , , , ...slots] = line.split(' ');
    // A slot that moves is named by its two ends alone.
    const serves = slots.filter((words) => !words.startsWith('[')).join(' ');
    if (/handshake|noaddr|\?/.test(flags) || (master === '-' && serves === '' && !flags.includes('fail'))) return undefined;
    return flags.includes('fail') ? '' : `${id} ${master} ${serves}`;
  });
  if (nodes.length !== 2 * MASTERS || known.includes(undefined)) return undefined;
  return known.filter((words) => words !== '').sort().join('\n');
}

const slotsBefore = (master: number): number => Math.round((master * SLOTS) / MASTERS);
const busPorts = new WeakMap<RedisServer, number>();
const busPort = (server: RedisServer): number => busPorts.get(server)!;

async function startNode(nodeTimeoutMs: number): Promise<RedisServer> {
  for (let left = PORT_TRIES; ; left--) {
    const bus = await freePort();
    const settings = ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', String(nodeTimeoutMs)];
    settings.push('--cluster-announce-ip', '127.0.0.1', '--repl-diskless-sync-delay', '0');
    try {
      const server = await RedisServer.start({ tcp: true, settings });
      busPorts.set(server, bus);
      return server;
    } catch (error) {
      if (!(error instanceof PortTaken) || left === 1) throw error;
    }
  }
}
