// Routers and procedures in every shape that people write them in.
import { TRPC, listOf, removeTrees, rootsOf, unseenOf } from './audit-project-tree.js';

afterEach(removeTrees);

const one = (files: Record<string, string>, router?: string) => rootsOf({ 'src/trpc.ts': TRPC, ...files }, router)[0];

/** The paths of the best root, without places. */
const paths = (files: Record<string, string>): string[] => (one(files)?.procedures ?? []).map(({ kind, path }) => `${kind} ${path}`);

describe('how the instance is made and its router is called', () => {
  const body = `{ get: X.query(() => 1), set: X.mutation(async () => { return 2; }) }`;
  test.each([
    ['t.router', `const t = initTRPC.create(); export const appRouter = t.router(${body.replaceAll('X', 't.procedure')});`],
    ['context and meta', `const t = initTRPC.context<{ a: 1 }>().meta<{}>().create({ transformer }); export const appRouter = t.router(${body.replaceAll('X', 't.procedure')});`],
    ['context as a function of its own', `const base = initTRPC.context<{ a: 1 }>(); const t = base.create(); export const appRouter = t.router(${body.replaceAll('X', 't.procedure')});`],
    ['destructured and renamed', `const { router: make, procedure } = initTRPC.create(); export const appRouter = make(${body.replaceAll('X', 'procedure')});`],
    ['destructured from a variable', `const t = initTRPC.create(); const { router, procedure: p } = t; export const appRouter = router(${body.replaceAll('X', 'p')});`],
    ['renamed', `const t = initTRPC.create(); const createTRPCRouter = t.router; const p = t.procedure; export const appRouter = createTRPCRouter(${body.replaceAll('X', 'p')});`],
    ['an instance out of a function', `function make() { return initTRPC.create(); } const t = make(); export const appRouter = t.router(${body.replaceAll('X', 't.procedure')});`],
    ['wrapped in a function', `const t = initTRPC.create(); function createRouter(r: any) { return t.router(r); } export const appRouter = createRouter(${body.replaceAll('X', 't.procedure')});`],
    ['with satisfies and as', `const t = initTRPC.create(); export const appRouter = t.router((${body.replaceAll('X', 't.procedure')} satisfies object) as any);`],
    ['in a class', `class Api { static t = initTRPC.create(); static router = Api.t.router(${body.replaceAll('X', 'Api.t.procedure')}); } export const appRouter = Api.router;`],
    ['in an object', `const t = initTRPC.create(); export const api = { t, router: t.router(${body.replaceAll('X', 't.procedure')}) }; export const appRouter = t.mergeRouters(api.router);`],
  ])('%s', (_name, text) => {
    expect(paths({ 'src/app.ts': `import { initTRPC } from '@trpc/server';\n${text}` })).toEqual(['query get', 'mutation set']);
  });

  test('initTRPC of a namespace, renamed, or re-exported by a module of ours', () => {
    const app = 'export const appRouter = t.router({ get: t.procedure.query(() => 1) });';
    expect(paths({ 'src/a.ts': `import * as trpc from '@trpc/server';\nconst t = trpc.initTRPC.create();\n${app}` })).toEqual(['query get']);
    expect(paths({ 'src/a.ts': `import { initTRPC as init } from '@trpc/server';\nconst t = init.create();\n${app}` })).toEqual(['query get']);
    expect(
      paths({ 'src/lib.ts': `export { initTRPC as start } from '@trpc/server';`, 'src/a.ts': `import { start } from './lib';\nconst t = start.create();\n${app}` }),
    ).toEqual(['query get']);
    expect(paths({ 'src/lib.ts': `export * from '@trpc/server';`, 'src/a.ts': `import { initTRPC } from './lib';\nconst t = initTRPC.create();\n${app}` })).toEqual(['query get']);
  });
});

test('an ordinary router: kinds, lines and resolvers', () => {
  const root = one({
    'src/guests.ts': `import { router, publicProcedure, protectedProcedure } from './trpc';
import { z } from 'zod';
export const guestsRouter = router({
  getAll: publicProcedure.query(({ ctx }) => ctx.db.guests),
  create: protectedProcedure
    .input(z.object({ name: z.string() }))
    .mutation(async ({ input }) => {
      return input.name;
    }),
  watch: publicProcedure.subscription(async function* () { yield 1; }),
});
`,
    'src/app.ts': `import { router } from './trpc';
import { guestsRouter } from './guests';
export const appRouter = router({ guests: guestsRouter });
export type AppRouter = typeof appRouter;
`,
  });
  expect(root?.name).toBe('src/app.ts#appRouter');
  expect(root?.place).toEqual({ file: 'src/app.ts', line: 3, column: 14 });
  expect(listOf(root)).toEqual(['query guests.getAll src/guests.ts:4', 'mutation guests.create src/guests.ts:5', 'subscription guests.watch src/guests.ts:10']);
  expect(root?.unseen).toEqual([]);
  const create = root?.procedures[1];
  expect(create?.resolver?.getText()).toContain('return input.name');
  expect(create?.node.getText()).toMatch(/^protectedProcedure/);
  expect(create?.inputs.map((input) => input.getText())).toEqual(['z.object({ name: z.string() })']);
  expect(create?.middlewares.map((use) => use.getText())).toEqual(['async ({ next }) => next()']);
});

