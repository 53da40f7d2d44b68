/**
 * Programs and what a compiler must say of them. A line that ends in `// refused` must have an error, no other may.
 * `circular`: the declaration of the router must be refused as circular: what the documentation warns of.
 */

const HEAD = `import { initTRPC, lazy } from '@trpc/server';
import { createSync, type InvalidationMap, type MutationPath, type QueryPath, type RouterPath, type RuleCall, type StalePath, type Sync } from 'PATHCAST';

interface Context { companyId: string; userId: string }
const t = initTRPC.context<Context>().create();
const p = t.procedure;
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(proof?: T) => proof;
const rest = { type: 'insert', module: 'guests', entityId: '1', companyId: 'acme', userId: 'u' } as const;
holds<Equal<1, 1>>();
`;

const ROUTER = `
const slow = t.router({ report: p.query(() => 1), rebuild: p.mutation(() => 1), deep: { list: p.query(() => 1) } });
const appRouter = t.router({
  guests: t.router({
    getAll: p.query(() => [1]),
    getStats: p.query(() => ({})),
    create: p.input((value: unknown) => value as { id: string; vip?: boolean }).mutation(({ input }) => ({ id: input.id, at: 5 })),
    delete: p.input((value: unknown) => value as { id: string }).mutation(() => true),
  }),
  admin: { users: { list: p.query(() => []), ban: p.mutation(() => 1) }, jobs: { run: p.mutation(() => 1) } },
  slow: lazy(async () => slow),
  ping: p.query(() => 'pong'),
  onSync: p.subscription(async function* () { yield 1; }),
});
type AppRouter = typeof appRouter;
`;

const MAP_REST = `'guests.delete': ['guests'], 'admin.users.ban': ['admin'], 'admin.jobs.run': { silent: 'nothing is read' }, 'slow.rebuild': ['slow.deep.list']`;

