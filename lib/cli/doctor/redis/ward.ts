import type { RedisUrl } from '../../../redis/url.js';
import type { RedisClient } from '../../redis/client.js';
import type { Visit } from '../report.js';

export interface RedisOptions {
  /** Of the hub's option `redis.prefix`. */
  prefix: string;
  timeoutMs: number;
}

/** What each part of the visit is given. */
export interface Ward extends RedisOptions {
  client: RedisClient;
  url: RedisUrl;
  visit: Visit;
  /** A text of the server made safe to print. */
  quote: (text: string) => string;
}
