/** Advance payments to vendors: they are paid on the budget item of the vendor's contract. */
import * as z from 'zod';
import type { advancePayments } from '../db/schema.js';
import { budget, vendors } from '../db/schema.js';
import { addPayment, changePayment, removePayment } from '../domain/payments.js';
import { putContract } from '../domain/vendor-contracts.js';
import type { Tx } from '../db/store.js';
import type { RowOf } from '../db/rows.js';
import { byId, cents, identifier, moment, note, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const terms = { paidAt: moment, paidBy: optionalLine, note };

/** The budget item that payments to the vendor for this client go on; made, with the contract, if there is none. */
async function itemOf(tx: Tx, vendorId: string, clientId: string): Promise<RowOf<typeof budget>> {
  const vendor = await tx.need(vendors, vendorId);
  const [item] = await tx.list(budget, { clientId, vendorId });
  if (item) return item;
  await putContract(tx, vendor, clientId, {});
  return (await tx.list(budget, { clientId, vendorId }))[0] as RowOf<typeof budget>;
}

/** The payment with the vendor that it went to: what the action about it names. */
async function withVendor(tx: Tx, payment: RowOf<typeof advancePayments>) {
  return { ...payment, vendorId: (await tx.find(budget, payment.budgetId))?.vendorId ?? null };
}

export const createVendorAdvancesRouter = ({ router, mutation }: Kit) =>
  router({
    addVendorAdvance: mutation
      .input(z.object({ vendorId: identifier, clientId: identifier, amount: cents, ...terms }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const { vendorId, clientId, paidAt, ...payment } = input;
          const item = await itemOf(tx, vendorId, clientId);
          return await withVendor(tx, await addPayment(tx, item.id, { ...payment, paidAt: paidAt ?? undefined }));
        }),
      ),

    updateVendorAdvance: mutation
      .input(byId.extend({ amount: cents.optional(), ...terms }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const { id, paidAt, ...patch } = input;
          return await withVendor(tx, await changePayment(tx, id, { ...patch, paidAt: paidAt ?? undefined }));
        }),
      ),

    deleteVendorAdvance: mutation
      .input(byId)
      .mutation(({ ctx, input }) => ctx.write(async (tx) => withVendor(tx, await removePayment(tx, input.id)))),
  });
