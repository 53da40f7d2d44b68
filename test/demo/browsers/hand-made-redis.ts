/** The Redis of the hand-made layer: a real one, behind the few commands of the client that the code base was written for. */
import path from 'node:path';
import { Redis } from 'ioredis';
import { RedisProcess } from '../../support/redis-process.js';

export interface HandMadeRedis {
  /** For the code base's `setRedis`. */
  client: object;
  end(): Promise<void>;
}

export async function startRedis(): Promise<HandMadeRedis> {
  const server = new RedisProcess('redis-server', /ready to accept connections/i);
  const socket = path.join(server.folder, 'redis.sock');
  await server.spawn(['--port', '0', '--unixsocket', socket, '--dir', server.folder, '--save', '', '--appendonly', 'no']);
  const redis = new Redis({ path: socket });
  return {
    client: {
      publish: (channel: string, message: string) => redis.publish(channel, message),
      zadd: (key: string, { score, member }: { score: number; member: string }) => redis.zadd(key, score, member),
      zremrangebyrank: (key: string, start: number, stop: number) => redis.zremrangebyrank(key, start, stop),
      zrange: (key: string, min: number | string, max: number | string) => redis.zrange(key, min, max, 'BYSCORE'),
      expire: (key: string, seconds: number) => redis.expire(key, seconds),
    },
    async end() {
      redis.disconnect();
      await server.remove();
    },
  };
}
