/** Advance payments to vendors: they are paid on the budget item of the vendor's contract. */
import * as z from 'zod';
import type { advancePayments } from '../db/schema.js';
import { budget, vendors } from '../db/schema.js';
import { addPayment, changePayment, removePayment } from '../domain/payments.js';
import { putContract } from '../domain/vendor-contracts.js';
import type { Tx } from '../db/store.js';
import type { RowOf } from '../db/table.js';
import { byId, cents, identifier, moment, note, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const terms = { paidAt: moment, paidBy: optionalLine, note };

/** The budget item that payments to the vendor for this client go on; made, with the contract, if there is none. */
function itemOf(tx: Tx, vendorId: string, clientId: string): RowOf<typeof budget> {
  const vendor = tx.need(vendors, vendorId);
  const [item] = tx.list(budget, { clientId, vendorId });
  if (item) return item;
  putContract(tx, vendor, clientId, {});
  return tx.list(budget, { clientId, vendorId })[0] as RowOf<typeof budget>;
}

/** The payment with the vendor that it went to: what the action about it names. */
function withVendor(tx: Tx, payment: RowOf<typeof advancePayments>) {
  return { ...payment, vendorId: tx.find(budget, payment.budgetId)?.vendorId ?? null };
}

export const createVendorAdvancesRouter = ({ router, mutation }: Kit) =>
  router({
    addVendorAdvance: mutation
      .input(z.object({ vendorId: identifier, clientId: identifier, amount: cents, ...terms }))
      .mutation(({ ctx, input }) =>
        ctx.write((tx) => {
          const { vendorId, clientId, paidAt, ...payment } = input;
          const item = itemOf(tx, vendorId, clientId);
          return withVendor(tx, addPayment(tx, item.id, { ...payment, paidAt: paidAt ?? undefined }));
        }),
      ),

    updateVendorAdvance: mutation
      .input(byId.extend({ amount: cents.optional(), ...terms }))
      .mutation(({ ctx, input }) =>
        ctx.write((tx) => {
          const { id, paidAt, ...patch } = input;
          return withVendor(tx, changePayment(tx, id, { ...patch, paidAt: paidAt ?? undefined }));
        }),
      ),

    deleteVendorAdvance: mutation
      .input(byId)
      .mutation(({ ctx, input }) => ctx.write((tx) => withVendor(tx, removePayment(tx, input.id)))),
  });
