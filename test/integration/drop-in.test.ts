/**
 * An app with a hand-made sync layer, after changing its imports: its router, its hook and its chatbot work as they
 * are, and what was broken in the hand-made layer is not.
 */
import { createTRPCClient, httpSubscriptionLink } from '@trpc/client';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { EventSource } from 'eventsource';
import {
  broadcastSync,
  configure,
  createDropIn,
  createHub,
  defaultHub,
  getMissedActions,
  sseConnections,
  storeSyncAction,
  subscribeToCompany,
  type SyncAction,
} from '../../lib/index.js';
import { appRouter } from '../fixtures/seed-app/sync.router.js';
import { broadcastTool } from '../fixtures/seed-app/tool-executor.js';
import { RealtimeSync } from '../fixtures/seed-app/use-realtime-sync.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { waitFor } from '../support/wait.js';

const change = (fields: object = {}) => ({
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'ann',
  queryPaths: ['guests.getAll', 'guests.getStats'],
  ...fields,
});
const KEYS = ['guests.getAll', 'guests.getStats', 'hotels.getAll'];

describe.each(ENGINES)('%s engine', (engine) => {
  let server: ReturnType<typeof createHTTPServer>;
  let port: number;
  const stops: (() => void)[] = [];
  let session: { companyId: string | null; userId: string | null };

  function subscribe(
    companyId: string | null,
    userId: string | null,
    lastSyncTimestamp?: number,
  ): { hook: RealtimeSync; errors: unknown[]; ready: Promise<void> } {
    session = { companyId, userId };
    const client = createTRPCClient<typeof appRouter>({
      links: [
        httpSubscriptionLink({
          url: `http://127.0.0.1:${port}`,
          EventSource: EventSource as never,
        }),
      ],
    });
    const hook = new RealtimeSync(KEYS);
    const errors: unknown[] = [];
    let started = (): void => undefined;
    const ready = new Promise<void>((resolve) => (started = resolve));
    const handle = client.sync.onSync.subscribe(lastSyncTimestamp === undefined ? {} : { lastSyncTimestamp }, {
      onStarted: started,
      onData: (action) => hook.handleSyncAction(action),
      onError: (error) => errors.push(error.data?.code),
    });
    stops.push(() => handle.unsubscribe());
    return { hook, errors, ready };
  }

  beforeEach(async () => {
    configure({ engine, limits: { perUser: 2, perCompany: 4 } });
    server = createHTTPServer({
      router: appRouter,
      createContext: () => session,
    });
    port = await listen(server);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) stop();
    await defaultHub().close();
    closeServers();
  });

  test('another user of the company hears of it at once; oneself and other companies do not', async () => {
    const bob = subscribe('acme', 'bob');
    await bob.ready;
    const ann = subscribe('acme', 'ann');
    await ann.ready;
    const eve = subscribe('other', 'eve');
    await eve.ready;
    await waitFor(() => defaultHub().metrics().sinkConnections === 3, 'three subscribers');
    await broadcastSync(change({ data: { name: 'Zoe' } }));
    await waitFor(() => bob.hook.received.length === 1, 'the action');
    expect(bob.hook.received[0]).toMatchObject({
      id: expect.any(String) as string,
      entityId: 'g1',
      data: { name: 'Zoe' },
      userId: 'ann',
    });
    expect([...bob.hook.invalidated]).toEqual(['guests.getAll', 'guests.getStats']);
    expect(bob.hook.lastSync).toBeGreaterThan(0);
    await broadcastSync(change({ userId: 'bob' }));
    await waitFor(() => ann.hook.received.length === 1, 'the action of bob');
    expect([bob.hook.received.length, eve.hook.received.length]).toEqual([1, 0]);
  });

  test("the chatbot's publish and store are one action", async () => {
    const bob = subscribe('acme', 'bob');
    await bob.ready;
    await waitFor(() => defaultHub().metrics().sinkConnections === 1, 'the subscriber');
    await broadcastTool('acme', 'ann');
    await broadcastSync(change({ id: 'after' }));
    await waitFor(() => bob.hook.received.some(({ id }) => id === 'after'), 'what came after');
    expect(bob.hook.received.map(({ entityId }) => entityId)).toEqual(['from-tool', 'g1']);
    expect(bob.hook.received[0]).toMatchObject({ toolName: 'add_guest' });
    expect(defaultHub().metrics()).toMatchObject({
      publishes: 2,
      duplicates: 1,
    });
  });

  test('who was away gets what was missed, and nothing between the two calls is lost', async () => {
    await broadcastSync(change({ id: 'before', timestamp: Date.now() - 5_000 }));
    // Inclusive: what came in the same millisecond would be told again.
    const published = Date.now();
    await waitFor(() => Date.now() > published, 'the next millisecond');
    const since = Date.now();
    for (const id of ['m1', 'm2']) await broadcastSync(change({ id }));
    // By hand, with a pause between the two calls that the hand-made layer lost actions in.
    const missed = await getMissedActions('acme', since);
    await broadcastSync(change({ id: 'between' }));
    const cut = new AbortController();
    const live = subscribeToCompany('acme', cut.signal);
    const first = live.next();
    await broadcastSync(change({ id: 'after' }));
    const got = [...missed.map(({ id }) => id), ((await first).value as SyncAction).id];
    while (got.at(-1) !== 'after') got.push(((await live.next()).value as SyncAction).id);
    expect(got).toEqual(['m1', 'm2', 'between', 'after']);
    cut.abort();
    expect((await live.next()).done).toBe(true);

    const bob = subscribe('acme', 'bob', since);
    await waitFor(() => bob.hook.received.length >= 4, 'all missed actions');
    expect(new Set(bob.hook.received.map(({ id }) => id))).toEqual(new Set(['m1', 'm2', 'between', 'after']));
  });

  test('nothing is lost either where the company had no log yet', async () => {
    expect(await getMissedActions('newcomers', Date.now())).toEqual([]);
    await broadcastSync(change({ id: 'between', companyId: 'newcomers' }));
    const live = subscribeToCompany('newcomers');
    expect((await live.next()).value).toMatchObject({ id: 'between' });
    await live.return(undefined);
  });

  test('the limit is what the guards hold; the subscriber of a guard counts nothing of its own', async () => {
    for (const user of ['ann', 'ann', 'bob', 'bob']) await subscribe('acme', user).ready;
    await waitFor(() => defaultHub().metrics().leases === 4, 'four guards');
    const fifth = subscribe('acme', 'cid');
    await waitFor(() => fifth.errors.length > 0, 'the refusal');
    expect(fifth.errors).toEqual(['TOO_MANY_REQUESTS']);
    stops.shift()?.();
    await waitFor(() => defaultHub().metrics().leases === 3, 'the guard to be released');
    await subscribe('acme', 'cid').ready;
    await waitFor(() => defaultHub().metrics().leases === 4, 'the guard of the newcomer');
  });

  test('a session without a company is refused as the app wrote it', async () => {
    const nobody = subscribe(null, 'ann');
    await waitFor(() => nobody.errors.length > 0, 'the refusal');
    expect(nobody.errors).toEqual(['BAD_REQUEST']);
  });

  test('the guard counts for its user in its company', async () => {
    await using hub = createHub({ engine, limits: { perUser: 2, perCompany: 3 } });
    const { sseConnections: guards } = createDropIn(() => hub);
    for (const userId of ['ann', 'ann', 'bob']) await guards.acquire(userId, 'acme');
    await expect(guards.acquire('ann', 'acme')).rejects.toMatchObject({ code: 'USER_LIMIT', current: 2 });
    await expect(guards.acquire('cid', 'acme')).rejects.toMatchObject({ code: 'COMPANY_LIMIT', current: 3 });
    await guards.acquire('ann', 'other');
  });

  test('never throws where the hand-made layer never did', async () => {
    expect(await storeSyncAction(null as never)).toMatchObject({ ok: false });
    expect(await getMissedActions('', 0)).toEqual([]);
    expect(await getMissedActions(null as never, NaN)).toEqual([]);
    expect(await getMissedActions('nobody-yet', 0)).toEqual([]);
    await defaultHub().close();
    expect(await getMissedActions('acme', 0)).toEqual([]);
    expect((await subscribeToCompany('acme').next()).done).toBe(true);
    await expect(sseConnections.acquire('ann', 'acme')).rejects.toMatchObject({
      code: 'HUB_CLOSED',
    });
  });

  test('timestamps are inclusive, and an import is told as one action', async () => {
    const at = Date.now() + 60_000;
    await broadcastSync(change({ id: 'same', timestamp: at }));
    expect((await getMissedActions('acme', at)).map(({ id }) => id)).toEqual(['same']);
    expect((await getMissedActions('acme', at - 1)).map(({ id }) => id)).toEqual(['same']);
    expect(await getMissedActions('acme', 0)).toHaveLength(1);

    const hub = createHub({ engine });
    const own = createDropIn(() => hub);
    const live = own.subscribeToCompany('acme');
    const first = live.next();
    await waitFor(() => hub.metrics().sinkConnections === 1, 'the subscriber');
    await hub.broadcastMany(Array.from({ length: 200 }, (_, i) => change({ id: `row${i}` })));
    expect((await first).value).toMatchObject({
      type: 'update',
      module: 'guests',
      entityId: '*',
      companyId: 'acme',
      queryPaths: ['guests.getAll', 'guests.getStats'],
    });
    // Of two modules: neither stands for both.
    const mixed = live.next();
    await hub.broadcastMany(Array.from({ length: 200 }, (_, i) => change({ id: `mixed${i}`, module: i % 2 ? 'guests' : 'hotels' })));
    let next = await mixed;
    while (!next.done && next.value.module === 'guests') next = await live.next();
    expect(next.value).toMatchObject({ module: '*', entityId: '*', queryPaths: ['guests.getAll', 'guests.getStats'] });
    await live.return(undefined);
    await hub.close();
  });
});
