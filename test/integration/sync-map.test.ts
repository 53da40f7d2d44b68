/** The invalidation map (SPEC §9): read at `bind`, closed over cascades, one for mutations, imports and tools. */
import { initTRPC, lazy } from '@trpc/server';
import { createHub, isPathcastError } from '../../lib/index.js';
import { createSync, type InvalidationMap } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo, syncApp, syncMap, type SyncAppRouter } from '../support/sync-app.js';

const thrownBy = async (work: () => unknown): Promise<{ code?: string; message: string }> => {
  try {
    await work();
  } catch (thrown) {
    return isPathcastError(thrown) ? { code: thrown.code, message: thrown.message } : { message: String(thrown) };
  }
  throw new Error('nothing was thrown');
};

describe.each(ENGINES)('%s engine', (engine) => {
  test('the cascades of a wedding planner: guests, hotels and figures', async () => {
    const t = initTRPC.create();
    const q = t.procedure.query(() => 1);
    const m = t.procedure.mutation(() => 1);
    const router = t.router({
      guests: { getAll: q, getStats: q, create: m },
      hotels: { getAll: q, book: m },
      guestTransport: { list: q },
      budget: { getAll: q, getSummary: q },
      timeline: { getAll: q, add: m },
      clients: { list: q, getAll: q, recount: m },
      gifts: { getAll: q },
    });
    const hub = createHub({ engine });
    const sync = createSync<typeof router>({ hub });
    await sync.bind(router, {
      cascades: {
        guests: ['hotels', 'guestTransport', 'budget', 'timeline'],
        hotels: ['timeline'],
        stats: ['clients'],
      },
      mutations: {
        'guests.create': ['guests.getAll', 'guests.getStats'],
        'hotels.book': ['hotels.getAll'],
        'timeline.add': ['timeline.getAll'],
        'clients.recount': { stale: ['guests.getStats'], cascade: ['stats'] },
      },
    });
    expect(sync.queryPathsOf('guests.create')).toEqual([
      'guests.getAll',
      'guests.getStats',
      'hotels',
      'guestTransport',
      'budget',
      'timeline',
    ]);
    expect(sync.queryPathsOf('hotels.book')).toEqual(['hotels.getAll', 'timeline']);
    expect(sync.queryPathsOf('timeline.add')).toEqual(['timeline.getAll']);
    expect(sync.queryPathsOf('clients.recount')).toEqual(['guests.getStats', 'clients']);
    await hub.close();
  });

  test('modules of the map: paths of their own, cycles, one that only passes on', async () => {
    const t = initTRPC.create();
    const q = t.procedure.query(() => 1);
    const router = t.router({
      a: { x: q, y: q, go: t.procedure.mutation(() => 1) },
      b: { x: q, y: q },
      c: { x: q },
    });
    const hub = createHub({ engine });
    const sync = createSync<typeof router>({ hub });
    await sync.bind(router, {
      modules: { figures: ['b.y'] },
      cascades: { a: ['between'], between: ['figures', 'c'], c: ['a'] },
      mutations: { 'a.go': ['a.x'] },
    });
    expect(sync.queryPathsOf('a.go')).toEqual(['a', 'b.y', 'c']);
    await hub.close();
  });

  test('everything that is wrong is in one error, with the nearest names', async () => {
    const { hub, appRouter, sync } = syncApp(engine);
    const { code, message } = await thrownBy(() =>
      sync.bind(appRouter, {
        mutatons: {},
        modules: { figures: ['guests.list'], others: 'guests' },
        cascades: { guests: ['hotles'], hotels: ['timeline', 'budget', 7] },
        mutations: {
          'guests.create': ['guests.create'],
          'guests.updat': ['guests'],
          'guests.remove': [],
          'guests.fail': { stale: ['guests'], cascde: false },
          'guests.rename': { silent: ' ' },
          'guests.seen': { stale: ['guests'], type: 'upsert', module: '' },
          'guests.byHand': { stale: ['guests'], cascade: ['budgt'] },
          'guests.nest': 7,
          'guests.nestAndTell': { silent: 'x', stale: ['guests'] },
        },
        tools: { add_guest: 'guests.creat', other: ['hotel.getAll'] },
      } as never),
    );
    expect(code).toBe('INVALID_MAP');
    const lines = message.split('\n').map((line) => line.trim());
    const expected = [
      /^the map has no part "mutatons"; it has: modules, cascades, mutations, tools$/,
      /^modules\["others"\] must be a list of strings, got "guests"$/,
      /^cascades\["hotels"\] must be a list of strings, got 7 in it$/,
      /^mutations\["guests.remove"\] is empty; .*silent/,
      /^mutations\["guests.fail"\] has no key "cascde"/,
      /^mutations\["guests.rename"\].silent must say why/,
      /^mutations\["guests.seen"\].module must be a string/,
      /^mutations\["guests.seen"\].type must be one of insert, update, delete, got "upsert"$/,
      /^mutations\["guests.nest"\] must be a list of query paths, a function/,
      /^mutations\["guests.nestAndTell"\] is silent: it can say nothing else$/,
      /^modules\["figures"\]: "guests.list" is no query path; nearest: guests.getAll/,
      /^cascades\["guests"\]: "hotles" is no router with a query.*nearest: hotels/,
      /^mutations\["guests.byHand"\].cascade: "budgt" is no router.*nearest: budget/,
      /^mutations\["guests.create"\]: "guests.create" is a mutation; nearest: guests\./,
      /^mutations\["guests.updat"\]: the router has no such mutation; nearest: guests.update/,
      /^mutation "guests.update" has no entry; .*silent/,
      /^mutation "guests.getsNoInput" has no entry/,
      /^mutation "hotels.book" has no entry/,
      /^tools\["add_guest"\]: the router has no mutation "guests.creat"; nearest: guests.create/,
      /^tools\["other"\]: "hotel.getAll" is no query path; nearest: hotels.getAll/,
    ];
    for (const line of expected) expect(lines).toContainEqual(expect.stringMatching(line));
    expect(lines[0]).toBe(`the invalidation map has ${expected.length} problems:`);
    expect(lines).toHaveLength(expected.length + 1);
    expect((await thrownBy(() => sync.queryPathsOf('guests.create'))).code).toBe('INVALID_MAP');
    await hub.close();
  });

  test('a cascade that nothing leads to is a warning', async () => {
    const { hub, appRouter, sync } = syncApp(engine);
    const heard = listenTo(hub);
    await sync.bind(appRouter, { ...syncMap, cascades: { hotles: ['timeline'] } });
    expect(heard.warnings.map((warning) => warning.message)).toEqual([
      expect.stringMatching(/^cascades\["hotles"\] has no effect.*nearest: hotels/),
    ]);
    await hub.close();
  });

  test('lazy routers are loaded before the map is read', async () => {
    const t = initTRPC.create();
    const deep = t.router({ getAll: t.procedure.query(() => 1), add: t.procedure.mutation(() => 1) });
    const slow = t.router({ deep: lazy(async () => deep), top: t.procedure.query(() => 1) });
    const router = t.router({ slow: lazy(async () => slow) });
    const hub = createHub({ engine });
    const sync = createSync<typeof router>({ hub });
    const map = { mutations: { 'slow.deep.add': ['slow.deep', 'slow.top'] } } satisfies InvalidationMap<typeof router>;
    await sync.bind(router, map);
    expect(sync.queryPathsOf('slow.deep.add')).toEqual(['slow.top', 'slow.deep']);
    await hub.close();
  });

  test('aliases of the hub hold in the map', async () => {
    const { hub, appRouter, sync } = syncApp(engine);
    const map = { ...syncMap, mutations: { ...syncMap.mutations, 'guests.create': ['guests.list'] } };
    await sync.bind(appRouter, map as never, { aliases: { 'guests.list': 'guests.getAll' } });
    expect(sync.queryPathsOf('guests.create')).toEqual(['guests.getAll', 'hotels', 'budget', 'timeline']);
    await hub.close();
  });

  test('a function that throws, or names what is no path: the prefix goes out in its place, and it is told', async () => {
    const { hub, appRouter, sync, createCaller } = syncApp(engine);
    const heard = listenTo(hub);
    const broken = {
      'guests.create': () => {
        throw new Error('no such field');
      },
      'guests.update': () => ['guests.list', 'budget.getAll'],
      'guests.remove': () => 'guests',
      'guests.rename': () => [],
    };
    await sync.bind(appRouter, { mutations: { ...syncMap.mutations, ...broken } } as never);
    const caller = createCaller({ companyId: 'acme', userId: 'u' });
    for (const name of ['create', 'update', 'remove', 'rename'] as const)
      await caller.guests[name]({ id: 'g1', clientId: 'c' });
    await sync.settled();
    expect((await actionsOf(hub)).map((action) => action.queryPaths)).toEqual([
      ['guests'],
      ['guests', 'budget.getAll'],
      ['guests'],
    ]);
    expect(heard.errors.map(({ during, error }) => `${during}: ${error.message}`)).toEqual([
      expect.stringMatching(
        /^middleware: .*"guests.create" in the invalidation map threw Error at \S+sync-map\.test\.ts:\d+:\d+; 'guests' goes out/,
      ),
      expect.stringMatching(/named a path, a string of 11 characters, which no query has \(nearest: guests.getAll/),
      expect.stringMatching(/gave a string of 6 characters and not a list/),
    ]);
    await hub.close();
  });

  describe('by name', () => {
    const announced = async (work: (sync: ReturnType<typeof createSync<SyncAppRouter>>) => Promise<unknown>) => {
      const { hub, appRouter, sync } = syncApp(engine);
      await sync.bind(appRouter, syncMap);
      const heard = listenTo(hub);
      const result = await work(sync);
      const actions = await actionsOf(hub);
      await hub.close();
      return {
        result,
        actions,
        errors: heard.errors.map(({ error }) => (isPathcastError(error) ? error.code : error.message)),
      };
    };

    test('a tool that is a mutation: its paths, its module, and its own name', async () => {
      const { result, actions } = await announced((sync) =>
        sync.announceTool('add_guest', {
          companyId: 'acme',
          userId: 'ann',
          input: { clientId: 'c1' },
          result: { id: 'g1' },
        }),
      );
      expect(result).toMatchObject({ ok: true, seq: 1 });
      expect(actions).toEqual([
        expect.objectContaining({
          toolName: 'add_guest',
          type: 'insert',
          module: 'guests',
          entityId: 'g1',
          clientId: 'c1',
          userId: 'ann',
          queryPaths: ['guests.getAll', 'guests.getStats', 'hotels', 'budget', 'timeline'],
        }),
      ]);
    });

    test('a tool with an entry of its own: the module of its first path', async () => {
      const { actions } = await announced(async (sync) => {
        await sync.announceTool('note_guest', { companyId: 'acme' });
        await sync.announceTool('drop_guest', {
          companyId: 'acme',
          input: { all: false },
          type: 'delete',
          module: 'guests',
          entityId: 'g1',
        });
      });
      expect(actions.map(({ module, type, queryPaths, entityId }) => ({ module, type, queryPaths, entityId }))).toEqual(
        [
          { module: 'timeline', type: 'update', queryPaths: ['timeline'], entityId: '*' },
          { module: 'guests', type: 'delete', queryPaths: ['guests'], entityId: 'g1' },
        ],
      );
    });

    test('an unknown tool is an error that names it, and nothing goes out', async () => {
      const { result, actions, errors } = await announced((sync) =>
        sync.announceTool('add_guests', { companyId: 'acme' }),
      );
      expect(result).toEqual({
        ok: false,
        code: 'UNKNOWN_TOOL',
        message: 'the invalidation map has no tool "add_guests"; nearest: add_guest, note_guest, drop_guest',
      });
      expect(actions).toEqual([]);
      expect(errors).toEqual(['UNKNOWN_TOOL']);
    });

    test('imports by the name of the mutation that does the same; a silent one sends nothing', async () => {
      const { result, actions, errors } = await announced(async (sync) => [
        await sync.announce('guests.update', { companyId: 'acme', clientId: 'c1', userId: 'ann', data: { rows: 500 } }),
        await sync.announce('guests.seen', { companyId: 'acme' }),
        await sync.announce('guests.updat' as 'guests.update', { companyId: 'acme' }),
        await sync.announce('guests.update', undefined as never),
        await sync.announce('guests.update', { companyId: '' }),
      ]);
      expect(result).toMatchObject([
        { ok: true, seq: 1 },
        { ok: true, silent: 'a receipt is no change' },
        { ok: false, code: 'UNKNOWN_MUTATION' },
        { ok: false, code: 'INVALID_FIELD' },
        { ok: false, code: 'INVALID_COMPANY_ID' },
      ]);
      expect(actions).toEqual([expect.objectContaining({ entityId: '*', clientId: 'c1', data: { rows: 500 } })]);
      expect(errors).toEqual(['UNKNOWN_MUTATION', 'INVALID_FIELD', 'INVALID_COMPANY_ID']);
    });

    test('queryPathsOf: mutations, tools, with input and result; an unknown name throws', async () => {
      const { hub, appRouter, sync } = syncApp(engine);
      await sync.bind(appRouter, syncMap);
      expect(sync.queryPathsOf('drop_guest', { input: { all: true } })).toEqual(['*']);
      expect(sync.queryPathsOf('guests.rename', { input: { id: 'a' }, result: { renamed: 'a' } })).toEqual([
        'budget.getAll',
      ]);
      expect(sync.queryPathsOf('guests.seen')).toEqual([]);
      sync.queryPathsOf('guests.create').push('changed');
      expect(sync.queryPathsOf('guests.create')).not.toContain('changed');
      expect(await thrownBy(() => sync.queryPathsOf('guest.create'))).toEqual({
        code: 'UNKNOWN_MUTATION',
        message: expect.stringContaining('no mutation or tool "guest.create"; nearest: guests.create'),
      });
      await hub.close();
    });
  });
});

test('options and rules that do not exist are refused', async () => {
  expect((await thrownBy(() => createSync({ hubs: 1 } as never))).message).toContain(
    'createSync() has no option "hubs"; it has: hub, rules',
  );
  expect((await thrownBy(() => createSync({ rules: { company: 1 } } as never))).message).toContain(
    'rules has no option "company"',
  );
  expect(await thrownBy(() => createSync({ rules: { companyId: 'acme' } } as never))).toEqual({
    code: 'INVALID_OPTION',
    message: 'rules.companyId must be a function, got "acme"',
  });
});
