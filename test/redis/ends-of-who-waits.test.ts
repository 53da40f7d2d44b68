/**
 * Who waits for a seat or for a company's log is ended as any other stream is. A right that ended meanwhile (SPEC §6) was looked at when the stream came, and again when it was
 * open: in between lay as long as Redis was away, and then all that had been missed. A hub that closed forgot whom the native engine had not been given yet: their responses stayed open.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

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

const engines: EngineKind[] = ['js', 'native'];

/** Where nothing is limited no seat is asked for, and the engine alone waits. */
const limited = engines.flatMap((engine) => [{ engine, limits: {} }, { engine, limits: { perUser: 0, perCompany: 0 } }]);
test.each(limited)('$engine $limits: who waits for the log is told when his right ends, and hears nothing that came after it', async ({ engine, limits }) => {
  const ahead = await HubNode.start({ engine, redis: redis.unixUrl() });
  const first = await ahead.hub.broadcast({ ...change, id: 'a1' });
  if (!first.ok || first.seq === undefined) throw new Error('a1 has no place');
  link.part();
  const away = await HubNode.begin({ engine, limits, redis: { url: link.url, openWaitMs: OPEN_WAIT_MS } });
  const waits = await away.askUntil(Date.now() + 1_000, `${first.epoch}.${String(first.seq)}`);
  await ahead.hub.broadcast({ ...change, id: 'secret' });
  // Redis is still away.
  expect(await waits.raw.untilClosed()).toMatch(/"type":"server_close".*"reason":"auth_expired"/);
  expect(waits.actions).toEqual([]);
  expect(away.hub.metrics().connections).toBe(0);
});

describe.each(engines)('%s: a hub that closes tells who waits to come back', (engine) => {
  const waits = async (node: HubNode): Promise<void> => {
    const before = node.requests();
    const stream = await node.ask();
    await waitFor(() => node.requests() > before, 'the hub to be asked');
    expect(stream.messages).toEqual([]);
    await node.hub.close({ flushMs: 0 });
    expect(await stream.raw.untilClosed()).toMatch(/"type":"server_close".*"reason":"drain"/);
  };

  test('for a Redis that is away', async () => {
    link.part();
    await waits(await HubNode.begin({ engine, limits: { perUser: 1, perCompany: 0 }, redis: { url: link.url, openWaitMs: OPEN_WAIT_MS } }));
  });

  test('for a seat', async () => {
    const node = await HubNode.start({ engine, limits: { perUser: 1, perCompany: 0 }, redis: redis.unixUrl() });
    await node.stream();
    await waits(node);
  });
});
