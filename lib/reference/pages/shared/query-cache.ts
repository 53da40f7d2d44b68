/**
 * A small cache of query results, keyed by path and input. `invalidate` marks what is stale and
 * fetches what is being looked at, once for all paths that arrive close together. A fetch that was
 * under way when its path went stale does not count as fresh: it is done again. Nor does one that failed: it is tried
 * again, and until it succeeds the cache says that it is behind.
 */

/** ms that invalidations are gathered for; a burst of events then costs one fetch. */
const GATHER_MS = 30;
/** ms before a failed fetch is tried again: a random part of it, which doubles with each failure up to the second number. */
const RETRY_MS = [1_000, 30_000] as const;

export interface QueryState<T> {
  data: T | undefined;
  error: string | undefined;
  /** How often a sync event made this query fetch again. */
  refreshes: number;
  /** When the reading of `data` began, Unix ms; 0: none yet. */
  began: number;
}

interface Entry extends QueryState<unknown> {
  path: string;
  fetch: () => Promise<unknown>;
  listeners: Set<() => void>;
  /** Goes up with each invalidation; a result is fresh only if it did not move meanwhile. */
  generation: number;
  fetching: boolean;
  stale: boolean;
  /** In a row. */
  failures: number;
  retry: ReturnType<typeof setTimeout> | undefined;
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
  readonly #retryMs: readonly [first: number, most: number];
  /** Called when `behind` may have changed. */
  onBehind: () => void = () => undefined;

  constructor(retryMs: readonly [first: number, most: number] = RETRY_MS) {
    this.#retryMs = retryMs;
  }

  /** Why something that is looked at is older than what the server has; undefined where nothing is. */
  get behind(): string | undefined {
    for (const entry of this.#entries.values()) if (entry.failures > 0 && entry.listeners.size > 0) return entry.error;
    return undefined;
  }

  /** The query's entry; made, and fetched, at its first use. */
  watch(path: string, input: unknown, fetch: () => Promise<unknown>, listener: () => void): () => void {
    const key = `${path} ${JSON.stringify(input) ?? ''}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { path, fetch, listeners: new Set(), generation: 0, fetching: false, stale: true, data: undefined, error: undefined, refreshes: 0, began: 0, failures: 0, retry: undefined };
      this.#entries.set(key, entry);
    }
    entry.fetch = fetch;
    entry.listeners.add(listener);
    void this.#fetch(entry);
    return () => entry.listeners.delete(listener);
  }

  state(path: string, input: unknown): QueryState<unknown> {
    const entry = this.#entries.get(`${path} ${JSON.stringify(input) ?? ''}`);
    return { data: entry?.data, error: entry?.error, refreshes: entry?.refreshes ?? 0, began: entry?.began ?? 0 };
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
    clearTimeout(entry.retry);
    const { generation } = entry;
    const began = Date.now();
    try {
      entry.data = await entry.fetch();
      entry.began = began;
      entry.error = undefined;
      entry.failures = 0;
      entry.stale = entry.generation !== generation;
    } catch (error) {
      entry.error = error instanceof Error ? error.message : String(error);
      entry.failures += 1;
    }
    entry.fetching = false;
    for (const listener of [...entry.listeners]) listener();
    this.onBehind();
    if (entry.failures > 0) this.#tryAgain(entry);
    else if (entry.stale) void this.#fetch(entry);
  }

  /** For as long as somebody looks at it; an invalidation, or coming back, does not wait for it. */
  #tryAgain(entry: Entry): void {
    const [first, most] = this.#retryMs;
    const wait = Math.random() * Math.min(most, first * 2 ** (entry.failures - 1));
    entry.retry = setTimeout(() => void this.#fetch(entry), wait);
  }
}
