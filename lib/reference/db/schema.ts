/** The tables of the reference server. Money is in cents, moments are Unix ms, days are `YYYY-MM-DD`. */
import { col } from './column.js';
import { defineTable, type RowOf, type Table } from './table.js';

/** Raised with each change of a table; a file of another version is refused at start. */
export const SCHEMA_VERSION = 1;

export const RSVP = ['pending', 'confirmed', 'declined'] as const;
export const CLIENT_STATUS = ['lead', 'active', 'completed', 'cancelled'] as const;
export const EVENT_STATUS = ['draft', 'planned', 'confirmed', 'completed', 'cancelled'] as const;
export const APPROVAL = ['pending', 'approved', 'rejected'] as const;
export const PAYMENT = ['unpaid', 'partial', 'paid'] as const;
export const TABLE_SHAPES = ['round', 'rectangular', 'square'] as const;
/** Modules whose rows put entries of their own on the timeline. */
export const TIMELINE_SOURCES = ['events', 'hotels', 'transport', 'vendors', 'budget'] as const;
export type TimelineSource = (typeof TIMELINE_SOURCES)[number];

/** A couple that the company plans for. `budget` and `guestCount` are kept by `recalcClientStats`. */
export const clients = defineTable(
  'clients',
  {
    name: col.text(),
    email: col.text().orNull(),
    phone: col.text().orNull(),
    weddingDate: col.text().orNull(),
    venue: col.text().orNull(),
    status: col.oneOf(...CLIENT_STATUS).default('active'),
    notes: col.text().orNull(),
    budget: col.int().default(0),
    guestCount: col.int().default(0),
  },
  { orderBy: 'name COLLATE NOCASE, id' },
);

export const guests = defineTable(
  'guests',
  {
    clientId: col.text(),
    name: col.text(),
    email: col.text().orNull(),
    phone: col.text().orNull(),
    groupName: col.text().orNull(),
    partySize: col.int().default(1),
    rsvpStatus: col.oneOf(...RSVP).default('pending'),
    dietary: col.text().orNull(),
    needsHotel: col.bool().default(false),
    hotelName: col.text().orNull(),
    arrivalDate: col.text().orNull(),
    needsTransport: col.bool().default(false),
    pickupLocation: col.text().orNull(),
    pickupAt: col.int().orNull(),
    checkedIn: col.bool().default(false),
    checkedInAt: col.int().orNull(),
    notes: col.text().orNull(),
  },
  { orderBy: 'name COLLATE NOCASE, id', indexes: ['clientId'] },
);

export const events = defineTable(
  'events',
  {
    clientId: col.text(),
    name: col.text(),
    kind: col.text().default('ceremony'),
    startsAt: col.int().orNull(),
    endsAt: col.int().orNull(),
    venue: col.text().orNull(),
    status: col.oneOf(...EVENT_STATUS).default('planned'),
  },
  { orderBy: 'startsAt, name COLLATE NOCASE, id', indexes: ['clientId'] },
);

/** `source` and `sourceKey` name the row that an entry was made for; null on entries made by hand. */
export const timeline = defineTable(
  'timeline',
  {
    clientId: col.text(),
    eventId: col.text().orNull(),
    title: col.text(),
    startsAt: col.int().orNull(),
    durationMinutes: col.int().orNull(),
    location: col.text().orNull(),
    sortOrder: col.int().default(0),
    completed: col.bool().default(false),
    source: col.oneOf(...TIMELINE_SOURCES).orNull(),
    sourceKey: col.text().orNull(),
  },
  { orderBy: 'sortOrder, startsAt, title COLLATE NOCASE, id', indexes: ['clientId', 'eventId'] },
);

/** Vendors belong to the company; what one does for a client is in `clientVendors`. */
export const vendors = defineTable(
  'vendors',
  {
    name: col.text(),
    category: col.text().default('other'),
    email: col.text().orNull(),
    phone: col.text().orNull(),
    /** Mean of its reviews, kept by the review procedures; null without one. */
    rating: col.real().orNull(),
  },
  { orderBy: 'name COLLATE NOCASE, id' },
);

export const clientVendors = defineTable(
  'clientVendors',
  {
    clientId: col.text(),
    vendorId: col.text(),
    contractAmount: col.int().default(0),
    arrivesAt: col.int().orNull(),
    approvalStatus: col.oneOf(...APPROVAL).default('pending'),
    paymentStatus: col.oneOf(...PAYMENT).default('unpaid'),
  },
  { orderBy: 'createdAt, id', indexes: ['clientId', 'vendorId'] },
);

export const vendorComments = defineTable(
  'vendorComments',
  { vendorId: col.text(), clientId: col.text().orNull(), userId: col.text(), body: col.text() },
  { orderBy: 'createdAt, id', indexes: ['vendorId'] },
);

export const vendorReviews = defineTable(
  'vendorReviews',
  { vendorId: col.text(), userId: col.text(), rating: col.int(), body: col.text().orNull() },
  { orderBy: 'createdAt, id', indexes: ['vendorId'] },
);

/** `guestId` is set on bookings that follow a guest; they come and go with the guest. */
export const hotels = defineTable(
  'hotels',
  {
    clientId: col.text(),
    guestId: col.text().orNull(),
    guestName: col.text(),
    hotelName: col.text(),
    roomType: col.text().default('double'),
    rooms: col.int().default(1),
    partySize: col.int().default(1),
    checkInDate: col.text().orNull(),
    checkOutDate: col.text().orNull(),
    checkedIn: col.bool().default(false),
  },
  { orderBy: 'hotelName COLLATE NOCASE, guestName COLLATE NOCASE, id', indexes: ['clientId', 'guestId'] },
);

