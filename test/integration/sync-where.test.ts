/** `where` of the invalidation map (SPEC §19): from the map to the action, by cascades, nested mutations and by hand. */
import { initTRPC, type AnyTRPCRouter } from '@trpc/server';
import { createHub, type SyncAction } from '../../lib/index.js';
import type { WhereInput } from '../../lib/protocol/events.js';
import { createSync, type InvalidationMap } from '../../lib/trpc/index.js';
import { ENGINES, type EngineKind } from '../support/engines.js';
import { actionsOf, listenTo } from '../support/sync-app.js';
import { unheardDuring } from '../support/unheard.js';

interface Row {
  id: string;
  clientId: string;
}

function app(engine: EngineKind) {
  const hub = createHub({ engine });
  const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann' } });
  const t = initTRPC.context<object>().create({ isDev: false });
  const base = t.procedure.use(core.middleware());
  const row = base.input((value: unknown) => value as Row);
  const router = t.router({
    guests: t.router({
      getById: base.input((value: unknown) => value as { id: string }).query(() => null),
      getAll: base.input((value: unknown) => value as { clientId: string; since?: Date }).query(() => []),
      stats: base.query(() => ({})),
      update: row.mutation(({ input }) => ({ id: input.id, was: 'c0' })),
      move: row.mutation(({ input }) => ({ id: input.id, was: 'c0' })),
      touch: row.mutation(({ input }) => input),
      wrong: row.mutation(({ input }) => input),
      nest: row.mutation(async ({ input }): Promise<Row> => {
        const caller = t.createCallerFactory(router)({}) as unknown as { guests: Record<'touch', (input: Row) => Promise<Row>> };
        await caller.guests.touch({ ...input, id: `${input.id}-inner` });
        return input;
      }),
      byHand: row.mutation(async ({ input }): Promise<Row> => {
        await hub.broadcast({ type: 'update', module: 'guests', entityId: input.id, companyId: 'acme', userId: 'ann', queryPaths: ['guests.getAll'], where: { 'guests.getAll': { clientId: 'other' } } });
        return input;
      }),
    }),
    hotels: t.router({ getAll: base.query(() => []), getById: base.input((value: unknown) => value as { id: string }).query(() => null) }),
  });
  return { hub, sync: core.for<typeof router>(), router, caller: t.createCallerFactory(router)({}) };
}
type Router = ReturnType<typeof app>['router'];

const seen: { input: unknown; result: unknown }[] = [];
const map = {
  mutations: {
    'guests.update': {
      stale: ['guests'],
      where: ({ input, result }) => ({ 'guests.getById': { id: result.id }, guests: { clientId: input.clientId } }),
    },
    // Where it was, and where it is.
    'guests.move': {
      stale: ['guests.getAll', 'guests.getById'],
      where: (call) => {
        seen.push(call);
        return { 'guests.getAll': { clientId: [call.result.was, call.input.clientId], since: null } };
      },
    },
    'guests.touch': { stale: ['guests.getById'], where: ({ input }) => ({ 'guests.getById': { id: input.id } }) },
    'guests.wrong': {
      stale: ['guests.getById', 'guests.getAll'],
      where: ({ input }) => {
        if (input.id === 'throws') throw new Error('secret');
        return { 'guests.getByID': { id: 'x' }, 'guests.getById': 'g1', 'guests.getAll': { clientId: 'c1' } } as never;
      },
    },
    'guests.nest': { stale: ['guests.getById'], where: ({ input }) => ({ 'guests.getById': { id: input.id } }) },
    'guests.byHand': { stale: ['guests.getAll'], where: ({ input }) => ({ 'guests.getAll': { clientId: input.clientId } }) },
  },
} satisfies InvalidationMap<Router>;

type Said = Pick<SyncAction, 'queryPaths' | 'where'>;
const said = ({ queryPaths, where }: SyncAction): Said => ({ queryPaths, ...(where && { where }) });

