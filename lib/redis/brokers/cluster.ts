/**
 * A broker over a cluster: commands through the library's own client, which knows the slots and follows MOVED; a connection of our own
 * to each master that has a channel of ours, for sharded pub/sub. A slot that moves takes its channels along: they are subscribed anew.
 */
import type { Broker, BrokerReply, BrokerState, ChannelListener, Script } from '../../internal/broker.js';
import { BrokerError } from '../../internal/broker.js';
import type { Connection, Dial } from './connection.js';
import { keySlot } from './key-slot.js';
import { Line } from './line.js';
import { Scripts } from './scripts.js';
import { Subscriptions } from './subscriptions.js';

/** How often channels are held against the slots as they are now. ms */
const ARRANGE_MS = 250;
/** The client is made anew at most so often, where a command found nobody. ms */
const RENEW_MS = 1_000;

/** The library's client, for one life. */
export interface ClusterClient extends Connection {
  /** The master of a slot, by a name of the library's; undefined: it is not known. */
  ownerOf(slot: number): string | undefined;
  /** A connection to that master, for its channels; undefined where it is none any more. */
  dialOwner(owner: string): Dial | undefined;
}

export type DialCluster = (events: Parameters<Dial>[0]) => ClusterClient;

export interface ClusterParts {
  readonly kind: Broker['kind'];
  readonly url: string;
  readonly dial: DialCluster;
}

interface Shard {
  readonly line: Line;
  readonly subscriptions: Subscriptions;
  channels: number;
}

interface Entry {
  readonly channel: string;
  readonly slot: number;
  readonly listeners: Set<ChannelListener>;
  owner: string | undefined;
  leave: (() => void) | undefined;
}

export class ClusterBroker implements Broker {
  readonly ring = 'SPUBLISH';
  readonly kind: Broker['kind'];
  readonly url: string;
  #client: ClusterClient | undefined;
  readonly #commands: Line;
  readonly #scripts: Scripts;
  readonly #shards = new Map<string, Shard>();
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(state: BrokerState) => void>();
  #state: BrokerState = { link: 'connecting', trouble: '' };
  #renewedAt = 0;
  readonly #arranging: NodeJS.Timeout;

