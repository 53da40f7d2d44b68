/**
 * Publishes of one node and company keep their order whatever becomes of the scripts in Redis. `SCRIPT FLUSH`, and another node that loads the script between two publishes which are both
 * on their way, let the second be carried out before the first, which found no script and was sent again.
 */
import { createClient } from 'redis';
import { change } from '../support/actions.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import type { HubOptions } from '../../lib/index.js';
import { PUBLISH } from '../../lib/redis/scripts/publish.js';
import { RedisServer } from '../support/redis.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterEach(endHubNodes);
afterAll(async () => await redis?.end());

const links: [name: string, options: () => HubOptions][] = [
  ['js over ioredis', () => ({ engine: 'js', redis: { client: redis.client(), publishWaitMs: 60_000 } })],
  ['js over node-redis', () => ({ engine: 'js', redis: { client: createClient({ socket: { path: redis.socket, tls: false } }), publishWaitMs: 60_000 } })],
];

test.each(links)('%s', async (_name, options) => {
  const node = await HubNode.start(options());
  const other = redis.client();
  let ends = false;
  const forgets = (async () => {
    while (!ends) {
      const pipeline = other.pipeline();
      for (let i = 0; i < 20; i++) pipeline.script('FLUSH').script('LOAD', PUBLISH);
      await pipeline.exec();
    }
  })();
  const data = 'x'.repeat(2_000);
  const sent = Array.from({ length: 300 }, (_, i) => `a${String(i)}`);
  // One call each, some in each turn: nothing holds them together but their order.
  const answers: ReturnType<HubNode['hub']['broadcast']>[] = [];
  while (answers.length < sent.length) {
    for (const id of sent.slice(answers.length, answers.length + 3)) answers.push(node.hub.broadcast({ ...change, id, data }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const results = await Promise.all(answers);
  ends = true;
  await forgets;
  expect(results.filter((result) => !result.ok || result.queued)).toEqual([]);
  const entries = await redis.client().xrange('pathcast:1:{acme}:log', '-', '+');
  const stored = entries.map(([, fields]) => fields[1]!);
  expect(stored).toEqual(sent);
});
