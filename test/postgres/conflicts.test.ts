/** Two people who change one field: what may be written is, and what may not is told with both values. */
import { randomUUID } from 'node:crypto';
import { transactionTables } from '../../lib/postgres/transactions/index.js';
import { PostgresServer } from '../support/postgres.js';
import { actionsOf } from '../support/sync-app.js';
import { STORES, TABLES, txApp, type Inside, type TxApp, type TxAppOptions } from '../support/tx-app.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
  await server.sql(TABLES);
  await server.sql(transactionTables());
});
afterAll(() => server.end());
beforeEach(() => server.sql("TRUNCATE pages, effects, pathcast.transactions, pathcast.field_versions, pathcast.entities; INSERT INTO pages VALUES ('p', 'old', 'text', 1, '2026-01-01', '{\"a\": 1, \"b\": [2]}')"));

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

type Changes = Record<string, unknown>;
/** Writes under the id `version`; what the user has seen is `expected`. */
const writes = (changes: Changes, version: string, expected?: Record<string, string | null>, changedFields?: string[]) => ({
  id: 'p',
  changes,
  tx: { transactionId: version, sourceId: 'tab', expected, changedFields },
});
const conflictsOf = async (call: Promise<unknown>): Promise<any[]> => {
  const error: any = await call.then(
    (answer) => Promise.reject(new Error(`it answered ${JSON.stringify(answer)}`)),
    (thrown: unknown) => thrown,
  );
  expect([error.code, error.cause?.code]).toEqual(['CONFLICT', 'FIELD_CONFLICT']);
  return error.cause.conflicts;
};
const row = async (app: TxApp): Promise<any> => (await app.pool.query("SELECT * FROM pages WHERE id = 'p'")).rows[0];