describe.each(ENGINES)('%s engine', (engine) => {
  async function after(call: (it: ReturnType<typeof app>) => Promise<unknown>, cascades: Record<string, ('guests' | 'hotels')[]> = {}) {
    const it = app(engine);
    const heard = listenTo(it.hub);
    await it.sync.bind(it.router, { ...map, cascades });
    await call(it);
    await it.sync.settled();
    const actions = (await actionsOf(it.hub)).map(said);
    await it.hub.close();
    return { actions, heard };
  }
  const input = { id: 'g1', clientId: 'c1' };

  test('each query has what is said of it and of what is above it', async () => {
    const { actions, heard } = await after(({ caller }) => caller.guests.update(input));
    expect(actions).toEqual([
      {
        queryPaths: ['guests.getById', 'guests.getAll', 'guests.stats'],
        where: { 'guests.getById': { clientId: 'c1', id: 'g1' }, 'guests.getAll': { clientId: 'c1' }, 'guests.stats': { clientId: 'c1' } },
      },
    ]);
    expect(heard).toEqual({ errors: [], warnings: [] });
  });

  test('a list is any of them, and what is not said is open', async () => {
    const { actions } = await after(({ caller }) => caller.guests.move(input));
    expect(actions).toEqual([{ queryPaths: ['guests.getById', 'guests.getAll'], where: { 'guests.getAll': { clientId: ['c0', 'c1'] } } }]);
    expect(seen.at(-1)).toEqual({ input, result: { id: 'g1', was: 'c0' } });
  });

  test('what a cascade reaches is not narrowed, though it be the same path', async () => {
    const { actions } = await after(({ caller }) => caller.guests.touch(input), { guests: ['hotels'] });
    expect(actions).toEqual([{ queryPaths: ['hotels', 'guests.getById'], where: { 'guests.getById': { id: 'g1' } } }]);
    const circle = await after(({ caller }) => caller.guests.touch(input), { guests: ['hotels'], hotels: ['guests'] });
    expect(circle.actions.map(({ where }) => where)).toEqual([undefined]);
  });

  test('mutations that go out as one concern what each of them does', async () => {
    const { actions } = await after(({ caller }) => caller.guests.nest(input));
    expect(actions).toEqual([{ queryPaths: ['guests.getById'], where: { 'guests.getById': { id: ['g1', 'g1-inner'] } } }]);
  });

  test('a broadcast by hand that is narrowed takes the place of nothing', async () => {
    const { actions } = await after(({ caller }) => caller.guests.byHand(input));
    expect(actions).toEqual([
      { queryPaths: ['guests.getAll'], where: { 'guests.getAll': { clientId: 'other' } } },
      { queryPaths: ['guests.getAll'], where: { 'guests.getAll': { clientId: 'c1' } } },
    ]);
  });

  test('what is wrong narrows nothing, and is told without a word of the input', async () => {
    const thrown = await after(({ caller }) => caller.guests.wrong({ id: 'throws', clientId: 'c1' }));
    expect(thrown.actions).toEqual([{ queryPaths: ['guests.getById', 'guests.getAll'] }]);
    expect(thrown.heard.errors.map(({ error }) => error.message)).toEqual([expect.stringMatching(/^the where of "guests.wrong" in the invalidation map threw Error/)]);
    expect(JSON.stringify(thrown.heard.errors.map(({ error }) => error.message))).not.toContain('secret');
    const { actions, heard } = await after(({ caller }) => caller.guests.wrong(input));
    expect(actions).toEqual([{ queryPaths: ['guests.getById', 'guests.getAll'], where: { 'guests.getAll': { clientId: 'c1' } } }]);
    expect(heard.errors.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/ names a path, a string of 14 characters, which no query has \(and 1 more\); it narrows nothing$/),
    ]);
  });

  const failing = (): Promise<never> => Promise.reject(new Error('secret'));
  test.each<[string, object, RegExp]>([
    ['where', { where: failing }, /^the where of "guests.touch" in the invalidation map gave a promise and not \{ path: \{ key: value \} \}: it must not be async;/],
    ['a value of it', { where: () => ({ 'guests.getById': { id: failing() } }) }, /^the where of "guests.touch" in the invalidation map gave a promise for a value;/],
    ['one of several', { where: () => ({ 'guests.getById': { id: ['g1', failing()] } }) }, /gave a promise for a value;/],
    ['stale', { stale: failing }, /^the function of "guests.touch" in the invalidation map gave a promise and not a list of query paths: it must not be async;/],
    ['a path of it', { stale: () => [failing(), 'guests.getById'] }, /^the function of "guests.touch" in the invalidation map named a path, an object, which no query has;/],
  ])('an async function that fails is told, and ends no process: %s', async (_what, part, why) => {
    const it = app(engine);
    const heard = listenTo(it.hub);
    await it.sync.bind(it.router, { mutations: { ...map.mutations, 'guests.touch': { stale: ['guests.getById'], ...part } } } as never);
    const unheard = await unheardDuring(async () => {
      await it.caller.guests.touch(input);
      await it.sync.settled();
    });
    expect(unheard).toEqual([]);
    const actions = await actionsOf(it.hub);
    expect(actions).toHaveLength(1);
    expect(actions[0]?.where).toBeUndefined();
    expect(heard.errors.map(({ error }) => error.message)).toEqual([expect.stringMatching(why)]);
    await it.hub.close();
  });

  test('keys that an input has made fill no log', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, nth) => [`secret${nth}`, { id: 'g1' }]));
    const it = app(engine);
    const heard = listenTo(it.hub);
    const entry = { stale: () => [...Object.keys(many), 'guests.getById'], where: () => many };
    await it.sync.bind(it.router, { mutations: { ...map.mutations, 'guests.touch': entry } } as never);
    await it.caller.guests.touch(input);
    await it.sync.settled();
    await it.hub.broadcast({ type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'ann', queryPaths: ['guests.getAll'], where: many });
    expect(heard.errors.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/^the function of .* named a path, a string of 7 characters, which no query has \(nearest: .*\) \(and 499 more\); /),
      expect.stringMatching(/^the where of .* names a path, a string of 7 characters, which no query has \(and 499 more\); /),
    ]);
    expect(heard.warnings.map(({ message }) => message)).toEqual(['where names a path, a string of 7 characters, which is none of queryPaths (and 499 more); it narrows nothing']);
    await it.hub.close();
  });

  test('a list without end, as an import has it, is not looked through', async () => {
    let looks = 0;
    const ids = new Proxy(Array.from({ length: 100_000 }, (_, nth) => `g${nth}`), {
      get: (target, key) => {
        looks += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    const it = app(engine);
    const heard = listenTo(it.hub);
    await it.sync.bind(it.router, { mutations: { ...map.mutations, 'guests.touch': { stale: ['guests.getById', 'guests.getAll'], where: () => ({ 'guests.getById': { id: ids }, 'guests.getAll': { clientId: 'c1' } }) } } });
    await it.caller.guests.touch(input);
    await it.sync.settled();
    expect((await actionsOf(it.hub)).map(said)).toEqual([{ queryPaths: ['guests.getById', 'guests.getAll'], where: { 'guests.getAll': { clientId: 'c1' } } }]);
    expect(heard).toEqual({ errors: [], warnings: [] });
    // A promise that fails is looked for, in the first of them.
    expect(looks).toBeLessThan(3_000);
    await it.hub.close();
  });

  test('by hand: a where that throws when it is read does not keep the action back', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const change = { type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'ann', queryPaths: ['guests.getAll'] } as const;
    const throws = (): never => {
      throw new Error('secret');
    };
    const date = Object.assign(new Date(0), { toISOString: throws });
    const hostile: object[] = [
      Object.defineProperty({ ...change }, 'where', { enumerable: true, get: throws }),
      { ...change, where: new Proxy({}, { ownKeys: throws }) },
      { ...change, where: { 'guests.getAll': Object.defineProperty({}, 'id', { enumerable: true, get: throws }) } },
      { ...change, where: { 'guests.getAll': { date } } },
    ];
    for (const action of hostile) expect(await hub.broadcast(action as never)).toMatchObject({ ok: true });
    expect((await actionsOf(hub)).map(said)).toEqual(hostile.map(() => ({ queryPaths: ['guests.getAll'] })));
    expect(heard.warnings.map(({ message }) => message)).toEqual(hostile.map(() => expect.stringMatching(/^where could not be read: Error at .*; it narrows nothing$/)));
    await hub.close();
  });

  test('by hand: what names no path of the action is a warning', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const change = { type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'ann', queryPaths: ['guests.getAll'] } as const;
    await hub.broadcast({ ...change, where: { 'guests.getAll': { clientId: 5n, at: new Date(0), none: undefined }, hotels: { id: 'h1' } } });
    await hub.broadcast({ ...change, where: 'guests' as never });
    expect((await actionsOf(hub)).map(said)).toEqual([
      { queryPaths: ['guests.getAll'], where: { 'guests.getAll': { clientId: '5', at: '1970-01-01T00:00:00.000Z' } } },
      { queryPaths: ['guests.getAll'] },
    ]);
    expect(heard.warnings.map(({ message }) => message)).toEqual([
      'where names a path, a string of 6 characters, which is none of queryPaths; it narrows nothing',
      'where must be { path: { key: value } }, got a string of 6 characters; it narrows nothing',
    ]);
    await hub.close();
  });

  test.each<[string, string[], Record<string, object>, Said]>([
    ['a star', ['*', 'guests'], { guests: { clientId: 'c1' } }, { queryPaths: ['guests', 'hotels'] }],
    ['a star, and another path', ['*', 'guests.getAll'], { 'guests.getAll': { clientId: 'c1' } }, { queryPaths: ['guests', 'hotels', 'guests.getAll'], where: { 'guests.getAll': { clientId: 'c1' } } }],
    ['an alias', ['guests.list', 'guests.getAll'], { 'guests.getAll': { clientId: 'c1' } }, { queryPaths: ['guests.getAll'] }],
    ['a phantom that is repaired', ['guests.getall', 'guests.getAll'], { 'guests.getAll': { clientId: 'c1' } }, { queryPaths: ['guests.getAll'] }],
  ])('by hand: what stands for %s as well is not narrowed', async (_what, queryPaths, where, sent) => {
    const { hub, router } = app(engine);
    listenTo(hub);
    await hub.bindRouter(router, { onPhantomPath: 'repair', aliases: { 'guests.list': 'guests.getAll' } });
    await hub.broadcast({ type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'ann', queryPaths, where: where as WhereInput });
    const [one] = (await actionsOf(hub)).map(said);
    expect({ ...one, queryPaths: [...new Set(one!.queryPaths)] }).toEqual(sent);
    await hub.close();
  });

  test('mutations that narrow more paths together than an action may have go out all the same', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null } });
    const t = initTRPC.context<object>().create({ isDev: false });
    const base = t.procedure.use(core.middleware());
    const [routers, queries] = [10, 30];
    const sets = Array.from({ length: routers }, (_, nth) => `set${nth}`);
    const names = Array.from({ length: queries }, (_, nth) => `query${nth}`);
    const each = <T>(of: readonly string[], make: (name: string) => T): Record<string, T> => Object.fromEntries(of.map((name) => [name, make(name)]));
    const router = t.router({
      ...each(sets, () => t.router({ ...each(names, () => base.input((value: unknown) => value as { id: string }).query(() => null)), change: base.mutation(() => true) })),
      all: base.mutation(async (): Promise<boolean> => {
        const caller = t.createCallerFactory(router as AnyTRPCRouter)({}) as unknown as Record<string, { change: () => Promise<unknown> }>;
        for (const set of sets) await caller[set]!.change();
        return true;
      }),
    });
    const paths = (set: string): string[] => names.map((name) => `${set}.${name}`);
    const entries = Object.fromEntries(sets.map((set) => [`${set}.change`, { stale: paths(set), where: () => each(paths(set), () => ({ id: 'g1' })) }]));
    await core.bind(router, { mutations: { ...entries, all: { silent: 'what is in it speaks' } } });
    await t.createCallerFactory(router)({}).all();
    await core.settled();
    const [one, ...more] = (await actionsOf(hub)).map(said);
    expect([more, one?.where, heard.errors]).toEqual([[], undefined, []]);
    const missed = sets.flatMap(paths).filter((path) => !one!.queryPaths.some((stale) => path === stale || path.startsWith(`${stale}.`)));
    expect(missed).toEqual([]);
    await hub.close();
  });
});

test('it is checked by the compiler', () => {
  const wrong = {
    ...map.mutations,
    // @ts-expect-error -- the query has no such key
    'guests.touch': { stale: ['guests.getById'], where: ({ input }) => ({ 'guests.getById': { ident: input.id } }) },
  } satisfies InvalidationMap<Router>['mutations'];
  expect(typeof wrong).toBe('object');
});

test('and at bind', async () => {
  const { hub, sync, router } = app('js');
  const bad = { mutations: { ...map.mutations, 'guests.touch': { stale: ['guests.getById'], where: { 'guests.getById': { id: 'g1' } } } } };
  await expect(sync.bind(router, bad as never)).rejects.toThrow(/mutations\["guests.touch"\].where must be a function/);
  await hub.close();
});
