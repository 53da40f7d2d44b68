/** What a read of versions and a mutation cost does not grow with how many other entities the company has: the rows that PostgreSQL itself counts. */
import { randomUUID } from 'node:crypto';
import { transactionTables } from '../../lib/postgres/transactions/index.js';
import { PostgresServer } from '../support/postgres.js';
import { STORES, TABLES, txApp } from '../support/tx-app.js';

const OTHERS = 5_000;
const CALLS = 10;
/** Of one entity there are fewer than this, with each index that leads to them. */
const ROWS_A_CALL = 150;

let server: PostgresServer;
beforeAll(async () => {
  // No statistics: a table that was filled since the last look at it is what a planner guesses worst at.
  server = await PostgresServer.start({ settings: { autovacuum: 'off' } });
  await server.sql(TABLES);
  await server.sql(transactionTables());
  await server.sql(`
    INSERT INTO pages (id, title) SELECT 'p' || n, 'title' FROM generate_series(1, ${OTHERS}) n;
    INSERT INTO pathcast.entities (company_id, entity, entity_id, turn) SELECT 'acme', 'pages', 'p' || n, 8 FROM generate_series(1, ${OTHERS}) n;
    INSERT INTO pathcast.field_versions (company_id, entity, entity_id, field, turn, transaction_id, value, user_id)
      SELECT 'acme', 'pages', 'p' || n, field, turn, 'before-' || turn, '"title"', 'ann'
      FROM generate_series(1, ${OTHERS}) n, unnest(ARRAY['title', 'body', 'size']) field, generate_series(2, 8, 2) turn;`);
}, 120_000);
afterAll(() => server?.end());

/** Rows and entries of indexes that were read of the library's tables so far; whoever read has gone, so that all of it is counted. */
async function rowsRead(): Promise<number> {
  const text = await server.sql(`
    SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'pathcast') + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'pathcast') AS rows`);
  return Number(/\d+/.exec(JSON.stringify(text))![0]);
}

test.each(STORES)(`among ${OTHERS} entities, by %s`, async (store) => {
  /** Rows a call, each of another entity; a server's first calls look at more (which tables are there). */
  let next = 1_000 + 500 * STORES.indexOf(store);
  async function cost(call: (app: ReturnType<typeof txApp>, id: string) => Promise<unknown>): Promise<number> {
    const counted: number[] = [];
    for (const calls of [1, 1 + CALLS]) {
      const before = await rowsRead();
      const app = txApp(server, { store, superjson: false });
      await app.bind();
      for (let nth = 0; nth < calls; nth++) await call(app, `p${next++}`);
      await app.end();
      counted.push((await rowsRead()) - before);
    }
    return (counted[1]! - counted[0]!) / CALLS;
  }

  const read = await cost(async ({ sync, ...app }, id) => {
    const versions = await sync.fieldVersions({ store: app.store, companyId: 'acme', entity: 'pages', rows: [{ id, title: 'title' }] });
    expect(versions[id]).toMatchObject({ title: 'before-8' });
  });
  expect(read).toBeGreaterThan(1);
  expect(read).toBeLessThan(ROWS_A_CALL);

  const written = await cost((app, id) =>
    app.as('bob').update({ id, changes: { title: randomUUID() }, tx: { transactionId: randomUUID(), expected: { title: 'before-8' } } }),
  );
  expect(written).toBeGreaterThan(1);
  expect(written).toBeLessThan(ROWS_A_CALL);
}, 120_000);
