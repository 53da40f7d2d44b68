/**
 * A story that runs each mutation of the router at least once, in an order in which each changes
 * something. `ids` gathers what earlier steps made.
 */
export type Ids = Record<string, string>;

export interface Step {
  path: string;
  input: (ids: Ids) => Record<string, unknown>;
  /** Name under which the id of the result is kept. */
  keep?: string;
  /** Action's module; default: the router's name. */
  module?: string;
  /** The client that the action names; `null`: none; default: the story's client. */
  clientId?: string | null;
}

export const CLIENT = 'c1';
const AT = Date.UTC(2027, 5, 12, 10);
const client = { clientId: CLIENT };
const id = (name: string) => (ids: Ids) => ({ id: ids[name] });
const plan = (ids: Ids) => ({ floorPlanId: ids['plan'] });

export const STORY: readonly Step[] = [
  { path: 'clients.create', input: () => ({ id: CLIENT, name: 'Rose & Theo' }) },
  { path: 'clients.update', input: () => ({ id: CLIENT, venue: 'The Old Boathouse' }) },

  { path: 'budget.create', input: () => ({ ...client, item: 'Catering', perGuestCost: 5_000, dueAt: AT }), keep: 'budget' },
  {
    path: 'guests.create',
    input: () => ({
      ...client, name: 'Ada', partySize: 2, needsHotel: true, hotelName: 'Harbour House', arrivalDate: '2027-06-11',
      needsTransport: true, pickupLocation: 'Airport', pickupAt: AT, dietary: 'vegan',
    }),
    keep: 'guest',
  },
  { path: 'guests.update', input: (ids) => ({ id: ids['guest'], name: 'Ada Brandt', partySize: 3 }) },
  { path: 'guests.updateRSVP', input: (ids) => ({ id: ids['guest'], rsvpStatus: 'confirmed' }) },
  { path: 'guests.checkIn', input: id('guest') },
  { path: 'guests.bulkImport', input: () => ({ ...client, guests: [{ name: 'Bilal', needsHotel: true, arrivalDate: '2027-06-11' }, { name: 'Clara' }] }) },
  { path: 'guests.create', input: () => ({ ...client, name: 'Dev' }), keep: 'otherGuest' },

  { path: 'budget.update', input: (ids) => ({ id: ids['budget'], item: 'Catering and bar', perGuestCost: 6_000 }) },
  { path: 'budget.addAdvancePayment', input: (ids) => ({ budgetId: ids['budget'], amount: 10_000 }), keep: 'payment' },
  { path: 'budget.updateAdvancePayment', input: (ids) => ({ id: ids['payment'], amount: 12_000 }) },
  { path: 'budget.deleteAdvancePayment', input: id('payment') },

  { path: 'events.create', input: () => ({ ...client, name: 'Ceremony', startsAt: AT }), keep: 'event' },
  { path: 'events.update', input: (ids) => ({ id: ids['event'], venue: 'Garden' }) },
  { path: 'events.updateStatus', input: (ids) => ({ id: ids['event'], status: 'confirmed' }) },

  { path: 'timeline.create', input: (ids) => ({ ...client, title: 'First dance', eventId: ids['event'], startsAt: AT + 3_600_000 }), keep: 'entry' },
  { path: 'timeline.update', input: (ids) => ({ id: ids['entry'], location: 'Barn' }) },
  { path: 'timeline.bulkImport', input: () => ({ ...client, entries: [{ title: 'Toast' }, { title: 'Cake' }] }) },
  { path: 'timeline.reorder', input: (ids) => ({ ...client, ids: [ids['entry']] }) },
  { path: 'timeline.markComplete', input: id('entry') },
  { path: 'timeline.delete', input: id('entry') },

  { path: 'hotels.create', input: () => ({ ...client, guestName: 'The band', hotelName: 'Garden Inn', checkInDate: '2027-06-11' }), keep: 'hotel' },
  { path: 'hotels.update', input: (ids) => ({ id: ids['hotel'], rooms: 3 }) },
  { path: 'hotels.checkIn', input: id('hotel') },
  { path: 'hotels.delete', input: id('hotel') },
  { path: 'hotels.syncWithGuests', input: () => client },

  { path: 'guestTransport.create', module: 'transport', input: () => ({ ...client, guestName: 'The band', pickupLocation: 'Station', pickupAt: AT }), keep: 'ride' },
  { path: 'guestTransport.update', module: 'transport', input: (ids) => ({ id: ids['ride'], seats: 5 }) },
  { path: 'guestTransport.delete', module: 'transport', input: id('ride') },
  { path: 'guestTransport.syncWithGuests', module: 'transport', input: () => client },

  { path: 'vendors.create', input: () => ({ name: 'Wild Meadow', category: 'flowers', ...client, contractAmount: 90_000, arrivesAt: AT }), keep: 'vendor' },
  { path: 'vendors.update', input: (ids) => ({ id: ids['vendor'], name: 'Wild Meadow Flowers', ...client, contractAmount: 95_000 }), clientId: null },
  { path: 'vendors.updateApprovalStatus', input: (ids) => ({ vendorId: ids['vendor'], ...client, approvalStatus: 'approved' }) },
  { path: 'vendors.updatePaymentStatus', input: (ids) => ({ vendorId: ids['vendor'], ...client, paymentStatus: 'partial' }) },
  { path: 'vendors.addComment', input: (ids) => ({ vendorId: ids['vendor'], ...client, body: 'Call on Monday' }), keep: 'comment' },
  { path: 'vendors.deleteComment', input: id('comment') },
  { path: 'vendors.addReview', input: (ids) => ({ vendorId: ids['vendor'], rating: 4 }), keep: 'review', clientId: null },
  { path: 'vendors.deleteReview', input: id('review'), clientId: null },
  { path: 'vendors.addVendorAdvance', input: (ids) => ({ vendorId: ids['vendor'], ...client, amount: 20_000 }), keep: 'advance' },
  { path: 'vendors.updateVendorAdvance', input: (ids) => ({ id: ids['advance'], amount: 95_000 }) },
  { path: 'vendors.deleteVendorAdvance', input: id('advance') },
  { path: 'vendors.bulkCreateFromCommaList', input: () => ({ ...client, names: 'Band, Cake , Band,', category: 'other' }) },
  { path: 'vendors.delete', input: id('vendor'), clientId: null },

  { path: 'gifts.create', input: (ids) => ({ ...client, name: 'Pot', guestId: ids['otherGuest'], value: 1_000 }), keep: 'gift' },
  { path: 'gifts.update', input: (ids) => ({ id: ids['gift'], received: true }) },

  { path: 'floorPlans.create', input: (ids) => ({ ...client, name: 'Dinner', eventId: ids['event'] }), keep: 'plan' },
  { path: 'floorPlans.update', input: (ids) => ({ id: ids['plan'], width: 2_000 }) },
  { path: 'floorPlans.updateGuestSeatingRules', input: (ids) => ({ id: ids['plan'], keepGroupsTogether: false, maxPerTable: 6 }) },
  { path: 'floorPlans.addTable', input: (ids) => ({ ...plan(ids), name: 'Table 1', capacity: 8 }), keep: 'table' },
  { path: 'floorPlans.updateTable', input: (ids) => ({ id: ids['table'], name: 'Top table' }) },
  { path: 'floorPlans.assignGuest', input: (ids) => ({ ...plan(ids), tableId: ids['table'], guestId: ids['guest'] }) },
  { path: 'floorPlans.saveVersion', input: (ids) => ({ ...plan(ids), name: 'First idea' }), keep: 'version' },
  { path: 'floorPlans.unassignGuest', input: (ids) => ({ ...plan(ids), guestId: ids['guest'] }) },
  { path: 'floorPlans.batchAssignGuests', input: (ids) => ({ ...plan(ids), assignments: [{ tableId: ids['table'], guestId: ids['otherGuest'] }] }) },
  { path: 'floorPlans.loadVersion', input: id('version') },
  { path: 'floorPlans.deleteVersion', input: id('version') },
  { path: 'floorPlans.logChange', input: (ids) => ({ ...plan(ids), message: 'Moved the top table' }) },
  { path: 'floorPlans.addGuestConflict', input: (ids) => ({ ...client, guestId: ids['guest'], otherGuestId: ids['otherGuest'], reason: 'Exes' }), keep: 'conflict' },
  { path: 'floorPlans.removeGuestConflict', input: id('conflict') },
  { path: 'floorPlans.addGuestPreference', input: (ids) => ({ ...client, guestId: ids['guest'], otherGuestId: ids['otherGuest'] }), keep: 'preference' },
  { path: 'floorPlans.removeGuestPreference', input: id('preference') },
  { path: 'floorPlans.deleteTable', input: id('table') },

  // Whoever is deleted takes along what hung on them.
  { path: 'guests.delete', input: id('otherGuest') },
  { path: 'gifts.delete', input: id('gift') },
  { path: 'events.delete', input: id('event') },
  { path: 'floorPlans.delete', input: id('plan') },
  { path: 'budget.delete', input: id('budget') },
  { path: 'clients.delete', input: () => ({ id: CLIENT }) },
];

/** Steps that find everything in line and therefore announce nothing. */
export const SILENT = new Set(['hotels.syncWithGuests', 'guestTransport.syncWithGuests']);

/** An input for each query, so that every row the story touches is looked at. */
export function queryInputs(ids: Ids): Record<string, unknown> {
  const one = (name: string) => ({ id: ids[name] ?? 'none yet' });
  return {
    'clients.list': undefined,
    'clients.getAll': undefined,
    'clients.getById': { id: CLIENT },
    'guests.getById': one('guest'),
    'budget.getById': one('budget'),
    'budget.getByCategory': { category: 'other' },
    'budget.getBySegment': { segment: 'wedding' },
    'events.getById': one('event'),
    'timeline.getById': one('entry'),
    'vendors.getById': one('vendor'),
    'vendors.getByCategory': { category: 'flowers' },
    'hotels.getById': one('hotel'),
    'gifts.getById': one('gift'),
    'floorPlans.getById': one('plan'),
  };
}
