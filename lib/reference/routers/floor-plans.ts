/** Floor plans, their tables and who sits where. Versions and wishes are in `seating.ts`. */
import * as z from 'zod';
import {
  floorPlanGuests,
  floorPlans,
  floorPlanTables,
  guestConflicts,
  guestPreferences,
  guests,
  seatingChangeLog,
  seatingVersions,
  TABLE_SHAPES,
} from '../db/schema.js';
import { ensureClient } from '../domain/client-stats.js';
import { assignSeat } from '../domain/seating.js';
import { byClient, byId, identifier, line } from '../inputs.js';
import type { Kit } from '../trpc.js';
import { createSeatingRouter } from './seating.js';

const size = z.number().int().min(1).max(100_000);
const place = z.number().int().min(-100_000).max(100_000);
const details = z.object({
  name: line,
  eventId: identifier.nullish(),
  width: size.optional(),
  height: size.optional(),
});
const tableDetails = z.object({
  name: line,
  shape: z.enum(TABLE_SHAPES).optional(),
  x: place.optional(),
  y: place.optional(),
  capacity: z.number().int().min(1).max(200).optional(),
});
const seat = z.object({ floorPlanId: identifier, tableId: identifier, guestId: identifier });

const createBase = ({ router, query, mutation }: Kit) =>
  router({
    list: query.input(byClient).query(async ({ ctx, input }) => {
      const plans = await ctx.store.list(floorPlans, { clientId: input?.clientId });
      return Promise.all(
        plans.map(async (plan) => ({
          ...plan,
          tables: (await ctx.store.list(floorPlanTables, { floorPlanId: plan.id })).length,
          seated: (await ctx.store.list(floorPlanGuests, { floorPlanId: plan.id })).length,
        })),
      );
    }),

    /** The plan with everything in it. */
    getById: query.input(byId).query(async ({ ctx, input }) => {
      const plan = await ctx.store.need(floorPlans, input.id);
      const ofPlan = { floorPlanId: plan.id };
      const names = new Map((await ctx.store.list(guests, { clientId: plan.clientId })).map((guest) => [guest.id, guest.name]));
      return {
        ...plan,
        tables: await ctx.store.list(floorPlanTables, ofPlan),
        seats: (await ctx.store.list(floorPlanGuests, ofPlan))
          .map((row) => ({ ...row, guestName: names.get(row.guestId) ?? '' })),
        versions: (await ctx.store.list(seatingVersions, ofPlan)).map(({ id, name, createdAt }) => ({ id, name, createdAt })),
        changes: (await ctx.store.list(seatingChangeLog, ofPlan)).slice(0, 100),
        conflicts: await ctx.store.list(guestConflicts, { clientId: plan.clientId }),
        preferences: await ctx.store.list(guestPreferences, { clientId: plan.clientId }),
      };
    }),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        return tx.insert(floorPlans, input);
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        return tx.patch(floorPlans, id, patch);
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const plan = await tx.remove(floorPlans, input.id);
        for (const table of [floorPlanGuests, floorPlanTables, seatingVersions, seatingChangeLog] as const) {
          await tx.removeWhere(table, { floorPlanId: plan.id });
        }
        return plan;
      }),
    ),

    addTable: mutation.input(tableDetails.extend({ floorPlanId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const plan = await tx.need(floorPlans, input.floorPlanId);
        return { ...await tx.insert(floorPlanTables, input), clientId: plan.clientId };
      }),
    ),

    updateTable: mutation.input(tableDetails.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        const table = await tx.patch(floorPlanTables, id, patch);
        return { ...table, clientId: (await tx.need(floorPlans, table.floorPlanId)).clientId };
      }),
    ),

    deleteTable: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const table = await tx.remove(floorPlanTables, input.id);
        await tx.removeWhere(floorPlanGuests, { floorPlanId: table.floorPlanId, tableId: table.id });
        return { ...table, clientId: (await tx.need(floorPlans, table.floorPlanId)).clientId };
      }),
    ),

    assignGuest: mutation.input(seat).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const plan = await tx.need(floorPlans, input.floorPlanId);
        return { ...await assignSeat(tx, plan, input.tableId, input.guestId), clientId: plan.clientId };
      }),
    ),

    unassignGuest: mutation.input(seat.omit({ tableId: true })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const plan = await tx.need(floorPlans, input.floorPlanId);
        return { clientId: plan.clientId, removed: (await tx.removeWhere(floorPlanGuests, input)).length };
      }),
    ),

    /** Seats all of them or, if one finds no place, none. */
    batchAssignGuests: mutation
      .input(
        z.object({
          floorPlanId: identifier,
          assignments: z
            .array(seat.omit({ floorPlanId: true }))
            .min(1)
            .max(1_000),
        }),
      )
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const plan = await tx.need(floorPlans, input.floorPlanId);
          // Everyone named gets up first, so that two parties can swap full tables.
          for (const { guestId } of input.assignments)
            await tx.removeWhere(floorPlanGuests, { floorPlanId: plan.id, guestId });
          for (const { tableId, guestId } of input.assignments) await assignSeat(tx, plan, tableId, guestId);
          return { clientId: plan.clientId, seated: input.assignments.length };
        }),
      ),
  });

export const createFloorPlansRouter = (kit: Kit) => kit.mergeRouters(createBase(kit), createSeatingRouter(kit));
