/** A master, its replica and three sentinels that watch them, all of the test's own. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { RedisProcess } from './redis-process.js';
import { RedisServer, type RedisSetUp } from './redis.js';
import { waitFor } from './wait.js';

/** What the sentinels call the master. */
export const MASTER_NAME = 'pathcast';
const SENTINELS = 3;
/** An election of three on a machine that is busy. ms */
const FAILOVER_DEADLINE_MS = 30_000;
/** Until a replica follows its master, and until sentinels know each other. ms */
const MEETING_DEADLINE_MS = 30_000;
const REPLICATION = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1', '--masteruser', 'follower', '--masterauth', 'follows'];
const ACL = ['user default on nopass ~* &* +@all', 'user follower on >follows +psync +replconf +ping'];

export class RedisSentinels {
  readonly #sentinels: RedisProcess[] = [];
  readonly ports: number[] = [];
  readonly #clients: Redis[] = [];
  readonly #asked = new Map<RedisServer, Redis>();

  private constructor(readonly servers: readonly [RedisServer, RedisServer]) {}

  /** Resolves when each of the three knows both servers and the other two. */
  static async start({ downAfterMs = 1_000, stores = 'nothing' }: { downAfterMs?: number; stores?: RedisSetUp['stores'] & string } = {}): Promise<RedisSentinels> {
    const start = () => RedisServer.start({ tcp: true, stores, acl: ACL, settings: REPLICATION });
    const all = new RedisSentinels([await start(), await start()]);
    try {
      const [master, replica] = all.servers;
      await all.#ask(replica).replicaof('127.0.0.1', master.port);
      await all.followed();
      for (let i = 0; i < SENTINELS; i++) await all.#startSentinel(master.port, downAfterMs);
      await all.#areReady();
      return all;
    } catch (error) {
      await all.end();
      throw error;
    }
  }

  /** Resolves when each sentinel that runs knows the others that do, and a replica that it would promote: before, no master is replaced. */
  async #areReady(): Promise<void> {
    const clients = this.#clients.filter((_, i) => this.#sentinels[i]!.runs);
    for (const client of clients) {
      await waitFor(
        async () => {
          const master = asObject((await client.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[]);
          const replicas = ((await client.call('SENTINEL', 'REPLICAS', MASTER_NAME)) as string[][]).map(asObject);
          return (
            master['flags'] === 'master' &&
            Number(master['num-other-sentinels']) === SENTINELS - 1 &&
            replicas.length === 1 &&
            replicas.every((replica) => replica['flags'] === 'slave' && replica['master-link-status'] === 'ok')
          );
        },
        'the sentinels to know each other and a replica that follows',
        MEETING_DEADLINE_MS,
      );
    }
  }

  /** One client a server for all that is asked of it here. */
  #ask(server: RedisServer): Redis {
    let client = this.#asked.get(server);
    if (!client) this.#asked.set(server, (client = server.client()));
    return client;
  }

  async #startSentinel(masterPort: number, downAfterMs: number): Promise<void> {
    const sentinel = new RedisProcess('redis-sentinel', /Sentinel ID is/);
    this.#sentinels.push(sentinel);
    const port = await freePort();
    const file = path.join(sentinel.folder, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${sentinel.folder}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER_NAME} ${downAfterMs}`,
      // Where three vote at the same time nobody has two votes; the next round begins after twice this time.
      `sentinel failover-timeout ${MASTER_NAME} 1500`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    await sentinel.spawn([file]);
    this.ports.push(port);
    const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    this.#clients.push(client);
  }

  get url(): string {
    return `redis+sentinel://${this.ports.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`;
  }

  /** Resolves when all sentinels that run say the same. */
  async master(): Promise<RedisServer> {
    const clients = this.#clients.filter((_, i) => this.#sentinels[i]!.runs);
    return waitFor(
      async () => {
        const asked = clients.map(async (client) => ((await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)) as string[])[1]);
        const ports = new Set(await Promise.all(asked));
        return ports.size === 1 ? this.servers.find((server) => ports.has(String(server.port))) : undefined;
      },
      'the sentinels to agree on a master',
      FAILOVER_DEADLINE_MS,
    );
  }

  other(server: RedisServer): RedisServer {
    return this.servers[0] === server ? this.servers[1] : this.servers[0];
  }

  /** Ends one of the three; the other two can still agree. */
  async killSentinel(index: number): Promise<void> {
    await this.#sentinels[index]!.kill();
  }

  /** Resolves when a replica has all that its master has. */
  async followed(): Promise<void> {
    await waitFor(
      async () => {
        for (const server of this.servers.filter(({ runs }) => runs)) {
          const told = await this.#ask(server).info('replication');
          const has = /slave0:.*state=online,offset=(\d+)/.exec(told)?.[1];
          if (has !== undefined && has === /master_repl_offset:(\d+)/.exec(told)?.[1]) return true;
        }
        return false;
      },
      'the replica to follow',
      MEETING_DEADLINE_MS,
    );
  }

  /** Makes the other one follow the master at once, as an operator would; by themselves the sentinels take 10 s to it. */
  async rejoin(): Promise<void> {
    const master = await this.master();
    const other = this.other(master);
    if (!other.runs) await other.up();
    await this.#ask(master).call('ACL', 'SETUSER', 'follower', 'on');
    await this.#ask(other).replicaof('127.0.0.1', master.port);
    await this.followed();
  }

  /** From now on the replica gets nothing of what is written, and cannot come back for it. */
  async cutReplica(): Promise<void> {
    const client = this.#ask(await this.master());
    await client.call('ACL', 'SETUSER', 'follower', 'off');
    await client.call('CLIENT', 'KILL', 'TYPE', 'replica');
  }

  /** A failover while the master is well, as before an upgrade. Resolves to the new master. */
  async failover(): Promise<RedisServer> {
    const before = await this.master();
    await this.#areReady();
    await this.#clients[0]!.call('SENTINEL', 'FAILOVER', MASTER_NAME);
    return this.promoted(before);
  }

  /** Resolves to the one that takes `before`'s place. */
  async promoted(before: RedisServer): Promise<RedisServer> {
    const heir = this.other(before);
    const client = this.#ask(heir);
    await waitFor(
      async () => (await this.master()) === heir && /role:master/.test(await client.info('replication')),
      'the sentinels to promote the replica',
      FAILOVER_DEADLINE_MS,
    );
    return heir;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.#sentinels.map((sentinel) => sentinel.remove()));
    await Promise.all(this.servers.map((server) => server.end()));
  }
}

function asObject(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}
