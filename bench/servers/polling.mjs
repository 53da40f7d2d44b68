/**
 * What the hand-made layers do: each action goes into a sorted set by its time, and each open stream asks for newer ones twice a
 * second. BENCH_REDIS is the server's Unix socket, over ioredis; theirs went over HTTP.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { identityOf, listen, serve } from './control.mjs';

const EVERY_MS = 500;
const redis = new Redis({ path: process.env.BENCH_REDIS });
const keyOf = (companyId) => `sync:${companyId}:actions`;

async function stream(companyId, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write('retry: 2000\n\n');
  let last = Date.now();
  while (!response.destroyed) {
    const found = await redis.zrangebyscore(keyOf(companyId), last + 1, '+inf', 'WITHSCORES');
    for (let i = 0; i < found.length; i += 2) {
      last = Number(found[i + 1]);
      response.write(`id: ${last}\ndata: ${found[i]}\n\n`);
    }
    await sleep(EVERY_MS);
  }
}

serve({
  port: await listen(createServer((request, response) => void stream(identityOf(request.url).companyId, response))),
  send: async (companyId, action) => {
    await redis.zadd(keyOf(companyId), Date.now(), JSON.stringify(action));
    return { ok: true };
  },
});
