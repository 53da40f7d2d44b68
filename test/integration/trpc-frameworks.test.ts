/**
 * Unmodified tRPC clients, old and new, on every server that tRPC runs on: each hears its own company only, a refusal
 * arrives typed, the app's headers are kept, and nothing is logged as an error.
 */
import { createHub, type Hub } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';
import { CLIENT_VERSIONS, eagerFetch, Subscription } from '../support/trpc-clients.js';
import { appRouter, FRAMEWORKS, ORIGIN, startTrpc, type TestServer } from '../support/trpc-servers.js';
import { waitFor } from '../support/wait.js';

const guest = (companyId: string, entityId: string) => ({
  type: 'update' as const,
  module: 'guests',
  entityId,
  companyId,
  userId: 'someone',
  queryPaths: ['guests.getAll'],
});

describe.each(ENGINES)('%s engine', (engine) => {
  describe.each(FRAMEWORKS)('%s', (framework) => {
    let hub: Hub;
    let server: TestServer;
    const open: Subscription[] = [];
    const subscribe = (options: Omit<ConstructorParameters<typeof Subscription>[0], 'url'>): Subscription => {
      const subscription = new Subscription({ url: server.url, ...options });
      open.push(subscription);
      return subscription;
    };

    beforeEach(async () => {
      hub = createHub({ engine, limits: { perUser: 2, perCompany: 3 }, retryMs: 10 });
      server = await startTrpc(framework, appRouter(hub));
    });
    afterEach(async () => {
      for (const subscription of open.splice(0)) subscription.stop();
      await hub.close();
      await server.close();
    });

    test.each(CLIENT_VERSIONS)('client %s hears its own company only, by the way the engine has', async (version) => {
      const mine = subscribe({ version, token: 'acme/ann' });
      const theirs = subscribe({ version, token: 'other/bob' });
      expect(await mine.untilType('hello')).toMatchObject({ reason: 'fresh', recovered: false });
      await theirs.untilType('hello');
      expect(hub.metrics().socketsTaken).toBe(engine === 'native' ? 2 : 0);

      expect(await hub.broadcast(guest('acme', 'g1'))).toMatchObject({ ok: true, seq: 1 });
      expect(await hub.broadcast(guest('other', 'o1'))).toMatchObject({ ok: true, seq: 1 });
      expect(await hub.broadcast(guest('acme', 'g2'))).toMatchObject({ ok: true, seq: 2 });
      await mine.untilType('update', 2);
      await theirs.untilType('update', 1);
      expect(mine.received.slice(1).map(({ event }) => event['entityId'])).toEqual(['g1', 'g2']);
      expect(theirs.received.slice(1).map(({ event }) => event['entityId'])).toEqual(['o1']);
      expect(mine.received.every(({ id }) => typeof id === 'string')).toBe(true);
      expect(mine.received[0]?.event).not.toHaveProperty('companyId');
      // tRPC's own `connected`, and ours, which brings the timeout.
      expect([1, 2]).toContain(mine.started);
      expect([...mine.errors, ...theirs.errors, ...server.errors]).toEqual([]);
    });

    test.each(CLIENT_VERSIONS)(
      'client %s is refused with a typed error: not signed in, and at the limit',
      async (version) => {
        const stranger = subscribe({ version });
        expect(await stranger.untilError()).toMatchObject({ data: { code: 'UNAUTHORIZED', httpStatus: 401 } });

        for (let i = 0; i < 2; i++) await subscribe({ version, token: 'acme/ann' }).untilType('hello');
        const third = subscribe({ version, token: 'acme/ann' });
        expect(await third.untilError()).toEqual({
          message: 'Too many connections for this user: 2 of 2',
          data: expect.objectContaining({ code: 'TOO_MANY_REQUESTS', httpStatus: 429, path: 'sync.onSync' }) as object,
        });
        await subscribe({ version, token: 'acme/bob' }).untilType('hello');
        expect((await subscribe({ version, token: 'acme/cid' }).untilError()).message).toBe(
          'Too many connections for this company: 3 of 3',
        );
        expect(hub.metrics().connections).toBe(3);
      },
    );

    test('bare events for code that expects the action itself', async () => {
      const bare = subscribe({ version: 'newest', token: 'acme/ann', procedure: 'bare' });
      await bare.untilType('hello');
      await hub.broadcast(guest('acme', 'g1'));
      await bare.untilType('update');
      expect(bare.received.every(({ id }) => id === undefined)).toBe(true);
      const since = Date.now() - 60_000;
      const later = subscribe({
        version: 'newest',
        token: 'acme/bob',
        procedure: 'bare',
        input: { lastSyncTimestamp: since },
      });
      // The log has no action from before, and lived not yet at that time: the client is told to refetch.
      expect(await later.untilType('resync')).toMatchObject({ reason: 'epoch_changed', queryPaths: ['*'] });
    });

    test('a filter that the app takes from the input', async () => {
      const some = subscribe({ version: 'newest', token: 'acme/ann', input: { modules: ['budget'] } });
      await some.untilType('hello');
      await hub.broadcast(guest('acme', 'g1'));
      await hub.broadcast({ ...guest('acme', 'b1'), module: 'budget', queryPaths: ['budget.getAll'] });
      expect(await some.untilType('update')).toMatchObject({ entityId: 'b1', seq: 2 });
      expect(some.seqs).toEqual([2]);
    });

    test('the headers of the app are on the stream', async () => {
      const params = encodeURIComponent(JSON.stringify({ token: 'acme/ann' }));
      const cut = new AbortController();
      const response = await fetch(`${server.url}/sync.onSync?connectionParams=${params}`, { signal: cut.signal });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(response.headers.get('access-control-allow-credentials')).toBe('true');
      expect(response.headers.get('cache-control')).toMatch(/no-cache, no-transform/);
      expect(response.headers.get('x-mine')).toBe('yes');
      cut.abort();
    });

    test('a client that leaves is noticed, and its place is free', async () => {
      const left = subscribe({ version: 'newest', token: 'acme/ann' });
      await left.untilType('hello');
      left.stop();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
      expect(hub.metrics().leases).toBe(0);
    });

    test.each(CLIENT_VERSIONS)('a drained client %s keeps coming back, without a word of error', async (version) => {
      const staying = subscribe({ version, token: 'acme/ann', fetch: eagerFetch });
      await staying.untilType('hello');
      await hub.drain({ overMs: 0 });
      await waitFor(() => (hub.metrics().refusals['DRAINING'] ?? 0) >= 2, 'two reconnects');
      expect(staying.completed).toBe(false);
      expect(staying.errors).toEqual([]);
    });
  });
});
