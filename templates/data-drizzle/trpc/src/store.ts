// store.ts: the guests, by Drizzle on libSQL, which is SQLite. The file is guests.sqlite, unless DATABASE_URL says another.
import { createClient } from '@libsql/client';
import { and, asc, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { sync } from './sync.js';

const guests = sqliteTable('guests', {
  id: text().primaryKey(),
  companyId: text('company_id').notNull(),
  name: text().notNull(),
});
/** Who came and went. */
const diary = sqliteTable('diary', { id: text().primaryKey(), companyId: text('company_id').notNull(), entry: text().notNull() });

export interface Guest {
  id: string;
  name: string;
}

const client = createClient({ url: process.env['DATABASE_URL'] ?? 'file:guests.sqlite' });
// An app that lives lets drizzle-kit write its migrations.
await client.batch(
  [
    'CREATE TABLE IF NOT EXISTS guests (id TEXT PRIMARY KEY, company_id TEXT NOT NULL, name TEXT NOT NULL)',
    'CREATE TABLE IF NOT EXISTS diary (id TEXT PRIMARY KEY, company_id TEXT NOT NULL, entry TEXT NOT NULL)',
  ],
  'write',
);
/** Its transactions are known to pathcast: what a mutation makes stale is told after the commit, never after a rollback. */
const db = sync.transactional(drizzle(client));

/** SQLite has one writer, so transactions go one after another. */
let turn: Promise<unknown> = Promise.resolve();
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work);
  turn = mine.catch(() => undefined);
  return mine;
}

export function listGuests(companyId: string): Promise<Guest[]> {
  const { id, name } = guests;
  return db.select({ id, name }).from(guests).where(eq(guests.companyId, companyId)).orderBy(asc(name));
}

/** What is to be told without a mutation, `sync.afterCommit(tx, action)` tells in here. */
export function insertGuest(companyId: string, name: string): Promise<Guest> {
  return inTurn(() =>
    db.transaction(async (tx) => {
      const id = crypto.randomUUID();
      await tx.insert(guests).values({ id, companyId, name });
      await tx.insert(diary).values({ id: crypto.randomUUID(), companyId, entry: `${name} was added` });
      return { id, name };
    }),
  );
}

/** Whether there was one. */
export function deleteGuest(companyId: string, id: string): Promise<boolean> {
  return inTurn(() =>
    db.transaction(async (tx) => {
      const mine = and(eq(guests.companyId, companyId), eq(guests.id, id));
      const [gone] = await tx.delete(guests).where(mine).returning({ name: guests.name });
      if (gone) await tx.insert(diary).values({ id: crypto.randomUUID(), companyId, entry: `${gone.name} was removed` });
      return gone !== undefined;
    }),
  );
}
