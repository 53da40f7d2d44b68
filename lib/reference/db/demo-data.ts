/** Rows that a company finds on its first visit, so that no page is empty. Everything goes through the same cascades as real rows. */
import { afterGuestsSaved } from '../domain/guest-cascade.js';
import { recalcClientStats } from '../domain/client-stats.js';
import { syncTimeline } from '../domain/timeline-sync.js';
import { putContract } from '../domain/vendor-contracts.js';
import { budget, clients, companies, events, floorPlans, floorPlanTables, gifts, guests, vendors } from './schema.js';
import type { Store, Tx } from './store.js';

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

function addGuests(tx: Tx, clientId: string, list: readonly DemoGuest[], weddingInDays: number): void {
  const rows = list.map((guest) =>
    tx.insert(guests, {
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
    }),
  );
  afterGuestsSaved(tx, clientId, rows);
}

function fill(tx: Tx): void {
  const [rose, mira] = DEMO_CLIENTS;
  tx.insert(clients, {
    id: rose,
    name: 'Rose & Theo',
    weddingDate: dayAfter(tx.now, 42),
    venue: 'The Old Boathouse',
  });
  tx.insert(clients, { id: mira, name: 'Mira & Jonas', weddingDate: dayAfter(tx.now, 120), venue: 'Lakeside Barn' });

  const weddingDay = Date.parse(dayAfter(tx.now, 42));
  const ceremony = tx.insert(events, {
    clientId: rose,
    name: 'Ceremony',
    startsAt: weddingDay + 14 * 3_600_000,
    venue: 'The Old Boathouse',
    status: 'confirmed',
  });
  tx.insert(events, { clientId: rose, name: 'Dinner', kind: 'reception', startsAt: weddingDay + 18 * 3_600_000 });
  syncTimeline(tx, rose, 'events');

  tx.insert(budget, { clientId: rose, item: 'Catering', category: 'food', perGuestCost: 8_500 });
  tx.insert(budget, { clientId: rose, item: 'Venue hire', category: 'venue', estimatedCost: 450_000 });
  tx.insert(budget, { clientId: mira, item: 'Barn hire', category: 'venue', estimatedCost: 320_000 });
  const florist = tx.insert(vendors, { name: 'Wild Meadow Flowers', category: 'flowers' });
  const band = tx.insert(vendors, { name: 'The Night Ferries', category: 'music' });
  putContract(tx, florist, rose, { contractAmount: 120_000, arrivesAt: weddingDay + 9 * 3_600_000 });
  putContract(tx, band, rose, { contractAmount: 180_000 });
  tx.insert(gifts, { clientId: rose, name: 'Cast-iron pot', fromName: 'The Brandts', value: 18_900, received: true });

  const plan = tx.insert(floorPlans, { clientId: rose, name: 'Dinner', eventId: ceremony.id });
  for (const [index, name] of ['Table 1', 'Table 2', 'Table 3'].entries()) {
    tx.insert(floorPlanTables, { floorPlanId: plan.id, name, x: 200 + index * 300, y: 350 });
  }
  addGuests(tx, rose, ROSE_AND_THEO, 42);
  addGuests(tx, mira, MIRA_AND_JONAS, 120);
  for (const clientId of DEMO_CLIENTS) recalcClientStats(tx, clientId);
}

/** Gives the company its demo rows unless it has had them; cheap to call again. */
export function seedOnce(store: Store): void {
  if (store.find(companies, store.companyId)) return;
  store.transaction((tx) => {
    tx.insert(companies, { id: store.companyId, seeded: true });
    fill(tx);
  });
}
