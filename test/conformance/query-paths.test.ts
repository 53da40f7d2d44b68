/** SPEC §8 over a hub of each engine: what a broadcast does with the paths of a bound router, and with phantom ones. */
import {
  createClientReports,
  createHub,
  type BroadcastResult,
  type Hub,
  type HubOptions,
  type HubWarning,
  type PhantomEvent,
} from '../../lib/index.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import { internalsOf } from '../../lib/server/internals.js';
import { ENGINES } from '../support/engines.js';
import { lazy, query, router, weddingRouter, WEDDING_QUERIES } from '../support/routers.js';
import { waitFor } from '../support/wait.js';

const action = (queryPaths: string[], fields: object = {}) => ({
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'u1',
  queryPaths,
  ...fields,
});

/** The first segments of the router, which go out in the place of `*`. */
const HEADS = ['guests', 'budget', 'hotels', 'guestTransport', 'floorPlans', 'admin', 'health'];

describe.each(ENGINES)('Query paths (%s)', (engine) => {
  let hub: Hub;
  let phantoms: PhantomEvent[];
  let warnings: HubWarning[];
  const open = (options: HubOptions = {}): Hub => {
    hub = createHub({ engine, ...options });
    phantoms = [];
    warnings = [];
    hub.on('phantom', (event) => void phantoms.push(event));
    hub.on('warning', (event) => void warnings.push(event));
    return hub;
  };
  /** The query paths that went out, action by action. */
  const sent = async (): Promise<string[][]> =>
    (await hub.readLog('acme')).actions.map((json) => (JSON.parse(json) as SyncAction).queryPaths);
  afterEach(() => hub.close());

  test('the binding’s table is of the engine’s half', async () => {
    const binding = await open().bindRouter(weddingRouter);
    expect(binding.queries).toEqual(WEDDING_QUERIES);
    expect(binding.mutations).toEqual(['guests.create', 'guests.checkIn', 'budget.create', 'admin.users.ban']);
    expect(binding.subscriptions).toEqual(['sync.onSync']);
    expect(internalsOf(hub).paths!.table.kind).toBe(engine);
    expect([
      internalsOf(hub).paths!.find('guests.getAll') > 0,
      internalsOf(hub).paths!.find('guests') > 0,
      internalsOf(hub).paths!.find('guests.create'),
    ]).toEqual([true, true, -1]);
  });

  test('without a bound router every path goes out', async () => {
    open({ onPhantomPath: 'error', aliases: { 'guests.list': 'guests.getAll' } });
    expect(await hub.broadcast(action(['guests.list', 'no.such.thing']))).toEqual({
      ok: true,
      seq: 1,
      epoch: expect.any(String),
    });
    expect(await sent()).toEqual([['guests.list', 'no.such.thing']]);
    expect([internalsOf(hub).paths, hub.pathUsage(), hub.metrics().phantomPaths]).toEqual([undefined, [], 0]);
  });

  test.each(['warn', 'error', 'repair'] as const)(
    '%s: real paths go out as they stand, doubles and order kept',
    async (onPhantomPath) => {
      await open({ onPhantomPath }).bindRouter(weddingRouter);
      const real = ['guests.getAll', 'admin.users', '*', 'guests', 'health', 'guests.getAll'];
      expect(await hub.broadcast(action(real))).toEqual({ ok: true, seq: 1, epoch: expect.any(String) });
      // `*` in the names of the router that it stands for.
      expect(await sent()).toEqual([real.flatMap((path) => (path === '*' ? HEADS : path))]);
      expect([phantoms, hub.metrics().phantomPaths]).toEqual([[], 0]);
    },
  );

  test('warn: phantoms go out as they stand, and are told', async () => {
    await open().bindRouter(weddingRouter);
    const result = await hub.broadcast(action(['guests.list', 'guests.getStats', 'guests.create'], { id: 'a1' }));
    expect(result).toMatchObject({
      ok: true,
      seq: 1,
      phantomPaths: [
        {
          path: 'guests.list',
          nearest: ['guests.getAll', expect.any(String), expect.any(String)],
          sent: 'guests.list',
        },
        { path: 'guests.create', sent: 'guests.create' },
      ],
    });
    expect(await sent()).toEqual([['guests.list', 'guests.getStats', 'guests.create']]);
    expect(phantoms).toMatchObject([
      { path: 'guests.list', sent: 'guests.list', actionId: 'a1', companyId: 'acme', module: 'guests' },
      { path: 'guests.create' },
    ]);
    expect(phantoms[0]!.nearest[0]).toBe('guests.getAll');
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('nearest: guests.getAll'),
      expect.stringContaining('"guests.create"'),
    ]);
    expect(warnings[0]).toMatchObject({ field: 'queryPaths', companyId: 'acme', actionId: 'a1', module: 'guests' });
  });

  test('error: phantoms are left out, the rest goes out, and the result says so', async () => {
    await open({ onPhantomPath: 'error' }).bindRouter(weddingRouter);
    const result = await hub.broadcast(action(['guests.list', 'guests.getStats', 'nobody']));
    expect(result).toEqual({
      ok: false,
      code: 'PHANTOM_PATH',
      message: expect.stringMatching(
        /"guests\.list".*nearest: guests\.getAll.*it was left out.*what went out: "guests\.getStats"/,
      ),
      phantomPaths: [
        { path: 'guests.list', nearest: expect.any(Array), sent: null },
        { path: 'nobody', nearest: expect.any(Array), sent: null },
      ],
      sent: { queryPaths: ['guests.getStats'], seq: 1, epoch: expect.any(String) },
    });
    expect(await sent()).toEqual([['guests.getStats']]);
    expect(hub.metrics().failures).toEqual({});
  });

  test('error: an action with nothing left is not sent', async () => {
    const errors: unknown[] = [];
    await open({ onPhantomPath: 'error' }).bindRouter(weddingRouter);
    hub.on('error', ({ error }) => errors.push(error));
    const result = await hub.broadcast(action(['guests.list', 'guests.list']));
    expect(result).toMatchObject({
      ok: false,
      code: 'PHANTOM_PATH',
      phantomPaths: [{ path: 'guests.list', sent: null }],
    });
    expect(result).not.toHaveProperty('sent');
    expect(await sent()).toEqual([]);
    expect(hub.metrics()).toMatchObject({ failures: { PHANTOM_PATH: 1 }, phantomPaths: 1, publishes: 0 });
    expect(errors).toEqual([expect.objectContaining({ code: 'PHANTOM_PATH', number: 1007, retryable: false })]);
    expect(phantoms).toHaveLength(1);
  });

  test.each<[string[], string[], string?]>([
    [
      ['guests.list', 'guests.getStats', 'hotels.list', 'guestTransport.list', 'budget.overview'],
      ['guests.getAll', 'guests.getStats', 'hotels.getAll', 'guestTransport.list', 'budget.getSummary'],
    ],
    [['guests.list', 'guests.getAll', 'guest.all'], ['guests.getAll']],
    // Too far from any query: the longest real prefix.
    [['guests.seatingChart'], ['guests']],
    [['admin.users.somethingElse'], ['admin.users']],
    [['guests.getAll.deeper'], ['guests.getAll']],
    // No prefix either: that of the action's module, in whatever spelling.
    [['photos.getLatest'], ['guests']],
    [['photos.getLatest'], ['floorPlans'], 'floor-plans'],
    // Something is left: what nothing can stand for is left out.
    [['photos.getLatest', 'health'], ['health'], 'photos'],
  ])('repair: %j → %j', async (given, expected, module = 'guests') => {
    await open({ onPhantomPath: 'repair' }).bindRouter(weddingRouter);
    expect(await hub.broadcast(action(given, { module }))).toMatchObject({ ok: true, seq: 1 });
    expect(await sent()).toEqual([expected]);
  });

  test('repair: nothing in its place, nothing left', async () => {
    await open({ onPhantomPath: 'repair' }).bindRouter(weddingRouter);
    expect(await hub.broadcast(action(['photos.getLatest'], { module: '*' }))).toMatchObject({
      ok: false,
      code: 'PHANTOM_PATH',
      phantomPaths: [{ path: 'photos.getLatest', sent: null }],
    });
    expect(await sent()).toEqual([]);
  });

  test('aliases come first, in every mode, and are no phantoms', async () => {
    open({ aliases: { 'guests.list': 'guests.getAll', 'budget.overview': 'budget.getAll' } });
    for (const onPhantomPath of ['warn', 'error', 'repair'] as const) {
      // The second argument wins over the hub's.
      await hub.bindRouter(weddingRouter, {
        onPhantomPath,
        aliases: { 'budget.overview': 'budget.getSummary', all: '*' },
      });
      expect(await hub.broadcast(action(['guests.list', 'budget.overview', 'guests.getAll']))).toEqual({
        ok: true,
        seq: expect.any(Number),
        epoch: expect.any(String),
      });
    }
    expect(await hub.broadcast(action(['all']))).toMatchObject({ ok: true });
    expect(await sent()).toEqual([...Array.from({ length: 3 }, () => ['guests.getAll', 'budget.getSummary']), HEADS]);
    expect([phantoms, hub.metrics().phantomPaths, internalsOf(hub).paths!.find('guests.list')]).toEqual([
      [],
      0,
      internalsOf(hub).paths!.find('guests.getAll'),
    ]);
  });

  test('broadcastMany: each action by itself', async () => {
    await open({ onPhantomPath: 'error' }).bindRouter(weddingRouter);
    const results = await hub.broadcastMany([
      action(['guests.getAll']),
      action(['guests.list']),
      action(['guests.list', 'health']),
      action(['budget']),
    ]);
    expect(results).toMatchObject([
      { ok: true, seq: 1 },
      { ok: false, code: 'PHANTOM_PATH' },
      { ok: false, code: 'PHANTOM_PATH', sent: { seq: 2 } },
      { ok: true, seq: 3 },
    ]);
    expect(await sent()).toEqual([['guests.getAll'], ['health'], ['budget']]);
    expect(hub.metrics().phantomPaths).toBe(2);
  });

  test('what goes out is what a stream gets', async () => {
    await open({ onPhantomPath: 'repair' }).bindRouter(weddingRouter);
    const got: string[][] = [];
    const stream = internalsOf(hub).observe('acme');
    await stream.next();
    await hub.broadcast(action(['guests.list', 'nobody.knows']));
    const { value } = await stream.next();
    got.push((value as { event: SyncAction }).event.queryPaths);
    expect(got).toEqual([['guests.getAll', 'guests']]);
    await stream.return(undefined);
  });

  test('a filter hears at least what it asks for, in the router’s own names', async () => {
    await open({ aliases: { 'guests.list': 'guests.getAll' } }).bindRouter(weddingRouter);
    const hears = async (...queryPaths: string[]): Promise<string[]> => {
      const stream = hub.stream({ companyId: 'acme', userId: 'u2', filter: { queryPaths } });
      await stream.next();
      const paths = ['guests.list', 'guests.getAll.id-1', 'guests.getById', 'admin.users.list', 'id-1'];
      for (const path of paths) await hub.broadcast(action([path]));
      await hub.broadcast(action(['*']));
      const got: string[] = [];
      while (got.at(-1) !== '*') {
        const { value } = await stream.next();
        if (!value) break;
        if ('seq' in value) got.push(value.queryPaths.length === HEADS.length ? '*' : value.queryPaths.join());
      }
      await stream.return(undefined);
      return got;
    };
    expect(await hears('guests.list')).toEqual(['guests.getAll', 'guests.getAll.id-1', '*']);
    expect(await hears('guests.id-7')).toEqual(['guests.getAll', 'guests.getAll.id-1', 'guests.getById', '*']);
    expect(await hears('admin.users.list.id-7', 'hotels')).toEqual(['admin.users.list', '*']);
    expect(await hears('id-7')).toEqual([
      'guests.getAll',
      'guests.getAll.id-1',
      'guests.getById',
      'admin.users.list',
      'id-1',
      '*',
    ]);
  });

  test('event and warning once a path, the count each time, and no more than 1,000 of them are remembered', async () => {
    await open().bindRouter(weddingRouter);
    for (let i = 0; i < 3; i++) await hub.broadcast(action(['guests.list']));
    expect([phantoms.length, warnings.length, hub.metrics().phantomPaths]).toEqual([1, 1, 3]);
    const results = await hub.broadcastMany(Array.from({ length: 1_500 }, (_, i) => action([`guests.of${i}`])));
    expect(results.every((result: BroadcastResult) => result.ok && result.phantomPaths?.length === 1)).toBe(true);
    expect([phantoms.length, warnings.length, hub.metrics().phantomPaths]).toEqual([1_000, 1_001, 1_503]);
    expect(warnings.at(-1)!.message).toContain('more than 1000 different phantom paths');
  });

  test('a duplicate keeps saying what is phantom', async () => {
    await open({ onPhantomPath: 'error' }).bindRouter(weddingRouter);
    await hub.broadcast(action(['health', 'x.y'], { id: 'same' }));
    expect(await hub.broadcast(action(['health', 'x.y'], { id: 'same' }))).toMatchObject({
      code: 'PHANTOM_PATH',
      sent: { seq: 1, duplicate: true },
    });
  });

  test('a resync names the router’s queries; * before, and while a lazy router is away', async () => {
    let load!: () => void;
    const loaded = new Promise<void>((resolve) => (load = resolve));
    const resync = async (): Promise<string[]> => {
      for await (const { event } of internalsOf(hub).observe('acme', 'nowhere.1'))
        if (event.type === 'resync') return event.queryPaths;
      throw new Error('no resync');
    };
    open();
    expect(await resync()).toEqual(['*']);
    const bound = hub.bindRouter(
      router({ a: { list: query }, late: lazy(() => loaded.then(() => router({ list: query }))) }),
    );
    expect(await resync()).toEqual(['*']);
    load();
    await bound;
    expect(await resync()).toEqual(['a.list', 'late.list']);
    const many = router(
      Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`r${i}`, router({ a: query, b: query, c: query })])),
    );
    await hub.bindRouter(many);
    const cover = await resync();
    expect(cover.length).toBeLessThanOrEqual(256);
    expect(internalsOf(hub).paths!.table.expand(cover.map((path) => internalsOf(hub).paths!.find(path)))).toHaveLength(300);
  });

  test('usage: what is published of each query, and what clients have', async () => {
    await open().bindRouter(weddingRouter);
    await hub.broadcast(action(['guests', 'guests.getAll']));
    await hub.broadcast(action(['guests.getAll', 'guests.getAll', 'nobody.knows']));
    await hub.broadcast(action(['hotels.getAll']));
    const of = (path: string) => hub.pathUsage().find((one) => one.path === path);
    expect(hub.pathUsage().map(({ path }) => path)).toEqual(WEDDING_QUERIES);
    expect([of('guests.getAll'), of('guests.getStats'), of('hotels.getAll'), of('health')]).toEqual([
      { path: 'guests.getAll', published: 2, cached: false },
      { path: 'guests.getStats', published: 1, cached: false },
      { path: 'hotels.getAll', published: 1, cached: false },
      { path: 'health', published: 0, cached: false },
    ]);
    expect(hub.metrics().neverCached).toBe(0);
    hub.cached(['guests.getAll', 'guests.getById', 'unheard.of', '__proto__', 'guests']);
    expect(of('guests.getAll')!.cached).toBe(true);
    // getStats, getDietaryStats, hotels.getAll.
    expect(hub.metrics().neverCached).toBe(3);
    await hub.broadcast(action(['*']));
    expect(hub.metrics().neverCached).toBe(WEDDING_QUERIES.length - 2);
  });

  test('reports of browsers say what is cached; what is none of the router, or no text, is passed over', async () => {
    open();
    await hub.bindRouter(weddingRouter);
    await hub.broadcast(action(['guests.getAll', 'guests.getStats']));
    const reports = createClientReports({ hub });
    const take = (from: string, paths: unknown) => reports.take({ companyId: 'acme', userId: 'u1' }, { from, caches: { paths } });
    expect([take('a', 'guests.getAll'), take('b', { 0: 'guests.getAll' }), take('c', []), take('d', [7, null, {}])]).toEqual([204, 204, 204, 204]);
    // Nobody has reported a path.
    expect(hub.metrics().neverCached).toBe(0);
    expect(take('e', ['of.nobody', 7, '__proto__', 'guests', '*', 'guests.getAll'])).toBe(204);
    expect(hub.pathUsage().filter(({ cached }) => cached)).toEqual([{ path: 'guests.getAll', published: 1, cached: true }]);
    await hub.broadcast(action(['guests.getAll', 'guests.getStats']));
    expect(hub.metrics().neverCached).toBe(1);
  });

  test('what is published for a company whose browsers do not report is held against nobody', async () => {
    open();
    await hub.bindRouter(weddingRouter);
    const reports = createClientReports({ hub });
    // One company has the new pages, or one page in ten reports: of the others nothing is known.
    reports.take({ companyId: 'acme', userId: 'u1' }, { from: 'a', caches: { paths: ['guests.getAll'] } });
    await hub.broadcast({ ...action(['hotels', 'guests.getStats', 'guests.getAll']), companyId: 'other' });
    expect(hub.metrics().neverCached).toBe(0);
    await hub.broadcast(action(['guests.getStats', 'guests.getAll']));
    expect(hub.metrics().neverCached).toBe(1);
    // Another company's browsers have it: it is published for somebody.
    reports.take({ companyId: 'other', userId: 'u1' }, { from: 'a', caches: { paths: ['guests.getStats'] } });
    expect(hub.metrics().neverCached).toBe(0);
    expect(() => hub.cached(['guests.getAll'], '')).toThrow(/companyId/);
  });

  test('lazy routers: their paths pass until they are loaded, and counts are kept', async () => {
    let load!: () => void;
    const loaded = new Promise<void>((resolve) => (load = resolve));
    const inner = router({ list: query, deep: lazy(() => Promise.resolve(router({ getAll: query }))) });
    const app = router({ a: { getAll: query }, late: lazy(() => loaded.then(() => inner)) });
    open({ onPhantomPath: 'error', aliases: { 'old.list': 'late.deep.getAll' } });
    const bound = hub.bindRouter(app);
    const { table } = internalsOf(hub).paths!;
    let changes = 0;
    internalsOf(hub).paths!.onChange(() => changes++);
    expect(internalsOf(hub).paths).toMatchObject({ complete: false, queries: ['a.getAll'] });
    expect(await hub.broadcast(action(['a.getAll', 'late.anything', 'late', 'old.list']))).toMatchObject({ ok: true });
    expect(await hub.broadcast(action(['later.list']))).toMatchObject({ code: 'PHANTOM_PATH' });
    load();
    expect((await bound).queries).toEqual(['a.getAll', 'late.list', 'late.deep.getAll']);
    expect(internalsOf(hub).paths).toMatchObject({ complete: true, queries: ['a.getAll', 'late.list', 'late.deep.getAll'] });
    expect([internalsOf(hub).paths!.table === table, changes > 0]).toEqual([false, true]);
    expect(await hub.broadcast(action(['late.anything']))).toMatchObject({
      code: 'PHANTOM_PATH',
      phantomPaths: [{ nearest: ['late.list', 'a.getAll', 'late.deep.getAll'] }],
    });
    expect(await hub.broadcast(action(['old.list']))).toMatchObject({ ok: true });
    expect(await sent()).toEqual([['a.getAll', 'late.anything', 'late', 'late.deep.getAll'], ['late.deep.getAll']]);
    expect(hub.pathUsage()).toMatchObject([
      { path: 'a.getAll', published: 1 },
      { path: 'late.list', published: 0 },
      { path: 'late.deep.getAll', published: 1 },
    ]);
    await waitFor(() => internalsOf(hub).paths!.complete, 'all to be there');
  });
});
