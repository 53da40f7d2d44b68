/** Hotel bookings: those that follow guests, and those made by hand. */
import * as z from 'zod';
import { guests, hotels } from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { syncGuestHotel } from '../domain/guest-cascade.js';
import { syncTimeline } from '../domain/timeline-sync.js';
import { byClient, byId, count, day, identifier, line, ofClient } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  guestName: line,
  hotelName: line,
  roomType: line.optional(),
  rooms: count.optional(),
  partySize: z.number().int().min(1).max(50).optional(),
  checkInDate: day,
  checkOutDate: day,
});

export const createHotelsRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query.input(byClient).query(({ ctx, input }) => ctx.store.list(hotels, { clientId: input?.clientId })),

    getById: query.input(byId).query(({ ctx, input }) => ctx.store.need(hotels, input.id)),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(hotels, { clientId: input?.clientId });
      return {
        bookings: rows.length,
        rooms: rows.reduce((sum, booking) => sum + booking.rooms, 0),
        people: rows.reduce((sum, booking) => sum + booking.partySize, 0),
        checkedIn: rows.filter((booking) => booking.checkedIn).length,
        followGuests: rows.filter((booking) => booking.guestId !== null).length,
      };
    }),

    /** Rooms and people per hotel. */
    getCapacitySummary: query.input(byClient).query(async ({ ctx, input }) => {
      const byHotel = new Map<string, { hotelName: string; rooms: number; people: number }>();
      for (const booking of await ctx.store.list(hotels, { clientId: input?.clientId })) {
        const entry = byHotel.get(booking.hotelName) ?? { hotelName: booking.hotelName, rooms: 0, people: 0 };
        entry.rooms += booking.rooms;
        entry.people += booking.partySize;
        byHotel.set(booking.hotelName, entry);
      }
      return [...byHotel.values()];
    }),

    /** Bookings with the guest they follow. */
    getAllWithGuests: query.input(byClient).query(async ({ ctx, input }) => {
      const narrow = { clientId: input?.clientId };
      const byGuest = new Map((await ctx.store.list(guests, narrow)).map((guest) => [guest.id, guest]));
      return (await ctx.store.list(hotels, narrow))
        .map((booking) => ({ ...booking, guest: byGuest.get(booking.guestId ?? '') ?? null }));
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        const booking = await tx.insert(hotels, input);
        await syncTimeline(tx, booking.clientId, 'hotels');
        return booking;
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        const booking = await tx.patch(hotels, id, patch);
        await syncTimeline(tx, booking.clientId, 'hotels');
        return booking;
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const booking = await tx.remove(hotels, input.id);
        await syncTimeline(tx, booking.clientId, 'hotels');
        return booking;
      }),
    ),

    checkIn: mutation
      .input(byId.extend({ checkedIn: z.boolean().default(true) }))
      .mutation(({ ctx, input }) => ctx.write((tx) => tx.patch(hotels, input.id, { checkedIn: input.checkedIn }))),

    /** Brings the bookings of a client in line with its guests; announced only if something was out of line. */
    syncWithGuests: mutation.input(ofClient).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        for (const guest of await tx.list(guests, { clientId: input.clientId })) await syncGuestHotel(tx, guest);
        await syncTimeline(tx, input.clientId, 'hotels');
        return { bookings: (await tx.list(hotels, { clientId: input.clientId })).length, changed: tx.touched.size > 0 };
      }),
    ),
  });
