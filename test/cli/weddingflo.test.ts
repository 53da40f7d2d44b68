/** The audit finds in the code base of the seed what a person found there, and nothing once it has moved to pathcast. */
import path from 'node:path';
import { audit, type AuditReport } from '../../lib/cli/audit/index.js';

const fixture = (name: string): string => path.join(__dirname, '../fixtures', name);

type ToolRow = [tool: string, mutation: string, verdict: string, missing: string[], extra: string[]];
const LEFT_OUT = ['guests.getStats', 'hotels.list', 'guestTransport.list', 'budget.overview'];
const TOOLS: ToolRow[] = [
  ['add_guest', 'guests.create', 'match', [], []],
  ['delete_guest', 'guests.delete', 'match', [], []],
  ['update_guest_rsvp', 'guests.updateRSVP', 'match', [], []],
  ['bulk_update_guests', 'guests.update', 'mismatch', ['hotels.list', 'guestTransport.list', 'budget.overview'], []],
  ['check_in_guest', 'guests.checkIn', 'mutation-silent', [], []],
  ['assign_guests_to_events', 'guests.update', 'mismatch', LEFT_OUT, ['events.list']],
  ['update_table_dietary', 'guests.update', 'mismatch', LEFT_OUT, []],
  ['create_event', 'events.create', 'match', [], []],
  ['update_event', 'events.update', 'match', [], []],
  ['add_timeline_item', 'timeline.create', 'match', [], []],
  ['add_vendor', 'vendors.create', 'mismatch', [], ['budget.list', 'timeline.list']],
  ['update_vendor', 'vendors.update', 'mismatch', [], ['budget.list']],
  ['delete_vendor', 'vendors.delete', 'mismatch', [], ['budget.list', 'timeline.list']],
  ['add_hotel_booking', 'hotels.create', 'match', [], []],
  ['assign_transport', 'guestTransport.create', 'match', [], []],
  ['update_budget_item', 'budget.update', 'match', [], []],
  ['delete_budget_item', 'budget.delete', 'mismatch', [], ['timeline.list']],
  ['add_gift', 'gifts.create', 'match', [], []],
  ['create_client', 'clients.create', 'mismatch', ['clients.getAll'], []],
  ['update_client', 'clients.update', 'mismatch', ['clients.getAll', 'clients.getById'], []],
];
const FALLING = [
  'assign_team_member',
  'send_communication',
  'update_pipeline',
  'create_proposal',
  'create_invoice',
  'update_website',
  'create_workflow',
];

