// Which routers are roots, which is the best, and how one is chosen by hand.
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import { TRPC, listOf, openTree, removeTrees, rootsOf, unseenOf } from './audit-project-tree.js';

afterEach(removeTrees);

const IMPORT = `import { router, publicProcedure as p } from './trpc';\n`;
const procedures = (count: number, prefix = 'p'): string => Array.from({ length: count }, (_, index) => `${prefix}${index}: p.query(() => 1)`).join(', ');
const names = (files: Record<string, string>): string[] => rootsOf({ 'src/trpc.ts': TRPC, ...files }).map(({ name }) => name);

test('the router that mounts the others; a small one that nobody mounts is noted', () => {
  const roots = rootsOf({
    'src/trpc.ts': TRPC,
    'src/a.ts': `${IMPORT}export const a = router({ ${procedures(3)} });\nexport const forgotten = router({ ${procedures(2)} });`,
    'src/b.ts': `${IMPORT}import { a } from './a';\nexport const all = router({ a, ${procedures(2)} });`,
  });
  expect(roots.map(({ name }) => name)).toEqual(['src/b.ts#all']);
  expect(unseenOf(roots[0])).toEqual([
    'src/a.ts:3 the router `forgotten`: it is mounted nowhere that could be seen; its procedures (2) are left out. --router src/a.ts#forgotten reads it',
  ]);
});

test('a name, a type and an adapter count for more than size', () => {
  const big = `${IMPORT}export const importing = router({ ${procedures(9)} });`;
  const small = `${IMPORT}export const NAME = router({ ${procedures(1)} });`;
  expect(names({ 'src/a.ts': big, 'src/b.ts': small.replace('NAME', 'appRouter') })).toEqual(['src/b.ts#appRouter', 'src/a.ts#importing']);
  expect(names({ 'src/a.ts': big, 'src/b.ts': `${small.replace('NAME', 'x')}\nexport type AppRouter = typeof x;` })).toEqual(['src/b.ts#x', 'src/a.ts#importing']);
  expect(names({ 'src/a.ts': big, 'src/b.ts': `${small.replace('NAME', 'x')}\nexport const handler = fetchRequestHandler({ endpoint: '/', router: x });` })).toEqual([
    'src/b.ts#x', 'src/a.ts#importing',
  ]);
  expect(names({ 'src/a.ts': big, 'src/b.ts': small.replace('NAME', 'x') })).toEqual(['src/a.ts#importing']);
});

test.each([
  ['createHTTPServer', `createHTTPServer({ router: admin }).listen(1);`],
  ['Express', `app.use('/trpc', trpcExpress.createExpressMiddleware({ router: admin, createContext }));`],
  ['Fastify', `app.register(fastifyTRPCPlugin, { prefix: '/t', trpcOptions: { router: admin } });`],
  ['Next.js', `export default createNextApiHandler({ router: admin });`],
  ['a shorthand', `{ const router = admin; serve({ router }); }`],
  ['options in a variable', `const options = { router: admin }; serve(options);`],
  ['a caller', `export const caller = admin.createCaller({});`],
  ['a caller factory', `export const createCaller = t.createCallerFactory(admin);`],
  ['a hub', `await hub.bindRouter(admin);`],
])('served by %s: a root of its own, however small', (_name, text) => {
  expect(
    names({
      'src/app.ts': `${IMPORT}export const appRouter = router({ ${procedures(6)} });`,
      'src/admin.ts': `${IMPORT}export const admin = router({ one: p.mutation(() => 1) });\n`,
      'src/server.ts': `// trpc\nimport { admin } from './admin';\n${text}`,
    }),
  ).toEqual(['src/app.ts#appRouter', 'src/admin.ts#admin']);
});

test('export default, anonymous', () => {
  const [root] = rootsOf({ 'src/trpc.ts': TRPC, 'src/app.ts': `${IMPORT}export default router({ get: p.query(() => 1) });` });
  expect(root?.name).toBe('src/app.ts#default');
  expect(listOf(root)).toEqual(['query get src/app.ts:2']);
});

