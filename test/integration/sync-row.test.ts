/** `row` of the invalidation map and by hand (SPEC §20): from the map to the action, and what keeps a row from going out. */
import { initTRPC } from '@trpc/server';
import superjson from 'superjson';
import { createHub, type ActionEvent } from '../../lib/index.js';
import type { RowInput } from '../../lib/protocol/events.js';
import { createSync, type InvalidationMap } from '../../lib/trpc/index.js';
import type * as Order from '../../lib/trpc/order.js';
import { ENGINES, type EngineKind } from '../support/engines.js';
import { actionsOf, listenTo } from '../support/sync-app.js';
import { unheardDuring } from '../support/unheard.js';
import { waitFor } from '../support/wait.js';

interface Guest {
  id: string;
  name: string;
}

/** What a mutation of the name `waits` waits for. */
let gate = Promise.resolve();
const asGuest = (value: unknown): Guest => value as Guest;

function app(engine: EngineKind) {
  const hub = createHub({ engine });
  const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null, data: () => 'by the rule' } });
  const t = initTRPC.context<object>().create({ isDev: false });
  const base = t.procedure.use(core.middleware());
  const router = t.router({
    guests: t.router({
      getById: base.input((value: unknown) => value as { id: string }).query((): Guest | null => null),
      getAll: base.query((): Guest[] => []),
      first: base.query((): Guest | null => null),
      page: base.input((value: unknown) => value as { clientId: string } | undefined).query((): { items: Guest[] } => ({ items: [] })),
      update: base.input(asGuest).mutation(({ input }) => input),
      wrapped: base.input(asGuest).mutation(({ input }) => ({ ok: true, guest: input.name === 'none' ? null : input })),
      remove: base.input((value: unknown) => value as { id: string }).mutation(() => true),
      fail: base.input(asGuest).mutation(({ input }) => (input.name === 'fails' ? Promise.reject(new Error('no')) : gate.then(() => input))),
      large: base.input(asGuest).mutation(({ input }) => ({ ...input, name: 'x'.repeat(70_000) })),
      count: base.input(asGuest).mutation(() => 5),
      wrong: base.input(asGuest).mutation(({ input }) => input),
      late: base.input(asGuest).mutation(({ input }) => input),
      steps: base.input(asGuest).mutation(async function* ({ input }) {
        yield await Promise.resolve(input.id);
      }),
      nest: base.input(asGuest).mutation(async ({ input }): Promise<Guest> => {
        const caller = t.createCallerFactory(router)({}) as unknown as { guests: Record<'update', (input: Guest) => Promise<Guest>> };
        await caller.guests.update({ ...input, name: 'inner' });
        return input;
      }),
      byHand: base.input(asGuest).mutation(async ({ input }): Promise<Guest> => {
        await hub.broadcast({ type: 'update', module: 'guests', entityId: input.id, companyId: 'acme', userId: 'ann', queryPaths: ['guests.getAll'] });
        return input;
      }),
    }),
  });
  return { hub, sync: core.for<typeof router>(), router, caller: t.createCallerFactory(router)({}) };
}
type Router = ReturnType<typeof app>['router'];

const row = { query: 'guests.getById', input: ({ input }: { input: Guest }) => ({ id: input.id }), list: 'guests.getAll', audience: 'company' } as const;
const stale: ['guests'] = ['guests'];
const map = {
  mutations: {
    'guests.update': {
      stale: ['guests.getById', 'guests.getAll'],
      row: { query: 'guests.getById', input: ({ result }) => ({ id: result.id }), list: 'guests.getAll', audience: 'company' },
    },
    'guests.wrapped': { stale, row: { query: 'guests.getById', input: ({ input }) => ({ id: input.id }), data: ({ result }) => result.guest, idKey: 'name', whole: true, audience: 'company' } },
    'guests.remove': { stale, row: { query: 'guests.getById', input: ({ input }) => input, list: ['guests.getAll'], audience: 'company' } },
    'guests.fail': { stale, onError: 'broadcast', row },
    'guests.large': { stale, row },
    'guests.count': { stale, row: row as never },
    'guests.wrong': {
      stale,
      row: {
        query: 'guests.getById',
        input: () => {
          throw new Error('secret');
        },
        audience: 'company',
      },
    },
    'guests.late': { stale, row },
    'guests.steps': { stale, row: { ...row, whole: true } as never },
    'guests.nest': { stale, row },
    'guests.byHand': { stale, row },
  },
} satisfies InvalidationMap<Router>;

