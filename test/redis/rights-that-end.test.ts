/**
 * A right that ends while its stream waits for its company's log ends the stream, as at any other time (SPEC §6): it was looked at when the stream came, and again when it was
 * open. In between lay as long as Redis was away, and then all that had been missed.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';

/** The longest there is, and far longer than the right. */
const OPEN_WAIT_MS = 60_000;
let redis: RedisServer;
let link: LinkProxy;

beforeEach(async () => {
  redis = await RedisServer.start();
  link = await LinkProxy.start(() => ({ path: redis.socket }));
});
afterEach(async () => {
  link.heal();
  await endHubNodes();
  await link.close();
  await redis.end();
});

test.each<EngineKind>(['js', 'native'])('%s: who waits for the log is told when his right ends, and hears nothing that came after it', async (engine) => {
  const ahead = await HubNode.start({ engine, redis: redis.unixUrl() });
  const first = await ahead.hub.broadcast({ ...change, id: 'a1' });
  if (!first.ok || first.seq === undefined) throw new Error('a1 has no place');
  link.part();
  const away = await HubNode.begin({ engine, redis: { url: link.url, openWaitMs: OPEN_WAIT_MS } });
  const waits = await away.askUntil(Date.now() + 1_000, `${first.epoch}.${String(first.seq)}`);
  await ahead.hub.broadcast({ ...change, id: 'secret' });
  // Redis is still away.
  expect(await waits.raw.untilClosed()).toMatch(/"type":"server_close".*"reason":"auth_expired"/);
  expect(waits.actions).toEqual([]);
  expect(away.hub.metrics().connections).toBe(0);
});
