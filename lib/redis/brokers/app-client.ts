/** Which broker goes over a client that an app gives. */
import type { Broker } from '../../internal/broker.js';
import { ioredisBroker, isIoredis } from './ioredis.js';
import { isNodeRedis, nodeRedisBroker } from './node-redis.js';

/** Undefined for what is no client of ioredis (5 and newer) or node-redis (5 and newer). */
export function clientBroker(client: unknown): Broker | undefined {
  if (typeof client !== 'object' || client === null) return undefined;
  if (isIoredis(client)) return ioredisBroker(client);
  return isNodeRedis(client) ? nodeRedisBroker(client) : undefined;
}
