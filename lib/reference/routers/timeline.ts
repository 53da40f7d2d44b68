/** The timeline: entries made by hand, and those that other modules put there. */
import { TRPCError } from '@trpc/server';
import * as z from 'zod';
import { events, timeline } from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { nextSortOrder } from '../domain/timeline-sync.js';
import { byClient, byId, identifier, line, MAX_IMPORT_ROWS, moment, ofClient, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  title: line,
  eventId: identifier.nullish(),
  startsAt: moment,
  durationMinutes: z.number().int().min(0).max(100_000).nullish(),
  location: optionalLine,
});

export const createTimelineRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query.input(byClient).query(({ ctx, input }) => ctx.store.list(timeline, { clientId: input?.clientId })),

    getById: query.input(byId).query(({ ctx, input }) => ctx.store.need(timeline, input.id)),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(timeline, { clientId: input?.clientId });
      return {
        total: rows.length,
        completed: rows.filter((entry) => entry.completed).length,
        byHand: rows.filter((entry) => entry.source === null).length,
      };
    }),

    /** Entries under their event, in the events' order; those without one come last. */
    getGroupedByEvent: query.input(byClient).query(async ({ ctx, input }) => {
      const narrow = { clientId: input?.clientId };
      const rows = await ctx.store.list(timeline, narrow);
      const groups = (await ctx.store.list(events, narrow)).map((event) => ({
        event: { id: event.id, name: event.name, startsAt: event.startsAt },
        entries: rows.filter((entry) => entry.eventId === event.id),
      }));
      const loose = rows.filter((entry) => !groups.some((group) => group.event.id === entry.eventId));
      return loose.length > 0 ? [...groups, { event: null, entries: loose }] : groups;
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        if (input.eventId != null) await tx.need(events, input.eventId);
        return tx.insert(timeline, { ...input, sortOrder: await nextSortOrder(tx, input.clientId) });
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        if (input.eventId != null) await tx.need(events, input.eventId);
        return tx.patch(timeline, id, patch);
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) => ctx.write((tx) => tx.remove(timeline, input.id))),

    /** All entries or, if one is refused, none; announced once. */
    bulkImport: mutation
      .input(ofClient.extend({ entries: z.array(details).min(1).max(MAX_IMPORT_ROWS) }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          await ensureClient(tx, input.clientId);
          let sortOrder = await nextSortOrder(tx, input.clientId);
          for (const entry of input.entries) {
            if (entry.eventId != null) await tx.need(events, entry.eventId);
            await tx.insert(timeline, { ...entry, clientId: input.clientId, sortOrder });
            if (sortOrder > 0) sortOrder += 1;
          }
          return { imported: input.entries.length };
        }),
      ),

    /** Puts a client's entries into the given order; entries that are not named come after them, as they were. */
    reorder: mutation
      .input(ofClient.extend({ ids: z.array(identifier).min(1).max(MAX_IMPORT_ROWS) }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const rows = await tx.list(timeline, { clientId: input.clientId });
          const known = new Set(rows.map((entry) => entry.id));
          const stranger = input.ids.find((id) => !known.has(id));
          if (stranger !== undefined) {
            throw new TRPCError({
              code: 'NOT_FOUND',
              message: `timeline has no row ${JSON.stringify(stranger)} of client ${JSON.stringify(input.clientId)}`,
            });
          }
          const order = new Set([...input.ids, ...rows.map((entry) => entry.id)]);
          let sortOrder = 0;
          for (const id of order) await tx.patch(timeline, id, { sortOrder: (sortOrder += 1) });
          return tx.list(timeline, { clientId: input.clientId });
        }),
      ),

    markComplete: mutation
      .input(byId.extend({ completed: z.boolean().default(true) }))
      .mutation(({ ctx, input }) => ctx.write((tx) => tx.patch(timeline, input.id, { completed: input.completed }))),
  });
