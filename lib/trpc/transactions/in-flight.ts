/** Mutations of this process by their id: who comes again waits here, and takes no connection of the database for it. */
import { PathcastError } from '../../protocol/error.js';

export class InFlight {
  readonly #running = new Map<string, Promise<unknown>>();

  /** Runs `work` once no other of `key` runs. After `waitMs`: TRANSACTION_IN_FLIGHT. */
  async run<T>(key: string, waitMs: number, work: () => Promise<T>): Promise<T> {
    const end = performance.now() + waitMs;
    // Those who waited for one begin one after the other.
    for (let other = this.#running.get(key); other; other = this.#running.get(key)) {
      const left = end - performance.now();
      if (left <= 0 || !(await endsWithin(other, left))) throw inFlight();
    }
    const own = work();
    this.#running.set(key, own);
    try {
      return await own;
    } finally {
      this.#running.delete(key);
    }
  }
}

export function inFlight(cause?: unknown): PathcastError {
  return new PathcastError('TRANSACTION_IN_FLIGHT', 'this transaction is still running; the same call later gets its answer', { cause });
}

async function endsWithin(running: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([running.then(() => true as const, () => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
