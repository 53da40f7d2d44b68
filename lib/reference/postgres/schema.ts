/** Pages and their attachments, in PostgreSQL: who else writes there (psql, a job, another service) is heard of too. */
import { sql } from 'drizzle-orm';
import { foreignKey, integer, pgTable, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';

const OWNED = {
  companyId: text('company_id').notNull(),
  id: text().notNull().default(sql`gen_random_uuid()::text`),
};
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' }).notNull().defaultNow();

/** `updatedAt` and `updatedBy` are the triggers': whoever writes, and with whatever. */
export const pages = pgTable(
  'pages',
  {
    ...OWNED,
    title: text().notNull(),
    body: text().notNull().default(''),
    createdAt: moment('created_at'),
    updatedAt: moment('updated_at'),
    updatedBy: text('updated_by').notNull().default(''),
  },
  (table) => [primaryKey({ columns: [table.companyId, table.id] })],
);

/** They go with their page. */
export const attachments = pgTable(
  'attachments',
  {
    ...OWNED,
    pageId: text('page_id').notNull(),
    name: text().notNull(),
    /** Bytes. */
    size: integer().notNull().default(0),
    createdAt: moment('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    foreignKey({ columns: [table.companyId, table.pageId], foreignColumns: [pages.companyId, pages.id] }).onDelete('cascade'),
    // The replica identity too: a deleted row says whose it was, and of which page.
    uniqueIndex('attachments_of_page').on(table.companyId, table.pageId, table.id),
  ],
);
