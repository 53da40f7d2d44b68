/** Over duplicates of a node-redis cluster (5 and 6). */
import type { Broker, BrokerReply } from '../../internal/broker.js';
import { ClusterBroker, type ClusterClient } from './cluster.js';
import type { ConnectionEvents, Dial } from './connection.js';
import { firstKey } from './key-slot.js';
import { BYTES, NodeRedisConnection, oneLife, type NodeRedisClient } from './node-redis.js';

interface ClusterNode {
  readonly address: string;
  readonly client?: NodeRedisClient | Promise<NodeRedisClient> | undefined;
}

/** As much of its cluster as is used. */
export interface NodeRedisCluster {
  readonly masters: readonly ClusterNode[];
  readonly slots: readonly ({ readonly master: ClusterNode } | undefined)[];
  readonly _options?: { readonly defaults?: NodeRedisClient['options'] } | undefined;
  duplicate(overrides?: never): unknown;
  nodeClient(node: never): NodeRedisClient | Promise<NodeRedisClient>;
  sendCommand(firstKey: string | undefined, isReadonly: boolean, args: readonly (string | Buffer)[], options?: object): Promise<unknown>;
  connect(): Promise<unknown>;
  destroy(): void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever an event brings
  on(event: string, listener: (...args: any[]) => void): unknown;
}

class NodeRedisClusterClient implements ClusterClient {
  constructor(private readonly cluster: NodeRedisCluster) {}

  async open(): Promise<void> {
    let trouble: unknown;
    this.cluster.on('error', (error: unknown) => (trouble ??= error));
    this.cluster.on('node-error', (error: unknown) => (trouble ??= error));
    try {
      await this.cluster.connect();
    } catch (thrown) {
      throw trouble ?? thrown;
    }
  }

  send(args: readonly (string | Buffer)[]): Promise<BrokerReply> {
    return this.cluster.sendCommand(firstKey(args), false, args, BYTES) as Promise<BrokerReply>;
  }

  subscribe(): Promise<void> {
    return Promise.reject(new Error('a cluster is subscribed to by its masters'));
  }

  unsubscribe(): Promise<void> {
    return this.subscribe();
  }

  destroy(): void {
    try {
      this.cluster.destroy();
    } catch {
      // It has ended by itself.
    }
  }

  ownerOf(slot: number): string | undefined {
    return this.cluster.slots[slot]?.master.address;
  }

  dialOwner(owner: string): Dial | undefined {
    const node = this.cluster.masters.find(({ address }) => address === owner);
    if (!node) return undefined;
    return (events: ConnectionEvents) => new LaterConnection(async () => {
      const client = await this.cluster.nodeClient(node as never);
      return client.duplicate(oneLife(client) as never) as NodeRedisClient;
    }, events);
  }
}

/** A connection whose client is not there at once. */
class LaterConnection {
  #connection: NodeRedisConnection | undefined;
  #destroyed = false;

  constructor(
    private readonly make: () => Promise<NodeRedisClient>,
    private readonly events: ConnectionEvents,
  ) {}

  async open(): Promise<void> {
    const client = await this.make();
    if (this.#destroyed) throw new Error('the connection ended');
    this.#connection = new NodeRedisConnection(client, this.events, true);
    await this.#connection.open();
  }

  send(args: readonly (string | Buffer)[]): Promise<BrokerReply> {
    return this.#use().send(args);
  }

  subscribe(channels: readonly string[]): Promise<void> {
    return this.#use().subscribe(channels);
  }

  unsubscribe(channels: readonly string[]): Promise<void> {
    return this.#use().unsubscribe(channels);
  }

  destroy(): void {
    this.#destroyed = true;
    this.#connection?.destroy();
  }

  /** REQUIRES: `open()` has resolved. */
  #use(): NodeRedisConnection {
    return this.#connection as NodeRedisConnection;
  }
}

export function isNodeRedisCluster(value: object): value is NodeRedisCluster {
  const { masters, nodeClient, duplicate, sendCommand } = value as Partial<NodeRedisCluster>;
  return Array.isArray(masters) && [nodeClient, duplicate, sendCommand].every((part) => typeof part === 'function');
}

/** REQUIRES: `isNodeRedisCluster(cluster)`. Nothing of the cluster itself is used or ended. */
export function nodeRedisClusterBroker(cluster: NodeRedisCluster): Broker {
  const defaults = cluster._options?.defaults;
  const make = (): NodeRedisCluster =>
    cluster.duplicate({ minimizeConnections: false, useReplicas: false, commandOptions: undefined, defaults: { ...defaults, ...oneLife({ options: defaults }) } } as never) as NodeRedisCluster;
  return new ClusterBroker({ kind: 'node-redis', url: 'redis+cluster://(the client of the app)', dial: () => new NodeRedisClusterClient(make()) });
}
