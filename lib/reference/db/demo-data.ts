/** Rows that a company finds on its first visit, so that no page is empty. Everything goes through the same cascades as real rows. */
import { afterGuestsSaved } from '../domain/guest-cascade.js';
import { recalcClientStats } from '../domain/client-stats.js';
import { syncTimeline } from '../domain/timeline-sync.js';
import { putContract } from '../domain/vendor-contracts.js';
import { budget, clients, companies, events, floorPlans, floorPlanTables, gifts, guests, vendors } from './schema.js';
import type { CompanyStore, Tx } from './store.js';
import type { Sync } from '../../trpc/index.js';
import type { AppRouter } from '../routers/index.js';

/** Ids of the two demo clients; the same in each company, whose rows never meet. */
export const DEMO_CLIENTS = ['demo-rose-and-theo', 'demo-mira-and-jonas'] as const;

const DAY_MS = 86_400_000;

/** `YYYY-MM-DD`, so many days from the day of `now`. */
function dayAfter(now: number, days: number): string {
  return new Date(now + days * DAY_MS).toISOString().slice(0, 10);
}

interface DemoGuest {
  name: string;
  party?: number;
  rsvp?: 'pending' | 'confirmed' | 'declined';
  dietary?: string;
  hotel?: string;
  pickup?: string;
}

const ROSE_AND_THEO: readonly DemoGuest[] = [
  { name: 'Ada Brandt', party: 2, rsvp: 'confirmed', hotel: 'Harbour House', pickup: 'Central station' },
  { name: 'Bilal Haddad', rsvp: 'confirmed', dietary: 'halal', pickup: 'Airport' },
  { name: 'Clara Nowak', party: 3, rsvp: 'pending', hotel: 'Harbour House' },
  { name: 'Dev Mehta', party: 2, rsvp: 'confirmed', dietary: 'vegetarian', hotel: 'Garden Inn', pickup: 'Airport' },
  { name: 'Elin Sörensen', rsvp: 'declined' },
  { name: 'Farid Azar', party: 2, rsvp: 'pending', dietary: 'vegan' },
];
const MIRA_AND_JONAS: readonly DemoGuest[] = [
  { name: 'Greta Olsen', party: 2, rsvp: 'confirmed', hotel: 'Lake Lodge' },
  { name: 'Hugo Martín', rsvp: 'pending', dietary: 'gluten free' },
  { name: 'Ines Carvalho', party: 4, rsvp: 'confirmed', pickup: 'Ferry port' },
];

async function addGuests(tx: Tx, clientId: string, list: readonly DemoGuest[], weddingInDays: number): Promise<void> {
  const rows = await tx.insertMany(
    guests,
    list.map((guest) => ({
      clientId,
      name: guest.name,
      partySize: guest.party,
      rsvpStatus: guest.rsvp,
      dietary: guest.dietary,
      needsHotel: guest.hotel !== undefined,
      hotelName: guest.hotel,
      arrivalDate: dayAfter(tx.now, weddingInDays - 1),
      needsTransport: guest.pickup !== undefined,
      pickupLocation: guest.pickup,
      pickupAt: Date.parse(dayAfter(tx.now, weddingInDays - 1)) + 13 * 3_600_000,
    })),
  );
  await afterGuestsSaved(tx, clientId, rows);
}

async function fill(tx: Tx): Promise<void> {
  const [rose, mira] = DEMO_CLIENTS;
  await tx.insert(clients, {
    id: rose,
    name: 'Rose & Theo',
    weddingDate: dayAfter(tx.now, 42),
    venue: 'The Old Boathouse',
  });
  await tx.insert(clients, { id: mira, name: 'Mira & Jonas', weddingDate: dayAfter(tx.now, 120), venue: 'Lakeside Barn' });

  const weddingDay = Date.parse(dayAfter(tx.now, 42));
  const ceremony = await tx.insert(events, {
    clientId: rose,
    name: 'Ceremony',
    startsAt: weddingDay + 14 * 3_600_000,
    venue: 'The Old Boathouse',
    status: 'confirmed',
  });
  await tx.insert(events, { clientId: rose, name: 'Dinner', kind: 'reception', startsAt: weddingDay + 18 * 3_600_000 });
  await syncTimeline(tx, rose, 'events');

  await tx.insert(budget, { clientId: rose, item: 'Catering', category: 'food', perGuestCost: 8_500 });
  await tx.insert(budget, { clientId: rose, item: 'Venue hire', category: 'venue', estimatedCost: 450_000 });
  await tx.insert(budget, { clientId: mira, item: 'Barn hire', category: 'venue', estimatedCost: 320_000 });
  const florist = await tx.insert(vendors, { name: 'Wild Meadow Flowers', category: 'flowers' });
  const band = await tx.insert(vendors, { name: 'The Night Ferries', category: 'music' });
  await putContract(tx, florist, rose, { contractAmount: 120_000, arrivesAt: weddingDay + 9 * 3_600_000 });
  await putContract(tx, band, rose, { contractAmount: 180_000 });
  await tx.insert(gifts, { clientId: rose, name: 'Cast-iron pot', fromName: 'The Brandts', value: 18_900, received: true });

  const plan = await tx.insert(floorPlans, { clientId: rose, name: 'Dinner', eventId: ceremony.id });
  for (const [index, name] of ['Table 1', 'Table 2', 'Table 3'].entries()) {
    await tx.insert(floorPlanTables, { floorPlanId: plan.id, name, x: 200 + index * 300, y: 350 });
  }
  await addGuests(tx, rose, ROSE_AND_THEO, 42);
  await addGuests(tx, mira, MIRA_AND_JONAS, 120);
  for (const clientId of DEMO_CLIENTS) await recalcClientStats(tx, clientId);
}

const PATHS = ['clients', 'guests', 'budget', 'events', 'timeline', 'vendors', 'hotels', 'guestTransport', 'gifts', 'floorPlans'] as const;

/**
 * Gives the company its demo rows unless it has had them; cheap to call again. No mutation does this, so the action is
 * made by hand. It goes out after the commit, for those who were there before the rows.
 */
export async function seedOnce(store: CompanyStore, sync: Sync<AppRouter>): Promise<void> {
  if (await store.find(companies, store.companyId)) return;
  await store.transaction(async (tx) => {
    if (await tx.find(companies, tx.companyId)) return;
    await tx.insert(companies, { id: tx.companyId, seeded: true });
    await fill(tx);
    sync.afterCommit(tx.handle, { type: 'insert', module: 'clients', entityId: '*', companyId: tx.companyId, userId: 'demo data', queryPaths: PATHS });
  });
}
