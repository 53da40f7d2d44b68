/**
 * The tRPC instance: context, sessions, and the two base procedures. Every mutation runs under the sync's middleware,
 * which broadcasts what the invalidation map calls stale once the mutation has succeeded.
 */
import { initTRPC, TRPCError } from '@trpc/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { conflictFormatter, type Sync } from '../trpc/index.js';
import type { SessionCheck } from './auth/session.js';
import { RowExists, RowNotFound, type CompanyStore, type Tx } from './db/store.js';

export interface Services {
  /** The company's rows. */
  store(companyId: string): CompanyStore;
}

export interface Context {
  check: SessionCheck;
  req: FastifyRequest;
  res: FastifyReply;
  /** The tab that calls, by its `x-source-id` header; goes into the action so that it can leave out its own. */
  sourceId: string | undefined;
  services: Services;
}

/** What a failure of the server's own says (a statement with its values, an address of the database) is for its log. */
function formatted<Shape extends { message: string; data: object }>(given: { shape: Shape; error: TRPCError }) {
  const shape = conflictFormatter(given);
  return given.error.code === 'INTERNAL_SERVER_ERROR' ? { ...shape, message: 'The server failed at this; its log says why' } : shape;
}

const t = initTRPC.context<Context>().create({ isDev: false, errorFormatter: formatted });

/** Lets in who has a valid session. */
const withSession = t.middleware(async ({ ctx, next }) => {
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

/** Lets in who may write. `ctx.write` is the one way to do it: all of it in one transaction. */
const mayWrite = withSession.unstable_pipe(({ ctx, next }) => {
  if (ctx.session.role === 'viewer') {
    throw new TRPCError({ code: 'FORBIDDEN', message: 'The role viewer may only read' });
  }
  const write = <R>(work: (tx: Tx) => Promise<R>): Promise<R> => ctx.store.transaction(work);
  return next({ ctx: { write } });
});

/** What the routers are made of. The sync is a server's own, so the procedures that broadcast through it are too. */
export function createKit(sync: Pick<Sync, 'middleware'>) {
  return {
    router: t.router,
    mergeRouters: t.mergeRouters,
    query: t.procedure.use(withSession),
    mutation: t.procedure.use(sync.middleware()).use(mayWrite),
  };
}

export type Kit = ReturnType<typeof createKit>;
