/** `pathcast/testing`: a suite fails when a mutation ran and told nobody. */
import { initTRPC, TRPCError } from '@trpc/server';
import { createHub, type AnyHub } from '../../../lib/index.js';
import { createRecorder, type Recorder } from '../../../lib/testing/index.js';
import { syncApp, syncMap } from '../../support/sync-app.js';

const ctx = { companyId: 'acme', userId: 'ann' };
const row = { id: 'g1', clientId: 'c1' };

describe('with sync.middleware()', () => {
  test('what the map covers, what is silent and what failed pass; the rest is listed', async () => {
    const app = syncApp('js');
    await app.sync.bind(app.appRouter, syncMap);
    const recorder = createRecorder({ router: app.appRouter, sync: app.sync });
    const caller = app.createCaller(ctx);
    await caller.guests.update(row);
    await caller.guests.byHand(row);
    await caller.guests.seen(row);
    await expect(caller.guests.fail(row)).rejects.toThrow();
    await recorder.verify();
    const report = recorder.report();
    expect(report.mutations).toEqual([
      {
        path: 'guests.byHand',
        runs: 1,
        failures: 0,
        missing: 0,
        problem: undefined,
        queryPaths: ['guests', 'guests.getAll'],
      },
      { path: 'guests.fail', runs: 0, failures: 1, missing: 0, problem: undefined, queryPaths: [] },
      { path: 'guests.seen', runs: 1, failures: 0, missing: 0, problem: undefined, queryPaths: [] },
      { path: 'guests.update', runs: 1, failures: 0, missing: 0, problem: undefined, queryPaths: ['guests.getAll'] },
    ]);
    expect(report.neverRun).toEqual(expect.arrayContaining(['guests.create', 'guests.fail', 'hotels.book']));
    expect(report.neverRun).not.toContain('guests.update');
    // What `guests.byHand` left out of the map's `guests` went out as well.
    expect(report.neverObserved).toEqual(['hotels.getAll', 'budget.getAll', 'timeline.getAll']);
    await app.sync.announceTool('note_guest', { companyId: 'acme' });
    expect(recorder.report().neverObserved).toEqual(['hotels.getAll', 'budget.getAll']);
    await expect(recorder.verify({ everyQuery: true })).rejects.toThrow(
      /mutations that never ran \(\d+\):[^]*queries that nothing made stale \(2\):\n {2}hotels.getAll\n {2}budget.getAll$/,
    );
    recorder.stop();
    await caller.guests.create(row);
    await app.sync.settled();
    expect(recorder.report().neverRun).toContain('guests.create');
    recorder.reset();
    expect(recorder.report().mutations).toEqual([]);
    await app.hub.close();
  });

  test('a mutation that is in no map, and one that has no company, fail it', async () => {
    const app = syncApp('js');
    const recorder = createRecorder({ router: app.appRouter, sync: app.sync });
    await app.createCaller(ctx).guests.update(row);
    await app.sync.bind(app.appRouter, syncMap);
    await app.createCaller({}).guests.create(row);
    await expect(recorder.verify()).rejects.toThrow(
      [
        'mutations that succeeded and told nobody (2):',
        '  guests.create: could not be broadcast: no companyId was found (1 of 1 runs)',
        '  guests.update: has no entry in the invalidation map (1 of 1 runs)',
      ].join('\n'),
    );
    expect(() => recorder.middleware()).toThrow('it needs none of its own');
    await app.hub.close();
  });
});

describe('a broadcast by the middleware that the hub refused', () => {
  test('whole: the suite fails, with the reason; nothing counts as made stale', async () => {
    const app = syncApp('js', { module: () => 'm'.repeat(300) });
    await app.sync.bind(app.appRouter, syncMap);
    const recorder = createRecorder({ router: app.appRouter, sync: app.sync });
    await app.createCaller(ctx).guests.update(row);
    await expect(recorder.verify()).rejects.toThrow(
      /guests\.update: was broadcast, but the hub refused it: INVALID_FIELD: module is too long.* \(1 of 1 runs\)/,
    );
    expect(recorder.report()).toMatchObject({ missing: ['guests.update'] });
    expect(recorder.report().neverObserved).toContain('guests.getAll');
    const excused = createRecorder({ router: app.appRouter, sync: app.sync, silent: { 'guests.update': 'known' } });
    await app.createCaller(ctx).guests.update(row);
    await excused.verify();
    await app.hub.close();
  });

  test('in part: what went out is a broadcast', async () => {
    const app = syncApp('js');
    await app.sync.bind(app.appRouter, syncMap);
    // Another router takes the hub, as in a suite that starts two apps: some paths of the map are phantoms there.
    const t = initTRPC.create();
    const other = t.router({ guests: t.router({ getAll: t.procedure.query(() => 1) }) });
    await app.hub.bindRouter(other, { onPhantomPath: 'error' });
    const recorder = createRecorder({ router: app.appRouter, sync: app.sync });
    await app.createCaller(ctx).guests.create(row);
    await recorder.verify();
    expect(recorder.report().neverObserved).not.toContain('guests.getAll');
    expect(recorder.report().neverObserved).toContain('budget.getAll');
    await app.createCaller(ctx).hotels.book(row);
    await expect(recorder.verify()).rejects.toThrow('hotels.book: was broadcast, but the hub refused it: PHANTOM_PATH');
    await app.hub.close();
  });
});