export const PROGRAMS: Record<string, string> = {
  paths: `${HEAD}${ROUTER}
holds<Equal<QueryPath<AppRouter>, 'guests.getAll' | 'guests.getStats' | 'admin.users.list' | 'slow.report' | 'slow.deep.list' | 'ping'>>();
holds<Equal<MutationPath<AppRouter>, 'guests.create' | 'guests.delete' | 'admin.users.ban' | 'admin.jobs.run' | 'slow.rebuild'>>();
// A prefix without a query below it is no query path.
holds<Equal<RouterPath<AppRouter>, 'guests' | 'admin' | 'admin.users' | 'slow' | 'slow.deep'>>();
holds<Equal<StalePath<AppRouter>, QueryPath<AppRouter> | RouterPath<AppRouter> | '*'>>();
const any: StalePath<import('@trpc/server').AnyTRPCRouter> = 'whatever';
export { any };
`,
  broadcast: `${HEAD}${ROUTER}
const sync = createSync<AppRouter>();
sync.broadcast({ ...rest, queryPaths: ['guests.getAll', 'guests.getStats', 'admin.users.list', 'slow.report', 'slow.deep.list', 'ping'] });
sync.broadcast({ ...rest, queryPaths: ['guests', 'admin', 'admin.users', 'slow', 'slow.deep', '*'] });
const nothing: void = sync.broadcast({ ...rest, queryPaths: ['*'] });
sync.broadcast({ ...rest, queryPaths: ['guests.list'] }); // refused
sync.broadcast({ ...rest, queryPaths: ['guests.create'] }); // refused
sync.broadcast({ ...rest, queryPaths: ['onSync'] }); // refused
sync.broadcast({ ...rest, queryPaths: ['admin.jobs'] }); // refused
sync.broadcast({ ...rest, queryPaths: ['guests.*'] }); // refused
sync.broadcast({ ...rest, queryPaths: ['guests.getAll', 'budget'] }); // refused
sync.broadcast({ ...rest, type: 'upsert', queryPaths: ['guests'] }); // refused
sync.broadcast({ ...rest }); // refused
const list: string[] = ['guests'];
sync.broadcast({ ...rest, queryPaths: list }); // refused
sync.afterCommit({}, { ...rest, queryPaths: ['guests.list'] }); // refused
export const untyped = createSync().broadcast({ ...rest, queryPaths: ['any.thing'] });
export { nothing };
`,
  map: `${HEAD}${ROUTER}
const sync = createSync<AppRouter>();
export const good = {
  modules: { figures: ['guests.getStats'] },
  cascades: { guests: ['admin', 'figures'], figures: ['slow'] },
  mutations: {
    'guests.create': ({ input, result }) => {
      holds<Equal<typeof input, { id: string; vip?: boolean }>>();
      holds<Equal<typeof result, { id: string; at: number }>>();
      return input.vip ? ['guests'] : ['guests.getAll'];
    },
    'guests.delete': { stale: ({ input }) => [input.id === '*' ? '*' : 'guests.getAll'], cascade: ['figures'], type: 'delete', module: 'guests' },
    'admin.users.ban': { stale: ['admin.users.list'], cascade: false },
    'admin.jobs.run': { silent: 'nothing is read' },
    'slow.rebuild': ['slow', 'ping'],
  },
  tools: {
    add_guest: 'guests.create',
    count_guests: ['guests.getStats'],
    drop_guest: ({ input }: { input: { id: string } }) => (input.id ? ['guests'] : ['*']),
  },
} satisfies InvalidationMap<AppRouter>;
export const bound: Promise<void> = sync.bind(appRouter, good);
export const paths: string[] = sync.queryPathsOf('guests.create', { input: { id: '1' } });

export const missing = { mutations: { 'guests.create': ['guests'], 'guests.delete': ['guests'] } } satisfies InvalidationMap<AppRouter>; // refused
export const unknown = { mutations: { 'guests.create': ['guests'], ${MAP_REST},
  'guests.destroy': ['guests'], // refused
} } satisfies InvalidationMap<AppRouter>;
export const phantom = { mutations: { ${MAP_REST},
  'guests.create': ['guests.list'], // refused
} } satisfies InvalidationMap<AppRouter>;
export const phantomInFunction = { mutations: { ${MAP_REST},
  'guests.create': () => ['guests.list'], // refused
} } satisfies InvalidationMap<AppRouter>;
export const phantomInEntry = { mutations: { ${MAP_REST},
  'guests.create': { stale: ['guests.list'] }, // refused
} } satisfies InvalidationMap<AppRouter>;
export const notAnInput = { mutations: { ${MAP_REST},
  'guests.create': ({ input }) => (input.name ? ['guests'] : ['*']), // refused
} } satisfies InvalidationMap<AppRouter>;
export const tool = { mutations: { 'guests.create': ['guests'], ${MAP_REST} }, tools: {
  add_guest: 'guests.add', // refused
  other: ['guests.list'], // refused
} } satisfies InvalidationMap<AppRouter>;
export const module = { modules: {
  figures: ['guests.list'], // refused
}, mutations: { 'guests.create': ['guests'], ${MAP_REST} } } satisfies InvalidationMap<AppRouter>;
void sync.announce('guests.add', { companyId: 'acme' }); // refused
void sync.announce('guests.create', { companyId: 'acme', input: {} });
void sync.announceTool('add_guest', { companyId: 'acme' });
void sync.announceTool('add_guest', {}); // refused
`,
  row: `${HEAD}
const appRouter = t.router({ guests: t.router({
  getById: p.input((value: unknown) => value as { id: string }).query(() => ({ id: 'a', name: 'b' })),
  getAll: p.query(() => [{ id: 'a', name: 'b' }]),
  save: p.input((value: unknown) => value as { id: string }).mutation(({ input }) => ({ ok: true, guest: { id: input.id, name: 'x' } })),
}) });
type AppRouter = typeof appRouter;
const sync = createSync<AppRouter>();
export const good = { mutations: { 'guests.save': { stale: ['guests'], row: {
  query: 'guests.getById',
  input: ({ input, result }) => {
    holds<Equal<typeof input, { id: string }>>();
    holds<Equal<typeof result, { ok: boolean; guest: { id: string; name: string } }>>();
    return { id: result.guest.id };
  },
  data: ({ result }) => result.guest,
  list: ['guests.getAll'],
  audience: 'company',
} } }, tools: { save_guest: { stale: ['guests'], row: { query: 'guests.getById', input: ({ input }) => ({ id: input.guestId }), audience: 'company' } } } } satisfies InvalidationMap<AppRouter>;
export const part = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, data: () => ({ name: 'x' }), audience: 'company' } } } } satisfies InvalidationMap<AppRouter>;
export const noAudience = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, data: ({ result }) => result.guest } } } } satisfies InvalidationMap<AppRouter>; // refused
export const otherAudience = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, data: ({ result }) => result.guest, audience: 'everybody' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const noQuery = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.save', input: { id: 'a' }, data: ({ result }) => result.guest, audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const noInput = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', data: ({ result }) => result.guest, audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const otherInput = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { ident: 'a' }, data: ({ result }) => result.guest, audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const noList = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, data: ({ result }) => result.guest, list: 'guests', audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const noRow = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, data: ({ result }) => ({ id: result.ok }), audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const noData = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
export const asyncData = { mutations: { 'guests.save': { stale: ['guests'], row: { query: 'guests.getById', input: { id: 'a' }, data: async ({ result }) => result.guest, audience: 'company' } } } } satisfies InvalidationMap<AppRouter>; // refused
sync.broadcast({ ...rest, queryPaths: ['guests'], data: {}, row: { query: 'guests.getById', input: { id: 'a' }, list: 'guests.getAll', audience: 'company' } });
sync.broadcast({ ...rest, queryPaths: ['guests'], data: {}, row: { query: 'guests.save', audience: 'company' } }); // refused
sync.broadcast({ ...rest, queryPaths: ['guests'], data: {}, row: { query: 'guests.getById' } }); // refused
`,
  rules: `${HEAD}${ROUTER}
interface Own { session: { company: string } }
export const declared = createSync<never, Own>({ rules: { companyId: ({ ctx }) => ctx.session.company, clientId: null } });
export const ofContext = createSync<Own>({ rules: { companyId: ({ ctx }) => { holds<Equal<typeof ctx, Own>>(); return ctx.session.company; } } });
holds<Equal<typeof ofContext, Sync>>();
export const misread = createSync<Own>({ rules: { companyId: ({ ctx }) => ctx.company } }); // refused
export const both = createSync<AppRouter, Own>({ rules: { companyId: ({ ctx }) => ctx.session.company } });
holds<Equal<typeof both, Sync<AppRouter>>>();
export const ofRouter = createSync<AppRouter>({ rules: { companyId: ({ ctx }) => ctx.session.company } }); // refused
export const inferred = createSync({ rules: { companyId: ({ ctx }: RuleCall<Own>) => ctx.session.company } });
export const asked = createSync({ rules: { companyId: ({ ctx }) => ctx.companyId } }); // refused
export const wrong = createSync({ rules: { type: () => 'upsert' } }); // refused
export const unknown = createSync({ rules: { company: () => 'x' } }); // refused
`,
  'inputs of all kinds, transformers and options that are undefined': `${HEAD.replace("type Sync }", "type Sync, syncInput, syncSubscription }")}
const own = initTRPC.context<Context>().meta<{ auth?: boolean }>().create({ transformer: { serialize: (value: unknown) => value, deserialize: (value: unknown) => value } });
const core = createSync({ hub: undefined, rules: undefined });
const base = own.procedure.use(core.middleware());
const after = own.procedure.input((value: unknown) => value as { id: string }).use(core.middleware());
const optional = (value: unknown) => value as { id: string } | undefined;
const guests = own.router({ guests: { getAll: base.query(() => 1), a: base.input(optional).mutation(() => new Date()), b: base.mutation(() => undefined),
  c: after.mutation(({ input }) => input.id), d: base.input((value: unknown) => value as FormData).mutation(() => 1), e: base.mutation(async function* () { yield 1; }) } });
const appRouter = own.mergeRouters(guests, own.router({ onSync: base.input(syncInput).subscription(syncSubscription({
  stream: ({ ctx, input }) => ({ ...ctx, filter: { queryPaths: input?.queryPaths, clientId: input?.clientId, modules: input?.modules, excludeSourceId: input?.sourceId } }) })) }));
type AppRouter = typeof appRouter;
export const map = { mutations: {
  'guests.a': ({ input, result }) => (input?.id || result.getTime() ? ['guests'] : ['guests.getAll']),
  'guests.b': ({ input, result }) => { holds<Equal<typeof result, undefined>>(); return input === undefined ? ['*'] : []; },
  'guests.c': ({ input }) => (input.id ? ['guests'] : ['*']),
  'guests.d': ({ input }) => (input.get('id') ? ['guests'] : ['*']),
  'guests.e': ['guests'],
} } satisfies InvalidationMap<AppRouter>;
void core.for<AppRouter>().bind(appRouter, map, { aliases: undefined, onPhantomPath: undefined });
const none: undefined = undefined;
createSync<Context>({ hub: none, onError: none, rules: { companyId: none, userId: none, clientId: none, sourceId: none, entityId: none, module: none, type: none, data: none } });
export const bare = { modules: none, cascades: none, tools: none, mutations: {
  'guests.a': { stale: ['guests'], cascade: none, module: none, type: none, onError: none }, 'guests.b': ['guests'], 'guests.c': ['guests'], 'guests.d': ['guests'], 'guests.e': ['guests'],
} } satisfies InvalidationMap<AppRouter>;
export const asks: import('PATHCAST').SyncInput = { lastEventId: none, lastSyncTimestamp: none, since: none, clientId: none, modules: none, entities: none, queryPaths: none, sourceId: none, clientInstanceId: none };
void syncSubscription({ hub: none, ids: none, stream: () => ({ companyId: 'c', userId: 'u', holdResponse: none, headers: none, filter: none, expiresAt: none }) });
void core.hub.drain({ overMs: none });
void core.hub.handler({ identify: () => null, headers: none });
`,
  'middleware on the base procedure': `${HEAD}
const core = createSync<Context>({ rules: { companyId: ({ ctx }) => ctx.companyId } });
const base = p.use(core.middleware());
const named = base.use(({ ctx, next }) => next({ ctx: { name: ctx.userId } })).use(core.middleware());
const sync = core.for<AppRouter>();
const appRouter = t.router({
  guests: t.router({
    getAll: base.query(({ ctx }) => ctx.companyId),
    create: named.mutation(({ ctx }) => {
      sync.broadcast({ ...rest, queryPaths: ['guests.getAll'] });
      return ctx.name;
    }),
  }),
});
export type AppRouter = typeof appRouter;
export const map = { mutations: { 'guests.create': ['guests.getAll'] } } satisfies InvalidationMap<AppRouter>;
holds<Equal<StalePath<AppRouter>, 'guests' | 'guests.getAll' | '*'>>();
`,
  'a statement in a mutation, in a middleware, through the context': `${HEAD}
const sync = createSync<AppRouter>();
interface Told extends Context { sync: Sync<AppRouter> }
const told = initTRPC.context<Told>().create();
const watched = told.procedure.use(async ({ next }) => {
  const result = await next();
  sync.broadcast({ ...rest, queryPaths: ['guests'] });
  return result;
});
const appRouter = told.router({
  guests: told.router({
    getAll: watched.query(() => 1),
    create: watched.mutation(({ ctx }) => {
      sync.broadcast({ ...rest, queryPaths: ['guests.getAll'] });
      ctx.sync.broadcast({ ...rest, queryPaths: ['guests'] });
      return { id: 1 };
    }),
  }),
});
export type AppRouter = typeof appRouter;
holds<Equal<QueryPath<AppRouter>, 'guests.getAll'>>();
`,
  'a subscription of the router beside the data router': `${HEAD}
const dataRouter = t.router({ guests: { getAll: p.query(() => 1) } });
type DataRouter = typeof dataRouter;
const appRouter = t.mergeRouters(dataRouter, t.router({
  onSync: p.subscription(async function* () { yield null as unknown as StalePath<DataRouter>; }),
}));
export type AppRouter = typeof appRouter;
holds<Equal<QueryPath<AppRouter>, 'guests.getAll'>>();
`,
  transactions: `${HEAD}
import { Pool, type PoolClient } from 'pg';
import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Transaction } from 'PATHCAST';
import { conflictFormatter, txInput, type TransactionStore } from 'PATHCAST';
import { drizzleStore, pgStore, prismaStore } from 'POSTGRES';
import { fieldConflicts } from 'LINK';

// As Prisma generates it.
interface PrismaClient {
  page: { create(): Promise<{ id: string }> };
  $transaction<P extends Promise<any>[]>(arg: [...P], options?: { isolationLevel?: string }): Promise<unknown[]>;
  $transaction<R>(fn: (prisma: Omit<PrismaClient, '$transaction'>) => Promise<R>, options?: { maxWait?: number; timeout?: number }): Promise<R>;
}
declare const pool: Pool;
declare const prisma: PrismaClient;
const db = drizzle(pool);
type Of<S> = S extends TransactionStore<infer Tx> ? Tx : never;
type DrizzleTx = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0];
const stores = { pg: pgStore(pool), drizzle: drizzleStore(db, { sql, config: { isolationLevel: 'serializable' } }), prisma: prismaStore(prisma) };
holds<Equal<Of<typeof stores.pg>, PoolClient>>();
holds<Equal<Of<typeof stores.drizzle>, DrizzleTx>>();
holds<Equal<Of<typeof stores.prisma>, Omit<PrismaClient, '$transaction'>>>();
pgStore(db); // refused
drizzleStore(pool, { sql }); // refused
drizzleStore(db); // refused
prismaStore(pool); // refused
drizzleStore(db, { sql, config: { isolationLevel: 'snapshot' } }); // refused

const core = createSync<Context>();
const input = (value: unknown) => value as { id: string; title?: string };
const own = initTRPC.context<Context>().create({ errorFormatter: conflictFormatter });
const base = own.procedure.use(core.middleware()).input(txInput).input(input);
const appRouter = own.router({
  getAll: own.procedure.query(() => [1]),
  update: base.use(core.transaction({ store: stores.drizzle, retries: 2 })).mutation(async ({ ctx, input: { id, title, tx } }) => {
    holds<Equal<typeof ctx.tx, DrizzleTx>>();
    holds<Equal<typeof ctx.transaction, Transaction>>();
    holds<Equal<typeof ctx.companyId, string>>();
    const seen: string | null | undefined = tx?.expected?.['title'];
    const changes = await ctx.transaction.fields({ entity: 'pages', id, changes: { title }, read: async () => null });
    holds<Equal<typeof changes, Partial<{ title: string | undefined }>>>();
    await ctx.transaction.fields({ entity: 'pages', id, changes: null, read: async () => [{ id }] });
    ctx.transaction.fields({ entity: 'pages', id, changes: { title } }); // refused
    return { seen, tx: { transactionId: ctx.transaction.id } };
  }),
});
core.for<typeof appRouter>();
core.transaction({ store: stores.pg, retry: 2 }); // refused
core.transaction({}); // refused
type Input = import('@trpc/server').inferProcedureInput<typeof appRouter.update>;
const sent: Input = { id: 'p', title: 'x', tx: { transactionId: 'id', expected: { title: null } } };
const none: Input = { id: 'p' };
const wrong: Input = { id: 'p', tx: { expected: {} } }; // refused
for (const conflict of fieldConflicts<{ title: string; size: number }>(new Error('x')) ?? []) {
  if (conflict.field === 'size') holds<Equal<typeof conflict.theirs, number | undefined>>();
  if (conflict.field === 'body') {} // refused
}
export { sent, none, wrong };
`,
};

