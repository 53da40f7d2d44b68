/**
 * Pages and attachments: each mutation is one transaction of PostgreSQL, done once however often it is sent, and two people who change one field
 * get a conflict with both values.
 */
import { and, asc, desc, eq, sql } from 'drizzle-orm';
import * as z from 'zod';
import { txInput, type Sync } from '../../trpc/index.js';
import { RowExists, RowNotFound } from '../db/store.js';
import { byId, identifier, line } from '../inputs.js';
import type { AppRouter } from '../routers/index.js';
import type { Kit } from '../trpc.js';
import type { Postgres, PostgresTx } from './database.js';
import { WRITER } from './migration.js';
import { attachments, pages } from './schema.js';

/** NUL is no text of PostgreSQL's. */
const body = z.string().max(20_000).refine((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text), 'must not contain NUL or a lone surrogate');
const page = z.object({ title: line, body: body.optional() });
const ofPage = z.object({ pageId: identifier });
const MAX_SIZE = 2_147_483_647;
const attachment = ofPage.extend({ name: line, size: z.number().int().min(0).max(MAX_SIZE).optional() });
/** The row's own id may come from the client. */
const named = { id: identifier.optional() };

/** For the triggers: who writes in this transaction. */
const signedBy = (tx: PostgresTx, userId: string) => tx.execute(sql`SELECT set_config(${WRITER}, ${userId}, true)`);

const onePage = (companyId: string, id: string) => and(eq(pages.companyId, companyId), eq(pages.id, id));
/** What people edit. */
const FIELDS = { id: pages.id, title: pages.title, body: pages.body };

const createPagesRouter = ({ router, query, mutation }: Kit, { db, store }: Postgres, sync: Sync) => {
  const once = sync.transaction({ store });
  return router({
    /** Newest change first, without their texts. */
    getAll: query.query(async ({ ctx: { session } }) => {
      const rows = await db
        .select({
          id: pages.id,
          title: pages.title,
          updatedAt: pages.updatedAt,
          updatedBy: pages.updatedBy,
          attachments: sql<number>`(SELECT count(*)::int FROM ${attachments} a WHERE a.company_id = ${pages}.company_id AND a.page_id = ${pages}.id)`,
        })
        .from(pages)
        .where(eq(pages.companyId, session.companyId))
        .orderBy(desc(pages.updatedAt), asc(pages.id));
      return rows.map((row) => ({ ...row, updatedAt: row.updatedAt.getTime() }));
    }),

    /** Null: there is none. `versions`: by field, for `expected` of an update. */
    getById: query.input(byId).query(async ({ ctx: { session }, input }) => {
      const [row] = await db.select().from(pages).where(onePage(session.companyId, input.id));
      if (!row) return null;
      const { id, title, body: text, updatedAt, updatedBy } = row;
      const versions = await sync.fieldVersions({ store, companyId: session.companyId, entity: 'pages', rows: [{ id, title, body: text }] });
      return { page: { id, title, body: text, updatedAt: updatedAt.getTime(), updatedBy }, versions: versions[id] ?? {} };
    }),

    create: mutation.input(txInput).input(page.extend(named)).use(once).mutation(async ({ ctx: { tx, session }, input: { id, title, body: text } }) => {
      await signedBy(tx, session.userId);
      const [made] = await tx.insert(pages).values({ companyId: session.companyId, id, title, body: text }).onConflictDoNothing().returning(FIELDS);
      if (!made) throw new RowExists('pages', id ?? '');
      return made;
    }),

    /** Fails with FIELD_CONFLICT where somebody else has changed a field to something else than the caller has seen. */
    update: mutation.input(txInput).input(page.partial().extend({ id: identifier })).use(once).mutation(async ({ ctx: { tx, session, transaction }, input: { id, title, body: text } }) => {
      await signedBy(tx, session.userId);
      const read = () => tx.select(FIELDS).from(pages).where(onePage(session.companyId, id)).for('update');
      const changes = await transaction.fields({ entity: 'pages', id, changes: { title, body: text }, read });
      const [changed] = Object.keys(changes).length === 0 ? await read() : await tx.update(pages).set(changes).where(onePage(session.companyId, id)).returning(FIELDS);
      if (!changed) throw new RowNotFound('pages', id);
      return { ...changed, transactionId: transaction.id };
    }),

    delete: mutation.input(txInput).input(byId).use(once).mutation(async ({ ctx: { tx, session, transaction }, input: { id } }) => {
      await signedBy(tx, session.userId);
      const read = () => tx.select(FIELDS).from(pages).where(onePage(session.companyId, id)).for('update');
      await transaction.fields({ entity: 'pages', id, changes: null, compare: ['title', 'body'], read });
      const [gone] = await tx.delete(pages).where(onePage(session.companyId, id)).returning(FIELDS);
      if (!gone) throw new RowNotFound('pages', id);
      return gone;
    }),
  });
};

const SHOWN = { id: attachments.id, pageId: attachments.pageId, name: attachments.name, size: attachments.size };

const createAttachmentsRouter = ({ router, query, mutation }: Kit, { db, store }: Postgres, sync: Sync) => {
  const once = sync.transaction({ store });
  return router({
    getAll: query.input(ofPage).query(({ ctx: { session }, input }) =>
      db
        .select(SHOWN)
        .from(attachments)
        .where(and(eq(attachments.companyId, session.companyId), eq(attachments.pageId, input.pageId)))
        .orderBy(asc(attachments.createdAt), asc(attachments.id)),
    ),

    create: mutation.input(txInput).input(attachment.extend(named)).use(once).mutation(async ({ ctx: { tx, session }, input }) => {
      await signedBy(tx, session.userId);
      // Held until the commit: nobody deletes it meanwhile.
      const [of] = await tx.select({ id: pages.id }).from(pages).where(onePage(session.companyId, input.pageId)).for('update');
      if (!of) throw new RowNotFound('pages', input.pageId);
      const { id, pageId, name, size } = input;
      const [made] = await tx.insert(attachments).values({ companyId: session.companyId, id, pageId, name, size }).onConflictDoNothing().returning(SHOWN);
      if (!made) throw new RowExists('attachments', id ?? '');
      return made;
    }),

    delete: mutation.input(txInput).input(byId).use(once).mutation(async ({ ctx: { tx, session }, input: { id } }) => {
      await signedBy(tx, session.userId);
      const [gone] = await tx.delete(attachments).where(and(eq(attachments.companyId, session.companyId), eq(attachments.id, id))).returning(SHOWN);
      if (!gone) throw new RowNotFound('attachments', id);
      return gone;
    }),
  });
};

/** The app's router, with these beside the ten modules. */
export function createPostgresRouter(base: AppRouter, kit: Kit, postgres: Postgres, sync: Sync) {
  return kit.mergeRouters(base, kit.router({ pages: createPagesRouter(kit, postgres, sync), attachments: createAttachmentsRouter(kit, postgres, sync) }));
}

/** As AppRouter: an interface, so that what is inferred from it names it. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- as above
export interface PostgresAppRouter extends ReturnType<typeof createPostgresRouter> {}