  constructor({ kind, url, dial }: ClusterParts) {
    this.kind = kind;
    this.url = url;
    this.#commands = new Line(
      (events) => {
        const client = dial(events);
        this.#client = client;
        return client;
      },
      {
        up: () => this.#arrange(),
        changed: () => this.#judge(),
        message: () => undefined,
        dropped: () => undefined,
      },
      { inOrder: false },
    );
    this.#scripts = new Scripts((args) => this.command(args));
    this.#arranging = setInterval(() => this.#arrange(), ARRANGE_MS).unref();
  }

  get state(): BrokerState {
    return this.#state;
  }

  eval(script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<BrokerReply> {
    return this.#scripts.run(script, keys, args);
  }

  async command(args: readonly (string | number | Buffer)[]): Promise<BrokerReply> {
    try {
      return await this.#commands.send(args);
    } catch (thrown) {
      // A master that is gone: whoever is left knows the new one.
      if (thrown instanceof BrokerError && thrown.failure !== 'refused' && this.#commands.isReady) this.#renew(thrown.message);
      throw thrown;
    }
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    let entry = this.#entries.get(channel);
    if (!entry) {
      entry = { channel, slot: keySlot(channel), listeners: new Set(), owner: undefined, leave: undefined };
      this.#entries.set(channel, entry);
      this.#place(entry);
    }
    const { listeners } = entry;
    const own: ChannelListener = { subscribed: () => listener.subscribed(), message: (payload) => listener.message(payload) };
    listeners.add(own);
    if (listeners.size > 1 && this.#isConfirmed(entry)) queueMicrotask(() => listeners.has(own) && own.subscribed());
    return () => {
      if (!listeners.delete(own) || listeners.size > 0) return;
      this.#unplace(entry);
      this.#entries.delete(channel);
    };
  }

  onState(listener: (state: BrokerState) => void): () => void {
    const own = (state: BrokerState): void => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  resubscribe(): void {
    for (const { line } of this.#shards.values()) line.renew('it delivered nothing');
  }

  close(): Promise<void> {
    clearInterval(this.#arranging);
    this.#commands.close();
    for (const { line } of this.#shards.values()) line.close();
    return Promise.resolve();
  }

  #renew(why: string): void {
    const now = performance.now();
    if (now - this.#renewedAt < RENEW_MS) return;
    this.#renewedAt = now;
    this.#commands.renew(why);
  }

  /** Each channel to the master that has its slot now; a master without channels is left. */
  #arrange(): void {
    if (!this.#commands.isReady) return;
    for (const entry of this.#entries.values()) this.#place(entry);
    for (const [owner, shard] of this.#shards) {
      // A library may hear of a failover only where it sends something; another look tells who has the slots.
      if (shard.channels > 0 && shard.line.state.link === 'lost') this.#renew('a master is away');
      if (shard.channels > 0) continue;
      this.#shards.delete(owner);
      shard.line.close();
    }
    this.#judge();
  }

  #place(entry: Entry): void {
    const owner = this.#commands.isReady ? this.#client?.ownerOf(entry.slot) : undefined;
    if (owner === undefined || owner === entry.owner) return;
    const shard = this.#shardOf(owner);
    if (!shard) return;
    this.#unplace(entry);
    entry.owner = owner;
    shard.channels++;
    const leave = shard.subscriptions.add(entry.channel, {
      subscribed: () => {
        for (const listener of [...entry.listeners]) listener.subscribed();
      },
      message: (payload) => {
        for (const listener of [...entry.listeners]) listener.message(payload);
      },
    });
    entry.leave = () => {
      shard.channels--;
      leave();
    };
  }

  #unplace(entry: Entry): void {
    entry.leave?.();
    entry.leave = undefined;
    entry.owner = undefined;
  }

  #isConfirmed({ owner, channel }: Entry): boolean {
    return owner !== undefined && this.#shards.get(owner)?.subscriptions.isConfirmed(channel) === true;
  }

  #shardOf(owner: string): Shard | undefined {
    const known = this.#shards.get(owner);
    if (known) return known;
    if (!this.#client?.dialOwner(owner)) return undefined;
    const subscriptions: Subscriptions = new Subscriptions((channels) => this.#refused(owner, channels));
    const line: Line = new Line(
      (events) => {
        const dial = this.#client?.dialOwner(owner);
        if (dial) return dial(events);
        throw new Error('it is no master any more');
      },
      {
        up: () =>
          subscriptions.up({
            subscribe: (channels) => line.run((connection) => connection.subscribe(channels)),
            unsubscribe: (channels) => line.run((connection) => connection.unsubscribe(channels)),
          }),
        changed: () => {
          if (!line.isReady) subscriptions.down();
          this.#judge();
        },
        message: (channel, payload) => subscriptions.message(channel, payload),
        dropped: (channel) => subscriptions.dropped(channel),
      },
    );
    const shard = { line, subscriptions, channels: 0 };
    this.#shards.set(owner, shard);
    return shard;
  }

  /** The slot has moved, and the client has not heard of it. */
  #refused(owner: string, channels: readonly string[]): void {
    this.#renew('a slot has moved');
    const again = setTimeout(() => {
      const shard = this.#shards.get(owner);
      // Those that are still said to be here.
      for (const channel of channels) if (this.#entries.get(channel)?.owner === owner) shard?.subscriptions.dropped(channel);
    }, ARRANGE_MS);
    again.unref();
  }

  /** The worst of all. A master that is dialled for its first channel keeps nobody from publishing. */
  #judge(): void {
    if (!(this.#commands as Line | undefined)) return;
    const states = [this.#commands.state];
    for (const { line, channels } of this.#shards.values()) {
      const state = (line as Line | undefined)?.state;
      if (channels > 0 && state && state.link !== 'connecting') states.push(state);
    }
    const worst = (['closed', 'lost', 'connecting', 'ready'] as const).find((link) => states.some((state) => state.link === link));
    const next = states.find((state) => state.link === worst) ?? this.#commands.state;
    if (this.#state.link === 'closed' || (next.link === this.#state.link && next.trouble === this.#state.trouble)) return;
    this.#state = next;
    for (const listener of [...this.#listeners]) listener(next);
  }
}
