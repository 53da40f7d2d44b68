/**
 * What each mutation makes stale. Complete by type: a mutation without an entry, or a path that no query has, does not
 * compile. The tests compare what every query answers before and after each mutation with what is declared here.
 */
import type { InvalidationMap } from '../trpc/index.js';
import type { AppRouter } from './routers/index.js';

/** Fields of a guest that bookings, rides, the timeline and the figures of the client follow. */
const FOLLOWED = [
  'name', 'partySize', 'rsvpStatus', 'needsHotel', 'hotelName', 'arrivalDate', 'needsTransport', 'pickupLocation', 'pickupAt',
] as const;

export const invalidation = {
  modules: {
    // Queries of other routers that show guests, events, budget items.
    guestViews: ['hotels.getAllWithGuests', 'guestTransport.getAllWithGuests', 'floorPlans.getById'],
    eventViews: ['timeline.getGroupedByEvent'],
    budgetViews: ['vendors.getById'],
    /** Guest count and budget on the client's row. */
    stats: [],
  },
  cascades: {
    guests: ['guestViews', 'hotels', 'guestTransport', 'budget', 'timeline', 'stats'],
    hotels: ['timeline'],
    guestTransport: ['timeline'],
    budget: ['budgetViews', 'timeline', 'stats'],
    events: ['eventViews', 'timeline'],
    vendors: ['budget', 'timeline'],
    stats: ['clients'],
  },
  mutations: {
    'clients.create': { stale: ['clients'], cascade: false },
    'clients.update': { stale: ['clients'], cascade: false },
    // All that was planned for the client goes with it.
    'clients.delete': { stale: ['*'], cascade: false },

    // The first row for a client makes the client.
    'guests.create': ['guests'],
    'guests.update': {
      stale: ({ input }) =>
        FOLLOWED.some((name) => input[name] !== undefined)
          ? ['guests', 'hotels', 'guestTransport', 'timeline', 'budget', 'clients', 'floorPlans', 'vendors.getById']
          : ['guests', 'hotels.getAllWithGuests', 'guestTransport.getAllWithGuests', 'floorPlans.getById'],
      cascade: false,
    },
    'guests.delete': { stale: ['guests', 'gifts', 'floorPlans'] },
    'guests.bulkImport': ['guests'],
    'guests.updateRSVP': ['guests'],
    'guests.checkIn': { stale: ['guests'], cascade: ['guestViews'] },

    'budget.create': ['budget'],
    'budget.update': ['budget'],
    'budget.delete': ['budget'],
    // What is paid shows on the item, and as the status of the vendor's contract.
    'budget.addAdvancePayment': { stale: ['budget', 'vendors'], cascade: false, type: 'update' },
    'budget.updateAdvancePayment': { stale: ['budget', 'vendors'], cascade: false },
    'budget.deleteAdvancePayment': { stale: ['budget', 'vendors'], cascade: false, type: 'update' },

    'events.create': ['events', 'clients'],
    'events.update': ['events'],
    'events.delete': ['events', 'floorPlans'],
    'events.updateStatus': ['events'],

    'timeline.create': ['timeline', 'clients'],
    'timeline.update': ['timeline'],
    'timeline.delete': ['timeline'],
    'timeline.bulkImport': ['timeline', 'clients'],
    'timeline.reorder': ['timeline'],
    'timeline.markComplete': ['timeline'],

    'vendors.create': ['vendors'],
    'vendors.update': ['vendors'],
    'vendors.delete': ['vendors'],
    'vendors.bulkCreateFromCommaList': ['vendors'],
    'vendors.updateApprovalStatus': { stale: ['vendors'], cascade: false },
    'vendors.updatePaymentStatus': { stale: ['vendors'], cascade: false },
    'vendors.addComment': { stale: ['vendors.getById'], cascade: false, type: 'update' },
    'vendors.deleteComment': { stale: ['vendors.getById'], cascade: false, type: 'update' },
    'vendors.addReview': { stale: ['vendors'], cascade: false, type: 'update' },
    'vendors.deleteReview': { stale: ['vendors'], cascade: false, type: 'update' },
    // The first payment may make the contract.
    'vendors.addVendorAdvance': { stale: ['vendors'], type: 'update' },
    'vendors.updateVendorAdvance': { stale: ['vendors', 'budget'], cascade: false },
    'vendors.deleteVendorAdvance': { stale: ['vendors', 'budget'], cascade: false, type: 'update' },

    'hotels.create': ['hotels', 'clients'],
    'hotels.update': ['hotels'],
    'hotels.delete': ['hotels'],
    'hotels.checkIn': { stale: ['hotels'], cascade: false },
    // Nothing is stale where everything was in line.
    'hotels.syncWithGuests': ({ result }) => (result.changed ? ['hotels'] : []),

    'guestTransport.create': ['guestTransport', 'clients'],
    'guestTransport.update': ['guestTransport'],
    'guestTransport.delete': ['guestTransport'],
    'guestTransport.syncWithGuests': ({ result }) => (result.changed ? ['guestTransport'] : []),

    'gifts.create': ['gifts', 'clients'],
    'gifts.update': ['gifts'],
    'gifts.delete': ['gifts'],

    'floorPlans.create': ['floorPlans', 'clients'],
    'floorPlans.update': ['floorPlans'],
    'floorPlans.delete': ['floorPlans'],
    'floorPlans.addTable': ['floorPlans'],
    'floorPlans.updateTable': ['floorPlans'],
    'floorPlans.deleteTable': ['floorPlans'],
    'floorPlans.assignGuest': ['floorPlans'],
    'floorPlans.unassignGuest': ['floorPlans'],
    'floorPlans.batchAssignGuests': ['floorPlans'],
    'floorPlans.updateGuestSeatingRules': ['floorPlans'],
    'floorPlans.saveVersion': ['floorPlans.getById'],
    'floorPlans.loadVersion': ['floorPlans'],
    'floorPlans.deleteVersion': ['floorPlans.getById'],
    'floorPlans.logChange': ['floorPlans.getById'],
    'floorPlans.addGuestConflict': ['floorPlans.getById'],
    'floorPlans.removeGuestConflict': ['floorPlans.getById'],
    'floorPlans.addGuestPreference': ['floorPlans.getById'],
    'floorPlans.removeGuestPreference': ['floorPlans.getById'],
  },
} satisfies InvalidationMap<AppRouter>;
