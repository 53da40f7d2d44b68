// Shapes of code bases that nobody planned: what frameworks, styles and habits make of routers.
import { TRPC, listOf, removeTrees, rootsOf, unseenOf } from './audit-project-tree.js';

afterEach(removeTrees);

const IMPORT = `import { router, publicProcedure as p, mergeRouters } from './trpc';\n`;
const rooted = (files: Record<string, string>) => rootsOf({ 'src/trpc.ts': TRPC, ...files });
const pathsOf = (text: string, more: Record<string, string> = {}): string[] =>
  (rooted({ 'src/app.ts': IMPORT + text, ...more })[0]?.procedures ?? []).map(({ kind, path, resolver }) => `${kind} ${path}${resolver ? '' : ' ?'}`);

test.each([
  ['a record out of a list of names', `const make = (name: string) => router({ [\`\${name}All\`]: p.query(() => name) });
export const appRouter = router(Object.fromEntries(['a', 'b'].map((name) => [name, make(name)])));`, ['query a.aAll', 'query b.bAll']],
  ['merged values of a record', `const all = { a: router({ a: p.query(() => 1) }), b: router({ b: p.query(() => 1) }) };
export const appRouter = mergeRouters(...Object.values(all));`, ['query a', 'query b']],
  ['a record that grows', `const record: Record<string, any> = { a: p.query(() => 1) };
record.b = p.mutation(() => 1);
record['c'] = router({ d: p.query(() => 1) });
export const appRouter = router(record);`, ['query a', 'mutation b', 'query c.d']],
  ['an asynchronous factory', `async function build() { await connect(); return router({ a: p.query(() => 1) }); }
export const appRouter = await build();`, ['query a']],
  ['an object of several things', `function build() { return { caller: 1, router: router({ a: p.query(() => 1) }) }; }
export const { router: appRouter } = build();`, ['query a']],
  ['an object of several things, by member', `function build() { const made = router({ a: p.query(() => 1) }); return { made }; }
export const appRouter = build().made;`, ['query a']],
  ['a variable that is assigned later', `let appRouter;\nappRouter = router({ a: p.query(() => 1) });\nexport { appRouter };`, ['query a']],
  ['the procedures of another router', `const one = router({ a: p.query(() => 1) });
export const appRouter = router({ ...one._def.procedures, b: p.query(() => 1) });`, ['query a', 'query b']],
  ['keys of an enum', `enum M { Guests = 'guests' }\nexport const appRouter = router({ [M.Guests]: router({ a: p.query(() => 1) }) });`, ['query guests.a']],
  ['procedures in an object', `const procedures = { open: p, closed: p.use(auth) };\nexport const appRouter = router({ a: procedures.closed.mutation(() => 1) });`, ['mutation a']],
  ['a builder cast away', `const any = p as any;\nexport const appRouter = (router as any)({ a: (any.use(x) as any).mutation(() => 1) });`, ['mutation a']],
  ['a namespace', `export namespace Api { export const list = p.query(() => 1); export const inner = router({ list }); }\nexport const appRouter = router({ a: Api.inner, b: Api.list });`, ['query a.list', 'query b']],
  ['handlers made from dependencies', `const makeHandler = (deps: any) => async (opts: any) => deps.save(opts);\nexport const appRouter = router({ a: p.mutation(makeHandler({ save() {} })) });`, ['mutation a']],
  ['handlers in an object', `const handlers = { async create() { return 1; }, list: () => [] };\nexport const appRouter = router({ a: p.mutation(handlers.create), b: p.query(handlers['list']) });`, ['mutation a', 'query b']],
  ['generics and annotations', `function typed<T extends object>(record: T): T { return router<T>(record) as never; }\nexport const appRouter: Router = typed<Shape>({ a: p.query<string>(() => '1') });`, ['query a']],
  ['what a condition on a parameter takes', `const make = (admin: boolean) => router({ a: p.query(() => 1), ...(admin ? { b: p.mutation(() => 1) } : {}) });
export const appRouter = router({ user: make(false), admin: make(true) });`, ['query user.a', 'query admin.a', 'mutation admin.b']],
])('%s', (_name, text, expected) => {
  expect(pathsOf(text)).toEqual(expected);
});