describe('with a middleware of its own', () => {
  let hub: AnyHub;
  beforeEach(() => {
    hub = createHub({ engine: 'js' });
  });
  afterEach(() => hub.close());

  function legacyApp() {
    let recorder: Recorder | undefined;
    const t = initTRPC.create();
    const base = t.procedure.use((opts) => (recorder ? recorder.middleware()(opts as never) : opts.next()) as never);
    const broadcast = (queryPaths: string[]): void =>
      void hub.broadcast({
        type: 'update',
        module: 'm',
        entityId: '1',
        companyId: 'acme',
        userId: 'u',
        queryPaths,
      } as never);
    const router = t.router({
      a: {
        get: base.query(() => 1),
        list: base.query(() => 1),
        tells: base.mutation(() => broadcast(['a.get'])),
        silent: base.mutation(() => 1),
        sometimes: base
          .input((value: unknown) => value as boolean)
          .mutation(({ input }) => (input ? broadcast(['a.list']) : undefined)),
        fails: base.mutation(() => {
          throw new TRPCError({ code: 'CONFLICT' });
        }),
        later: base.mutation(() => void setImmediate(() => broadcast(['a.get']))),
        nests: base.mutation(async (): Promise<void> => void (await caller.a.tells())),
      },
    });
    const caller: { a: { tells(): Promise<unknown> } } = t.createCallerFactory(router)({});
    return { router, caller: t.createCallerFactory(router)({}), use: (made: Recorder) => (recorder = made) };
  }

  test('sees what is broadcast by hand, nested and late too, and names what tells nobody', async () => {
    const app = legacyApp();
    const recorder = app.use(createRecorder({ router: app.router, hub, silent: { 'a.silent': 'writes nothing' } }));
    const { a } = app.caller;
    await a.tells();
    await a.silent();
    await a.nests();
    await a.later();
    await new Promise(setImmediate);
    await expect(a.fails()).rejects.toThrow();
    await recorder.verify();
    await a.sometimes(true);
    await recorder.verify();
    await a.sometimes(false);
    await expect(recorder.verify()).rejects.toThrow(
      'mutations that succeeded and told nobody (1):\n  a.sometimes: broadcast nothing and is not declared silent (1 of 2 runs)\nmutations that never ran (1):\n  a.fails',
    );
    expect(recorder.report()).toMatchObject({ missing: ['a.sometimes'], neverRun: ['a.fails'], neverObserved: [] });
  });

  test('a mutation that never succeeded fails a suite that asks for every one, and no other', async () => {
    const app = legacyApp();
    const recorder = app.use(createRecorder({ router: app.router, hub, silent: { 'a.silent': 'writes nothing' } }));
    const { a } = app.caller;
    await a.tells();
    await a.silent();
    await a.nests();
    await a.sometimes(true);
    await a.later();
    await new Promise(setImmediate);
    await expect(a.fails()).rejects.toThrow();
    // Nothing else is wrong: only everyMutation can be what refuses.
    await recorder.verify();
    await expect(recorder.verify({ everyMutation: true })).rejects.toThrow('mutations that never ran (1):\n  a.fails');
  });

  test('broadcasts on another hub do not count where one is named', async () => {
    const app = legacyApp();
    const other = createHub({ engine: 'js' });
    const recorder = app.use(createRecorder({ router: app.router, hub: other }));
    await app.caller.a.tells();
    await expect(recorder.verify()).rejects.toThrow('a.tells');
    await other.close();
  });

  test('options that fit no router are refused', () => {
    const { router } = legacyApp();
    expect(() => createRecorder({ router, silents: {} } as never)).toThrow('createRecorder() has no option "silents"');
    expect(() => createRecorder({ router, silent: { 'a.nothing': 'x' } })).toThrow(
      'silent names "a.nothing", which is no mutation',
    );
    expect(() => createRecorder({ router: {} as never })).toThrow(/router/);
  });
});
