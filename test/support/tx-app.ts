/** A small tRPC app whose mutations go through `sync.transaction()`, over a PostgreSQL of the test's own. */
import { initTRPC } from '@trpc/server';
import { drizzle } from 'drizzle-orm/node-postgres';
import { sql } from 'drizzle-orm';
import { Pool, type PoolClient } from 'pg';
import superjson from 'superjson';
import { createHub, type AnyHub } from '../../lib/index.js';
import { drizzleStore, pgStore, prismaStore, type PostgresStore, type PostgresStoreOptions } from '../../lib/postgres/transactions/index.js';
import { conflictFormatter, createSync, txInput, type InvalidationMap, type Transaction, type TransactionOptions } from '../../lib/trpc/index.js';
import type { PostgresServer } from './postgres.js';
import { prismaOf, type PrismaTx } from './prisma.js';

export const TABLES = `
  CREATE TABLE pages (id text PRIMARY KEY, title text, body text, size integer, due timestamptz, tags jsonb);
  CREATE TABLE effects (n serial PRIMARY KEY, what text NOT NULL);
`;

export interface TxContext {
  companyId?: string | undefined;
  userId?: string | undefined;
  /** Runs inside the mutation `pages.work`. */
  work?: ((call: Inside) => Promise<unknown>) | undefined;
}

/** What a resolver has, whatever its client. */
export interface Inside {
  transaction: Transaction;
  /** One statement in the transaction; its rows. */
  query: (text: string, ...values: unknown[]) => Promise<Record<string, any>[]>;
  ctx: TxContext & { tx: object };
  tx: object;
}

export const STORES = ['pg', 'drizzle', 'prisma'] as const;
export type StoreKind = (typeof STORES)[number];
export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

export interface TxAppOptions extends Partial<Omit<TransactionOptions<object>, 'store'>> {
  store?: StoreKind;
  isolation?: Isolation;
  storing?: PostgresStoreOptions;
  /** Default true: dates come back as dates. */
  superjson?: boolean;
  user?: string;
  hub?: AnyHub;
  pool?: Pool;
}

const objectWith =
  <T>(...names: string[]) =>
  (value: unknown): T => {
    if (typeof value !== 'object' || value === null || names.some((name) => !(name in value))) throw new TypeError('the input lacks a field');
    const { tx: _tx, ...rest } = value as Record<string, unknown>;
    return rest as T;
  };

const LEVELS = { 'read committed': 'ReadCommitted', 'repeatable read': 'RepeatableRead', serializable: 'Serializable' } as const;

interface Storing {
  store: PostgresStore<object>;
  query: (tx: object) => Inside['query'];
  end?: () => Promise<void>;
}

function storeOf(kind: StoreKind, url: string, pool: Pool, isolation: Isolation | undefined, storing: PostgresStoreOptions): Storing {
  if (kind === 'prisma') {
    const prisma = prismaOf(url);
    return {
      store: prismaStore(prisma, { ...storing, transaction: { timeout: 60_000, maxWait: 60_000, isolationLevel: isolation && LEVELS[isolation] } }),
      query: (tx) => async (text, ...values) => {
        const client = tx as PrismaTx;
        if (/^(SELECT|SHOW|INSERT|UPDATE|DELETE)/.test(text)) return client.$queryRawUnsafe(text, ...values);
        await client.$executeRawUnsafe(text, ...values);
        return [];
      },
      end: () => prisma.$disconnect(),
    };
  }
  if (kind === 'pg') {
    return {
      store: pgStore(pool, { ...storing, isolation }),
      query: (tx) => async (text, ...values) => (await (tx as PoolClient).query(text, values)).rows,
    };
  }
  const db = drizzle(pool);
  return {
    store: drizzleStore(db, { ...storing, sql, config: isolation && { isolationLevel: isolation } }),
    query: (tx) => async (text, ...values) => {
      const parts = text.split(/\$(\d+)/).map((part, at) => (at % 2 === 0 ? sql.raw(part) : sql.param(values[Number(part) - 1])));
      return (await (tx as typeof db).execute(sql.join(parts))).rows;
    },
  };
}

