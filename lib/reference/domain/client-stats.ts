/** Figures kept on the client's row, and the client itself. Run inside the caller's transaction. */
import { budget, clients, guests } from '../db/schema.js';
import type { Store, Tx } from '../db/store.js';
import type { RowOf } from '../db/rows.js';

/** Heads expected: the party sizes of all guests who have not declined. */
export async function headCount(store: Store, clientId: string): Promise<number> {
  const rows = await store.list(guests, { clientId });
  return rows.reduce((heads, guest) => heads + (guest.rsvpStatus === 'declined' ? 0 : guest.partySize), 0);
}

/** Brings `guestCount`, `budget` and the budget items priced per guest up to date. */
export async function recalcClientStats(tx: Tx, clientId: string): Promise<void> {
  const heads = await headCount(tx, clientId);
  let total = 0;
  for (const item of await tx.list(budget, { clientId })) {
    const estimatedCost = item.perGuestCost === null ? item.estimatedCost : item.perGuestCost * heads;
    await tx.patch(budget, item.id, { estimatedCost });
    total += estimatedCost;
  }
  await tx.patch(clients, clientId, { guestCount: heads, budget: total });
}

/** The client; one that the company has not named before is made with its id for a name. */
export async function ensureClient(tx: Tx, clientId: string): Promise<RowOf<typeof clients>> {
  return await tx.find(clients, clientId) ?? await tx.insert(clients, { id: clientId, name: clientId });
}
