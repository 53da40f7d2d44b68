/** Tools against the mutations they stand for: how they are matched, and what is said of each. */
import {
  broadcast,
  mutation,
  of,
  query,
  report,
  somewhere,
  subjects,
  tool,
  toolMap,
  write,
} from './audit-findings-model.js';
import type { Facts, Hints, ProcedureFacts } from '../../../lib/cli/audit/findings/index.js';

const stale = (...names: string[]) => ({ broadcasts: [broadcast(names)] });
const APP: ProcedureFacts[] = [
  query('guests.getAll'),
  query('guests.getStats'),
  query('hotels.getAll'),
  query('guestTransport.list'),
  mutation('guests.create', {
    ...stale('guests.getAll', 'guests.getStats'),
    writes: [write('guests', { operation: 'insert' })],
  }),
  mutation('guests.update', { ...stale('guests.getAll', 'hotels.getAll'), writes: [write('guests'), write('hotels')] }),
  mutation('guests.updateRSVP', { ...stale('guests.getAll'), writes: [write('guests')] }),
  mutation('guests.checkIn', { writes: [write('guests')] }),
  mutation('hotels.create', { ...stale('hotels.getAll'), writes: [write('hotels', { operation: 'insert' })] }),
  mutation('guestTransport.create', {
    ...stale('guestTransport.list'),
    writes: [write('guestTransport', { operation: 'insert' })],
  }),
];
const run = (
  entries: Record<string, string[]>,
  tools: ReturnType<typeof tool>[] = [],
  hints: Partial<Hints> = {},
  some: Partial<Facts> = {},
) =>
  report(
    APP,
    { pathMaps: [toolMap(entries)], executors: [{ name: 'executeTool', tools, ...somewhere() }], ...some },
    hints,
  );
const matchOf = (name: string, tools: ReturnType<typeof tool>[] = [], hints: Partial<Hints> = {}) => {
  const [one] = run({ [name]: ['guests.getAll'] }, tools, hints).tools;
  return [one!.mutation, one!.matchedBy];
};

describe('a tool is matched', () => {
  test('by configuration before all else', () => {
    expect(
      matchOf('add_guest', [tool('add_guest', {}, ['hotels.create'])], {
        tools: new Map([['add_guest', 'guests.update']]),
      }),
    ).toEqual(['guests.update', 'config']);
  });
  test('by the mutation that it calls', () => {
    expect(matchOf('add_guest', [tool('add_guest', {}, ['hotels.create'])])).toEqual(['hotels.create', 'call']);
  });
  test.each([
    ['add_guest', 'guests.create'],
    ['update_guest_rsvp', 'guests.updateRSVP'],
    ['check_in_guest', 'guests.checkIn'],
    ['createHotel', 'hotels.create'],
    ['add_hotel_booking', 'hotels.create'],
    ['bulk_update_guests', 'guests.update'],
    ['create_guest_transport', 'guestTransport.create'],
  ])('by its name: %s is %s', (name, path) => {
    expect(matchOf(name)).toEqual([path, 'name']);
  });
  test('by what it writes: the only mutation that writes the same, or the plain one of the module', () => {
    expect(
      matchOf('assign_transport', [
        tool('assign_transport', { writes: [write('guestTransport', { operation: 'insert' })] }),
      ]),
    ).toEqual(['guestTransport.create', 'writes']);
    expect(matchOf('dietary', [tool('dietary', { writes: [write('guests')] })])).toEqual(['guests.update', 'writes']);
  });
  test('not at all where nothing tells, or two fit: that is a verdict, and it is said', () => {
    const one = run({ send_message: ['guests.getAll'], quiet: [] });
    expect(one.tools.map(({ tool: name, verdict, mutation: path }) => [name, verdict, path])).toEqual([
      ['send_message', 'unmatched', undefined],
      ['quiet', 'unmatched', undefined],
    ]);
    expect(one.unseen).toEqual([expect.objectContaining({ what: 'tool send_message', subject: 'send_message' })]);
    expect(of(one, 'tool-mismatch')).toEqual([]);
    const twice = report([...APP, mutation('guests.add', stale('guests.getAll'))], {
      pathMaps: [toolMap({ add_guest: ['guests.getAll'] })],
    });
    expect(twice.tools[0]!.verdict).toBe('unmatched');
  });
});

