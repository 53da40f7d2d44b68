/**
 * The app of `refetch`: what a browser of a wedding planner shows of one client, eight queries over SQLite by Drizzle, and one mutation that
 * concerns all eight. Every row carries the revision of the change that it was written by, so that whoever shows it can be asked how new it is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient } from '@libsql/client/sqlite3';
import { initTRPC, TRPCError } from '@trpc/server';
import { and, asc, count, eq, max, sum } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { z } from 'zod';

export const COMPANY = 'company-0';
export const CLIENTS = 10;
const GUESTS_PER_CLIENT = 40;
const LINES_PER_CLIENT = 12;

const row = () => ({ id: text('id').primaryKey(), companyId: text('company_id').notNull(), clientId: text('client_id').notNull(), revision: integer('revision').notNull() });
const sessions = sqliteTable('sessions', { token: text('token').primaryKey(), companyId: text('company_id').notNull(), userId: text('user_id').notNull() });
const clients = sqliteTable('clients', { id: text('id').primaryKey(), companyId: text('company_id').notNull(), name: text('name').notNull(), revision: integer('revision').notNull() });
const guests = sqliteTable('guests', { ...row(), name: text('name').notNull(), rsvp: text('rsvp').notNull(), hotel: text('hotel'), pickup: text('pickup'), notes: text('notes') });
const events = sqliteTable('events', { ...row(), name: text('name').notNull(), place: text('place').notNull(), heads: integer('heads').notNull() });
const budget = sqliteTable('budget', { ...row(), category: text('category').notNull(), cents: integer('cents').notNull() });

const OWNED = 'id text primary key, company_id text not null, client_id text not null, revision integer not null';
const DDL = [
  'create table sessions (token text primary key, company_id text not null, user_id text not null)',
  'create table clients (id text primary key, company_id text not null, name text not null, revision integer not null)',
  `create table guests (${OWNED}, name text not null, rsvp text not null, hotel text, pickup text, notes text)`,
  `create table events (${OWNED}, name text not null, place text not null, heads integer not null)`,
  `create table budget (${OWNED}, category text not null, cents integer not null)`,
  ...['guests', 'events', 'budget'].map((table) => `create index ${table}_of on ${table} (company_id, client_id)`),
];

/** `statements.count` is how many the database was given. */
export async function openDatabase(browsers) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-refetch-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const client = createClient({ url: pathToFileURL(path.join(folder, 'data.sqlite')).href, concurrency: 8 });
  await client.execute('PRAGMA journal_mode = WAL');
  await client.batch(DDL, 'write');
  const statements = { count: 0 };
  const db = drizzle(client, { logger: { logQuery: () => void (statements.count += 1) } });
  await db.insert(sessions).values(Array.from({ length: browsers + 1 }, (_, i) => ({ token: `token-${i}`, companyId: COMPANY, userId: `user-${i}` })));
  for (let c = 0; c < CLIENTS; c += 1) {
    const owned = { companyId: COMPANY, clientId: `client-${c}`, revision: 0 };
    await db.insert(clients).values({ id: `client-${c}`, companyId: COMPANY, name: `Rose and Theo ${c}`, revision: 0 });
    await db.insert(guests).values(Array.from({ length: GUESTS_PER_CLIENT }, (_, i) => ({
      ...owned, id: `guest-${c}-${i}`, name: `Guest ${i} of ${c}`, rsvp: ['pending', 'confirmed', 'declined'][i % 3],
      hotel: i % 2 === 0 ? 'Harbour House' : null, pickup: i % 4 === 0 ? 'Central station' : null, notes: i % 5 === 0 ? 'vegetarian, sits with the family' : null,
    })));
    await db.insert(events).values(Array.from({ length: LINES_PER_CLIENT }, (_, i) => ({ ...owned, id: `event-${c}-${i}`, name: `Event ${i}`, place: 'Lake Lodge', heads: 40 })));
    await db.insert(budget).values(Array.from({ length: LINES_PER_CLIENT }, (_, i) => ({ ...owned, id: `line-${c}-${i}`, category: `Category ${i % 4}`, cents: 10_000 * i })));
  }
  return { db, statements };
}

