/** Which tables a query is said to read, and what is said of those that cannot be seen. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { effectsOf } from '../../../lib/cli/audit/effects/index.js';
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import { projectWith, type Given } from './audit-effects-tree.js';
import { openTree, removeTrees } from './audit-project-tree.js';

afterAll(removeTrees);

const KNEX = `import knex from 'knex'; const knexDb = knex({ client: 'pg' });`;
const MODELS = `
model Guest {
  id     String @id
  name   String
  hotel  Hotel? @relation(fields: [hotelId], references: [id])
  hotelId String?
  items  Item[]
  tags   Tag[]
  @@map("app_guests")
}
model Hotel { 
  id     String @id
  guests Guest[]
}
model Item {
  id      String @id
  guest   Guest @relation(fields: [guestId], references: [id])
  guestId String
}
model Tag {
  id     String @id
  guests Guest[]
}
`;
const RELATIONS = `import { relations } from 'drizzle-orm'; import { pgView } from 'drizzle-orm/pg-core';
export const guestRelations = relations(guests, ({ one, many }) => ({ hotel: one(hotels), transports: many(guestTransport) }));`;

interface Seen {
  reads: string[];
  unread: string[];
}

/** `guests`, `hotels+` for one that is read along, `guests(id,name)` for columns, `guests<recent` through a view. */
function seen(body: string, given: Given = {}): Seen {
  const project = projectWith(body, given);
  return of(project);
}

function of(project: ReturnType<typeof openTree>): Seen {
  const procedure = findRoots(project, {}).flatMap((root) => root.procedures).find(({ path }) => path === 'guests.save');
  if (!procedure) throw new Error('guests.save is not found');
  const { reads, unread } = effectsOf(project, procedure);
  const text = reads.map(({ table, along, columns, through }) => `${table}${along ? '+' : ''}${columns ? `(${columns.join()})` : ''}${through ? `<${through}` : ''}`);
  return { reads: [...new Set(text)], unread: unread.map(({ why }) => why) };
}

/** With a schema.prisma beside the code. */
function withModels(body: string): Seen {
  const project = openTree({
    'prisma/schema.prisma': MODELS,
    'src/router.ts': `import { initTRPC } from '@trpc/server'; import { PrismaClient, Prisma } from '@prisma/client';
const prisma = new PrismaClient();
const t = initTRPC.create();
const withItems = (id: string) => { if (!id) return {}; return { guests: { some: { id, items: { some: {} } } } }; };
const HOTEL = { hotel: true } satisfies Prisma.GuestInclude;
export const appRouter = t.router({ guests: t.router({ save: t.procedure.query(async ({ ctx, input }) => {\n${body}\n}) }) });
`,
  });
  return of(project);
}

type Case = [what: string, body: string, reads: string[], given?: Given];

