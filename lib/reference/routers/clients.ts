/** Clients: the couples a company plans for. Guest count and budget are kept by the other modules. */
import * as z from 'zod';
import {
  advancePayments,
  budget,
  CLIENT_STATUS,
  clients,
  clientVendors,
  events,
  floorPlanGuests,
  floorPlans,
  floorPlanTables,
  gifts,
  guestConflicts,
  guestPreferences,
  guests,
  guestTransport,
  hotels,
  seatingChangeLog,
  seatingVersions,
  timeline,
  vendorComments,
} from '../db/schema.js';
import type { Tx } from '../db/store.js';
import { byId, day, identifier, line, note, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  name: line,
  email: optionalLine,
  phone: optionalLine,
  weddingDate: day,
  venue: optionalLine,
  status: z.enum(CLIENT_STATUS).optional(),
  notes: note,
});

/** Tables whose rows belong to one client. */
const OWNED = [
  advancePayments,
  budget,
  clientVendors,
  events,
  floorPlans,
  gifts,
  guestConflicts,
  guestPreferences,
  guests,
  guestTransport,
  hotels,
  timeline,
  vendorComments,
] as const;
/** Tables whose rows belong to a client's floor plan. */
const OWNED_BY_PLAN = [floorPlanGuests, floorPlanTables, seatingChangeLog, seatingVersions] as const;

async function removeClient(tx: Tx, clientId: string) {
  const client = await tx.remove(clients, clientId);
  for (const plan of await tx.list(floorPlans, { clientId })) {
    for (const table of OWNED_BY_PLAN) await tx.removeWhere(table, { floorPlanId: plan.id });
  }
  for (const table of OWNED) await tx.removeWhere(table, { clientId });
  return client;
}

export const createClientsRouter = ({ router, query, mutation }: Kit) =>
  router({
    /** The short form for pickers and cards. */
    list: query.query(async ({ ctx }) =>
      (await ctx.store.list(clients)).map(({ id, name, weddingDate, status, guestCount, budget: total }) => ({
        id,
        name,
        weddingDate,
        status,
        guestCount,
        budget: total,
      })),
    ),

    getAll: query
      .input(z.object({ status: z.enum(CLIENT_STATUS).optional() }).optional())
      .query(({ ctx, input }) => ctx.store.list(clients, { status: input?.status })),

    getById: query.input(byId).query(({ ctx, input }) => ctx.store.need(clients, input.id)),

    create: mutation
      .input(details.extend({ id: identifier.optional() }))
      .mutation(({ ctx, input }) => ctx.write((tx) => tx.insert(clients, input))),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        return tx.patch(clients, id, patch);
      }),
    ),

    /** The client and everything that was planned for it. Vendors stay: they are the company's. */
    delete: mutation.input(byId).mutation(({ ctx, input }) => ctx.write((tx) => removeClient(tx, input.id))),
  });