test('shorthand, spreads, nested objects and nested routers', () => {
  expect(
    paths({
      'src/app.ts': `import { router, publicProcedure as p } from './trpc';
const list = p.query(() => 1);
const common = { ping: p.query(() => 'pong') };
const more = { 'quoted-name': p.mutation(() => 1), ...common };
const key = 'computed';
export const appRouter = router({
  list,
  ...more,
  deep: { er: { get: p.query(() => 1) }, inner: router({ set: p.mutation(() => 1) }) },
  [key]: p.query(() => 1),
  [\`\${key}Too\`]: p.query(() => 1),
});`,
    }),
  ).toEqual(['query list', 'mutation quoted-name', 'query ping', 'query deep.er.get', 'mutation deep.inner.set', 'query computed', 'query computedToo']);
});

test('mergeRouters, within each other and with spread lists', () => {
  expect(
    paths({
      'src/app.ts': `import { router, mergeRouters, publicProcedure as p } from './trpc';
const a = router({ a: p.query(() => 1) });
const b = router({ b: p.query(() => 1) });
const rest = [router({ c: p.query(() => 1) }), router({ d: { e: p.mutation(() => 1) } })];
export const appRouter = mergeRouters(mergeRouters(a, b), ...rest);`,
    }),
  ).toEqual(['query a', 'query b', 'query c', 'mutation d.e']);
});

describe('lazy routers', () => {
  const lazy = `import { lazy } from '@trpc/server';\nimport { router } from './trpc';\n`;
  const module = `import { router, publicProcedure } from './trpc';\n`;
  test.each([
    ['the only export', `lazy(() => import('./slow'))`, `export const slowRouter = router({ get: publicProcedure.query(() => 1) });`],
    ['default export', `lazy(() => import('./slow'))`, `const r = router({ get: publicProcedure.query(() => 1) });\nexport default r;\nexport const limit = 3;`],
    ['then', `lazy(() => import('./slow').then((m) => m.slowRouter))`, `export const slowRouter = router({ get: publicProcedure.query(() => 1) });\nexport const other = router({ no: publicProcedure.query(() => 1) });`],
    ['destructured', `lazy(() => import('./slow').then(({ slowRouter }) => slowRouter))`, `export const slowRouter = router({ get: publicProcedure.query(() => 1) });`],
    ['async function', `lazy(async () => { const m = await import('./slow'); return m.slowRouter; })`, `export const slowRouter = router({ get: publicProcedure.query(() => 1) });`],
    ['default of then', `lazy(() => import('./slow').then((m) => m.default))`, `export default router({ get: publicProcedure.query(() => 1) });`],
  ])('%s', (_name, loader, slow) => {
    const files = { 'src/app.ts': `${lazy}export const appRouter = router({ slow: ${loader} });`, 'src/slow.ts': module + slow };
    expect(paths(files)).toEqual(['query slow.get']);
    expect(unseenOf(one(files)).filter((text) => text.includes('slow:'))).toEqual([]);
  });

  test('a module that is not there is noted', () => {
    const root = one({ 'src/app.ts': `${lazy}import { publicProcedure } from './trpc';\nexport const appRouter = router({ gone: lazy(() => import('./gone')), get: publicProcedure.query(() => 1) });` });
    expect(listOf(root)).toEqual(['query get src/app.ts:4']);
    expect(unseenOf(root)).toEqual([expect.stringMatching(/^src\/app\.ts:4 `gone`: .*import\('\.\/gone'\)/)]);
  });
});

