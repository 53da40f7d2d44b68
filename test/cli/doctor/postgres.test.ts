/** `pathcast doctor --postgres`: each badly set up PostgreSQL by its finding, a good one by none; and no password is ever printed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer as createTcpServer } from 'node:net';
import path from 'node:path';
import type { FindingId } from '../../../lib/cli/doctor/findings.js';
import { judgeVersion } from '../../../lib/cli/doctor/postgres/server.js';
import { Visit } from '../../../lib/cli/doctor/report.js';
import { activityTables, createCdc, transactionTables } from '../../../lib/postgres/index.js';
import { createHub } from '../../../lib/server/hub.js';
import { GUESTS, GUEST_TABLE } from '../../postgres/guests.js';
import { listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { within } from '../../support/wait.js';
import { runHere } from '../support/cli.js';
import { doctorOfPostgres, endAll, later } from './set-ups.js';

const GOOD = { max_slot_wal_keep_size: '2GB' };

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start({ settings: GOOD });
  const hba = path.join(postgres.data, 'pg_hba.conf');
  writeFileSync(hba, `host all knows 127.0.0.1/32 scram-sha-256\nhost all stranger 127.0.0.1/32 reject\n${readFileSync(hba, 'utf8')}`);
  await postgres.sql(`SELECT pg_reload_conf(); CREATE ROLE knows LOGIN PASSWORD 'right-secret'; CREATE ROLE stranger LOGIN; CREATE ROLE plain LOGIN; CREATE ROLE reads LOGIN REPLICATION`);
}, 120_000);
afterAll(() => postgres?.end());
afterEach(endAll);

let databases = 0;
interface Made {
  name: string;
  url: string;
  sql: (text: string) => Promise<string[][]>;
}

/** A database of its own, with the tables and the publication. */
async function database(...statements: string[]): Promise<Made> {
  const name = `doctor${String((databases += 1))}`;
  await postgres.sql(`CREATE DATABASE ${name}`);
  const sql = (text: string): Promise<string[][]> => postgres.sql(text, { database: name });
  await sql(GUEST_TABLE);
  for (const statement of statements) await sql(statement);
  later(async () => {
    await sql(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active`);
  });
  return { name, url: postgres.url(name), sql };
}

/** One of its own, with these settings. */
async function server(settings: Record<string, string>, ...statements: string[]): Promise<PostgresServer> {
  const made = await PostgresServer.start({ settings: { ...GOOD, ...settings } });
  later(() => made.end());
  await made.sql(GUEST_TABLE);
  for (const statement of statements) await made.sql(statement);
  return made;
}

/** A worker that reads. */
async function worker(url: string): Promise<void> {
  const hub = createHub({ engine: 'js' });
  const cdc = createCdc({ hub, connection: url, map: GUESTS });
  later(async () => {
    await cdc.close();
    await hub.close({ flushMs: 0 });
  });
  await within(cdc.start(), 'the worker to start');
}

const slot = (name: string, plugin = 'pgoutput'): string => `SELECT pg_create_logical_replication_slot('${name}', '${plugin}')`;
/** 16 MB of WAL and more. */
const WAL = `INSERT INTO noise (text) SELECT repeat('x', 1000) FROM generate_series(1, 2000); SELECT pg_switch_wal()`;

describe('a PostgreSQL that is right', () => {
  test('has no finding, and what was looked at is told; nothing is written', async () => {
    const { url, sql } = await database(transactionTables(), activityTables());
    await worker(url);
    const place = async (): Promise<string> => JSON.stringify(await sql('SELECT slot_name, active, restart_lsn FROM pg_replication_slots; SELECT count(*) FROM pg_class'));
    const before = await place();
    const { ids, code, checked, notChecked } = await doctorOfPostgres(url);
    expect({ ids, code }).toEqual({ ids: [], code: 0 });
    for (const word of [
      `PostgreSQL: ${url} answers.`, 'Version: PostgreSQL 1', 'wal_level is logical', 'up to 2.0 GiB', 'nothing for 60 s', 'the role postgres may, and is let in',
      "Publication 'pathcast': 1 table. A row is told by its replica identity: guests by (company_id, id).", "'pathcast' is read by the process",
      'more until it is in danger', '1 of 30 slots are taken', 'Tables of transactionTables(): all 3 in the schema pathcast', 'Tables of activityTables(): all 2 in the schema pathcast', 'may call pg_logical_emit_message',
    ]) {
      expect(checked.join('\n')).toContain(word);
    }
    expect(notChecked.map((one) => one.split(':')[0])).toEqual(['The project and its query paths', 'A live stream', 'Whether each identity holds the tenant, and each mapped table is in the publication']);
    expect(await place()).toBe(before);
  });

  test('before the first start of a worker: a role that may replicate is enough', async () => {
    const { name, url } = await database('ALTER TABLE noise REPLICA IDENTITY FULL; CREATE PUBLICATION other FOR TABLE noise');
    const { ids, checked, notChecked } = await doctorOfPostgres(postgres.url(name, 'reads'), ['--publication', 'other', '--slot', 'mine']);
    expect(ids).toEqual([]);
    expect(checked.join('\n')).toMatch(/there is no slot 'mine' yet/);
    expect(checked.join('\n')).toContain('noise by all columns');
    expect(notChecked.join('\n')).toMatch(/Tables of transactionTables\(\): there is none[^]*Tables of activityTables\(\): there is none/);
    expect(url).toContain(name);
  });
});

interface SetUp {
  name: string;
  make: () => Promise<string>;
  args?: string[];
  ids: FindingId[];
  what: RegExp;
  remedy?: string;
}

const inDatabase = (...statements: string[]) => async (): Promise<string> => (await database(...statements)).url;
const onServer = (settings: Record<string, string>, ...statements: string[]) => async (): Promise<string> => (await server(settings, ...statements)).url();

const SET_UPS: SetUp[] = [
  // The way to it.
  { name: 'is not there', make: async () => 'postgresql://app:my-secret@127.0.0.1:1/app', ids: ['postgres-no-answer'], what: /^postgresql:\/\/app:\*\*\*@127\.0\.0\.1:1\/app cannot be used: connect ECONNREFUSED 127\.0\.0\.1:1\.$/ },
  { name: 'has a name that nobody knows', make: async () => 'postgresql://nowhere.invalid/app', ids: ['postgres-no-answer'], what: /nowhere\.invalid/ },
  { name: 'wants another password', make: async () => `postgresql://knows:wrong-secret@127.0.0.1:${String(postgres.port)}/postgres`, ids: ['postgres-password'], what: /password authentication failed for user "knows"/ },
  { name: 'wants a password', make: async () => postgres.url('postgres', 'knows'), ids: ['postgres-password'], what: /password/ },
  { name: 'does not let this user in', make: async () => postgres.url('postgres', 'stranger'), ids: ['postgres-password'], what: /pg_hba\.conf rejects/ },
  { name: 'has no such database', make: async () => postgres.url('nowhere'), ids: ['postgres-no-database'], what: /database "nowhere" does not exist/ },
  { name: 'has no TLS', make: async () => `${postgres.url()}?sslmode=require`, ids: ['postgres-tls'], what: /does not support SSL/ },
  { name: 'lets nobody else in', make: async () => `${(await server({ max_connections: '4', superuser_reserved_connections: '3', max_wal_senders: '1' }, 'CREATE ROLE app LOGIN CONNECTION LIMIT 0')).url('postgres', 'app')}`, ids: ['postgres-refuses'], what: /too many connections/ },
  { name: 'says nothing', make: async () => `postgresql://app:my-secret@127.0.0.1:${String(await listen(createTcpServer((socket) => void socket.on('error', () => undefined).resume())))}/app`, args: ['--timeout', '1'], ids: ['postgres-no-answer'], what: /timeout/ },
  { name: 'is behind a pooler', make: async () => (await database()).url.replace(`:${String(postgres.port)}`, `:${String(await pooler())}`), ids: ['postgres-no-replication'], what: /An ordinary connection is let in, one that replicates is not: / },
  // What it is.
  {
    name: 'is a standby',
    make: async () => {
      const standby = await postgres.standby();
      later(() => standby.end());
      return standby.url();
    },
    ids: ['postgres-is-standby'],
    what: /It is a standby \(PostgreSQL 1/,
  },
  { name: 'has no rows in its WAL', make: onServer({ wal_level: 'replica' }), ids: ['postgres-wal-level'], what: /wal_level is replica/, remedy: "ALTER SYSTEM SET wal_level = 'logical';" },
  { name: 'keeps WAL without end', make: onServer({ max_slot_wal_keep_size: '-1' }), ids: ['postgres-wal-unbounded'], what: /until the disk is full/, remedy: 'ALTER SYSTEM SET max_slot_wal_keep_size' },
  { name: 'keeps little WAL', make: onServer({ max_slot_wal_keep_size: '64MB' }), ids: ['postgres-wal-keep-small'], what: /is 64 MiB/ },
  { name: 'never gives up a silent worker', make: onServer({ wal_sender_timeout: '0' }), ids: ['postgres-sender-timeout'], what: /is 0: the slot of a worker whose machine is gone/ },
  { name: 'gives it up at once', make: onServer({ wal_sender_timeout: '2s' }), ids: ['postgres-sender-timeout'], what: /is 2000 ms/ },
  { name: 'has no slot left', make: onServer({ max_replication_slots: '1' }, slot('taken')), ids: ['postgres-few-slots'], what: /^1 of 1 slots are taken/, remedy: 'max_replication_slots = 20' },
  { name: 'takes no other replica', make: onServer({ max_wal_senders: '0' }), ids: ['postgres-few-senders'], what: /max_wal_senders 0/, remedy: 'max_wal_senders = 20' },
  { name: 'lets this role not replicate', make: async () => postgres.url((await database()).name, 'plain'), ids: ['postgres-no-right'], what: /The role plain may not replicate: must be superuser or replication role/, remedy: '`ALTER ROLE "plain" REPLICATION;`' },
  // Publication.
  { name: 'has no publication', make: inDatabase(), args: ['--publication', 'Mine'], ids: ['postgres-no-publication'], what: /no publication 'Mine' in the database doctor\d+; there is pathcast/, remedy: 'CREATE PUBLICATION "Mine" FOR TABLE' },
  { name: 'leaves kinds out', make: inDatabase(`ALTER PUBLICATION pathcast SET (publish = 'insert, update')`), ids: ['postgres-publication-kinds'], what: /leaves out: delete, truncate/, remedy: `ALTER PUBLICATION "pathcast" SET (publish = 'insert, update, delete, truncate');` },
  { name: 'publishes nothing', make: inDatabase('ALTER PUBLICATION pathcast DROP TABLE guests'), ids: ['postgres-publication-empty'], what: /has no table/ },
  {
    name: 'gives partitions by their own names',
    make: inDatabase('CREATE TABLE parts (id int, company_id text, PRIMARY KEY (company_id, id)) PARTITION BY LIST (company_id); CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN (\'a\'); ALTER PUBLICATION pathcast ADD TABLE parts'),
    ids: ['postgres-via-root'],
    what: /gives the partitions of parts,/,
    remedy: 'publish_via_partition_root = true',
  },
  {
    name: 'has tables that nothing names a row of',
    make: inDatabase('CREATE TABLE loose (company_id text); CREATE SCHEMA "Odd"; CREATE TABLE "Odd".none (id int PRIMARY KEY); ALTER TABLE "Odd".none REPLICA IDENTITY NOTHING; ALTER PUBLICATION pathcast ADD TABLE loose, "Odd".none'),
    ids: ['postgres-no-identity'],
    what: /^"Odd"\.none, loose have no replica identity|^loose, "Odd"\.none have no replica identity/,
    remedy: '`ALTER TABLE loose REPLICA IDENTITY FULL;`',
  },
  // Slots.
  { name: 'has a slot of another plugin', make: inDatabase(slot('pathcast', 'test_decoding')), ids: ['postgres-foreign-slot'], what: /is of the plugin test_decoding/, remedy: `SELECT pg_drop_replication_slot('pathcast');` },
  { name: 'has a physical slot', make: inDatabase(`SELECT pg_create_physical_replication_slot('pathcast')`), ids: ['postgres-foreign-slot'], what: /is a physical one\.$/ },
  {
    name: 'has the slot of another database',
    make: async () => {
      await database(slot('pathcast'));
      return (await database()).url;
    },
    ids: ['postgres-foreign-slot'],
    what: /is of the database doctor\d+\.$/,
  },
  { name: 'has a slot that nobody reads', make: inDatabase(slot('pathcast')), ids: ['postgres-slot-idle'], what: /Nobody reads the slot 'pathcast': \d+ (bytes|KiB) of WAL are kept for it, 2\.0 GiB more/, remedy: 'Start the worker.' },
  { name: 'keeps much for somebody else', make: inDatabase(slot('else_s'), WAL, WAL, WAL, WAL, WAL), ids: ['postgres-other-slot'], what: /Nobody reads the slot 'else_s', and PostgreSQL keeps \d+ MiB/, remedy: `pg_drop_replication_slot('else_s')` },
  {
    name: 'has given the slot up',
    make: onServer({ max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB', wal_keep_size: '0' }, slot('pathcast'), ...Array.from({ length: 8 }, () => `${WAL}; CHECKPOINT`)),
    ids: ['postgres-slot-lost', 'postgres-wal-keep-small'],
    what: /PostgreSQL has given the slot 'pathcast' up/,
  },
  {
    name: 'is about to give it up',
    make: onServer({ max_slot_wal_keep_size: '1MB', wal_keep_size: '0' }, slot('pathcast'), WAL, WAL, WAL),
    ids: ['postgres-slot-in-danger', 'postgres-slot-idle', 'postgres-wal-keep-small'],
    what: /gives the slot 'pathcast' up at its next checkpoint: \d+ MiB of WAL are kept for it/,
  },
  // Transactions.
  { name: 'has some of the tables', make: inDatabase(transactionTables(), 'DROP TABLE pathcast.entities, pathcast.field_versions'), ids: ['postgres-tables-missing'], what: /lacks tables of transactionTables\(\): entities, field_versions/, remedy: '`transactionTables()`' },
  { name: 'has activities without their heads', make: inDatabase(activityTables(), 'DROP TABLE pathcast.activity_heads'), ids: ['postgres-tables-missing'], what: /lacks tables of activityTables\(\): activity_heads/, remedy: '`activityTables()`' },
  { name: 'has tables for somebody else', make: async () => postgres.url((await database(transactionTables())).name, 'reads'), ids: ['postgres-tables-closed'], what: /The role reads may not use the tables of transactionTables\(\)/, remedy: 'GRANT USAGE ON SCHEMA pathcast TO "reads"; GRANT SELECT, INSERT' },
  {
    name: 'lets nobody say who it was',
    make: async () => postgres.url((await database('REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM PUBLIC')).name, 'reads'),
    ids: ['postgres-no-messages'],
    what: /may not call pg_logical_emit_message/,
    remedy: 'GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO "reads";',
  },
];

test.each(SET_UPS)('one that $name: $ids', async ({ make, args = [], ids, what, remedy }) => {
  const url = await make();
  const { findings, code, ids: found } = await doctorOfPostgres(url, args);
  expect({ found: [...found].sort(), findings }).toEqual({ found: [...ids].sort(), findings });
  const first = findings.find(({ id }) => id === ids[0]);
  expect(first?.what).toMatch(what);
  if (remedy !== undefined) expect(first?.remedy).toContain(remedy);
  expect(code).toBe(findings.some(({ severity }) => severity === 'error') ? 1 : 0);
  expect(findings.every(({ remedy: told }) => told.length > 15)).toBe(true);
  expect(JSON.stringify(findings)).not.toMatch(/-secret|\\u001b/);
}, 120_000);

test('an old one', () => {
  const visit = new Visit();
  expect(judgeVersion({ version: 130_014, shownVersion: '13.14', standby: false }, visit)).toBe(false);
  expect(visit.report().findings).toMatchObject([{ id: 'postgres-too-old', severity: 'error', what: 'It is PostgreSQL 13.14; pathcast needs 14.' }]);
});

test.each([
  [['--postgres', 'app:pass-secret@host/db'], '--postgres must be a URL, such as postgresql://user:password@host:5432/database'],
  [['--postgres', 'mysql://u:pass-secret@h/db'], '--postgres must be a URL'],
  [['--slot', 'x'], '--slot is about a PostgreSQL: it needs --postgres'],
  [['--publication', 'x'], '--publication is about a PostgreSQL: it needs --postgres'],
])('%j is wrong', async (args, text) => {
  const { code, stdout, stderr } = await runHere(['doctor', ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(text);
  expect(stderr).not.toContain('pass-secret');
});

/** Passes ordinary connections on, and ends those that would replicate. */
function pooler(): Promise<number> {
  return listen(
    createTcpServer((client) => {
      const upstream = connect(postgres.port, '127.0.0.1');
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
      client.on('data', (chunk) => (chunk.includes('replication\0database\0') ? client.destroy() : upstream.write(chunk)));
      upstream.pipe(client);
      client.on('close', () => upstream.destroy());
    }),
  );
}