export const guestTransport = defineTable(
  'guestTransport',
  {
    clientId: col.text(),
    guestId: col.text().orNull(),
    guestName: col.text(),
    pickupLocation: col.text(),
    dropLocation: col.text().orNull(),
    pickupAt: col.int().orNull(),
    seats: col.int().default(1),
    vehicle: col.text().orNull(),
  },
  { orderBy: 'pickupAt, guestName COLLATE NOCASE, id', indexes: ['clientId', 'guestId'] },
);

/** With `perGuestCost` set, `estimatedCost` follows the number of guests who have not declined. */
export const budget = defineTable(
  'budget',
  {
    clientId: col.text(),
    item: col.text(),
    category: col.text().default('other'),
    segment: col.text().default('wedding'),
    vendorId: col.text().orNull(),
    perGuestCost: col.int().orNull(),
    estimatedCost: col.int().default(0),
    actualCost: col.int().orNull(),
    paidAmount: col.int().default(0),
    dueAt: col.int().orNull(),
    notes: col.text().orNull(),
  },
  { orderBy: 'category, item COLLATE NOCASE, id', indexes: ['clientId', 'vendorId'] },
);

export const advancePayments = defineTable(
  'advancePayments',
  {
    clientId: col.text(),
    budgetId: col.text(),
    amount: col.int(),
    paidAt: col.int(),
    paidBy: col.text().orNull(),
    note: col.text().orNull(),
  },
  { orderBy: 'paidAt, id', indexes: ['budgetId'] },
);

export const gifts = defineTable(
  'gifts',
  {
    clientId: col.text(),
    guestId: col.text().orNull(),
    name: col.text(),
    fromName: col.text().orNull(),
    value: col.int().default(0),
    received: col.bool().default(false),
    thankYouSent: col.bool().default(false),
  },
  { orderBy: 'name COLLATE NOCASE, id', indexes: ['clientId', 'guestId'] },
);

/** How the seats of a plan may be filled. */
export interface SeatingRules {
  keepGroupsTogether: boolean;
  maxPerTable: number | null;
}

export const floorPlans = defineTable(
  'floorPlans',
  {
    clientId: col.text(),
    eventId: col.text().orNull(),
    name: col.text(),
    width: col.int().default(1000),
    height: col.int().default(700),
    rules: col.json<SeatingRules>().default({ keepGroupsTogether: true, maxPerTable: null }),
  },
  { orderBy: 'name COLLATE NOCASE, id', indexes: ['clientId'] },
);

export const floorPlanTables = defineTable(
  'floorPlanTables',
  {
    floorPlanId: col.text(),
    name: col.text(),
    shape: col.oneOf(...TABLE_SHAPES).default('round'),
    x: col.int().default(0),
    y: col.int().default(0),
    capacity: col.int().default(8),
  },
  { orderBy: 'name COLLATE NOCASE, id', indexes: ['floorPlanId'] },
);

/** One seat assignment; a guest has at most one in a plan. */
export const floorPlanGuests = defineTable(
  'floorPlanGuests',
  { floorPlanId: col.text(), tableId: col.text(), guestId: col.text() },
  { orderBy: 'tableId, createdAt, id', indexes: ['floorPlanId', 'guestId'] },
);

export interface SeatingSnapshot {
  tables: Pick<RowOf<typeof floorPlanTables>, 'id' | 'name' | 'shape' | 'x' | 'y' | 'capacity'>[];
  seats: { tableId: string; guestId: string }[];
}

export const seatingVersions = defineTable(
  'seatingVersions',
  { floorPlanId: col.text(), name: col.text(), snapshot: col.json<SeatingSnapshot>() },
  { orderBy: 'createdAt, id', indexes: ['floorPlanId'] },
);

export const seatingChangeLog = defineTable(
  'seatingChangeLog',
  { floorPlanId: col.text(), userId: col.text(), message: col.text() },
  { orderBy: 'createdAt DESC, id', indexes: ['floorPlanId'] },
);

export const guestConflicts = defineTable(
  'guestConflicts',
  { clientId: col.text(), guestId: col.text(), otherGuestId: col.text(), reason: col.text().orNull() },
  { orderBy: 'createdAt, id', indexes: ['clientId', 'guestId', 'otherGuestId'] },
);

export const guestPreferences = defineTable(
  'guestPreferences',
  { clientId: col.text(), guestId: col.text(), otherGuestId: col.text() },
  { orderBy: 'createdAt, id', indexes: ['clientId', 'guestId', 'otherGuestId'] },
);

/** Companies seen, so that each gets its demo rows once. Its own id is the row's id. */
export const companies = defineTable('companies', { seeded: col.bool().default(false) }, { orderBy: 'id' });

export const TABLES = [
  clients,
  guests,
  events,
  timeline,
  vendors,
  clientVendors,
  vendorComments,
  vendorReviews,
  hotels,
  guestTransport,
  budget,
  advancePayments,
  gifts,
  floorPlans,
  floorPlanTables,
  floorPlanGuests,
  seatingVersions,
  seatingChangeLog,
  guestConflicts,
  guestPreferences,
  companies,
] as const satisfies readonly Table[];
export type TableName = (typeof TABLES)[number]['name'];