test('factory functions, with names that depend on parameters', () => {
  const root = one({
    'src/crud.ts': `import { router, protectedProcedure } from './trpc';
export function makeCrudRouter(name: string, { readOnly = false, remove }: { readOnly?: boolean; remove: (id: string) => void }) {
  const reading = {
    [\`\${name}List\`]: protectedProcedure.query(() => []),
  };
  if (readOnly) return router(reading);
  return router({ ...reading, create: protectedProcedure.mutation(() => name), remove: protectedProcedure.mutation(remove) });
}
export const createGuestsRouter = (deps: { db: unknown }) => router({ all: protectedProcedure.query(() => deps.db) });
`,
    'src/app.ts': `import { router } from './trpc';
import { makeCrudRouter, createGuestsRouter } from './crud';
const drop = (id: string) => { console.log(id); };
export function createAppRouter(deps: { db: unknown }) {
  return router({
    guests: createGuestsRouter(deps),
    hotels: makeCrudRouter('hotel', { remove: drop }),
    stats: makeCrudRouter('stat', { readOnly: true, remove: drop }),
  });
}
export type AppRouter = ReturnType<typeof createAppRouter>;
`,
  });
  expect(root?.name).toBe('src/app.ts#createAppRouter');
  expect(listOf(root)).toEqual([
    'query guests.all src/crud.ts:9',
    'query hotels.hotelList src/crud.ts:4',
    'mutation hotels.create src/crud.ts:7',
    'mutation hotels.remove src/crud.ts:7',
    'query stats.statList src/crud.ts:4',
  ]);
  expect(root?.procedures[3]?.resolver?.getText()).toBe('(id: string) => { console.log(id); }');
  expect([...(root?.procedures[2]?.scope.values() ?? [])]).toContainEqual(expect.objectContaining({ kind: 'string', text: 'hotel' }));
});

test('a factory that is called: its parameters are bound, and it counts once', () => {
  const roots = rootsOf({
    'src/trpc.ts': TRPC,
    'src/app.ts': `import { router, publicProcedure } from './trpc';
export function createAppRouter(prefix: string) {
  return router({ [\`\${prefix}One\`]: publicProcedure.query(() => 1), two: publicProcedure.query(() => 1), three: publicProcedure.query(() => 1), four: publicProcedure.query(() => 1), five: publicProcedure.query(() => 1) });
}`,
    'src/server.ts': `import { createAppRouter } from './app';
export function start() {
  const router = createAppRouter('first');
  serve({ router });
}`,
    'src/script.ts': `import { createAppRouter } from './app';
export const appRouter = createAppRouter('first');`,
  });
  expect(roots.map((root) => root.name)).toEqual(['src/script.ts#appRouter']);
  expect(roots[0]?.procedures.map(({ path }) => path)).toEqual(['firstOne', 'two', 'three', 'four', 'five']);
});

test('barrels, default exports and namespaces', () => {
  const p = `import { router, publicProcedure } from '../trpc';\n`;
  expect(
    paths({
      'src/routers/a.ts': `${p}export const aRouter = router({ get: publicProcedure.query(() => 1) });`,
      'src/routers/b.ts': `${p}export default router({ get: publicProcedure.query(() => 1) });`,
      'src/routers/c.ts': `${p}const hidden = router({ get: publicProcedure.query(() => 1) });\nexport { hidden as cRouter };`,
      'src/routers/index.ts': `export * from './a';\nexport { default as bRouter } from './b';\nexport { cRouter as renamed } from './c';\nexport * as all from './a';`,
      'src/procs.ts': `import { publicProcedure } from './trpc';\nexport const create = publicProcedure.mutation(() => 1);\nexport const list = publicProcedure.query(() => 1);\nexport type Row = { id: string };`,
      'src/app.ts': `import { router } from './trpc';
import * as routers from './routers';
import { aRouter, bRouter, renamed, all } from './routers';
import * as procs from './procs';
export const appRouter = router({ a: aRouter, b: bRouter, c: renamed, ns: routers.aRouter, again: all.aRouter, procs: router(procs), ...procs });`,
    }),
  ).toEqual([
    'query a.get', 'query b.get', 'query c.get', 'query ns.get', 'query again.get', 'mutation procs.create', 'query procs.list', 'mutation create', 'query list',
  ]);
});

test('procedures in files of their own, base procedures over several files', () => {
  const root = one({
    'src/auth.ts': `import { publicProcedure } from './trpc';
import { loggedIn } from './middlewares';
export const userProcedure = publicProcedure.use(loggedIn).input(base);`,
    'src/admin.ts': `import { userProcedure } from './auth';
import { plugin } from './plugin';
export const adminProcedure = userProcedure.concat(plugin).use(isAdmin).use(async (opts) => opts.next());`,
    'src/plugin.ts': `import { initTRPC } from '@trpc/server';
const t = initTRPC.create();
export const plugin = t.procedure.use(timing).input(paging);`,
    'src/create.ts': `import { adminProcedure } from './admin';

export const create = adminProcedure.input(own).output(out).mutation(async () => 1);`,
    'src/app.ts': `import { router } from './trpc';\nimport { create } from './create';\nexport const appRouter = router({ guests: router({ create }) });`,
  });
  expect(listOf(root)).toEqual(['mutation guests.create src/create.ts:3']);
  const [create] = root?.procedures ?? [];
  expect(create?.middlewares.map((use) => use.getText())).toEqual(['loggedIn', 'timing', 'isAdmin', 'async (opts) => opts.next()']);
  expect(create?.inputs.map((input) => input.getText())).toEqual(['base', 'paging', 'own']);
});

