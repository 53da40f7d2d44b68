/** What the hub's metrics say of mutations behind `sync.transaction()`: each is counted once, as what became of it. */
import { randomUUID } from 'node:crypto';
import { transactionTables } from '../../lib/postgres/transactions/index.js';
import { PostgresServer } from '../support/postgres.js';
import { TABLES, txApp, type TxApp, type TxAppOptions } from '../support/tx-app.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
  await server.sql(TABLES);
  await server.sql(transactionTables());
}, 120_000);
afterAll(() => server?.end());
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

const tx = (transactionId: string = randomUUID(), more: object = {}) => ({ tx: { transactionId, ...more } });
const refused = (call: Promise<unknown>): Promise<unknown> => expect(call).rejects.toThrow();

test('done, sent again, of another one, still running, in conflict, rolled back', async () => {
  const app = await start({ waitMs: 50 });
  const counts = () => app.hub.metrics().transactions;
  expect(counts()).toEqual({ done: 0, replayed: 0, inFlight: 0, mismatched: 0, conflicts: 0 });
  const first = { id: 'a', title: 'A', ...tx() };
  await app.as('ann').create(first);
  await app.as('ann').create({ id: 'b', title: 'B' });
  expect(counts()).toMatchObject({ done: 2 });
  for (let n = 0; n < 3; n++) await app.as('ann').create(first);
  await refused(app.as('bob').create(first));
  expect(counts()).toEqual({ done: 2, replayed: 3, inFlight: 0, mismatched: 1, conflicts: 0 });

  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  let began = (): void => undefined;
  const running = new Promise<void>((resolve) => (began = resolve));
  const slow = { id: 'c', ...tx() };
  const working = app.as('ann', 'acme', async () => {
    began();
    await held;
  }).work(slow);
  await running;
  await refused(app.as('ann').work(slow));
  go();
  await working;
  expect(counts()).toEqual({ done: 3, replayed: 3, inFlight: 1, mismatched: 1, conflicts: 0 });

  const { tx: version } = await app.as('ann').update({ id: 'a', changes: { title: 'Ann’s' }, ...tx() });
  await app.as('bob').update({ id: 'a', changes: { title: 'Bob’s' }, ...tx(undefined, { expected: { title: version.transactionId } }) });
  await refused(app.as('ann').update({ id: 'a', changes: { title: 'Ann’s again' }, ...tx(undefined, { expected: { title: version.transactionId } }) }));
  // A resolver that fails is none of these.
  await refused(app.as('ann', 'acme', () => Promise.reject(new Error('no'))).work({ id: 'd', ...tx() }));
  expect(counts()).toEqual({ done: 5, replayed: 3, inFlight: 1, mismatched: 1, conflicts: 1 });
});

test('what is called inside of another one is counted with that, done and in conflict', async () => {
  const app = await start();
  await app.as('ann', 'acme', () => app.as('ann').create({ id: 'a', title: 'A', ...tx() })).work({ id: 'x', ...tx() });
  expect(app.hub.metrics().transactions).toMatchObject({ done: 1 });
  await app.as('ann').update({ id: 'a', changes: { title: 'B' }, ...tx() });
  const stale = { id: 'a', changes: { title: 'C' }, ...tx(undefined, { expected: { title: null } }) };
  await refused(app.as('ann', 'acme', () => app.as('ann').update(stale)).work({ id: 'x', ...tx() }));
  expect(app.hub.metrics().transactions).toMatchObject({ done: 2, conflicts: 1 });
});
