/** Listens to the doorbell as long as somebody waits for it. It never polls. */
import { sleep, waitOf } from '../../internal/backoff.js';
import type { Hub } from '../../server/hub.js';
import { internalsOf } from '../../server/internals.js';
import { headsOf, RING_COMPANY, type Heads } from './ring.js';

const AGAIN = { firstMs: 50, maxMs: 2_000 };

/** `heads`: undefined: anybody's may have grown. */
export type Rung = (heads: Heads | undefined) => void;

export class Bell {
  readonly #hub: Hub;
  readonly #listeners = new Set<Rung>();
  #abort: AbortController | undefined;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  /** The returned function stops it. What was written before is told too, sooner or later. */
  listen(rung: Rung): () => void {
    this.#listeners.add(rung);
    if (!this.#abort) {
      this.#abort = new AbortController();
      void this.#hear(this.#abort.signal);
    }
    return () => {
      this.#listeners.delete(rung);
      if (this.#listeners.size > 0) return;
      this.#abort?.abort();
      this.#abort = undefined;
    };
  }

  async #hear(signal: AbortSignal): Promise<void> {
    const internals = internalsOf(this.#hub);
    for (let attempt = 0; !signal.aborted && !this.#hub.closed; attempt++) {
      try {
        for await (const { event } of internals.observe(RING_COMPANY, undefined, signal)) {
          if (event.type === 'ping') continue;
          attempt = 0;
          // A hello: what rang before it was heard by nobody.
          const heads = headsOf(event);
          for (const rung of [...this.#listeners]) rung(heads);
        }
      } catch {
        // It drains, or was disconnected; a hub that is closed ends its streams itself.
      }
      await sleep(waitOf(AGAIN, attempt, Math.random()), signal);
    }
  }
}
