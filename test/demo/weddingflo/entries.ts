/** The second client's cache: an entry for every query that the app has. */
import type { World } from './calls.js';

export interface Entry {
  /** `guests.getAll` */
  path: string;
  input: unknown;
}

export function entriesOf(world: World): Entry[] {
  const client = { clientId: world.clientId };
  const ofClient = (path: string): Entry => ({ path, input: client });
  const row = (path: string, id: string): Entry => ({ path, input: { id } });
  return [
    ...['getAll', 'getStats', 'getDietaryStats'].map((name) => ofClient(`guests.${name}`)),
    row('guests.getById', world.guest),
    ...['getAll', 'getSummary', 'getCategorySummary', 'getSegmentSummary'].map((name) => ofClient(`budget.${name}`)),
    row('budget.getById', world.budgetItem),
    { path: 'budget.getByCategory', input: { ...client, category: 'flowers' } },
    { path: 'budget.getBySegment', input: { ...client, segment: 'decor' } },
    ...['getAll', 'getStats'].map((name) => ofClient(`events.${name}`)),
    row('events.getById', world.event),
    ...['getAll', 'getStats', 'getGroupedByEvent'].map((name) => ofClient(`timeline.${name}`)),
    row('timeline.getById', world.item),
    ...['getAll', 'getStats'].map((name) => ofClient(`vendors.${name}`)),
    row('vendors.getById', world.vendor),
    { path: 'vendors.getByCategory', input: { category: 'flowers' } },
    ...['getAll', 'getStats', 'getCapacitySummary', 'getAllWithGuests'].map((name) => ofClient(`hotels.${name}`)),
    row('hotels.getById', world.stay),
    ...['getAll', 'list', 'getStats', 'getAllWithGuests'].map((name) => ofClient(`guestTransport.${name}`)),
    ...['getAll', 'getStats'].map((name) => ofClient(`gifts.${name}`)),
    row('gifts.getById', world.gift),
    ofClient('floorPlans.list'),
    row('floorPlans.getById', world.plan),
    { path: 'clients.list', input: undefined },
    { path: 'clients.getAll', input: undefined },
    row('clients.getById', world.clientId),
  ];
}
