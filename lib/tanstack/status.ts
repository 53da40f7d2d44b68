/** What a binding says of its cache. */

export interface FailedQuery {
  readonly queryKey: readonly unknown[];
  readonly error: unknown;
  /** Fetches in a row that failed. */
  readonly tries: number;
}

export interface CacheStatus {
  /**
   * `current`: no active query shows what was read before a change that was heard of, and the stream is live. `refetching`: some do, and are
   * fetched or wait for it. `failed`: some do, and their last fetch failed; it is tried again. `unknown`: the stream is not live.
   */
  readonly state: 'current' | 'refetching' | 'failed' | 'unknown';
  /** Keys of active queries that are stale. */
  readonly pending: readonly (readonly unknown[])[];
  readonly failed: readonly FailedQuery[];
}

export const UNKNOWN_STATUS: CacheStatus = { state: 'unknown', pending: [], failed: [] };

const same = (a: CacheStatus, b: CacheStatus): boolean =>
  a.state === b.state &&
  a.pending.length === b.pending.length &&
  a.failed.length === b.failed.length &&
  a.pending.every((key, index) => key === b.pending[index]) &&
  a.failed.every(({ queryKey, error, tries }, index) => {
    const other = b.failed[index];
    return queryKey === other?.queryKey && error === other.error && tries === other.tries;
  });

export interface StatusBoard {
  readonly status: CacheStatus;
  listen(listener: (status: CacheStatus) => void): () => void;
  /** Tells the listeners, where something is new. */
  tell(now: CacheStatus): void;
  end(): void;
}

export function createStatusBoard(report: (error: unknown) => void): StatusBoard {
  const listeners = new Set<(status: CacheStatus) => void>();
  let status = UNKNOWN_STATUS;
  let over = false;
  return {
    get status() {
      return status;
    },
    listen(listener) {
      if (!over) listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(now) {
      if (over || same(now, status)) return;
      status = now;
      for (const listener of [...listeners]) {
        // One of them may have brought the next one.
        if (status !== now) return;
        try {
          listener(now);
        } catch (thrown) {
          report(thrown);
        }
      }
    },
    end() {
      over = true;
      listeners.clear();
      status = UNKNOWN_STATUS;
    },
  };
}
