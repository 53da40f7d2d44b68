/** Code bases with pathcast's own map: what the middleware broadcasts, what is declared silent, what the map gets wrong. */
import type { RawInvalidationMap, RawSyncConfig } from '../../../lib/cli/audit/effects/types.js';
import {
  broadcast,
  entry,
  mutation,
  of,
  paths,
  query,
  report,
  somewhere,
  subjects,
  write,
} from './audit-findings-model.js';

const map = (some: Partial<RawInvalidationMap>): RawSyncConfig => ({
  maps: [{ name: 'map', mutations: [], tools: [], cascades: [], modules: [], complete: true, ...somewhere(), ...some }],
  hubs: [],
  middleware: [somewhere()],
  logged: [],
});
const QUERIES = [query('guests.getAll'), query('hotels.getAll'), query('timeline.getAll'), query('stats.get')];
const middleware = (path: string, some = {}) =>
  broadcast([], { by: 'middleware', mutation: path, clientId: 'unknown', userId: 'unknown', ...some });
const guarded = (path: string, ...tables: string[]) =>
  mutation(path, {
    broadcasts: [middleware(path)],
    writes: tables.map((table) => write(table, { inTransaction: true })),
  });

test('the middleware broadcasts what the map closes over, and a cascade declared there is none that is forgotten', () => {
  const sync = map({
    mutations: [entry('guests.create', ['guests.getAll'])],
    cascades: [
      { from: 'guests', to: paths('hotels'), ...somewhere() },
      { from: 'hotels', to: paths('timeline'), ...somewhere() },
    ],
  });
  const one = report([...QUERIES, guarded('guests.create', 'guests', 'hotels', 'timeline')], { sync });
  expect(one.mutations[0]).toMatchObject({ broadcast: 'yes', queryPaths: ['guests.getAll', 'hotels', 'timeline'] });
  expect(one.findings).toEqual([]);
});

test("what the database deletes along is its log's to tell where a CdcMap names the table; what the code writes is not", () => {
  const procedures = (because: { because?: 'foreign key' }) => [
    ...QUERIES,
    mutation('guests.delete', { broadcasts: [middleware('guests.delete')], writes: [write('guests', { inTransaction: true }), write('hotels', { inTransaction: true, ...because })] }),
  ];
  const sync = map({ mutations: [entry('guests.delete', ['guests'])] });
  const findings = (because: { because?: 'foreign key' }, logged: string[]) => of(report(procedures(because), { sync: { ...sync, logged } }), 'cascade').length;
  expect([findings({ because: 'foreign key' }, ['public.hotels']), findings({ because: 'foreign key' }, ['stats']), findings({}, ['hotels'])]).toEqual([0, 1, 1]);
});

test('cascade: false and a list of modules take the place of what the paths touch', () => {
  const sync = map({
    mutations: [
      entry('guests.a', ['guests.getAll'], { cascade: false }),
      entry('guests.b', ['guests.getAll'], { cascade: paths('timeline') }),
    ],
    cascades: [{ from: 'guests', to: paths('hotels'), ...somewhere() }],
  });
  const one = report([...QUERIES, guarded('guests.a'), guarded('guests.b')], { sync });
  expect(one.mutations.map((each) => each.queryPaths)).toEqual([['guests.getAll'], ['guests.getAll', 'timeline']]);
});

test('the own paths are listed as they are written, phantoms and prefixes too', () => {
  const sync = map({ mutations: [entry('guests.a', ['guests', 'guests.getAll', 'guests.list'])] });
  const one = report([...QUERIES, guarded('guests.a', 'guests')], { sync });
  expect(one.mutations[0]!.broadcasts[0]!.queryPaths.map((use) => [use.path, use.verdict])).toEqual([
    ['guests', 'prefix'],
    ['guests.getAll', 'exact'],
    ['guests.list', 'phantom'],
  ]);
  expect(subjects(one, 'invalid-map')).toEqual(['guests.a']);
});

test('a declared silence counts as covered, with its reason', () => {
  const sync = map({ mutations: [entry('guests.log', [], { silent: 'nobody looks' })] });
  const one = report([...QUERIES, mutation('guests.log', { writes: [write('log')] })], { sync });
  expect(one.mutations[0]).toMatchObject({ broadcast: 'silent', silent: 'nobody looks' });
  expect(one.totals).toMatchObject({ declaredSilent: 1, silent: 0, coverage: 1 });
  expect(one.findings).toEqual([]);
});