describe('--router', () => {
  test('a function that makes the router is read as it is called', () => {
    const files = {
      'src/trpc.ts': TRPC,
      'src/kit.ts': `import { router, publicProcedure } from './trpc';\nexport const createKit = () => ({ router, query: publicProcedure });`,
      'src/app.ts': `import type { createKit } from './kit';\nexport function createAppRouter(kit: ReturnType<typeof createKit>) { return kit.router({ guests: kit.router({ list: kit.query.query(() => 1) }) }); }`,
      'src/server.ts': `import { createKit } from './kit';\nimport { createAppRouter } from './app';\nexport const router = createAppRouter(createKit());`,
    };
    for (const router of ['src/app.ts', 'src/app.ts#createAppRouter', 'src/server.ts']) {
      const [root, ...others] = findRoots(openTree(files), { router });
      expect([router, others, listOf(root).map((line) => line.replace(/ .*? /, ' ').split(' ')[0]), unseenOf(root)]).toEqual([router, [], ['query'], []]);
    }
  });

  const files = {
    'src/trpc.ts': TRPC,
    'src/a.ts': `${IMPORT}export const a = router({ ${procedures(2)} });\nexport const b = router({ a, ${procedures(1)} });\nexport function make(name: string) { return router({ made: p.query(() => name) }); }`,
    'src/index.ts': `export { a as renamed } from './a';\nexport * as everything from './a';`,
    'src/app.ts': `${IMPORT}import { b } from './a';\nexport const appRouter = router({ b });`,
  };
  test.each([
    ['src/a.ts', 'src/a.ts#b', 3],
    ['src/a', 'src/a.ts#b', 3],
    ['./src/a.ts#a', 'src/a.ts#a', 2],
    ['src/a.ts#make', 'src/a.ts#make', 1],
    ['src#renamed', 'src/index.ts#renamed', 2],
    ['src/app.ts', 'src/app.ts#appRouter', 3],
  ])('%s', (wanted, name, count) => {
    const roots = rootsOf(files, wanted);
    expect(roots.map((root) => [root.name, root.procedures.length])).toEqual([[name, count]]);
  });

  test.each([
    ['src/nowhere.ts', 'there is no such file among the sources'],
    ['src/trpc.ts', 'no router is in that file'],
    ['src/a.ts#c', 'that file has no router `c`'],
  ])('%s: an error that lists the routers', (wanted, why) => {
    const project = openTree(files);
    expect(() => findRoots(project, { router: wanted })).toThrow(`router: ${wanted}: ${why}. Routers of this project:\n  src/a.ts#a\n  src/a.ts#b\n  src/a.ts#make\n  src/app.ts#appRouter`);
  });
});

test('no router at all', () => {
  expect(() => rootsOf({ 'src/a.ts': 'export const a = 1;' })).toThrow(/^No tRPC router was found in 1 files below .*--router FILE#name/);
});

test('tRPC 9 is told, not read', () => {
  const old = `import * as trpc from '@trpc/server';
export const guests = trpc.router<{}>().query('list', { resolve: () => [] }).mutation('add', { resolve: () => 1 });
export const createRouter = () => trpc.router();
export const appRouter = createRouter().merge('guests.', guests);`;
  expect(() => rootsOf({ 'src/old.ts': old })).toThrow(/src\/old\.ts:2 the router `guests`: it is a router of tRPC 9, which the audit does not read/);
  const [root] = rootsOf({ 'src/trpc.ts': TRPC, 'src/old.ts': old, 'src/app.ts': `${IMPORT}export const newRouter = router({ get: p.query(() => 1) });` });
  expect(listOf(root)).toEqual(['query get src/app.ts:2']);
  expect(unseenOf(root)).toContainEqual(expect.stringMatching(/^src\/old\.ts:2 the router `guests`: it is a router of tRPC 9/));
});

test('a router that contains itself ends', () => {
  const [root] = rootsOf({ 'src/trpc.ts': TRPC, 'src/app.ts': `${IMPORT}export const appRouter = router({ get: p.query(() => 1), again: build(3) });\nfunction build(n: number): any { return router({ inner: p.query(() => 1), more: build(n + 1) }); }` });
  expect(root?.procedures.map(({ path }) => path).slice(0, 2)).toEqual(['get', 'again.inner']);
  expect(root?.procedures.length).toBeLessThan(60);
  expect(root?.unseen.length).toBeGreaterThan(0);
});