describe('Drizzle', () => {
  test.each<Case>([
    ['a select', `return db.select().from(guests);`, ['guests']],
    ['joins', `return db.select().from(guests).leftJoin(hotels, eq(guests.id, hotels.id)).innerJoin(guestTransport, sql\`true\`);`, ['guestTransport+', 'hotels+', 'guests']],
    ['columns that the text names', `return db.select({ id: guests.id }).from(guests).where(eq(guests.name, input.name));`, ['guests(id,name)']],
    ['a condition that is made elsewhere may name others', `const where = eq(guests.name, 'a'); return db.select({ id: guests.id }).from(guests).where(where);`, ['guests']],
    ['a row taken whole', `return db.select({ guest: guests }).from(guests);`, ['guests']],
    ['a subquery in a condition', `return db.select().from(guests).where(inArray(guests.id, db.select({ id: hotels.id }).from(hotels)));`, ['guests', 'hotels(id)']],
    ['a subquery by its name', `const recent = db.select().from(hotels).as('recent'); return db.select().from(recent);`, ['hotels']],
    ['a common table', `const recent = db.$with('recent').as(db.select().from(hotels)); return db.with(recent).select().from(recent);`, ['hotels']],
    ['a subquery made outside', `return db.select().from(recent);`, ['hotels'], { before: `const recent = db.select().from(hotels).as('recent');` }],
    ['a prepared statement', `return prepared.execute();`, ['hotels'], { before: `const prepared = db.select().from(hotels).prepare('all');` }],
    ['an alias', `const other = alias(guests, 'other'); return db.select().from(other);`, ['guests']],
    ['$count', `return db.$count(guests, eq(guests.id, '1'));`, ['guests']],
    ['$count in a field', `return db.select({ n: db.$count(hotels) }).from(guests);`, ['guests', 'hotels']],
    ['unions', `return union(db.select().from(guests), db.select().from(hotels));`, ['guests', 'hotels']],
    ['relational queries', `return db.query.guests.findMany({ with: { hotel: true, transports: { where: (one) => exists(db.select().from(hotels)) } } });`, ['guests', 'hotels+', 'guestTransport+', 'hotels'], { before: RELATIONS }],
    ['a view', `return db.select().from(recent);`, ['guests'], { before: `${RELATIONS} export const recent = pgView('recent').as((qb) => qb.select().from(guests));` }],
    ['a view of SQL', `return db.select().from(recent);`, ['hotels'], { before: `${RELATIONS} export const recent = pgView('recent', {}).as(sql\`select * from \${hotels}\`);` }],
    ['a view by its name in SQL', 'return db.execute(sql`select * from recent_guests`);', ['guests<recent'], { before: `${RELATIONS} export const recent = pgView('recent_guests').as((qb) => qb.select().from(guests));` }],
    ['a fragment of SQL', 'return db.select({ n: sql`(select count(*) from ${hotels})` }).from(guests);', ['guests', 'hotels']],
    ['SQL names the constant', 'return db.execute(sql`select * from guest_transport join hotels on true`);', ['guestTransport', 'hotels+']],
    ['a helper', `return load(db);`, ['guests'], { before: `const load = (from: any) => from.select().from(guests);` }],
    ['a table as an argument', `return all(hotels);`, ['hotels'], { before: `const all = (table: any) => db.select().from(table);` }],
    ['a repository', `return new Guests(db).all();`, ['guests'], { before: `class Guests { constructor(private db: any) {} all() { return this.db.select().from(guests); } }` }],
    ['a cache', `return cached('guests', () => db.select().from(guests));`, ['guests'], { before: `async function cached(key: string, load: () => unknown) { const hit = await redis.get(key); return hit ?? load(); }` }],
    ['a cache of a package', `return load();`, ['guests'], { before: `import { unstable_cache } from 'next/cache'; const load = unstable_cache(async () => db.select().from(guests), ['guests']);` }],
    ['one of two tables', `return db.select().from(input.hotel ? hotels : guests);`, ['hotels', 'guests']],
    ['rows that a write gives back', `return db.insert(guests).values({}).returning();`, []],
    ['things that are called alike', `const list = Array.from(guests); return Buffer.from(input.text);`, []],
  ])('%s', (...[, body, reads, given]: Case) => {
    expect([...seen(body, given).reads].sort()).toEqual([...reads].sort());
  });
});

describe('Prisma', () => {
  test.each<Case>([
    ['a model', `return prisma.guest.findMany();`, ['guest']],
    ['columns', `return prisma.guest.findMany({ select: { id: true }, where: { name: input.name }, take: 3 });`, ['guest(id,name)']],
    ['relations', `return prisma.guest.findMany({ include: { hotel: true, items: { where: {} } } });`, ['guest', 'hotel+', 'item+']],
    ['a relation that is selected', `return prisma.guest.findFirst({ select: { id: true, hotel: { select: { guests: true } } } });`, ['guest', 'hotel+', 'guest+']],
    ['a filter over a relation', `return prisma.hotel.findMany({ where: { OR: [{ guests: { some: { items: { none: {} } } } }] } });`, ['hotel', 'guest+', 'item+']],
    ['an order over a relation', `return prisma.guest.findMany({ orderBy: { hotel: { id: 'asc' } } });`, ['guest', 'hotel+']],
    ['many to many', `return prisma.guest.findMany({ include: { tags: true } });`, ['guest', 'tag+', '_GuestToTag+']],
    ['counts of relations', `return prisma.hotel.findMany({ include: { _count: { select: { guests: true } } } });`, ['hotel', 'guest+']],
    ['all counts', `return prisma.hotel.findMany({ include: { _count: true } });`, ['hotel', 'guest+']],
    ['an include that is kept', `return prisma.guest.findMany({ include: HOTEL });`, ['guest', 'hotel+']],
    ['a condition that a function makes', `return prisma.hotel.findMany({ where: { AND: [withItems(input.id)] } });`, ['hotel', 'guest+', 'item+']],
    ['aggregates', `await prisma.guest.aggregate({ _max: { name: true } }); return prisma.item.groupBy({ by: ['guestId'] });`, ['guest', 'item']],
    ['SQL names the model', 'return prisma.$queryRaw`select * from app_guests join "Hotel" on true`;', ['guest', 'hotel+']],
    ['SQL in a string', `return prisma.$queryRawUnsafe('select * from app_guests');`, ['guest']],
  ])('%s', (...[, body, reads]: Case) => {
    expect(withModels(body)).toEqual({ reads, unread: [] });
  });

  test('an include that is computed is told of', () => {
    expect(withModels(`return prisma.guest.findMany({ include: input.include });`)).toEqual({ reads: ['guest'], unread: ['which relations it reads along is computed'] });
  });
});

