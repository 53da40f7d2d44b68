// store.ts: the guests, by Prisma on SQLite. The file is guests.sqlite, unless DATABASE_URL says another.
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaClient } from './generated/client.js';
import { sync } from './sync.js';

export interface Guest {
  id: string;
  name: string;
}

const adapter = new PrismaLibSql({ url: process.env['DATABASE_URL'] ?? 'file:guests.sqlite' });
/** Its transactions are known to pathcast: what a mutation makes stale is told after the commit, never after a rollback. */
const db = sync.transactional(new PrismaClient({ adapter }));
// An app that lives lets `prisma migrate` make its tables.
await db.$executeRaw`CREATE TABLE IF NOT EXISTS Guest (id TEXT PRIMARY KEY NOT NULL, companyId TEXT NOT NULL, name TEXT NOT NULL)`;
await db.$executeRaw`CREATE TABLE IF NOT EXISTS Diary (id TEXT PRIMARY KEY NOT NULL, companyId TEXT NOT NULL, entry TEXT NOT NULL)`;

export function listGuests(companyId: string): Promise<Guest[]> {
  return db.guest.findMany({ where: { companyId }, select: { id: true, name: true }, orderBy: { name: 'asc' } });
}

/** What is to be told without a mutation, `sync.afterCommit(tx, action)` tells in here. */
export function insertGuest(companyId: string, name: string): Promise<Guest> {
  return db.$transaction(async (tx) => {
    const { id } = await tx.guest.create({ data: { companyId, name } });
    await tx.diary.create({ data: { companyId, entry: `${name} was added` } });
    return { id, name };
  });
}

/** Whether there was one. */
export function deleteGuest(companyId: string, id: string): Promise<boolean> {
  return db.$transaction(async (tx) => {
    const guest = await tx.guest.findFirst({ where: { companyId, id } });
    if (!guest) return false;
    await tx.guest.delete({ where: { id } });
    await tx.diary.create({ data: { companyId, entry: `${guest.name} was removed` } });
    return true;
  });
}
