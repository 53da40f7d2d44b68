/**
 * A small typed emitter: listeners are called on a snapshot, and one that throws, or rejects, stops no other.
 */
import { guarded } from './guarded.js';

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => unknown>>();
  readonly #onThrow: (thrown: unknown, event: keyof Events) => void;

  /** `onThrow` is told what a listener threw; what it throws itself is dropped. */
  constructor(onThrow: (thrown: unknown, event: keyof Events) => void) {
    this.#onThrow = onThrow;
  }

  /** Returns the way to stop listening; calling that twice does nothing. */
  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void): () => void {
    let set = this.#listeners.get(event);
    if (!set) this.#listeners.set(event, (set = new Set()));
    // The same function may be added twice, by two owners; each stops its own.
    const own = (payload: Events[K]): unknown => listener(payload);
    set.add(own);
    return () => {
      this.#listeners.get(event)?.delete(own);
    };
  }

  /** Whether anybody listens. */
  has(event: keyof Events): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0;
  }

  emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    const set = this.#listeners.get(event);
    if (!set || set.size === 0) return;
    for (const listener of [...set]) {
      guarded(
        () => (listener as (payload: Events[K]) => unknown)(payload),
        (thrown) => {
          try {
            this.#onThrow(thrown, event);
          } catch {
            // The reporter of a failure has no reporter of its own.
          }
        },
      );
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
