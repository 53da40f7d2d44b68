/**
 * Timeline entries that other modules put there: check-ins, pick-ups, events, vendor arrivals and
 * payments due. Each source is reconciled as a whole for one client, so that a changed, merged or
 * vanished row leaves no stale entry. Runs inside the caller's transaction.
 */
import {
  budget,
  clientVendors,
  events,
  guestTransport,
  hotels,
  timeline,
  vendors,
  type TimelineSource,
} from '../db/schema.js';
import type { Tx } from '../db/store.js';

interface Entry {
  title: string;
  startsAt: number;
  location: string | null;
  eventId: string | null;
}

/** Check-in opens at 15:00 UTC of the day. */
const CHECK_IN_HOUR_MS = 15 * 3_600_000;

function people(count: number): string {
  return count === 1 ? '1 guest' : `${count} guests`;
}

/** What should be on the timeline for each source, by key. */
const RULES: Record<TimelineSource, (tx: Tx, clientId: string) => Promise<Map<string, Entry>>> = {
  events: async (tx, clientId) => {
    const entries = new Map<string, Entry>();
    for (const event of await tx.list(events, { clientId })) {
      if (event.startsAt === null || event.status === 'cancelled') continue;
      entries.set(event.id, { title: event.name, startsAt: event.startsAt, location: event.venue, eventId: event.id });
    }
    return entries;
  },
  hotels: async (tx, clientId) => {
    const parties = new Map<string, { hotelName: string; day: string; count: number }>();
    for (const booking of await tx.list(hotels, { clientId })) {
      if (booking.checkInDate === null) continue;
      const key = `${booking.checkInDate} ${booking.hotelName}`;
      const party = parties.get(key) ?? { hotelName: booking.hotelName, day: booking.checkInDate, count: 0 };
      party.count += booking.partySize;
      parties.set(key, party);
    }
    const entries = new Map<string, Entry>();
    for (const [key, { hotelName, day, count }] of parties) {
      entries.set(key, {
        title: `Check-in at ${hotelName}: ${people(count)}`,
        startsAt: Date.parse(day) + CHECK_IN_HOUR_MS,
        location: hotelName,
        eventId: null,
      });
    }
    return entries;
  },
  transport: async (tx, clientId) => {
    const rides = new Map<string, { from: string; at: number; seats: number }>();
    for (const ride of await tx.list(guestTransport, { clientId })) {
      if (ride.pickupAt === null) continue;
      const key = `${ride.pickupAt} ${ride.pickupLocation}`;
      const group = rides.get(key) ?? { from: ride.pickupLocation, at: ride.pickupAt, seats: 0 };
      group.seats += ride.seats;
      rides.set(key, group);
    }
    const entries = new Map<string, Entry>();
    for (const [key, { from, at, seats }] of rides) {
      entries.set(key, { title: `Pick-up from ${from}: ${people(seats)}`, startsAt: at, location: from, eventId: null });
    }
    return entries;
  },
  vendors: async (tx, clientId) => {
    const entries = new Map<string, Entry>();
    for (const contract of await tx.list(clientVendors, { clientId })) {
      if (contract.arrivesAt === null) continue;
      const name = (await tx.find(vendors, contract.vendorId))?.name ?? 'Vendor';
      entries.set(contract.id, { title: `${name} arrives`, startsAt: contract.arrivesAt, location: null, eventId: null });
    }
    return entries;
  },
  budget: async (tx, clientId) => {
    const entries = new Map<string, Entry>();
    for (const item of await tx.list(budget, { clientId })) {
      if (item.dueAt === null) continue;
      entries.set(item.id, { title: `Payment due: ${item.item}`, startsAt: item.dueAt, location: null, eventId: null });
    }
    return entries;
  },
};

/** The place after the last one, once somebody has ordered the timeline by hand; until then all share 0. */
export async function nextSortOrder(tx: Tx, clientId: string): Promise<number> {
  const last = Math.max(0, ...(await tx.list(timeline, { clientId })).map((entry) => entry.sortOrder));
  return last === 0 ? 0 : last + 1;
}

export async function syncTimeline(tx: Tx, clientId: string, source: TimelineSource): Promise<void> {
  const wanted = await RULES[source](tx, clientId);
  for (const row of await tx.list(timeline, { clientId, source })) {
    const entry = row.sourceKey === null ? undefined : wanted.get(row.sourceKey);
    if (!entry || row.sourceKey === null) {
      await tx.remove(timeline, row.id);
      continue;
    }
    await tx.patch(timeline, row.id, entry);
    wanted.delete(row.sourceKey);
  }
  for (const [sourceKey, entry] of wanted) {
    await tx.insert(timeline, { clientId, source, sourceKey, sortOrder: await nextSortOrder(tx, clientId), ...entry });
  }
}
