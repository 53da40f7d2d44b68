/** Advance payments: what they do to the budget item and to the vendor's contract. Inside the caller's transaction. */
import { advancePayments, budget, clientVendors } from '../db/schema.js';
import type { Tx } from '../db/store.js';
import type { NewRow, PatchOf, RowOf } from '../db/table.js';

type Payment = RowOf<typeof advancePayments>;

/** Keeps `paidAmount` of the item, and `paymentStatus` of the contract it pays for. */
function recalcPaid(tx: Tx, budgetId: string): void {
  const payments = tx.list(advancePayments, { budgetId });
  const paidAmount = payments.reduce((sum, payment) => sum + payment.amount, 0);
  const item = tx.patch(budget, budgetId, { paidAmount });
  if (item.vendorId === null) return;
  for (const contract of tx.list(clientVendors, { clientId: item.clientId, vendorId: item.vendorId })) {
    const due = contract.contractAmount || item.estimatedCost;
    const paymentStatus = paidAmount <= 0 ? 'unpaid' : paidAmount >= due ? 'paid' : 'partial';
    tx.patch(clientVendors, contract.id, { paymentStatus });
  }
}

export function addPayment(
  tx: Tx,
  budgetId: string,
  payment: Omit<NewRow<typeof advancePayments>, 'id' | 'budgetId' | 'clientId' | 'paidAt'> & { paidAt?: number | undefined },
): Payment {
  const { clientId } = tx.need(budget, budgetId);
  const row = tx.insert(advancePayments, { ...payment, budgetId, clientId, paidAt: payment.paidAt ?? tx.now });
  recalcPaid(tx, budgetId);
  return row;
}

export function changePayment(
  tx: Tx,
  paymentId: string,
  patch: Pick<PatchOf<typeof advancePayments>, 'amount' | 'paidAt' | 'paidBy' | 'note'>,
): Payment {
  const row = tx.patch(advancePayments, paymentId, patch);
  recalcPaid(tx, row.budgetId);
  return row;
}

export function removePayment(tx: Tx, paymentId: string): Payment {
  const row = tx.remove(advancePayments, paymentId);
  recalcPaid(tx, row.budgetId);
  return row;
}
