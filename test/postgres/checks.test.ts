/** What PostgreSQL has to be for the worker: each fault is an error at the start, and the SQL that it names mends it. */
import { initTRPC } from '@trpc/server';
import { createCdc, type Cdc, type CdcOptions } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';
import { freePort } from '../support/free-port.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 120_000);
afterAll(() => postgres?.end());

let hub: Hub;
const workers: Cdc[] = [];
beforeEach(() => {
  hub = createHub({ engine: 'js', logger: { warn: () => undefined, error: () => undefined } });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await within(worker.close(), 'the worker to close');
  await hub.close();
});

let databases = 0;
async function database(sql: string): Promise<string> {
  const name = `c${String((databases += 1))}`;
  await postgres.sql(`CREATE DATABASE ${name}`);
  if (sql !== '') await postgres.sql(sql, { database: name });
  return name;
}

function worker(name: string, options: Partial<CdcOptions> = {}): Cdc {
  const cdc = createCdc({ hub, connection: postgres.url(name), slot: name, map: { guests: { tenant: 'company_id', paths: ['guests'] } }, ...options });
  workers.push(cdc);
  return cdc;
}

async function faultOf(name: string, options?: Partial<CdcOptions>): Promise<string> {
  const cdc = worker(name, options);
  const error: unknown = await within(cdc.start(), 'the worker to start').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'PathcastError' });
  expect(cdc.status()).toMatchObject({ state: 'stopped' });
  return (error as Error).message;
}

/** Runs what the message says, as often as it says something, until the worker starts. */
async function mendedBy(name: string, message: string, options?: Partial<CdcOptions>): Promise<void> {
  for (const line of message.split('\n')) {
    const sql = /\brun: (.*)$/.exec(line)?.[1];
    if (sql !== undefined) await postgres.sql(sql, { database: name });
  }
  await within(worker(name, options).start(), 'the worker to start');
}

const GUESTS = 'CREATE TABLE guests (id text PRIMARY KEY, company_id text NOT NULL, name text)';
const PUBLICATION = 'CREATE PUBLICATION pathcast FOR TABLE guests';

test('no publication, and an identity without the tenant: both are told at once, and mended', async () => {
  const name = await database(GUESTS);
  const message = await faultOf(name);
  expect(message).toContain('the replica identity of guests does not hold company_id');
  expect(message).toContain('run: CREATE UNIQUE INDEX guests_pathcast ON guests (company_id, id); ALTER TABLE guests REPLICA IDENTITY USING INDEX guests_pathcast');
  expect(message).toContain(`there is no publication 'pathcast'; run: CREATE PUBLICATION "pathcast" FOR TABLE "public"."guests"`);
  await mendedBy(name, message);
});

test('a tenant that may be NULL needs the whole row', async () => {
  const name = await database(`CREATE TABLE guests (id text PRIMARY KEY, company_id text); ${PUBLICATION}`);
  const message = await faultOf(name);
  expect(message).toContain('run: ALTER TABLE guests REPLICA IDENTITY FULL');
  await mendedBy(name, message);
});

test('a publication that lacks a table, one that leaves kinds of changes out, and a list without a column', async () => {
  const full = `${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; CREATE TABLE other (id int PRIMARY KEY)`;
  const name = await database(`${full}; CREATE PUBLICATION pathcast FOR TABLE other WITH (publish = 'insert, update')`);
  const message = await faultOf(name);
  expect(message).toContain(`lacks guests; run: ALTER PUBLICATION "pathcast" ADD TABLE "public"."guests"`);
  expect(message).toContain('leaves kinds of changes out');
  await mendedBy(name, message);
  if (Number(await postgres.value('SHOW server_version_num')) < 150_000) return;
  const listed = await database(`CREATE TABLE guests (id text, company_id text NOT NULL, name text, PRIMARY KEY (company_id, id)); CREATE PUBLICATION pathcast FOR TABLE guests (id, company_id)`);
  expect(await faultOf(listed, { map: { guests: { tenant: 'company_id', paths: ['guests'], data: ['name'] } } })).toContain('leaves the column name of public.guests out');
  await within(worker(listed).start(), 'the worker to start');
});

