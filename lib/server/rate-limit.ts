/** `hub.rateLimit`: over all nodes where there is a broker, else of this process. */
import { gcra, intervalUs, type Rate, type RateOutcome } from '../internal/gcra.js';
import { describe } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { checkIdentifier, checkKeys, checkObject } from './check.js';

export interface RateLimitOptions {
  /** Calls in `windowMs`, evenly: 60 in 60,000 is one a second. */
  limit: number;
  /** ms. */
  windowMs: number;
  /** Calls that may come at once after a rest; default: `limit`. */
  burst?: number | undefined;
}

export type RateLimitResult = RateOutcome;

/** A call that a rate limit keeps out. */
export class RateLimitError extends PathcastError {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('RATE_LIMIT', `Too many calls; the next one is let through in ${retryAfterMs} ms`);
    this.name = 'RateLimitError';
    this.retryAfterMs = retryAfterMs;
  }
}

/** Rejects with RateLimitError. No key: it is not counted. A hub that is closed lets everything through: its app is on its way out. */
export async function passRate(hub: { closed: boolean; rateLimit(key: string, options: RateLimitOptions): Promise<RateLimitResult> }, key: string | null | undefined, options: RateLimitOptions): Promise<void> {
  if (key === null || key === undefined || hub.closed) return;
  const { ok, retryAfterMs } = await hub.rateLimit(key, options);
  if (!ok) throw new RateLimitError(retryAfterMs);
}

/** Keys remembered here; beyond it the one that was used longest ago begins anew. */
const MAX_KEYS = 100_000;
const DAY = 86_400_000;
const MAX_BURST = 1_000_000;

/** Of this process. */
export class LocalRates {
  /** The end of each key's line, µs, those used last at the end. */
  readonly #ends = new Map<string, number>();

  constructor(private readonly nowUs: () => number = () => Math.floor(performance.now() * 1_000)) {}

  take(key: string, rate: Rate): RateOutcome {
    const { next, ...outcome } = gcra(this.#ends.get(key), this.nowUs(), intervalUs(rate), rate.burst);
    this.#ends.delete(key);
    this.#ends.set(key, next);
    this.#forget();
    return outcome;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** What is over, from the one that was used longest ago on; more than the bound in any case. */
  #forget(): void {
    const now = this.nowUs();
    for (const [key, end] of this.#ends) {
      if (end > now && this.#ends.size <= MAX_KEYS) return;
      this.#ends.delete(key);
    }
  }
}

/** Throws INVALID_FIELD. */
export function checkRate(key: unknown, options: unknown): { key: string; rate: Rate } {
  const raw = checkObject('options', options);
  checkKeys('rateLimit()', raw, ['limit', 'windowMs', 'burst']);
  return { key: checkIdentifier('key', key), rate: rateOf(raw) };
}

/** Throws INVALID_FIELD. */
export function rateOf(raw: Record<string, unknown>): Rate {
  const limit = whole('limit', raw['limit'], 1_000_000_000);
  const windowMs = whole('windowMs', raw['windowMs'], 30 * DAY);
  const burst = raw['burst'] === undefined ? Math.min(limit, MAX_BURST) : whole('burst', raw['burst'], MAX_BURST);
  return { limit, windowMs, burst };
}

function whole(name: string, value: unknown, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new PathcastError('INVALID_FIELD', `${name} must be a whole number from 1 to ${max}, got ${describe(value)}`);
}
