/** Rides: those that follow guests, and those made by hand. The module is called `transport` in actions. */
import * as z from 'zod';
import { guests, guestTransport } from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { syncGuestRide } from '../domain/guest-cascade.js';
import { syncTimeline } from '../domain/timeline-sync.js';
import { byClient, byId, identifier, line, moment, ofClient, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  guestName: line,
  pickupLocation: line,
  dropLocation: optionalLine,
  pickupAt: moment,
  seats: z.number().int().min(1).max(100).optional(),
  vehicle: optionalLine,
});

export const createGuestTransportRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query
      .input(byClient)
      .query(({ ctx, input }) => ctx.store.list(guestTransport, { clientId: input?.clientId })),

    /** The short form for pickers. */
    list: query
      .input(byClient)
      .query(async ({ ctx, input }) =>
        (await ctx.store.list(guestTransport, { clientId: input?.clientId }))
          .map(({ id, guestName, pickupLocation, pickupAt, seats }) => ({
            id,
            guestName,
            pickupLocation,
            pickupAt,
            seats,
          })),
      ),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(guestTransport, { clientId: input?.clientId });
      return {
        rides: rows.length,
        seats: rows.reduce((sum, ride) => sum + ride.seats, 0),
        withoutVehicle: rows.filter((ride) => ride.vehicle === null).length,
        followGuests: rows.filter((ride) => ride.guestId !== null).length,
      };
    }),

    /** Rides with the guest they follow. */
    getAllWithGuests: query.input(byClient).query(async ({ ctx, input }) => {
      const narrow = { clientId: input?.clientId };
      const byGuest = new Map((await ctx.store.list(guests, narrow)).map((guest) => [guest.id, guest]));
      return (await ctx.store.list(guestTransport, narrow))
        .map((ride) => ({ ...ride, guest: byGuest.get(ride.guestId ?? '') ?? null }));
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        const ride = await tx.insert(guestTransport, input);
        await syncTimeline(tx, ride.clientId, 'transport');
        return ride;
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        const ride = await tx.patch(guestTransport, id, patch);
        await syncTimeline(tx, ride.clientId, 'transport');
        return ride;
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const ride = await tx.remove(guestTransport, input.id);
        await syncTimeline(tx, ride.clientId, 'transport');
        return ride;
      }),
    ),

    /** Brings the rides of a client in line with its guests; announced only if something was out of line. */
    syncWithGuests: mutation.input(ofClient).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        for (const guest of await tx.list(guests, { clientId: input.clientId })) await syncGuestRide(tx, guest);
        await syncTimeline(tx, input.clientId, 'transport');
        return { rides: (await tx.list(guestTransport, { clientId: input.clientId })).length, changed: tx.touched.size > 0 };
      }),
    ),
  });
