/** `hub.bindRouter`: tRPC routers of several versions, lazy ones, and everything that is no router. */
import { initTRPC as initTRPC110 } from '../../clients/trpc-client-11-0/node_modules/@trpc/server/dist/unstable-core-do-not-import.js';
import { createHub, type Hub, type HubOptions, type HubWarning } from '../../../lib/index.js';
import { readRouter } from '../../../lib/server/paths/read-router.js';
import { internalsOf } from '../../../lib/server/internals.js';
import { lazy, mergeRouters, mutation, query, router, subscription } from '../../support/routers.js';

let hub: Hub;
let warnings: HubWarning[];
const open = (options: HubOptions = {}): Hub => {
  hub = createHub({ engine: 'js', ...options });
  warnings = [];
  hub.on('warning', (warning) => void warnings.push(warning));
  return hub;
};
beforeEach(() => void open());
afterEach(() => hub.close());

const bind = (given: unknown, options?: unknown): Promise<unknown> => hub.bindRouter(given as never, options as never);
const refused = (message: RegExp | string): unknown =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message) });
const def = (more: object): object => ({ _def: { router: true, procedures: {}, lazy: {}, ...more } });

describe('routers', () => {
  test('merged, nested and plain records', async () => {
    const app = mergeRouters(router({ a: router({ b: { c: query } }), m: mutation }), router({ s: subscription, q: query }));
    expect(await hub.bindRouter(app)).toEqual({ queries: ['a.b.c', 'q'], mutations: ['m'], subscriptions: ['s'] });
    expect(internalsOf(hub).paths).toMatchObject({ complete: true, queries: ['a.b.c', 'q'] });
    expect([...internalsOf(hub).paths!.mutations]).toEqual(['m']);
    await expect(internalsOf(hub).paths!.ready).resolves.toBeUndefined();
  });

  test('is bound when the call returns', () => {
    void hub.bindRouter(router({ q: query }));
    expect(internalsOf(hub).paths!.find('q')).toBe(1);
  });

  test('a second call replaces the first, whose lazy routers come too late', async () => {
    let load!: () => void;
    const gate = new Promise<void>((resolve) => (load = resolve));
    const first = hub.bindRouter(router({ a: query, late: lazy(() => gate.then(() => router({ x: query }))) }));
    await hub.bindRouter(router({ b: query }));
    load();
    expect((await first).queries).toEqual(['a', 'late.x']);
    expect(internalsOf(hub).paths!.queries).toEqual(['b']);
    expect(hub.pathUsage().map(({ path }) => path)).toEqual(['b']);
  });

  test('tRPC 11.0: nested lazy routers', async () => {
    const t = initTRPC110.create();
    const { lazy: lazy110 } = await import('../../clients/trpc-client-11-0/node_modules/@trpc/server/dist/unstable-core-do-not-import.js');
    const leaf = t.router({ list: t.procedure.query(() => 1) });
    const inner = t.router({ list: t.procedure.query(() => 1), leaf: lazy110(() => Promise.resolve(leaf)) });
    const app = t.router({ q: t.procedure.query(() => 1), inner: lazy110(() => Promise.resolve(inner)) });
    const bound = hub.bindRouter(app);
    expect([internalsOf(hub).paths!.queries, internalsOf(hub).paths!.complete]).toEqual([['q'], false]);
    expect((await bound).queries).toEqual(['q', 'inner.list', 'inner.leaf.list']);
    expect(internalsOf(hub).paths!.complete).toBe(true);
  });

  test('20,000 procedures', async () => {
    const app = router(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`r${i}`, Object.fromEntries(Array.from({ length: 100 }, (_, j) => [`q${j}`, query]))])));
    expect((await hub.bindRouter(app)).queries).toHaveLength(20_000);
    expect(internalsOf(hub).paths!.table.names[internalsOf(hub).paths!.find('r199.q99')]).toBe('r199.q99');
  });

  test('names that no query path can hold are told, and reached by a prefix', async () => {
    const long = 'x'.repeat(300);
    await hub.bindRouter(router({ a: { 'b c': query, 'd,e': query, [long]: query, '': query, ok: query }, '*': query }));
    expect(internalsOf(hub).paths!.queries).toEqual(['a.ok']);
    expect(warnings).toEqual([{ message: expect.stringContaining('no query path can name "a.b c", "a.d,e", "a.') as string }]);
    expect(warnings[0]!.message).toContain('and 2 more');
  });

  test('keys of Object.prototype', async () => {
    await hub.bindRouter(def({ procedures: JSON.parse('{"__proto__.x":0,"constructor":0}', (_, value: unknown) => (value === 0 ? query : value)) }) as never);
    expect(internalsOf(hub).paths!.queries).toEqual(['__proto__.x', 'constructor']);
    expect([internalsOf(hub).paths!.find('toString'), internalsOf(hub).paths!.find('hasOwnProperty'), internalsOf(hub).paths!.find('__proto__')]).toEqual([-1, -1, 1]);
  });
});

