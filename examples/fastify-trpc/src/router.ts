// router.ts: the app's procedures. Nothing in them speaks of sync.
import { syncInput, syncSubscription } from 'pathcast/trpc';
import { z } from 'zod';
import { deleteGuest, insertGuest, listGuests } from './store.js';
import { mutationProcedure, procedure, router } from './trpc.js';

const name = z.string().trim().min(1).max(80);

export const appRouter = router({
  guests: router({
    getAll: procedure.query(({ ctx }) => listGuests(ctx.companyId)),
    create: mutationProcedure.input(z.object({ name })).mutation(({ ctx, input }) => insertGuest(ctx.companyId, input.name)),
    remove: mutationProcedure.input(z.object({ id: z.string() })).mutation(async ({ ctx, input }) => {
      return { id: input.id, removed: await deleteGuest(ctx.companyId, input.id) };
    }),
  }),
  sync: router({
    /** A position for `since`: a page asks for it before it reads anything else. */
    position: procedure.query(() => Date.now()),
    onSync: procedure.input(syncInput).subscription(
      syncSubscription({
        stream: ({ ctx }) => ({ req: ctx.req, res: ctx.res, companyId: ctx.companyId, userId: ctx.userId }),
      }),
    ),
  }),
});
export type AppRouter = typeof appRouter;
