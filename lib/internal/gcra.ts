/**
 * The arithmetic of a rate limit (GCRA): each call costs an interval, the costs of calls are laid one behind the other, and a call is let
 * through as long as the end of that line is at most `burst` intervals ahead of now. One number a key, no window that begins anew.
 *
 * In whole µs, so that this and `lib/redis/scripts/rate.ts`, which says the same in Lua, never differ by a rounding.
 */
export interface Rate {
  /** Calls in `windowMs`, evenly. */
  readonly limit: number;
  readonly windowMs: number;
  /** Calls that may come at once after a rest. */
  readonly burst: number;
}

export interface RateOutcome {
  ok: boolean;
  /** Calls that would be let through right after this one. */
  remaining: number;
  /** ms after which one is let through; 0 where this one was. */
  retryAfterMs: number;
}

/** µs that one call costs. */
export function intervalUs({ limit, windowMs }: Rate): number {
  return Math.max(1, Math.round((windowMs * 1_000) / limit));
}

/** `end`: of the line, µs; undefined: of an unused key. `next` is it afterwards. */
export function gcra(end: number | undefined, nowUs: number, interval: number, burst: number): RateOutcome & { next: number } {
  const line = end === undefined || end < nowUs ? nowUs : end;
  const next = line + interval;
  const room = nowUs + interval * burst - next;
  if (room < 0) return { ok: false, remaining: 0, retryAfterMs: Math.ceil(-room / 1_000), next: line };
  return { ok: true, remaining: Math.floor(room / interval), retryAfterMs: 0, next };
}
