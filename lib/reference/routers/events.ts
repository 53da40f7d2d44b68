/** Events of a wedding: each with a start stands on the timeline. */
import * as z from 'zod';
import { EVENT_STATUS, events, floorPlans, timeline } from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { syncTimeline } from '../domain/timeline-sync.js';
import { byClient, byId, identifier, line, moment, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  name: line,
  kind: line.optional(),
  startsAt: moment,
  endsAt: moment,
  venue: optionalLine,
  status: z.enum(EVENT_STATUS).optional(),
});

export const createEventsRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query.input(byClient).query(({ ctx, input }) => ctx.store.list(events, { clientId: input?.clientId })),

    getById: query.input(byId).query(({ ctx, input }) => ctx.store.need(events, input.id)),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(events, { clientId: input?.clientId });
      const now = Date.now();
      return {
        total: rows.length,
        upcoming: rows.filter((event) => event.startsAt !== null && event.startsAt > now).length,
        byStatus: Object.fromEntries(
          EVENT_STATUS.map((status) => [status, rows.filter((event) => event.status === status).length]),
        ),
      };
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        const event = await tx.insert(events, input);
        await syncTimeline(tx, event.clientId, 'events');
        return event;
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        const event = await tx.patch(events, id, patch);
        await syncTimeline(tx, event.clientId, 'events');
        return event;
      }),
    ),

    /** The event's timeline entries go with it; its floor plans stay, without the link. */
    delete: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const event = await tx.remove(events, input.id);
        await tx.removeWhere(timeline, { eventId: event.id });
        for (const plan of await tx.list(floorPlans, { clientId: event.clientId, eventId: event.id })) {
          await tx.patch(floorPlans, plan.id, { eventId: null });
        }
        return event;
      }),
    ),

    updateStatus: mutation.input(byId.extend({ status: z.enum(EVENT_STATUS) })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const event = await tx.patch(events, input.id, { status: input.status });
        await syncTimeline(tx, event.clientId, 'events');
        return event;
      }),
    ),
  });