const failing = (): Promise<never> => Promise.reject(new Error('secret'));

type Said = Pick<ActionEvent, 'data' | 'row'>;
/** Without when it began, and where. */
const said = ({ data, row: given }: ActionEvent): Said => {
  if (!given) return { ...(data !== undefined && { data }) };
  const { at: _at, began: _began, ...rest } = given;
  return { ...(data !== undefined && { data }), row: rest };
};

describe.each(ENGINES)('%s engine', (engine) => {
  async function after(call: (it: ReturnType<typeof app>) => Promise<unknown>) {
    const it = app(engine);
    const heard = listenTo(it.hub);
    await it.sync.bind(it.router, map);
    await call(it);
    await it.sync.settled();
    const actions = await actionsOf(it.hub);
    await it.hub.close();
    return { actions, said: actions.map(said), heard };
  }
  const input: Guest = { id: 'g1', name: 'Ada' };
  const travels = { query: 'guests.getById', input: { id: 'g1' }, lists: ['guests.getAll'] };

  test("the result goes out in the place of a rule's data", async () => {
    const { said, heard } = await after(({ caller }) => caller.guests.update(input));
    expect(said).toEqual([{ data: input, row: travels }]);
    expect(heard).toEqual({ errors: [], warnings: [] });
  });

  test('it says what it contains: what this node had of the log before the mutation began', async () => {
    const { actions } = await after(async ({ caller, sync }) => {
      for (let nth = 0; nth < 3; nth++) {
        await caller.guests.update(input);
        await sync.settled();
      }
    });
    const before = Date.now();
    // What came while it ran it may have read, or not.
    const { actions: beside } = await after(async ({ caller, sync }) => {
      await caller.guests.update(input);
      await sync.settled();
      let open!: () => void;
      gate = new Promise((resolve) => (open = resolve));
      const slow = caller.guests.fail({ ...input, name: 'waits' });
      await caller.guests.update(input);
      await sync.settled();
      open();
      await slow;
    });
    expect(beside.map(({ row: given }) => given?.at?.replace(/^.*\./, ''))).toEqual([undefined, '1', '1']);
    // A log that has not begun has no position.
    expect(actions.map(({ row: given }) => given?.at?.replace(/^.*\./, ''))).toEqual([undefined, '1', '2']);
    for (const { row: given } of actions) expect(before - given!.began!).toBeLessThan(60_000);
  });

  test('the map picks it, and may pick none', async () => {
    const { said } = await after(async ({ caller }) => {
      await caller.guests.wrapped(input);
      await caller.guests.wrapped({ id: 'g2', name: 'none' });
    });
    expect(said).toEqual([{ data: input, row: { query: 'guests.getById', input: { id: 'g1' }, idKey: 'name', whole: true } }, { data: 'by the rule' }]);
  });

  test('of what is gone the input says enough', async () => {
    const { said } = await after(({ caller }) => caller.guests.remove({ id: 'g1' }));
    expect(said).toEqual([{ data: 'by the rule', row: travels }]);
  });

  test('a mutation that failed, called another one or broadcast by hand has no row', async () => {
    const { said } = await after(async ({ caller, sync }) => {
      await caller.guests.fail({ ...input, name: 'fails' }).catch(() => undefined);
      await sync.settled();
      await caller.guests.nest(input);
      await sync.settled();
      await caller.guests.byHand(input);
    });
    expect(said).toEqual([{ data: 'by the rule' }, { data: 'by the rule' }, {}, { data: 'by the rule' }]);
  });

  test('what comes step by step is no row: JSON has nothing of it, and a page would show that', async () => {
    const { said, heard } = await after(async ({ caller }) => {
      for await (const _step of (await caller.guests.steps(input)) as AsyncIterable<unknown>);
    });
    expect(said).toEqual([{ data: {} }]);
    expect(heard.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^row holds a stream at its top, which it cannot carry/)]);
  });

  test('one that is too large is left out, and told', async () => {
    const { said, heard } = await after(({ caller }) => caller.guests.large(input));
    expect(said).toEqual([{}]);
    expect(heard.errors).toEqual([]);
    expect(heard.warnings.map(({ field, message }) => [field, message])).toEqual([
      ['row', expect.stringMatching(/^row and its data: the action is \d+ bytes of JSON \(data: \d+\); at most 65536; the action goes out without it$/)],
    ]);
  });

  test('what is no row, and a function that throws, is told without a word of the input', async () => {
    const { said, heard } = await after(async ({ caller, sync }) => {
      await caller.guests.count(input);
      await sync.settled();
      await caller.guests.wrong(input);
    });
    expect(said).toEqual([{ data: 'by the rule' }, { data: 'by the rule' }]);
    expect(heard.errors.map(({ error }) => error.message)).toEqual([
      'the row of "guests.count" in the invalidation map gave a number and not an object; the action goes out without it',
      expect.stringMatching(/^the row of "guests.wrong" in the invalidation map threw Error at .*; the action goes out without it$/),
    ]);
    expect(JSON.stringify(heard.errors.map(({ error }) => error.message))).not.toContain('secret');
  });

  test.each<[string, object, RegExp]>([
    ['input', { input: failing }, /^the row of "guests.late" in the invalidation map gave a promise for its input: it must not be async;/],
    ['data', { data: failing }, /^the row of "guests.late" in the invalidation map gave a promise for its data: it must not be async;/],
    ['an input in it', { input: () => ({ id: failing() }) }, /^row.input holds a promise at id,/],
    ['an input deep in it', { input: () => ({ where: { and: [{ id: { is: failing() } }] } }) }, /^row.input holds a promise at where.and.0.id.is,/],
    ['data deep in it', { data: () => ({ id: 'g1', name: { of: { of: { of: failing() } } } }) }, /^row holds a promise at name.of.of.of,/],
    ['data in it', { data: () => ({ id: 'g1', name: failing() }) }, /^row holds a promise at name,/],
  ])('an async function that fails is told, and ends no process: %s', async (_what, part, why) => {
    const it = app(engine);
    const heard = listenTo(it.hub);
    await it.sync.bind(it.router, { mutations: { ...map.mutations, 'guests.late': { stale, row: { ...row, ...part } } } });
    const unheard = await unheardDuring(async () => {
      await it.caller.guests.late(input);
      await it.sync.settled();
    });
    expect(unheard).toEqual([]);
    expect((await actionsOf(it.hub)).map(({ row: given }) => given)).toEqual([undefined]);
    expect([...heard.errors.map(({ error }) => error.message), ...heard.warnings.map(({ message }) => message)]).toEqual([expect.stringMatching(why)]);
    await it.hub.close();
  });

  const change = { type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'ann', queryPaths: ['guests'] } as const;

  test('by hand: as it is given; what is wrong with it is a warning', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const by = { query: 'guests.getById', input: { id: 'g1' }, audience: 'company' } as const;
    await hub.broadcast({ ...change, data: input, row: { ...by, list: ['guests.getAll', 'guests.vip'], at: 'e.7', began: 5 } });
    const throwing = new Proxy(by, {
      get: () => {
        throw new Error('secret');
      },
    });
    const wrong: [row: unknown, data: unknown, why: RegExp][] = [
      [{ ...by, audience: undefined }, input, /^row needs audience: 'company', for the row goes to everybody of the company; got undefined;/],
      [{ ...by, audience: 'secret' }, input, /everybody of the company; got a string of 6 characters;/],
      [{ ...by, lists: [] }, input, /^row has no key "lists"; it has: query, input, list,/],
      ['guests.getById', input, /^row must be { query, input, list, audience: 'company' }, got a string of 14 characters;/],
      [{ ...by, query: 5 }, input, /^row must name queries by their paths, got a number;/],
      [{ ...by, list: Array(9).fill('a.b') }, input, /^row has 9 lists; at most 8;/],
      [{ ...by, at: 'now' }, input, /^row\.at must be what hub.position\(\) gave, got a string of 3 characters;/],
      [{ ...by, idKey: '' }, input, /^row\.idKey must be the name of a key, got '';/],
      [{ ...by, input: { id: 'x'.repeat(3_000) } }, input, /^row is 3\d\d\d bytes of JSON without the data; at most 2048;/],
      [{ ...by, input: { id: 5n } }, input, /^row\.input holds a bigint at id, which is none of a query's input as JSON;/],
      [{ ...by, input: Promise.resolve({ id: 'g1' }) }, input, /^row\.input holds a promise at its top,/],
      [{ ...by, input: () => 1 }, input, /^row\.input holds a function at its top,/],
      [{ ...by, input: { of: [{ share: NaN }] } }, input, /^row\.input holds a number at of\.0\.share,/],
      [{ ...by, input: { tags: new Map([[1, 2]]) } }, input, /^row\.input holds an object without keys of its own at tags,/],
      [{ ...by, input: { since: new Date(NaN) } }, input, /^row\.input holds a date that is none at since,/],
      [{ ...by, input: { file: Buffer.from('x') } }, input, /^row\.input holds binary data at file,/],
      [{ ...by, input: { ids: Array(20_000).fill(1) } }, input, /^row\.input has more than 10000 values;/],
      [{ ...by, query: 'hotels.getById' }, input, /^row names a query, a string of 14 characters, that queryPaths does not call stale;/],
      [{ ...by, list: ['guests.getAll', 'guestsof.getAll'] }, input, /^row names a query, a string of 15 characters, that queryPaths/],
      [throwing, input, /^row could not be read: Error at .*; the action goes out without it$/],
      [by, [input], /^row needs data that is an object, got an array/],
      [by, undefined, /^row needs data that is an object, got undefined/],
      [by, { ...input, table: Promise.resolve(1) }, /^row holds a promise at table, which it cannot carry/],
    ];
    for (const [given, data] of wrong) await hub.broadcast({ ...change, data, row: given as never });
    const actions = await actionsOf(hub);
    expect(actions[0]).toMatchObject({ data: input, row: { query: 'guests.getById', input: { id: 'g1' }, lists: ['guests.getAll', 'guests.vip'], at: 'e.7', began: 5 } });
    expect(actions.slice(1).filter(({ row: given }) => given !== undefined)).toEqual([]);
    expect(heard.warnings.map(({ message }) => message)).toEqual(wrong.map(([, , why]) => expect.stringMatching(why)));
    expect(actions).toHaveLength(1 + wrong.length);
    await hub.close();
  });

  test('by hand: a row that throws when it is read does not keep the action back', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const hand = Object.defineProperty({ ...change, data: input }, 'row', {
      enumerable: true,
      get: () => {
        throw new Error('secret');
      },
    });
    await hub.broadcast(hand);
    expect((await actionsOf(hub)).map(said)).toEqual([{ data: input }]);
    expect(heard.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^row could not be read: Error at /)]);
    await hub.close();
  });

  test('the input is written once: what a toJSON says later goes nowhere', async () => {
    const hub = createHub({ engine });
    let asked = 0;
    const fickle = { toJSON: () => (asked++ === 0 ? 'g1' : 'x'.repeat(30_000)) };
    await hub.broadcast({ ...change, data: input, row: { query: 'guests.getById', input: { id: fickle, since: new Date(0) }, audience: 'company' } });
    expect((await actionsOf(hub)).map(({ row: given }) => given?.input)).toEqual([{ id: 'g1', since: '1970-01-01T00:00:00.000Z' }]);
    expect(asked).toBe(1);
    await hub.close();
  });

  test('data that fits alone goes out alone', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const data = { id: 'g1', name: '' };
    const by = { query: 'guests.getById', audience: 'company' } as const;
    await hub.broadcast({ ...change, id: 'one', timestamp: 1, data });
    const [bare] = await actionsOf(hub);
    // Room for the data, and for 16 digits of a place.
    data.name = 'x'.repeat(65_536 - JSON.stringify(bare).length - 16);
    await hub.broadcast({ ...change, id: 'two', timestamp: 1, data });
    await hub.broadcast({ ...change, id: 'six', timestamp: 1, data, row: by });
    expect((await actionsOf(hub)).slice(1).map(said)).toEqual([{ data }, { data }]);
    expect(heard.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^row: the action is \d+ bytes of JSON \(data: \d+\); at most 65536; the action goes out without it$/)]);
    await hub.close();
  });

  test('a cycle, binary data and a long list cost no more than the bound', async () => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const self: Record<string, unknown> = { id: 'g1' };
    self['self'] = self;
    const parent = { id: 'g1', kids: [] as object[] };
    for (let nth = 0; nth < 3; nth++) parent.kids.push({ nth, parent });
    const by = { query: 'guests.getById', audience: 'company' } as const;
    const cpu = process.cpuUsage();
    await hub.broadcast({ ...change, data: self, row: by });
    await hub.broadcast({ ...change, data: parent, row: by });
    await hub.broadcast({ ...change, data: { id: 'g1', of: Array(1_000_000).fill(1) }, row: by });
    await hub.broadcast({ ...change, data: { id: 'g1', file: Buffer.alloc(1_000_000) }, row: by });
    // Each took seconds of it.
    expect(process.cpuUsage(cpu).user).toBeLessThan(1_500_000);
    expect(heard.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^row is more than 100 deep, or holds itself;/),
      expect.stringMatching(/^row (is more than 100 deep, or holds itself|has more than 10000 values);/),
      expect.stringMatching(/^row has more than 10000 values;/),
      expect.stringMatching(/^row and its data: the action is \d+ bytes/),
    ]);
    // What a row leaves out is no failure.
    expect(heard.errors).toEqual([]);
    expect((await actionsOf(hub)).map(said)).toEqual([{}, {}, {}, {}]);
    await hub.broadcast({ ...change, data: { id: 'g1', key: Buffer.from('k'), self: { toJSON: () => 'itself', self } }, row: by });
    expect((await actionsOf(hub)).at(-1)).toMatchObject({ data: { key: { type: 'Buffer', data: [107] }, self: 'itself' }, row: { query: 'guests.getById' } });
    await hub.close();
  });

  test('dates are named where a transformer carries them; what else JSON has not is no row', async () => {
    const hub = createHub({ engine, transformer: superjson });
    const heard = listenTo(hub);
    const by = { query: 'guests.getById', audience: 'company' } as const;
    await hub.broadcast({ ...change, data: { id: 'g1', at: new Date(5), rsvp: [{ at: null }, { at: new Date(6) }], none: undefined }, row: by });
    await hub.broadcast({ ...change, data: { id: 'g1', tags: new Set(['a']) }, row: by });
    await hub.broadcast({ ...change, data: { id: 'g1', seats: 5n }, row: by });
    await hub.broadcast({ ...change, data: { id: 'g1', share: NaN }, row: by });
    await hub.broadcast({ ...change, data: { id: 'g1', debt: -0 }, row: by });
    expect((await actionsOf(hub)).map(({ row: given }) => given)).toEqual([{ query: 'guests.getById', dates: expect.arrayContaining([['at'], ['rsvp', 1, 'at']]) as unknown }, undefined, undefined, undefined, undefined]);
    expect(heard.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^row holds .* at tags, which it cannot carry/), expect.stringMatching(/at seats/), expect.stringMatching(/at share/), expect.stringMatching(/at debt/)]);
    await hub.close();
  });

  test('dates are texts where the transformer carries none', async () => {
    const hub = createHub({ engine, transformer: { serialize: (value: unknown) => value, deserialize: (value: unknown) => value } });
    const heard = listenTo(hub);
    await hub.broadcast({ ...change, data: { id: 'g1', at: new Date(5) }, row: { query: 'guests.getById', audience: 'company' } });
    expect((await actionsOf(hub)).map(said)).toEqual([{ data: { id: 'g1', at: '1970-01-01T00:00:00.005Z' }, row: { query: 'guests.getById' } }]);
    expect(heard.warnings).toEqual([]);
    await hub.close();
  });

  test('by hand: a query that the bound router does not have is none, though a prefix covers it', async () => {
    const { hub, router } = app(engine);
    const heard = listenTo(hub);
    await hub.bindRouter(router, { aliases: { 'guests.byId': 'guests.getById' } });
    const byHand = (row: Partial<RowInput>): Promise<unknown> =>
      hub.broadcast({ ...change, queryPaths: ['guests'], data: input, row: { query: 'guests.getById', audience: 'company', ...row } });
    await byHand({});
    await byHand({ query: 'guests.nope' });
    await byHand({ list: ['guests.getAll', 'guests.all'] });
    await byHand({ query: 'guests' });
    await byHand({ query: 'guests.byId' });
    expect((await actionsOf(hub)).map(({ row: given }) => given?.query)).toEqual(['guests.getById', undefined, undefined, undefined, undefined]);
    expect(heard.warnings.map(({ message }) => message)).toEqual([11, 10, 6, 11].map((length) => `row names a query, a string of ${length} characters, that the router does not have; the action goes out without it`));
    await hub.close();
  });
});

