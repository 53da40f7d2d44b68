/** `sync.middleware()`: one action for each successful mutation that a client called (SPEC §10). */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createTRPCClient, httpBatchLink, httpBatchStreamLink, httpLink } from '@trpc/client';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { ENGINES } from '../support/engines.js';
import { listen } from '../support/listen.js';
import {
  actionsOf,
  listenTo,
  syncApp,
  syncMap,
  type Caller,
  type SyncApp,
  type SyncAppRouter,
} from '../support/sync-app.js';

const ctx = { companyId: 'acme', userId: 'ann', sourceId: 'tab1' };
const row = { id: 'g1', clientId: 'c1' };

async function bound(engine: 'js' | 'native', rules = {}): Promise<SyncApp & { heard: ReturnType<typeof listenTo> }> {
  const app = syncApp(engine, rules);
  await app.sync.bind(app.appRouter, syncMap);
  return { ...app, heard: listenTo(app.hub) };
}

async function serve(app: SyncApp): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(
    createHTTPHandler({
      router: app.appRouter,
      createContext: ({ req }) => ({ ...ctx, sourceId: undefined, req }) as never,
    }),
  );
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

describe.each(ENGINES)('%s engine', (engine) => {
  let app: Awaited<ReturnType<typeof bound>>;
  beforeEach(async () => {
    app = await bound(engine);
  });
  afterEach(() => app.hub.close());

  test('a mutation that succeeded: one action, its fields by the rules, its paths with the cascades', async () => {
    await app.createCaller(ctx).guests.create(row);
    await app.sync.settled();
    const actions = await actionsOf(app.hub);
    expect(actions).toEqual([
      expect.objectContaining({
        type: 'insert',
        module: 'guests',
        entityId: 'g1',
        companyId: 'acme',
        clientId: 'c1',
        userId: 'ann',
        sourceId: 'tab1',
        queryPaths: ['guests.getAll', 'guests.getStats', 'hotels', 'budget', 'timeline'],
      }),
    ]);
    expect(actions[0]).not.toHaveProperty('data');
    expect(app.heard).toEqual({ errors: [], warnings: [] });
  });

  test('cascade: none, a list; module and type of the entry; a function of input and result', async () => {
    const caller = app.createCaller(ctx);
    await caller.guests.update(row);
    await caller.guests.remove(row);
    await caller.guests.rename(row);
    await app.sync.settled();
    const actions = await actionsOf(app.hub);
    expect(actions.map((action) => [action.type, action.module, action.queryPaths])).toEqual([
      ['update', 'guests', ['guests.getAll']],
      ['delete', 'people', ['guests', 'budget']],
      ['update', 'guests', ['budget.getAll']],
    ]);
  });

  test('nothing on failure, on bad input, for queries, and where the map is silent', async () => {
    const caller = app.createCaller(ctx);
    await expect(caller.guests.fail(row)).rejects.toThrow('CONFLICT');
    await expect(caller.guests.update({} as never)).rejects.toThrow('id is missing');
    await caller.guests.getAll();
    await caller.guests.seen(row);
    await app.sync.settled();
    expect(await actionsOf(app.hub)).toEqual([]);
    expect(app.heard).toEqual({ errors: [], warnings: [] });
  });

  const nest = (
    name: 'nest' | 'nestAndTell',
    id: string,
    calls: (caller: Caller) => Promise<unknown>,
  ): Promise<unknown> => app.createCaller({ ...ctx, calls }).guests[name]({ id, clientId: 'c1' });
  const sent = async (companyId = 'acme'): Promise<string[]> => {
    await app.sync.settled();
    return (await actionsOf(app.hub, companyId)).map((action) => `${action.entityId}: ${action.queryPaths.join()}`);
  };

  test('nested calls add their paths to the outermost one, in whatever depth and at once', async () => {
    await nest('nest', 'g1', async (caller) => {
      await Promise.all([caller().hotels.book!(row), caller().guests.rename!({ id: 'g3' })]);
      await caller({ calls: (inner) => inner().guests.create!({ id: 'g4' }) }).guests.nest!({ id: 'g2' });
    });
    expect(await sent()).toEqual(['g1: guests.getAll,guests.getStats,hotels,budget,timeline']);
    expect(app.heard.errors).toEqual([]);
  });

  test('a nested call that fails adds nothing; those inside it that succeeded do', async () => {
    await nest('nest', 'g1', async (caller) => {
      await expect(caller().guests.fail!(row)).rejects.toThrow('CONFLICT');
      await expect(
        caller({ calls: (inner) => inner().hotels.book!(row) }).guests.nest!({ id: 'fails' }),
      ).rejects.toThrow('CONFLICT');
    });
    expect(await sent()).toEqual(['g1: guests.getAll,hotels.getAll']);
  });

  test('where the outermost fails, the nested ones that succeeded are broadcast by themselves', async () => {
    await expect(
      nest('nest', 'fails', async (caller) => {
        await caller().hotels.book!({ id: 'h1', clientId: 'c1' });
        await caller().guests.update!({ id: 'g9', clientId: 'c1' });
      }),
    ).rejects.toThrow('CONFLICT');
    expect(await sent()).toEqual(['h1: hotels.getAll', 'g9: guests.getAll']);
  });

  test('a nested call for another company is an action of that company', async () => {
    await nest('nest', 'g1', (caller) => caller({ companyId: 'other' }).hotels.book!({ id: 'h1', clientId: 'c1' }));
    expect(await sent()).toEqual(['g1: guests.getAll']);
    expect(await sent('other')).toEqual(['h1: hotels.getAll']);
  });

  test('by hand in a mutation with nested calls: theirs go out in a second action, and those of other companies', async () => {
    await nest('nestAndTell', 'g1', async (caller) => {
      await caller().hotels.book!(row);
      await caller({ companyId: 'other' }).hotels.book!({ id: 'h1', clientId: 'c1' });
    });
    expect(await sent()).toEqual(['by-hand: guests', 'g1: hotels.getAll']);
    expect(await sent('other')).toEqual(['h1: hotels.getAll']);
    expect(app.heard.warnings.map((warning) => warning.message)).toEqual([
      'the mutation "guests.nestAndTell" broadcast by hand and left out what the invalidation map names: hotels.getAll; it went out in a second action',
    ]);
  });

  test('by hand in a nested call takes the place of the outer one, and is not repeated where that fails', async () => {
    await nest('nest', 'g1', (caller) => caller().guests.byHand!({ id: 'g7' }));
    await expect(nest('nest', 'fails', (caller) => caller().guests.byHand!({ id: 'g8' }))).rejects.toThrow('CONFLICT');
    // What the map names beside it goes out in a second action.
    expect((await sent()).sort()).toEqual(['g1: guests', 'g7: guests.getAll', 'g8: guests', 'g8: guests.getAll']);
  });

  test('a caller of a sub-router knows no full path: told, and what goes out is broad', async () => {
    await app.t.createCallerFactory(app.hotelsRouter)(ctx).book(row);
    expect(await sent()).toEqual(['g1: guests,hotels,budget,timeline']);
    expect(app.heard.errors.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/"book" has no entry in the invalidation map.*hotels\.book/),
    ]);
  });

  test('by hand: what was left out goes out in a second action, and is a warning', async () => {
    await app.createCaller(ctx).guests.byHand(row);
    await app.sync.settled();
    expect((await actionsOf(app.hub)).map((action) => action.queryPaths)).toEqual([['guests.getAll'], ['guests']]);
    expect(app.heard.warnings.map((warning) => warning.message)).toEqual([
      'the mutation "guests.byHand" broadcast by hand and left out what the invalidation map names: guests; it went out in a second action',
    ]);
  });

  test('missing clientId and userId: warnings, and the action goes out; missing companyId: an error, and nothing can', async () => {
    await app.createCaller({ companyId: 'acme' }).guests.getsNoInput();
    await app.createCaller({}).guests.getsNoInput();
    await app.sync.settled();
    expect((await actionsOf(app.hub)).map((action) => [action.entityId, action.userId])).toEqual([['made-up', '']]);
    expect(app.heard.warnings.map((warning) => warning.field)).toEqual(['clientId', 'userId']);
    expect(app.heard.errors.map(({ during, error }) => [during, error.message])).toEqual([
      ['middleware', expect.stringContaining('"guests.getsNoInput" cannot be broadcast: no companyId')],
    ]);
  });

  test('each call of a batch is one action, by each link; the source id comes from the header', async () => {
    const server = await serve(app);
    try {
      for (const link of [httpBatchLink, httpBatchStreamLink, httpLink]) {
        const client = createTRPCClient<SyncAppRouter>({
          links: [link({ url: server.url, headers: { 'x-source-id': 'tab9' } })],
        });
        const settled = await Promise.allSettled([
          client.guests.create.mutate({ id: 'a', clientId: 'c1' }),
          client.guests.fail.mutate({ id: 'b', clientId: 'c1' }),
          client.guests.update.mutate({ id: 'c', clientId: 'c2' }),
        ]);
        expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      }
      await app.sync.settled();
      const actions = await actionsOf(app.hub);
      expect(actions.map((action) => `${action.entityId} ${action.clientId} ${action.sourceId}`).sort()).toEqual([
        ...Array<string>(3).fill('a c1 tab9'),
        ...Array<string>(3).fill('c c2 tab9'),
      ]);
    } finally {
      await server.close();
    }
  });

  test('a hub that is closed fails no mutation', async () => {
    await app.hub.close();
    await expect(app.createCaller(ctx).guests.create(row)).resolves.toMatchObject({ id: 'g1' });
    await app.sync.settled();
  });

  test('before bind: an error that says so, and the prefix goes out', async () => {
    const other = syncApp(engine);
    const heard = listenTo(other.hub);
    await other.createCaller(ctx).guests.create(row);
    await other.sync.settled();
    expect((await actionsOf(other.hub)).map((action) => action.queryPaths)).toEqual([['guests']]);
    expect(heard.errors[0]?.error.message).toContain('before sync.bind()');
    await other.hub.close();
  });

  test('rules replace the defaults; one that throws gives nothing, and is told', async () => {
    const own = await bound(engine, {
      companyId: () => 'ruled',
      userId: () => 7,
      clientId: null,
      entityId: () => {
        throw new Error('no entity');
      },
      module: () => 'other',
      type: () => 'delete',
      data: ({ result }: { result: unknown }) => ({ result }),
    });
    await own.createCaller({}).guests.update({ id: 'g1' });
    await own.sync.settled();
    expect(await actionsOf(own.hub, 'ruled')).toEqual([
      expect.objectContaining({
        userId: '7',
        entityId: '*',
        module: 'other',
        type: 'delete',
        data: { result: { id: 'g1' } },
      }),
    ]);
    expect(own.heard.warnings).toEqual([]);
    expect(own.heard.errors.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/^the rule entityId threw for "guests.update": Error at \S+:\d+:\d+$/),
    ]);
    await own.hub.close();
  });
});
