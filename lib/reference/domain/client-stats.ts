/** Figures kept on the client's row, and the client itself. Run inside the caller's transaction. */
import { budget, clients } from '../db/schema.js';
import type { Store, Tx } from '../db/store.js';
import type { RowOf } from '../db/table.js';

/** Heads expected: the party sizes of all guests who have not declined. */
export function headCount(store: Store, clientId: string): number {
  const [row] = store.select<{ heads: number }>(
    `SELECT COALESCE(SUM("partySize"), 0) AS heads FROM "guests"
     WHERE "companyId" = ?1 AND "clientId" = ?2 AND "rsvpStatus" <> 'declined'`,
    [clientId],
  );
  return row?.heads ?? 0;
}

/** Brings `guestCount`, `budget` and the budget items priced per guest up to date. */
export function recalcClientStats(tx: Tx, clientId: string): void {
  const heads = headCount(tx, clientId);
  let total = 0;
  for (const item of tx.list(budget, { clientId })) {
    const estimatedCost = item.perGuestCost === null ? item.estimatedCost : item.perGuestCost * heads;
    tx.patch(budget, item.id, { estimatedCost });
    total += estimatedCost;
  }
  tx.patch(clients, clientId, { guestCount: heads, budget: total });
}

/** The client; one that the company has not named before is made with its id for a name. */
export function ensureClient(tx: Tx, clientId: string): RowOf<typeof clients> {
  return tx.find(clients, clientId) ?? tx.insert(clients, { id: clientId, name: clientId });
}