describe('lazy routers that do not load', () => {
  test('are named; what is loaded stays bound, and their paths pass', async () => {
    const app = router({
      q: query,
      good: lazy(() => Promise.resolve(router({ list: query }))),
      bad: lazy(() => Promise.reject(new Error('no such file'))),
      worse: lazy((): never => {
        throw new Error('at once');
      }),
    });
    await expect(hub.bindRouter(app)).rejects.toEqual(refused(/not all lazy routers could be loaded: .*"bad": no such file; "worse": at once|"worse": at once; "bad": no such file/));
    expect(internalsOf(hub).paths).toMatchObject({ complete: false, queries: ['q', 'good.list'] });
    expect([internalsOf(hub).paths!.isPending('bad.list'), internalsOf(hub).paths!.isPending('good.list2'), internalsOf(hub).paths!.isPending('ba')]).toEqual([true, false, false]);
    await expect(internalsOf(hub).paths!.ready).rejects.toEqual(refused('"bad"'));
  });

  test('one that holds another one for ever is stopped', async () => {
    const lazies: Record<string, unknown> = {};
    const procedures: Record<string, unknown> = { q: query };
    let made = 0;
    const add = (): void => {
      // A burst at a time, so that the bound is near.
      for (let i = 0; i < 2_000; i++) {
        const key = `l${made++}`;
        lazies[key] = {
          load: () => {
            delete lazies[key];
            if (key.endsWith('000')) add();
            return Promise.resolve();
          },
        };
      }
    };
    add();
    await expect(bind(def({ procedures, lazy: lazies }))).rejects.toEqual(refused('more than 10000 lazy routers'));
    expect(internalsOf(hub).paths!.queries).toEqual(['q']);
  });

  test('one whose loader keeps it in the list is loaded once', async () => {
    let loads = 0;
    const lazies = { stays: { load: () => Promise.resolve(++loads) } };
    await bind(def({ procedures: { q: query }, lazy: lazies }));
    expect([loads, internalsOf(hub).paths!.complete]).toEqual([1, true]);
  });

  test('one that spoils the router', async () => {
    const procedures: Record<string, unknown> = { q: query };
    const lazies: Record<string, unknown> = { bad: { load: () => Promise.resolve((procedures['x'] = 5)) } };
    await expect(bind(def({ procedures, lazy: lazies }))).rejects.toEqual(refused('"x" is no procedure'));
    expect(internalsOf(hub).paths!.queries).toEqual(['q']);
  });
});

