/**
 * The network cuts each client's connection a hundred times, wherever the bytes happen to be, while actions keep
 * flowing. Each client ends up with every action of its company, in order and exactly once.
 * Invariants: G1 (order), G2 (no silent gap), G3 (the verdict first).
 */
import { EventSource } from 'eventsource';
import superjson from 'superjson';
import { createServer } from 'node:http';
import { createHub, type Hub, type SyncEvent } from '../../lib/index.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { ENGINES } from '../support/engines.js';
import { listen } from '../support/listen.js';
import { makeRandom, runSeed, withSeed, type Random } from '../support/random.js';
import { CLIENT_VERSIONS, eagerFetch, Subscription } from '../support/trpc-clients.js';
import { appRouter, startTrpc } from '../support/trpc-servers.js';
import { waitFor } from '../support/wait.js';

const CUTS = 100;
/** The first connection lives until its hello has arrived: before that a client has no position to come back to. */
const HELLO_BYTES = 1_500;
const MAX_BYTES = 2_000;
/** Generous: it is only reached when something is broken. ms */
const DEADLINE = 240_000;

jest.setTimeout(360_000);

function hubOf(engine: 'js' | 'native', transformer?: typeof superjson): Hub {
  return createHub({
    engine,
    retryMs: 4,
    // Each action is to be seen by itself here, however long the client was away.
    log: { maxActions: 100_000, compactAfter: 100_000 },
    connectionCapBytes: 16 * 1024 * 1024,
    limits: { perUser: 0 },
    ...(transformer ? { transformer } : {}),
  });
}

function cutter(random: Random): (connection: number) => number | undefined {
  return (connection) => (connection > CUTS ? undefined : connection === 1 ? HELLO_BYTES : 1 + random.below(MAX_BYTES));
}

/** The slowest client is at most so many actions behind: else each cut makes the next catch-up longer, without end. */
const MAX_BEHIND = 40;

/**
 * Publishes one action after another until every proxy has made its cuts; resolves to how many. `slowest` is the least
 * seq that all clients have.
 */
async function publishUntilCut(hub: Hub, proxies: CuttingProxy[], slowest: () => number): Promise<number> {
  let count = 0;
  const end = Date.now() + DEADLINE;
  while (proxies.some((proxy) => proxy.cuts < CUTS)) {
    if (Date.now() > end) throw new Error(`only ${proxies.map(({ cuts }) => cuts).join()} cuts in ${DEADLINE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (count - slowest() > MAX_BEHIND) continue;
    const result = await hub.broadcast({
      type: 'update',
      module: 'guests',
      entityId: `g${++count}`,
      companyId: 'acme',
      userId: 'writer',
      queryPaths: ['guests.getAll'],
      data: { text: 'x'.repeat(count % 400), at: new Date(count) },
    });
    expect(result).toMatchObject({ ok: true, seq: count });
  }
  return count;
}

/** Once each, in order, with `data` as it was. */
function expectAll(events: readonly SyncEvent[], count: number, dates: boolean): void {
  const actions = events.flatMap((event) => ('seq' in event ? [event] : []));
  expect(actions.map((action) => action.seq)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  for (const { seq, data } of actions) {
    const at = new Date(seq);
    expect(data).toEqual({ text: 'x'.repeat(seq % 400), at: dates ? at : at.toJSON() });
  }
  expect(events.filter((event) => event.type === 'resync' || event.type === 'invalidate')).toEqual([]);
}

describe.each(ENGINES)('%s engine', (engine) => {
  test.each([undefined, superjson])('tRPC clients of each version (transformer: %p)', async (transformer) => {
    await withSeed(runSeed(), async (seed) => {
      const hub = hubOf(engine, transformer);
      const server = await startTrpc('fastify', appRouter(hub, transformer ? { transformer } : {}));
      const clients = await Promise.all(
        CLIENT_VERSIONS.map(async (version, i) => {
          const proxy = await CuttingProxy.start(server.port, cutter(makeRandom(seed.seed + i)));
          const url = `http://127.0.0.1:${proxy.port}/trpc`;
          const subscription = new Subscription({
            version,
            url,
            token: `acme/u${i}`,
            fetch: eagerFetch,
            ...(transformer ? { transformer } : {}),
          });
          await subscription.untilType('hello');
          return { proxy, subscription };
        }),
      );
      try {
        const slowest = (): number => Math.min(...clients.map(({ subscription }) => subscription.lastSeq));
        const count = await publishUntilCut(
          hub,
          clients.map(({ proxy }) => proxy),
          slowest,
        );
        for (const { subscription, proxy } of clients) {
          await waitFor(() => subscription.lastSeq === count, `action ${count}, got ${subscription.lastSeq}`);
          expectAll(
            subscription.received.map(({ event }) => event),
            count,
            transformer !== undefined,
          );
          expect(proxy.cuts).toBeGreaterThanOrEqual(CUTS);
          expect(subscription.errors).toEqual([]);
        }
        await waitFor(() => hub.metrics().connections === CLIENT_VERSIONS.length, 'cut connections to be forgotten');
      } finally {
        for (const { subscription, proxy } of clients) {
          subscription.stop();
          await proxy.close();
        }
        await hub.close();
        await server.close();
      }
    });
  });

  test('the plain endpoint with the eventsource package', async () => {
    await withSeed(runSeed(), async (random) => {
      const hub = hubOf(engine);
      const server = createServer(hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) }));
      const proxy = await CuttingProxy.start(await listen(server), cutter(random));
      const source = new EventSource(`http://127.0.0.1:${proxy.port}/sync/stream`);
      const events: SyncEvent[] = [];
      let lastSeq = 0;
      source.addEventListener('message', ({ data }) => {
        const event = JSON.parse(data as string) as SyncEvent;
        events.push(event);
        if ('seq' in event) lastSeq = event.seq;
      });
      try {
        await waitFor(() => events.length > 0, 'hello');
        const count = await publishUntilCut(hub, [proxy], () => lastSeq);
        await waitFor(() => lastSeq === count, `action ${count}, got ${lastSeq}`);
        expectAll(events, count, false);
        expect(
          events
            .filter((event) => event.type === 'hello')
            .every((event) => event.reason === 'fresh' || event.reason === 'resumed'),
        ).toBe(true);
      } finally {
        source.close();
        await proxy.close();
        await hub.close();
        server.close();
        server.closeAllConnections();
      }
    });
  });
});
