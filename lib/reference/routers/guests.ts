/** Guests: the list that hotels, transport, budget, timeline, seats and client figures follow. */
import * as z from 'zod';
import { guests, RSVP } from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { afterGuestsSaved, removeGuest } from '../domain/guest-cascade.js';
import { byClient, byId, day, identifier, line, MAX_IMPORT_ROWS, moment, note, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const optional = {
  email: optionalLine,
  phone: optionalLine,
  groupName: optionalLine,
  partySize: z.number().int().min(1).max(50).optional(),
  rsvpStatus: z.enum(RSVP).optional(),
  dietary: optionalLine,
  needsHotel: z.boolean().optional(),
  hotelName: optionalLine,
  arrivalDate: day,
  needsTransport: z.boolean().optional(),
  pickupLocation: optionalLine,
  pickupAt: moment,
  notes: note,
};
const details = z.object({ name: line, ...optional });

export const createGuestsRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query.input(byClient).query(({ ctx, input }) => ctx.store.list(guests, { clientId: input?.clientId })),

    getById: query.input(byId).query(({ ctx, input }) => ctx.store.need(guests, input.id)),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(guests, { clientId: input?.clientId });
      const heads = (status: (typeof RSVP)[number]) =>
        rows.filter((guest) => guest.rsvpStatus === status).reduce((sum, guest) => sum + guest.partySize, 0);
      return {
        invitations: rows.length,
        confirmed: heads('confirmed'),
        pending: heads('pending'),
        declined: heads('declined'),
        checkedIn: rows.filter((guest) => guest.checkedIn).length,
        needHotel: rows.filter((guest) => guest.needsHotel).length,
        needTransport: rows.filter((guest) => guest.needsTransport).length,
      };
    }),

    /** Heads per diet, most first; guests who said nothing are left out. */
    getDietaryStats: query.input(byClient).query(async ({ ctx, input }) => {
      const heads = new Map<string, number>();
      for (const { dietary, partySize } of await ctx.store.list(guests, { clientId: input?.clientId })) {
        if (dietary !== null) heads.set(dietary, (heads.get(dietary) ?? 0) + partySize);
      }
      return [...heads].map(([dietary, count]) => ({ dietary, count })).sort((a, b) => b.count - a.count);
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        const guest = await tx.insert(guests, input);
        await afterGuestsSaved(tx, guest.clientId, [guest]);
        return guest;
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        const guest = await tx.patch(guests, id, patch);
        await afterGuestsSaved(tx, guest.clientId, [guest]);
        return guest;
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) => ctx.write((tx) => removeGuest(tx, input.id))),

    /** All rows or, if one is refused, none; announced once. */
    bulkImport: mutation
      .input(z.object({ clientId: identifier, guests: z.array(details).min(1).max(MAX_IMPORT_ROWS) }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          await ensureClient(tx, input.clientId);
          const rows = await tx.insertMany(guests, input.guests.map((guest) => ({ ...guest, clientId: input.clientId })));
          await afterGuestsSaved(tx, input.clientId, rows);
          return { imported: rows.length, ids: rows.map((guest) => guest.id) };
        }),
      ),

    updateRSVP: mutation.input(byId.extend({ rsvpStatus: z.enum(RSVP) })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const guest = await tx.patch(guests, input.id, { rsvpStatus: input.rsvpStatus });
        await afterGuestsSaved(tx, guest.clientId, [guest]);
        return guest;
      }),
    ),

    checkIn: mutation.input(byId.extend({ checkedIn: z.boolean().default(true) })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { checkedIn } = await tx.need(guests, input.id);
        if (checkedIn === input.checkedIn) return tx.need(guests, input.id);
        return tx.patch(guests, input.id, {
          checkedIn: input.checkedIn,
          checkedInAt: input.checkedIn ? tx.now : null,
        });
      }),
    ),
  });
