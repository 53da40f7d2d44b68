/** What an app may hold of a stream. Nothing of it is kept by the hub: an app that does not ask pays nothing. */
import type { Engine, StreamEnd } from '../../internal/engine.js';
import type { CloseReason } from '../../protocol/events.js';
import { checkReason } from '../check.js';

export interface StreamHandle {
  /** As in the stream's `hello`, in `connections()` and in the hub's events. */
  readonly connectionId: string;
  /** Resolves when the stream has ended. Asking costs memory until then. */
  readonly closed: Promise<{ reason: StreamEnd }>;
  /** Ends the stream; `reason` (default `revoked`) is what its client is told. Rejects with INVALID_FIELD for what is no reason. */
  close(reason?: CloseReason): Promise<void>;
}

export class Handle implements StreamHandle {
  readonly connectionId: string;
  readonly #engine: Engine;
  /** `waiting`: for the response's head; the engine does not know it yet. */
  #state: 'waiting' | 'open' | 'never' = 'waiting';
  /** What waits for the state to change. */
  #later: (() => void)[] = [];
  #closed: Promise<{ reason: StreamEnd }> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.connectionId = engine.newConnectionId();
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
    this.#become('never');
  }

  get closed(): Promise<{ reason: StreamEnd }> {
    return (this.#closed ??= this.#watch());
  }

  async close(reason: CloseReason = 'revoked'): Promise<void> {
    checkReason(reason);
    if (this.#state === 'waiting') await new Promise<void>((resolve) => this.#later.push(resolve));
    if (this.#state === 'open') await this.#engine.disconnect({ connectionId: this.connectionId }, reason);
  }

  async #watch(): Promise<{ reason: StreamEnd }> {
    if (this.#state === 'waiting') await new Promise<void>((resolve) => this.#later.push(resolve));
    return { reason: this.#state === 'open' ? await this.#engine.watch(this.connectionId) : 'gone' };
  }

  #become(state: 'open' | 'never'): void {
    if (this.#state !== 'waiting') return;
    this.#state = state;
    for (const each of this.#later.splice(0)) each();
  }
}