describe('what is no router', () => {
  const revoked = (): unknown => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'got undefined'],
    ['null', null, 'got null'],
    ['a string', 'appRouter', 'got "appRouter"'],
    ['an array', [], 'got an array'],
    ['a procedure', query, 'got a single procedure'],
    ['a function', () => router({}), 'got a function'],
    ['a promise', Promise.resolve(router({})), 'got a promise; await it first'],
    ['a module', { appRouter: router({}), createContext: 1 }, 'got an object with "appRouter", "createContext"'],
    ['an empty object', {}, 'got an object without keys'],
    ['a caller', router({ q: query }).createCaller({}), 'got a function'],
    ['a `_def` of something else', { _def: { procedures: {} } }, 'got an object with "_def"'],
    ['a `_def` without procedures', { _def: { router: true } }, 'takes a tRPC router'],
    ['procedures of another version', def({ procedures: { 'a.b': { _def: { query: true } } } }), '"a.b" is no procedure of tRPC 11: its type is undefined'],
    ['procedures that are numbers', def({ procedures: { a: 5 } }), '"a" is no procedure'],
    ['a lazy list that is none', def({ lazy: 5 }), 'takes a tRPC router'],
    ['a lazy router without load', def({ lazy: { a: {} } }), 'the lazy router "a" has no load(), got undefined'],
    ['a getter that throws', { get _def() { throw new Error('boom'); } }, 'could not be read: boom'],
    ['a getter that throws null', { get _def() { throw null; } }, 'could not be read'],
    ['a procedure whose getter throws', def({ procedures: { a: { get _def() { throw new Error('deep'); } } } }), 'could not be read: deep'],
    ['a revoked proxy', revoked(), 'could not be read'],
  ])('%s', async (_, given, message) => {
    await hub.bindRouter(router({ before: query }));
    await expect(bind(given)).rejects.toEqual(refused(message));
    // What was bound stays.
    expect(internalsOf(hub).paths!.queries).toEqual(['before']);
  });
});

