/** Which broker goes over a client that an app gives. */
import type { Broker } from '../../internal/broker.js';
import { ioredisBroker, isIoredis } from './ioredis.js';
import { ioredisClusterBroker, isIoredisCluster } from './ioredis-cluster.js';
import { isNodeRedis, nodeRedisBroker, type NodeRedisClient } from './node-redis.js';
import { isNodeRedisCluster, nodeRedisClusterBroker } from './node-redis-cluster.js';

/** A client of ioredis (5 and newer) or node-redis (5 and newer), of one Redis or of a cluster. */
export function isClient(value: unknown): value is object {
  return typeof value === 'object' && value !== null && [isIoredisCluster, isIoredis, isNodeRedisCluster, isNodeRedis].some((is) => is(value));
}

/** REQUIRES: `isClient(client)`. */
export function clientBroker(client: object): Broker {
  if (isIoredisCluster(client)) return ioredisClusterBroker(client);
  if (isIoredis(client)) return ioredisBroker(client);
  if (isNodeRedisCluster(client)) return nodeRedisClusterBroker(client);
  return nodeRedisBroker(client as NodeRedisClient);
}
