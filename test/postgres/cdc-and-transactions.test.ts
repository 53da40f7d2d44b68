/** A mutation under `sync.transaction()` and the CDC worker that reads its commit: each change is told once, with its author. */
import { initTRPC } from '@trpc/server';
import { Pool } from 'pg';
import { createHub } from '../../lib/index.js';
import { createCdc, pgStore, transactionTables } from '../../lib/postgres/index.js';
import { createSync, txInput } from '../../lib/trpc/index.js';
import { PostgresServer } from '../support/postgres.js';
import { actionsOf } from '../support/sync-app.js';
import { waitFor } from '../support/wait.js';

interface Context {
  companyId: string;
  userId: string;
}

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.end());

test.each(['the app tells first', 'the worker tells first'])('%s: one change is one action, and what one of the two left out is told by the other', async (which) => {
  const database = `db${String(which.length)}`;
  await server.sql(`CREATE DATABASE ${database}`);
  await server.sql(`${transactionTables()} CREATE TABLE pages (id text, company_id text, title text, PRIMARY KEY (company_id, id)); CREATE PUBLICATION pathcast FOR TABLE pages`, { database });
  const hub = createHub({ engine: 'js' });
  const pool = new Pool({ connectionString: server.url(database) });
  const core = createSync<Context>({ hub, rules: { clientId: null } });
  const t = initTRPC.context<Context>().create({ isDev: false });
  const late = which === 'the worker tells first';
  const base = t.procedure
    // What stands around `sync.transaction()` and waits: the worker is quicker than the broadcast.
    .use(core.middleware())
    .use(async ({ next }) => {
      const result = await next();
      if (late) await waitFor(async () => (await actionsOf(hub)).some(({ id }) => id === 'tx:t-1'), 'the worker to tell of it');
      return result;
    })
    .input(txInput)
    .input((value: unknown) => value as { id: string; title: string });
  const appRouter = t.router({
    pages: t.router({
      getAll: t.procedure.query(() => 0),
      getById: t.procedure.query(() => 0),
      count: t.procedure.query(() => 0),
      create: base.use(core.transaction({ store: pgStore(pool) })).mutation(async ({ ctx, input: { id, title } }) => {
        await ctx.tx.query('INSERT INTO pages VALUES ($1, $2, $3)', [id, ctx.companyId, title]);
      }),
    }),
  });
  await core.for<typeof appRouter>().bind(appRouter, { mutations: { 'pages.create': { stale: ['pages.getAll', 'pages.count'], cascade: false } } });
  const cdc = createCdc({ hub, connection: server.url(database), slot: database, map: { pages: { tenant: 'company_id', paths: ['pages.getAll', 'pages.getById'] } } });
  try {
    await cdc.start();
    const input = { id: 'a', title: 'A', tx: { transactionId: 't-1', sourceId: 'tab' } };
    const caller = t.createCallerFactory(appRouter)({ companyId: 'acme', userId: 'ann' });
    await caller.pages.create(input);
    await caller.pages.create(input);
    await core.settled();
    await server.sql("INSERT INTO pages VALUES ('b', 'acme', 'B')", { database });
    await waitFor(async () => (await actionsOf(hub)).some(({ entityId, userId }) => entityId === 'b' && userId === 'external'), "psql's row");
    const told = (await actionsOf(hub)).filter(({ entityId }) => entityId === 'a');
    expect(told).toHaveLength(2);
    expect(told[0]).toMatchObject({ id: 'tx:t-1', userId: 'ann', sourceId: 'tab', queryPaths: late ? ['pages.getAll', 'pages.getById'] : ['pages.getAll', 'pages.count'] });
    expect(told[1]).toMatchObject({ userId: 'ann', sourceId: 'tab', queryPaths: late ? ['pages.count'] : ['pages.getById'] });
  } finally {
    await cdc.close();
    await hub.close();
    await pool.end();
  }
});
