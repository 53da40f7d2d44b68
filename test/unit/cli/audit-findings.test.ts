/** The rules of the audit on models made by hand: each rule where it must speak, and where it must keep quiet. */
import { optionalPart } from '../../../lib/cli/audit/findings/conditions.js';
import { canBothRun } from '../../../lib/cli/audit/findings/atomicity.js';
import { covers } from '../../../lib/cli/audit/findings/paths.js';
import { keyOf, listed, wordsOf } from '../../../lib/cli/audit/findings/words.js';
import {
  broadcast,
  effects,
  facts,
  fn,
  helper,
  mutation,
  of,
  paths,
  query,
  report,
  somewhere,
  subjects,
  toolMap,
  write,
} from './audit-findings-model.js';
import { judge } from '../../../lib/cli/audit/findings/index.js';

const GUESTS = [query('guests.getAll'), query('guests.getStats'), query('guests.getById')];

describe('query paths', () => {
  test('are exact, a prefix or a phantom with the nearest real ones', () => {
    const one = report([
      ...GUESTS,
      query('admin.users.list'),
      mutation('guests.create', {
        broadcasts: [
          broadcast([
            'guests.getAll',
            'guests',
            'admin.users',
            '*',
            'guests.list',
            'guests.create',
            'admin.users.list.x',
          ]),
        ],
      }),
    ]);
    expect(one.mutations[0]!.broadcasts[0]!.queryPaths.map((use) => [use.path, use.verdict])).toEqual([
      ['guests.getAll', 'exact'],
      ['guests', 'prefix'],
      ['admin.users', 'prefix'],
      ['*', 'prefix'],
      ['guests.list', 'phantom'],
      ['guests.create', 'phantom'],
      ['admin.users.list.x', 'phantom'],
    ]);
    expect(one.phantoms.map((phantom) => phantom.path)).toEqual(['guests.list', 'guests.create', 'admin.users.list.x']);
    expect(one.phantoms[0]!.nearest[0]).toBe('guests.getAll');
    expect(one.totals).toMatchObject({ phantomPaths: 3, phantomUses: 3, aliasedPaths: 0 });
    expect(of(one, 'phantom').map((finding) => finding.message)).toContainEqual(
      expect.stringMatching(/^guests\.list is no query; nearest: guests\.getAll, .* \(in guests\.create\)$/),
    );
  });

  test('an alias takes the finding away and leaves the phantom in the list', () => {
    const sync = {
      maps: [],
      middleware: [],
      logged: [],
      hubs: [{ ...somewhere(), aliases: [{ from: 'guests.list', to: 'guests.getAll', ...somewhere() }] }],
    };
    const one = report([...GUESTS, mutation('guests.create', { broadcasts: [broadcast(['guests.list'])] })], { sync });
    expect(of(one, 'phantom')).toEqual([]);
    expect(one.phantoms).toEqual([expect.objectContaining({ path: 'guests.list', alias: 'guests.getAll' })]);
    expect(one.totals).toMatchObject({ phantomPaths: 0, phantomUses: 0, aliasedPaths: 1 });
  });

  test('an alias that points nowhere, or has the name of a real path, is a finding and repairs nothing', () => {
    const aliases = [
      { from: 'guests.list', to: 'guests.nothing', ...somewhere() },
      { from: 'guests.getAll', to: 'guests.getStats', ...somewhere() },
    ];
    const sync = { maps: [], middleware: [], logged: [], hubs: [{ ...somewhere(), aliases }] };
    const one = report(
      [...GUESTS, mutation('guests.create', { broadcasts: [broadcast(['guests.list', 'guests.getAll'])] })],
      { sync },
    );
    expect(subjects(one, 'invalid-map')).toEqual(['guests.list', 'guests.getAll']);
    expect(one.totals.phantomPaths).toBe(1);
    expect(one.mutations[0]!.broadcasts[0]!.queryPaths[1]!.verdict).toBe('exact');
  });

  test('a list that several mutations share is a finding of each, and one place', () => {
    const shared = broadcast(['guests.list'], { via: ['notify'] });
    const one = report([
      ...GUESTS,
      mutation('guests.a', { broadcasts: [shared] }),
      mutation('guests.b', { broadcasts: [shared] }),
    ]);
    expect(subjects(one, 'phantom')).toEqual(['guests.a', 'guests.b']);
    expect(one.totals.phantomUses).toBe(1);
    expect(one.phantoms[0]!.uses).toHaveLength(2);
  });

  test('names of prototypes are names like others', () => {
    const one = report([
      query('__proto__.constructor'),
      mutation('a.b', { broadcasts: [broadcast(['toString.valueOf', '__proto__.constructor'])] }),
    ]);
    expect(one.phantoms.map((phantom) => phantom.path)).toEqual(['toString.valueOf']);
  });
});

