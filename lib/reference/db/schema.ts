/** The tables of the reference server. Money is in cents, moments are Unix ms, days are `YYYY-MM-DD`. */
import { asc, desc, sql, type InferSelectModel, type SQL } from 'drizzle-orm';
import { index, integer, primaryKey, real, sqliteTable, text, type AnySQLiteColumn } from 'drizzle-orm/sqlite-core';

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

/** Each row belongs to a company; the same id in two companies is two rows. */
const OWNED = {
  companyId: text().notNull(),
  id: text().notNull(),
  /** Unix ms. */
  createdAt: integer().notNull(),
  /** Unix ms. */
  updatedAt: integer().notNull(),
};

/** A couple that the company plans for. `budget` and `guestCount` are kept by `recalcClientStats`. */
export const clients = sqliteTable(
  'clients',
  {
    ...OWNED,
    name: text().notNull(),
    email: text(),
    phone: text(),
    weddingDate: text(),
    venue: text(),
    status: text({ enum: CLIENT_STATUS }).notNull().default('active'),
    notes: text(),
    budget: integer().notNull().default(0),
    guestCount: integer().notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.companyId, table.id] })],
);

export const guests = sqliteTable(
  'guests',
  {
    ...OWNED,
    clientId: text().notNull(),
    name: text().notNull(),
    email: text(),
    phone: text(),
    groupName: text(),
    partySize: integer().notNull().default(1),
    rsvpStatus: text({ enum: RSVP }).notNull().default('pending'),
    dietary: text(),
    needsHotel: integer({ mode: 'boolean' }).notNull().default(false),
    hotelName: text(),
    arrivalDate: text(),
    needsTransport: integer({ mode: 'boolean' }).notNull().default(false),
    pickupLocation: text(),
    pickupAt: integer(),
    checkedIn: integer({ mode: 'boolean' }).notNull().default(false),
    checkedInAt: integer(),
    notes: text(),
  },
  (table) => [primaryKey({ columns: [table.companyId, table.id] }), index('guests_clientId').on(table.companyId, table.clientId)],
);

export const events = sqliteTable(
  'events',
  {
    ...OWNED,
    clientId: text().notNull(),
    name: text().notNull(),
    kind: text().notNull().default('ceremony'),
    startsAt: integer(),
    endsAt: integer(),
    venue: text(),
    status: text({ enum: EVENT_STATUS }).notNull().default('planned'),
  },
  (table) => [primaryKey({ columns: [table.companyId, table.id] }), index('events_clientId').on(table.companyId, table.clientId)],
);

/** `source` and `sourceKey` name the row that an entry was made for; null on entries made by hand. */
export const timeline = sqliteTable(
  'timeline',
  {
    ...OWNED,
    clientId: text().notNull(),
    eventId: text(),
    title: text().notNull(),
    startsAt: integer(),
    durationMinutes: integer(),
    location: text(),
    sortOrder: integer().notNull().default(0),
    completed: integer({ mode: 'boolean' }).notNull().default(false),
    source: text({ enum: TIMELINE_SOURCES }),
    sourceKey: text(),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('timeline_clientId').on(table.companyId, table.clientId),
    index('timeline_eventId').on(table.companyId, table.eventId),
  ],
);

/** Vendors belong to the company; what one does for a client is in `clientVendors`. */
export const vendors = sqliteTable(
  'vendors',
  {
    ...OWNED,
    name: text().notNull(),
    category: text().notNull().default('other'),
    email: text(),
    phone: text(),
    /** Mean of its reviews, kept by the review procedures; null without one. */
    rating: real(),
  },
  (table) => [primaryKey({ columns: [table.companyId, table.id] })],
);

export const clientVendors = sqliteTable(
  'clientVendors',
  {
    ...OWNED,
    clientId: text().notNull(),
    vendorId: text().notNull(),
    contractAmount: integer().notNull().default(0),
    arrivesAt: integer(),
    approvalStatus: text({ enum: APPROVAL }).notNull().default('pending'),
    paymentStatus: text({ enum: PAYMENT }).notNull().default('unpaid'),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('clientVendors_clientId').on(table.companyId, table.clientId),
    index('clientVendors_vendorId').on(table.companyId, table.vendorId),
  ],
);

export const vendorComments = sqliteTable(
  'vendorComments',
  { ...OWNED, vendorId: text().notNull(), clientId: text(), userId: text().notNull(), body: text().notNull() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('vendorComments_vendorId').on(table.companyId, table.vendorId),
  ],
);