describe('its paths', () => {
  test('match, lack some, have more', () => {
    const one = run({
      add_guest: ['guests.getStats', 'guests.getAll'],
      add_hotel: ['hotels.getAll', 'guests.getAll'],
      update_guest: ['guests.getAll'],
    });
    expect(one.tools.map(({ verdict, missing, extra }) => ({ verdict, missing, extra }))).toEqual([
      { verdict: 'match', missing: [], extra: [] },
      { verdict: 'mismatch', missing: [], extra: ['guests.getAll'] },
      { verdict: 'mismatch', missing: ['hotels.getAll'], extra: [] },
    ]);
    expect(subjects(one, 'tool-mismatch')).toEqual(['add_hotel', 'update_guest']);
    expect(of(one, 'tool-mismatch')[1]!.message).toBe(
      'tool update_guest leaves out hotels.getAll, compared with guests.update (matched by its name)',
    );
    expect(one.totals).toMatchObject({ tools: 3, toolMismatches: 2 });
  });

  test('a prefix holds what is below it; an alias is what it stands for', () => {
    expect(run({ add_guest: ['guests'] }).tools[0]).toMatchObject({ missing: [], extra: ['guests'] });
    const sync = {
      maps: [],
      middleware: [],
      logged: [],
      hubs: [{ ...somewhere(), aliases: [{ from: 'guests.list', to: 'guests.getAll', ...somewhere() }] }],
    };
    expect(run({ add_guest: ['guests.list', 'guests.getStats'] }, [], {}, { sync }).tools[0]).toMatchObject({
      verdict: 'match',
    });
  });

  test('of a silent mutation cannot be compared', () => {
    const one = run({ check_in_guest: ['guests.getAll'] });
    expect(one.tools[0]).toMatchObject({ verdict: 'mutation-silent', missing: [], extra: [] });
    expect(of(one, 'tool-mismatch')).toEqual([]);
  });

  test('a phantom in the map is a finding of its own', () => {
    expect(of(run({ add_guest: ['guests.list', 'guests.getAll', 'guests.getStats'] }), 'phantom')[0]).toMatchObject({
      subject: 'add_guest',
    });
  });

  test('a tool that writes and that no map has is a mismatch', () => {
    const one = run({}, [
      tool('update_guest', { writes: [write('guests')] }),
      tool('sweep', { writes: [write('hotels', { operation: 'delete' })] }),
      tool('read_guests'),
    ]);
    expect(one.tools.map(({ tool: name, verdict }) => [name, verdict])).toEqual([
      ['update_guest', 'mismatch'],
      ['sweep', 'unmatched'],
    ]);
    expect(subjects(one, 'tool-mismatch')).toEqual(['update_guest', 'sweep']);
  });

  test('a tool that writes what no query shows is not missed in a map', () => {
    const one = run({}, [tool('send_message', { writes: [write('outbox', { operation: 'insert' })] })]);
    expect(one.tools.map(({ tool: name, verdict }) => [name, verdict])).toEqual([['send_message', 'unmatched']]);
    expect(of(one, 'tool-mismatch')).toEqual([]);
    expect(one.unseen).toEqual([]);
  });
});

describe('falling through', () => {
  const fallback = {
    name: 'getModuleFromToolName',
    module: 'guests',
    tools: ['assign_team_member', 'update_guest', 'dietary'],
    ...somewhere(),
  };
  test('to a module that is not the tool’s own is a finding', () => {
    const one = run(
      { assign_team_member: [], update_guest: ['guests.getAll', 'hotels.getAll'], dietary: ['guests.getAll'] },
      [],
      {},
      { fallbacks: [fallback] },
    );
    expect(subjects(one, 'tool-fallback')).toEqual(['assign_team_member']);
    expect(one.tools.map((each) => each.fallbackModule)).toEqual(['guests', 'guests', 'guests']);
  });
  test('to a mutation that is not there is one too', () => {
    const one = run({ add_guest: [] }, [tool('add_guest', {}, ['guests.add'])]);
    expect(of(one, 'tool-fallback')[0]!.message).toBe('tool add_guest calls guests.add, which is no mutation');
  });
});
