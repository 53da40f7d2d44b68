/**
 * Ends many streams evenly over a time, each with a jittered hint to come back, while the hub goes on admitting: for a
 * server that closes and a hub that lives on. `drain()` is for a hub that ends.
 */
import type { Engine } from '../internal/engine.js';

/** Least ms between two steps; who are fewer end one by one. */
const STEP_MS = 50;
/** Ids in one question to the engine. */
const PAGE = 1_000;

export class Endings {
  readonly #engine: Pick<Engine, 'connections' | 'disconnect'>;
  readonly #rests = new Set<() => void>();
  #stopped = false;

  constructor(engine: Pick<Engine, 'connections' | 'disconnect'>) {
    this.#engine = engine;
  }

  /**
   * `origin`: only those of this server; else all of the hub. Resolves when they have ended. The process waits for it: who
   * is not told when to come back comes at once.
   */
  async over(ms: number, { origin }: { origin?: number } = {}): Promise<void> {
    const match = origin === undefined ? {} : { origin };
    const ids = ms > 0 ? await this.#idsOf(match) : [];
    const some = Math.ceil((ids.length * STEP_MS) / ms);
    const rest = (ms * some) / ids.length;
    while (ids.length > 0 && !this.#stopped) {
      const next = ids.splice(0, some);
      await Promise.all(next.map((connectionId) => this.#engine.disconnect({ connectionId }, 'drain')));
      if (ids.length > 0) await this.#rest(rest);
    }
    // Those who came meanwhile, and those who wait for a place, too.
    if (!this.#stopped) await this.#engine.disconnect(match, 'drain');
  }

  /** The hub closes, which ends them all. */
  stop(): void {
    this.#stopped = true;
    for (const wake of [...this.#rests]) wake();
  }

  async #idsOf(match: { origin?: number }): Promise<string[]> {
    const ids: string[] = [];
    for (;;) {
      const after = ids.at(-1);
      const page = await this.#engine.connections({ ...match, limit: PAGE, ...(after === undefined ? {} : { after }) });
      ids.push(...page.map(({ id }) => id));
      if (page.length < PAGE) return ids;
    }
  }

  #rest(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#rests.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#rests.add(wake);
    });
  }
}
