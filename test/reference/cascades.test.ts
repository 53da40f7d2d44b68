/** Cascades are in the same transaction as their cause, are announced with it, and leave nothing behind. */
import { pathsOfKind } from './support/procedures.js';
import { waitFor } from '../support/wait.js';
import { apiOf, onlooker, StreamClient, type Api } from './support/clients.js';
import { login, startServer, type TestServer } from './support/server.js';

let server: TestServer;
let api: Api;
let token: string;
let company = 0;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  company += 1;
  token = await login(server, `company-${company}`);
  api = apiOf(server, token);
});

const guest = { clientId: 'c1', name: 'Ada', partySize: 2, needsHotel: true, hotelName: 'Harbour House', arrivalDate: '2027-06-11', needsTransport: true, pickupLocation: 'Airport', pickupAt: Date.UTC(2027, 5, 11, 13) };

test('guests → hotels, transport, timeline, budget priced per guest, client figures', async () => {
  await api.budget.create.mutate({ clientId: 'c1', item: 'Catering', perGuestCost: 5_000 });
  const stream = await onlooker(server, `company-${company}`);
  const { id } = await api.guests.create.mutate(guest);

  expect(await api.hotels.getAll.query({ clientId: 'c1' })).toMatchObject([{ guestId: id, guestName: 'Ada', hotelName: 'Harbour House', partySize: 2 }]);
  expect(await api.guestTransport.getAll.query({ clientId: 'c1' })).toMatchObject([{ guestId: id, pickupLocation: 'Airport', seats: 2 }]);
  expect((await api.timeline.getAll.query({ clientId: 'c1' })).map((entry) => entry.title)).toEqual(['Pick-up from Airport: 2 guests', 'Check-in at Harbour House: 2 guests']);
  expect(await api.budget.getSummary.query({ clientId: 'c1' })).toMatchObject({ estimated: 10_000 });
  expect(await api.clients.getById.query({ id: 'c1' })).toMatchObject({ guestCount: 2, budget: 10_000 });
  const action = await stream.action((candidate) => candidate.entityId === id, 'the guest');
  expect(action.queryPaths).toEqual(expect.arrayContaining(['guests', 'hotels', 'guestTransport', 'timeline', 'budget', 'clients']));

  await api.guests.updateRSVP.mutate({ id, rsvpStatus: 'declined' });
  for (const rows of [api.hotels.getAll.query(), api.guestTransport.getAll.query(), api.timeline.getAll.query()]) expect(await rows).toEqual([]);
  expect(await api.clients.getById.query({ id: 'c1' })).toMatchObject({ guestCount: 0, budget: 0 });
  await stream.close();
});

test('a change that touches the guest alone does not call hotels stale', async () => {
  const { id } = await api.guests.create.mutate(guest);
  const stream = await onlooker(server, `company-${company}`);
  await api.guests.update.mutate({ id, dietary: 'vegan' });
  const { queryPaths } = await stream.action((action) => action.entityId === id, 'the change');
  expect(queryPaths).toContain('guests');
  for (const path of ['*', 'hotels', 'hotels.getAll', 'clients', 'clients.getAll']) expect(queryPaths).not.toContain(path);
  await stream.close();
});

test('a mutation that fails half-way leaves nothing and announces nothing', async () => {
  await api.guests.create.mutate({ clientId: 'c1', name: 'Ada' });
  const stream = await onlooker(server, `company-${company}`);
  const before = await api.guests.getAll.query();
  const plan = await api.floorPlans.create.mutate({ clientId: 'c1', name: 'Dinner' });
  const table = await api.floorPlans.addTable.mutate({ floorPlanId: plan.id, name: 'Small', capacity: 1 });
  const [first] = before;
  const second = await api.guests.create.mutate({ clientId: 'c1', name: 'Bilal' });
  await expect(
    api.floorPlans.batchAssignGuests.mutate({
      floorPlanId: plan.id,
      assignments: [{ tableId: table.id, guestId: String(first?.id) }, { tableId: table.id, guestId: second.id }],
    }),
  ).rejects.toMatchObject({ data: { code: 'CONFLICT' }, message: expect.stringContaining('Small has 1 places, 1 are taken') });
  expect((await api.floorPlans.getById.query({ id: plan.id })).seats).toEqual([]);

  await expect(
    api.timeline.bulkImport.mutate({ clientId: 'c1', entries: [{ title: 'Toast' }, { title: 'Cake', eventId: 'no such event' }] }),
  ).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
  expect(await api.timeline.getAll.query()).toEqual([]);

  await api.gifts.create.mutate({ clientId: 'c1', name: 'Fence' });
  await stream.action((action) => action.module === 'gifts', 'the action after the failures');
  expect(stream.actions.map((action) => action.module)).toEqual(['floorPlans', 'floorPlans', 'guests', 'gifts']);
  await stream.close();
});

