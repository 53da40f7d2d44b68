/** Waiting before the next try: full jitter, bounded, and given up when who waits stops. */

export interface Backoff {
  /** Of the first wait at most; it doubles, ms. */
  readonly firstMs: number;
  /** Of any wait, ms. */
  readonly maxMs: number;
}

/** `random` in [0, 1). ms. */
export function waitOf({ firstMs, maxMs }: Backoff, attempt: number, random: number): number {
  return random * Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
}

/** Resolves after `ms`, or when `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener('abort', done, { once: true });
  });
}