export const vendorReviews = sqliteTable(
  'vendorReviews',
  { ...OWNED, vendorId: text().notNull(), userId: text().notNull(), rating: integer().notNull(), body: text() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('vendorReviews_vendorId').on(table.companyId, table.vendorId),
  ],
);

/** `guestId` is set on bookings that follow a guest; they come and go with the guest. */
export const hotels = sqliteTable(
  'hotels',
  {
    ...OWNED,
    clientId: text().notNull(),
    guestId: text(),
    guestName: text().notNull(),
    hotelName: text().notNull(),
    roomType: text().notNull().default('double'),
    rooms: integer().notNull().default(1),
    partySize: integer().notNull().default(1),
    checkInDate: text(),
    checkOutDate: text(),
    checkedIn: integer({ mode: 'boolean' }).notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('hotels_clientId').on(table.companyId, table.clientId),
    index('hotels_guestId').on(table.companyId, table.guestId),
  ],
);

export const guestTransport = sqliteTable(
  'guestTransport',
  {
    ...OWNED,
    clientId: text().notNull(),
    guestId: text(),
    guestName: text().notNull(),
    pickupLocation: text().notNull(),
    dropLocation: text(),
    pickupAt: integer(),
    seats: integer().notNull().default(1),
    vehicle: text(),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('guestTransport_clientId').on(table.companyId, table.clientId),
    index('guestTransport_guestId').on(table.companyId, table.guestId),
  ],
);

/** With `perGuestCost` set, `estimatedCost` follows the number of guests who have not declined. */
export const budget = sqliteTable(
  'budget',
  {
    ...OWNED,
    clientId: text().notNull(),
    item: text().notNull(),
    category: text().notNull().default('other'),
    segment: text().notNull().default('wedding'),
    vendorId: text(),
    perGuestCost: integer(),
    estimatedCost: integer().notNull().default(0),
    actualCost: integer(),
    paidAmount: integer().notNull().default(0),
    dueAt: integer(),
    notes: text(),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('budget_clientId').on(table.companyId, table.clientId),
    index('budget_vendorId').on(table.companyId, table.vendorId),
  ],
);

export const advancePayments = sqliteTable(
  'advancePayments',
  {
    ...OWNED,
    clientId: text().notNull(),
    budgetId: text().notNull(),
    amount: integer().notNull(),
    paidAt: integer().notNull(),
    paidBy: text(),
    note: text(),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('advancePayments_budgetId').on(table.companyId, table.budgetId),
  ],
);

export const gifts = sqliteTable(
  'gifts',
  {
    ...OWNED,
    clientId: text().notNull(),
    guestId: text(),
    name: text().notNull(),
    fromName: text(),
    value: integer().notNull().default(0),
    received: integer({ mode: 'boolean' }).notNull().default(false),
    thankYouSent: integer({ mode: 'boolean' }).notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('gifts_clientId').on(table.companyId, table.clientId),
    index('gifts_guestId').on(table.companyId, table.guestId),
  ],
);

/** How the seats of a plan may be filled. */
export interface SeatingRules {
  keepGroupsTogether: boolean;
  maxPerTable: number | null;
}

export const floorPlans = sqliteTable(
  'floorPlans',
  {
    ...OWNED,
    clientId: text().notNull(),
    eventId: text(),
    name: text().notNull(),
    width: integer().notNull().default(1000),
    height: integer().notNull().default(700),
    rules: text({ mode: 'json' }).$type<SeatingRules>().notNull().default({ keepGroupsTogether: true, maxPerTable: null }),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('floorPlans_clientId').on(table.companyId, table.clientId),
  ],
);

export const floorPlanTables = sqliteTable(
  'floorPlanTables',
  {
    ...OWNED,
    floorPlanId: text().notNull(),
    name: text().notNull(),
    shape: text({ enum: TABLE_SHAPES }).notNull().default('round'),
    x: integer().notNull().default(0),
    y: integer().notNull().default(0),
    capacity: integer().notNull().default(8),
  },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('floorPlanTables_floorPlanId').on(table.companyId, table.floorPlanId),
  ],
);

/** One seat assignment; a guest has at most one in a plan. */
export const floorPlanGuests = sqliteTable(
  'floorPlanGuests',
  { ...OWNED, floorPlanId: text().notNull(), tableId: text().notNull(), guestId: text().notNull() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('floorPlanGuests_floorPlanId').on(table.companyId, table.floorPlanId),
    index('floorPlanGuests_guestId').on(table.companyId, table.guestId),
  ],
);

