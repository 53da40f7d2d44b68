/** What is inside a transaction, through wrappers and helpers. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { ACTION, broadcastsOf, effects, writesOf, type Given } from './audit-effects-tree.js';
import { removeTrees } from './audit-project-tree.js';

afterAll(removeTrees);

const HELPERS = `import { guests } from './schema';
import { db } from './db';
export async function saveGuest(executor, row) { await executor.insert(guests).values(row); }
export async function saveOptional(row, tx?: typeof db) { await (tx ?? db).insert(guests).values(row); }
export async function saveDefault(row, executor = db) { await executor.insert(guests).values(row); }
export async function saveWith({ tx, row }) { await tx.insert(guests).values(row); }
export async function saveBare(row) { await db.insert(guests).values(row); }
`;
const helpers: Given = { before: `import { saveGuest, saveOptional, saveDefault, saveWith, saveBare } from './helpers';`, files: { 'helpers.ts': HELPERS } };
const WRAPPER = `import { db } from './db';
export async function withTransaction<T>(work: (tx: any) => Promise<T>): Promise<T> { return db.transaction(async (tx) => work(tx)); }
`;

type Case = [what: string, body: string, writes: string[], given?: Given];

describe('inside and outside', () => {
  test.each<Case>([
    ['a callback', `await db.transaction(async (tx) => { await tx.insert(guests).values({}); });`, ['insert guests drizzle tx']],
    ['of the context', `await ctx.db.transaction(async (trx) => { await trx.delete(guests); });`, ['delete guests drizzle tx']],
    ['the outer database in it is outside', `await db.transaction(async (tx) => { await db.insert(guests).values({}); await tx.delete(hotels); });`, ['insert guests drizzle', 'delete hotels drizzle tx']],
    ['a wrapper of the project', `await withTransaction(async (tx) => { await tx.insert(guests).values({}); });`, ['insert guests drizzle tx'], { before: `import { withTransaction } from './tx';`, files: { 'tx.ts': WRAPPER } }],
    ['a wrapper out of sight', `await withTransaction(async (tx) => { await tx.insert(guests).values({}); });`, ['insert guests drizzle tx'], { before: `import { withTransaction } from '@acme/db';` }],
    ['a wrapper in name only', `await withTransaction(async (conn) => { await conn.insert(guests).values({}); });`, ['insert guests drizzle'], { before: `const withTransaction = async (work) => work(db);` }],
    ['a wrapper by SQL', `await inTransaction(async (client) => { await client.query('INSERT INTO guests VALUES (1)'); });`, ['insert guests sql tx'], {
      before: `const inTransaction = async (work) => { const client = await pool.connect(); await client.query('BEGIN'); const r = await work(client); await client.query('COMMIT'); return r; }; declare const pool: import('pg').Pool;`,
    }],
    ['BEGIN and COMMIT', `await ctx.db.query('BEGIN'); await ctx.db.query('DELETE FROM guests'); await ctx.db.query('COMMIT'); await ctx.db.query('DELETE FROM hotels');`, ['delete guests sql tx', 'delete hotels sql']],
    ['Prisma, by callback', `await ctx.prisma.$transaction(async (tx) => { await tx.guest.create({ data: {} }); });`, ['insert guest prisma tx']],
    ['Prisma, by list', `await ctx.prisma.$transaction([ctx.prisma.guest.create({ data: {} }), ctx.prisma.hotel.deleteMany()]);`, ['insert guest prisma tx', 'delete hotel prisma tx']],
    ['Kysely', `await ctx.db.transaction().execute(async (trx) => { await trx.deleteFrom('guests').execute(); });`, ['delete guests other tx']],
    ['Knex, by hand', `const trx = await ctx.knex.transaction(); await trx('guests').del(); await trx.commit();`, ['delete guests knex tx']],
    ['better-sqlite3', `all(input);`, ['insert guests sql tx loop'], {
      before: `import Database from 'better-sqlite3'; const lite = new Database('a'); const one = lite.prepare('INSERT INTO guests VALUES (1)'); const all = lite.transaction((rows) => { for (const row of rows) one.run(row); });`,
    }],
    ['asynchronous storage', `await transacted(async () => { await getDb().insert(guests).values({}); });`, ['insert guests drizzle tx'], {
      before: `import { AsyncLocalStorage } from 'node:async_hooks'; const storage = new AsyncLocalStorage(); const getDb = () => storage.getStore() ?? db; const transacted = (work) => db.transaction((tx) => storage.run(tx, work));`,
    }],
    ["pathcast's own", `await sync.transaction((body) => db.transaction(body), async (tx) => { await tx.insert(guests).values({}); });`, ['insert guests drizzle tx'], { before: `import { createSync } from 'pathcast/trpc'; const sync = createSync();` }],
    ['a middleware around it', `await ctx.db.insert(guests).values({});`, ['insert guests drizzle tx'], {
      procedure: `procedure.use(({ ctx, next }) => db.transaction((tx) => next({ ctx: { ...ctx, db: tx } })))`,
    }],
    ['that middleware does not catch the bare one', `await db.insert(guests).values({});`, ['insert guests drizzle'], {
      procedure: `procedure.use(({ ctx, next }) => db.transaction((tx) => next({ ctx: { ...ctx, db: tx } })))`,
    }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(writesOf(effects(body, given))).toEqual(expected);
  });
});

describe('helpers', () => {
  const tx = (inner: string): string => `await db.transaction(async (tx) => { ${inner} });`;
  test.each<Case>([
    ['given the transaction', tx('await saveGuest(tx, {});'), ['insert guests drizzle tx via saveGuest']],
    ['given the database', `await saveGuest(db, {});`, ['insert guests drizzle via saveGuest']],
    ['given the database inside', tx('await saveGuest(db, {});'), ['insert guests drizzle via saveGuest']],
    ['an optional one, given', tx('await saveOptional({}, tx);'), ['insert guests drizzle tx via saveOptional']],
    ['an optional one, left out', tx('await saveOptional({});'), ['insert guests drizzle via saveOptional']],
    ['a default, left out', `await saveDefault({});`, ['insert guests drizzle via saveDefault']],
    ['a default, given', tx('await saveDefault({}, tx);'), ['insert guests drizzle tx via saveDefault']],
    ['in an object', tx('await saveWith({ tx, row: {} });'), ['insert guests drizzle tx via saveWith']],
    ['in an object, bare', `await saveWith({ tx: db, row: {} });`, ['insert guests drizzle via saveWith']],
    ['with a database of its own', tx('await saveBare({});'), ['insert guests drizzle via saveBare']],
    ['the whole context with the transaction in it', tx('await inner({ ...ctx, db: tx });'), ['insert guests drizzle tx via inner'], { before: `async function inner(ctx) { await ctx.db.insert(guests).values({}); }` }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(writesOf(effects(body, given ?? helpers))).toEqual(expected);
  });

  test('say what they were given', () => {
    const found = effects(tx('await saveGuest(tx, {}); await saveGuest(db, {}); await saveBare({});'), helpers);
    expect(found.helpers.map(({ name, database }) => `${name} ${database}`)).toEqual(['saveGuest tx', 'saveGuest bare', 'saveBare none']);
    expect(found.notes.map(({ text }) => text)).toContain("guests is written inside a transaction's callback, but not through the transaction");
  });

  test('a wrapper that only passes work on is none', () => {
    const found = effects(`await withTransaction(async (tx) => { await tx.insert(guests).values({}); });`, { before: `import { withTransaction } from './tx';`, files: { 'tx.ts': WRAPPER } });
    expect(found.helpers).toEqual([]);
  });
});

describe('broadcasts in transactions', () => {
  const action = ACTION(`['guests.getAll']`);
  test.each<Case>([
    ['inside', `await db.transaction(async (tx) => { await broadcastSync(${action}); });`, ['broadcastSync guests.getAll tx']],
    ['after it', `await db.transaction(async (tx) => { await tx.delete(guests); }); await broadcastSync(${action});`, ['broadcastSync guests.getAll']],
    ['by a helper inside', `await db.transaction(async (tx) => { await tell(ctx); });`, ['broadcastSync guests.getAll tx via tell'], { before: `const tell = (ctx) => broadcastSync(${action});` }],
    ['waiting for the commit', `await db.transaction(async (tx) => { sync.afterCommit(tx, ${action}); });`, ['sync.afterCommit guests.getAll'], { before: `declare const sync: any;` }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(broadcastsOf(effects(body, given))).toEqual(expected);
  });
});
