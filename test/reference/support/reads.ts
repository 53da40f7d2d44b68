/**
 * Which tables each query reads: what the declared invalidation is held against. Complete by type, and compared with the
 * statements that the queries really run.
 */
import type { TableName } from '../../../lib/reference/db/schema.js';
import type { AppRouter } from '../../../lib/reference/routers/index.js';
import type { QueryPath } from '../../../lib/trpc/index.js';

export const READS = {
  'clients.list': ['clients'],
  'clients.getAll': ['clients'],
  'clients.getById': ['clients'],

  'guests.getAll': ['guests'],
  'guests.getById': ['guests'],
  'guests.getStats': ['guests'],
  'guests.getDietaryStats': ['guests'],

  'budget.getAll': ['budget'],
  'budget.getById': ['budget', 'advancePayments'],
  'budget.getSummary': ['budget'],
  'budget.getByCategory': ['budget'],
  'budget.getCategorySummary': ['budget'],
  'budget.getSegmentSummary': ['budget'],
  'budget.getBySegment': ['budget'],

  'events.getAll': ['events'],
  'events.getById': ['events'],
  'events.getStats': ['events'],

  'timeline.getAll': ['timeline'],
  'timeline.getById': ['timeline'],
  'timeline.getStats': ['timeline'],
  'timeline.getGroupedByEvent': ['timeline', 'events'],

  'vendors.getAll': ['vendors', 'clientVendors'],
  'vendors.getById': ['vendors', 'clientVendors', 'budget', 'advancePayments', 'vendorComments', 'vendorReviews'],
  'vendors.getStats': ['vendors', 'clientVendors'],
  'vendors.getByCategory': ['vendors'],

  'hotels.getAll': ['hotels'],
  'hotels.getById': ['hotels'],
  'hotels.getStats': ['hotels'],
  'hotels.getCapacitySummary': ['hotels'],
  'hotels.getAllWithGuests': ['hotels', 'guests'],

  'guestTransport.getAll': ['guestTransport'],
  'guestTransport.list': ['guestTransport'],
  'guestTransport.getStats': ['guestTransport'],
  'guestTransport.getAllWithGuests': ['guestTransport', 'guests'],

  'gifts.getAll': ['gifts'],
  'gifts.getById': ['gifts'],
  'gifts.getStats': ['gifts'],

  'floorPlans.list': ['floorPlans', 'floorPlanTables', 'floorPlanGuests'],
  'floorPlans.getById': [
    'floorPlans', 'floorPlanTables', 'floorPlanGuests', 'guests', 'seatingVersions', 'seatingChangeLog',
    'guestConflicts', 'guestPreferences',
  ],

  'sync.getStatus': [],
} as const satisfies Record<QueryPath<AppRouter>, readonly TableName[]>;

/** Queries that read at least one of the tables. */
export function readersOf(tables: ReadonlySet<string>): string[] {
  return Object.entries<readonly TableName[]>(READS)
    .filter(([, reads]) => reads.some((table) => tables.has(table)))
    .map(([path]) => path);
}