export const CIRCULAR: Record<string, string> = {
  'an arrow whose value is the broadcast': `${HEAD}
const sync = createSync<AppRouter>();
const appRouter = t.router({ getAll: p.query(() => 1), create: p.mutation(() => sync.broadcast({ ...rest, queryPaths: ['getAll'] })) });
export type AppRouter = typeof appRouter;
`,
  'an answer made of what the sync gives': `${HEAD}
const sync = createSync<AppRouter>();
const appRouter = t.router({ getAll: p.query(() => 1), create: p.mutation(() => { const paths = sync.queryPathsOf('create'); return { paths }; }) });
export type AppRouter = typeof appRouter;
`,
  'meta that names query paths': `${HEAD}
const own = initTRPC.context<Context>().meta<{ invalidates: QueryPath<AppRouter>[] }>().create();
const appRouter = own.router({ getAll: own.procedure.query(() => 1), create: own.procedure.meta({ invalidates: ['getAll'] }).mutation(() => 1) });
export type AppRouter = typeof appRouter;
`,
  'a subscription that yields paths of its own router': `${HEAD}
const appRouter = t.router({ getAll: p.query(() => 1), onSync: p.subscription(async function* () { yield null as unknown as QueryPath<AppRouter>; }) });
export type AppRouter = typeof appRouter;
`,
  'a sync for the router whose type is written out, in a router under its middleware': `${HEAD}
const core = createSync();
const named = p.use(core.middleware()).use(({ ctx, next }) => next({ ctx: { name: ctx.userId } }));
const sync: Sync<AppRouter> = core.for<AppRouter>();
const appRouter = t.router({ getAll: p.query(() => 1), create: named.mutation(({ ctx }) => {
  sync.broadcast({ ...rest, queryPaths: ['getAll'] });
  return ctx.name;
}) });
export type AppRouter = typeof appRouter;
`,
  'the middleware of a sync that is typed by the router': `${HEAD}
const sync = createSync<AppRouter>();
const base = p.use(sync.middleware());
const appRouter = t.router({ getAll: base.query(() => 1) });
export type AppRouter = typeof appRouter;
`,
};
