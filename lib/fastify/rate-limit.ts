/** A hook that lets so many requests of a key through, over all nodes where the hub has Redis. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { checkKeys, checkObject } from '../server/check.js';
import { defaultHub } from '../server/default-hub.js';
import { checkHub, type AnyHub } from '../server/hub.js';
import { refusal } from '../server/identity.js';
import { passRate, RateLimitError, rateOf, type RateLimitOptions } from '../server/rate-limit.js';

export interface RateLimitHookOptions extends RateLimitOptions {
  /** Default: the default hub, from the first request on. */
  hub?: AnyHub | undefined;
  /** Whom it counts; default: the address (`request.ip`). Null: this request is not counted. */
  key?: ((request: FastifyRequest) => string | null | undefined) | undefined;
}

/**
 * `fastify.addHook('onRequest', rateLimitHook({ limit: 100, windowMs: 60_000 }))`, or in a route's `onRequest`. A request over the limit gets 429 with
 * `Retry-After` (whole seconds) and `{ error: { code: 'RATE_LIMIT', message } }`. Throws PathcastError INVALID_OPTION, INVALID_FIELD.
 */
export function rateLimitHook(options: RateLimitHookOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const raw = checkObject('rateLimitHook() options', options, 'INVALID_OPTION');
  checkKeys('rateLimitHook()', raw, ['hub', 'key', 'limit', 'windowMs', 'burst']);
  checkHub(options.hub);
  const { key = ({ ip }: FastifyRequest) => ip } = options;
  if (typeof key !== 'function') {
    throw new PathcastError('INVALID_OPTION', `rateLimitHook(): key must be a function (request) => key or null, got ${describe(key)}`);
  }
  const rate = rateOf(raw);
  return async (request, reply) => {
    try {
      await passRate(options.hub ?? defaultHub(), key(request), rate);
    } catch (thrown) {
      if (!(thrown instanceof RateLimitError)) throw thrown;
      const { status, body } = refusal(429, thrown.code, thrown.message);
      await reply.code(status).header('retry-after', Math.ceil(thrown.retryAfterMs / 1_000)).header('cache-control', 'no-store').send(body);
    }
  };
}
