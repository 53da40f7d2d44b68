/** Advance payments: what they do to the budget item and to the vendor's contract. Inside the caller's transaction. */
import { advancePayments, budget, clientVendors } from '../db/schema.js';
import type { Tx } from '../db/store.js';
import type { NewRow, PatchOf, RowOf } from '../db/rows.js';

type Payment = RowOf<typeof advancePayments>;

/** Keeps `paidAmount` of the item, and `paymentStatus` of the contract it pays for. */
async function recalcPaid(tx: Tx, budgetId: string): Promise<void> {
  const payments = await tx.list(advancePayments, { budgetId });
  const paidAmount = payments.reduce((sum, payment) => sum + payment.amount, 0);
  const item = await tx.patch(budget, budgetId, { paidAmount });
  if (item.vendorId === null) return;
  for (const contract of await tx.list(clientVendors, { clientId: item.clientId, vendorId: item.vendorId })) {
    const due = contract.contractAmount || item.estimatedCost;
    const paymentStatus = paidAmount <= 0 ? 'unpaid' : paidAmount >= due ? 'paid' : 'partial';
    await tx.patch(clientVendors, contract.id, { paymentStatus });
  }
}

export async function addPayment(
  tx: Tx,
  budgetId: string,
  payment: Omit<NewRow<typeof advancePayments>, 'id' | 'budgetId' | 'clientId' | 'paidAt'> & { paidAt?: number | undefined },
): Promise<Payment> {
  const { clientId } = await tx.need(budget, budgetId);
  const row = await tx.insert(advancePayments, { ...payment, budgetId, clientId, paidAt: payment.paidAt ?? tx.now });
  await recalcPaid(tx, budgetId);
  return row;
}

export async function changePayment(
  tx: Tx,
  paymentId: string,
  patch: Pick<PatchOf<typeof advancePayments>, 'amount' | 'paidAt' | 'paidBy' | 'note'>,
): Promise<Payment> {
  const row = await tx.patch(advancePayments, paymentId, patch);
  await recalcPaid(tx, row.budgetId);
  return row;
}

export async function removePayment(tx: Tx, paymentId: string): Promise<Payment> {
  const row = await tx.remove(advancePayments, paymentId);
  await recalcPaid(tx, row.budgetId);
  return row;
}
