/** Where mutations end in unusual ways: work that outlives them, streams as answers, transactions at odd times. */
import { AsyncResource } from 'node:async_hooks';
import { initTRPC, lazy } from '@trpc/server';
import { createHub, type AnyHub } from '../../lib/index.js';
import { createSync } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo, syncApp, syncMap, type SyncApp } from '../support/sync-app.js';

const ctx = { companyId: 'acme', userId: 'ann', sourceId: 'tab1' };
const row = { id: 'g1', clientId: 'c1' };

describe.each(ENGINES)('%s engine', (engine) => {
  let app: SyncApp;
  let heard: ReturnType<typeof listenTo>;
  beforeEach(async () => {
    app = syncApp(engine);
    await app.sync.bind(app.appRouter, syncMap);
    heard = listenTo(app.hub);
  });
  afterEach(() => app.hub.close());

  const sent = async (hub: AnyHub = app.hub): Promise<string[]> => {
    await app.sync.settled();
    return (await actionsOf(hub)).map((action) => `${action.entityId}: ${action.queryPaths.join()}`);
  };

  test('a mutation that is called by work which outlives the one around it is an action of its own', async () => {
    let later: AsyncResource | undefined;
    const calls = async (): Promise<void> => void (later = new AsyncResource('job'));
    await app.createCaller({ ...ctx, calls }).guests.nest(row);
    expect(await sent()).toEqual(['g1: guests.getAll']);
    await later!.runInAsyncScope(() => app.createCaller(ctx).hotels.book({ id: 'h1', clientId: 'c1' }));
    expect(await sent()).toEqual(['g1: guests.getAll', 'h1: hotels.getAll']);
  });

  test('a nested call that nobody waited for, and that ends after the outer one, is an action of its own', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let nested: Promise<unknown> | undefined;
    await app
      .createCaller({
        ...ctx,
        calls: async (caller) => {
          nested = caller({ calls: () => gate }).guests.nest!({ id: 'late', clientId: 'c1' });
        },
      })
      .guests.nest(row);
    expect(await sent()).toEqual(['g1: guests.getAll']);
    release();
    await nested;
    expect(await sent()).toEqual(['g1: guests.getAll', 'late: guests.getAll']);
  });

  test('a transaction around the mutation that is rolled back at once: nothing goes out', async () => {
    /** Ends within the same turn, as an embedded database does. */
    const run = <T>(body: (tx: object) => Promise<T>): Promise<T> => body({});
    await expect(
      app.sync.transaction(run, async () => {
        await app.createCaller(ctx).guests.update(row);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await sent()).toEqual([]);
    await app.sync.transaction(run, async () => app.createCaller(ctx).guests.update(row));
    expect(await sent()).toEqual(['g1: guests.getAll']);
  });

  test('a nested call whose transaction was rolled back adds nothing, whether the outer one fails or not', async () => {
    const run = <T>(body: (tx: object) => Promise<T>): Promise<T> => body({});
    for (const id of ['g1', 'fails']) {
      const done = app
        .createCaller({
          ...ctx,
          calls: (caller) =>
            app.sync
              .transaction(run, async () => {
                await caller().hotels.book!({ id: 'h1', clientId: 'c1' });
                throw new Error('rolled back');
              })
              .catch(() => undefined),
        })
        .guests.nest({ id, clientId: 'c1' });
      await done.catch(() => undefined);
    }
    expect(await sent()).toEqual(['g1: guests.getAll']);
  });

  test('a `transaction(fn)` that gives a function to be called later, as better-sqlite3 does, works as without', async () => {
    const steps: string[] = [];
    class Client {
      readonly #steps = steps;
      transaction<A extends unknown[], T>(work: (...args: A) => T): (...args: A) => T {
        return (...args) => {
          this.#steps.push('begin');
          const result = work(...args);
          this.#steps.push('commit');
          return result;
        };
      }
    }
    const db = app.sync.transactional(new Client());
    const rows = ['a', 'b'];
    expect(db.transaction((list: string[], last: string) => (list === rows ? list.length : last))(rows, 'c')).toBe(2);
    expect(db.transaction((one: string) => one)('text')).toBe('text');
    expect(steps).toEqual(['begin', 'commit', 'begin', 'commit']);
  });

  test('one function under two names is opened by the right one; a body without a tx is called', async () => {
    const open = (work: (tx?: object) => Promise<unknown>): Promise<unknown> => work();
    const db = app.sync.transactional({ run: open, transaction: open });
    expect(typeof db.run).toBe('function');
    await expect(
      db.transaction(async () => {
        await app.createCaller(ctx).guests.update(row);
        await app.sync.settled();
        expect(await actionsOf(app.hub)).toEqual([]);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await sent()).toEqual([]);
  });

  describe('a mutation that answers with a generator', () => {
    function streaming(rows: (say: (id: string) => void) => AsyncGenerator<number, string, void>) {
      const sync = createSync({ hub: app.hub });
      const t = initTRPC.context<typeof ctx>().create();
      const base = t.procedure.use(sync.middleware());
      const router = t.router({
        rows: t.router({
          all: base.query(() => []),
          put: base.mutation(() =>
            rows((entityId) =>
              sync.broadcast({ type: 'update', module: 'rows', entityId, ...ctx, queryPaths: ['rows.all'] }),
            ),
          ),
        }),
      });
      return {
        call: () => t.createCallerFactory(router)(ctx).rows.put(),
        sent: async () => {
          await sync.settled();
          return (await actionsOf(app.hub)).map((action) => `${action.entityId}: ${action.queryPaths.join()}`);
        },
        bind: () => sync.bind(router, { mutations: { 'rows.put': ['rows.all'] } }),
      };
    }

    test('is broadcast when it has ended, once; the values are the same', async () => {
      const stream = streaming(async function* () {
        yield 1;
        yield 2;
        return 'done';
      });
      await stream.bind();
      const answer = await stream.call();
      expect(await answer.next()).toEqual({ done: false, value: 1 });
      expect(await answer.next()).toEqual({ done: false, value: 2 });
      expect(await stream.sent()).toEqual([]);
      expect(await answer.next()).toEqual({ done: true, value: 'done' });
      expect(await answer.next()).toEqual({ done: true, value: undefined });
      expect(await stream.sent()).toEqual(['*: rows.all']);
    });

    test('nothing where it throws; its own broadcast takes the place; left early, what is done is told', async () => {
      let how = 'throws';
      const stream = streaming(async function* (say) {
        yield 1;
        if (how === 'throws') throw new Error('no row');
        if (how === 'says') say('by-hand');
        yield 2;
        return '';
      });
      await stream.bind();
      const read = async (): Promise<number[]> => {
        const values: number[] = [];
        for await (const value of await stream.call()) {
          values.push(value);
          if (how === 'leaves') break;
        }
        return values;
      };
      await expect(read()).rejects.toThrow('no row');
      expect(await stream.sent()).toEqual([]);
      how = 'says';
      expect(await read()).toEqual([1, 2]);
      expect(await stream.sent()).toEqual(['by-hand: rows.all']);
      how = 'leaves';
      expect(await read()).toEqual([1]);
      expect(await stream.sent()).toEqual(['by-hand: rows.all', '*: rows.all']);
    });
  });

  test('ids that no action can hold are left out, and the action goes out', async () => {
    const long = 'x'.repeat(300);
    await app.createCaller({ ...ctx, sourceId: long, userId: long }).guests.update({ id: long, clientId: long });
    await app.sync.settled();
    const [action, ...more] = await actionsOf(app.hub);
    expect(more).toEqual([]);
    expect(action).toMatchObject({ entityId: '*', userId: '', queryPaths: ['guests.getAll'] });
    expect(action).not.toHaveProperty('sourceId');
    expect(action).not.toHaveProperty('clientId');
    const told = heard.errors.map(({ error }) => error.message);
    for (const name of ['userId', 'sourceId', 'clientId'])
      expect(told.filter((message) => message.includes(`${name} is too long`))).toHaveLength(1);
    expect(told).toHaveLength(3);
  });

  test('data of a rule that no action can hold is left out, and the action goes out', async () => {
    let data: unknown = 5n;
    const own = syncApp(engine, { data: () => data });
    await own.sync.bind(own.appRouter, syncMap);
    const told = listenTo(own.hub).errors;
    for (data of [5n, 'x'.repeat(1_000_000), { fits: true }]) await own.createCaller(ctx).guests.update(row);
    await own.sync.settled();
    expect((await actionsOf(own.hub)).map((action) => action.data)).toEqual([undefined, undefined, { fits: true }]);
    expect(told.map(({ error }) => (error as { code?: string }).code)).toEqual([
      'NOT_SERIALIZABLE',
      'ACTION_TOO_LARGE',
    ]);
    await own.hub.close();
  });

  test('a second bind that succeeded is not replaced by the first, whose lazy routers come later', async () => {
    const t = initTRPC.context<typeof ctx>().create();
    const hub = createHub({ engine });
    const sync = createSync({ hub });
    const make = (name: string) =>
      t.router({ rows: t.router({ put: t.procedure.mutation(() => 1), [name]: t.procedure.query(() => 1) }) });
    let load!: () => void;
    const loaded = new Promise<void>((resolve) => (load = resolve));
    const slow = t.router({ ...make('old')._def.record, late: lazy(() => loaded.then(() => make('late'))) });
    const first = sync.bind(slow as never, { mutations: { 'rows.put': ['rows.old'], 'late.rows.put': ['rows.old'] } });
    await sync.bind(make('fresh'), { mutations: { 'rows.put': ['rows.fresh'] } });
    load();
    await first;
    expect(sync.queryPathsOf('rows.put')).toEqual(['rows.fresh']);
    await hub.close();
  });
});