test('an async rule is told, and ends no process', async () => {
  const hub = createHub({ engine: 'js' });
  const heard = listenTo(hub);
  const sync = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null, data: failing, entityId: failing as never } });
  const t = initTRPC.context<object>().create();
  const base = t.procedure.use(sync.middleware());
  const router = t.router({ guests: t.router({ getAll: base.query(() => []), update: base.mutation(() => true) }) });
  await sync.for<typeof router>().bind(router, { mutations: { 'guests.update': ['guests'] } });
  const unheard = await unheardDuring(async () => {
    await t.createCallerFactory(router)({}).guests.update();
    await sync.settled();
  });
  expect(unheard).toEqual([]);
  expect((await actionsOf(hub)).map(({ entityId, data }) => [entityId, data])).toEqual([['*', undefined]]);
  expect(heard.errors.map(({ error }) => error.message)).toEqual([
    'the rule entityId gave a promise for "guests.update": it must not be async',
    'the rule data gave a promise for "guests.update": it must not be async',
  ]);
  await hub.close();
});

test('a mutation may answer with more elements than a call may have arguments', async () => {
  const hub = createHub({ engine: 'js' });
  const heard = listenTo(hub);
  const sync = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null } });
  const t = initTRPC.context<object>().create();
  const base = t.procedure.use(sync.middleware());
  const router = t.router({ guests: t.router({ getAll: base.query((): number[] => []), update: base.mutation(() => ({ ids: Array<number>(500_000).fill(1) })) }) });
  await sync.for<typeof router>().bind(router, { mutations: { 'guests.update': ['guests'] } });
  await expect(t.createCallerFactory(router)({}).guests.update()).resolves.toHaveProperty('ids.length', 500_000);
  await sync.settled();
  expect((await actionsOf(hub)).map(({ queryPaths }) => queryPaths)).toEqual([['guests']]);
  expect(heard.errors).toEqual([]);
  await hub.close();
});