test.each([
  ['a table that is not there', 'CREATE TABLE guest (id int)', {}, /public\.guests, which is not there/],
  ['a column that is not there', `${GUESTS}; ${PUBLICATION}`, { map: { guests: { tenant: 'tenant_id', entity: 'key', paths: ['guests'] } } }, /has no column tenant_id, key; it has: id, company_id, name/],
  ['a view', `CREATE VIEW guests AS SELECT 1 AS id, 'a' AS company_id`, {}, /is no table/],
  ['a table that is not logged', 'CREATE UNLOGGED TABLE guests (id text PRIMARY KEY, company_id text)', {}, /run: ALTER TABLE public\.guests SET LOGGED/],
  ['a tenant that PostgreSQL computes', `CREATE TABLE guests (id text PRIMARY KEY, c int, company_id text GENERATED ALWAYS AS ('c' || c) STORED); ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`, {}, /column company_id of public\.guests is a generated one/],
  ['a table that others inherit from', `${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; CREATE TABLE vips () INHERITS (guests); ${PUBLICATION}`, {}, /vips inherits from public\.guests/],
  ['no database', '', { connection: 'nowhere' }, /database "nowhere" does not exist/],
])('%s', async (_what, sql, options: Partial<CdcOptions>, why) => {
  const name = await database(sql);
  const { connection, ...more } = options;
  expect(await faultOf(name, { ...more, ...(connection !== undefined && { connection: postgres.url(connection as string) }) })).toMatch(why);
});

test.each([
  ['no URL', () => 'postgresql://a b:::/x', /cannot be used: Invalid URL/],
  ['TLS that the server has not', (url: string) => ({ connectionString: url, ssl: true }), /does not support SSL/],
])('%s: trying again would help nobody', async (_what, connection, why) => {
  const name = await database(`${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`);
  expect(await faultOf(name, { connection: connection(postgres.url(name)) })).toMatch(why);
});

test('a role without REPLICATION', async () => {
  const name = await database(`${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}; CREATE ROLE plain LOGIN`);
  expect(await faultOf(name, { connection: postgres.url(name, 'plain') })).toMatch(/ALTER ROLE .* REPLICATION/);
  await postgres.sql('ALTER ROLE plain REPLICATION');
  await within(worker(name, { connection: postgres.url(name, 'plain') }).start(), 'the worker to start');
});

test('a slot of another plugin, of another database, a physical one', async () => {
  const good = `${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`;
  const name = await database(good);
  await postgres.sql(`SELECT pg_create_logical_replication_slot('${name}', 'test_decoding')`, { database: name }).catch(() => undefined);
  const hasPlugin = (await postgres.value(`SELECT count(*) FROM pg_replication_slots WHERE slot_name = '${name}'`)) === '1';
  if (hasPlugin) {
    const message = await faultOf(name);
    expect(message).toContain(`is of the plugin 'test_decoding', not of pgoutput`);
    await mendedBy(name, message);
  }
  const other = await database(good);
  await postgres.sql(`SELECT pg_create_logical_replication_slot('${other}', 'pgoutput')`);
  expect(await faultOf(other)).toContain(`is of the database 'postgres'`);
  const physical = await database(good);
  await postgres.sql(`SELECT pg_create_physical_replication_slot('${physical}')`);
  expect(await faultOf(physical)).toContain('is a physical one');
});

test('partitions: their own identities, and the publication’s root', async () => {
  const name = await database(`
    CREATE TABLE guests (id text NOT NULL, company_id text NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);
    CREATE TABLE guests_25 PARTITION OF guests FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE guests_26 PARTITION OF guests FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    ALTER TABLE guests_25 REPLICA IDENTITY FULL;
    ${PUBLICATION}`);
  const message = await faultOf(name);
  expect(message).toContain('the replica identity of guests_26 does not hold company_id');
  expect(message).not.toContain('guests_25');
  expect(message).toContain('publish_via_partition_root = true');
  await postgres.sql('ALTER TABLE guests_26 REPLICA IDENTITY FULL; ALTER PUBLICATION pathcast SET (publish_via_partition_root = true)', { database: name });
  await within(worker(name).start(), 'the worker to start');
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme', '2026-05-01')`, { database: name });
  await postgres.sql('DELETE FROM guests', { database: name });
  await waitFor(async () => (await hub.readLog('acme')).actions.length === 2, 'both changes');
});