test.each([
  ['guests', 'guests.getAll', true],
  ['guests', 'guests', true],
  ['*', 'guests.getAll', true],
  ['guest', 'guests', false],
  ['guest', 'guests.getAll', false],
  ['guests.get', 'guests.getAll', false],
  ['guests.getAll', 'guests', false],
])('%s makes %s stale: %s', (path, wanted, stale) => {
  expect(covers(path, wanted)).toBe(stale);
});

describe('silence and coverage', () => {
  const one = report(
    [
      ...GUESTS,
      mutation('guests.create', { broadcasts: [broadcast(['guests.getAll'])] }),
      mutation('guests.checkIn', { writes: [write('guests')] }),
      mutation('guests.rules'),
      mutation('guests.log', { writes: [write('log')] }),
      mutation('guests.strange', { unseen: [{ what: 'a call', why: 'computed', ...somewhere() }] }),
      { procedure: { path: 'guests.lost', kind: 'mutation', place: somewhere(), resolver: undefined } },
    ],
    {},
    { silent: new Map([['guests.log', 'nobody looks at it']]) },
  );

  test('each mutation is yes, no, silent or unknown', () => {
    expect(one.mutations.map((each) => [each.path, each.broadcast])).toEqual([
      ['guests.create', 'yes'],
      ['guests.checkIn', 'no'],
      ['guests.rules', 'no'],
      ['guests.log', 'silent'],
      ['guests.strange', 'unknown'],
      ['guests.lost', 'unknown'],
    ]);
  });

  test('a silent one is a finding; one in which no write was seen is a note that says so', () => {
    expect(of(one, 'silent').map(({ subject, severity, message }) => [subject, severity, message])).toEqual([
      ['guests.checkIn', 'error', 'guests.checkIn writes guests and broadcasts nothing'],
      ['guests.rules', 'note', 'guests.rules broadcasts nothing; no write seen'],
    ]);
    expect(one.mutations[2]!.notes).toContain('no write seen');
  });

  test('totals come in their order and add up', () => {
    expect(JSON.stringify(one.totals)).toMatch(
      /^\{"mutations":6,"broadcasting":1,"silent":2,"declaredSilent":1,"unknown":2,"silentWithoutWrites":1,"coverage":0\.3333,"routers":1,"queries":3,/,
    );
    expect(one.routers).toEqual([
      expect.objectContaining({
        path: 'guests',
        mutations: 6,
        broadcasting: 1,
        silent: 2,
        declaredSilent: 1,
        unknown: 2,
        coverage: 0.3333,
      }),
    ]);
  });

  test('what could not be followed is told, with who it concerns', () => {
    expect(one.unseen.map(({ subject }) => subject)).toEqual(['guests.strange', 'guests.lost']);
  });

  test('routers beside the root have reports of their own and are not in the totals', () => {
    const model = facts([...GUESTS, mutation('guests.create', { broadcasts: [broadcast(['guests.getAll'])] })]);
    const other = {
      name: 'src/import.ts#importRouter',
      place: somewhere(),
      unseen: [],
      procedures: [
        query('jobs.list'),
        mutation('jobs.run', { broadcasts: [broadcast(['jobs.list', 'guests.list'])] }),
        mutation('jobs.stop', { writes: [write('jobs')] }),
      ],
    };
    const both = judge({ ...model, roots: [...model.roots, other] });
    expect(both.totals).toMatchObject({ mutations: 1, silent: 0, phantomPaths: 1 });
    expect(both.otherRoots).toEqual([
      expect.objectContaining({
        root: 'src/import.ts#importRouter',
        routers: [expect.objectContaining({ mutations: 2, silent: 1 })],
      }),
    ]);
    expect(both.phantoms.map((phantom) => phantom.path)).toEqual(['guests.list']);
    expect(subjects(both, 'silent')).toEqual(['jobs.stop']);
  });
});

describe('transactions', () => {
  const atomic = (...writes: ReturnType<typeof write>[]) => {
    const one = report([mutation('a.b', { writes })]);
    return { transaction: one.mutations[0]!.transaction, found: of(one, 'non-atomic'), notes: one.mutations[0]!.notes };
  };
  const tx = { inTransaction: true };

  test('every write inside, some, none, no write', () => {
    expect(atomic(write('a', tx), write('b', tx))).toMatchObject({ transaction: 'inside', found: [] });
    expect(atomic(write('a', tx), write('b'))).toMatchObject({
      transaction: 'partly',
      found: [],
      notes: ['one write is outside the transaction'],
    });
    expect(atomic(write('a'))).toMatchObject({ transaction: 'outside', found: [] });
    expect(atomic()).toMatchObject({ transaction: 'no-writes', found: [] });
  });

  test('two writes outside are not atomic, in a loop one is enough', () => {
    expect(atomic(write('a'), write('b')).found).toHaveLength(1);
    expect(atomic(write('a', { inLoop: true })).found[0]!.message).toContain('in a loop');
    expect(atomic(write('a', { inLoop: true, ...tx })).found).toEqual([]);
    expect(atomic(write('a', tx), write('b'), write('c')).found[0]!.message).toContain('2 writes');
  });

  test('writes in two arms of a branch do not run in one call', () => {
    expect(atomic(write('a', { arms: ['f:1/then'] }), write('b', { arms: ['f:1/else'] })).found).toEqual([]);
    expect(atomic(write('a', { arms: ['f:1/then'] }), write('b', { arms: ['f:1/then'] })).found).toHaveLength(1);
    expect(atomic(write('a', { arms: ['f:1/then'] }), write('b', { arms: ['f:9/else'] })).found).toHaveLength(1);
    expect(canBothRun(['f:1/then', 'f:2/0'], ['f:1/then', 'f:2/1'])).toBe(false);
    expect(canBothRun([], ['f:1/else'])).toBe(true);
  });

  test('the same statement seen twice is one write', () => {
    const place = somewhere();
    expect(atomic(write('a', place), write('a', place)).found).toEqual([]);
  });

  test('a broadcast inside its transaction is an error', () => {
    const one = report([
      ...GUESTS,
      mutation('guests.a', { broadcasts: [broadcast(['guests.getAll'], tx)] }),
      mutation('guests.b', { broadcasts: [broadcast(['guests.getAll'])] }),
    ]);
    expect(subjects(one, 'broadcast-in-transaction')).toEqual(['guests.a']);
  });
});

describe('clientId and userId', () => {
  const with3 = (no: number, field: 'clientId' | 'userId' = 'clientId') =>
    report([
      ...GUESTS,
      ...[0, 1, 2].map((index) => mutation(`guests.yes${index}`, { broadcasts: [broadcast(['guests'])] })),
      ...Array.from({ length: no }, (_, index) =>
        mutation(`guests.no${index}`, { broadcasts: [broadcast(['guests'], { [field]: 'no' })] }),
      ),
    ]);

  test('are missed where the other broadcasts carry one, with the figure', () => {
    expect(of(with3(1), 'missing-client-id').map(({ subject, message }) => [subject, message])).toEqual([
      ['guests.no0', 'guests.no0: broadcastSync has no clientId; 3 of 3 other broadcasts carry one'],
    ]);
    expect(subjects(with3(1, 'userId'), 'missing-user-id')).toEqual(['guests.no0']);
    expect(subjects(with3(2), 'missing-client-id')).toEqual(['guests.no0', 'guests.no1']);
    // Half of the others is enough; one fewer is a note.
    expect(of(with3(4), 'missing-client-id')[0]!.message).toContain('3 of 6 other broadcasts carry one');
  });

  test('are a note where few carry one, and nothing where none does or it is not known', () => {
    const few = with3(5);
    expect(of(few, 'missing-client-id')).toEqual([]);
    expect(few.mutations.at(-1)!.notes).toEqual(['no clientId (3 of 7 other broadcasts carry one)']);
    const none = report([
      ...GUESTS,
      ...['a', 'b'].map((name) =>
        mutation(`guests.${name}`, { broadcasts: [broadcast(['guests'], { clientId: 'no' })] }),
      ),
    ]);
    expect(none.findings).toEqual([]);
    const unknown = report([
      ...GUESTS,
      mutation('guests.a', { broadcasts: [broadcast(['guests'], { clientId: 'unknown' })] }),
      mutation('guests.b', { broadcasts: [broadcast(['guests'])] }),
    ]);
    expect(unknown.findings).toEqual([]);
  });
});

describe('conditions', () => {
  test.each([
    ['userId', 'userId'],
    ['result.clientId', 'result.clientId'],
    ['!!ctx?.userId', '!!ctx?.userId'],
    ['(userId && items.length > 0)', 'userId'],
    ['input.userId !== undefined', 'input.userId !== undefined'],
    ['null != companyId', 'null != companyId'],
    ["typeof userId === 'string'", "typeof userId === 'string'"],
  ])('%s tests for something optional', (condition, part) => {
    expect(optionalPart(condition)).toBe(part);
  });

  test.each([
    'result.data.length > 0',
    'count',
    'result.changed',
    'isAdmin',
    'a || b',
    'rows.length',
    'input.kind === "x"',
    'updatedCount > 0',
    'result.success',
    'items.some((item) => item.id)',
  ])('%s does not', (condition) => {
    expect(optionalPart(condition)).toBeUndefined();
  });

  test('are findings or notes', () => {
    const one = report([
      ...GUESTS,
      mutation('guests.a', { broadcasts: [broadcast(['guests'], { condition: 'userId' })] }),
      mutation('guests.b', { broadcasts: [broadcast(['guests'], { condition: 'rows.length > 0' })] }),
    ]);
    expect(subjects(one, 'conditional-broadcast')).toEqual(['guests.a']);
    expect(one.mutations[1]!.notes).toEqual(['broadcasts only if rows.length > 0']);
  });
});

describe('cascades', () => {
  const app = [
    ...GUESTS,
    query('budget.getAll'),
    query('clients.list', ['accounts']),
    query('teams.list', ['accounts']),
  ];
  const cascades = (tables: string[], stale: string[], some = {}) =>
    of(
      report([
        ...app,
        mutation('guests.create', {
          broadcasts: [broadcast(stale, some)],
          writes: tables.map((table) => write(table)),
        }),
      ]),
      'cascade',
    ).map((finding) => finding.message);

  test('a table of another module whose paths are left out is a finding, by name or by who reads it', () => {
    expect(cascades(['guests', 'budget'], ['guests.getAll'])).toEqual([
      'guests.create writes budget and broadcasts nothing of budget',
    ]);
    expect(cascades(['budgets'], ['guests.getAll'])).toHaveLength(1);
    expect(cascades(['accounts'], ['guests.getAll'])).toEqual([
      'guests.create writes accounts and broadcasts nothing of clients or teams',
    ]);
  });

  test('any path of the module is enough, a phantom too; so are prefixes and *', () => {
    expect(cascades(['budget'], ['budget.overview'])).toEqual([]);
    expect(cascades(['budget'], ['budget'])).toEqual([]);
    expect(cascades(['budget'], ['*'])).toEqual([]);
    expect(cascades(['accounts'], ['teams.list'])).toEqual([]);
  });

  test('nothing is said of tables of no module, of computed ones, and of paths that are computed', () => {
    expect(cascades(['audit_log', '?'], ['guests.getAll'])).toEqual([]);
    expect(cascades(['budget'], ['guests.getAll'], { complete: false })).toEqual([]);
  });

  test('a hint decides before a name does', () => {
    const one = report(
      [...app, mutation('guests.create', { broadcasts: [broadcast(['guests'])], writes: [write('budget')] })],
      {},
      { modules: new Map([['guests', ['budget']]]) },
    );
    expect(of(one, 'cascade')).toEqual([]);
  });

  test('a helper that writes and leaves the broadcast to callers who forget is named once', () => {
    const recalc = fn();
    const call = () => helper('recalc', { declaration: recalc, database: 'tx' });
    const via = { via: ['recalc'], inTransaction: true };
    const one = report([
      ...app,
      mutation('guests.a', { broadcasts: [broadcast(['guests'])], writes: [write('budget', via)], helpers: [call()] }),
      mutation('guests.b', {
        broadcasts: [broadcast(['guests', 'budget'])],
        writes: [write('budget', via)],
        helpers: [call()],
      }),
      mutation('guests.c', { writes: [write('budget', via)], helpers: [call()] }),
    ]);
    expect(of(one, 'blind-helper').map(({ subject, message }) => [subject, message])).toEqual([
      ['recalc', 'recalc writes budget and broadcasts nothing; budget is left out of the broadcasts of guests.a'],
    ]);
    expect(one.helpers).toEqual([
      expect.objectContaining({
        name: 'recalc',
        tables: ['budget'],
        broadcasts: false,
        calledFrom: ['guests.a', 'guests.b', 'guests.c'],
      }),
    ]);
    expect(of(one, 'cascade')[0]!.message).toBe(
      'guests.a writes budget (through recalc) and broadcasts nothing of budget',
    );
  });

  test('a helper that broadcasts itself is not blind', () => {
    const one = report([
      ...app,
      mutation('guests.a', {
        broadcasts: [broadcast(['guests'], { via: ['sync'] })],
        writes: [write('budget', { via: ['sync'] })],
        helpers: [helper('sync')],
      }),
    ]);
    expect(of(one, 'blind-helper')).toEqual([]);
    expect(one.helpers[0]).toMatchObject({ broadcasts: true });
  });

  test('a helper made for a transaction that gets the bare database', () => {
    const run = (name: string, database: 'tx' | 'bare' | 'none', source = '(db) => {}') =>
      subjects(
        report([
          mutation('a.b', {
            helpers: [helper(name, { database, declaration: fn(source) })],
            writes: [write('x', { via: [name] })],
          }),
        ]),
        'tx-helper-without-tx',
      );
    expect(run('syncHotelsTx', 'bare')).toEqual(['a.b']);
    expect(run('recalc', 'bare', '(tx, id) => {}')).toEqual(['a.b']);
    expect(run('recalc', 'bare', '(db, id) => {}')).toEqual([]);
    expect(run('syncHotelsTx', 'tx')).toEqual([]);
    expect(run('syncHotelsTx', 'none')).toEqual([]);
  });
});

describe('fingerprints', () => {
  test('do not depend on lines, and tell findings apart', () => {
    const make = () =>
      report([
        ...GUESTS,
        mutation('guests.a', { writes: [write('guests')] }),
        mutation('guests.b', { broadcasts: [broadcast(['guests.list', 'guests.all'])] }),
      ]);
    const [first, second] = [make(), make()];
    expect(first.findings.map((finding) => finding.line)).not.toEqual(second.findings.map((finding) => finding.line));
    expect(first.findings.map((finding) => finding.fingerprint)).toEqual(
      second.findings.map((finding) => finding.fingerprint),
    );
    expect(new Set(first.findings.map((finding) => finding.fingerprint)).size).toBe(first.findings.length);
  });
});

test('names as words', () => {
  expect(wordsOf('updateRSVPStatus')).toEqual(['update', 'rsvp', 'status']);
  expect(wordsOf('guest_transport-v2')).toEqual(['guest', 'transport', 'v2']);
  expect(keyOf('guestTransports')).toBe(keyOf('guest_transport'));
  expect(keyOf('categories')).toBe(keyOf('category'));
  expect(keyOf('status')).toBe('status');
  expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
  expect(listed(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more');
});

test('path maps are judged too', () => {
  const one = report([query('budget.getAll'), query('budget.getSummary')], {
    pathMaps: [toolMap({ budget: ['budget.getAll', 'budget.getStats'] }, 'modules')],
  });
  expect(one.pathMaps[0]!.entries[0]!.queryPaths.map((use) => use.verdict)).toEqual(['exact', 'phantom']);
  expect(one.phantoms).toEqual([
    expect.objectContaining({
      path: 'budget.getStats',
      uses: [expect.objectContaining({ in: 'getQueryPathsForModule budget' })],
    }),
  ]);
  expect(one.tools).toEqual([]);
  expect(one.phantoms[0]!.nearest[0]).toBe('budget.getSummary');
});

test('notes and effects of a mutation without any are none', () => {
  expect(effects().broadcasts).toEqual([]);
  expect(paths()).toEqual([]);
  expect(() => judge(facts([], { roots: [] }))).toThrow('no router');
});
