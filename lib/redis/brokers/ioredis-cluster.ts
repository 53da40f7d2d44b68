/** Over duplicates of an ioredis Cluster (5 and 6). */
import type { Broker, BrokerReply } from '../../internal/broker.js';
import { ClusterBroker, type ClusterClient } from './cluster.js';
import type { ConnectionEvents, Dial } from './connection.js';
import { IoredisConnection, ONE_LIFE, type IoredisClient } from './ioredis.js';

/** As much of its Cluster as is used. */
export interface IoredisCluster extends Pick<IoredisClient, 'status' | 'callBuffer' | 'connect' | 'disconnect' | 'on'> {
  readonly isCluster: true;
  readonly slots: readonly (readonly string[] | undefined)[];
  readonly startupNodes?: readonly unknown[];
  readonly options: { readonly redisOptions?: object | undefined };
  duplicate(...options: never[]): unknown;
  nodes(role: 'master'): readonly IoredisClient[];
}

/** A command is tried once, by us; but for MOVED and ASK, after which it was not carried out. */
export function clusterOptions(redisOptions: object = {}): object {
  const { lazyConnect: _lazy, enableOfflineQueue: _queue, ...node } = ONE_LIFE;
  return {
    lazyConnect: true,
    // Without it, a second command to a master that is still being connected to is refused. What waits is refused when the client ends.
    enableOfflineQueue: true,
    clusterRetryStrategy: () => null,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    retryDelayOnMoved: 0,
    slotsRefreshTimeout: 3_000,
    slotsRefreshInterval: 1_000,
    scaleReads: 'master',
    keyPrefix: '',
    enableAutoPipelining: false,
    shardedSubscribers: false,
    redisOptions: { ...redisOptions, ...node },
  };
}

export class IoredisClusterClient implements ClusterClient {
  #cluster: IoredisCluster | undefined;
  #opened = false;
  #destroyed = false;

  constructor(
    private readonly make: () => IoredisCluster | Promise<IoredisCluster>,
    private readonly events: ConnectionEvents,
  ) {}

  async open(): Promise<void> {
    const cluster = (this.#cluster = await this.make());
    let trouble: Error | undefined;
    await new Promise<void>((resolve, reject) => {
      if (this.#destroyed) {
        reject(new Error('the connection ended'));
        return;
      }
      cluster.on('error', (error: Error & { lastNodeError?: Error }) => (trouble ??= error.lastNodeError ?? error));
      cluster.on('node error', (error: Error) => (trouble ??= error));
      cluster.on('ready', () => {
        this.#opened = true;
        resolve();
      });
      cluster.on('end', () => {
        const why = trouble ?? new Error('the connection ended');
        if (this.#opened) this.events.lost(why);
        else reject(why);
      });
      cluster.connect().catch(() => undefined);
    });
  }

  send([name = '', ...args]: readonly (string | Buffer)[]): Promise<BrokerReply> {
    return this.#use().callBuffer(String(name), ...args) as Promise<BrokerReply>;
  }

  subscribe(): Promise<void> {
    return Promise.reject(new Error('a cluster is subscribed to by its masters'));
  }

  unsubscribe(): Promise<void> {
    return this.subscribe();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#cluster?.disconnect();
  }

  ownerOf(slot: number): string | undefined {
    return this.#use().slots[slot]?.[0];
  }

  dialOwner(owner: string): Dial | undefined {
    const node = this.#use()
      .nodes('master')
      .find(({ options }) => `${String(options.host)}:${String(options.port)}` === owner);
    return node && ((events) => new IoredisConnection(() => node.duplicate(ONE_LIFE as never) as IoredisClient, events, true));
  }

  /** REQUIRES: `open()` has resolved. */
  #use(): IoredisCluster {
    return this.#cluster as IoredisCluster;
  }
}

export function isIoredisCluster(value: object): value is IoredisCluster {
  const { isCluster, duplicate, nodes } = value as Partial<IoredisCluster>;
  return isCluster === true && typeof duplicate === 'function' && typeof nodes === 'function';
}

/** REQUIRES: `isIoredisCluster(cluster)`. Nothing of the cluster itself is used or ended. */
export function ioredisClusterBroker(cluster: IoredisCluster, url = placeOf(cluster)): Broker {
  const make = (): IoredisCluster => cluster.duplicate([] as never, clusterOptions(cluster.options.redisOptions) as never) as IoredisCluster;
  return new ClusterBroker({ kind: 'ioredis', url, dial: (events) => new IoredisClusterClient(make, events) });
}

function placeOf({ startupNodes = [] }: IoredisCluster): string {
  const places = startupNodes.map((node) => {
    const { host = 'localhost', port = 6_379 } = (typeof node === 'object' && node !== null ? node : {}) as { host?: string; port?: number };
    return `${host}:${String(port)}`;
  });
  return `redis+cluster://${places.join(',')}`;
}
