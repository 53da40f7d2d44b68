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
import type { RowOf } from '../db/rows.js';

type Plan = RowOf<typeof floorPlans>;
type Seat = RowOf<typeof floorPlanGuests>;

/** Heads already at a table. */
export async function headsAt(store: Store, tableId: string, floorPlanId: string): Promise<number> {
  let heads = 0;
  for (const seat of await store.list(floorPlanGuests, { floorPlanId, tableId })) {
    heads += (await store.find(guests, seat.guestId))?.partySize ?? 0;
  }
  return heads;
}

/** Seats a guest at a table, moving them if they sat elsewhere. Throws CONFLICT when the table is full. */
export async function assignSeat(tx: Tx, plan: Plan, tableId: string, guestId: string): Promise<Seat> {
  const table = await tx.need(floorPlanTables, tableId);
  const guest = await tx.need(guests, guestId);
  if (table.floorPlanId !== plan.id || guest.clientId !== plan.clientId) {
    throw new TRPCError({ code: 'BAD_REQUEST', message: 'The table and the guest must belong to the floor plan' });
  }
  const [current] = await tx.list(floorPlanGuests, { floorPlanId: plan.id, guestId });
  if (current?.tableId === tableId) return current;
  const places = Math.min(table.capacity, plan.rules.maxPerTable ?? table.capacity);
  const taken = await headsAt(tx, tableId, plan.id);
  if (taken + guest.partySize > places) {
    throw new TRPCError({
      code: 'CONFLICT',
      message: `${table.name} has ${places} places, ${taken} are taken; ${guest.name} needs ${guest.partySize}`,
    });
  }
  return current
    ? await tx.patch(floorPlanGuests, current.id, { tableId })
    : await tx.insert(floorPlanGuests, { floorPlanId: plan.id, tableId, guestId });
}

export async function snapshotOf(store: Store, floorPlanId: string): Promise<SeatingSnapshot> {
  return {
    tables: (await store
      .list(floorPlanTables, { floorPlanId }))
      .map(({ id, name, shape, x, y, capacity }) => ({ id, name, shape, x, y, capacity })),
    seats: (await store.list(floorPlanGuests, { floorPlanId })).map(({ tableId, guestId }) => ({ tableId, guestId })),
  };
}

/** Puts tables and seats back as a version holds them; guests deleted since are left out. */
export async function restoreVersion(tx: Tx, version: RowOf<typeof seatingVersions>): Promise<void> {
  const { floorPlanId, snapshot } = version;
  await tx.removeWhere(floorPlanGuests, { floorPlanId });
  const kept = new Set(snapshot.tables.map((table) => table.id));
  for (const table of await tx.list(floorPlanTables, { floorPlanId })) {
    if (!kept.has(table.id)) await tx.remove(floorPlanTables, table.id);
  }
  for (const table of snapshot.tables) {
    const { id, ...rest } = table;
    if (await tx.find(floorPlanTables, id)) await tx.patch(floorPlanTables, id, rest);
    else await tx.insert(floorPlanTables, { id, floorPlanId, ...rest });
  }
  for (const { tableId, guestId } of snapshot.seats) {
    if (await tx.find(guests, guestId)) await tx.insert(floorPlanGuests, { floorPlanId, tableId, guestId });
  }
}
