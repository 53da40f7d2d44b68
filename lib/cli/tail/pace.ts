/** When a client that lost its stream comes back. */

/** What an EventSource takes where the server said nothing, ms. */
const DEFAULT_MS = 3_000;
/** No wait is longer, unless the server asks for more. */
const MAX_MS = 30_000;
/** What the server asks for is believed up to here. */
const MAX_HINT_MS = 600_000;
/** Never at once: a server that ends each stream would be asked without end. */
const MIN_MS = 100;

/**
 * The first return after a stream that was open waits as long as the server said, which has spread its clients already. From then on
 * full jitter: a random time up to a bound that doubles with each attempt that failed.
 */
export function waitMs(failures: number, hintMs: number | undefined, random: () => number): number {
  const hint = Math.min(MAX_HINT_MS, Math.max(MIN_MS, hintMs ?? DEFAULT_MS));
  if (failures === 0) return hint;
  const most = Math.max(hint, Math.min(MAX_MS, hint * 2 ** Math.min(failures, 16)));
  return Math.max(MIN_MS, Math.round(random() * most));
}