describe('as it was found', () => {
  let report: AuditReport;
  beforeAll(() => {
    report = audit(fixture('weddingflo'));
  });

  const mutation = (name: string) => report.mutations.find((one) => one.path === name);
  const subjects = (rule: string): string[] =>
    [...new Set(report.findings.filter((one) => one.rule === rule).map((one) => one.subject ?? ''))].sort();

  test('its totals are those of the coverage summary', () => {
    expect(report.root).toBe('src/server/trpc/root.ts#appRouter');
    expect(report.totals).toMatchObject({
      routers: 10,
      queries: 39,
      mutations: 68,
      broadcasting: 39,
      silent: 29,
      silentWithoutWrites: 1,
      declaredSilent: 0,
      unknown: 0,
    });
    const rows = report.routers.map(({ path: name, mutations, broadcasting, silent, coverage }) => [
      name,
      mutations,
      broadcasting,
      silent,
      Math.round(coverage * 100),
    ]);
    expect(rows).toEqual([
      ['guests', 6, 5, 1, 83],
      ['budget', 6, 3, 3, 50],
      ['events', 4, 3, 1, 75],
      ['timeline', 6, 4, 2, 67],
      ['hotels', 5, 3, 2, 60],
      ['guestTransport', 4, 3, 1, 75],
      ['vendors', 13, 3, 10, 23],
      ['gifts', 3, 3, 0, 100],
      ['floorPlans', 18, 9, 9, 50],
      ['clients', 3, 3, 0, 100],
    ]);
  });

  test('each silent mutation, and no other, with the tables it writes', () => {
    const silent = report.mutations.filter((one) => one.broadcast === 'no').map((one) => [one.path, [...one.tables].sort()]);
    expect(Object.fromEntries(silent)).toEqual(SILENT);
    expect(silent).toHaveLength(29);
    expect(mutation('floorPlans.updateGuestSeatingRules')?.transaction).toBe('no-writes');
    const found = report.findings.find((one) => one.rule === 'silent' && one.subject === 'floorPlans.updateGuestSeatingRules');
    expect(found?.message).toMatch(/no write/i);
  });

  test('the query paths of each broadcast', () => {
    const sent = report.mutations.filter((one) => one.broadcast === 'yes').map((one) => [one.path, one.queryPaths]);
    expect(Object.fromEntries(sent)).toEqual(SENT);
  });

  test('what is written inside a transaction, and what is not', () => {
    const inside = report.mutations.filter((one) => one.transaction === 'inside').map((one) => one.path);
    expect(inside.sort()).toEqual([...TRANSACTIONAL].sort());
    expect(report.mutations.filter((one) => one.transaction === 'partly')).toEqual([]);
    expect(report.mutations.flatMap((one) => one.broadcasts).filter((one) => one.inTransaction)).toEqual([]);
  });

  test('the phantom paths, each with its right name first', () => {
    const phantoms = report.phantoms.map((one) => [one.path, one.nearest[0]]);
    expect(Object.fromEntries(phantoms)).toEqual({
      'guests.list': 'guests.getAll',
      'budget.list': 'budget.getAll',
      'budget.overview': 'budget.getSummary',
      'events.list': 'events.getAll',
      'timeline.list': 'timeline.getAll',
      'vendors.list': 'vendors.getAll',
      'hotels.list': 'hotels.getAll',
      'gifts.list': 'gifts.getAll',
      'budget.getStats': 'budget.getSummary',
    });
    // The last one is that of the sheets alone.
    const sheets = report.phantoms.find((one) => one.path === 'budget.getStats');
    expect(new Set(sheets?.uses.map((use) => use.file))).toEqual(new Set(['src/lib/google/sheets-sync.ts']));
  });

  test('the map of the sheets', () => {
    const map = report.pathMaps.find((one) => one.name === 'getQueryPathsForModule');
    const entries = map?.entries.map(({ key, queryPaths }) => [key, queryPaths.map((use) => use.path)]) ?? [];
    expect(Object.fromEntries(entries)).toEqual({
      guests: ['guests.getAll', 'guests.getStats', 'guests.getDietaryStats'],
      budget: ['budget.getAll', 'budget.getStats'],
      timeline: ['timeline.getAll'],
      hotels: ['hotels.getAll'],
      transport: ['guestTransport.getAll'],
      vendors: ['vendors.getAll'],
      gifts: ['gifts.getAll'],
    });
  });

  test.each(TOOLS)('the tool %s is compared with %s: %s', (name, stands, verdict, missing, extra) => {
    const tool = report.tools.find((one) => one.tool === name);
    expect(tool).toMatchObject({ mutation: stands, verdict });
    expect([tool?.missing, tool?.extra]).toEqual([missing, extra]);
  });

  test('no other tool has paths, and seven fall through to guests', () => {
    const others = report.tools.filter((one) => !TOOLS.some(([name]) => name === one.tool));
    expect(others.map((one) => [one.tool, one.verdict, one.queryPaths, one.fallbackModule])).toEqual(
      FALLING.map((name) => [name, 'unmatched', [], 'guests']),
    );
    expect(subjects('tool-fallback')).toEqual([...FALLING].sort());
  });

  test('a missing clientId', () => {
    expect(subjects('missing-client-id')).toEqual(['budget.delete', 'clients.delete']);
    expect(subjects('missing-user-id')).toEqual([]);
  });

  test('what is not atomic: what the seed names, and what else writes more than once', () => {
    const inApp = subjects('non-atomic').filter((name) => mutation(name));
    expect(inApp).toEqual([
      'floorPlans.batchAssignGuests',
      'floorPlans.delete',
      'floorPlans.loadVersion',
      'timeline.bulkImport',
      'timeline.reorder',
      'vendors.addReview',
      'vendors.addVendorAdvance',
      'vendors.bulkCreateFromCommaList',
      'vendors.deleteReview',
      'vendors.deleteVendorAdvance',
      'vendors.updateVendorAdvance',
    ]);
    expect(report.totals.nonAtomic).toBe(inApp.length);
  });

  const cascadesOf = (name: string): string[] =>
    report.findings.filter((one) => one.rule === 'cascade' && one.subject === name).map((one) => /broadcasts nothing of (\w+)/.exec(one.message)?.[1] ?? '');

  test('the cascades broadcast nothing themselves, and are left out by who calls them', () => {
    const blind = ['syncGuestsToHotelsAndTransportTx', 'syncHotelsToTimelineTx', 'syncTransportToTimelineTx', 'triggerFullSync', 'triggerBatchSync'];
    for (const name of blind) expect(report.helpers.find((one) => one.name === name)).toMatchObject({ broadcasts: false });
    expect(subjects('blind-helper')).toEqual([
      'recalcClientStats',
      'removeVendorCascadeTx',
      'syncGuestsToHotelsAndTransportTx',
      'syncHotelsToTimelineTx',
      'syncTransportToTimelineTx',
      'syncVendorToBudgetTx',
      'syncVendorToTimelineTx',
    ]);
    // Called where nothing is broadcast at all.
    expect(subjects('silent')).toEqual(expect.arrayContaining(['googleSheets.resync', 'googleSheets.resyncMany']));
  });

  test('imports leave out what their cascades write', () => {
    expect(cascadesOf('import.importGuestsOrGifts').sort()).toEqual(['clients', 'timeline']);
    expect(cascadesOf('googleSheets.importGuestsFromSheet').sort()).toEqual(['clients', 'guestTransport', 'hotels', 'timeline']);
    expect(cascadesOf('import.importHotels')).toEqual([]);
    expect(cascadesOf('import.importTransport')).toEqual([]);
    expect(cascadesOf('import.importVendors')).toEqual([]);
  });

  test('vendors leave out budget and timeline, and whatever recalculates leaves out clients', () => {
    for (const name of ['create', 'update', 'delete']) expect(cascadesOf(`vendors.${name}`).sort()).toEqual(['budget', 'timeline']);
    for (const name of ['guests.updateRSVP', 'budget.create', 'budget.update', 'budget.delete']) expect(cascadesOf(name)).toEqual(['clients']);
  });

  test('helpers made for a transaction that are given the bare database', () => {
    expect(subjects('tx-helper-without-tx')).toEqual([
      'googleSheets.importAll',
      'googleSheets.importFromSheet',
      'googleSheets.importGuestsFromSheet',
    ]);
  });

  test('broadcasts that something optional can skip', () => {
    expect(subjects('conditional-broadcast')).toEqual(['googleSheets.importAll', 'vendors.delete']);
  });

  test('the endpoints beside it are audited, and not in its totals', () => {
    const roots = report.otherRoots.map(({ root, mutations }) => [root, mutations.length]);
    expect(roots).toContainEqual(['src/server/trpc/import-root.ts#importRouter', 10]);
  });

  test('there is nothing that it could not see', () => {
    expect(report.unseen).toEqual([]);
  });
});

