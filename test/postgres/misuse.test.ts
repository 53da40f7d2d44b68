/** What resolvers and clients do that no example shows: work that outlives its mutation, calls side by side, inputs and ids that were made to hurt. */
import { randomUUID } from 'node:crypto';
import { initTRPC, TRPCError } from '@trpc/server';
import { Client, Pool } from 'pg';
import superjson from 'superjson';
import { createHub } from '../../lib/index.js';
import { pgStore, transactionTables } from '../../lib/postgres/transactions/index.js';
import { conflictFormatter, createSync, txInput } from '../../lib/trpc/index.js';
import { flatTransformer } from '../support/flat-transformer.js';
import { PostgresServer } from '../support/postgres.js';
import { actionsOf } from '../support/sync-app.js';
import { STORES, TABLES, txApp, type Inside, type TxApp, type TxAppOptions } from '../support/tx-app.js';
import { waitFor } from '../support/wait.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
  await server.sql(TABLES);
  await server.sql(transactionTables());
});
afterAll(() => server.end());
beforeEach(() => server.sql("TRUNCATE pages, effects, pathcast.transactions, pathcast.field_versions, pathcast.entities; INSERT INTO pages VALUES ('p', 'old', 'text', 1)"));

const apps: TxApp[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.end();
});
async function start(options: TxAppOptions = {}): Promise<TxApp> {
  const app = txApp(server, options);
  apps.push(app);
  await app.bind();
  return app;
}

const tx = (transactionId: string = randomUUID(), more: object = {}) => ({ tx: { transactionId, ...more } });
const codeOf = (error: unknown): string | undefined => (error as { cause?: { code?: string } }).cause?.code;
const failure = (call: Promise<unknown>): Promise<any> =>
  call.then(
    (answer) => Promise.reject(new Error(`it answered ${String(answer)}`)),
    (error: unknown) => error,
  );
/** Resolves when `go` is called. */
function gate(): { held: Promise<void>; go: () => void } {
  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  return { held, go };
}
const add = (what: string) => ({ query }: Inside) => query('INSERT INTO effects (what) VALUES ($1)', what);
const read = ({ query }: Inside) => () => query("SELECT id, title, body, size FROM pages WHERE id = 'p'");

describe.each(STORES)('%s: what outlives its mutation', (store) => {
  test('a statement after the failure of another one at its side writes nothing', async () => {
    const app = await start({ store });
    const { held, go } = gate();
    let late: Promise<unknown> | undefined;
    const work = async (inside: Inside): Promise<unknown> => {
      late = held.then(() => add('late')(inside));
      late.catch(() => undefined);
      return Promise.all([late, Promise.reject(new Error('fails first'))]);
    };
    expect((await failure(app.as('ann', 'acme', work).work({ id: 'a', ...tx() }))).message).toBe('fails first');
    go();
    expect((await failure(late!)).message).toContain('ctx.tx was used after the end');
    expect(await app.effects()).toEqual([]);
  });

  test('a mutation inside that nobody awaited ends before the one around it', async () => {
    const app = await start({ store });
    for (const fails of [false, true]) {
      const { held, go } = gate();
      let inner: Promise<unknown> | undefined;
      let begun = false;
      const inside = async (own: Inside): Promise<unknown> => {
        await add('first')(own);
        begun = true;
        await held;
        await add('second')(own);
        return fails ? Promise.reject(new Error('inner')) : 'inner';
      };
      const outer = async (): Promise<string> => {
        inner = app.as('ann', 'acme', inside).work({ id: 'i', ...tx() });
        inner.catch(() => undefined);
        await waitFor(() => begun, 'the inner one to run');
        setImmediate(go);
        return 'outer';
      };
      expect(await app.as('ann', 'acme', outer).work({ id: 'o', ...tx() })).toBe('outer');
      if (fails) expect((await failure(inner!)).message).toBe('inner');
      else expect(await inner).toBe('inner');
      expect(await app.effects()).toEqual(['first', 'second']);
    }
  });

  test('one that runs inside a mutation that fails is rolled back with it', async () => {
    const app = await start({ store });
    let inner: Promise<unknown> | undefined;
    const outer = async (): Promise<never> => {
      inner = app.as('ann', 'acme', add('inner')).work({ id: 'i', ...tx() });
      inner.catch(() => undefined);
      throw new Error('outer');
    };
    expect((await failure(app.as('ann', 'acme', outer).work({ id: 'o', ...tx() }))).message).toBe('outer');
    await Promise.allSettled([inner]);
    expect(await app.effects()).toEqual([]);
  });
});