test('procedures and routers that helpers build; resolvers by name, imported and wrapped', () => {
  const root = one({
    'src/handlers.ts': `export async function handleRename() { return 'renamed'; }
export const handleDrop = async () => 'dropped';
export class Service { rename = async () => 'by field'; async drop() { return 'by method'; } }
export const service = new Service();
export const object = { add: () => 'by object', async remove() { return 'removed'; } };`,
    'src/app.ts': `import { router, publicProcedure } from './trpc';
import { withAudit } from 'some-package';
import { handleRename, handleDrop, service, object } from './handlers';
const adminMutation = (fn: any) => publicProcedure.use(isAdmin).mutation(fn);
function readOf(path: string) { return publicProcedure.query(async () => path); }
const withLogging = (fn: any) => async (opts: any) => { log(); return fn(opts); };
export const appRouter = router({
  direct: publicProcedure.mutation(handleRename),
  arrow: publicProcedure.mutation(handleDrop),
  field: publicProcedure.mutation(service.rename),
  method: publicProcedure.mutation(service.drop),
  object: publicProcedure.mutation(object.add),
  helper: adminMutation(async () => 'inline'),
  helperNamed: adminMutation(handleDrop),
  read: readOf('x'),
  own: publicProcedure.mutation(withLogging(handleRename)),
  foreign: publicProcedure.mutation(withAudit('x', handleRename)),
  missing: publicProcedure.mutation(nowhere),
  bound: publicProcedure.mutation(handleDrop.bind(null)),
});`,
  });
  const found = Object.fromEntries((root?.procedures ?? []).map(({ path, resolver, place }) => [path, `${place.line} ${resolver?.getText() ?? 'none'}`]));
  expect(found).toMatchObject({
    direct: "8 export async function handleRename() { return 'renamed'; }",
    arrow: "9 async () => 'dropped'",
    field: "10 async () => 'by field'",
    method: "11 async drop() { return 'by method'; }",
    object: "12 () => 'by object'",
    helper: "13 async () => 'inline'",
    helperNamed: "14 async () => 'dropped'",
    read: '15 async () => path',
    own: '16 async (opts: any) => { log(); return fn(opts); }',
    foreign: "17 export async function handleRename() { return 'renamed'; }",
    missing: '18 none',
    bound: "19 async () => 'dropped'",
  });
  expect(root?.procedures.find(({ path }) => path === 'helper')?.middlewares.map((use) => use.getText())).toEqual(['isAdmin']);
  const own = root?.procedures.find(({ path }) => path === 'own');
  expect([...(own?.scope.values() ?? [])]).toContainEqual(expect.objectContaining({ kind: 'function' }));
  expect(unseenOf(root)).toEqual([
    expect.stringMatching(/^src\/app\.ts:17 `foreign`: its resolver is wrapped in `withAudit`/),
    expect.stringMatching(/^src\/app\.ts:18 `missing`: its resolver could not be followed: `nowhere` is declared nowhere/),
  ]);
});

test('routers under a condition are all taken, and it is said', () => {
  const root = one({
    'src/app.ts': `import { router, publicProcedure as p } from './trpc';
const a = router({ one: p.query(() => 1) });
const b = router({ two: p.query(() => 1) });
export const appRouter = router({
  api: process.env.NEW ? a : b,
  ...(process.env.DEBUG ? { debug: p.query(() => 1) } : {}),
  ...(process.env.DEV && { dev: p.mutation(() => 1) }),
  deep: { ...(process.env.X && { a: p.query(() => 1) }), [process.env.Y ? 'b' : 'c']: p.query(() => 1) },
});`,
  });
  expect(root?.procedures.map(({ path }) => path)).toEqual(['api.one', 'api.two', 'debug', 'dev', 'deep.a', 'deep.b', 'deep.c']);
  expect(unseenOf(root)).toEqual([
    expect.stringContaining('src/app.ts:6 the router: a condition decides what is spread here; all of it is taken'),
    expect.stringContaining('src/app.ts:7 the router: a condition decides what is spread here; all of it is taken'),
    expect.stringContaining('src/app.ts:5 `api`: a condition decides which of 2 it is; all of them are taken'),
    expect.stringContaining('src/app.ts:8 `deep`: a condition decides what is spread here; all of it is taken'),
    expect.stringContaining('src/app.ts:8 `deep`: the name of the member is one of several; each is taken'),
  ]);
});

