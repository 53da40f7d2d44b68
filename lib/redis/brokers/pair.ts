/** A broker of two connections: one for commands, and one that only listens. */
import type { Broker, BrokerReply, BrokerState, ChannelListener, Script } from '../../internal/broker.js';
import type { Dial } from './connection.js';
import { Line } from './line.js';
import { Scripts } from './scripts.js';
import { Subscriptions } from './subscriptions.js';

export interface PairParts {
  readonly kind: Broker['kind'];
  readonly url: string;
  readonly dialCommands: Dial;
  readonly dialSubscriptions: Dial;
}

export class PairBroker implements Broker {
  readonly ring = 'PUBLISH';
  readonly kind: Broker['kind'];
  readonly url: string;
  readonly #commands: Line;
  readonly #listening: Line;
  readonly #scripts: Scripts;
  /** One that is busy, or lets this user not: as the native link does, all of it is made anew. */
  readonly #subscriptions = new Subscriptions((_channels, why) => this.#listening.renew(why));
  readonly #listeners = new Set<(state: BrokerState) => void>();
  #state: BrokerState = { link: 'connecting', trouble: '' };

  constructor({ kind, url, dialCommands, dialSubscriptions }: PairParts) {
    this.kind = kind;
    this.url = url;
    const changed = (): void => this.#judge();
    this.#commands = new Line(dialCommands, { up: () => undefined, changed, message: () => undefined, dropped: () => undefined });
    this.#listening = new Line(dialSubscriptions, {
      up: () => {
        const { subscriptions, line } = { subscriptions: this.#subscriptions, line: this.#listening };
        subscriptions.up({
          subscribe: (channels) => line.run((connection) => connection.subscribe(channels)),
          unsubscribe: (channels) => line.run((connection) => connection.unsubscribe(channels)),
        });
      },
      changed: () => {
        if (!this.#listening.isReady) this.#subscriptions.down();
        this.#judge();
      },
      message: (channel, payload) => this.#subscriptions.message(channel, payload),
      dropped: (channel) => this.#subscriptions.dropped(channel),
    });
    this.#scripts = new Scripts((args) => this.#commands.send(args));
  }

  get state(): BrokerState {
    return this.#state;
  }

  eval(script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<BrokerReply> {
    return this.#scripts.run(script, keys, args);
  }

  command(args: readonly (string | number | Buffer)[]): Promise<BrokerReply> {
    return this.#commands.send(args);
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    return this.#subscriptions.add(channel, listener);
  }

  onState(listener: (state: BrokerState) => void): () => void {
    const own = (state: BrokerState): void => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Both: after a failover each of them may be at another server, and which one is wrong does not show. */
  resubscribe(): void {
    this.#listening.renew('it delivered nothing');
    this.#commands.renew('it delivered nothing');
  }

  close(): Promise<void> {
    this.#commands.close();
    this.#listening.close();
    return Promise.resolve();
  }

  /** The worse of the two. */
  #judge(): void {
    // Either may change while the other is being made.
    if (!(this.#commands as Line | undefined) || !(this.#listening as Line | undefined)) return;
    const states = [this.#commands.state, this.#listening.state];
    const worst = (['closed', 'lost', 'connecting', 'ready'] as const).find((link) => states.some((state) => state.link === link));
    const next = states.find((state) => state.link === worst) ?? this.#commands.state;
    if (next.link === this.#state.link && next.trouble === this.#state.trouble) return;
    this.#state = next;
    for (const listener of [...this.#listeners]) listener(next);
  }
}
