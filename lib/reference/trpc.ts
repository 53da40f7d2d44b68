/**
 * The tRPC instance: context, sessions, and `change`, the one way in which a mutation writes.
 * `change` runs the work in a transaction, and once that is committed announces which queries are
 * stale: exactly those that read a table the transaction changed. No mutation can forget it.
 */
import { initTRPC, TRPCError } from '@trpc/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ActionType } from '../protocol/events.js';
import type { Session, SessionCheck } from './auth/session.js';
import type { Announcer, Module } from './announcer.js';
import { RowExists, RowNotFound, type Store, type Tx } from './db/store.js';

export interface Services {
  /** The company's rows; its demo rows are made on its first visit. */
  store(companyId: string): Store;
  announcer: Announcer;
}

export interface Context {
  check: SessionCheck;
  req: FastifyRequest;
  res: FastifyReply;
  /** The tab that calls, by its `x-source-id` header; goes into the action so that it can leave out its own. */
  sourceId: string | undefined;
  services: Services;
}

const t = initTRPC.context<Context>().create({ isDev: false });
export const router = t.router;
export const mergeRouters = t.mergeRouters;

/** Any call with a valid session. */
export const query = t.procedure.use(async ({ ctx, next }) => {
  if (!ctx.check.ok) throw new TRPCError({ code: 'UNAUTHORIZED', message: ctx.check.message });
  const { session } = ctx.check;
  const result = await next({ ctx: { session, store: ctx.services.store(session.companyId) } });
  if (!result.ok) {
    const { cause } = result.error;
    if (cause instanceof RowNotFound) throw new TRPCError({ code: 'NOT_FOUND', message: cause.message, cause });
    if (cause instanceof RowExists) throw new TRPCError({ code: 'CONFLICT', message: cause.message, cause });
  }
  return result;
});

/** What an announcement says beside the tables: the row, and the client it belongs to. */
export interface Subject {
  /** `*` for many rows. */
  entityId: string;
  clientId?: string | null | undefined;
}

/** A call that writes: with a valid session whose role may. */
export const mutation = query.use(({ ctx, next }) => {
  if (ctx.session.role === 'viewer') {
    throw new TRPCError({ code: 'FORBIDDEN', message: 'The role viewer may only read' });
  }
  return next({ ctx: { change: changer(ctx.session, ctx.store, ctx.services.announcer, ctx.sourceId) } });
});

export type Change = ReturnType<typeof changer>;

function changer(session: Session, store: Store, announcer: Announcer, sourceId: string | undefined) {
  /**
   * Runs `work` in one transaction; after its commit announces what it made stale. The subject is
   * the row that `work` returns unless `subject` says otherwise. Nothing is announced when nothing
   * was written. The announcement is never waited for, and cannot fail the mutation.
   */
  function change<R extends { id: string; clientId?: string | null }>(
    type: ActionType,
    module: Module,
    work: (tx: Tx) => R,
  ): R;
  function change<R>(type: ActionType, module: Module, work: (tx: Tx) => R, subject: (result: R) => Subject): R;
  function change<R>(
    type: ActionType,
    module: Module,
    work: (tx: Tx) => R,
    subject: (result: R) => Subject = rowSubject,
  ): R {
    const { result, touched } = store.transaction(work);
    if (touched.size > 0) {
      const { companyId, userId } = session;
      announcer.announce({ type, module, companyId, userId, sourceId, touched, ...subject(result) });
    }
    return result;
  }
  return change;
}

function rowSubject(result: unknown): Subject {
  const row = result as { id: string; clientId?: string | null };
  return { entityId: row.id, clientId: row.clientId };
}