test('it is checked by the compiler', () => {
  const wrong = {
    ...map.mutations,
    // @ts-expect-error -- the query's input has another key
    'guests.update': { stale, row: { query: 'guests.getById', input: ({ result }) => ({ ident: result.id }), audience: 'company' } },
    // @ts-expect-error -- the audience is not written out
    'guests.remove': { stale, row: { query: 'guests.getById', input: ({ input }) => input } },
    // @ts-expect-error -- the query takes an input
    'guests.nest': { stale, row: { query: 'guests.getById', audience: 'company' } },
    // @ts-expect-error -- what the mutation answers is no answer of the query, in whole or in part
    'guests.fail': { stale, row: { query: 'guests.getAll', audience: 'company' } },
    // @ts-expect-error -- nor is this one's, which holds it
    'guests.large': { stale, row: { query: 'guests.page', input: { clientId: 'c1' }, audience: 'company' } },
    // @ts-expect-error -- a mutation is no query
    'guests.count': { stale, row: { query: 'guests.update', audience: 'company' } },
    // @ts-expect-error -- the query answers no such row
    'guests.wrapped': { stale, row: { query: 'guests.getById', input: ({ input }) => input, data: ({ result }) => ({ id: result.ok }), audience: 'company' } },
  } satisfies InvalidationMap<Router>['mutations'];
  expect(typeof wrong).toBe('object');
});

