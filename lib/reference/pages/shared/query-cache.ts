/**
 * A small cache of query results, keyed by path and input. `invalidate` marks what is stale and
 * fetches what is being looked at, once for all paths that arrive close together. A fetch that was
 * under way when its path went stale does not count as fresh: it is done again.
 */

/** ms that invalidations are gathered for; a burst of events then costs one fetch. */
const GATHER_MS = 30;

export interface QueryState<T> {
  data: T | undefined;
  error: string | undefined;
  /** How often a sync event made this query fetch again. */
  refreshes: number;
}

interface Entry extends QueryState<unknown> {
  path: string;
  fetch: () => Promise<unknown>;
  listeners: Set<() => void>;
  /** Goes up with each invalidation; a result is fresh only if it did not move meanwhile. */
  generation: number;
  fetching: boolean;
  stale: boolean;
}

/** A query path is stale if it is named, if one of its prefixes is, or if `*` is. */
export function covers(stale: string, path: string): boolean {
  return stale === '*' || stale === path || path.startsWith(`${stale}.`);
}

export class QueryCache {
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;

  /** The query's entry; made, and fetched, at its first use. */
  watch(path: string, input: unknown, fetch: () => Promise<unknown>, listener: () => void): () => void {
    const key = `${path} ${JSON.stringify(input) ?? ''}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { path, fetch, listeners: new Set(), generation: 0, fetching: false, stale: true, data: undefined, error: undefined, refreshes: 0 };
      this.#entries.set(key, entry);
    }
    entry.fetch = fetch;
    entry.listeners.add(listener);
    void this.#fetch(entry);
    return () => entry.listeners.delete(listener);
  }

  state(path: string, input: unknown): QueryState<unknown> {
    const entry = this.#entries.get(`${path} ${JSON.stringify(input) ?? ''}`);
    return { data: entry?.data, error: entry?.error, refreshes: entry?.refreshes ?? 0 };
  }

  invalidate(paths: readonly string[]): void {
    for (const path of paths) this.#pending.add(path);
    for (const entry of this.#entries.values()) {
      if (paths.some((stale) => covers(stale, entry.path))) {
        entry.generation += 1;
        entry.stale = true;
      }
    }
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  /** Offline: what goes stale is fetched on `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const entry of this.#entries.values()) void this.#fetch(entry);
  }

  #flush(): void {
    this.#timer = undefined;
    const paths = [...this.#pending];
    this.#pending.clear();
    for (const entry of this.#entries.values()) {
      if (!paths.some((stale) => covers(stale, entry.path))) continue;
      entry.refreshes += 1;
      void this.#fetch(entry);
    }
  }

  async #fetch(entry: Entry): Promise<void> {
    if (entry.fetching || !entry.stale || this.#paused || entry.listeners.size === 0) return;
    entry.fetching = true;
    const { generation } = entry;
    try {
      entry.data = await entry.fetch();
      entry.error = undefined;
    } catch (error) {
      entry.error = error instanceof Error ? error.message : String(error);
    }
    entry.fetching = false;
    entry.stale = entry.generation !== generation;
    for (const listener of [...entry.listeners]) listener();
    // An error waits for the next invalidation; a moved generation does not.
    if (entry.stale) void this.#fetch(entry);
  }
}
