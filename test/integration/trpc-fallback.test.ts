/**
 * tRPC subscriptions where the socket cannot be taken: HTTPS, a context without `res`, a transformer that no engine can
 * write. The same events, the same ids, the same refusals.
 */
import superjson from 'superjson';
import { createHub, type Hub } from '../../lib/index.js';
import type { TransformerLike } from '../../lib/server/options.js';
import { ENGINES } from '../support/engines.js';
import { flatTransformer } from '../support/flat-transformer.js';
import { trustingFetch } from '../support/tls.js';
import { Subscription } from '../support/trpc-clients.js';
import { appRouter, startTrpc, type TestServer } from '../support/trpc-servers.js';
import { waitFor } from '../support/wait.js';

interface Case {
  name: string;
  framework: 'standalone' | 'https';
  transformer?: TransformerLike;
  withoutSocket?: boolean;
}
const CASES: Case[] = [
  { name: 'https', framework: 'https' },
  { name: 'https and superjson', framework: 'https', transformer: superjson },
  { name: 'no res in the context', framework: 'standalone', withoutSocket: true },
  { name: 'no res in the context, and superjson', framework: 'standalone', withoutSocket: true, transformer: superjson },
  { name: 'a transformer of another form', framework: 'standalone', transformer: flatTransformer },
];

describe.each(ENGINES)('%s engine', (engine) => {
  describe.each(CASES)('$name', ({ framework, transformer, withoutSocket }) => {
    let hub: Hub;
    let server: TestServer;
    const open: Subscription[] = [];
    const subscribe = (token?: string, input?: unknown): Subscription => {
      const subscription = new Subscription({
        version: 'newest',
        url: server.url,
        input,
        ...(token === undefined ? {} : { token }),
        ...(framework === 'https' ? { fetch: trustingFetch } : {}),
        ...(transformer ? { transformer } : {}),
      });
      open.push(subscription);
      return subscription;
    };

    beforeEach(async () => {
      // A ping is an event here; this test counts the others.
      hub = createHub({ engine, heartbeatMs: 3_600_000, limits: { perUser: 1 }, ...(transformer ? { transformer } : {}) });
      const options = { ...(transformer ? { transformer } : {}), ...(withoutSocket ? { withoutSocket } : {}) };
      server = await startTrpc(framework, appRouter(hub, options));
    });
    afterEach(async () => {
      for (const subscription of open.splice(0)) subscription.stop();
      await hub.close();
      await server.close();
    });

    test('events with ids, dates as dates, resume by input', async () => {
      const first = subscribe('acme/ann');
      await first.untilType('hello');
      expect(hub.metrics()).toMatchObject({ socketsTaken: 0, sinkConnections: 1 });
      const at = new Date(1_700_000_000_000);
      const data = { at, text: 'x\r\n\u2028' };
      for (const entityId of ['one', 'two']) {
        await hub.broadcast({
          type: 'update',
          module: 'guests',
          entityId,
          companyId: 'acme',
          userId: 'w',
          queryPaths: ['guests.getAll'],
          data,
        });
      }
      await hub.broadcast({
        type: 'update',
        module: 'guests',
        entityId: 'o',
        companyId: 'other',
        userId: 'w',
        queryPaths: ['guests.getAll'],
      });
      hub.ephemeral({ companyId: 'acme', topic: 'typing', data: { at } });
      const typing = await first.untilType('ephemeral');
      const expected = transformer ? data : { ...data, at: at.toJSON() };
      expect(first.received[1]?.event).toMatchObject({ entityId: 'one', seq: 1, data: expected });
      expect(typing).toMatchObject({ data: { at: expected.at } });
      expect(first.seqs).toEqual([1, 2]);
      const [, one, two, last] = first.received.map(({ id }) => id);
      expect(one).toMatch(/\.1$/);
      expect(last).toBe(two);
      first.stop();
      await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');

      const again = subscribe('acme/ann', { lastEventId: one });
      await again.untilType('update');
      expect(again.received.map(({ event }) => event['reason'] ?? event['entityId'])).toEqual(['resumed', 'two']);
    });

    test('refusals are final or not as on the socket', async () => {
      expect(await subscribe().untilError()).toMatchObject({ data: { code: 'UNAUTHORIZED' } });
      const first = subscribe('acme/ann');
      await first.untilType('hello');
      expect(await subscribe('acme/ann').untilError()).toMatchObject({
        message: 'Too many connections for this user: 1 of 1',
        data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, path: 'sync.onSync' },
      });
      await hub.disconnect({ userId: 'ann' });
      await waitFor(() => first.states.includes('connecting') && first.states.at(-1) === 'connecting', 'a reconnect');
      expect(first.errors).toEqual([]);
      expect(first.completed).toBe(false);
    });
  });
});
