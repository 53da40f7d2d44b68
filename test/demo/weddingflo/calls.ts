/** A wedding in sixty-eight mutations: each is called once, with what earlier ones answered. */

export interface Row {
  id: string;
  [field: string]: unknown;
}
export type Call = (path: string, input: unknown) => Promise<Row>;

/** Rows that are there before anybody watches. */
export interface World {
  clientId: string;
  guest: string;
  otherGuest: string;
  event: string;
  item: string;
  stay: string;
  ride: string;
  vendor: string;
  budgetItem: string;
  gift: string;
  plan: string;
  table: string;
}

export async function prepare(call: Call): Promise<World> {
  const { id: clientId } = await call('clients.create', { partner1Name: 'Ada', partner2Name: 'Bo' });
  const guest = await call('guests.create', { clientId, name: 'Cleo', dietary: 'vegan' });
  const other = await call('guests.create', { clientId, name: 'Dara', partySize: 2 });
  const event = await call('events.create', { clientId, title: 'Ceremony', startTime: '14:00' });
  const item = await call('timeline.create', { clientId, title: 'Flowers arrive', startTime: '09:00' });
  const stay = await call('hotels.create', { clientId, guestName: 'Cleo', hotelName: 'Lakeside', checkInDate: '2027-06-01' });
  const ride = await call('guestTransport.create', { clientId, guestName: 'Cleo', pickupLocation: 'Airport' });
  const vendor = await call('vendors.create', { clientId, name: 'Bloom', category: 'flowers', contractAmount: 900 });
  const budgetItem = await call('budget.create', {
    clientId,
    category: 'flowers',
    segment: 'decor',
    item: 'Bouquets',
    estimatedCost: 400,
    vendorId: vendor.id,
  });
  const gift = await call('gifts.create', { clientId, giftName: 'Vase', fromName: 'Dara', value: 60 });
  const plan = await call('floorPlans.create', { clientId, name: 'Garden' });
  const table = await call('floorPlans.addTable', { floorPlanId: plan.id, tableNumber: 1 });
  return {
    clientId,
    guest: guest.id,
    otherGuest: other.id,
    event: event.id,
    item: item.id,
    stay: stay.id,
    ride: ride.id,
    vendor: vendor.id,
    budgetItem: budgetItem.id,
    gift: gift.id,
    plan: plan.id,
    table: table.id,
  };
}

/** A mutation, its input from the rows so far, and the name under which its answer is kept. */
export interface Step {
  path: string;
  input(rows: Record<string, Row>): unknown;
  as?: string;
}

const step = (path: string, input: Step['input'], as?: string): Step => ({ path, input, ...(as === undefined ? {} : { as }) });
const idOf = (rows: Record<string, Row>, name: string): string => {
  const row = rows[name];
  if (!row) throw new Error(`no row ${name} yet`);
  return row.id;
};

