/** `--redis URL` as a person gives it. */
import { parseRedisUrl, type RedisUrl } from '../../redis/url.js';
import { isPathcastError } from '../../protocol/error.js';
import { CommandError } from '../errors.js';

/** Of the hub's option `redis.prefix`. */
export const DEFAULT_PREFIX = 'pathcast';

/** @throws CommandError, which repeats no password. */
export function redisUrlOf(text: string): RedisUrl {
  try {
    return parseRedisUrl(text);
  } catch (error) {
    if (!isPathcastError(error)) throw error;
    throw new CommandError(`--redis: ${error.message}`, { cause: error });
  }
}
