/** What is taken for a write to a database, and what is not. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { effects, writesOf, type Given } from './audit-effects-tree.js';
import { removeTrees } from './audit-project-tree.js';

afterAll(removeTrees);

type Case = [what: string, body: string, writes: string[], given?: Given];
const KNEX = `import knex from 'knex'; export const knexDb = knex({ client: 'pg' });`;
const PRISMA = `import { PrismaClient } from '@prisma/client'; export const prisma = new PrismaClient();`;
const SQLITE = `import Database from 'better-sqlite3'; export const db = new Database('a.db');`;

describe('writes', () => {
  test.each<Case>([
    ['an insert', `await db.insert(guests).values({ id: '1' }).returning();`, ['insert guests drizzle']],
    ['the variable names the table', `await db.update(guestTransport).set({});`, ['update guestTransport drizzle']],
    ['a delete', `await db.delete(guests).where(eq(guests.id, '1'));`, ['delete guests drizzle']],
    ['an upsert', `await db.insert(guests).values({}).onConflictDoUpdate({ target: guests.id, set: {} });`, ['upsert guests drizzle']],
    ['an insert that gives way is one', `await db.insert(guests).values({}).onConflictDoNothing();`, ['insert guests drizzle']],
    ['the context holds the database', `await ctx.db.insert(guests).values({});`, ['insert guests drizzle']],
    ['by another name', `const database = ctx.db; await database.insert(hotels).values({});`, ['insert hotels drizzle']],
    ['destructured', `const { db: connection } = ctx; await connection.insert(hotels).values({});`, ['insert hotels drizzle']],
    ['a CTE before it', `await db.with(cte).update(guests).set({});`, ['update guests drizzle'], { before: `const cte = db.$with('x').as(db.select().from(guests));` }],
    ['SQL through the builder', 'await db.execute(sql`update ${guests} set id = 1`);', ['update guests sql']],
    ['SQL with a plain name', 'await db.execute(sql`insert into hotels (id) values (1)`);', ['insert hotels sql']],
    ['SQL in a string', `await pool.query('DELETE FROM "public"."guests" WHERE id = $1', [1]);`, ['delete guests sql'], { before: `declare const pool: import('pg').Pool;` }],
    ['SQL in a constant', `await ctx.client.query(TOUCH);`, ['update hotels sql'], { before: `const TOUCH = 'UPDATE hotels SET seen = now()';` }],
    ['an SQL upsert', `await ctx.db.query('INSERT INTO guests (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1');`, ['upsert guests sql']],
    ['a writing CTE', `await ctx.db.query('WITH gone AS (DELETE FROM guests RETURNING id) INSERT INTO hotels SELECT id FROM gone');`, ['delete guests sql', 'insert hotels sql']],
    ['truncate', `await ctx.db.query('TRUNCATE TABLE guests');`, ['delete guests sql']],
    ['two statements', `await ctx.db.exec('DELETE FROM guests; UPDATE hotels SET id = 1');`, ['delete guests sql', 'update hotels sql']],
    ['a tagged template that runs', 'await pg`INSERT INTO guests (id) VALUES (1)`;', ['insert guests sql'], { before: `import postgres from 'postgres'; const pg = postgres();` }],
    ['a statement kept in a constant', `insertGuest.run('1');`, ['insert guests sql'], { before: `import { db as lite } from './lite'; const insertGuest = lite.prepare('INSERT INTO guests VALUES (?)');`, files: { 'lite.ts': SQLITE } }],
    ['a statement prepared and run', `lite.prepare('UPDATE guests SET id = 1').run();`, ['update guests sql'], { before: `import { db as lite } from './lite';`, files: { 'lite.ts': SQLITE } }],
    ['Prisma', `await prisma.guest.create({ data: { name: 'a' } });`, ['insert guest prisma'], { before: `import { prisma } from './prisma';`, files: { 'prisma.ts': PRISMA } }],
    ['Prisma on the context', `await ctx.prisma.guest.updateMany({ data: {} }); await ctx.db.hotel.upsert({ where: {}, create: {}, update: {} });`, ['update guest prisma', 'upsert hotel prisma']],
    ['Prisma writes relations along', `await ctx.prisma.guest.create({ data: { items: { create: [{ a: 1 }] }, room: { connect: { id: 1 } } } });`, ['insert guest prisma', 'insert items prisma']],
    ['Prisma raw', 'await ctx.prisma.$executeRaw`UPDATE guests SET a = 1`;', ['update guests sql']],
    ['Prisma raw, computed', `await ctx.prisma.$executeRawUnsafe(input.text);`, ['execute ? sql']],
    ['Knex', `await knexDb('guests').where({ id: 1 }).update({ a: 1 });`, ['update guests knex'], { before: `import { knexDb } from './knex';`, files: { 'knex.ts': KNEX } }],
    ['Knex increments', `await knexDb('guests').increment('a', 1); await knexDb('hotels').del();`, ['update guests knex', 'delete hotels knex'], { before: `import { knexDb } from './knex';`, files: { 'knex.ts': KNEX } }],
    ['Knex into', `await knexDb.insert({ a: 1 }).into('guests');`, ['insert guests knex'], { before: `import { knexDb } from './knex';`, files: { 'knex.ts': KNEX } }],
    ['Knex merges', `await knexDb('guests').insert({}).onConflict('id').merge();`, ['upsert guests knex'], { before: `import { knexDb } from './knex';`, files: { 'knex.ts': KNEX } }],
    ['Kysely', `await ctx.db.insertInto('guests').values({}).execute(); await ctx.db.updateTable('hotels').set({}).execute(); await ctx.db.deleteFrom('guests').execute();`, ['insert guests other', 'update hotels other', 'delete guests other']],
    ['TypeORM', `await source.getRepository(Guest).save({});`, ['upsert Guest other'], { before: `import { DataSource } from 'typeorm'; const source = new DataSource({}); class Guest {}` }],
    ['Mongoose', `await Guest.updateOne({}, {}); await Guest.create({});`, ['update Guest other', 'insert Guest other'], { before: `import { model } from 'mongoose'; const Guest = model('Guest', {});` }],
    ['a table chosen by a condition', `await db.delete(input.hotel ? hotels : guests);`, ['delete hotels drizzle', 'delete guests drizzle']],
    ['a table of a record', `await db.delete(TABLES[input.which]);`, ['delete guests drizzle', 'delete hotels drizzle'], { before: `const TABLES = { a: guests, b: hotels };` }],
    ['tables of a loop', `for (const table of [guests, hotels]) await db.delete(table);`, ['delete guests drizzle loop', 'delete hotels drizzle loop']],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(writesOf(effects(body, given))).toEqual(expected);
  });
});

describe('loops', () => {
  test.each<Case>([
    ['for of', `for (const row of input) await db.insert(guests).values(row);`, ['insert guests drizzle loop']],
    ['while', `while (input.more) await db.delete(guests);`, ['delete guests drizzle loop']],
    ['Promise.all over map', `await Promise.all(input.map((row) => db.update(guests).set(row)));`, ['update guests drizzle loop']],
    ['forEach with a function by name', `input.forEach(save);`, ['insert guests drizzle loop via save'], { before: `async function save(row) { await db.insert(guests).values(row); }` }],
    ['what is gone through is read once', `for (const row of await db.insert(guests).values({}).returning()) input.push(row);`, ['insert guests drizzle']],
    ['rows in one statement', `await db.insert(guests).values(input.map((row) => ({ id: row })));`, ['insert guests drizzle']],
    ['a helper called twice', `await log('a'); await log('b');`, ['insert guests drizzle loop via log'], { before: `const log = (id: string) => db.insert(guests).values({ id });` }],
    ['a helper called in one of two arms', `if (input.a) await log('a'); else await log('b');`, ['insert guests drizzle via log'], { before: `const log = (id: string) => db.insert(guests).values({ id });` }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(writesOf(effects(body, given))).toEqual(expected);
  });
});

describe('no writes', () => {
  test.each<Case>([
    ['selects', `await db.select().from(guests); await ctx.prisma.guest.findMany(); await ctx.db.query.guests.findFirst();`, []],
    ['collections', `const seen = new Set(); seen.delete('a'); new Map().delete('b'); input.delete('c');`, []],
    ['a map named like a database', `const guestDb = new Map(); guestDb.delete(guestDb);`, []],
    ['a cache', `await cache.insert(key, 1); await ctx.cache.delete(key);`, [], { before: `declare const cache: any; const key = 'k';` }],
    ['a hash', `createHash('md5').update(input.text).digest('hex');`, [], { before: `import { createHash } from 'node:crypto';` }],
    ['a form', `const form = new FormData(); form.delete('a'); new Headers().delete('b');`, []],
    ['another service', `await stripe.customers.create({ email: '' }); await twilio.messages.update({});`, [], { before: `declare const stripe: any, twilio: any;` }],
    ['a weak name without SQL', `await client.update({ a: 1 }); await client.delete('key');`, [], { before: `declare const client: any;` }],
    ['SQL that is only written down', `console.log('DELETE FROM guests'); const text = 'UPDATE guests SET a = 1';`, []],
    ['a fragment that nobody runs', 'const part = sql`delete from guests`;', []],
    ['SQL in a literal of a select', `await ctx.db.query("SELECT 'DELETE FROM guests' AS text");`, []],
    ['a locking select', `await ctx.db.query('SELECT * FROM guests FOR UPDATE');`, []],
    ['preparing alone', `lite.prepare('DELETE FROM guests');`, [], { before: `import { db as lite } from './lite';`, files: { 'lite.ts': SQLITE } }],
    ['a pattern', `/a/.exec('DELETE FROM guests');`, []],
    ['a function that is not called', `const later = () => db.delete(guests);`, []],
    ['after the return', `return 1; await db.delete(guests);`, []],
    ['a constant that is no table', `await db.delete(KEY);`, [], { before: `const KEY = 'guests';` }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(writesOf(effects(body, given))).toEqual(expected);
  });
});