export function steps(world: World): Step[] {
  const { clientId, plan } = world;
  const amount = { budgetItemId: world.budgetItem, paymentDate: '2027-01-10' };
  const terms = { clientId, vendorId: world.vendor };
  const comer = { hotelRequired: true, hotelName: 'Lakeside', transportRequired: true, pickupLocation: 'Station' };
  return [
    step('clients.create', () => ({ partner1Name: 'Eli', partner2Name: 'Fay' }), 'client'),
    step('clients.update', () => ({ id: clientId, data: { status: 'confirmed' }, relationship: 'lead' })),
    step('clients.delete', (rows) => ({ id: idOf(rows, 'client') })),

    step('guests.create', () => ({ clientId, name: 'Gil', ...comer }), 'guest'),
    step('guests.update', () => ({ id: world.guest, data: { partySize: 3, ...comer } })),
    step('guests.bulkImport', () => ({ clientId, guests: [{ name: 'Hana', ...comer }, { name: 'Ivo' }] })),
    step('guests.updateRSVP', () => ({ id: world.guest, rsvpStatus: 'declined' })),
    step('guests.checkIn', () => ({ id: world.otherGuest })),
    step('guests.delete', (rows) => ({ id: idOf(rows, 'guest') })),

    step('budget.create', () => ({ clientId, category: 'flowers', segment: 'decor', item: 'Arch', estimatedCost: 250 }), 'item'),
    step('budget.update', () => ({ id: world.budgetItem, data: { estimatedCost: 450, actualCost: 430 } })),
    step('budget.addAdvancePayment', () => ({ ...amount, amount: 100 }), 'advance'),
    step('budget.updateAdvancePayment', (rows) => ({ id: idOf(rows, 'advance'), amount: 120 })),
    step('budget.deleteAdvancePayment', (rows) => ({ id: idOf(rows, 'advance') })),
    step('budget.delete', (rows) => ({ id: idOf(rows, 'item') })),

    step('events.create', () => ({ clientId, title: 'Brunch', startTime: '11:00' }), 'event'),
    step('events.update', () => ({ id: world.event, data: { title: 'Garden ceremony' } })),
    step('events.updateStatus', () => ({ id: world.event, status: 'confirmed' })),
    step('events.delete', (rows) => ({ id: idOf(rows, 'event') })),

    step('timeline.create', () => ({ clientId, title: 'Band sets up' }), 'entry'),
    step('timeline.update', () => ({ id: world.item, data: { durationMinutes: 45 } })),
    step('timeline.markComplete', () => ({ id: world.item, completed: true })),
    step('timeline.reorder', (rows) => ({ clientId, ids: [idOf(rows, 'entry'), world.item] })),
    step('timeline.bulkImport', (rows) => ({
      clientId,
      rows: [
        { title: 'Toasts' },
        { id: world.item, title: 'Flowers are there' },
        { id: idOf(rows, 'entry'), title: 'Band sets up', action: 'delete' },
      ],
    })),
    step('timeline.delete', () => ({ id: world.item })),

    step('hotels.create', () => ({ clientId, guestName: 'Jun', hotelName: 'Hillside' }), 'stay'),
    step('hotels.update', () => ({ id: world.stay, data: { roomNumber: '12', cost: 180 } })),
    step('hotels.checkIn', () => ({ id: world.stay })),
    step('hotels.delete', (rows) => ({ id: idOf(rows, 'stayOfGuest') })),
    step('hotels.syncWithGuests', () => ({ clientId })),

    step('guestTransport.create', () => ({ clientId, guestName: 'Jun', pickupTime: '10:15' }), 'ride'),
    step('guestTransport.update', () => ({ id: world.ride, data: { status: 'under_way' } })),
    step('guestTransport.delete', (rows) => ({ id: idOf(rows, 'rideOfGuest') })),
    step('guestTransport.syncWithGuests', () => ({ clientId })),

    step('vendors.create', () => ({ clientId, name: 'Cake & Co', category: 'flowers', contractAmount: 300 }), 'vendor'),
    step('vendors.update', () => ({ clientId, id: world.vendor, data: { name: 'Bloom & Sons', contractAmount: 950 } })),
    step('vendors.updateApprovalStatus', () => ({ ...terms, approvalStatus: 'approved' })),
    step('vendors.addComment', () => ({ ...terms, comment: 'Peonies, please' }), 'comment'),
    step('vendors.deleteComment', (rows) => ({ id: idOf(rows, 'comment') })),
    step('vendors.updatePaymentStatus', () => ({ ...terms, paymentStatus: 'partial' })),
    step('vendors.bulkCreateFromCommaList', () => ({ clientId, names: 'Lights, Chairs', category: 'flowers' })),
    step('vendors.addVendorAdvance', () => ({ ...amount, amount: 200 }), 'vendorAdvance'),
    step('vendors.updateVendorAdvance', (rows) => ({ id: idOf(rows, 'vendorAdvance'), amount: 220 })),
    step('vendors.deleteVendorAdvance', (rows) => ({ id: idOf(rows, 'vendorAdvance') })),
    step('vendors.addReview', () => ({ ...terms, rating: 5 }), 'review'),
    step('vendors.deleteReview', (rows) => ({ id: idOf(rows, 'review') })),
    step('vendors.delete', (rows) => ({ id: idOf(rows, 'vendor') })),

    step('gifts.create', () => ({ clientId, giftName: 'Lamp', value: 40 }), 'gift'),
    step('gifts.update', () => ({ id: world.gift, data: { thankYouSent: true } })),
    step('gifts.delete', (rows) => ({ id: idOf(rows, 'gift') })),

    step('floorPlans.create', () => ({ clientId, name: 'Hall' }), 'plan'),
    step('floorPlans.update', () => ({ id: plan, data: { name: 'Walled garden' } })),
    step('floorPlans.addTable', () => ({ floorPlanId: plan, tableNumber: 2 }), 'table'),
    step('floorPlans.updateTable', () => ({ floorPlanId: plan, tableId: world.table, data: { x: 4, y: 2 } })),
    step('floorPlans.assignGuest', () => ({ floorPlanId: plan, tableId: world.table, guestId: world.guest })),
    step('floorPlans.saveVersion', () => ({ floorPlanId: plan, name: 'First try' }), 'version'),
    step('floorPlans.unassignGuest', () => ({ floorPlanId: plan, guestId: world.guest })),
    step('floorPlans.batchAssignGuests', (rows) => ({
      floorPlanId: plan,
      assignments: [{ tableId: idOf(rows, 'table'), guestId: world.otherGuest }],
    })),
    step('floorPlans.loadVersion', (rows) => ({ versionId: idOf(rows, 'version') })),
    step('floorPlans.deleteVersion', (rows) => ({ versionId: idOf(rows, 'version') })),
    step('floorPlans.addGuestConflict', () => ({ clientId, guestId: world.guest, otherGuestId: world.otherGuest }), 'conflict'),
    step('floorPlans.removeGuestConflict', (rows) => ({ id: idOf(rows, 'conflict') })),
    step('floorPlans.addGuestPreference', () => ({ clientId, guestId: world.guest, preferredGuestId: world.otherGuest }), 'wish'),
    step('floorPlans.removeGuestPreference', (rows) => ({ id: idOf(rows, 'wish') })),
    step('floorPlans.logChange', () => ({ floorPlanId: plan, change: 'Moved table 1' })),
    step('floorPlans.updateGuestSeatingRules', () => ({ floorPlanId: plan, guestId: world.guest, rules: ['near the exit'] })),
    step('floorPlans.deleteTable', (rows) => ({ floorPlanId: plan, tableId: idOf(rows, 'table') })),
    step('floorPlans.delete', (rows) => ({ id: idOf(rows, 'plan') })),
  ];
}

/** Rows that mutations make beside the one that they answer with: looked up before the step that needs them. */
export const LOOK_UPS: Readonly<Record<string, { query: string; as: string }>> = {
  'hotels.delete': { query: 'hotels.getAll', as: 'stayOfGuest' },
  'guestTransport.delete': { query: 'guestTransport.getAll', as: 'rideOfGuest' },
};