describe('moved to pathcast', () => {
  test('nothing is found', () => {
    const report = audit(fixture('weddingflo-repaired'));
    expect(report.findings).toEqual([]);
    expect(report.totals).toMatchObject({ mutations: 68, broadcasting: 66, silent: 0, declaredSilent: 2, unknown: 0, phantomPaths: 0, toolMismatches: 0, nonAtomic: 0 });
    const declared = report.mutations.filter((one) => one.broadcast === 'silent').map((one) => [one.path, one.silent]);
    expect(declared).toEqual([
      ['floorPlans.logChange', 'an audit log that no query reads'],
      ['floorPlans.updateGuestSeatingRules', 'writes nothing yet: the rules have no table'],
    ]);
  });
});

const SILENT: Record<string, string[]> = {
  'guests.checkIn': ['guests'],
  'budget.addAdvancePayment': ['advancePayments', 'budget', 'clientVendors', 'clients'],
  'budget.updateAdvancePayment': ['advancePayments', 'budget', 'clientVendors', 'clients'],
  'budget.deleteAdvancePayment': ['advancePayments', 'budget', 'clientVendors', 'clients'],
  'events.updateStatus': ['events'],
  'timeline.reorder': ['timeline'],
  'timeline.markComplete': ['timeline'],
  'hotels.checkIn': ['hotels'],
  'hotels.syncWithGuests': ['hotels'],
  'guestTransport.syncWithGuests': ['guestTransport'],
  'vendors.updateApprovalStatus': ['clientVendors'],
  'vendors.addComment': ['vendorComments'],
  'vendors.deleteComment': ['vendorComments'],
  'vendors.updatePaymentStatus': ['clientVendors'],
  'vendors.bulkCreateFromCommaList': ['budget', 'clientVendors', 'vendors'],
  'vendors.addVendorAdvance': ['advancePayments', 'budget'],
  'vendors.updateVendorAdvance': ['advancePayments', 'budget'],
  'vendors.deleteVendorAdvance': ['advancePayments', 'budget'],
  'vendors.addReview': ['vendorReviews', 'vendors'],
  'vendors.deleteReview': ['vendorReviews', 'vendors'],
  'floorPlans.saveVersion': ['seatingVersions'],
  'floorPlans.loadVersion': ['floorPlanGuests', 'floorPlanTables'],
  'floorPlans.deleteVersion': ['seatingVersions'],
  'floorPlans.logChange': ['seatingChangeLog'],
  'floorPlans.addGuestConflict': ['guestConflicts'],
  'floorPlans.addGuestPreference': ['guestPreferences'],
  'floorPlans.removeGuestConflict': ['guestConflicts'],
  'floorPlans.removeGuestPreference': ['guestPreferences'],
  'floorPlans.updateGuestSeatingRules': [],
};

