/** Who listens to which channel, and what of it Redis has confirmed on the connection of now. */
import { BrokerError, type ChannelListener } from '../../internal/broker.js';

/** Channels in one command. */
const CHANNELS_A_COMMAND = 256;

interface Entry {
  readonly channel: string;
  readonly listeners: Set<ChannelListener>;
  confirmed: boolean;
}

/** The connection, as far as channels go. Both reject when it is lost: the next one begins anew. */
export interface Subscriber {
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
}

export class Subscriptions {
  readonly #entries = new Map<string, Entry>();
  #subscriber: Subscriber | undefined;
  /** Of one turn: they go out together, in the order of their first call. */
  #asked = new Set<Entry>();
  #left = new Set<string>();
  /** Being given up: one that is asked for again waits until that is done, for the libraries mix the two up. */
  readonly #leaving = new Set<string>();
  #scheduled = false;

  /** `refused`: Redis did not take these, and the connection is well; who made it asks again, or gives the connection up. */
  constructor(private readonly refused: (channels: readonly string[], why: string) => void) {}

  isConfirmed(channel: string): boolean {
    return this.#entries.get(channel)?.confirmed === true;
  }

  add(channel: string, listener: ChannelListener): () => void {
    let entry = this.#entries.get(channel);
    if (!entry) {
      this.#entries.set(channel, (entry = { channel, listeners: new Set(), confirmed: false }));
      this.#ask(entry);
    }
    // Two owners may give the same object.
    const own: ChannelListener = { subscribed: () => listener.subscribed(), message: (payload) => listener.message(payload) };
    entry.listeners.add(own);
    if (entry.confirmed) queueMicrotask(() => entry.listeners.has(own) && entry.confirmed && own.subscribed());
    return () => {
      if (!entry.listeners.delete(own) || entry.listeners.size > 0) return;
      this.#entries.delete(channel);
      this.#asked.delete(entry);
      this.#left.add(channel);
      this.#schedule();
    };
  }

  /** A new connection: everything is asked for again. */
  up(subscriber: Subscriber): void {
    this.down();
    this.#subscriber = subscriber;
    for (const entry of this.#entries.values()) this.#ask(entry);
  }

  down(): void {
    this.#subscriber = undefined;
    this.#left.clear();
    this.#leaving.clear();
    this.#asked.clear();
    for (const entry of this.#entries.values()) entry.confirmed = false;
  }

  /** Redis has taken it away: it is asked for again. */
  dropped(channel: string): void {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    entry.confirmed = false;
    this.#ask(entry);
  }

  message(channel: string, payload: Buffer): void {
    for (const listener of this.#entries.get(channel)?.listeners ?? []) listener.message(payload);
  }

  #ask(entry: Entry): void {
    this.#asked.add(entry);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#subscriber) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const subscriber = this.#subscriber;
    if (!subscriber) return;
    // One that was left and is asked for again in the same turn is not given up: Redis confirms it once more.
    for (const { channel } of this.#asked) this.#left.delete(channel);
    const left = [...this.#left];
    const asked = [...this.#asked].filter(({ channel }) => !this.#leaving.has(channel));
    this.#left.clear();
    for (const entry of asked) this.#asked.delete(entry);
    for (let at = 0; at < left.length; at += CHANNELS_A_COMMAND) {
      const some = left.slice(at, at + CHANNELS_A_COMMAND);
      for (const channel of some) this.#leaving.add(channel);
      subscriber.unsubscribe(some).then(
        () => {
          if (this.#subscriber !== subscriber) return;
          for (const channel of some) this.#leaving.delete(channel);
          if (this.#asked.size > 0) this.#schedule();
        },
        () => {
          // Lost, or refused: then what comes of it is passed over.
          if (this.#subscriber !== subscriber) return;
          for (const channel of some) this.#leaving.delete(channel);
          if (this.#asked.size > 0) this.#schedule();
        },
      );
    }
    for (let at = 0; at < asked.length; at += CHANNELS_A_COMMAND) {
      const some = asked.slice(at, at + CHANNELS_A_COMMAND);
      subscriber.subscribe(some.map(({ channel }) => channel)).then(
        () => {
          if (this.#subscriber === subscriber) for (const entry of some) this.#confirm(entry);
        },
        (thrown: unknown) => {
          if (this.#subscriber !== subscriber || !(thrown instanceof BrokerError) || thrown.failure !== 'refused') return;
          this.refused(some.map(({ channel }) => channel), thrown.message);
        },
      );
    }
  }

  #confirm(entry: Entry): void {
    if (this.#entries.get(entry.channel) !== entry) return;
    entry.confirmed = true;
    for (const listener of [...entry.listeners]) listener.subscribed();
  }
}
