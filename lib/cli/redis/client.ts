/** The Redis of a URL: one server, the master that sentinels name, or the masters of a cluster. */
import { shownEndpoint, shownRedisUrl, type RedisEndpoint, type RedisUrl } from '../../redis/url.js';
import { NoRedis, RedisConnection, Refused } from './connection.js';
import { listIn, Refusal, textIn, type Reply } from './resp.js';

/** Redirects that one command follows. */
const MAX_REDIRECTS = 5;

export class RedisClient {
  readonly #nodes = new Map<string, RedisConnection>();

  private constructor(
    readonly url: RedisUrl,
    /** Where commands without a key go. */
    readonly main: RedisConnection,
    readonly timeoutMs: number,
  ) {
    this.#nodes.set(main.where, main);
  }

  /** The first of the named servers that can be used. @throws NoRedis */
  static async open(url: RedisUrl, timeoutMs: number): Promise<RedisClient> {
    const places = url.kind === 'sentinel' ? [await masterOf(url, timeoutMs)] : url.endpoints;
    let failure: unknown;
    for (const place of places) {
      try {
        return new RedisClient(url, await connect(url, place, timeoutMs), timeoutMs);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  get shown(): string {
    return shownRedisUrl(this.url);
  }

  /** Follows a cluster's redirects. `key` says where the command belongs. @throws Refused, NoRedis */
  async at(key: string, ...args: readonly (string | number | Buffer)[]): Promise<Reply> {
    return (await this.ownerOf(key)).command(...args);
  }

  /** Who has the key. @throws Refused, NoRedis */
  async ownerOf(key: string): Promise<RedisConnection> {
    let connection = this.main;
    if (this.url.kind !== 'cluster') return connection;
    for (let n = 0; n < MAX_REDIRECTS; n++) {
      const reply = await connection.ask('EXISTS', key);
      if (!(reply instanceof Refusal)) return connection;
      const [, host = '', port = ''] = /^(?:MOVED|ASK) \d+ (.*):(\d+)$/.exec(reply.text) ?? [];
      if (port === '') throw new Refused(reply.text);
      connection = await this.#node({ host: host === '' ? hostOf(connection.where) : host, port: Number(port) });
    }
    throw new NoRedis('other', `redirected more than ${MAX_REDIRECTS} times`, connection.where);
  }

  /** Of a cluster all masters that serve slots, as its first node knows them; else the one server. @throws NoRedis, Refused */
  async masters(): Promise<RedisConnection[]> {
    if (this.url.kind !== 'cluster') return [this.main];
    const text = textIn(await this.main.command('CLUSTER', 'NODES'));
    const found: RedisConnection[] = [];
    for (const line of text.split('\n')) {
      const [, address = '', flags = '', , , , , , ...slots] = line.split(' ');
      // One that has become a replica is named as a master without slots until the nodes have told each other.
      const serves = slots.some((range) => !range.startsWith('['));
      if (!/\bmaster\b/.test(flags) || !serves || /fail\b|noaddr|handshake/.test(flags)) continue;
      const [, host = '', port = ''] = /^(.*):(\d+)@/.exec(address) ?? [];
      const mine = /myself/.test(flags);
      found.push(mine ? this.main : await this.#node({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) }));
    }
    return found;
  }

  async #node(endpoint: RedisEndpoint & { host: string }): Promise<RedisConnection> {
    const known = this.#nodes.get(shownEndpoint(endpoint));
    if (known) return known;
    const connection = await connect(this.url, endpoint, this.timeoutMs);
    this.#nodes.set(connection.where, connection);
    return connection;
  }

  /** One more to the server that has the key, for messages. @throws NoRedis */
  async another(key: string): Promise<RedisConnection> {
    const { where } = await this.ownerOf(key);
    return connect(this.url, placeIn(where), this.timeoutMs);
  }

  /** Idempotent. */
  close(): void {
    for (const connection of this.#nodes.values()) connection.close();
  }
}

const hostOf = (where: string): string => where.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');

function placeIn(where: string): RedisEndpoint {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(where) ?? [];
  return host === undefined ? { path: where } : { host, port: Number(port) };
}

function connect(url: RedisUrl, endpoint: RedisEndpoint, timeoutMs: number): Promise<RedisConnection> {
  return RedisConnection.open(endpoint, { tls: url.kind === 'tls', credentials: url.credentials, db: url.db, timeoutMs });
}

/** As the first sentinel has it that answers. @throws NoRedis */
async function masterOf(url: RedisUrl, timeoutMs: number): Promise<RedisEndpoint> {
  const failures: NoRedis[] = [];
  for (const endpoint of url.endpoints) {
    let sentinel: RedisConnection | undefined;
    try {
      sentinel = await RedisConnection.open(endpoint, { credentials: url.sentinelCredentials, timeoutMs });
      const [host, port] = listIn(await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', url.master)).map(textIn);
      if (host !== undefined && port !== undefined) return { host, port: Number(port) };
      failures.push(new NoRedis('other', `it knows no master '${url.master}'`, sentinel.where));
    } catch (error) {
      if (error instanceof NoRedis) failures.push(error);
      else if (error instanceof Refused) failures.push(new NoRedis('other', error.message, sentinel?.where ?? ''));
      else throw error;
    } finally {
      sentinel?.close();
    }
  }
  const [first] = failures;
  throw new NoRedis(first?.kind ?? 'other', failures.map(({ message }) => message).join('; '), 'the sentinels');
}
