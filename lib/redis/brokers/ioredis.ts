/** Over duplicates of an ioredis client (5 and 6). */
import type { Broker, BrokerReply } from '../../internal/broker.js';
import { maskRedisUrl } from '../url.js';
import type { Connection, ConnectionEvents } from './connection.js';
import { PairBroker } from './pair.js';
import { NO_TLS, onPlainRedis } from './plain-redis.js';

/** As much of ioredis as is used: an optional peer, so its types are not asked for. */
export interface IoredisClient {
  readonly status: string;
  readonly isCluster?: boolean;
  /** Of the connection that was tried last. */
  readonly stream?: { on(event: 'error', listener: () => void): unknown } | null;
  readonly options: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly path?: string | undefined;
    readonly tls?: unknown;
    readonly name?: string | undefined;
    readonly sentinels?: readonly { readonly host?: string | undefined; readonly port?: number | undefined }[] | null | undefined;
  };
  duplicate(...options: never[]): unknown;
  callBuffer(command: string, ...args: (string | Buffer)[]): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  ssubscribe(...channels: string[]): Promise<unknown>;
  sunsubscribe(...channels: string[]): Promise<unknown>;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever an event brings
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** A command is tried once, by us; a name is what we say it is. */
export const ONE_LIFE = {
  lazyConnect: true,
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableAutoPipelining: false,
  maxRetriesPerRequest: null,
  commandTimeout: undefined,
  blockingTimeout: undefined,
  socketTimeout: undefined,
  // What does not end by itself within this time is cut off, ms.
  disconnectTimeout: 100,
  connectTimeout: 5_000,
  keyPrefix: '',
  stringNumbers: false,
  readOnly: false,
  monitor: false,
  noDelay: true,
} as const;

export class IoredisConnection implements Connection {
  #client: IoredisClient | undefined;
  /** The first since it was made, or was open: what follows from it says less. */
  #trouble: Error | undefined;
  #opened = false;
  #destroyed = false;

  /** `make`: a client of its own, with ONE_LIFE. */
  constructor(
    private readonly make: () => IoredisClient | Promise<IoredisClient>,
    private readonly events: ConnectionEvents,
    /** Its channels are those of a cluster's slots. */
    private readonly sharded = false,
  ) {}

  async open(): Promise<void> {
    const client = (this.#client = await this.make());
    if (this.#destroyed) {
      client.disconnect();
      throw ended();
    }
    client.on(this.sharded ? 'smessageBuffer' : 'messageBuffer', (channel: Buffer, payload: Buffer) => this.events.message(channel.toString(), payload));
    const { tls, sentinels, host = 'localhost', port = 6_379 } = client.options;
    let settled = (): void => undefined;
    if (tls && !sentinels && !this.sharded) {
      settled = onPlainRedis(port, host, () => {
        this.#trouble = new Error(NO_TLS);
        client.disconnect();
      });
    }
    await new Promise<void>((resolve, reject) => {
      client.on('error', (error: Error) => {
        this.#trouble ??= error;
        this.#hush();
      });
      client.on('ready', () => {
        // ioredis goes on in database 0.
        if (isOfSelect(this.#trouble)) return client.disconnect();
        this.#opened = true;
        this.#trouble = undefined;
        resolve();
      });
      client.on('end', () => {
        const why = this.#trouble ?? ended();
        if (this.#opened) this.events.lost(why);
        else reject(why);
      });
      // Its end says more.
      client.connect().catch(() => undefined);
    }).finally(() => settled());
  }

  send([name = '', ...args]: readonly (string | Buffer)[]): Promise<BrokerReply> {
    return this.#use().callBuffer(String(name), ...args) as Promise<BrokerReply>;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    if (!this.sharded) await this.#use().subscribe(...channels);
    // Two channels of one command would have to be of one slot.
    else await Promise.all(channels.map((channel) => this.#use().ssubscribe(channel)));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    if (!this.sharded) await this.#use().unsubscribe(...channels);
    else await Promise.all(channels.map((channel) => this.#use().sunsubscribe(channel)));
  }

  destroy(): void {
    this.#destroyed = true;
    this.#hush();
    this.#client?.disconnect();
  }

  /** ioredis hears the first failure of a socket alone; one of TLS may have two (a certificate, then the end of it), and the other one would end the process. */
  #hush(): void {
    this.#client?.stream?.on('error', () => undefined);
  }

  /** REQUIRES: `open()` has resolved. */
  #use(): IoredisClient {
    return this.#client as IoredisClient;
  }
}

function isOfSelect(trouble: (Error & { command?: { name?: string } }) | undefined): boolean {
  return trouble?.command?.name === 'select';
}

const ended = (): Error => new Error('the connection ended');

export function isIoredis(value: object): value is IoredisClient {
  const { status, duplicate, callBuffer } = value as Partial<IoredisClient>;
  return typeof status === 'string' && typeof duplicate === 'function' && typeof callBuffer === 'function';
}

/** REQUIRES: `isIoredis(client)`, no cluster. Nothing of the client itself is used or ended. */
export function ioredisBroker(client: IoredisClient, url = placeOf(client)): Broker {
  const dial = (events: ConnectionEvents): Connection =>
    new IoredisConnection(() => client.duplicate(ONE_LIFE as never) as IoredisClient, events);
  return new PairBroker({ kind: 'ioredis', url: maskRedisUrl(url), dialCommands: dial, dialSubscriptions: dial });
}

function placeOf({ options }: IoredisClient): string {
  const { host = 'localhost', port = 6379, path, tls, sentinels, name = '' } = options;
  if (sentinels?.length) {
    const hosts = sentinels.map((sentinel) => `${sentinel.host ?? 'localhost'}:${String(sentinel.port ?? 26_379)}`);
    return `redis+sentinel://${hosts.join(',')}/${name}`;
  }
  return path === undefined || path === null ? `${tls ? 'rediss' : 'redis'}://${host}:${String(port)}` : `redis+unix://${path}`;
}
