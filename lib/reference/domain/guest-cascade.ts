/**
 * What follows from guests: their hotel bookings and rides, the timeline entries of those, budget
 * items priced per guest, the client's figures, and the seats they held. Runs inside the caller's
 * transaction, so a guest and everything that follows commit together.
 */
import {
  floorPlanGuests,
  gifts,
  guestConflicts,
  guestPreferences,
  guests,
  guestTransport,
  hotels,
} from '../db/schema.js';
import type { Tx } from '../db/store.js';
import type { RowOf } from '../db/rows.js';
import { recalcClientStats } from './client-stats.js';
import { syncTimeline } from './timeline-sync.js';

type Guest = RowOf<typeof guests>;

/** Where a guest who needs a room or a ride is put until somebody decides. */
export const UNASSIGNED_HOTEL = 'To be assigned';
export const UNASSIGNED_PICKUP = 'To be agreed';

/** Makes, changes or drops the booking that follows a guest. */
export async function syncGuestHotel(tx: Tx, guest: Guest): Promise<void> {
  const [booking] = await tx.list(hotels, { guestId: guest.id });
  if (!guest.needsHotel || guest.rsvpStatus === 'declined') {
    if (booking) await tx.remove(hotels, booking.id);
    return;
  }
  const follows = {
    clientId: guest.clientId,
    guestName: guest.name,
    partySize: guest.partySize,
    rooms: Math.max(1, Math.ceil(guest.partySize / 2)),
  };
  if (booking) {
    await tx.patch(hotels, booking.id, {
      ...follows,
      hotelName: guest.hotelName ?? undefined,
      checkInDate: guest.arrivalDate ?? undefined,
    });
  } else {
    await tx.insert(hotels, {
      ...follows,
      guestId: guest.id,
      hotelName: guest.hotelName ?? UNASSIGNED_HOTEL,
      checkInDate: guest.arrivalDate,
    });
  }
}

/** Makes, changes or drops the ride that follows a guest. */
export async function syncGuestRide(tx: Tx, guest: Guest): Promise<void> {
  const [ride] = await tx.list(guestTransport, { guestId: guest.id });
  if (!guest.needsTransport || guest.rsvpStatus === 'declined') {
    if (ride) await tx.remove(guestTransport, ride.id);
    return;
  }
  const follows = { clientId: guest.clientId, guestName: guest.name, seats: guest.partySize };
  if (ride) {
    await tx.patch(guestTransport, ride.id, {
      ...follows,
      pickupLocation: guest.pickupLocation ?? undefined,
      pickupAt: guest.pickupAt ?? undefined,
    });
  } else {
    await tx.insert(guestTransport, {
      ...follows,
      guestId: guest.id,
      pickupLocation: guest.pickupLocation ?? UNASSIGNED_PICKUP,
      pickupAt: guest.pickupAt,
    });
  }
}

/** After guests of one client were added or changed. */
export async function afterGuestsSaved(tx: Tx, clientId: string, saved: readonly Guest[]): Promise<void> {
  for (const guest of saved) {
    await syncGuestHotel(tx, guest);
    await syncGuestRide(tx, guest);
  }
  await afterBookings(tx, clientId);
}

/** Deletes a guest and all that hangs on them. Gifts stay, without the link. */
export async function removeGuest(tx: Tx, guestId: string): Promise<Guest> {
  const guest = await tx.remove(guests, guestId);
  await tx.removeWhere(hotels, { guestId });
  await tx.removeWhere(guestTransport, { guestId });
  await tx.removeWhere(floorPlanGuests, { guestId });
  for (const links of [guestConflicts, guestPreferences]) {
    await tx.removeWhere(links, { guestId });
    await tx.removeWhere(links, { otherGuestId: guestId });
  }
  for (const gift of await tx.list(gifts, { guestId })) await tx.patch(gifts, gift.id, { guestId: null });
  await afterBookings(tx, guest.clientId);
  return guest;
}

async function afterBookings(tx: Tx, clientId: string): Promise<void> {
  await syncTimeline(tx, clientId, 'hotels');
  await syncTimeline(tx, clientId, 'transport');
  await recalcClientStats(tx, clientId);
}
