/**
 * Mutations told nobody of their change, with the map bound and the middleware in place. A broadcast by hand took the place
 * of the map's action although it was for another client, had an id that was used before, or named a part of the paths only;
 * an undeclared module, or a server action's empty path, was refused at run time; data that no action can hold kept the
 * whole action back; a mutation that wrote and then failed said nothing. Each is pinned by what is in the log afterwards.
 */
import { initTRPC, TRPCError } from '@trpc/server';
import { createTRPCClient, httpBatchStreamLink } from '@trpc/client';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import superjson from 'superjson';
import { createHub, type HubOptions, type SyncAction, type SyncActionInput } from '../../lib/index.js';
import { createSync, type OnError, type Sync } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo } from '../support/sync-app.js';

type Ctx = { companyId: string; userId: string; clientId?: string | undefined };
const ctx: Ctx = { companyId: 'acme', userId: 'ann', clientId: 'k' };
const said = (actions: readonly SyncAction[]): string[] =>
  actions.map((one) => `${one.companyId} ${one.clientId ?? '-'}: ${one.queryPaths.join()}`);

describe.each(ENGINES)('%s engine', (engine) => {
  const closes: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  async function app(work: (input: string) => unknown, options: HubOptions = {}, onError?: OnError) {
    const hub = createHub({ engine, ...options });
    const other = createHub({ engine: 'js' });
    closes.push(() => Promise.all([hub.close(), other.close()]));
    const sync = createSync({ hub, onError });
    const t = initTRPC.context<Ctx>().create({ isDev: false });
    const base = t.procedure.use(sync.middleware());
    const router = t.router({
      guests: t.router({
        all: t.procedure.query(() => 1),
        stats: t.procedure.query(() => 1),
        change: base.input((value) => String(value)).mutation(({ input }) => work(input)),
      }),
      hotels: t.router({ all: t.procedure.query(() => 1) }),
    });
    await sync.bind(router, { mutations: { 'guests.change': { stale: ['guests.all', 'hotels'], cascade: false } } });
    const heard = listenTo(hub);
    const call = async (input = ''): Promise<unknown> => {
      const answer = await t
        .createCallerFactory(router)(ctx)
        .guests.change(input)
        .then(
          (value: unknown) => value,
          (thrown: unknown) => thrown,
        );
      await sync.settled();
      return answer;
    };
    return { hub, other, sync, t, router, base, heard, call };
  }
  const byHand = (fields: object = {}): SyncActionInput => ({
    type: 'update',
    module: 'guests',
    entityId: 'g1',
    companyId: 'acme',
    userId: 'ann',
    clientId: 'k',
    queryPaths: ['guests.all', 'hotels'],
    ...fields,
  });

  test('by hand for the same client, or for any: the map has nothing to add', async () => {
    const { hub, heard, call } = await app((client) => hub.broadcast(byHand({ clientId: client || undefined })));
    await call('k');
    await call('');
    expect(said(await actionsOf(hub))).toEqual(['acme k: guests.all,hotels', 'acme -: guests.all,hotels']);
    expect(heard.warnings).toEqual([]);
  });

  test('by hand for another client, another company, on another hub, or refused: the map’s action goes out', async () => {
    const { hub, other, call } = await app(async (what) => {
      if (what === 'client') await hub.broadcast(byHand({ clientId: 'k2' }));
      if (what === 'company') await hub.broadcast(byHand({ companyId: 'other' }));
      if (what === 'hub') await other.broadcast(byHand());
      if (what === 'refused') await hub.broadcast(byHand({ type: 'upsert' }));
    });
    const map = 'acme k: guests.all,hotels';
    await call('client');
    expect(said(await actionsOf(hub))).toEqual(['acme k2: guests.all,hotels', map]);
    await call('company');
    expect(said(await actionsOf(hub)).slice(2)).toEqual([map]);
    expect(said(await actionsOf(hub, 'other'))).toEqual(['other k: guests.all,hotels']);
    await call('hub');
    await call('refused');
    expect(said(await actionsOf(hub)).slice(3)).toEqual([map, map]);
    expect(await actionsOf(other)).toHaveLength(1);
  });

  test('a mutation inside another one, for another client or for all: who looks at that one hears of it', async () => {
    const hub = createHub({ engine });
    closes.push(() => hub.close());
    type Client = { clientId?: string | null | undefined };
    const sync = createSync({ hub, rules: { clientId: ({ result }) => (result as Client).clientId } });
    const t = initTRPC.context<Ctx>().create({ isDev: false });
    const base = t.procedure.use(sync.middleware());
    const caller = (own: Ctx): { guests: { move(of: Client): Promise<unknown> } } => t.createCallerFactory(router)(own);
    const outer = (answer: Client) =>
      base.mutation(async ({ ctx: own }) => {
        for (const clientId of ['k', 'k2', undefined, null, 'k2']) await caller(own).guests.move({ clientId });
        return answer;
      });
    const router = t.router({
      guests: t.router({
        all: t.procedure.query(() => 1),
        move: base.input((value) => value as Client).mutation(({ input }) => input),
        moveAll: outer({ clientId: 'k' }),
        import: outer({}),
      }),
      hotels: t.router({ all: t.procedure.query(() => 1) }),
    });
    await sync.bind(router, { mutations: { 'guests.move': ['guests.all'], 'guests.moveAll': ['hotels.all'], 'guests.import': ['hotels.all'] } });
    const call = t.createCallerFactory(router)(ctx);
    await call.guests.moveAll();
    await sync.settled();
    expect(said(await actionsOf(hub))).toEqual(['acme k: guests.all,hotels.all', 'acme k2: guests.all', 'acme -: guests.all']);
    // One for no client reaches all.
    await call.guests.import();
    await sync.settled();
    expect(said(await actionsOf(hub)).slice(3)).toEqual(['acme -: guests.all,hotels.all']);
  });

  test('by hand with an id that was used before replaces nothing', async () => {
    const { hub, call } = await app(() => hub.broadcast(byHand({ id: 'same' })));
    for (let i = 0; i < 3; i++) await call();
    const actions = await actionsOf(hub);
    expect(actions.map(({ id }) => id === 'same')).toEqual([true, false, false]);
    expect(new Set(actions.map(({ id }) => id)).size).toBe(3);
  });

  test('what was left out by hand goes out in a second action, and is told', async () => {
    const { hub, heard, call } = await app(() => hub.broadcast(byHand({ queryPaths: ['guests.stats'] })));
    await call();
    expect(said(await actionsOf(hub))).toEqual(['acme k: guests.stats', 'acme k: guests.all,hotels']);
    expect(heard.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining(
        'left out what the invalidation map names: guests.all, hotels; it went out in a second action',
      ),
    ]);
  });

  test('by hand with data that no action can hold: it goes out without, and is told', async () => {
    const { hub, heard } = await app(() => 1);
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const results = [];
    for (const data of ['x'.repeat(70_000), { id: 1n }, cycle]) results.push(await hub.broadcast(byHand({ data })));
    expect(results).toMatchObject([
      { ok: false, code: 'ACTION_TOO_LARGE', sent: { seq: 1, queryPaths: ['guests.all', 'hotels'] } },
      { ok: false, code: 'NOT_SERIALIZABLE', sent: { seq: 2 } },
      { ok: false, code: 'NOT_SERIALIZABLE', sent: { seq: 3 } },
    ]);
    expect((await actionsOf(hub)).map((action) => 'data' in action)).toEqual([false, false, false]);
    expect(heard.errors.map(({ during }) => during)).toEqual(['broadcast', 'broadcast', 'broadcast']);
    // Without data there is nothing to leave out.
    expect(await hub.broadcast(byHand({ type: undefined, data: cycle }))).not.toHaveProperty('sent');
    expect(await actionsOf(hub)).toHaveLength(3);
  });

  test('an entityId that is a number is its digits, a date as timestamp its milliseconds', async () => {
    const { hub } = await app(() => 1);
    for (const entityId of [7, 8n]) await hub.broadcast(byHand({ entityId, timestamp: new Date(5) }));
    expect((await actionsOf(hub)).map(({ entityId, timestamp }) => [entityId, timestamp])).toEqual([
      ['7', 5],
      ['8', 5],
    ]);
    expect(await hub.broadcast(byHand({ entityId: NaN }))).toMatchObject({ ok: false, code: 'INVALID_FIELD' });
  });

  test('a BigInt goes through the transformer that carries it', async () => {
    const hub = createHub({ engine, transformer: superjson });
    closes.push(() => hub.close());
    const stream = hub.stream<{ type: string; data?: unknown }>({ companyId: 'acme', userId: 'bob' });
    await stream.next();
    expect(await hub.broadcast(byHand({ data: { id: 12n, at: new Date(3) } }))).toMatchObject({ ok: true });
    expect(await hub.broadcast(byHand({ data: 13n }))).toMatchObject({ ok: true });
    const got = [(await stream.next()).value, (await stream.next()).value];
    expect(got.map((event) => event?.data)).toEqual([{ id: 12n, at: new Date(3) }, 13n]);
    await stream.return(undefined);
    // Who reads plain JSON gets the digits.
    expect((await actionsOf(hub)).map(({ data }) => data)).toEqual([{ id: '12', at: new Date(3).toJSON() }, '13']);
  });

  test('a module that the hub does not declare is an error at bind; what only runs shows goes out without one', async () => {
    const { t, router, base } = await app(() => 1);
    const hub = createHub({ engine, modules: ['hotels'] });
    closes.push(() => hub.close());
    const heard = listenTo(hub);
    const map = { mutations: { 'guests.change': ['guests.all'] } } as const;
    await expect(createSync({ hub }).bind(router, map)).rejects.toMatchObject({
      code: 'INVALID_MAP',
      message: expect.stringMatching(
        /mutations\["guests\.change"\]: the module of its action, "guests", is none of .*: hotels/,
      ) as string,
    });
    void base;
    const sync = createSync({ hub, rules: { module: () => 'made-up' } });
    const own = t.router({
      hotels: t.router({
        all: t.procedure.query(() => 1),
        book: t.procedure.use(sync.middleware()).mutation(() => 1),
      }),
    });
    await sync.bind(own, { mutations: { 'hotels.book': ['hotels.all'] } });
    await t.createCallerFactory(own)(ctx).hotels.book();
    await sync.settled();
    expect((await actionsOf(hub)).map(({ module, queryPaths }) => [module, queryPaths])).toEqual([
      ['*', ['hotels.all']],
    ]);
    expect(heard.errors.map(({ error }) => error.message)).toEqual([
      expect.stringContaining('is of a module, by the rule module, which the hub does not declare'),
    ]);
  });

  test('a server action has no path: everything goes out, and the error says what to do', async () => {
    const { hub, sync, base, heard } = await app(() => 1);
    const action = base
      .experimental_caller(async (opts) =>
        opts.invoke({
          type: 'mutation',
          ctx,
          getRawInput: async () => opts.args[0],
          path: '',
          input: opts.args[0],
          signal: undefined,
          batchIndex: 0,
        } as never),
      )
      .mutation(() => ({ id: 'g1' }));
    await (action as unknown as () => Promise<unknown>)();
    await sync.settled();
    expect((await actionsOf(hub)).map(({ module, queryPaths }) => [module, queryPaths])).toEqual([
      ['*', ['guests', 'hotels']],
    ]);
    expect(heard.errors.map(({ error }) => error.message)).toEqual([expect.stringContaining('pathExtractor')]);
  });

  describe('a mutation that may have written, and failed', () => {
    const boom = (what: string): never => {
      if (what === 'chosen') throw new TRPCError({ code: 'CONFLICT' });
      if (what === 'door') throw new TRPCError({ code: 'UNAUTHORIZED' });
      throw new Error('the mail server is down');
    };

    test('is told by default, unless it chose its failure', async () => {
      const { hub, heard, call } = await app(boom);
      await call('chosen');
      expect(heard.warnings).toEqual([]);
      await call('mail');
      expect(await actionsOf(hub)).toEqual([]);
      expect(heard.warnings.map(({ message }) => message)).toEqual([
        expect.stringContaining(
          `the mutation "guests.change" may have written before it failed, and nothing was broadcast; onError: 'broadcast'`,
        ),
      ]);
    });

    test('broadcasts where that is declared, except to who was not let in', async () => {
      const { hub, heard, call } = await app(boom, {}, 'broadcast');
      expect(await call('mail')).toMatchObject({ message: 'the mail server is down' });
      await call('chosen');
      await call('door');
      expect(said(await actionsOf(hub))).toEqual(['acme k: guests.all,hotels', 'acme k: guests.all,hotels']);
      expect(heard).toEqual({ errors: [], warnings: [] });
    });

    test('one that was turned away before it ran wrote nothing; one that had committed did, whatever it chose', async () => {
      const turnedAway = async (code: 'BAD_REQUEST' | 'TOO_MANY_REQUESTS', commits = false): Promise<number> => {
        const { hub, sync, call } = await app(
          async () => {
            if (commits) await sync.transaction((body: (tx: object) => Promise<number>) => body({}), async () => 1);
            throw new TRPCError({ code });
          },
          {},
          'broadcast',
        );
        await call();
        return (await actionsOf(hub)).length;
      };
      expect(await turnedAway('TOO_MANY_REQUESTS')).toBe(0);
      expect(await turnedAway('TOO_MANY_REQUESTS', true)).toBe(1);
      expect(await turnedAway('BAD_REQUEST')).toBe(1);
      const { hub, t, sync } = await app(() => 1, {}, 'broadcast');
      const parsed = t.procedure.use(sync.middleware()).input((value: unknown) => {
        if (value !== 'good') throw new TypeError('not good');
        return value;
      });
      const router = t.router({
        guests: t.router({ all: t.procedure.query(() => 1), change: parsed.mutation(() => boom('mail')) }),
      });
      await sync.bind(router, { mutations: { 'guests.change': ['guests.all'] } });
      const { guests } = t.createCallerFactory(router)(ctx);
      await expect(guests.change('bad')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
      await sync.settled();
      expect(await actionsOf(hub)).toEqual([]);
      await expect(guests.change('good')).rejects.toThrow('mail');
      await sync.settled();
      expect(await actionsOf(hub)).toHaveLength(1);
    });

    test('one that broadcasts all the same counts as done: what waits for its unknown transaction goes out too', async () => {
      const { hub, sync, call } = await app(
        (what) => {
          sync.afterCommit({}, { ...byHand(), entityId: 'waits', queryPaths: ['guests.stats'] });
          boom(what);
        },
        {},
        'broadcast',
      );
      await call('mail');
      expect((await actionsOf(hub)).map(({ entityId }) => entityId)).toEqual(['waits', '*']);
      await call('door');
      expect(await actionsOf(hub)).toHaveLength(2);
    });

    test('says nothing where that is declared, or where its transaction was rolled back; what had committed is told always', async () => {
      const quiet = await app(boom, {}, 'ignore');
      await quiet.call('mail');
      expect(quiet.heard.warnings).toEqual([]);

      const run = (sync: Pick<Sync, 'transaction'>, work: () => Promise<unknown>) =>
        sync.transaction((body) => body({}), work);
      const { sync, heard, call, hub } = await app(async (what) => {
        if (what === 'rolled back') await run(sync, async () => boom('mail'));
        if (what === 'rolled back at once')
          sync.transaction(
            (body) => body({}),
            (): number => boom('mail'),
          );
        await run(sync, async () => 1);
        boom('chosen');
      });
      await call('rolled back');
      await call('rolled back at once');
      expect(heard.warnings).toEqual([]);
      await call('committed');
      expect(heard.warnings.map(({ message }) => message)).toEqual([
        expect.stringContaining('had committed a transaction before it failed'),
      ]);
      expect(await actionsOf(hub)).toEqual([]);
    });

    test('onError of an entry comes before that of the sync; a value that is none is refused', async () => {
      const { t } = await app(() => 1);
      const hub = createHub({ engine });
      closes.push(() => hub.close());
      const sync = createSync({ hub });
      const fail = t.procedure.use(sync.middleware()).mutation(() => boom('mail'));
      const router = t.router({ guests: t.router({ all: t.procedure.query(() => 1), a: fail, b: fail }) });
      const entry = (onError: OnError) => ({ stale: ['guests.all'], onError }) as const;
      await sync.bind(router, { mutations: { 'guests.a': entry('broadcast'), 'guests.b': entry('ignore') } });
      const caller = t.createCallerFactory(router)(ctx);
      await Promise.allSettled([caller.guests.a(), caller.guests.b()]);
      await sync.settled();
      expect(await actionsOf(hub)).toHaveLength(1);
      await expect(
        sync.bind(router, { mutations: { 'guests.a': entry('loud' as never), 'guests.b': ['guests.all'] } }),
      ).rejects.toThrow('mutations["guests.a"].onError must be one of broadcast, warn, ignore, got "loud"');
      expect(() => createSync({ hub, onError: 'loud' as never })).toThrow('onError must be one of');
    });
  });

  test('an answer that holds promises is over when they are', async () => {
    let finish!: (value: number) => void;
    const work = new Promise<number>((resolve) => (finish = resolve));
    const { hub, router, sync } = await app(() => ({ id: 'g1', done: work }));
    const server = createHTTPServer({ router, createContext: () => ctx });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closes.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const client = createTRPCClient<typeof router>({
      links: [httpBatchStreamLink({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })],
    });
    const answer = (await client.guests.change.mutate('x')) as { done: Promise<number> };
    expect(await actionsOf(hub)).toEqual([]);
    finish(5);
    expect(await answer.done).toBe(5);
    await sync.settled();
    expect(said(await actionsOf(hub))).toEqual(['acme k: guests.all,hotels']);
  });
});
