/** A server of its own process: mutations that are counted, over HTTP. `server.cjs URL PORT STORE`; writes a line when it listens. */
import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import superjson from 'superjson';
import { createHub } from '../../../lib/index.js';
import { drizzleStore, pgStore } from '../../../lib/postgres/transactions/index.js';
import { conflictFormatter, createSync, txInput } from '../../../lib/trpc/index.js';

const [, , url, port, kind] = process.argv;
const hub = createHub({ engine: 'js', transformer: superjson, logger: { error: () => undefined, warn: () => undefined } });
// Drizzle 0.45 never gives back a connection whose BEGIN fails; there are more than this test's database can break.
const pool = new Pool({ connectionString: url, max: kind === 'pg' ? 12 : 60 });
// The database of this test dies, and with it connections that are in use: Drizzle listens to none of them.
pool.on('error', () => undefined);
if (kind !== 'pg') pool.on('connect', (client) => client.on('error', () => undefined));
const db = drizzle(pool);

interface Context {
  companyId: string;
  userId: string;
}
const core = createSync<Context>({ hub, rules: { clientId: null } });
const t = initTRPC.context<Context>().create({ transformer: superjson, errorFormatter: conflictFormatter, isDev: false });
const input = (value: unknown): { name: string } => ({ name: String((value as { name?: unknown }).name) });
const base = t.procedure.use(core.middleware()).input(txInput).input(input);

const answerOf = (name: string, row: Record<string, unknown> | undefined) => ({ name, n: Number(row?.['n']), at: new Date(), by: process.pid });
const byPg = base.use(core.transaction({ store: pgStore(pool), waitMs: 2_000 })).mutation(async ({ ctx, input: { name } }) => {
  const { rows } = await (ctx.tx).query('INSERT INTO effects (what) VALUES ($1) RETURNING n', [name]);
  return answerOf(name, rows[0] as Record<string, unknown>);
});
const byDrizzle = base.use(core.transaction({ store: drizzleStore(db, { sql }), waitMs: 2_000 })).mutation(async ({ ctx, input: { name } }) => {
  const { rows } = await ctx.tx.execute(sql`INSERT INTO effects (what) VALUES (${name}) RETURNING n`);
  return answerOf(name, rows[0]);
});
const router = t.router({ count: { add: kind === 'pg' ? byPg : byDrizzle, all: t.procedure.query(() => 0) } });

void core
  .for<typeof router>()
  .bind(router, { mutations: { 'count.add': ['count.all'] } })
  .then(() => {
    const handle = createHTTPHandler({ router, createContext: () => ({ companyId: 'acme', userId: 'ann' }) });
    createServer(handle).listen(Number(port), '127.0.0.1', 16_384, () => console.log('listens'));
  });
