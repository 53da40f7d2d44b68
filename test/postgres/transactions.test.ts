/** Mutations that are sent more than once: each is done once, and each sender gets the same answer. */
import { randomUUID } from 'node:crypto';
import { transactionTables } from '../../lib/postgres/transactions/index.js';
import { PostgresServer } from '../support/postgres.js';
import { actionsOf, listenTo } from '../support/sync-app.js';
import { STORES, TABLES, txApp, type Inside, type TxApp, type TxAppOptions } from '../support/tx-app.js';
import { waitFor } from '../support/wait.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
  await server.sql(TABLES);
  await server.sql(transactionTables());
});
afterAll(() => server.end());
beforeEach(() => server.sql('TRUNCATE pages, effects, pathcast.transactions, pathcast.field_versions, pathcast.entities'));

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

const tx = (transactionId: string = randomUUID(), more: object = {}) => ({ tx: { transactionId, sourceId: 'tab-1', ...more } });
const codeOf = (error: unknown): string | undefined => (error as { cause?: { code?: string } }).cause?.code;
const failure = (call: Promise<unknown>): Promise<any> =>
  call.then(
    (answer) => Promise.reject(new Error(`it answered ${JSON.stringify(answer)}`)),
    (error: unknown) => error,
  );

describe.each(STORES)('%s', (store) => {
  test('the same again: the effect once, the answer the same, dates and bigints too', async () => {
    const app = await start({ store });
    const input = { id: 'a', title: 'A', ...tx() };
    const first = await app.as('ann').create(input);
    expect(first.at).toBeInstanceOf(Date);
    expect(await app.as('ann').create(input)).toEqual(first);
    // Keys in another order, another tab, newer versions: the same mutation.
    expect(await app.as('ann').create({ tx: { ...input.tx, sourceId: 'tab-2', expected: { title: null } }, title: 'A', id: 'a' })).toEqual(first);
    expect(await app.effects()).toEqual(['a']);
  });

  test.each([undefined, null, false, 0, '', [], 'a NUL \0, a lone \ud800', { deep: [{ list: [undefined, new Map([[1, new Set(['x'])]])] }] }])('an answer comes back: %p', async (answer) => {
    const app = await start({ store });
    const caller = app.as('ann', 'acme', async ({ query }) => {
      await query('INSERT INTO effects (what) VALUES ($1)', 'x');
      return answer;
    });
    const input = { id: 'a', ...tx() };
    expect(await caller.work(input)).toEqual(answer);
    expect(await caller.work(input)).toEqual(answer);
    expect(await app.effects()).toEqual(['x']);
  });

  test('at once, in one process and in two', async () => {
    const [one, two] = [await start({ store }), await start({ store })];
    const input = { id: 'a', title: 'A', ...tx() };
    const answers = await Promise.all([...Array(12).keys()].map((n) => (n % 2 === 0 ? one : two).as('ann').create(input)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await one.effects()).toEqual(['a']);
  });

  test('a mutation that failed leaves nothing: the same id tries again', async () => {
    const app = await start({ store });
    const input = { id: 'a', ...tx() };
    let tries = 0;
    const caller = app.as('ann', 'acme', async ({ query }) => {
      await query('INSERT INTO effects (what) VALUES ($1)', `try ${++tries}`);
      if (tries === 1) throw new Error('the mail server is down');
      return 'done';
    });
    expect((await failure(caller.work(input))).message).toBe('the mail server is down');
    expect(await app.effects()).toEqual([]);
    expect(await caller.work(input)).toBe('done');
    expect(await caller.work(input)).toBe('done');
    expect(await app.effects()).toEqual(['try 2']);
  });

  test('the id again with another input, for another mutation, by another user: refused, with one text', async () => {
    const app = await start({ store });
    const given = tx();
    await app.as('ann').create({ id: 'a', title: 'secret', ...given });
    const errors = [
      await failure(app.as('ann').create({ id: 'a', title: 'B', ...given })),
      await failure(app.as('ann').create({ id: 'a', title: 'secret', due: new Date(0), ...given })),
      await failure(app.as('ann').rename({ id: 'a', title: 'secret', ...given })),
      await failure(app.as('bob').create({ id: 'a', title: 'secret', ...given })),
      await failure(app.as(undefined).create({ id: 'a', title: 'secret', ...given })),
    ];
    expect(errors.map(codeOf)).toEqual(errors.map(() => 'TRANSACTION_MISMATCH'));
    expect(new Set(errors.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
    expect(errors[0].code).toBe('UNPROCESSABLE_CONTENT');
    expect(errors[0].message).not.toContain('secret');
    // Another company's ids are its own.
    await app.as('bob', 'other').work({ id: 'x', ...given });
    expect(await app.effects()).toEqual(['a']);
  });

  test('one that runs for too long: the same again is told so, and gets its answer later', async () => {
    const [one, two] = [await start({ store, waitMs: 100 }), await start({ store, waitMs: 100 })];
    const input = { id: 'a', ...tx() };
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let began = false;
    const work = async (): Promise<string> => {
      began = true;
      await held;
      return 'done';
    };
    const running = one.as('ann', 'acme', work).work(input);
    await waitFor(() => began, 'the first to run');
    for (const app of [one, two]) {
      const error = await failure(app.as('ann', 'acme', work).work(input));
      expect([codeOf(error), error.code, error.cause.retryable]).toEqual(['TRANSACTION_IN_FLIGHT', 'CONFLICT', true]);
    }
    go();
    expect(await running).toBe('done');
    for (const app of [one, two]) expect(await app.as('ann', 'acme', () => Promise.reject(new Error('again'))).work(input)).toBe('done');
  });

  test("the wait's bound is that of the claim alone: the resolver has the database's own", async () => {
    const app = await start({ store, waitMs: 100 });
    const show = async ({ query }: Inside) => (await query('SHOW lock_timeout'))[0]?.['lock_timeout'];
    expect(await app.as('ann', 'acme', show).work({ id: 'a', ...tx() })).toBe('0');
  });

  test('without tx: once a call, in a transaction all the same; refused where it is required', async () => {
    const app = await start({ store });
    await app.as('ann').create({ id: 'a', title: 'A' });
    await failure(app.as('ann').create({ id: 'a', title: 'A' }));
    expect(await app.effects()).toEqual(['a']);
    const strict = await start({ store, required: true });
    const error = await failure(strict.as('ann').create({ id: 'b', title: 'B' }));
    expect([error.code, codeOf(error)]).toEqual(['BAD_REQUEST', 'INVALID_FIELD']);
    await strict.as('ann').create({ id: 'b', title: 'B', ...tx() });
  });

  test('a statement that failed and was caught: nothing was committed, and that is said', async () => {
    const app = await start({ store });
    const work = async ({ query }: Inside): Promise<string> => {
      await query('INSERT INTO effects (what) VALUES ($1)', 'lost');
      await query('SELECT 1 / 0').catch(() => undefined);
      return 'fine';
    };
    for (const more of [{}, tx()]) await failure(app.as('ann', 'acme', work).work({ id: 'a', ...more }));
    expect(await app.effects()).toEqual([]);
  });

  test('answers that are no data yet are refused, and nothing is done', async () => {
    const app = await start({ store, superjson: false });
    const answers = [(async function* () {})(), { later: Promise.resolve(1) }, { big: 1n }];
    for (const answer of answers) {
      const work = async ({ query }: Inside): Promise<unknown> => (await query("INSERT INTO effects (what) VALUES ('x')"), answer);
      expect(codeOf(await failure(app.as('ann', 'acme', work).work({ id: 'a', ...tx() })))).toBe('NOT_SERIALIZABLE');
    }
    expect(await app.effects()).toEqual([]);
  });

  test('an answer that is too large is given once; the same again is told that it was done', async () => {
    const app = await start({ store, maxAnswerBytes: 1_000 });
    const heard = listenTo(app.hub);
    const input = { id: 'a', ...tx() };
    const caller = app.as('ann', 'acme', async ({ query }) => (await query("INSERT INTO effects (what) VALUES ('x')"), 'x'.repeat(2_000)));
    expect(await caller.work(input)).toHaveLength(2_000);
    const error = await failure(caller.work(input));
    expect([codeOf(error), error.code]).toEqual(['TRANSACTION_DONE', 'CONFLICT']);
    expect(await app.effects()).toEqual(['x']);
    expect(heard.warnings.map(({ message }) => message)).toEqual([expect.stringContaining('is not kept')]);
  });

  test('mutations inside a mutation are savepoints of its transaction', async () => {
    const app = await start({ store });
    const add = (what: string, fails = false) => async ({ query }: Inside) => {
      await query('INSERT INTO effects (what) VALUES ($1)', what);
      if (fails) await query('SELECT 1 / 0');
      return what;
    };
    const nested = { id: 'n', ...tx() };
    const outer = async ({ query }: Inside): Promise<unknown> => {
      await query("INSERT INTO effects (what) VALUES ('outer')");
      const inner = [
        app.as('ann', 'acme', add('in')).work({ id: 'i' }),
        app.as('ann', 'acme', add('dropped', true)).work({ id: 'i' }),
        app.as('ann', 'acme', add('kept')).work(nested),
        app.as('ann', 'acme', add('kept')).work(nested),
      ];
      return (await Promise.allSettled(inner)).map((one) => (one.status === 'fulfilled' ? one.value : 'failed'));
    };
    expect(await app.as('ann', 'acme', outer).work({ id: 'o', ...tx() })).toEqual(['in', 'failed', 'kept', 'kept']);
    expect((await app.effects()).sort()).toEqual(['in', 'kept', 'outer']);
    expect(await app.as('ann', 'acme', add('kept')).work(nested)).toBe('kept');
    const lost = { id: 'l', ...tx() };
    await failure(app.as('ann', 'acme', async () => (await app.as('ann', 'acme', add('lost')).work(lost), Promise.reject(new Error('no')))).work({ id: 'o' }));
    // What was inside of it is as little done.
    expect(await app.as('ann', 'acme', add('now')).work(lost)).toBe('now');
    expect((await app.effects()).sort()).toEqual(['in', 'kept', 'now', 'outer']);
  });

  test.each(['repeatable read', 'serializable'] as const)('%s: the same at once is done once, and nobody hears of a serialization failure', async (isolation) => {
    const [one, two] = [await start({ store, isolation }), await start({ store, isolation })];
    for (let round = 0; round < 5; round++) {
      const input = { id: `a${round}`, title: 'A', ...tx() };
      const answers = await Promise.all([one, two, two, one, one, two].map((app) => app.as('ann').create(input)));
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    }
    expect(await one.effects()).toHaveLength(5);
  });

  test('retries: the resolver runs again where the database gave its transaction up', async () => {
    const [never, twice] = [await start({ store }), await start({ store, retries: 2 })];
    let runs = 0;
    const work = async ({ query }: Inside): Promise<unknown> => {
      runs += 1;
      await query('INSERT INTO effects (what) VALUES ($1)', `run ${runs}`);
      if (runs < 3) await query("DO $d$ BEGIN RAISE serialization_failure; END $d$");
      return runs;
    };
    await failure(never.as('ann', 'acme', work).work({ id: 'a', ...tx() }));
    expect(runs).toBe(1);
    runs = 0;
    expect(await twice.as('ann', 'acme', work).work({ id: 'a', ...tx() })).toBe(3);
    expect(await twice.effects()).toEqual(['run 3']);
  });
});

test("pgStore: a commit that is a rollback is said, and the pool's connections live on", async () => {
  const app = await start();
  const { store } = app;
  const lost = store.run(async (client) => {
    await (client as { query: (text: string) => Promise<unknown> }).query('SELECT 1 / 0').catch(() => undefined);
  });
  await expect(lost).rejects.toThrow('rolled back at its commit');
  expect(app.pool.totalCount).toBe(1);
  expect(app.pool.idleCount).toBe(1);
});

describe('what a client may send', () => {
  test.each([
    ['tx must be an object', { tx: 'x' }],
    ['tx must be an object', { tx: [] }],
    ['tx.transactionId must be a text', { tx: {} }],
    ['tx.transactionId must be a text of 1 to 64', { tx: { transactionId: '' } }],
    ['the first no ~', { tx: { transactionId: '~made-up' } }],
    ['a string of 65 characters', { tx: { transactionId: 'x'.repeat(65) } }],
    ['of ASCII, the first no ~, got a string of 3 characters', { tx: { transactionId: 'a b' } }],
    ['got 7', { tx: { transactionId: 7 } }],
    ['tx.sourceId', { tx: { transactionId: 'x', sourceId: 'ä' } }],
    ['tx.changedFields must be an array', { tx: { transactionId: 'x', changedFields: 'title' } }],
    ['a field', { tx: { transactionId: 'x', changedFields: [''] } }],
    ['has 257 names; at most 256', { tx: { transactionId: 'x', changedFields: Array(257).fill('f') } }],
    ['tx.expected must be an object', { tx: { transactionId: 'x', expected: [] } }],
    ['tx.expected', { tx: { transactionId: 'x', expected: { f: 7 } } }],
    ['a field', { tx: { transactionId: 'x', expected: { 'a\nb': 'v' } } }],
    ['has 257 fields; at most 256: leave out', { tx: { transactionId: 'x', expected: Object.fromEntries([...Array(257).keys()].map((n) => [`f${n}`, 'v'])) } }],
  ])('refused: %s', async (message, given) => {
    const app = await start();
    const error = await failure(app.as('ann').create({ id: 'a', title: 'A', ...given }));
    expect([error.code, error.message]).toEqual(['BAD_REQUEST', expect.stringContaining(message)]);
    expect(await app.effects()).toEqual([]);
  });

  test('null is none; an input that has no text of its own is refused', async () => {
    const app = await start();
    await app.as('ann').create({ id: 'a', title: 'A', tx: null });
    const odd = [new Blob(['x']), () => 1, new (class Odd {})()];
    for (const value of odd) expect((await failure(app.as('ann').create({ id: 'b', title: 'B', value, ...tx() }))).code).toBe('BAD_REQUEST');
  });
});

describe('who hears of it', () => {
  test('one action after the commit, under the id of its transaction; none more for the same again, none after a failure', async () => {
    const app = await start();
    const input = { id: 'a', title: 'A', ...tx('t-1') };
    await app.as('ann').create(input);
    await app.sync.settled();
    const [action, ...others] = await actionsOf(app.hub);
    expect(others).toEqual([]);
    expect(action).toMatchObject({ id: 'tx:t-1', entityId: 'a', userId: 'ann', sourceId: 'tab-1', tx: { transactionId: 't-1', sourceId: 'tab-1' }, queryPaths: ['pages.getAll', 'pages.getById'] });
    expect(action?.row).toBeDefined();
    await app.as('ann').create(input);
    await failure(app.as('ann').create({ id: 'a', title: 'A', ...tx() }));
    await app.sync.settled();
    expect(await actionsOf(app.hub)).toEqual([action]);
  });

  test('an action that was lost with its process goes out with the same again, and says no more than what is stale', async () => {
    const input = { id: 'a', title: 'A', ...tx('t-1') };
    const dies = await start();
    await dies.as('ann').create(input);
    // Another hub: what the first one told is gone with it.
    const app = await start();
    await app.as('ann').create(input);
    await app.as('ann').create(input);
    await app.sync.settled();
    const actions = await actionsOf(app.hub);
    expect(actions).toHaveLength(1);
    expect(actions[0]).toMatchObject({ id: 'tx:t-1', queryPaths: ['pages.getAll', 'pages.getById'] });
    // What was answered then may be old by now.
    expect(actions[0]).not.toHaveProperty('row');
    expect(actions[0]).not.toHaveProperty('data');
  });

  test('who reads the log of the database may be first, under the same id: what that left out is told, once', async () => {
    const app = await start();
    const input = { id: 'a', title: 'A', ...tx('t-1') };
    await app.hub.broadcast({ id: 'tx:t-1', type: 'insert', module: 'pages', entityId: 'a', companyId: 'acme', userId: 'ann', queryPaths: ['pages.getAll'] } as never);
    for (let times = 0; times < 2; times++) {
      await app.as('ann').create(input);
      await app.sync.settled();
      expect((await actionsOf(app.hub)).map(({ id, queryPaths }) => ({ id, queryPaths }))).toEqual([
        { id: 'tx:t-1', queryPaths: ['pages.getAll'] },
        { id: 'more:tx:t-1', queryPaths: ['pages.getById'] },
      ]);
    }
  });

  test('what is broadcast in it by hand waits for its commit, and is not sent after a rollback', async () => {
    const app = await start();
    const tell = async (): Promise<void> => {
      app.sync.broadcast({ type: 'update', module: 'pages', entityId: 'by-hand', companyId: 'acme', userId: 'ann', queryPaths: ['pages.getAll'] });
      expect(await actionsOf(app.hub)).toEqual([]);
    };
    await failure(app.as('ann', 'acme', async () => (await tell(), Promise.reject(new Error('no')))).work({ id: 'a', ...tx() }));
    await app.sync.settled();
    expect(await actionsOf(app.hub)).toEqual([]);
    await app.as('ann', 'acme', tell).work({ id: 'a', ...tx() });
    await app.sync.settled();
    expect((await actionsOf(app.hub)).map(({ entityId }) => entityId)).toEqual(['by-hand']);
  });

  test("the database's log says whose change it is, with the change and never without it", async () => {
    await server.sql("SELECT pg_create_logical_replication_slot('told', 'test_decoding')");
    try {
      const app = await start();
      await app.as('ann').create({ id: 'a', title: 'A', ...tx('t-1') });
      await app.as('ann').create({ id: 'a', title: 'A', ...tx('t-1') });
      await failure(app.as('ann').create({ id: 'a', title: 'A', ...tx('t-2') }));
      await app.as('bob').rename({ id: 'a', title: 'B' });
      await app.as('bob').rename({ id: 'a', title: 'C', tx: { transactionId: 't-3', changedFields: ['title'] } });
      // In every encoding a database may have; and no client hides by the names of its fields who it is.
      const long = Array.from({ length: 256 }, (_, n) => `${'ü'.repeat(120)}${n}`);
      await app.as('Jürg').rename({ id: 'a', title: 'D', tx: { transactionId: 't-4', changedFields: ['größe'] } });
      await app.as('Jürg').rename({ id: 'a', title: 'E', tx: { transactionId: 't-5', changedFields: long, expected: Object.fromEntries(long.map((name) => [name, null])) } });
      const lines = (await server.sql("SELECT data FROM pg_logical_slot_get_changes('told', NULL, NULL)")).flat();
      const texts = lines.flatMap((line) => /^message: transactional: 1 prefix: pathcast, sz: \d+ content:(.*)$/.exec(line)?.[1] ?? []);
      for (const text of texts) expect(text).toMatch(/^[ -~]{1,16384}$/);
      const told = texts.map((text) => JSON.parse(text));
      expect(told).toEqual([
        { id: 'tx:t-1', transactionId: 't-1', sourceId: 'tab-1', userId: 'ann', companyId: 'acme', path: 'pages.create' },
        { id: expect.stringMatching(/^tx:/), transactionId: expect.any(String), userId: 'bob', companyId: 'acme', path: 'pages.rename' },
        { id: 'tx:t-3', transactionId: 't-3', userId: 'bob', companyId: 'acme', path: 'pages.rename', changedFields: ['title'] },
        { id: 'tx:t-4', transactionId: 't-4', userId: 'Jürg', companyId: 'acme', path: 'pages.rename', changedFields: ['größe'] },
        { id: 'tx:t-5', transactionId: 't-5', userId: 'Jürg', companyId: 'acme', path: 'pages.rename' },
      ]);
    } finally {
      await server.sql("SELECT pg_drop_replication_slot('told')");
    }
  });

  test('a user who may not write to the log: the mutation is done without', async () => {
    await server.sql(
      "CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA pathcast TO app; GRANT ALL ON ALL TABLES IN SCHEMA pathcast, public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app; REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM PUBLIC",
    );
    const app = await start({ user: 'app' });
    await app.as('ann').create({ id: 'a', title: 'A', ...tx() });
    expect(await app.effects()).toEqual(['a']);
    await server.sql('GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO PUBLIC');
  });
});

describe('set-up', () => {
  test('the tables are made by whoever is first, and left as they are by all others', async () => {
    await server.sql('CREATE DATABASE fresh');
    const make = () => server.sql(transactionTables({ schema: 'own_1' }), { database: 'fresh' });
    await Promise.all([...Array(6).keys()].map(make));
    await make();
    expect(await server.sql('SELECT part, version FROM own_1.versions', { database: 'fresh' })).toEqual([['transactions', '1']]);
  });

  test('tables that are not there, and a router that is not bound, say what to do', async () => {
    const app = await start({ storing: { schema: 'elsewhere' } });
    const error = await failure(app.as('ann').create({ id: 'a', title: 'A', ...tx() }));
    expect([codeOf(error), error.message]).toEqual(['INVALID_OPTION', expect.stringContaining('transactionTables()')]);
    const unbound = txApp(server);
    apps.push(unbound);
    expect((await failure(unbound.as('ann').create({ id: 'a', title: 'A', ...tx() }))).message).toContain('await sync.bind(router, map)');
    expect((await failure(app.as('ann', '').create({ id: 'a', title: 'A', ...tx() }))).message).toContain('no companyId was found');
  });

  test('a user whom no action can hold is refused, and never taken for nobody', async () => {
    const app = await start();
    const given = tx();
    for (const user of ['ann', 'bob']) {
      const error = await failure(app.as(user.repeat(100)).create({ id: 'a', title: 'A', ...given }));
      expect([codeOf(error), error.message]).toEqual(['INVALID_FIELD', expect.stringContaining('userId is too long')]);
    }
    expect(await app.effects()).toEqual([]);
  });

  test('wrong options are refused, and quote no address', async () => {
    const { sync, pool } = await start();
    const wrong = (options: unknown) => () => sync.transaction(options as never);
    expect(wrong({})).toThrow(/transaction\(\) needs store/);
    expect(wrong({ store: 'postgres://user:secret@host/db' })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message: expect.not.stringContaining('secret') }));
    const { store } = apps.at(-1)!;
    expect(wrong({ store, retry: 1 })).toThrow('it has: store, required, waitMs, maxAnswerBytes, retries');
    for (const bad of [{ waitMs: 0 }, { waitMs: 1.5 }, { retries: 11 }, { maxAnswerBytes: -1 }, { required: 1 }]) expect(wrong({ store, ...bad })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => transactionTables({ schema: 'x"; DROP TABLE pages' })).toThrow(/schema must be a name/);
    expect(pool).toBeDefined();
  });

  test('a mutation now and then has what is old removed, after its answer; where that fails the hub tells', async () => {
    const app = await start({ storing: { keepMs: 60_000 } });
    const heard = listenTo(app.hub);
    await app.as('ann').create({ id: 'a', title: 'A', ...tx('old') });
    await server.sql("UPDATE pathcast.transactions SET created_at = now() - interval '61 s'");
    const later = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000);
    try {
      await app.as('ann').create({ id: 'b', title: 'B', ...tx('young') });
      await app.sync.settled();
      expect(await server.value('SELECT string_agg(transaction_id, $$,$$) FROM pathcast.transactions')).toBe('young');
      app.store.clean = () => Promise.reject(new Error('no right to'));
      await app.as('ann').create({ id: 'c', title: 'C', ...tx() });
      later.mockReturnValue(performance.now() + 61_000);
      await app.as('ann').create({ id: 'd', title: 'D', ...tx() });
      await app.sync.settled();
    } finally {
      later.mockRestore();
    }
    expect(heard.errors.map(({ during, error }) => `${during}: ${error.message}`)).toEqual(['transaction: no right to']);
  });

  test('what is old is removed a part at a time; the newest version of a field never is', async () => {
    const app = await start({ storing: { keepMs: 60_000 } });
    await app.as('ann').create({ id: 'a', title: 'A', ...tx('old') });
    await app.as('ann').update({ id: 'a', changes: { title: 'B' }, ...tx('v1') });
    await app.as('ann').update({ id: 'a', changes: { title: 'C' }, ...tx('v2') });
    await app.as('ann').create({ id: 'b', title: 'B', ...tx('young') });
    await server.sql("UPDATE pathcast.transactions SET created_at = now() - interval '61 s' WHERE transaction_id <> 'young'; UPDATE pathcast.field_versions SET at = now() - interval '61 s', replaced_at = replaced_at - interval '61 s'");
    expect(await app.store.clean()).toBe(5);
    expect(await server.value('SELECT string_agg(transaction_id, $$,$$) FROM pathcast.transactions')).toBe('young');
    expect(await server.value('SELECT string_agg(transaction_id, $$,$$) FROM pathcast.field_versions')).toBe('v2');
    expect(await app.store.clean()).toBe(0);
    await app.store.forget('acme');
    expect(await server.value('SELECT count(*) FROM pathcast.transactions, pathcast.entities')).toBe('0');
  });
});
