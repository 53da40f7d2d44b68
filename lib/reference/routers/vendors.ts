/** Vendors of the company: their contracts, comments and reviews. Payments are in `vendor-advances.ts`. */
import * as z from 'zod';
import {
  advancePayments,
  APPROVAL,
  budget,
  clientVendors,
  PAYMENT,
  vendorComments,
  vendorReviews,
  vendors,
} from '../db/schema.js';
import { afterVendorChanged, putContract, recalcRating, removeVendor } from '../domain/vendor-contracts.js';
import { RowNotFound, type Tx } from '../db/store.js';
import { byClient, byId, cents, identifier, line, moment, note, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';
import { createVendorAdvancesRouter } from './vendor-advances.js';

const details = z.object({ name: line, category: line.optional(), email: optionalLine, phone: optionalLine });
/** With a `clientId` the vendor also gets, or changes, a contract with that client. */
const terms = { clientId: identifier.optional(), contractAmount: cents.optional(), arrivesAt: moment };
const ofContract = z.object({ vendorId: identifier, clientId: identifier });

/** Names of one comma-separated list, without doubles. Above the bound: BAD_REQUEST. */
const commaList = z
  .string()
  .max(10_000)
  .transform((text) => [
    ...new Set(
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    ),
  ])
  .pipe(z.array(line).min(1, 'must name at least one vendor').max(200));

async function contractOf(tx: Tx, vendorId: string, clientId: string) {
  const [contract] = await tx.list(clientVendors, { vendorId, clientId });
  if (!contract) throw new RowNotFound('clientVendors', `${vendorId} of ${clientId}`);
  return contract;
}

const createBase = ({ router, query, mutation }: Kit) =>
  router({
    /** All vendors; with a `clientId` those under contract with it. */
    getAll: query.input(byClient).query(async ({ ctx, input }) => {
      const rows = await ctx.store.list(vendors);
      if (input?.clientId === undefined) return rows;
      const booked = new Set((await ctx.store.list(clientVendors, { clientId: input.clientId })).map((row) => row.vendorId));
      return rows.filter((vendor) => booked.has(vendor.id));
    }),

    /** The vendor with its contracts, payments, comments and reviews. */
    getById: query.input(byId).query(async ({ ctx, input }) => {
      const vendor = await ctx.store.need(vendors, input.id);
      const items = await ctx.store.list(budget, { vendorId: vendor.id });
      const advances = await Promise.all(items.map((item) => ctx.store.list(advancePayments, { budgetId: item.id })));
      return {
        ...vendor,
        contracts: await ctx.store.list(clientVendors, { vendorId: vendor.id }),
        advances: advances.flat(),
        comments: await ctx.store.list(vendorComments, { vendorId: vendor.id }),
        reviews: await ctx.store.list(vendorReviews, { vendorId: vendor.id }),
      };
    }),

    getStats: query.input(byClient).query(async ({ ctx, input }) => {
      const contracts = await ctx.store.list(clientVendors, { clientId: input?.clientId });
      return {
        vendors: (await ctx.store.list(vendors)).length,
        contracts: contracts.length,
        approved: contracts.filter((contract) => contract.approvalStatus === 'approved').length,
        paid: contracts.filter((contract) => contract.paymentStatus === 'paid').length,
        contractTotal: contracts.reduce((sum, contract) => sum + contract.contractAmount, 0),
      };
    }),

    getByCategory: query
      .input(z.object({ category: line }))
      .query(({ ctx, input }) => ctx.store.list(vendors, { category: input.category })),

    create: mutation.input(details.extend(terms)).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { clientId, contractAmount, arrivesAt, ...row } = input;
        const vendor = await tx.insert(vendors, row);
        if (clientId !== undefined) await putContract(tx, vendor, clientId, { contractAmount, arrivesAt });
        return vendor;
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier, ...terms })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, clientId, contractAmount, arrivesAt, ...patch } = input;
        const vendor = await tx.patch(vendors, id, patch);
        if (clientId !== undefined) await putContract(tx, vendor, clientId, { contractAmount, arrivesAt });
        await afterVendorChanged(tx, vendor);
        return vendor;
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) => ctx.write(async (tx) => (await removeVendor(tx, input.id)).vendor)),

    updateApprovalStatus: mutation
      .input(ofContract.extend({ approvalStatus: z.enum(APPROVAL) }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const contract = await contractOf(tx, input.vendorId, input.clientId);
          return tx.patch(clientVendors, contract.id, { approvalStatus: input.approvalStatus });
        }),
      ),

    updatePaymentStatus: mutation
      .input(ofContract.extend({ paymentStatus: z.enum(PAYMENT) }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const contract = await contractOf(tx, input.vendorId, input.clientId);
          return tx.patch(clientVendors, contract.id, { paymentStatus: input.paymentStatus });
        }),
      ),

    addComment: mutation
      .input(z.object({ vendorId: identifier, clientId: identifier.nullish(), body: line }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          await tx.need(vendors, input.vendorId);
          return tx.insert(vendorComments, { ...input, userId: ctx.session.userId });
        }),
      ),

    deleteComment: mutation
      .input(byId)
      .mutation(({ ctx, input }) => ctx.write((tx) => tx.remove(vendorComments, input.id))),

    /** One vendor, one contract and one budget item per name: all of them or, if one is refused, none. */
    bulkCreateFromCommaList: mutation
      .input(z.object({ clientId: identifier, names: commaList, category: line.optional() }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const made = await tx.insertMany(vendors, input.names.map((name) => ({ name, category: input.category })));
          for (const vendor of made) await putContract(tx, vendor, input.clientId, {});
          return { created: made.length, ids: made.map((vendor) => vendor.id) };
        }),
      ),

    addReview: mutation
      .input(z.object({ vendorId: identifier, rating: z.number().int().min(1).max(5), body: note }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          await tx.need(vendors, input.vendorId);
          const review = await tx.insert(vendorReviews, { ...input, userId: ctx.session.userId });
          await recalcRating(tx, input.vendorId);
          return review;
        }),
      ),

    deleteReview: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const review = await tx.remove(vendorReviews, input.id);
        await recalcRating(tx, review.vendorId);
        return review;
      }),
    ),
  });

export const createVendorsRouter = (kit: Kit) => kit.mergeRouters(createBase(kit), createVendorAdvancesRouter(kit));