describe('query builders and SQL', () => {
  test.each<Case>([
    ['Knex', `return knexDb('guests as g').join('hotels', 'a', 'b').where('x', 1);`, ['guests', 'hotels+'], { before: KNEX }],
    ['Knex from', `return knexDb.select('*').from('guests').whereIn('id', knexDb('hotels').select('id'));`, ['guests', 'hotels'], { before: KNEX }],
    ['Knex in a function', `return knexDb('guests').whereExists(function () { this.select('*').from('hotels'); });`, ['guests', 'hotels'], { before: KNEX }],
    ['Knex common tables', `return knexDb.with('recent', knexDb('guests').select()).select('*').from('recent');`, ['guests'], { before: KNEX }],
    ['Knex raw', `return knexDb.raw('select * from guests');`, ['guests'], { before: KNEX }],
    ['a write of Knex', `return knexDb('guests').where({ id: 1 }).update({ a: 1 });`, [], { before: KNEX }],
    ['Kysely', `return ctx.db.selectFrom('guests as g').innerJoin('hotels', 'a', 'b').selectAll().execute();`, ['hotels+', 'guests']],
    ['Kysely lists', `return ctx.db.selectFrom(['guests', 'hotels as h']).execute();`, ['guests', 'hotels']],
    ['Kysely subqueries', `return ctx.db.selectFrom('guests').where((eb) => eb.exists(eb.selectFrom('hotels').select('id'))).execute();`, ['guests', 'hotels']],
    ['Kysely common tables', `return ctx.db.with('recent', (qb) => qb.selectFrom('hotels').selectAll()).selectFrom('recent').selectAll().execute();`, ['hotels']],
    ['a driver', `return pool.query('SELECT a, extract(year FROM at) FROM "public"."guests" g, hotels WHERE g.id IN (SELECT id FROM guest_transport)');`, ['guests', 'hotels+', 'guestTransport+'], { before: `declare const pool: import('pg').Pool;` }],
    ['a clause in a constant', 'return pool.query(`SELECT * ${CLAUSE} WHERE id = ${input.id}`);', ['guests+'], { before: `declare const pool: import('pg').Pool; const CLAUSE = 'FROM guests';` }],
    ['common tables of SQL', `return pool.query('WITH recent AS (SELECT * FROM guests) SELECT * FROM recent JOIN hotels USING (id)');`, ['guests', 'hotels+'], { before: `declare const pool: import('pg').Pool;` }],
    ['a prepared statement', `return all.all();`, ['guests'], { before: `import Database from 'better-sqlite3'; const lite = new Database('a.db'); const all = lite.prepare('select * from guests');` }],
    ['a tag that runs', 'return pg`select * from guests where id = ${input.id}`;', ['guests'], { before: `import postgres from 'postgres'; const pg = postgres();` }],
    ['text that is no SQL', `console.log('from hotels to guests'); return input.text.split(' from guests');`, []],
    ['TypeORM', `return source.getRepository(Guest).find();`, ['Guest'], { before: `import { DataSource } from 'typeorm'; const source = new DataSource({}); class Guest {}` }],
    ['Mongo', `return Guest.aggregate([{ $lookup: { from: 'hotels', as: 'h' } }]);`, ['Guest', 'hotels+'], { before: `import { model } from 'mongoose'; const Guest = model('Guest', {});` }],
  ])('%s', (...[, body, reads, given]: Case) => {
    const found = seen(body, given);
    expect([...found.reads].sort()).toEqual([...reads].sort());
    expect(found.unread).toEqual([]);
  });
});

describe('what cannot be seen is told of', () => {
  type Unread = [what: string, body: string, why: RegExp, given?: Given];
  test.each<Unread>([
    ['a table of a parameter', `return db.select().from(input.table);`, /./],
    ['computed SQL', `return db.execute(input.text);`, /its SQL is computed/],
    ['a clause that is computed', 'return ctx.db.query(`SELECT * FROM guests ${input.clauses}`);', /a part of its SQL/],
    ['a computed name', `return knexDb(input.table).select();`, /decided at run time/, { before: KNEX }],
    ['a relation without a schema', `return db.query.guests.findMany({ with: { rooms: true } });`, /relation rooms of guests/],
    ['a service that is not there', `return ctx.services.guests.list();`, /could not be found/],
    ['a package that is given the database', `return report(db);`, /is given the database/, { before: `import { report } from 'reports';` }],
    ['a method of the database', `return db.loadEverything();`, /method of the database/],
    ['a condition that is partly computed', `return ctx.prisma.guest.findMany({ where: where(input) });`, /computed/, { before: `const where = (given: any) => ({ ...given, id: 1 });` }],
    ['a caller', `return caller.guests.getAll();`, /through a caller/, { before: `declare const caller: any;` }],
  ])('%s', (...[, body, why, given]: Unread) => {
    expect(seen(body, given).unread.join('\n')).toMatch(why);
  });
});
