/** A small tRPC app under `sync.middleware()`, and what its hub was given. */
import { initTRPC, TRPCError } from '@trpc/server';
import { createHub, type AnyHub, type HubFailure, type HubWarning, type ActionEvent } from '../../lib/index.js';
import { createSync, type InvalidationMap, type SyncRules } from '../../lib/trpc/index.js';
import type { EngineKind } from './engines.js';

export interface SyncContext {
  companyId?: string | undefined;
  userId?: string | undefined;
  sourceId?: string | undefined;
  calls?: ((caller: Caller) => Promise<unknown>) | undefined;
}

/** Calls on the server, as who the context says, or as somebody else. */
export type Caller = (
  as?: SyncContext,
) => Record<'guests' | 'hotels', Record<string, (input: Row) => Promise<unknown>>>;

const who = (ctx: SyncContext): { companyId: string; userId: string | undefined } => ({
  companyId: ctx.companyId ?? '',
  userId: ctx.userId,
});

type Row = { id: string; clientId?: string };
const rowInput = (value: unknown): Row => {
  if (typeof value !== 'object' || value === null || !('id' in value)) throw new TypeError('input.id is missing');
  return value as Row;
};

export function syncApp(engine: EngineKind, rules: SyncRules<SyncContext> = {}) {
  const hub = createHub({ engine, limits: { perUser: 0, perCompany: 0 } });
  const core = createSync({ hub, rules });
  const t = initTRPC.context<SyncContext>().create({ isDev: false });
  const base = t.procedure.use(core.middleware());
  const row = base.input(rowInput);
  const sync = core.for<AppRouter>();
  const hotelsRouter = t.router({ getAll: base.query(() => []), book: row.mutation(({ input }) => input) });
  const appRouter = t.router({
    guests: t.router({
      getAll: base.query(() => []),
      getStats: base.query(() => ({})),
      create: row.mutation(({ input }) => ({ ...input, made: true })),
      update: row.mutation(({ input }) => input),
      remove: row.mutation(({ input }) => input),
      fail: row.mutation(() => {
        throw new TRPCError({ code: 'CONFLICT' });
      }),
      rename: row.mutation(({ input }) => ({ renamed: input.id })),
      seen: row.mutation(() => true),
      byHand: row.mutation(({ input, ctx }) => {
        sync.broadcast({
          type: 'update',
          module: 'guests',
          entityId: input.id,
          ...who(ctx),
          queryPaths: ['guests.getAll'],
        });
        return input;
      }),
      /** Calls other mutations on the server, `ctx.calls` says which. */
      nest: row.mutation(async ({ input, ctx }): Promise<{ id: string }> => {
        await ctx.calls?.(callerOf(ctx));
        if (input.id === 'fails') throw new TRPCError({ code: 'CONFLICT' });
        return { id: input.id };
      }),
      nestAndTell: row.mutation(async ({ input, ctx }): Promise<{ id: string }> => {
        await ctx.calls?.(callerOf(ctx));
        sync.broadcast({ type: 'update', module: 'guests', entityId: 'by-hand', ...who(ctx), queryPaths: ['guests'] });
        return { id: input.id };
      }),
      getsNoInput: base.mutation(() => ({ id: 'made-up' })),
    }),
    hotels: hotelsRouter,
    budget: { getAll: base.query(() => []) },
    timeline: { getAll: base.query(() => []) },
  });
  type AppRouter = typeof appRouter;
  // Behind a function, for the router's type must not depend on its own callers.
  const createCaller = t.createCallerFactory(appRouter);
  const callerOf =
    (ctx: SyncContext): Caller =>
    (next) =>
      createCaller({ ...ctx, calls: undefined, ...next }) as never;
  return { hub, sync, t, appRouter, hotelsRouter, createCaller };
}

export type SyncApp = ReturnType<typeof syncApp>;
export type SyncAppRouter = SyncApp['appRouter'];

export const syncMap = {
  cascades: { guests: ['hotels', 'budget'], hotels: ['timeline'] },
  mutations: {
    'guests.create': ['guests.getAll', 'guests.getStats'],
    'guests.update': { stale: ['guests.getAll'], cascade: false },
    'guests.remove': { stale: ['guests'], cascade: ['budget'], type: 'delete', module: 'people' },
    'guests.fail': ['guests'],
    'guests.rename': ({ input, result }) => (result.renamed === input.id ? ['budget.getAll'] : ['*']),
    'guests.seen': { silent: 'a receipt is no change' },
    'guests.byHand': { stale: ['guests'], cascade: false },
    'guests.nest': { stale: ['guests.getAll'], cascade: false },
    'guests.nestAndTell': { stale: ['guests.getAll'], cascade: false },
    'guests.getsNoInput': { stale: ['guests.getAll'], cascade: false },
    'hotels.book': { stale: ['hotels.getAll'], cascade: false },
  },
  tools: {
    add_guest: 'guests.create',
    note_guest: ['timeline'],
    drop_guest: { stale: ({ input }: { input: { all: boolean } }) => (input.all ? ['*'] : ['guests']), cascade: false },
  },
} satisfies InvalidationMap<SyncAppRouter>;

/** What the hub tells, kept. */
export function listenTo(hub: AnyHub): { errors: HubFailure[]; warnings: HubWarning[] } {
  const heard = { errors: [] as HubFailure[], warnings: [] as HubWarning[] };
  hub.on('error', (failure) => void heard.errors.push(failure));
  hub.on('warning', (warning) => void heard.warnings.push(warning));
  return heard;
}

export async function actionsOf(hub: AnyHub, companyId = 'acme'): Promise<ActionEvent[]> {
  return (await hub.readLog(companyId)).actions.map((text) => JSON.parse(text) as ActionEvent);
}