export function txApp(server: PostgresServer, options: TxAppOptions = {}) {
  const { store: kind = 'pg', isolation, storing = {}, user = 'postgres', superjson: withDates = true, hub: given, pool: givenPool, ...rest } = options;
  const transformer = withDates ? superjson : undefined;
  const hub = given ?? createHub({ engine: 'js', ...(transformer && { transformer }), limits: { perUser: 0, perCompany: 0 } });
  const pool = givenPool ?? new Pool({ connectionString: server.url('postgres', user), max: 20 });
  pool.on('error', () => undefined);
  const { store, query, end = async () => undefined } = storeOf(kind, server.url('postgres', user), pool, isolation, storing);
  const core = createSync<TxContext>({ hub, rules: { clientId: null } });
  const t = initTRPC.context<TxContext>().create({ isDev: false, errorFormatter: conflictFormatter, ...(transformer && { transformer }) });
  const mutation = t.procedure.use(core.middleware()).input(txInput).use(core.transaction({ store, ...rest }));
  const insideOf = (ctx: TxContext & { tx: object; transaction: Transaction }): Inside => ({ transaction: ctx.transaction, query: query(ctx.tx), ctx, tx: ctx.tx });
  const appRouter = t.router({
    pages: t.router({
      getAll: t.procedure.query(async () => (await pool.query<{ id: string; title: string }>('SELECT id, title FROM pages ORDER BY id')).rows),
      getById: t.procedure.input(objectWith<{ id: string }>('id')).query(() => ({})),
      create: mutation.input(objectWith<{ id: string; title: string; due?: Date }>('id', 'title')).mutation(async ({ ctx, input }) => {
        const { query: run } = insideOf(ctx);
        await run('INSERT INTO effects (what) VALUES ($1)', input.id);
        await run('INSERT INTO pages (id, title) VALUES ($1, $2)', input.id, input.title);
        return { id: input.id, title: input.title, at: new Date(), big: 12_345_678_901_234_567_890n };
      }),
      rename: mutation.input(objectWith<{ id: string; title: string }>('id', 'title')).mutation(async ({ ctx, input }) => {
        await insideOf(ctx).query('UPDATE pages SET title = $2 WHERE id = $1', input.id, input.title);
        return { id: input.id };
      }),
      /** Does what the context says. */
      work: mutation.input(objectWith<{ id: string }>('id')).mutation(async ({ ctx }): Promise<unknown> => ctx.work?.(insideOf(ctx))),
      update: mutation.input(objectWith<{ id: string; changes: Record<string, unknown> }>('id', 'changes')).mutation(async ({ ctx, input }) => {
        const { query: run, transaction } = insideOf(ctx);
        const read = () => run('SELECT * FROM pages WHERE id = $1', input.id);
        const changes = await transaction.fields({ entity: 'pages', id: input.id, changes: input.changes, read });
        const names = Object.keys(changes);
        const sets = ['id = $1', ...names.map((name, at) => `${name} = $${at + 2}`)].join(', ');
        const rows = await run(`UPDATE pages SET ${sets} WHERE id = $1 RETURNING id`, input.id, ...Object.values(changes));
        return { id: input.id, found: rows.length === 1, wrote: names, tx: { transactionId: transaction.id } };
      }),
      remove: mutation.input(objectWith<{ id: string }>('id')).mutation(async ({ ctx, input }) => {
        const { query: run, transaction } = insideOf(ctx);
        await transaction.fields({ entity: 'pages', id: input.id, changes: null, compare: ['title', 'body', 'size', 'due', 'tags'], read: () => run('SELECT * FROM pages WHERE id = $1', input.id) });
        await run('DELETE FROM pages WHERE id = $1', input.id);
        return { id: input.id };
      }),
    }),
  });
  const createCaller = t.createCallerFactory(appRouter);
  const map = {
    mutations: {
      'pages.create': { stale: ['pages.getAll', 'pages.getById'], row: { query: 'pages.getById', input: ({ input }) => ({ id: input.id }), data: ({ input: { id, title } }) => ({ id, title }), audience: 'company' } },
      'pages.rename': ['pages.getAll'],
      'pages.work': ['pages.getAll'],
      'pages.update': ['pages.getAll'],
      'pages.remove': ['pages.getAll'],
    },
  } satisfies InvalidationMap<typeof appRouter>;
  return {
    hub,
    pool,
    store,
    sync: core.for<typeof appRouter>(),
    appRouter,
    /** Any input: what a browser sends is not checked by a compiler. */
    as: (userId: string | undefined, companyId = 'acme', work?: TxContext['work']) =>
      createCaller({ companyId, userId, work }).pages as unknown as Record<'create' | 'rename' | 'work' | 'update' | 'remove', (input: unknown) => Promise<any>>,
    bind: () => core.for<typeof appRouter>().bind(appRouter, map),
    effects: async (): Promise<string[]> => (await pool.query<{ what: string }>('SELECT what FROM effects ORDER BY n')).rows.map(({ what }) => what),
    end: async () => {
      if (!given) await hub.close();
      await end();
      if (!givenPool) await pool.end();
    },
  };
}

export type TxApp = ReturnType<typeof txApp>;
export type TxRouter = TxApp['appRouter'];