test('an entry without the middleware on the procedure broadcasts nothing', () => {
  const sync = map({ mutations: [entry('guests.create', ['guests.getAll'])] });
  const one = report([...QUERIES, mutation('guests.create', { writes: [write('guests')] })], { sync });
  expect(of(one, 'silent')[0]!.message).toContain('sync.middleware() is not on its procedure');
});

test('such an entry is an error also where no write was seen: the map says that something goes stale', () => {
  const sync = map({ mutations: [entry('guests.create', ['guests.getAll'])] });
  const one = report([...QUERIES, mutation('guests.create'), mutation('guests.rules')], { sync });
  expect(of(one, 'silent').map(({ subject, severity }) => [subject, severity])).toEqual([
    ['guests.create', 'error'],
    ['guests.rules', 'note'],
  ]);
});

test('a mutation without an entry is a finding; below its router everything goes out', () => {
  const one = report([...QUERIES, guarded('guests.create'), guarded('hotels.create')], {
    sync: map({ mutations: [entry('guests.create', ['guests'])] }),
  });
  expect(of(one, 'invalid-map').map(({ subject, message }) => [subject, message])).toEqual([
    ['hotels.create', 'map has no entry for hotels.create'],
  ]);
  expect(one.mutations[1]).toMatchObject({ broadcast: 'yes', queryPaths: ['hotels'] });
});

test('where the map could not be read, nothing is said to be missing', () => {
  const one = report([...QUERIES, guarded('guests.create')], { sync: map({ complete: false }) });
  expect(one.findings).toEqual([]);
  expect(one.mutations[0]).toMatchObject({ broadcast: 'yes', queryPaths: [] });
  expect(one.mutations[0]!.broadcasts[0]!.complete).toBe(false);
});

test('names of nothing real: mutations, paths, modules, targets of tools', () => {
  const sync = map({
    mutations: [entry('guests.create', ['guests.list']), entry('guests.creat', ['guests'])],
    tools: [entry('add_guest', [], { sameAs: 'guests.add' })],
    cascades: [{ from: 'guests', to: paths('hotel'), ...somewhere() }],
    modules: [{ name: 'people', queryPaths: paths('guests.everybody'), ...somewhere() }],
  });
  const one = report([...QUERIES, guarded('guests.create')], { sync });
  expect(new Set(subjects(one, 'invalid-map'))).toEqual(
    new Set(['guests.create', 'guests.creat', 'add_guest', 'hotel', 'module people']),
  );
  expect(of(one, 'phantom')).toEqual([]);
  expect(one.phantoms.map((phantom) => phantom.path).sort()).toEqual(['guests.everybody', 'guests.list']);
});

test('a broadcast by hand takes the place of the middleware, and what it leaves out is noted', () => {
  const sync = map({ mutations: [entry('guests.create', ['guests.getAll', 'stats.get'])] });
  const both = { broadcasts: [broadcast(['guests.getAll']), middleware('guests.create')] };
  const one = report([...QUERIES, mutation('guests.create', both)], { sync });
  expect(one.mutations[0]!.queryPaths).toEqual(['guests.getAll']);
  expect(one.mutations[0]!.notes).toEqual(['broadcasts by hand and leaves out stats.get of the map']);
  const maybe = {
    broadcasts: [broadcast(['guests.getAll'], { condition: 'rows.length > 0' }), middleware('guests.create')],
  };
  expect(report([...QUERIES, mutation('guests.create', maybe)], { sync }).mutations[0]!.queryPaths).toEqual([
    'guests.getAll',
    'stats.get',
  ]);
});

test('tools of the map stand for the mutation they name', () => {
  const sync = map({
    mutations: [entry('guests.create', ['guests.getAll'])],
    tools: [entry('add_guest', [], { sameAs: 'guests.create' }), entry('remove_guest', ['guests.getAll'])],
  });
  const one = report([...QUERIES, guarded('guests.create')], { sync });
  expect(one.tools.map(({ tool, verdict, mutation: path, matchedBy }) => [tool, verdict, path, matchedBy])).toEqual([
    ['add_guest', 'match', 'guests.create', 'config'],
    ['remove_guest', 'unmatched', undefined, undefined],
  ]);
});
