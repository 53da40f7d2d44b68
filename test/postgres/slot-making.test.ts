/** A slot cannot be made while an older transaction is open, anywhere in the cluster: who that is, since when and how it is ended is said to people who listen to nothing. */
import { Client } from 'pg';
import { createCdc } from '../../lib/postgres/index.js';
import { createHub } from '../../lib/server/hub.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';
import { GUESTS, GUEST_TABLE } from './guests.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
  await postgres.sql(GUEST_TABLE);
  await postgres.sql('CREATE DATABASE elsewhere');
  await postgres.sql('CREATE ROLE worker LOGIN REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO worker');
}, 120_000);
afterAll(() => postgres?.end());

async function open(database: string): Promise<{ client: Client; pid: string }> {
  const client = new Client({ connectionString: postgres.url(database), application_name: 'forgotten' });
  client.on('error', () => undefined);
  await client.connect();
  closing.push(() => client.end().catch(() => undefined));
  await client.query('BEGIN; CREATE TABLE IF NOT EXISTS odd (n int)');
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return { client, pid: String(rows[0]?.pid) };
}

function begin(slot: string, user = 'postgres') {
  const logged: string[] = [];
  const hub = createHub({ engine: 'js', logger: { warn: (_about, text) => void logged.push(text), error: (_about, text) => void logged.push(text) } });
  closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
  const cdc = createCdc({ hub, connection: postgres.url('postgres', user), map: GUESTS, slot });
  closing.push(() => within(cdc.close(), 'the worker to close'));
  const states: string[] = [];
  cdc.on('state', ({ state, reason }) => void states.push(`${state}: ${reason ?? ''}`));
  return { cdc, started: cdc.start(), logged, states };
}

test('a transaction of another database that somebody has left open: its pid, since when, and the SQL that ends it', async () => {
  const { pid } = await open('elsewhere');
  const { cdc, started, logged, states } = begin('waits1');
  await waitFor(() => cdc.status().reason, 'a reason');
  const reason = cdc.status().reason ?? '';
  expect(reason).toMatch(
    new RegExp(`^PostgreSQL makes the slot 'waits1' when all .* it waits for pid ${pid} \\(postgres, forgotten, idle in transaction\\) in the database elsewhere, whose transaction is open since \\d{4}-\\d\\d-\\d\\dT[\\d:]+Z; to end it: SELECT pg_terminate_backend\\(${pid}\\)$`),
  );
  expect(cdc.status().state).toBe('checking');
  expect(states.at(-1)).toBe(`checking: ${reason}`);
  expect(logged.filter((line) => line.includes(reason))).toHaveLength(1);
  // What is said works.
  await postgres.sql(/SELECT pg_terminate_backend\(\d+\)/.exec(reason)?.[0] ?? '');
  await within(started, 'the worker to start');
  expect(cdc.status()).not.toHaveProperty('reason');
});

test('a prepared transaction, which has no pid', async () => {
  await postgres.sql(`BEGIN; CREATE TABLE prepared (n int); PREPARE TRANSACTION 'it''s'`);
  const { cdc, started } = begin('waits2');
  await waitFor(() => cdc.status().reason, 'a reason');
  expect(cdc.status().reason).toMatch(/it waits for the prepared transaction 'it''s' in the database postgres since .*Z; to end it, run there: ROLLBACK PREPARED 'it''s' \(or COMMIT PREPARED\)$/);
  await postgres.sql(`ROLLBACK PREPARED 'it''s'`);
  await within(started, 'the worker to start');
});

test('a role that may not see the session of another one is told the pid, and which right shows more', async () => {
  const { client, pid } = await open('postgres');
  const { cdc, started } = begin('waits3', 'worker');
  await waitFor(() => cdc.status().reason, 'a reason');
  expect(cdc.status().reason).toMatch(new RegExp(`it waits for pid ${pid} .*GRANT pg_read_all_stats.*pg_terminate_backend\\(${pid}\\)$`));
  await client.query('COMMIT');
  await within(started, 'the worker to start');
});
