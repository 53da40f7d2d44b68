/** Advance payments to vendors: they are paid on the budget item of the vendor's contract. */
import * as z from 'zod';
import type { advancePayments} from '../db/schema.js';
import { budget, vendors } from '../db/schema.js';
import { addPayment, changePayment, removePayment } from '../domain/payments.js';
import { putContract } from '../domain/vendor-contracts.js';
import type { Store, Tx } from '../db/store.js';
import type { RowOf } from '../db/table.js';
import { byId, cents, identifier, moment, note, optionalLine } from '../inputs.js';
import { mutation, router } from '../trpc.js';

const terms = { paidAt: moment, paidBy: optionalLine, note };

/** The budget item that payments to the vendor for this client go on; made, with the contract, if there is none. */
function itemOf(tx: Tx, vendorId: string, clientId: string): RowOf<typeof budget> {
  const vendor = tx.need(vendors, vendorId);
  const [item] = tx.list(budget, { clientId, vendorId });
  if (item) return item;
  putContract(tx, vendor, clientId, {});
  return tx.list(budget, { clientId, vendorId })[0] as RowOf<typeof budget>;
}

/** Actions about a payment name the vendor it went to. */
function subjectOf(store: Store) {
  return (payment: RowOf<typeof advancePayments>) => ({
    entityId: store.find(budget, payment.budgetId)?.vendorId ?? payment.budgetId,
    clientId: payment.clientId,
  });
}

export const vendorAdvancesRouter = router({
  addVendorAdvance: mutation
    .input(z.object({ vendorId: identifier, clientId: identifier, amount: cents, ...terms }))
    .mutation(({ ctx, input }) =>
      ctx.change(
        'update',
        'vendors',
        (tx) => {
          const { vendorId, clientId, paidAt, ...payment } = input;
          return addPayment(tx, itemOf(tx, vendorId, clientId).id, { ...payment, paidAt: paidAt ?? undefined });
        },
        subjectOf(ctx.store),
      ),
    ),

  updateVendorAdvance: mutation
    .input(byId.extend({ amount: cents.optional(), ...terms }))
    .mutation(({ ctx, input }) =>
      ctx.change(
        'update',
        'vendors',
        (tx) => {
          const { id, paidAt, ...patch } = input;
          return changePayment(tx, id, { ...patch, paidAt: paidAt ?? undefined });
        },
        subjectOf(ctx.store),
      ),
    ),

  deleteVendorAdvance: mutation
    .input(byId)
    .mutation(({ ctx, input }) =>
      ctx.change('update', 'vendors', (tx) => removePayment(tx, input.id), subjectOf(ctx.store)),
    ),
});