test('wal_level', async () => {
  const poor = await PostgresServer.start({ settings: { wal_level: 'replica' } });
  try {
    await poor.sql(`${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`);
    expect(await faultOf('postgres', { connection: poor.url() })).toContain("run, and restart it: ALTER SYSTEM SET wal_level = 'logical'");
  } finally {
    await poor.end();
  }
});

test('a path that the bound router has not is refused before PostgreSQL is asked; one of a function is told', async () => {
  const t = initTRPC.create();
  const router = t.router({ guests: t.router({ getAll: t.procedure.query(() => []) }) });
  await hub.bindRouter(router);
  const name = await database(`${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`);
  expect(await faultOf(name, { map: { guests: { tenant: 'company_id', paths: ['guests.getAll', 'guest.getAll'] } } })).toContain('guests: "guest.getAll" is no query path of the router; the nearest is "guests.getAll"');
  await within(worker(name, { map: { guests: { tenant: 'company_id', paths: () => ['guest.getAll'] } } }).start(), 'the worker to start');
  const phantoms: string[] = [];
  hub.on('phantom', ({ path }) => phantoms.push(path));
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme')`, { database: name });
  await waitFor(() => phantoms.includes('guest.getAll'), 'the phantom path to be told');
});

test('a module that the hub has not declared is refused', async () => {
  const declared = createHub({ engine: 'js', modules: ['people', 'money'] });
  try {
    const name = await database(`${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`);
    expect(await faultOf(name, { hub: declared })).toContain(`guests: the module "guests" is not declared; the hub's modules are: people, money`);
    await within(worker(name, { hub: declared, map: { guests: { tenant: 'company_id', module: 'people', paths: ['guests'] } } }).start(), 'the worker to start');
    for (const each of workers.splice(0)) await each.close();
  } finally {
    await declared.close();
  }
});

test('a PostgreSQL that is not there is waited for; what has to be mended later is told once, and it goes on when it is', async () => {
  const port = await freePort();
  const told: string[] = [];
  hub.on('error', ({ during, error }) => told.push(`${during}: ${error.message}`));
  const waiting = worker('none', { connection: `postgresql://postgres@127.0.0.1:${String(port)}/postgres` });
  const start = waiting.start().catch((error: unknown) => error);
  await waitFor(() => waiting.status().reason !== undefined, 'it to be told');
  expect(waiting.status()).toMatchObject({ state: 'connecting', reason: expect.stringContaining('ECONNREFUSED') as string });
  await waiting.close();
  expect(await start).toMatchObject({ code: 'HUB_CLOSED' });

  const name = await database(`${GUESTS}; ALTER TABLE guests REPLICA IDENTITY FULL; ${PUBLICATION}`);
  const cdc = worker(name);
  await within(cdc.start(), 'the worker to start');
  await postgres.sql('DROP PUBLICATION pathcast', { database: name });
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme')`, { database: name });
  await waitFor(() => cdc.status().state === 'checking' && cdc.status().reason?.includes('there is no publication'), 'it to be told');
  await postgres.sql(PUBLICATION, { database: name });
  await waitFor(() => cdc.status().state === 'streaming', 'it to go on');
  await postgres.sql(`INSERT INTO guests VALUES ('g2', 'acme')`, { database: name });
  await waitFor(async () => (await hub.readLog('acme')).actions.some((action) => action.includes('"g2"')), 'the next change');
  expect(told.filter((line) => line.includes('there is no publication')).length).toBe(1);
});

test.each([
  [{}, /hub is missing/],
  [{ hub: {} }, /hub must be a hub/],
  [{ connection: 7 }, /connection must be a URL/],
  [{ slot: 'Pathcast' }, /slot must be 1 to 63/],
  [{ publication: '' }, /publication must be a name/],
  [{ maxPaths: 0 }, /maxPaths must be a whole number/],
  [{ table: 1 }, /no option "table"; it has: hub, connection/],
])('options: %j is refused', (given, why) => {
  const good = { hub, connection: 'postgresql://localhost', map: { guests: { tenant: 'c', paths: ['guests'] } } };
  expect(() => createCdc(('slot' in given || 'connection' in given || 'publication' in given || 'maxPaths' in given || 'table' in given ? { ...good, ...given } : { ...good, hub: undefined, ...given }) as never)).toThrow(why);
});