test('vendors → budget, timeline, payment status, client figures', async () => {
  const { id } = await api.vendors.create.mutate({ name: 'Band', clientId: 'c1', contractAmount: 80_000, arrivesAt: guest.pickupAt });
  expect(await api.budget.getAll.query()).toMatchObject([{ item: 'Band', vendorId: id, estimatedCost: 80_000 }]);
  expect((await api.timeline.getAll.query()).map((entry) => entry.title)).toEqual(['Band arrives']);
  expect(await api.clients.getById.query({ id: 'c1' })).toMatchObject({ budget: 80_000 });
  const payment = await api.vendors.addVendorAdvance.mutate({ vendorId: id, clientId: 'c1', amount: 30_000 });
  expect((await api.vendors.getById.query({ id })).contracts).toMatchObject([{ paymentStatus: 'partial' }]);
  await api.budget.updateAdvancePayment.mutate({ id: payment.id, amount: 80_000 });
  expect((await api.vendors.getById.query({ id })).contracts).toMatchObject([{ paymentStatus: 'paid' }]);
  await api.vendors.delete.mutate({ id });
  for (const rows of [api.budget.getAll.query(), api.timeline.getAll.query(), api.vendors.getAll.query()]) expect(await rows).toEqual([]);
  expect(await api.clients.getById.query({ id: 'c1' })).toMatchObject({ budget: 0 });
});

test('an import of 500 is one action and one transaction', async () => {
  const stream = await onlooker(server, `company-${company}`);
  const guests = Array.from({ length: 500 }, (_, i) => ({ ...guest, clientId: undefined, name: `Guest ${i}` }));
  expect(await api.guests.bulkImport.mutate({ clientId: 'c1', guests })).toMatchObject({ imported: 500 });
  const action = await stream.action(() => true, 'the import');
  expect(action).toMatchObject({ type: 'insert', module: 'guests', entityId: '*', clientId: 'c1', seq: 1 });
  expect(await api.clients.getById.query({ id: 'c1' })).toMatchObject({ guestCount: 1_000 });
  expect(await api.hotels.getStats.query()).toMatchObject({ bookings: 500 });
  await api.gifts.create.mutate({ clientId: 'c1', name: 'Fence' });
  await stream.action((candidate) => candidate.module === 'gifts', 'the next action');
  expect(stream.actions).toHaveLength(2);
  await stream.close();
});

test('deleting a client leaves no row of it behind', async () => {
  const made = await api.guests.create.mutate(guest);
  await api.events.create.mutate({ clientId: 'c1', name: 'Ceremony', startsAt: guest.pickupAt });
  const plan = await api.floorPlans.create.mutate({ clientId: 'c1', name: 'Dinner' });
  const table = await api.floorPlans.addTable.mutate({ floorPlanId: plan.id, name: 'One' });
  await api.floorPlans.assignGuest.mutate({ floorPlanId: plan.id, tableId: table.id, guestId: made.id });
  await api.vendors.create.mutate({ name: 'Band', clientId: 'c1', contractAmount: 1 });
  await api.clients.delete.mutate({ id: 'c1' });
  const tables = ['clients', 'guests', 'hotels', 'guestTransport', 'timeline', 'events', 'budget', 'clientVendors', 'floorPlans', 'floorPlanTables', 'floorPlanGuests'];
  for (const name of tables) {
    const { rows } = await server.database.client.execute(`SELECT id FROM "${name}" WHERE "companyId" = ?`, [`company-${company}`]);
    expect([name, rows]).toEqual([name, []]);
  }
});

test('who was away catches up: one by one, or by one event when it was much', async () => {
  const first = await StreamClient.live(server, token, '/trpc/sync.onSync');
  await api.guests.create.mutate({ clientId: 'c1', name: 'Before' });
  const seen = await waitFor(() => first.messages.findLast((message) => message.event === undefined && message.data.includes('"seq":1')), 'the first action');
  await first.close();

  await api.guests.create.mutate({ clientId: 'c1', name: 'While away' });
  const again = await StreamClient.live(server, token, '/trpc/sync.onSync', { 'last-event-id': String(seen.id) });
  expect(await again.hello()).toMatchObject({ recovered: true, reason: 'resumed' });
  await again.action((action) => action.seq === 2, 'what was missed');
  await again.close();

  for (let i = 0; i < 120; i++) await api.gifts.create.mutate({ clientId: 'c1', name: `Gift ${i}` });
  const late = await StreamClient.live(server, token, '/sync/stream', { 'last-event-id': String(seen.id) });
  const summary = await waitFor(() => late.events.find((event) => event.type === 'invalidate'), 'one event for all of it');
  expect(summary).toMatchObject({ from: 2, to: 122, count: 121, modules: expect.arrayContaining(['guests', 'gifts']) });
  expect(late.actions).toEqual([]);
  await late.close();
});

test('a cursor that is unknown gets a resync that names every query of the router', async () => {
  const stream = await StreamClient.live(server, token, '/sync/stream', { 'last-event-id': 'ffffffffffff.7' });
  const resync = await waitFor(() => stream.events.find((event) => event.type === 'resync'), 'the resync');
  expect([...resync.queryPaths].sort()).toEqual(pathsOfKind(server.router, 'query').sort());
  await stream.close();
});
