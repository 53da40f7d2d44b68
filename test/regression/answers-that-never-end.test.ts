/**
 * An answer of Redis that begins and does not end (a broken box on the way, a hostile server) held up everything behind it: the native link took each byte for a sign of life, said
 * `ready` and `ok`, and never asked again. Between a node and its Redis what comes is held back to ten bytes a second here: the node gives both connections up, says so, and all that waited goes out.
 */
import type { EngineKind } from '../support/engines.js';
import { change } from '../support/actions.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

let redis: RedisServer;
const proxies: LinkProxy[] = [];
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(async () => {
  await endHubNodes();
  for (const proxy of proxies) await proxy.close();
  await redis?.end();
});

async function passes(engine: EngineKind): Promise<void> {
  const proxy = await LinkProxy.start(() => ({ path: redis.socket }));
  proxies.push(proxy);
  const node = await HubNode.start({ engine, redis: { url: proxy.url, prefix: engine } });
  const heard: string[] = [];
  node.hub.on('warning', ({ message }) => heard.push(message));
  const stream = await node.stream();
  expect(await node.hub.broadcast({ ...change, id: 'a1' })).toMatchObject({ ok: true, seq: 1 });
  await stream.until('a1');
  proxy.drip();
  expect(await node.hub.broadcast({ ...change, id: 'a2' })).toMatchObject({ ok: true, queued: true });
  await waitFor(() => stream.actions.includes('a2'), `a2 to come on ${engine}`, 30_000);
  expect(stream.resyncs).toEqual([]);
  expect(await node.hub.broadcast({ ...change, id: 'a3' })).toMatchObject({ ok: true, seq: 3 });
  await stream.until('a3');
  const { reconnects } = node.hub.metrics().broker!;
  expect(reconnects).toBeGreaterThanOrEqual(1);
  // Of each connection at most: the other one may be found when this one is back.
  const told = heard.filter((message) => / is away/.test(message));
  expect([1, 2]).toContain(told.length);
}

test('all goes on over other connections', async () => {
  await Promise.all([passes('native'), passes('js')]);
});
