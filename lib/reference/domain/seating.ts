/** Seats of a floor plan: assigning, unassigning, versions. Runs inside the caller's transaction. */
import { TRPCError } from '@trpc/server';
import type {
  floorPlans,
  seatingVersions} from '../db/schema.js';
import {
  floorPlanGuests,
  floorPlanTables,
  guests,
  type SeatingSnapshot,
} from '../db/schema.js';
import type { Store, Tx } from '../db/store.js';
import type { RowOf } from '../db/table.js';

type Plan = RowOf<typeof floorPlans>;
type Seat = RowOf<typeof floorPlanGuests>;

/** Heads already at a table. */
export function headsAt(store: Store, tableId: string, floorPlanId: string): number {
  return store
    .list(floorPlanGuests, { floorPlanId, tableId })
    .reduce((sum, seat) => sum + (store.find(guests, seat.guestId)?.partySize ?? 0), 0);
}

/** Seats a guest at a table, moving them if they sat elsewhere. Throws CONFLICT when the table is full. */
export function assignSeat(tx: Tx, plan: Plan, tableId: string, guestId: string): Seat {
  const table = tx.need(floorPlanTables, tableId);
  const guest = tx.need(guests, guestId);
  if (table.floorPlanId !== plan.id || guest.clientId !== plan.clientId) {
    throw new TRPCError({ code: 'BAD_REQUEST', message: 'The table and the guest must belong to the floor plan' });
  }
  const [current] = tx.list(floorPlanGuests, { floorPlanId: plan.id, guestId });
  if (current?.tableId === tableId) return current;
  const places = Math.min(table.capacity, plan.rules.maxPerTable ?? table.capacity);
  const taken = headsAt(tx, tableId, plan.id);
  if (taken + guest.partySize > places) {
    throw new TRPCError({
      code: 'CONFLICT',
      message: `${table.name} has ${places} places, ${taken} are taken; ${guest.name} needs ${guest.partySize}`,
    });
  }
  return current
    ? tx.patch(floorPlanGuests, current.id, { tableId })
    : tx.insert(floorPlanGuests, { floorPlanId: plan.id, tableId, guestId });
}

export function snapshotOf(store: Store, floorPlanId: string): SeatingSnapshot {
  return {
    tables: store
      .list(floorPlanTables, { floorPlanId })
      .map(({ id, name, shape, x, y, capacity }) => ({ id, name, shape, x, y, capacity })),
    seats: store.list(floorPlanGuests, { floorPlanId }).map(({ tableId, guestId }) => ({ tableId, guestId })),
  };
}

/** Puts tables and seats back as a version holds them; guests deleted since are left out. */
export function restoreVersion(tx: Tx, version: RowOf<typeof seatingVersions>): void {
  const { floorPlanId, snapshot } = version;
  tx.removeWhere(floorPlanGuests, { floorPlanId });
  const kept = new Set(snapshot.tables.map((table) => table.id));
  for (const table of tx.list(floorPlanTables, { floorPlanId })) {
    if (!kept.has(table.id)) tx.remove(floorPlanTables, table.id);
  }
  for (const table of snapshot.tables) {
    const { id, ...rest } = table;
    if (tx.find(floorPlanTables, id)) tx.patch(floorPlanTables, id, rest);
    else tx.insert(floorPlanTables, { id, floorPlanId, ...rest });
  }
  for (const { tableId, guestId } of snapshot.seats) {
    if (tx.find(guests, guestId)) tx.insert(floorPlanGuests, { floorPlanId, tableId, guestId });
  }
}
