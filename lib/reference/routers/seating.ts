/** Seating beyond the seats themselves: rules, versions, the change log, who should and should not sit together. */
import { TRPCError } from '@trpc/server';
import * as z from 'zod';
import {
  floorPlans,
  guestConflicts,
  guestPreferences,
  guests,
  seatingChangeLog,
  seatingVersions,
} from '../db/schema.js';
import type { Tx } from '../db/store.js';
import { restoreVersion, snapshotOf } from '../domain/seating.js';
import { byId, identifier, line, ofClient, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const pair = ofClient.extend({ guestId: identifier, otherGuestId: identifier });

/** Two different guests of the client. */
async function needPair(tx: Tx, { clientId, guestId, otherGuestId }: z.infer<typeof pair>): Promise<void> {
  const both = [await tx.need(guests, guestId), await tx.need(guests, otherGuestId)];
  if (guestId === otherGuestId || both.some((guest) => guest.clientId !== clientId)) {
    throw new TRPCError({ code: 'BAD_REQUEST', message: 'guestId and otherGuestId must be two guests of the client' });
  }
}

export const createSeatingRouter = ({ router, mutation }: Kit) =>
  router({
    updateGuestSeatingRules: mutation
      .input(
        byId.extend({
          keepGroupsTogether: z.boolean(),
          maxPerTable: z.number().int().min(1).max(200).nullable().default(null),
        }),
      )
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const { id, ...rules } = input;
          return tx.patch(floorPlans, id, { rules });
        }),
      ),

    saveVersion: mutation.input(z.object({ floorPlanId: identifier, name: line })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const plan = await tx.need(floorPlans, input.floorPlanId);
        const { id, name, createdAt } = await tx.insert(seatingVersions, { ...input, snapshot: await snapshotOf(tx, plan.id) });
        return { id, name, createdAt, clientId: plan.clientId };
      }),
    ),

    loadVersion: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const version = await tx.need(seatingVersions, input.id);
        const plan = await tx.need(floorPlans, version.floorPlanId);
        await restoreVersion(tx, version);
        return plan;
      }),
    ),

    deleteVersion: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const version = await tx.remove(seatingVersions, input.id);
        return tx.need(floorPlans, version.floorPlanId);
      }),
    ),

    logChange: mutation.input(z.object({ floorPlanId: identifier, message: line })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const plan = await tx.need(floorPlans, input.floorPlanId);
        const entry = await tx.insert(seatingChangeLog, { ...input, userId: ctx.session.userId });
        return { ...entry, clientId: plan.clientId };
      }),
    ),

    addGuestConflict: mutation.input(pair.extend({ reason: optionalLine })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await needPair(tx, input);
        return tx.insert(guestConflicts, input);
      }),
    ),

    removeGuestConflict: mutation
      .input(byId)
      .mutation(({ ctx, input }) => ctx.write((tx) => tx.remove(guestConflicts, input.id))),

    addGuestPreference: mutation.input(pair).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await needPair(tx, input);
        return tx.insert(guestPreferences, input);
      }),
    ),

    removeGuestPreference: mutation
      .input(byId)
      .mutation(({ ctx, input }) => ctx.write((tx) => tx.remove(guestPreferences, input.id))),
  });
