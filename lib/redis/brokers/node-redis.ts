/** Over duplicates of a node-redis client (5 and 6). */
import type { Broker, BrokerReply } from '../../internal/broker.js';
import { maskRedisUrl } from '../url.js';
import type { Connection, ConnectionEvents } from './connection.js';
import { PairBroker } from './pair.js';

type Heard = (payload: Buffer, channel: Buffer) => void;

/** As much of node-redis as is used: an optional peer, so its types are not asked for. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly options?:
    | {
        readonly url?: string | undefined;
        readonly socket?:
          | { readonly host?: string | undefined; readonly port?: number | undefined; readonly path?: string | undefined; readonly tls?: unknown }
          | undefined;
      }
    | undefined;
  duplicate(overrides?: never): unknown;
  withTypeMapping(mapping: never): unknown;
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<unknown>;
  subscribe(channels: string[], listener: never, bufferMode: true): Promise<unknown>;
  unsubscribe(channels: string[]): Promise<unknown>;
  sSubscribe(channels: string[], listener: never, bufferMode: true): Promise<unknown>;
  sUnsubscribe(channels: string[]): Promise<unknown>;
  connect(): Promise<unknown>;
  destroy(): void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever an event brings
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** Texts and simple strings of RESP2 as bytes. */
export const BYTES = { typeMapping: { [0x24]: Buffer, [0x2b]: Buffer } };

export class NodeRedisConnection implements Connection {
  #opened = false;
  #ended = false;
  readonly #heard: Heard;

  /** `client`: its own, with `oneLife`. */
  constructor(
    private readonly client: NodeRedisClient,
    private readonly events: ConnectionEvents,
    /** Its channels are those of a cluster's slots. */
    private readonly sharded = false,
  ) {
    this.#heard = (payload, channel) => events.message(channel.toString(), payload);
  }

  async open(): Promise<void> {
    let trouble: unknown;
    // It does not connect again: each error is its end.
    this.client.on('error', (error: unknown) => {
      trouble ??= error;
      if (this.#opened) this.#end(error);
    });
    this.client.on('end', () => {
      if (this.#opened) this.#end(new Error('the connection ended'));
    });
    this.client.on('sharded-channel-moved', (channel: string) => this.events.dropped(channel));
    try {
      await this.client.connect();
    } catch (thrown) {
      throw trouble ?? thrown;
    }
    this.#opened = true;
  }

  send(args: readonly (string | Buffer)[]): Promise<BrokerReply> {
    return this.client.sendCommand(args, BYTES) as Promise<BrokerReply>;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    if (!this.sharded) await this.client.subscribe([...channels], this.#heard as never, true);
    // Two channels of one command would have to be of one slot.
    else await Promise.all(channels.map((channel) => this.client.sSubscribe([channel], this.#heard as never, true)));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    if (!this.sharded) await this.client.unsubscribe([...channels]);
    else await Promise.all(channels.map((channel) => this.client.sUnsubscribe([channel])));
  }

  destroy(): void {
    try {
      this.client.destroy();
    } catch {
      // It has ended by itself.
    }
  }

  #end(why: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.events.lost(why);
  }
}

/** A command is tried once, by us. */
export function oneLife({ options }: Pick<NodeRedisClient, 'options'>): object {
  return {
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: undefined,
    commandOptions: undefined,
    readonly: false,
    pingInterval: undefined,
    clientSideCache: undefined,
    emitInvalidate: undefined,
    maintNotifications: 'disabled',
    socket: { ...options?.socket, reconnectStrategy: false, connectTimeout: 5_000, socketTimeout: undefined, noDelay: true },
  };
}

export function isNodeRedis(value: object): value is NodeRedisClient {
  const { isOpen, duplicate, sendCommand, withTypeMapping } = value as Partial<NodeRedisClient>;
  return typeof isOpen === 'boolean' && [duplicate, sendCommand, withTypeMapping].every((part) => typeof part === 'function');
}

/** REQUIRES: `isNodeRedis(client)`, no cluster. Nothing of the client itself is used or ended. */
export function nodeRedisBroker(client: NodeRedisClient, url = placeOf(client)): Broker {
  const dial = (events: ConnectionEvents): Connection =>
    new NodeRedisConnection(client.duplicate(oneLife(client) as never) as NodeRedisClient, events);
  return new PairBroker({ kind: 'node-redis', url: maskRedisUrl(url), dialCommands: dial, dialSubscriptions: dial });
}

function placeOf({ options }: NodeRedisClient): string {
  if (options?.url !== undefined) return options.url;
  const { host = 'localhost', port = 6379, path, tls } = options?.socket ?? {};
  return path === undefined ? `${tls ? 'rediss' : 'redis'}://${host}:${String(port)}` : `redis+unix://${path}`;
}
