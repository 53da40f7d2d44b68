/** The native engine's connections to Redis for other uses than its log: rare traffic, carried by the hub thread. */
import {
  BrokerError,
  type Broker,
  type BrokerFailure,
  type BrokerLogOptions,
  type BrokerReply,
  type BrokerState,
  type ChannelListener,
  type Script,
} from '../internal/broker.js';
import type { NativeBrokerOptions, Reply } from './binding.js';

/** In the order of broker::LinkState. */
export const BROKER_LINKS = ['connecting', 'ready', 'lost', 'closed'] as const;
/** In the order of what `Reply` says. */
const FAILURES: readonly (BrokerFailure | undefined)[] = [undefined, 'unsent', 'lost', 'refused'];

export type Arguments = readonly (string | number | Buffer)[];

/** What it needs of the engine. */
export interface BrokerCalls {
  call(script: string | undefined, keys: readonly string[], args: Arguments): Promise<Reply | undefined>;
  listen(channel: string, listen: boolean): void;
  resubscribe(): void;
}

/** Undefined where the log is memory. */
export function nativeBrokerOptions(options: BrokerLogOptions | undefined): NativeBrokerOptions | undefined {
  if (!options || (options.url === undefined && !options.broker)) return undefined;
  const { scripts, url = '', broker, revocations, ...rest } = options;
  const bodies = { publishScript: scripts.publish.body, readScript: scripts.read.body };
  return { ...rest, url, ring: broker?.ring ?? 'PUBLISH', asksRevocations: revocations !== undefined, ...bodies };
}

interface Channel {
  readonly listeners: Set<ChannelListener>;
  /** Confirmed on the connection of now. */
  stands: boolean;
}

export class NativeBroker implements Broker {
  readonly kind = 'native';
  readonly ring = 'PUBLISH';
  #state: BrokerState = { link: 'connecting', trouble: '' };
  readonly #channels = new Map<string, Channel>();
  readonly #stateListeners = new Set<(state: BrokerState) => void>();

  constructor(
    readonly url: string,
    private readonly calls: BrokerCalls,
  ) {}

  get state(): BrokerState {
    return this.#state;
  }

  eval(script: Script, keys: readonly string[], args: Arguments): Promise<BrokerReply> {
    return this.#call(script.body, keys, args);
  }

  command(args: Arguments): Promise<BrokerReply> {
    return this.#call(undefined, [], args);
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    if (this.#state.link === 'closed') return () => undefined;
    let entry = this.#channels.get(channel);
    if (!entry) {
      this.#channels.set(channel, (entry = { listeners: new Set(), stands: false }));
      this.calls.listen(channel, true);
    }
    // Two owners may give the same object.
    const own: ChannelListener = { subscribed: () => listener.subscribed(), message: (payload) => listener.message(payload) };
    const { listeners } = entry;
    listeners.add(own);
    if (entry.stands) queueMicrotask(() => entry.stands && listeners.has(own) && own.subscribed());
    return () => {
      if (!listeners.delete(own) || listeners.size > 0) return;
      this.#channels.delete(channel);
      this.calls.listen(channel, false);
    };
  }

  onState(listener: (state: BrokerState) => void): () => void {
    const own = (state: BrokerState): void => listener(state);
    this.#stateListeners.add(own);
    return () => void this.#stateListeners.delete(own);
  }

  resubscribe(): void {
    this.calls.resubscribe();
  }

  /** For whoever asked through it; the connections are the engine's own, and end with that. */
  close(): Promise<void> {
    if (this.#state.link === 'closed') return Promise.resolve();
    for (const channel of this.#channels.keys()) this.calls.listen(channel, false);
    this.#channels.clear();
    this.setState({ link: 'closed', trouble: '' });
    return Promise.resolve();
  }

  /** What the hub thread tells, but warnings. */
  heard([, event, number, name, text]: Extract<Reply, { 0: 9 }>): void {
    if (event === 0) {
      this.setState({ link: BROKER_LINKS[number] ?? 'lost', trouble: String(text) });
    } else if (event === 1) {
      const channel = this.#channels.get(name);
      if (!channel) return;
      channel.stands = true;
      for (const listener of [...channel.listeners]) listener.subscribed();
    } else if (Buffer.isBuffer(text)) {
      for (const listener of [...(this.#channels.get(name)?.listeners ?? [])]) listener.message(text);
    }
  }

  setState(state: BrokerState): void {
    if (this.#state.link === 'closed') return;
    this.#state = state;
    if (state.link !== 'ready') for (const channel of this.#channels.values()) channel.stands = false;
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  async #call(script: string | undefined, keys: readonly string[], args: Arguments): Promise<BrokerReply> {
    const reply = this.#state.link === 'closed' ? undefined : await this.calls.call(script, keys, args);
    if (reply?.[0] !== 8) throw new BrokerError('unsent', 'the hub is closed');
    const [, , code, answer] = reply;
    const failure = FAILURES[code];
    if (failure === undefined) return answer as BrokerReply;
    throw new BrokerError(failure, String(answer));
  }
}
