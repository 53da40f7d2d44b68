/** SPEC §19 against the same oracle, over two nodes that share a Redis: what one is told reaches the caches of the other's pages. */
import { ENGINES } from '../support/engines.js';
import { RedisServer } from '../support/redis.js';
import { runTrials } from './oracle/report.js';

jest.setTimeout(3_600_000);

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());

test.each(ENGINES.map((engine, nth) => ({ engine, nth: nth + 10 })))('SPEC §19: $engine engine, two nodes: no query whose answer changes is spared', async ({ engine, nth }) => {
  // A busy machine is not to be taken for a Redis that is away.
  const hub = { engine, connectionCapBytes: 4_096, log: { compactAfter: 2 }, redis: { url: `redis+unix://${server.socket}`, publishWaitMs: 10_000 } };
  const client = (): object => (engine === 'js' ? { ...hub, redis: { client: server.client(), publishWaitMs: 10_000 } } : hub);
  const { named, touched, conflated, resyncs } = await runTrials(`${engine} engine, two nodes`, 0.18, nth, { hubs: [client(), client()], sockets: true });
  if (process.env['PATHCAST_SEED']) return;
  expect((named - touched) / named).toBeGreaterThan(0.04);
  expect([conflated > 8, resyncs > 0]).toEqual([true, true]);
});