describe.each(STORES)('%s', (store) => {
  test('who has seen the newest version writes; who has not is told what it was, what it is, and whose', async () => {
    const app = await start({ store });
    const [ann, bob] = [app.as('ann'), app.as('bob')];
    expect(await ann.update(writes({ title: 'A' }, 'v1', { title: null }))).toEqual({ id: 'p', found: true, wrote: ['title'], tx: { transactionId: 'v1' } });
    const [first] = await conflictsOf(bob.update(writes({ title: 'B' }, 'v2', { title: null })));
    expect(first).toEqual({ field: 'title', base: 'old', mine: 'B', theirs: 'A', by: 'ann', at: expect.any(Number), version: 'v1' });
    expect(Math.abs(first.at - Date.now())).toBeLessThan(600_000);
    expect((await row(app)).title).toBe('A');
    // The same id tries again: nothing was recorded.
    await bob.update(writes({ title: 'B' }, 'v2', { title: 'v1' }));
    const [second] = await conflictsOf(ann.update(writes({ title: 'C' }, 'v3', { title: 'v1' })));
    expect(second).toMatchObject({ base: 'A', mine: 'C', theirs: 'B', by: 'bob', version: 'v2' });
    expect((await row(app)).title).toBe('B');
  });

  test('other fields merge, and so does the same value', async () => {
    const app = await start({ store });
    const [ann, bob] = [app.as('ann'), app.as('bob')];
    await ann.update(writes({ title: 'A', size: 2 }, 'v1', { title: null, size: null }));
    expect((await bob.update(writes({ body: 'B', size: 2 }, 'v2', { body: null, size: null }))).wrote).toEqual(['body', 'size']);
    expect(await row(app)).toMatchObject({ title: 'A', body: 'B', size: 2 });
    // Whose version counts is the last one's.
    await ann.update(writes({ size: 3 }, 'v3', { size: 'v2' }));
  });

  test('all that cannot be written is told at once, and nothing is written', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A', size: 2 }, 'v1', {}));
    const conflicts = await conflictsOf(app.as('bob').update(writes({ title: 'B', body: 'B', size: 3 }, 'v2', {})));
    expect(conflicts.map(({ field }) => field)).toEqual(['title', 'size']);
    expect(await row(app)).toMatchObject({ title: 'A', body: 'text', size: 2 });
  });

  test('a form that sends all of its fields: what its user left alone stays as somebody else has made it', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A' }, 'v1', { title: null }));
    const form = { title: 'old', body: 'B', size: 1 };
    expect((await app.as('bob').update(writes(form, 'v2', { title: null, body: null, size: null }))).wrote).toEqual(['body', 'size']);
    expect(await row(app)).toMatchObject({ title: 'A', body: 'B' });
    // Where the form says which were changed the others are not looked at, and one that was changed back is a change.
    expect((await app.as('bob').update(writes({ ...form, body: 'C' }, 'v3', { body: 'v2' }, ['body']))).wrote).toEqual(['body']);
    expect(await conflictsOf(app.as('bob').update(writes(form, 'v4', { title: null }, ['title'])))).toMatchObject([{ field: 'title', base: 'old', mine: 'old', theirs: 'A' }]);
  });

  test('a value that is again what the user has seen is no conflict', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A' }, 'v1', { title: null }));
    await app.as('ann').update(writes({ title: 'old' }, 'v2', { title: 'v1' }));
    expect((await app.as('bob').update(writes({ title: 'B' }, 'v3', { title: null }))).wrote).toEqual(['title']);
  });

  test('without expected nothing is compared, and others are still told of it', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A' }, 'v1'));
    await app.as('bob').update({ id: 'p', changes: { title: 'B' } });
    expect(await conflictsOf(app.as('ann').update(writes({ title: 'C' }, 'v2', { title: 'v1' })))).toMatchObject([{ base: 'A', theirs: 'B', by: 'bob', version: expect.stringMatching(/^[0-9a-f-]{36}$/) }]);
  });

  test('dates, numbers, JSON: as the database has them, not as they were sent', async () => {
    const app = await start({ store });
    const due = new Date('2026-02-02T10:00:00.123Z');
    await app.as('ann').update(writes({ due, size: '7', tags: '{"b": [2], "a": 1}' }, 'v1', { due: null, size: null, tags: null }));
    const wrote = await app.as('ann').update(writes({ due: new Date(), size: 8 }, 'v2', { due: 'v1', size: 'v1' }));
    expect(wrote.wrote).toEqual(['due', 'size']);
    const conflicts = await conflictsOf(app.as('bob').update(writes({ due: new Date(0), size: 9 }, 'v3', { due: 'v1', size: 'v1' })));
    expect(conflicts.map(({ base }) => (base instanceof Date ? base.getTime() : typeof base === 'string' ? new Date(base).getTime() : base))).toEqual([due.getTime(), 7]);
    expect((await app.as('bob').update(writes({ tags: { a: 1, b: [2] } }, 'v4', { tags: null }))).wrote).toEqual(['tags']);
  });

  test('written past it, by psql: a conflict by nobody, whose version lets through who has seen it', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A' }, 'v1', { title: null }));
    await server.sql("UPDATE pages SET title = 'by hand'");
    const [conflict] = await conflictsOf(app.as('ann').update(writes({ title: 'C' }, 'v2', { title: 'v1' })));
    expect(conflict).toEqual({ field: 'title', base: 'A', mine: 'C', theirs: 'by hand', by: null, at: null, version: expect.stringMatching(/^~/) });
    await server.sql("UPDATE pages SET title = 'again'");
    const [again] = await conflictsOf(app.as('ann').update(writes({ title: 'C' }, 'v2', { title: conflict.version })));
    // What was there in between nobody has written down.
    expect(again).toEqual({ field: 'title', mine: 'C', theirs: 'again', by: null, at: null, version: expect.stringMatching(/^~/) });
    await app.as('ann').update(writes({ title: 'C' }, 'v2', { title: again.version }));
    expect(await conflictsOf(app.as('bob').update(writes({ title: 'D' }, 'v3', { title: again.version })))).toMatchObject([{ base: 'again', theirs: 'C', by: 'ann', version: 'v2' }]);
  });

  test('written by psql where nobody has written yet: told to who has the versions of his rows', async () => {
    const app = await start({ store });
    const versions = async () => (await app.sync.fieldVersions({ store: app.store, companyId: 'acme', entity: 'pages', rows: [await row(app)] }))['p']!;
    const seen = await versions();
    await server.sql("UPDATE pages SET title = 'by hand'");
    const [conflict] = await conflictsOf(app.as('ann').update(writes({ title: 'A' }, 'v1', seen)));
    expect(conflict).toEqual({ field: 'title', mine: 'A', theirs: 'by hand', by: null, at: null, version: (await versions())['title'] });
    expect((await app.as('ann').update(writes({ title: 'old', body: 'B' }, 'v1', seen))).wrote).toEqual(['body']);
    await app.as('ann').update(writes({ title: 'A' }, 'v2', { title: conflict.version }));
    expect(await versions()).toMatchObject({ title: 'v2', body: 'v1', size: seen['size'] });
  });

  test('what was deleted: a change of it is told of, by whom; a delete of what somebody has changed too', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A' }, 'v1', { title: null }));
    expect(await conflictsOf(app.as('bob').remove({ id: 'p', tx: { transactionId: 'd1', expected: { title: null, body: null } } }))).toMatchObject([{ field: 'title', base: 'old', theirs: 'A', by: 'ann' }]);
    expect(await row(app)).toBeDefined();
    await app.as('bob').remove({ id: 'p', tx: { transactionId: 'd1', expected: { title: 'v1', body: null } } });
    expect(await row(app)).toBeUndefined();
    // Who deletes it once more has not deleted it.
    await app.as('cat').remove({ id: 'p', tx: { transactionId: 'd2' } });
    const [gone] = await conflictsOf(app.as('ann').update(writes({ title: 'C' }, 'v2', { title: 'v1' })));
    expect(gone).toEqual({ field: 'title', base: 'A', mine: 'C', by: 'bob', at: expect.any(Number), version: 'd1' });
    // Made again under its old id, it is a new one.
    await server.sql("INSERT INTO pages VALUES ('p', 'new')");
    const [anew] = await conflictsOf(app.as('ann').update(writes({ title: 'C' }, 'v2', { title: 'v1' })));
    expect(anew).toMatchObject({ base: 'A', theirs: 'new', by: null });
    await app.as('ann').update(writes({ title: 'C' }, 'v2', { title: anew.version }));
    await app.as('ann').update(writes({ title: 'D' }, 'v3', { title: 'v2' }));
  });

  test('a version of before its deletion is not that of the row that psql has made anew, though the value is the same', async () => {
    const app = await start({ store });
    await app.as('ann').update(writes({ title: 'A' }, 'v1', { title: null }));
    await app.as('bob').remove({ id: 'p', tx: { transactionId: 'd1' } });
    await server.sql("INSERT INTO pages (id, title) VALUES ('p', 'A')");
    await app.as('bob').update(writes({ body: 'B' }, 'v2'));
    expect(await conflictsOf(app.as('cat').update(writes({ title: 'C' }, 'v3', { title: null })))).toMatchObject([{ base: 'old', theirs: 'A', by: null, at: null, version: expect.stringMatching(/^~/) }]);
  });

  test('a base that is no longer kept is not there', async () => {
    const app = await start({ store, storing: { keepMs: 60_000 } });
    for (const [title, version] of [['A', 'v1'], ['B', 'v2'], ['C', 'v3']] as const) await app.as('ann').update(writes({ title }, version));
    await server.sql("UPDATE pathcast.field_versions SET replaced_at = replaced_at - interval '61 s'");
    await app.store.clean();
    for (const seen of [null, 'v1', 'v2', 'never']) {
      const [conflict] = await conflictsOf(app.as('bob').update(writes({ title: 'D' }, 'v4', { title: seen })));
      expect(conflict).toEqual({ field: 'title', mine: 'D', theirs: 'C', by: 'ann', at: expect.any(Number), version: 'v3' });
    }
  });

  test('within one mutation: what it has written itself is its own', async () => {
    const app = await start({ store });
    const twice = async ({ query, transaction }: Inside): Promise<unknown> => {
      const read = () => query("SELECT * FROM pages WHERE id = 'p'");
      for (const title of ['A', 'B']) {
        await transaction.fields({ entity: 'pages', id: 'p', changes: { title }, read });
        await query('UPDATE pages SET title = $1', title);
      }
      return transaction.id;
    };
    expect(await app.as('ann', 'acme', twice).work({ id: 'p', tx: { transactionId: 'v1', expected: { title: null } } })).toBe('v1');
    await app.as('ann').update(writes({ title: 'C' }, 'v2', { title: 'v1' }));
    expect(await conflictsOf(app.as('bob').update(writes({ title: 'D' }, 'v3', { title: 'v1' })))).toMatchObject([{ base: 'B', theirs: 'C' }]);
  });

  test('a field may be called as anything is', async () => {
    const app = await start({ store });
    const odd = JSON.parse('{"__proto__": "x", "constructor": "y", "": 1, "a b": 2}') as Record<string, unknown>;
    const work = async ({ transaction }: Inside): Promise<unknown> => Object.keys(await transaction.fields({ entity: 'odd', id: 7, changes: odd, read: async () => odd }));
    const expected = JSON.parse('{"__proto__": null, "constructor": null}') as Record<string, null>;
    expect(await app.as('ann', 'acme', work).work({ id: 'p', tx: { transactionId: 'v1', expected } })).toEqual(Object.keys(odd));
    const rows = [Object.fromEntries([...Object.entries(odd), ['id', 7]]), { id: 'x' }];
    expect(await app.sync.fieldVersions({ store: app.store, companyId: 'acme', entity: 'odd', rows })).toEqual({
      7: Object.fromEntries([...Object.keys(odd).map((name) => [name, 'v1']), ['id', expect.stringMatching(/^~/)]]),
      x: { id: expect.stringMatching(/^~/) },
    });
  });

  test('two at once: one is written, and the other one is told of it, at each level', async () => {
    for (const isolation of ['read committed', 'repeatable read', 'serializable'] as const) {
      const [one, two] = [await start({ store, isolation, retries: 5 }), await start({ store, isolation, retries: 5 })];
      for (let round = 0; round < 10; round++) {
        await server.sql("TRUNCATE pathcast.field_versions, pathcast.entities; UPDATE pages SET title = 'old'");
        const results = await Promise.allSettled([one, two].map((app, at) => app.as(`user ${at}`).update(writes({ title: `by ${at}` }, randomUUID(), { title: null }))));
        const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
        expect(lost.map((error) => error.cause?.code)).toEqual(['FIELD_CONFLICT']);
        const { title } = await row(one);
        expect(lost[0].cause.conflicts).toMatchObject([{ base: 'old', theirs: title }]);
      }
    }
  });
});

