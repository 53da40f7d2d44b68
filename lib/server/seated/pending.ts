import type { SinkHandle, StreamSpec } from '../../internal/engine.js';
import type { CloseReason } from '../../protocol/events.js';

/** A stream over a sink, from the question for its seat to the answer. */
export class Pending implements SinkHandle {
  /** Resolves to whether it came to be, or was refused; false: its client has left before. */
  readonly settled: Promise<boolean>;
  spec: StreamSpec;
  #settle: (came: boolean) => void = () => undefined;
  #outcome: SinkHandle | undefined;
  #aborted = false;
  readonly #left: () => void;

  /** `left`: its client has left while it was pending. */
  constructor(
    readonly connectionId: string,
    spec: StreamSpec,
    left: () => void,
  ) {
    this.spec = spec;
    this.#left = left;
    this.settled = new Promise((resolve) => (this.#settle = resolve));
  }

  get isOpen(): boolean {
    return !this.#aborted;
  }

  become(outcome: SinkHandle): void {
    this.#outcome = outcome;
    this.#settle(true);
  }

  /** It says hello, and then this. */
  readonly end = (reason: CloseReason): void => {
    this.spec = { ...this.spec, endsWith: reason };
  };

  ready(): void {
    this.#outcome?.ready();
  }

  abort(): void {
    if (this.#outcome) {
      this.#outcome.abort();
      return;
    }
    if (this.#aborted) return;
    this.#aborted = true;
    this.#left();
    this.#settle(false);
  }
}
