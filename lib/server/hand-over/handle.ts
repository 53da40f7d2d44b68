/** What an app may hold of a stream. Nothing of it is kept by the hub: an app that does not ask pays nothing. */
import type { ServerResponse } from 'node:http';
import type { DisconnectMatch, Engine, StreamEnd, StreamSpec } from '../../internal/engine.js';
import type { Held } from '../../internal/held.js';
import type { CloseReason } from '../../protocol/events.js';
import { checkReason } from '../check.js';
import { matches, type EarlyEnd } from '../early-end.js';
import type { NodeResponse } from '../request-parts.js';
import type { StreamHost } from '../stream-host.js';

export interface StreamHandle {
  /** As in the stream's `hello`, in `connections()` and in the hub's events. */
  readonly connectionId: string;
  /** Resolves when the stream has ended. Asking costs memory until then. */
  readonly closed: Promise<{ reason: StreamEnd }>;
  /** Ends the stream, or one whose head is still to come as soon as it is there; `reason` (default `revoked`) is what its client is told. Rejects with INVALID_FIELD for what is no reason. */
  close(reason?: CloseReason): Promise<void>;
}

export class Handle implements StreamHandle, EarlyEnd {
  readonly connectionId: string;
  readonly #engine: Engine;
  readonly #seating: StreamHost['seating'];
  /** `waiting`: for the response's head; the engine does not know it yet. */
  #state: 'waiting' | 'open' | 'never' = 'waiting';
  /** Of one that `disconnect` is to find while it waits. */
  #spec: StreamSpec | undefined;
  /** The one whose head it waits for. */
  #response: NodeResponse | undefined;
  /** It was ended while it waited. */
  #fate: CloseReason | undefined;
  /** What waits for the state to change. */
  #later: (() => void)[] = [];
  #closed: Promise<{ reason: StreamEnd }> | undefined;

  constructor({ engine, seating }: Pick<StreamHost, 'engine' | 'seating'>) {
    this.#engine = engine;
    this.#seating = seating;
    this.connectionId = engine.newConnectionId();
  }

  /** It will be opened later, when `response` has its head. */
  waits(spec: StreamSpec, waiting: Held<EarlyEnd>, response: NodeResponse): void {
    if (this.#state !== 'waiting' || this.#spec) return;
    this.#spec = spec;
    this.#response = response;
    this.#later.push(waiting.add(this));
  }

  disconnected(match: DisconnectMatch, reason: CloseReason): boolean {
    const spec = this.#spec;
    if (!spec || this.#fate || !matches(match, { ...spec, connectionId: this.connectionId })) return false;
    this.#fate = reason;
    return true;
  }

  /** What the engine is to open: `spec` under this id, and with the end that it has met already. */
  specOf(spec: StreamSpec): StreamSpec {
    const own = { ...spec, connectionId: this.connectionId };
    return this.#fate === undefined ? own : { ...own, endsWith: this.#fate };
  }

  get isCancelled(): boolean {
    return this.#state === 'never';
  }

  /** The engine knows the stream now. */
  opened(): void {
    this.#become('open');
  }

  /** It will not come to be: the client has left. */
  cancel(): void {
    if (this.#state === 'waiting') this.#seating?.abandon(this.connectionId);
    this.#become('never');
  }

  get closed(): Promise<{ reason: StreamEnd }> {
    return (this.#closed ??= this.#watch());
  }

  async close(reason: CloseReason = 'revoked'): Promise<void> {
    checkReason(reason);
    // Who waits for a head is not waited for: that may be the caller, who has not given the stream to its framework yet.
    if (this.#state === 'waiting') this.#fate ??= reason;
    else if (this.#state === 'open') await this.#engine.disconnect({ connectionId: this.connectionId }, reason);
  }

  async #watch(): Promise<{ reason: StreamEnd }> {
    if (this.#state === 'waiting') {
      const begins = new Promise<void>((resolve) => this.#later.push(resolve));
      // The app may have answered with something else.
      if (this.#response?.destroyed) this.cancel();
      else (this.#response as ServerResponse | undefined)?.once('close', () => this.cancel());
      await begins;
    }
    return { reason: this.#state === 'open' ? await this.#engine.watch(this.connectionId) : 'gone' };
  }

  #become(state: 'open' | 'never'): void {
    if (this.#state !== 'waiting') return;
    this.#state = state;
    this.#spec = undefined;
    this.#response = undefined;
    for (const each of this.#later.splice(0)) each();
  }
}