test('what waits for the commit goes out though a mutation inside has failed', async () => {
  const app = await start();
  const outer = async ({ tx: own }: Inside): Promise<void> => {
    await failure(app.as('ann', 'acme', () => Promise.reject(new Error('no'))).work({ id: 'i' }));
    app.sync.afterCommit(own, { type: 'update', module: 'pages', entityId: 'by-hand', companyId: 'acme', userId: 'ann', queryPaths: ['pages.getAll'] });
  };
  await app.as('ann', 'acme', outer).work({ id: 'o', ...tx() });
  await app.sync.settled();
  expect((await actionsOf(app.hub)).map(({ entityId }) => entityId)).toContain('by-hand');
});

test('a mutation inside under the id of the one around it is refused, and waits for nothing', async () => {
  const app = await start({ waitMs: 500 });
  const given = tx();
  const outer = async (): Promise<unknown> => {
    const error = await failure(app.as('ann').create({ id: 'n', title: 'N', ...given }));
    return [codeOf(error), error.message];
  };
  expect(await app.as('ann', 'acme', outer).work({ id: 'o', ...given })).toEqual(['TRANSACTION_MISMATCH', expect.stringContaining('needs an id of its own')]);
});

test('fieldVersions() inside of a mutation takes no connection more', async () => {
  const pool = new Pool({ connectionString: server.url(), max: 1, connectionTimeoutMillis: 5_000 });
  const app = await start({ pool });
  const work = async (inside: Inside): Promise<unknown> =>
    app.sync.fieldVersions({ store: app.store, companyId: 'acme', entity: 'pages', rows: await read(inside)() });
  expect(await app.as('ann', 'acme', work).work({ id: 'p', ...tx() })).toMatchObject({ p: { title: expect.stringMatching(/^~/) } });
  await pool.end();
});