/** Who asks, by the token that the request brings: one statement a request, as apps do. For `ping` what it says is believed. */
export async function sessionOf(db, request) {
  if (request.url.includes('/ping?')) return { companyId: COMPANY };
  const [session] = await db.select().from(sessions).where(eq(sessions.token, String(request.headers.authorization ?? '')));
  return session ? { companyId: session.companyId, userId: session.userId } : {};
}

/** `asked` is called at the beginning of each query. `middleware`: of pathcast, for every procedure. */
export function routerOf({ db, middleware, asked }) {
  const t = initTRPC.context().create({ isDev: false });
  const authed = t.procedure.use(({ ctx, next }) => {
    if (ctx.companyId === undefined) throw new TRPCError({ code: 'UNAUTHORIZED' });
    return next({ ctx });
  });
  const query = authed.use(middleware).use(({ next }) => {
    asked();
    return next();
  });
  const ofClient = query.input(z.object({ clientId: z.string() }));
  const owned = (table, { ctx, input }) => and(eq(table.companyId, ctx.companyId), eq(table.clientId, input.clientId));

  return t.router({
    ping: t.procedure.query(() => 'pong'),
    guests: t.router({
      getAll: ofClient.query((call) => db.select().from(guests).where(owned(guests, call)).orderBy(asc(guests.name))),
      getStats: ofClient.query((call) =>
        db.select({ rsvp: guests.rsvp, count: count(), revision: max(guests.revision) }).from(guests).where(owned(guests, call)).groupBy(guests.rsvp)),
      getById: query.input(z.object({ id: z.string() })).query(({ ctx, input }) =>
        db.select().from(guests).where(and(eq(guests.companyId, ctx.companyId), eq(guests.id, input.id)))),
      update: authed.use(middleware).input(z.object({ id: z.string(), clientId: z.string(), name: z.string(), revision: z.number() })).mutation(async (call) => {
        const { id, clientId, name, revision } = call.input;
        await db.transaction(async (tx) => {
          await tx.update(guests).set({ name, revision }).where(and(owned(guests, call), eq(guests.id, id)));
          await tx.update(clients).set({ revision }).where(and(eq(clients.companyId, call.ctx.companyId), eq(clients.id, clientId)));
          await tx.update(events).set({ revision }).where(owned(events, call));
          await tx.update(budget).set({ revision }).where(owned(budget, call));
        });
        // By the clock that all processes share, ns.
        return { id, clientId, committedAt: String(process.hrtime.bigint()) };
      }),
    }),
    hotels: t.router({
      getAll: ofClient.query((call) =>
        db.select({ hotel: guests.hotel, guests: count(), revision: max(guests.revision) }).from(guests).where(owned(guests, call)).groupBy(guests.hotel)),
    }),
    transport: t.router({
      getAll: ofClient.query((call) =>
        db.select({ id: guests.id, name: guests.name, pickup: guests.pickup, revision: guests.revision }).from(guests).where(owned(guests, call))),
    }),
    events: t.router({ getAll: ofClient.query((call) => db.select().from(events).where(owned(events, call))) }),
    budget: t.router({
      getSummary: ofClient.query((call) =>
        db.select({ category: budget.category, cents: sum(budget.cents), revision: max(budget.revision) }).from(budget).where(owned(budget, call)).groupBy(budget.category)),
    }),
    clients: t.router({ getAll: query.query(({ ctx }) => db.select().from(clients).where(eq(clients.companyId, ctx.companyId))) }),
  });
}

/** `narrow`: says of the mutation which inputs it concerns. */
export const mapOf = (narrow) => ({
  mutations: {
    'guests.update': {
      stale: ['guests', 'hotels', 'transport', 'events', 'budget', 'clients'],
      cascade: false,
      ...(narrow && {
        where: ({ input: { id, clientId } }) => ({
          guests: { clientId }, 'guests.getById': { id }, hotels: { clientId }, transport: { clientId }, events: { clientId }, budget: { clientId },
        }),
      }),
    },
  },
});