export interface SeatingSnapshot {
  tables: Pick<InferSelectModel<typeof floorPlanTables>, 'id' | 'name' | 'shape' | 'x' | 'y' | 'capacity'>[];
  seats: { tableId: string; guestId: string }[];
}

export const seatingVersions = sqliteTable(
  'seatingVersions',
  { ...OWNED, floorPlanId: text().notNull(), name: text().notNull(), snapshot: text({ mode: 'json' }).$type<SeatingSnapshot>().notNull() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('seatingVersions_floorPlanId').on(table.companyId, table.floorPlanId),
  ],
);

export const seatingChangeLog = sqliteTable(
  'seatingChangeLog',
  { ...OWNED, floorPlanId: text().notNull(), userId: text().notNull(), message: text().notNull() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('seatingChangeLog_floorPlanId').on(table.companyId, table.floorPlanId),
  ],
);

export const guestConflicts = sqliteTable(
  'guestConflicts',
  { ...OWNED, clientId: text().notNull(), guestId: text().notNull(), otherGuestId: text().notNull(), reason: text() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('guestConflicts_clientId').on(table.companyId, table.clientId),
    index('guestConflicts_guestId').on(table.companyId, table.guestId),
    index('guestConflicts_otherGuestId').on(table.companyId, table.otherGuestId),
  ],
);

export const guestPreferences = sqliteTable(
  'guestPreferences',
  { ...OWNED, clientId: text().notNull(), guestId: text().notNull(), otherGuestId: text().notNull() },
  (table) => [
    primaryKey({ columns: [table.companyId, table.id] }),
    index('guestPreferences_clientId').on(table.companyId, table.clientId),
    index('guestPreferences_guestId').on(table.companyId, table.guestId),
    index('guestPreferences_otherGuestId').on(table.companyId, table.otherGuestId),
  ],
);

/** Companies seen, so that each gets its demo rows once. Its own id is the row's id. */
export const companies = sqliteTable(
  'companies',
  { ...OWNED, seeded: integer({ mode: 'boolean' }).notNull().default(false) },
  (table) => [primaryKey({ columns: [table.companyId, table.id] })],
);

export const TABLES = {
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
};
export type TableName = keyof typeof TABLES;
export type AppTable = (typeof TABLES)[TableName];

const nocase = (column: AnySQLiteColumn): SQL => sql`${column} collate nocase`;

/** The order of lists. */
export const ORDER: Record<TableName, SQL[]> = {
  clients: [nocase(clients.name), asc(clients.id)],
  guests: [nocase(guests.name), asc(guests.id)],
  events: [asc(events.startsAt), nocase(events.name), asc(events.id)],
  timeline: [asc(timeline.sortOrder), asc(timeline.startsAt), nocase(timeline.title), asc(timeline.id)],
  vendors: [nocase(vendors.name), asc(vendors.id)],
  clientVendors: [asc(clientVendors.createdAt), asc(clientVendors.id)],
  vendorComments: [asc(vendorComments.createdAt), asc(vendorComments.id)],
  vendorReviews: [asc(vendorReviews.createdAt), asc(vendorReviews.id)],
  hotels: [nocase(hotels.hotelName), nocase(hotels.guestName), asc(hotels.id)],
  guestTransport: [asc(guestTransport.pickupAt), nocase(guestTransport.guestName), asc(guestTransport.id)],
  budget: [asc(budget.category), nocase(budget.item), asc(budget.id)],
  advancePayments: [asc(advancePayments.paidAt), asc(advancePayments.id)],
  gifts: [nocase(gifts.name), asc(gifts.id)],
  floorPlans: [nocase(floorPlans.name), asc(floorPlans.id)],
  floorPlanTables: [nocase(floorPlanTables.name), asc(floorPlanTables.id)],
  floorPlanGuests: [asc(floorPlanGuests.tableId), asc(floorPlanGuests.createdAt), asc(floorPlanGuests.id)],
  seatingVersions: [asc(seatingVersions.createdAt), asc(seatingVersions.id)],
  seatingChangeLog: [desc(seatingChangeLog.createdAt), asc(seatingChangeLog.id)],
  guestConflicts: [asc(guestConflicts.createdAt), asc(guestConflicts.id)],
  guestPreferences: [asc(guestPreferences.createdAt), asc(guestPreferences.id)],
  companies: [asc(companies.id)],
};