describe('options', () => {
  const app = router({ guests: { getAll: query, create: mutation }, budget: { getSummary: query } });

  test.each<[unknown, string]>([
    [null, 'options must be an object, got null'],
    [5, 'options must be an object, got 5'],
    [{ alias: {} }, 'bindRouter() has no option "alias"; it has: onPhantomPath, aliases'],
    [{ onPhantomPath: 'throw' }, 'onPhantomPath must be one of error, warn, repair, got "throw"'],
    [{ aliases: ['guests.list'] }, 'aliases must be an object, got an array'],
    [{ aliases: { 'guests.list': 5 } }, 'aliases["guests.list"] must be a string, got 5'],
    [{ aliases: { 'guests.list': undefined } }, 'aliases["guests.list"] must be a string, got undefined'],
    [{ aliases: { 'guests.list': 'guests..getAll' } }, 'aliases["guests.list"] is "guests..getAll"'],
    [{ aliases: { 'guests list': 'guests.getAll' } }, 'aliases: the name is "guests list"'],
    [{ aliases: { 'guests.list': 'guests.all' } }, '"guests.list" leads to "guests.all", which is no query of the router; nearest: guests.getAll'],
    [{ aliases: { 'guests.list': 'guests.create' } }, '"guests.list" leads to "guests.create", which is no query'],
    [{ aliases: { 'guests.getAll': 'budget.getSummary' } }, '"guests.getAll" is a real path: an alias would hide it'],
    [{ aliases: { guests: 'budget' } }, '"guests" is a real path'],
    [{ aliases: { '*': 'guests' } }, '"*" is a real path'],
    [{ aliases: { a: 'b', b: 'guests.getAll' } }, '"a" leads to "b", which is an alias itself'],
    [{ aliases: { a: 'a' } }, '"a" leads to "a", which is an alias itself'],
    [{ aliases: JSON.parse('{"__proto__":"nowhere"}') as object }, '"__proto__" leads to "nowhere"'],
  ])('%j is refused', async (options, message) => {
    await expect(bind(app, options)).rejects.toEqual(refused(message));
    expect(internalsOf(hub).paths).toBeUndefined();
  });

  test('getters that throw', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    for (const options of [Object.defineProperty({}, 'aliases', { get: boom }), { aliases: Object.defineProperty({}, 'a.b', { get: boom, enumerable: true }) }]) {
      await expect(bind(app, options)).rejects.toEqual(refused(/options .*could not be read: boom/));
    }
  });

  test('all wrong aliases in one error', async () => {
    const aliases = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x${i}`, `nowhere${i}`]));
    await expect(bind(app, { aliases })).rejects.toEqual(refused(/"x0" leads.*"x19" leads.*and 10 more$/));
  });

  test('an alias into a lazy router is judged when that is loaded', async () => {
    const late = router({ q: query, late: lazy(() => Promise.resolve(router({ list: query }))) });
    await hub.bindRouter(late, { aliases: { old: 'late.list' } });
    expect(internalsOf(hub).paths!.find('old')).toBe(internalsOf(hub).paths!.find('late.list'));
    const again = router({ q: query, late: lazy(() => Promise.resolve(router({ list: query }))) });
    await expect(hub.bindRouter(again, { aliases: { old: 'late.nothing', 'late.list': 'q', fine: 'q' } })).rejects.toEqual(
      refused(/"old" leads to "late\.nothing".*"late\.list" is a real path/),
    );
    expect([internalsOf(hub).paths!.find('old'), internalsOf(hub).paths!.find('fine')]).toEqual([-1, internalsOf(hub).paths!.find('q')]);
  });

  test('of the hub: their form at once, where they lead when a router is bound', async () => {
    expect(() => createHub({ engine: 'js', aliases: { a: '' } })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    expect(() => createHub({ engine: 'js', onPhantomPath: 'no' as never })).toThrow('onPhantomPath must be one of');
    const other = createHub({ engine: 'js', aliases: { a: 'nowhere' } });
    await expect(other.bindRouter(app)).rejects.toEqual(refused('"a" leads to "nowhere"'));
    await other.bindRouter(app, { aliases: { a: 'guests' } });
    await other.close();
    await expect(other.bindRouter(app)).rejects.toMatchObject({ code: 'HUB_CLOSED' });
  });
});

describe('cached', () => {
  test.each<[unknown, string]>([
    [undefined, 'INVALID_FIELD'],
    ['guests.getAll', 'INVALID_FIELD'],
    [{ length: 1, 0: 'q' }, 'INVALID_FIELD'],
    [[5], 'INVALID_QUERY_PATH'],
    [['q', null], 'INVALID_QUERY_PATH'],
  ])('%j is refused', (given, code) => {
    expect(() => hub.cached(given as never)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('nothing is bound, nothing is kept', () => {
    hub.cached(['q'.repeat(10_000), '', 'a.b']);
    expect([hub.pathUsage(), hub.metrics().neverCached]).toEqual([[], 0]);
  });
});

test('a listener of the binding that throws stops no other', async () => {
  const bound = hub.bindRouter(router({ late: lazy(() => Promise.resolve(router({ q: query }))) }));
  const heard: string[] = [];
  internalsOf(hub).paths!.onChange(() => {
    throw new Error('mine');
  });
  const stop = internalsOf(hub).paths!.onChange(() => heard.push('stopped'));
  internalsOf(hub).paths!.onChange(() => heard.push('second'));
  stop();
  stop();
  await bound;
  expect(heard).toEqual(['second']);
  expect(warnings).toEqual([{ message: expect.stringContaining('a listener of the binding threw: mine') as string }]);
});

test('reading is of the router alone: nothing is called', () => {
  let called = 0;
  const procedure = Object.assign(() => called++, { _def: { type: 'query' } });
  const load = (): number => called++;
  expect(readRouter(def({ procedures: { q: procedure }, lazy: { l: { load } } }))).toMatchObject({ queries: ['q'], lazy: [{ prefix: 'l' }] });
  expect(called).toBe(0);
});
