/** Publishes of one hub and company that follow each other closely, while their Redis refuses one now and then and takes the next. */
import type { Redis } from 'ioredis';
import type { Hub } from '../../lib/index.js';
import { PUBLISH } from '../../lib/redis/scripts/publish.js';
import { change } from './actions.js';
import { waitFor } from './wait.js';

const COUNT = 300;
const A_TURN = 3;
/** After all have been handed over, so that some are sent again meanwhile. */
const ROUNDS = 50;

/** What happens to the Redis again and again: each is a round. */
export const REFUSALS: readonly [name: string, round: (redis: Redis) => Promise<unknown>][] = [
  [
    'its scripts are forgotten, and loaded by somebody else',
    async (redis) => {
      const pipeline = redis.pipeline();
      for (let i = 0; i < 20; i++) pipeline.script('FLUSH').script('LOAD', PUBLISH);
      await pipeline.exec();
    },
  ],
  [
    'its memory is full for a moment',
    async (redis) => {
      await redis.config('SET', 'maxmemory', '1');
      await redis.config('SET', 'maxmemory', '0');
    },
  ],
];

/** Ids in the order in which they were handed over, and in which the log has them. Each is a call of its own: nothing holds them together but their order. */
export async function publishedUnder(hub: Hub, redis: Redis, round: (redis: Redis) => Promise<unknown>): Promise<{ sent: string[]; stored: string[] }> {
  const other = redis.duplicate();
  let ends = false;
  const refuses = (async () => {
    while (!ends) await round(other);
    for (let i = 0; i < ROUNDS; i++) await round(other);
    other.disconnect();
  })();
  const data = 'x'.repeat(2_000);
  const sent = Array.from({ length: COUNT }, (_, i) => `a${String(i)}`);
  const answers: ReturnType<Hub['broadcast']>[] = [];
  while (answers.length < sent.length) {
    for (const id of sent.slice(answers.length, answers.length + A_TURN)) answers.push(hub.broadcast({ ...change, id, data }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  ends = true;
  await refuses;
  const lost = (await Promise.all(answers)).filter(({ ok }) => !ok);
  if (lost.length > 0) throw new Error(`${String(lost.length)} were refused: ${JSON.stringify(lost[0])}`);
  await waitFor(() => hub.metrics().broker!.outboxActions === 0, 'what waited to go out');
  const entries = await redis.xrange(`pathcast:1:{${change.companyId}}:log`, '-', '+');
  return { sent, stored: entries.map(([, fields]) => fields[1]!) };
}
