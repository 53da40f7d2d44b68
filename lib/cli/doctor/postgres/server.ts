/** Which PostgreSQL it is, and its settings. */
import type { SqlConnection } from '../../../postgres/server/connections.js';
import type { Visit } from '../report.js';
import { shownBytes, textAt, type ServerFacts, type Ward } from './ward.js';

const LEAST = 140_000;
const SETTINGS = ['wal_level', 'max_slot_wal_keep_size', 'max_replication_slots', 'max_wal_senders', 'wal_sender_timeout', 'idle_replication_slot_timeout'];
/** MB; a worker that is away for an hour of a busy database must not cost a resync. */
const SMALL_KEEP_MB = 1_024;
/** ms; a worker is silent for a third of it. */
const SHORT_TIMEOUT_MS = 5_000;

/** Rejects with PostgresError. */
export async function lookAtServer(sql: SqlConnection): Promise<ServerFacts> {
  const [row] = await sql.query(`
    SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS shown, pg_is_in_recovery()::text AS standby,
      current_database() AS database, current_user AS name`);
  // In the unit of each: ms, MB.
  const settings = await sql.query('SELECT name, setting FROM pg_settings WHERE name = ANY($1)', [SETTINGS]);
  return {
    version: Number(textAt(row, 'version')),
    shownVersion: textAt(row, 'shown').split(' ', 1)[0] ?? '',
    standby: textAt(row, 'standby') === 'true',
    database: textAt(row, 'database'),
    user: textAt(row, 'name'),
    settings: new Map(settings.map((setting) => [textAt(setting, 'name'), textAt(setting, 'setting')])),
  };
}

/** False where nothing else can be learnt. */
export function judgeVersion({ version, shownVersion, standby }: Pick<ServerFacts, 'version' | 'shownVersion' | 'standby'>, visit: Visit): boolean {
  if (version < LEAST) {
    visit.found('postgres-too-old', `It is PostgreSQL ${shownVersion}; pathcast needs 14.`);
    return false;
  }
  if (standby) {
    visit.found('postgres-is-standby', `It is a standby (PostgreSQL ${shownVersion}): it takes no slot and no writes.`);
    return false;
  }
  visit.checked(`Version: PostgreSQL ${shownVersion}, a primary; pathcast needs 14.`);
  return true;
}

export function judgeSettings({ facts: { settings }, visit }: Ward): void {
  const level = settings.get('wal_level') ?? '';
  if (level !== 'logical') visit.found('postgres-wal-level', `wal_level is ${level}: the WAL has no rows that could be read.`);
  else visit.checked('WAL: wal_level is logical.');
  judgeKeep(Number(settings.get('max_slot_wal_keep_size')), visit);
  const timeout = Number(settings.get('wal_sender_timeout'));
  if (timeout === 0) visit.found('postgres-sender-timeout', 'wal_sender_timeout is 0: the slot of a worker whose machine is gone stays taken until TCP finds it.');
  else if (timeout < SHORT_TIMEOUT_MS) visit.found('postgres-sender-timeout', `wal_sender_timeout is ${String(timeout)} ms: a worker that is busy for so long loses its connection.`);
  else visit.checked(`Silence: a worker that says nothing for ${String(timeout / 1_000)} s loses the slot (wal_sender_timeout).`);
  const idle = Number(settings.get('idle_replication_slot_timeout') ?? 0);
  if (idle > 0) visit.checked(`Idle slots: one that nobody reads for ${String(idle)} s is given up (idle_replication_slot_timeout).`);
}

function judgeKeep(keepMb: number, visit: Visit): void {
  if (keepMb < 0) visit.found('postgres-wal-unbounded', 'max_slot_wal_keep_size is -1: while no worker runs, PostgreSQL keeps its WAL until the disk is full.');
  else if (keepMb < SMALL_KEEP_MB) visit.found('postgres-wal-keep-small', `max_slot_wal_keep_size is ${shownBytes(keepMb * 2 ** 20)}: a worker that is away while so much is written loses its slot.`);
  else visit.checked(`WAL that is kept for a slot: up to ${shownBytes(keepMb * 2 ** 20)} (max_slot_wal_keep_size).`);
}
