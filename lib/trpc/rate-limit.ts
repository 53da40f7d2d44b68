/** A middleware that lets so many calls of a key through, over all nodes where the hub has Redis. */
import { describe } from '../internal/describe.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { checkKeys, checkObject } from '../server/check.js';
import { defaultHub } from '../server/default-hub.js';
import { checkHub, type AnyHub } from '../server/hub.js';
import { passRate, rateOf, type RateLimitOptions } from '../server/rate-limit.js';
import { toTRPCError } from './errors.js';
import type { SyncMiddleware } from './middleware.js';

/** What a key may be made of. */
export interface RateCall<C = unknown> {
  ctx: C;
  /** The procedure's: `guests.create`. */
  path: string;
  type: 'query' | 'mutation' | 'subscription';
}

export interface RateLimitMiddlewareOptions<C = unknown> extends RateLimitOptions {
  /** Default: the default hub, from the first call on. */
  hub?: AnyHub | undefined;
  /** Whom or what it counts: a user, an address, a user and a path. Null: this call is not counted. What it throws fails the call. */
  key: (call: RateCall<C>) => string | null | undefined;
}

/**
 * `t.procedure.use(rateLimit({ limit: 60, windowMs: 60_000, key: ({ ctx }) => ctx.userId }))`. A call over the limit fails with TOO_MANY_REQUESTS; its `cause` is a
 * RateLimitError with `retryAfterMs`. While Redis is away each node counts by itself. Throws PathcastError INVALID_OPTION, INVALID_FIELD.
 */
export function rateLimit<C = unknown>(options: RateLimitMiddlewareOptions<C>): SyncMiddleware {
  const raw = checkObject('rateLimit() options', options, 'INVALID_OPTION');
  checkKeys('rateLimit()', raw, ['hub', 'key', 'limit', 'windowMs', 'burst']);
  checkHub(options.hub);
  if (typeof options.key !== 'function') {
    throw new PathcastError('INVALID_OPTION', `rateLimit() needs key, a function ({ ctx, path, type }) => key or null, got ${describe(options.key)}`);
  }
  const rate = rateOf(raw);
  return async ({ ctx, path, type, next }) => {
    try {
      await passRate(options.hub ?? defaultHub(), options.key({ ctx: ctx as C, path, type }), rate);
    } catch (thrown) {
      throw isPathcastError(thrown) ? toTRPCError(thrown) : thrown;
    }
    return next();
  };
}
