/** What lies between the worker and PostgreSQL goes dead without a word, or one of the two connections ends alone. */
import { createCdc, type Cdc } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { LinkProxy } from '../support/link-proxy.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';
import { GUESTS, GUEST_TABLE } from './guests.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start({ settings: { wal_sender_timeout: '2s' } });
  await postgres.sql(GUEST_TABLE);
}, 120_000);
afterAll(() => postgres?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await waitFor(async () => (await postgres.value('SELECT count(*) FROM pg_replication_slots WHERE active')) === '0', 'the slot to be let go');
});

async function start(connection: string): Promise<{ hub: Hub; cdc: Cdc }> {
  const hub = createHub({ engine: 'js' });
  for (const kind of ['warning', 'error'] as const) hub.on(kind, () => undefined);
  closing.push(() => within(hub.close(), 'the hub to close'));
  const cdc = createCdc({ hub, connection, map: GUESTS });
  closing.push(() => within(cdc.close(), 'the worker to close'));
  await within(cdc.start(), 'the worker to start');
  return { hub, cdc };
}

test('connections behind which nobody answers any more are given up, and new ones are made', async () => {
  const link = await LinkProxy.start(() => ({ host: '127.0.0.1', port: postgres.port }));
  closing.push(() => link.close());
  const { hub, cdc } = await start(postgres.url().replace(String(postgres.port), String(link.port)));
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme')`);
  await waitFor(async () => (await hub.readLog('acme')).actions.length === 1, 'the first change');
  link.partOpen();
  await postgres.sql(`INSERT INTO guests VALUES ('g2', 'acme')`);
  await waitFor(async () => (await hub.readLog('acme')).actions.length === 2, 'the change behind the dead connection');
  expect(cdc.metrics().connections).toBeGreaterThan(1);
  // And who stops waits for nobody either.
  link.partOpen();
  await within(cdc.close(), 'the worker to close');
  expect(cdc.status().state).toBe('stopped');
});

test('a connection for questions that is ended alone is made anew: what is told of the slot goes on', async () => {
  const { cdc } = await start(postgres.url());
  await waitFor(() => cdc.metrics().slot, 'the first look');
  await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pathcast cdc' AND backend_type = 'client backend'`);
  const before = cdc.metrics().slot;
  await waitFor(() => cdc.metrics().slot !== before, 'another look');
  expect(cdc.metrics().connections).toBe(1);
});