const OF_GUESTS = ['guests.list', 'guests.getStats', 'hotels.list', 'guestTransport.list', 'budget.overview'];
const OF_PLAN = ['floorPlans.list', 'floorPlans.getById'];
const SENT: Record<string, string[]> = {
  'guests.create': OF_GUESTS,
  'guests.update': OF_GUESTS,
  'guests.delete': OF_GUESTS,
  'guests.bulkImport': OF_GUESTS,
  'guests.updateRSVP': ['guests.list', 'guests.getStats', 'budget.overview'],
  'budget.create': ['budget.list', 'budget.overview'],
  'budget.update': ['budget.list', 'budget.overview'],
  'budget.delete': ['budget.list', 'budget.overview'],
  'events.create': ['events.list', 'timeline.list'],
  'events.update': ['events.list', 'timeline.list'],
  'events.delete': ['events.list', 'timeline.list', 'guests.list'],
  'timeline.create': ['timeline.list'],
  'timeline.update': ['timeline.list'],
  'timeline.delete': ['timeline.list'],
  'timeline.bulkImport': ['timeline.list'],
  'hotels.create': ['hotels.list'],
  'hotels.update': ['hotels.list'],
  'hotels.delete': ['hotels.list'],
  'guestTransport.create': ['guestTransport.list'],
  'guestTransport.update': ['guestTransport.list'],
  'guestTransport.delete': ['guestTransport.list'],
  'vendors.create': ['vendors.list'],
  'vendors.update': ['vendors.list'],
  'vendors.delete': ['vendors.list'],
  'gifts.create': ['gifts.list'],
  'gifts.update': ['gifts.list'],
  'gifts.delete': ['gifts.list'],
  'floorPlans.create': ['floorPlans.list'],
  'floorPlans.update': ['floorPlans.list'],
  'floorPlans.delete': ['floorPlans.list'],
  'floorPlans.addTable': OF_PLAN,
  'floorPlans.updateTable': OF_PLAN,
  'floorPlans.deleteTable': OF_PLAN,
  'floorPlans.assignGuest': OF_PLAN,
  'floorPlans.unassignGuest': OF_PLAN,
  'floorPlans.batchAssignGuests': OF_PLAN,
  'clients.create': ['clients.list', 'clients.getAll'],
  'clients.update': ['clients.list', 'clients.getAll', 'clients.getById'],
  'clients.delete': ['clients.list', 'clients.getAll'],
};

const TRANSACTIONAL = [
  ...['create', 'update', 'delete', 'bulkImport', 'updateRSVP'].map((name) => `guests.${name}`),
  ...['create', 'update', 'delete', 'addAdvancePayment', 'updateAdvancePayment', 'deleteAdvancePayment'].map((name) => `budget.${name}`),
  ...['events', 'hotels', 'guestTransport', 'vendors', 'clients'].flatMap((router) => ['create', 'update', 'delete'].map((name) => `${router}.${name}`)),
];