test('a default export with everything in it', () => {
  expect(
    pathsOf(`import api from './api';\nexport const appRouter = api.router({ a: api.procedures.open.query(() => 1) });`, {
      'src/api.ts': `import { initTRPC } from '@trpc/server';\nconst t = initTRPC.create();\nexport default { router: t.router, procedures: { open: t.procedure } };`,
    }),
  ).toEqual(['query a']);
});

test('services with injected instances', () => {
  const [root] = rootsOf({
    'src/trpc.service.ts': `import { initTRPC } from '@trpc/server';
@Injectable()
export class TrpcService { trpc = initTRPC.context<{}>().create(); procedure = this.trpc.procedure; router = this.trpc.router; mergeRouters = this.trpc.mergeRouters; }`,
    'src/guests.router.ts': `import { TrpcService } from './trpc.service';
import { GuestsService } from './guests.service';
@Injectable()
export class GuestsRouter {
  constructor(private readonly trpc: TrpcService, private readonly guests: GuestsService) {}
  router = this.trpc.router({
    list: this.trpc.procedure.query(() => this.guests.all()),
    create: this.trpc.procedure.mutation(this.guests.create),
  });
}`,
    'src/guests.service.ts': `export class GuestsService { all() { return []; } create() { return 1; } }`,
    'src/trpc.router.ts': `import { TrpcService } from './trpc.service';
import { GuestsRouter } from './guests.router';
export class TrpcRouter {
  constructor(private readonly trpc: TrpcService, private readonly guests: GuestsRouter) {}
  appRouter = this.trpc.router({ guests: this.guests.router });
  async applyMiddleware(app: any) { app.use('/trpc', createExpressMiddleware({ router: this.appRouter })); }
}
export type AppRouter = TrpcRouter['appRouter'];`,
  });
  expect(root?.name).toBe('src/trpc.router.ts#appRouter');
  expect(listOf(root)).toEqual(['query guests.list src/guests.router.ts:7', 'mutation guests.create src/guests.router.ts:8']);
});

test('other libraries with routers, queries and mutations are no routers', () => {
  const roots = rooted({
    'src/app.ts': `${IMPORT}export const appRouter = router({ a: p.query(() => 1) });`,
    'src/rtk.ts': `export const api = createApi({ endpoints: (build) => ({ getPosts: build.query({ query: () => '' }), addPost: build.mutation({ query: () => '' }) }) }); // trpc`,
    'src/tanstack.ts': `export const router = createRouter({ routeTree, history });\nexport const browser = createBrowserRouter([{ path: '/' }]);`,
    'src/express.ts': `const router = express.Router();\nrouter.get('/', (req, res) => res.json(db.query('select 1')));\nexport default router;`,
    'src/next.tsx': `export function Page() { const router = useRouter(); const q = trpc.a.useQuery(); return show({ router, q: client.a.query() }); }`,
    'src/convex.ts': `export const list = query({ handler: async () => 1 }); export const routers = { list: db.query('x') };`,
  });
  expect(roots.map(({ name }) => name)).toEqual(['src/app.ts#appRouter']);
  expect(unseenOf(roots[0])).toEqual([]);
});

test('two instances in one project, and one path twice', () => {
  const [root] = rooted({
    'src/app.ts': `${IMPORT}import { initTRPC } from '@trpc/server';
const other = initTRPC.create();
const a = router({ same: p.query(() => 1) });
const b = other.router({ same: other.procedure.query(() => 2) });
export const appRouter = mergeRouters(a, b);`,
  });
  expect(listOf(root)).toEqual(['query same src/app.ts:4']);
  expect(unseenOf(root)).toEqual(['src/app.ts:5 `same`: there is another procedure of this path, which is the one that is read']);
});

test('a router that spreads its own procedures ends', () => {
  const text = `${IMPORT}export const appRouter: any = router({ a: p.query(() => 1), ...appRouter._def.procedures, b: build() });
function build(): any { return router({ c: p.query(() => 1), ...build()._def.record }); }`;
  const [root] = rooted({ 'src/app.ts': text });
  expect(root?.procedures.map(({ path }) => path)).toEqual(expect.arrayContaining(['a', 'b.c']));
  expect(root?.unseen.length).toBeGreaterThan(0);
});