test('what cannot be followed is noted, and the rest is reported', () => {
  const root = one({
    'src/app.ts': `import { router, publicProcedure as p } from './trpc';
import { billing } from '@acme/billing';
import { gone } from './gone';
export const appRouter = router({
  billing,
  gone,
  ...await load(),
  [process.env.NAME]: p.query(() => 1),
  text: 'no procedure',
  get: p.query(() => 1),
});`,
  });
  expect(listOf(root)).toEqual(['query get src/app.ts:10']);
  expect(unseenOf(root).sort()).toEqual([
    expect.stringMatching(/^src\/app\.ts:5 `billing`: .*'@acme\/billing', which is not among the sources/),
    expect.stringMatching(/^src\/app\.ts:6 `gone`: .*'\.\/gone', which is not among the sources/),
    expect.stringMatching(/^src\/app\.ts:7 the router: what is spread here is not known/),
    expect.stringMatching(/^src\/app\.ts:8 the router: the name of the member is not known/),
    expect.stringMatching(/^src\/app\.ts:9 `text`: it could not be followed/),
  ]);
});

test('a factory in a package that is not there: by shape, and it is said', () => {
  const root = one({
    'src/app.ts': `import { makeRouter, procedure } from '@acme/trpc';
const guests = makeRouter({ list: procedure.query(() => 1), add: procedure.input(x).mutation(async () => 1) });
export const appRouter = makeRouter({ guests });
export const config = configure({ db: connect(), port: 1 });`,
  });
  expect(listOf(root)).toEqual(['query guests.list src/app.ts:2', 'mutation guests.add src/app.ts:2']);
  const unseen = unseenOf(root);
  expect(unseen).toContainEqual(expect.stringMatching(/^src\/app\.ts:3 the router: taken for a router by its shape: `makeRouter` comes from '@acme\/trpc'/));
  expect(unseen).toContainEqual(expect.stringMatching(/`procedure`: .*'@acme\/trpc'/));
});

test('a router wrapped in a call that cannot be followed', () => {
  const root = one({
    'src/app.ts': `import { instrument } from 'telemetry';
import { router, publicProcedure } from './trpc';
const inner = router({ get: publicProcedure.query(() => 1) });
export const appRouter = router({ inner: instrument(inner), own: publicProcedure.query(() => 1) });`,
  });
  expect(root?.procedures.map(({ path }) => path)).toEqual(['inner.get', 'own']);
  expect(unseenOf(root)).toEqual([expect.stringMatching(/`inner`: it is wrapped in a call that could not be followed \(`instrument\(inner\)`\)/)]);
});

test('routers in classes: members, getters and constructors', () => {
  expect(
    paths({
      'src/guests.ts': `import { router, publicProcedure } from './trpc';
export class GuestsRouter {
  constructor(private readonly name: string) {}
  private hidden = router({ inner: publicProcedure.query(() => 1) });
  router = router({ list: publicProcedure.query(() => this.name), nested: this.hidden });
  get other() { return router({ [this.name]: publicProcedure.mutation(() => 1) }); }
  build() { return router({ built: publicProcedure.mutation(() => 1) }); }
}`,
      'src/app.ts': `import { router } from './trpc';
import { GuestsRouter } from './guests';
const guests = new GuestsRouter('vip');
export const appRouter = router({ guests: guests.router, other: guests.other, built: guests.build() });`,
    }),
  ).toEqual(['query guests.list', 'query guests.nested.inner', 'mutation other.vip', 'mutation built.built']);
});

test('JavaScript with require', () => {
  const roots = rootsOf({
    'trpc.js': `const { initTRPC } = require('@trpc/server');\nconst t = initTRPC.create();\nmodule.exports = { router: t.router, procedure: t.procedure };`,
    'guests.js': `const { router, procedure } = require('./trpc');\nexports.guestsRouter = router({ list: procedure.query(() => 1) });`,
    'app.js': `const { router } = require('./trpc');\nconst guests = require('./guests');\nconst appRouter = router({ guests: guests.guestsRouter });\nmodule.exports = { appRouter };`,
  });
  expect(roots.map(listOf)).toEqual([['query guests.list guests.js:2']]);
});
