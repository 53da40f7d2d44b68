/** The whole way: one client calls a mutation, another one, subscribed, is told what to read anew. Both are @trpc/client as it is. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createHub, type Hub } from '../../lib/index.js';
import { createSync, syncInput, syncSubscription, type InvalidationMap, type RuleCall } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { listen } from '../support/listen.js';
import { CLIENT_VERSIONS, Subscription } from '../support/trpc-clients.js';
import { sessionOf, type Context } from '../support/trpc-servers.js';

function makeApp(hub: Hub) {
  const sync = createSync({
    hub,
    rules: { clientId: null, companyId: ({ ctx }: RuleCall<Context>) => ctx.session?.companyId },
  });
  const t = initTRPC.context<Context>().create({ isDev: false });
  const base = t.procedure.use(sync.middleware());
  const router = t.router({
    sync: t.router({
      onSync: base.input(syncInput).subscription(
        syncSubscription({
          hub,
          stream: ({ ctx, input }) => ({
            req: ctx.req,
            res: ctx.res,
            companyId: ctx.session?.companyId ?? '',
            userId: ctx.session?.userId ?? '',
            filter: input?.queryPaths ? { queryPaths: input.queryPaths } : undefined,
          }),
        }),
      ),
    }),
    guests: t.router({
      getAll: base.query(() => []),
      create: base
        .input((value: unknown) => value as { id: string; fail?: boolean })
        .mutation(({ input }) => {
          if (input.fail) throw new TRPCError({ code: 'CONFLICT' });
          return { id: input.id };
        }),
    }),
    hotels: t.router({ getAll: base.query(() => []), getRooms: base.query(() => []) }),
    timeline: t.router({ getAll: base.query(() => []) }),
  });
  return { sync, router };
}
type AppRouter = ReturnType<typeof makeApp>['router'];

const map = {
  cascades: { guests: ['hotels'] },
  mutations: { 'guests.create': ['guests.getAll'] },
} satisfies InvalidationMap<AppRouter>;

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  let sync: ReturnType<typeof makeApp>['sync'];
  let url: string;
  let close: () => Promise<void>;
  const open: Subscription[] = [];

  beforeEach(async () => {
    hub = createHub({ engine });
    const app = makeApp(hub);
    sync = app.sync;
    await sync.for<AppRouter>().bind(app.router, map, { aliases: { 'hotels.list': 'hotels.getAll' } });
    const server = createServer(
      createHTTPHandler({
        router: app.router,
        createContext: ({ req, res, info }): Context => ({
          req,
          res,
          session: sessionOf(info.connectionParams ?? { token: req.headers['x-token'] }),
        }),
      }),
    );
    url = `http://127.0.0.1:${await listen(server)}`;
    close = async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    };
  });
  afterEach(async () => {
    for (const subscription of open.splice(0)) subscription.stop();
    await hub.close();
    await close();
  });

  const subscribe = async (token: string, version: (typeof CLIENT_VERSIONS)[number], input?: unknown) => {
    const subscription = new Subscription({ version, url, token, input });
    open.push(subscription);
    await subscription.untilType('hello');
    return subscription;
  };
  const pathsOf = (subscription: Subscription) =>
    subscription.received.flatMap(({ event }) => ('seq' in event ? [event.queryPaths.join()] : []));

  test.each(CLIENT_VERSIONS)('a client of tRPC %s hears what another one’s mutation made stale', async (version) => {
    const all = await subscribe('acme/ann', version);
    const rooms = await subscribe('acme/bob', version, { queryPaths: ['hotels.list', 'hotels.getRooms.id-1'] });
    const timeline = await subscribe('acme/cy', version, { queryPaths: ['timeline.getAll'] });
    const stranger = await subscribe('other/dee', version);

    const client = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url, headers: { 'x-token': 'acme/eve' } })] });
    const results = await Promise.allSettled([
      client.guests.create.mutate({ id: 'g1' }),
      client.guests.create.mutate({ id: 'g2', fail: true }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const event = await all.untilType('insert');
    expect(event).toMatchObject({ module: 'guests', entityId: 'g1', queryPaths: ['guests.getAll', 'hotels'] });
    await rooms.untilType('insert');

    // What comes after it shows that nothing else came before.
    for (const companyId of ['acme', 'other'])
      await hub.broadcast({
        type: 'update',
        module: 'm',
        entityId: 'end',
        companyId,
        userId: 'u',
        queryPaths: ['timeline.getAll'],
      });
    for (const each of [all, timeline, stranger]) await each.untilType('update');
    expect(pathsOf(all)).toEqual(['guests.getAll,hotels', 'timeline.getAll']);
    expect(pathsOf(rooms)).toEqual(['guests.getAll,hotels']);
    expect(pathsOf(timeline)).toEqual(['timeline.getAll']);
    expect(pathsOf(stranger)).toEqual(['timeline.getAll']);
  });
});
