/**
 * Whether PostgreSQL can do what the worker leans on: each fault is a sentence and the SQL that mends it. Asked at each connection, for a primary may have become another one.
 */
import { PathcastError } from '../../protocol/error.js';
import { activityFaults } from '../activities/tables.js';
import { parseLsn } from '../stream/lsn.js';
import type { SqlConnection, SqlRow } from './connections.js';
import { tableKey, type MappedTable } from '../changes/mapping.js';
import { describeTables, tableFaults, type TableFacts } from './table-checks.js';
import { ident, literal } from './sql-text.js';

export interface Requirements {
  readonly tables: ReadonlyMap<string, MappedTable>;
  readonly publication: string;
  readonly slot: string;
  /** `schema`: quoted. */
  readonly activities?: { readonly schema: string } | undefined;
}

/** Of a PostgreSQL in which nothing is wrong. */
export interface ServerFacts {
  /** `150018`. */
  readonly version: number;
  /** `UTF8`. */
  readonly encoding: string;
  /** ms; 0: it never gives up a silent client. */
  readonly walSenderTimeoutMs: number;
  /** MB; -1: a slot that nobody reads fills the disk. */
  readonly maxSlotWalKeepMb: number;
  readonly slot: SlotFacts | undefined;
  /** By `tableKey`: another text where it is another table, or was out of the publication in between. */
  readonly tables: ReadonlyMap<string, string>;
}

export interface SlotFacts {
  readonly active: boolean;
  readonly walStatus: string;
  readonly confirmed: bigint;
}

const MIN_VERSION = 140_000;

/** Throws PathcastError POSTGRES with all that is wrong; rejects with PostgresError where PostgreSQL cannot be asked. */
export async function checkServer(sql: SqlConnection, needs: Requirements): Promise<ServerFacts> {
  const [server] = await sql.query(`
    SELECT current_setting('server_version_num') AS version, current_setting('wal_level') AS wal_level, pg_is_in_recovery()::text AS standby, current_database() AS database, current_setting('server_encoding') AS encoding,
      (SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout') AS timeout, (SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep`);
  const faults: string[] = [];
  const version = Number(server?.['version']);
  if (version < MIN_VERSION) throw faultOf([`it is version ${String(version)}; pathcast needs 14 or newer`]);
  if (server?.['standby'] === 'true') throw faultOf(['it is a standby, which takes no slot of its own: connect to the primary']);
  if (server?.['wal_level'] !== 'logical') faults.push(`wal_level is '${server?.['wal_level'] ?? ''}'; run, and restart it: ALTER SYSTEM SET wal_level = 'logical'`);
  const described = await describeTables(sql, needs.tables, needs.publication, version);
  faults.push(...(await publicationFaults(sql, needs, described)));
  if (needs.activities) faults.push(...(await activityFaults(sql, needs.activities.schema)));
  const slot = await slotOf(sql, needs.slot);
  if (slot) faults.push(...slotFaults(slot, needs.slot, server?.['database'] ?? ''));
  if (faults.length > 0) throw faultOf(faults);
  return {
    version,
    encoding: server?.['encoding'] ?? '',
    walSenderTimeoutMs: Number(server?.['timeout']),
    maxSlotWalKeepMb: Number(server?.['keep']),
    slot: slot && factsOfSlot(slot),
    tables: new Map([...described].map(([key, { identity }]) => [key, identity])),
  };
}

/** Undefined: there is none of this name. */
export async function readSlot(sql: SqlConnection, name: string): Promise<SlotFacts | undefined> {
  const slot = await slotOf(sql, name);
  return slot && factsOfSlot(slot);
}

export function faultOf(faults: readonly string[]): PathcastError {
  return new PathcastError('POSTGRES', `PostgreSQL cannot be used as it is: ${faults.join('\n  also: ')}`);
}

async function slotOf(sql: SqlConnection, name: string): Promise<SqlRow | undefined> {
  const [slot] = await sql.query('SELECT slot_type, plugin, database, active::text, wal_status, confirmed_flush_lsn::text AS confirmed FROM pg_replication_slots WHERE slot_name = $1', [name]);
  return slot;
}

const factsOfSlot = (slot: SqlRow): SlotFacts => ({
  active: slot['active'] === 'true',
  walStatus: slot['wal_status'] ?? '',
  confirmed: parseLsn(slot['confirmed'] ?? '') ?? 0n,
});

function slotFaults(slot: SqlRow, name: string, database: string): string[] {
  const instead = `give createCdc({ slot }) another name, or run: SELECT pg_drop_replication_slot(${literal(name)})`;
  if (slot['slot_type'] !== 'logical') return [`the slot '${name}' is a physical one; ${instead}`];
  if (slot['plugin'] !== 'pgoutput') return [`the slot '${name}' is of the plugin '${slot['plugin'] ?? ''}', not of pgoutput; ${instead}`];
  if (slot['database'] !== database) return [`the slot '${name}' is of the database '${slot['database'] ?? ''}'; ${instead}`];
  return [];
}

async function publicationFaults(sql: SqlConnection, { tables, publication }: Requirements, described: ReadonlyMap<string, TableFacts>): Promise<string[]> {
  const mapped = new Set([...tables.values()].map(({ schema, table }) => (schema === 'public' ? table : `${schema}.${table}`)));
  const faults = [...tables].flatMap(([key, table]) => tableFaults(table, described.get(key), mapped));
  const [found] = await sql.query('SELECT pubinsert::text, pubupdate::text, pubdelete::text, pubtruncate::text FROM pg_publication WHERE pubname = $1', [publication]);
  const names = [...tables.values()].map(({ schema, table }) => `${ident(schema)}.${ident(table)}`);
  if (!found) {
    return [...faults, `there is no publication '${publication}'; run: CREATE PUBLICATION ${ident(publication)} FOR TABLE ${names.join(', ')} WITH (publish_via_partition_root = true)`];
  }
  if ([found['pubinsert'], found['pubupdate'], found['pubdelete'], found['pubtruncate']].includes('false')) {
    faults.push(`the publication '${publication}' leaves kinds of changes out; run: ALTER PUBLICATION ${ident(publication)} SET (publish = 'insert, update, delete, truncate')`);
  }
  for (const { schema, table } of tables.values()) {
    const facts = described.get(tableKey(schema, table));
    if (!facts || facts.published) continue;
    faults.push(
      facts.partitioned
        ? `the publication '${publication}' gives the partitions of ${table}, not the table; run: ALTER PUBLICATION ${ident(publication)} SET (publish_via_partition_root = true), and ADD TABLE where it lacks it`
        : `the publication '${publication}' lacks ${table}; run: ALTER PUBLICATION ${ident(publication)} ADD TABLE ${ident(schema)}.${ident(table)}`,
    );
  }
  return faults;
}
