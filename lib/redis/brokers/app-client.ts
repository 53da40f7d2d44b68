/** Which broker goes over a client that an app gives. */
import type { Broker } from '../../internal/broker.js';
import { ioredisBroker, isIoredis, type IoredisClient } from './ioredis.js';
import { isNodeRedis, nodeRedisBroker, type NodeRedisClient } from './node-redis.js';

/** A client of ioredis (5 and newer) or node-redis (5 and newer). */
export function isClient(value: unknown): value is IoredisClient | NodeRedisClient {
  return typeof value === 'object' && value !== null && (isIoredis(value) || isNodeRedis(value));
}

/** REQUIRES: `isClient(client)`. */
export function clientBroker(client: object): Broker {
  return isIoredis(client) ? ioredisBroker(client) : nodeRedisBroker(client as NodeRedisClient);
}