describe('fields()', () => {
  test('side by side for one thing: each field has its version', async () => {
    const app = await start();
    const both = async (inside: Inside): Promise<void> => {
      const call = (changes: object) => inside.transaction.fields({ entity: 'pages', id: 'p', changes, read: read(inside) });
      await Promise.all([call({ title: 'A' }), call({ body: 'A' })]);
      await inside.query("UPDATE pages SET title = 'A', body = 'A'");
    };
    await app.as('ann', 'acme', both).work({ id: 'p', ...tx('v1', { expected: {} }) });
    for (const field of ['title', 'body']) {
      const error = await failure(app.as('bob').update({ id: 'p', changes: { [field]: 'B' }, ...tx('v2', { expected: { [field]: null } }) }));
      expect(error.cause.conflicts).toMatchObject([{ field, theirs: 'A', by: 'ann', version: 'v1' }]);
    }
  });

  test('a field that read does not give is no field that nobody has changed', async () => {
    const app = await start();
    const work = (inside: Inside) => inside.transaction.fields({ entity: 'pages', id: 'p', changes: { pageTitle: 'A' }, read: read(inside) });
    const error = await failure(app.as('ann', 'acme', work).work({ id: 'p', ...tx('v1', { expected: {} }) }));
    expect([codeOf(error), error.code, error.message]).toEqual(['INVALID_OPTION', 'INTERNAL_SERVER_ERROR', expect.stringContaining('gives no "pageTitle"')]);
  });

  test('a delete shows and compares what it names, whatever its client asks for', async () => {
    const app = await start();
    const remove = (compare: unknown) => (inside: Inside) => inside.transaction.fields({ entity: 'pages', id: 'p', changes: null, compare: compare as string[], read: read(inside) });
    const seen = { expected: { title: 'made-up', body: 'made-up', secret: 'made-up' } };
    const error = await failure(app.as('eve', 'acme', remove(['title'])).work({ id: 'p', ...tx('d1', seen) }));
    expect(error.cause.conflicts).toMatchObject([{ field: 'title', theirs: 'old' }]);
    for (const compare of [undefined, 'title', [7], Array(257).fill('title')]) {
      const wrong = await failure(app.as('eve', 'acme', remove(compare)).work({ id: 'p', ...tx('d2', seen) }));
      expect([codeOf(wrong), wrong.message]).toEqual(['INVALID_OPTION', expect.stringContaining('needs compare')]);
    }
    const beside = ({ transaction }: Inside) => transaction.fields({ entity: 'pages', id: 'p', changes: {}, compare: ['title'], read: async () => ({}) });
    expect(codeOf(await failure(app.as('ann', 'acme', beside).work({ id: 'p' })))).toBe('INVALID_OPTION');
    // The values of no other field are kept.
    await app.as('ann', 'acme', async (inside) => (await remove(['title'])(inside), inside.query('DELETE FROM pages'))).work({ id: 'p', ...tx('d3') });
    expect(await server.value('SELECT string_agg(field, $$,$$) FROM pathcast.field_versions')).toBe('title');
  });

  test('of a thing that a mutation inside has written, too, the newest version is the outer one', async () => {
    const app = await start();
    const outer = async (inside: Inside): Promise<void> => {
      await inside.transaction.fields({ entity: 'pages', id: 'p', changes: { title: 'outer' }, read: read(inside) });
      await inside.query("UPDATE pages SET title = 'outer'");
      await app.as('ann').update({ id: 'p', changes: { title: 'inner' }, ...tx('v-in') });
    };
    await app.as('ann', 'acme', outer).work({ id: 'p', ...tx('v-out') });
    const error = await failure(app.as('bob').update({ id: 'p', changes: { title: 'B' }, ...tx('v2', { expected: { title: null } }) }));
    expect(error.cause.conflicts).toMatchObject([{ base: 'old', theirs: 'inner', by: 'ann', version: 'v-out' }]);
  });

  test('a base that the transformer cannot read is not there, and the conflict is', async () => {
    const app = await start();
    let raw = Buffer.from('a');
    const write = (text: string) => async ({ transaction }: Inside) => {
      await transaction.fields({ entity: 'files', id: 1, changes: { raw: Buffer.from(text) }, read: async () => ({ raw }) });
      raw = Buffer.from(text);
    };
    await app.as('ann', 'acme', write('b')).work({ id: 'p', ...tx('v1', { expected: {} }) });
    const [conflict] = (await failure(app.as('bob', 'acme', write('c')).work({ id: 'p', ...tx('v2', { expected: {} }) }))).cause.conflicts;
    expect(conflict).toMatchObject({ field: 'raw', by: 'ann', version: 'v1' });
    expect(conflict).not.toHaveProperty('base');
  });

  test('a value that is no JSON, without a transformer: an error that names the field', async () => {
    const app = await start({ superjson: false });
    const rows = [{ id: 'p', size: 7n }];
    const error = await app.sync.fieldVersions({ store: app.store, companyId: 'acme', entity: 'pages', rows }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NOT_SERIALIZABLE', message: expect.stringContaining('"size"') });
    const work = ({ transaction }: Inside) => transaction.fields({ entity: 'pages', id: 'p', changes: { size: 8n }, read: async () => rows });
    expect(codeOf(await failure(app.as('ann', 'acme', work).work({ id: 'p', ...tx() })))).toBe('NOT_SERIALIZABLE');
  });
});

test('equal values merge through a transformer whose texts no keys can be put in order in', async () => {
  const pool = new Pool({ connectionString: server.url() });
  const hub = createHub({ engine: 'js', transformer: flatTransformer });
  const core = createSync<{ companyId: string; userId: string; tags: unknown }>({ hub, rules: { clientId: null } });
  const t = initTRPC.context<{ companyId: string; userId: string; tags: unknown }>().create({ transformer: flatTransformer as never });
  const router = t.router({
    all: t.procedure.query(() => 1),
    tag: t.procedure.use(core.middleware()).input(txInput).use(core.transaction({ store: pgStore(pool) })).mutation(async ({ ctx }) => {
      const read = async () => (await ctx.tx.query<Record<string, unknown>>("SELECT tags FROM pages WHERE id = 'p'")).rows;
      const { tags } = await ctx.transaction.fields({ entity: 'pages', id: 'p', changes: { tags: ctx.tags }, read });
      await ctx.tx.query('UPDATE pages SET tags = $1', [JSON.stringify(tags)]);
    }),
  });
  await core.for<typeof router>().bind(router, { mutations: { tag: ['all'] } });
  const as = (userId: string, tags: unknown) => t.createCallerFactory(router)({ companyId: 'acme', userId, tags });
  try {
    await as('ann', { a: { b: 1, c: [2] }, d: 3 }).tag(tx('v1', { expected: {} }));
    await as('bob', { d: 3, a: { c: [2], b: 1 } }).tag(tx('v2', { expected: {} }));
    expect((await failure(as('bob', { d: 4 }).tag(tx('v3', { expected: {} })))).cause.conflicts).toMatchObject([{ theirs: { d: 3 }, version: 'v2' }]);
  } finally {
    await hub.close();
    await pool.end();
  }
});

test('no id that a client may choose makes its mutation a duplicate of what another one has left to tell', async () => {
  const app = await start();
  await app.hub.broadcast({ id: 'tx:t-1', type: 'insert', module: 'pages', entityId: 'a', companyId: 'acme', userId: 'ann', queryPaths: ['pages.getAll'] } as never);
  await app.as('ann').create({ id: 'a', title: 'A', ...tx('t-1') });
  await app.sync.settled();
  const [, more] = await actionsOf(app.hub);
  for (const id of [more!.id, more!.id.replace(/^tx:/, '')]) await app.as('eve').create({ id: `of ${id}`, title: 'E', ...tx(id) });
  await app.sync.settled();
  const told = (await actionsOf(app.hub)).slice(2).map(({ queryPaths }) => queryPaths);
  expect(told).toEqual(told.map(() => ['pages.getAll', 'pages.getById']));
});

test('pgStore: a connection whose commit got no answer in time is given to nobody', async () => {
  const pool = new Pool({ connectionString: server.url(), max: 1, query_timeout: 3_000 });
  const app = await start({ pool });
  await server.sql(`CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(7), pg_advisory_unlock(7); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER held AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION held()`);
  const holder = new Client({ connectionString: server.url() });
  await holder.connect();
  try {
    await holder.query('SELECT pg_advisory_lock(7)');
    const input = { id: 'a', ...tx() };
    expect((await failure(app.as('ann', 'acme', add('x')).work(input))).message).toContain('timeout');
    expect(await app.as('bob', 'acme', ({ query }) => query('SELECT 1 AS one')).work({ id: 'b', ...tx() })).toEqual([{ one: 1 }]);
    await holder.query('SELECT pg_advisory_unlock(7)');
    // Whether it was committed its record says.
    await waitFor(async () => (await app.effects()).length === 1, 'the commit');
    await app.as('ann', 'acme', add('again')).work(input);
    expect(await app.effects()).toEqual(['x']);
  } finally {
    await holder.end();
    await pool.end();
    await server.sql('DROP TRIGGER held ON effects; DROP FUNCTION held');
  }
});

describe('what a client may send', () => {
  test('an input of a few bytes that holds itself many times over is refused', async () => {
    const app = await start();
    const depth = 60;
    const chain = [...Array(depth).keys()].reduce<unknown>((inner) => [inner, null], 'x');
    const same = Object.fromEntries([...Array(depth - 1).keys()].map((at) => ['extra', ...Array<string>(at).fill('0')].join('.')).map((at) => [`${at}.0`, [`${at}.1`]]));
    const input = superjson.deserialize({ json: { id: 'a', title: 'A', extra: chain, ...tx() }, meta: { referentialEqualities: same } } as never);
    const error = await failure(app.as('eve').create(input));
    expect([codeOf(error), error.code, error.message]).toEqual(['INVALID_FIELD', 'BAD_REQUEST', expect.stringContaining('at several places')]);
    // One thing at two places is none of those.
    const twice = { list: [1, 2] };
    const fine = { id: 'b', title: 'B', extra: [twice, twice], ...tx() };
    const first = await app.as('ann').create(fine);
    expect(await app.as('ann').create({ ...fine, extra: [{ list: [1, 2] }, { list: [1, 2] }] })).toEqual(first);
  });

  test('a NUL in an id or a name is a bad request, not a failure of the database', async () => {
    const app = await start();
    const errors = [
      await failure(app.as('ann').update({ id: 'p\0', changes: { title: 'A' }, ...tx() })),
      await failure(app.as('ann').update({ id: 'p', changes: { 'ti\0tle': 'A' }, ...tx() })),
      await failure(app.as('ann').update({ id: 'p', changes: { 'title\ud800': 'A' }, ...tx() })),
      await failure(app.as('a\0nn').update({ id: 'p', changes: { title: 'A' }, ...tx() })),
      await failure(app.as('ann', 'ac\0me').update({ id: 'p', changes: { title: 'A' }, ...tx() })),
    ];
    expect(errors.map((error) => [error.code, codeOf(error)])).toEqual(errors.map(() => ['BAD_REQUEST', 'INVALID_FIELD']));
  });
});

test.each([
  ['an async iterable', () => ({ [Symbol.asyncIterator]: async function* () { yield 1; } })],
  ['a stream inside', () => ({ body: new ReadableStream() })],
  ['a statement that nobody has run', () => ({ rows: { then: () => undefined } })],
])('an answer that is not made yet is refused: %s', async (_, make) => {
  const app = await start();
  const work = async (inside: Inside): Promise<unknown> => (await add('x')(inside), make());
  expect(codeOf(await failure(app.as('ann', 'acme', work).work({ id: 'a', ...tx() })))).toBe('NOT_SERIALIZABLE');
  expect(await app.effects()).toEqual([]);
});

test.each([[true, false], [false, true]])('an answer that another transformer wrote is not read for something else: %p, then %p', async (before, after) => {
  const [old, young] = [await start({ superjson: before }), await start({ superjson: after })];
  const input = { id: 'a', ...tx() };
  await old.as('ann', 'acme', async (inside) => (await add('x')(inside), { n: 1 })).work(input);
  expect(codeOf(await failure(young.as('ann', 'acme', add('again')).work(input)))).toBe('TRANSACTION_DONE');
  expect(await old.as('ann', 'acme', add('again')).work(input)).toEqual({ n: 1 });
  expect(await old.effects()).toEqual(['x']);
});

test('a mutation whose answer is not kept is told by its second try, where the first died with its process', async () => {
  const input = { id: 'a', ...tx('t-1') };
  const dies = await start({ maxAnswerBytes: 0 });
  await dies.as('ann', 'acme', async () => 'large').work(input);
  const app = await start();
  expect(codeOf(await failure(app.as('ann', 'acme', add('again')).work(input)))).toBe('TRANSACTION_DONE');
  await app.sync.settled();
  expect((await actionsOf(app.hub)).map(({ id, queryPaths }) => [id, queryPaths])).toEqual([['tx:t-1', ['pages.getAll']]]);
});

test('conflictFormatter finds the conflict in an error of the app around it', async () => {
  const app = await start();
  await app.as('ann').update({ id: 'p', changes: { title: 'A' }, ...tx('v1') });
  const cause = await failure(app.as('bob').update({ id: 'p', changes: { title: 'B' }, ...tx('v2', { expected: {} }) }));
  const error = new TRPCError({ code: 'CONFLICT', message: 'of the app', cause: new Error('between', { cause }) });
  expect(conflictFormatter({ shape: { data: {} }, error }).data).toMatchObject({ pathcast: { code: 'FIELD_CONFLICT', conflicts: [{ field: 'title' }] } });
  expect(conflictFormatter({ shape: { data: {} }, error: new Error('other', { cause: new Error('one') }) }).data).toEqual({});
});

describe('the store', () => {
  test("a wait that the user's own statement_timeout ends is one for a transaction that runs", async () => {
    await server.sql("CREATE ROLE quick SUPERUSER LOGIN; ALTER ROLE quick SET statement_timeout = '300ms'");
    const [one, two] = [await start({ user: 'quick' }), await start({ user: 'quick', waitMs: 60_000 })];
    const input = { id: 'a', ...tx() };
    const { held, go } = gate();
    let begun = false;
    const running = one.as('ann', 'acme', async () => ((begun = true), held)).work(input);
    await waitFor(() => begun, 'the first to run');
    expect(codeOf(await failure(two.as('ann').work(input)))).toBe('TRANSACTION_IN_FLIGHT');
    go();
    await running;
  });

  test('what is old goes in as many parts as it takes, whatever level the store has', async () => {
    const app = await start({ isolation: 'serializable', storing: { keepMs: 60_000 } });
    await server.sql(`INSERT INTO pathcast.transactions SELECT 'acme', n::text, '', 'x', 'h', 'lost', NULL, now() - interval '1 day' FROM generate_series(1, 2500) n;
      CREATE TABLE levels (level text);
      CREATE FUNCTION level() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO levels VALUES (current_setting(''transaction_isolation'')); RETURN NULL; END';
      CREATE TRIGGER level AFTER DELETE ON pathcast.transactions EXECUTE FUNCTION level()`);
    try {
      expect(await app.store.clean()).toBe(2_500);
      expect(await server.sql('SELECT DISTINCT level FROM levels')).toEqual([['read committed']]);
    } finally {
      await server.sql('DROP TRIGGER level ON pathcast.transactions; DROP FUNCTION level; DROP TABLE levels');
    }
  });

  test('a thing is forgotten after its versions: one that comes again under its id begins no turn that they had', async () => {
    const app = await start({ storing: { keepMs: 60_000 } });
    for (const version of ['v1', 'v2', 'v3']) await app.as('ann').update({ id: 'p', changes: { title: version }, ...tx(version) });
    await app.as('ann').remove({ id: 'p', ...tx('d') });
    await server.sql("UPDATE pathcast.field_versions SET replaced_at = now() - interval '61 s'; UPDATE pathcast.entities SET deleted_at = now() - interval '61 s'");
    const holder = await app.pool.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT * FROM pathcast.field_versions FOR UPDATE');
      await app.store.clean();
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
    await server.sql("INSERT INTO pages VALUES ('p', 'new')");
    expect(await app.as('ann').update({ id: 'p', changes: { title: 'A' }, ...tx('v4') })).toMatchObject({ wrote: ['title'] });
    expect(await app.store.clean()).toBeGreaterThan(0);
  });

  test('forget() and a mutation that writes what it forgets do not wait for each other', async () => {
    // Of two that wait for each other the one whose time is over first is given up.
    await server.sql("CREATE ROLE patient SUPERUSER LOGIN; ALTER ROLE patient SET deadlock_timeout = '120s'");
    const [app, patient] = [await start(), await start({ user: 'patient' })];
    await app.as('ann').update({ id: 'p', changes: { title: 'A' }, ...tx() });
    const { held, go } = gate();
    let begun = false;
    const work = async (inside: Inside): Promise<void> => {
      await inside.transaction.fields({ entity: 'pages', id: 'p', changes: { title: 'B' }, read: read(inside) });
      begun = true;
      await held;
      await inside.query("UPDATE pages SET title = 'B'");
    };
    const running = app.as('ann', 'acme', work).work({ id: 'p', ...tx() });
    await waitFor(() => begun, 'the mutation to hold its lock');
    const forgetting = patient.store.forget('acme');
    await waitFor(async () => (await server.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")) === '1', 'forget() to wait for it');
    go();
    await Promise.all([running, forgetting]);
    expect(await server.value('SELECT count(*) FROM pathcast.field_versions')).toBe('0');
  });

  test('forget() that crosses a mutation of two things begins anew', async () => {
    await server.sql("CREATE ROLE stubborn SUPERUSER LOGIN; ALTER ROLE stubborn SET deadlock_timeout = '60s'; CREATE ROLE yielding SUPERUSER LOGIN; ALTER ROLE yielding SET deadlock_timeout = '4s'");
    const [stubborn, yielding] = [await start({ user: 'stubborn', retries: 2 }), await start({ user: 'yielding' })];
    const touch = ({ transaction }: Inside, id: string) => transaction.fields({ entity: 'things', id, changes: { n: 1 }, read: async () => ({ n: 1 }) });
    for (const id of ['a', 'b']) await stubborn.as('ann', 'acme', (inside) => touch(inside, id)).work({ id: 'p' });
    const { held, go } = gate();
    let begun = false;
    const work = async (inside: Inside): Promise<void> => {
      await touch(inside, 'b');
      begun = true;
      await held;
      await touch(inside, 'a');
    };
    const running = stubborn.as('ann', 'acme', work).work({ id: 'p', ...tx() });
    await waitFor(() => begun, 'the mutation to hold its lock');
    const forgetting = yielding.store.forget('acme');
    await waitFor(async () => (await server.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")) === '1', 'forget() to wait for it');
    go();
    await Promise.all([running, forgetting]);
  });
});

describe.each(STORES)('%s: a resolver that ends its transaction itself', (store) => {
  const commit = async (inside: Inside): Promise<void> => {
    await add('kept')(inside);
    await inside.query('COMMIT');
  };

  test.each([
    ['and then fails', (inside: Inside) => commit(inside).then(() => Promise.reject(new Error('too late'))), 'and failed after it'],
    ['and begins another one, and then fails', (inside: Inside) => commit(inside).then(() => inside.query('BEGIN')).then(() => Promise.reject(new Error('too late'))), 'and failed after it'],
    ['and whose next statement fails', (inside: Inside) => commit(inside).then(() => inside.query('SELECT 1 / 0')), 'and failed after it'],
    ['and begins another one, whose statement fails', (inside: Inside) => commit(inside).then(() => inside.query('BEGIN')).then(() => inside.query('SELECT 1 / 0')), 'and failed after it'],
    ['and says that all is well', (inside: Inside) => commit(inside).then(() => 'well'), 'before its end'],
    ['by ROLLBACK', (inside: Inside) => inside.query('ROLLBACK').then(() => 'well'), 'before its end'],
  ] as const)('%s: an error says that it stays; nothing is tried again', async (how, work, said) => {
    const app = await start({ store, retries: 3 });
    let runs = 0;
    for (const input of [tx(), {}]) {
      const error = await failure(app.as('ann', 'acme', (inside) => (runs++, work(inside))).work({ id: 'p', ...input }));
      expect(error.message).toContain(`the mutation has ended ctx.tx itself (COMMIT or ROLLBACK) ${said}`);
      expect(codeOf(error)).toBe('INVALID_OPTION');
    }
    expect(runs).toBe(2);
    expect(await app.effects()).toEqual(how === 'by ROLLBACK' ? [] : ['kept', 'kept']);
  });

  test('a mutation that fails as it should says what failed', async () => {
    const app = await start({ store });
    const failing = (work: (inside: Inside) => Promise<unknown>): Promise<any> => failure(app.as('ann', 'acme', async (inside) => (await add('gone')(inside), work(inside))).work({ id: 'p', ...tx() }));
    expect((await failing(() => Promise.reject(new Error('mine')))).message).toBe('mine');
    // Drizzle says which query it was.
    expect((await failing(({ query }) => query('SELECT 1 / 0'))).message).toMatch(/division by zero|Failed query: SELECT 1/);
    expect((await failing(({ query }) => query('SELECT 1 / 0').catch(() => Promise.reject(new Error('after it'))))).message).toBe('after it');
    expect(await app.effects()).toEqual([]);
  });
});
