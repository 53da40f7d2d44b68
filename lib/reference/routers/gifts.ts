/** Gifts received, and whether the thank-you has gone out. */
import * as z from 'zod';
import { gifts, guests } from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { byClient, byId, cents, identifier, line, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  name: line,
  fromName: optionalLine,
  guestId: identifier.nullish(),
  value: cents.optional(),
  received: z.boolean().optional(),
  thankYouSent: z.boolean().optional(),
});

export const createGiftsRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query.input(byClient).query(({ ctx, input }) => ctx.store.list(gifts, { clientId: input?.clientId })),

    getById: query.input(byId).query(({ ctx, input }) => ctx.store.need(gifts, input.id)),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(gifts, { clientId: input?.clientId });
      return {
        total: rows.length,
        received: rows.filter((gift) => gift.received).length,
        thanked: rows.filter((gift) => gift.thankYouSent).length,
        value: rows.reduce((sum, gift) => sum + gift.value, 0),
      };
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        if (input.guestId != null) await tx.need(guests, input.guestId);
        return tx.insert(gifts, input);
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        if (input.guestId != null) await tx.need(guests, input.guestId);
        return tx.patch(gifts, id, patch);
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) => ctx.write((tx) => tx.remove(gifts, input.id))),
  });
