/**
 * A vendor's contract with a client: one budget item and, where the hour is known, one timeline
 * entry follow it. Runs inside the caller's transaction.
 */
import { advancePayments, budget, clientVendors, vendorComments, vendorReviews, vendors } from '../db/schema.js';
import type { Tx } from '../db/store.js';
import type { RowOf } from '../db/rows.js';
import { ensureClient, recalcClientStats } from './client-stats.js';
import { syncTimeline } from './timeline-sync.js';

type Vendor = RowOf<typeof vendors>;

export interface ContractTerms {
  contractAmount?: number | undefined;
  arrivesAt?: number | null | undefined;
}

/** Makes or changes the contract and what follows it. */
export async function putContract(tx: Tx, vendor: Vendor, clientId: string, terms: ContractTerms): Promise<void> {
  await ensureClient(tx, clientId);
  const [existing] = await tx.list(clientVendors, { clientId, vendorId: vendor.id });
  const contract = existing
    ? await tx.patch(clientVendors, existing.id, terms)
    : await tx.insert(clientVendors, { clientId, vendorId: vendor.id, ...terms });
  const [item] = await tx.list(budget, { clientId, vendorId: vendor.id });
  const follows = { item: vendor.name, category: vendor.category, estimatedCost: contract.contractAmount };
  if (item) await tx.patch(budget, item.id, follows);
  else await tx.insert(budget, { clientId, vendorId: vendor.id, segment: 'vendors', ...follows });
  await afterContract(tx, clientId);
}

/** After a vendor's own fields changed: its name stands on budget items and timeline entries. */
export async function afterVendorChanged(tx: Tx, vendor: Vendor): Promise<void> {
  for (const contract of await tx.list(clientVendors, { vendorId: vendor.id })) {
    for (const item of await tx.list(budget, { clientId: contract.clientId, vendorId: vendor.id })) {
      await tx.patch(budget, item.id, { item: vendor.name, category: vendor.category });
    }
    await afterContract(tx, contract.clientId);
  }
}

/** Deletes a vendor, its contracts and what follows them. Returns the clients that had one. */
export async function removeVendor(tx: Tx, vendorId: string): Promise<{ vendor: Vendor; clientIds: string[] }> {
  const vendor = await tx.remove(vendors, vendorId);
  const clientIds = (await tx.removeWhere(clientVendors, { vendorId })).map((contract) => contract.clientId);
  for (const item of await tx.removeWhere(budget, { vendorId })) {
    await tx.removeWhere(advancePayments, { budgetId: item.id });
    if (!clientIds.includes(item.clientId)) clientIds.push(item.clientId);
  }
  await tx.removeWhere(vendorComments, { vendorId });
  await tx.removeWhere(vendorReviews, { vendorId });
  for (const clientId of clientIds) await afterContract(tx, clientId);
  return { vendor, clientIds };
}

/** Keeps the vendor's rating: the mean of its reviews. */
export async function recalcRating(tx: Tx, vendorId: string): Promise<Vendor> {
  const reviews = await tx.list(vendorReviews, { vendorId });
  const sum = reviews.reduce((total, review) => total + review.rating, 0);
  return await tx.patch(vendors, vendorId, { rating: reviews.length === 0 ? null : sum / reviews.length });
}

async function afterContract(tx: Tx, clientId: string): Promise<void> {
  await syncTimeline(tx, clientId, 'vendors');
  await syncTimeline(tx, clientId, 'budget');
  await recalcClientStats(tx, clientId);
}