test('what the compiler lets pass', () => {
  const right = {
    ...map.mutations,
    // Of a delete there is no data, and of what takes no input no input.
    'guests.remove': { stale, row: { query: 'guests.first', audience: 'company' } },
    'guests.large': { stale, row: { query: 'guests.first', audience: 'company' } },
    'guests.wrapped': { stale, row: { query: 'guests.page', data: () => ({ items: [] }), audience: 'company' } },
  } satisfies InvalidationMap<Router>['mutations'];
  const wrapped = {
    ...map.mutations,
    // @ts-expect-error -- the row is in what the mutation answers
    'guests.wrapped': { stale, row: { query: 'guests.first', audience: 'company' } },
  } satisfies InvalidationMap<Router>['mutations'];
  expect([typeof right, typeof wrapped]).toEqual(['object', 'object']);
});

test('and at bind', async () => {
  const { hub, sync, router } = app('js');
  const bind = (bad: unknown, paths: readonly string[] = ['guests']): Promise<void> =>
    sync.bind(router, { mutations: { ...map.mutations, 'guests.update': { stale: paths, row: bad } } } as never);
  const unreadable = {
    get query() {
      throw new Error('secret');
    },
  };
  const cases: [row: unknown, why: RegExp, paths?: string[]][] = [
    [{ query: 'guests.getById' }, /mutations\["guests.update"\].row.audience must be written out as 'company', got undefined/],
    [{ query: 'guests.getById', audience: 'everybody' }, /row.audience must be written out as 'company', got "everybody"/],
    ['guests.getById', /row must be \{ query, input, list, data, idKey, whole, audience: 'company' \}, got "guests.getById"/],
    [{ ...row, row: 5 }, /row has no key "row"/],
    [{ ...row, query: 'guests.getByID' }, /row.query: "guests.getByID" is no query; nearest: guests.getById/],
    [{ ...row, list: ['guests'] }, /row.list: "guests" is no query/],
    [{ ...row, list: 'guests.update' }, /row.list: "guests.update" is no query/],
    [{ ...row, data: { id: 1 } }, /row.data must be a function/],
    [{ ...row, whole: 1 }, /row.whole must be true or false, got 1/],
    [{ ...row, idKey: 5 }, /row.idKey must be the name of a key, got 5/],
    // What each mutation would be told of.
    [{ ...row, idKey: 'k'.repeat(300) }, /mutations\["guests.update"\].row.idKey must be the name of a key, got a string of 300 characters/],
    [{ ...row, input: { id: NaN } }, /row.input holds a number at id, which is none of a query's input as JSON/],
    [{ ...row, input: { id: 'x'.repeat(3_000) } }, /row is 3\d\d\d bytes of JSON without the data; at most 2048/],
    [{ ...row, list: Object.assign([], { 1: 'guests.getAll' }) }, /row.list must be the path of a query, or a list of at most 8, got an array/],
    [{ ...row, list: Array(1e9) }, /row.list must be the path of a query, or a list of at most 8/],
    [{ ...row, query: 'guests' }, /row.query: "guests" is no query; nearest: guests\.[^,]*, guests\.[^,]*, guests\.[^,]*$/],
    [unreadable, /^(?!.*secret).*mutations\["guests.update"\] could not be read: Error at /s],
    [row, /row.query: "guests.getById" is not among what the entry calls stale/, ['guests.getAll']],
  ];
  for (const [bad, why, paths] of cases) await expect(bind(bad, paths)).rejects.toThrow(why);
  await bind(row, ['guests.getAll', 'guests.getById']);
  await hub.close();
});

test('what .output() takes out of an answer: where that is unknown, and where a rule is given it, bind warns', async () => {
  const strip = (value: unknown): { id: string } => ({ id: (value as { id: string }).id });
  const bound = async (rules: object, entry: object, wrapped: boolean): Promise<string[]> => {
    const hub = createHub({ engine: 'js' });
    const heard = listenTo(hub);
    const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null, ...rules } });
    const t = initTRPC.context<object>().create({ isDev: false });
    const middleware = core.middleware();
    const used = wrapped ? t.middleware((opts) => middleware(opts as never) as never) : middleware;
    const router = t.router({ getById: t.procedure.query(() => ({ id: 'g1' })), update: t.procedure.output(strip).use(used).mutation(() => ({ id: 'g1', password: 'secret' })) });
    await core.for<typeof router>().bind(router, { mutations: { update: { stale: ['getById'], ...entry } } } as never);
    await hub.close();
    return heard.warnings.map(({ message }) => message);
  };
  const row = { query: 'getById', audience: 'company' };
  const data = { data: ({ result }: { result: unknown }) => result };
  expect(await bound({}, { row }, true)).toEqual([expect.stringMatching(/^mutations\["update"\].row: sync.middleware\(\) is not among the procedure's middlewares as it is,/)]);
  expect(await bound(data, {}, false)).toEqual([expect.stringMatching(/^mutations\["update"\]: the procedure's .output\(\) stands in front of sync.middleware\(\), so the rule data is given what/)]);
  expect(await bound({}, {}, false)).toEqual([]);
  expect(await bound(data, {}, true)).toEqual([]);
});

test('the middleware of another copy of the package is known too', () => {
  const copies: (typeof Order)[] = [];
  for (let nth = 0; nth < 2; nth++) jest.isolateModules(() => copies.push(jest.requireActual('../../lib/trpc/order.js')));
  const [one, other] = copies;
  expect(one!.marked).not.toBe(other!.marked);
  const middlewares = [Object.assign(() => undefined, { _type: 'output' }), one!.marked(() => undefined)];
  expect([...other!.outputOrder({ _def: { procedures: { update: { _def: { middlewares } } } } }).unparsed]).toEqual(['update']);
});

test('what .output() takes out of an answer goes to nobody: a row of a procedure that has it in front of the middleware is refused at bind', async () => {
  const hub = createHub({ engine: 'js' });
  const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null } });
  const t = initTRPC.context<object>().create({ isDev: false });
  const strip = (value: unknown): { id: string } => ({ id: (value as { id: string }).id });
  const work = (): { id: string; password: string } => ({ id: 'g1', password: 'secret' });
  const of = (mutation: 'before' | 'behind') =>
    t.router({
      getById: t.procedure.input((value: unknown) => value as { id: string }).query(() => ({ id: 'g1' })),
      update: mutation === 'before' ? t.procedure.output(strip).use(t.middleware(core.middleware())).mutation(work) : t.procedure.use(core.middleware()).output(strip).mutation(work),
    });
  const entries = { mutations: { update: { stale: ['getById'], row: { query: 'getById', input: { id: 'g1' }, audience: 'company' } } } };
  const before = core.for();
  await expect(before.bind(of('before') as never, entries as never)).rejects.toThrow(/mutations\["update"\].row: the procedure's .output\(\) stands in front of sync.middleware\(\)/);
  const behind = of('behind');
  await core.for<typeof behind>().bind(behind, entries as never);
  await t.createCallerFactory(behind)({}).update();
  await waitFor(async () => (await actionsOf(hub)).length === 1, 'its action');
  expect((await actionsOf(hub)).map(({ data }) => data)).toEqual([{ id: 'g1' }]);
  await hub.close();
});
