/**
 * A vendor's contract with a client: one budget item and, where the hour is known, one timeline
 * entry follow it. Runs inside the caller's transaction.
 */
import { advancePayments, budget, clientVendors, vendorComments, vendorReviews, vendors } from '../db/schema.js';
import type { Tx } from '../db/store.js';
import type { RowOf } from '../db/table.js';
import { ensureClient, recalcClientStats } from './client-stats.js';
import { syncTimeline } from './timeline-sync.js';

type Vendor = RowOf<typeof vendors>;

export interface ContractTerms {
  contractAmount?: number | undefined;
  arrivesAt?: number | null | undefined;
}

/** Makes or changes the contract and what follows it. */
export function putContract(tx: Tx, vendor: Vendor, clientId: string, terms: ContractTerms): void {
  ensureClient(tx, clientId);
  const [existing] = tx.list(clientVendors, { clientId, vendorId: vendor.id });
  const contract = existing
    ? tx.patch(clientVendors, existing.id, terms)
    : tx.insert(clientVendors, { clientId, vendorId: vendor.id, ...terms });
  const [item] = tx.list(budget, { clientId, vendorId: vendor.id });
  const follows = { item: vendor.name, category: vendor.category, estimatedCost: contract.contractAmount };
  if (item) tx.patch(budget, item.id, follows);
  else tx.insert(budget, { clientId, vendorId: vendor.id, segment: 'vendors', ...follows });
  afterContract(tx, clientId);
}

/** After a vendor's own fields changed: its name stands on budget items and timeline entries. */
export function afterVendorChanged(tx: Tx, vendor: Vendor): void {
  for (const contract of tx.list(clientVendors, { vendorId: vendor.id })) {
    for (const item of tx.list(budget, { clientId: contract.clientId, vendorId: vendor.id })) {
      tx.patch(budget, item.id, { item: vendor.name, category: vendor.category });
    }
    afterContract(tx, contract.clientId);
  }
}

/** Deletes a vendor, its contracts and what follows them. Returns the clients that had one. */
export function removeVendor(tx: Tx, vendorId: string): { vendor: Vendor; clientIds: string[] } {
  const vendor = tx.remove(vendors, vendorId);
  const clientIds = tx.removeWhere(clientVendors, { vendorId }).map((contract) => contract.clientId);
  for (const item of tx.removeWhere(budget, { vendorId })) {
    tx.removeWhere(advancePayments, { budgetId: item.id });
    if (!clientIds.includes(item.clientId)) clientIds.push(item.clientId);
  }
  tx.removeWhere(vendorComments, { vendorId });
  tx.removeWhere(vendorReviews, { vendorId });
  for (const clientId of clientIds) afterContract(tx, clientId);
  return { vendor, clientIds };
}

/** Keeps the vendor's rating: the mean of its reviews. */
export function recalcRating(tx: Tx, vendorId: string): Vendor {
  const reviews = tx.list(vendorReviews, { vendorId });
  const sum = reviews.reduce((total, review) => total + review.rating, 0);
  return tx.patch(vendors, vendorId, { rating: reviews.length === 0 ? null : sum / reviews.length });
}

function afterContract(tx: Tx, clientId: string): void {
  syncTimeline(tx, clientId, 'vendors');
  syncTimeline(tx, clientId, 'budget');
  recalcClientStats(tx, clientId);
}