test('the action says which fields have a new version', async () => {
  const app = await start();
  await app.as('ann').update(writes({ title: 'A', size: 2 }, 'v1', {}));
  await app.sync.settled();
  expect(await actionsOf(app.hub)).toMatchObject([{ id: 'tx:v1', tx: { transactionId: 'v1', versions: [{ entity: 'pages', entityId: 'p', fields: ['title', 'size'] }] } }]);
});

test('equal: what the app calls the same is', async () => {
  const app = await start();
  const work = async ({ query, transaction }: Inside): Promise<unknown> =>
    transaction.fields({
      entity: 'pages',
      id: 'p',
      changes: { title: 'a' },
      read: () => query("SELECT * FROM pages WHERE id = 'p'"),
      equal: (_field, a, b) => String(a).toLowerCase() === String(b).toLowerCase(),
    });
  await app.as('ann').update(writes({ title: 'A' }, 'v1', { title: null }));
  await app.as('bob', 'acme', work).work({ id: 'p', tx: { transactionId: 'v2', expected: { title: null } } });
});

test('a wrong call is told', async () => {
  const app = await start();
  const wrong = [{}, { entity: 'pages', id: 'p', changes: {}, read: 7 }, { entity: '', id: 'p', changes: {}, read: () => null }, { entity: 'pages', id: 'p', changes: 'x', read: () => null }, { entity: 'pages', id: 'p', changes: { a: 1 }, read: async () => 'row' }, { entity: 'pages', id: 'p', changes: {}, read: () => null, by: 1 }];
  for (const call of wrong) {
    const error: any = await app.as('ann', 'acme', ({ transaction }) => transaction.fields(call as never)).work({ id: 'p' }).catch((thrown: unknown) => thrown);
    expect(error.cause?.code).toMatch(/^INVALID_(FIELD|OPTION)$/);
  }
});
