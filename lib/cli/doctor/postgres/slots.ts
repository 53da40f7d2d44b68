/** Slots: ours, those that nobody reads, and whether there is room for another one. */
import type { SqlRow } from '../../../postgres/server/connections.js';
import { literal } from '../../../postgres/server/sql-text.js';
import { shownBytes, textAt, type Ward } from './ward.js';

/** Bytes of WAL that a worker which reads is behind at most; more is told. */
const BEHIND_BYTES = 256 * 2 ** 20;
/** Bytes that another slot, which nobody reads, may keep: a few segments of the WAL. */
const OTHER_BYTES = 64 * 2 ** 20;

const drop = (slot: string): string => `\`SELECT pg_drop_replication_slot(${literal(slot)});\``;

export async function judgeSlots(ward: Ward): Promise<void> {
  const { sql, visit, slot: name, facts, quote } = ward;
  // Of 17 and newer.
  const reason = facts.version >= 170_000 ? 'invalidation_reason' : 'NULL';
  const slots = await sql.query(
    `SELECT slot_name AS name, slot_type AS type, plugin, database, active::text, active_pid::text AS pid, temporary::text, wal_status, safe_wal_size::text AS safe, ${reason} AS reason,
       pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text AS retained, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text AS behind
     FROM pg_replication_slots ORDER BY slot_name`,
  );
  const own = slots.find((row) => textAt(row, 'name') === name);
  if (own) judgeOwn(own, ward);
  else visit.checked(`Slot: there is no slot '${name}' yet; the worker makes it.`);
  for (const row of slots) {
    const other = textAt(row, 'name');
    const retained = Number(row['retained'] ?? 0);
    if (row === own || textAt(row, 'active') === 'true' || textAt(row, 'temporary') === 'true' || retained < OTHER_BYTES) continue;
    visit.found('postgres-other-slot', `Nobody reads the slot '${quote(other)}', and PostgreSQL keeps ${shownBytes(retained)} of WAL for it.`, `Start who reads it, or: ${drop(other)}`);
  }
  const most = Number(facts.settings.get('max_replication_slots'));
  const told = `${String(slots.length)} of ${String(most)} slots are taken (max_replication_slots)`;
  if (!own && slots.length >= most) visit.found('postgres-few-slots', `${told}, and the worker needs one.`);
  else visit.checked(`Room: ${told}.`);
}

function judgeOwn(row: SqlRow, { visit, slot, facts, quote }: Ward): void {
  const plugin = textAt(row, 'plugin');
  const wrong = [
    ...(textAt(row, 'type') !== 'logical' ? ['a physical one'] : plugin !== 'pgoutput' ? [`of the plugin ${quote(plugin)}`] : []),
    ...(textAt(row, 'type') === 'logical' && textAt(row, 'database') !== facts.database ? [`of the database ${quote(textAt(row, 'database'))}`] : []),
  ];
  if (wrong.length > 0) {
    visit.found('postgres-foreign-slot', `The slot '${slot}' is ${wrong.join(', and ')}.`, `Give the worker a slot of its own name, or: ${drop(slot)}`);
    return;
  }
  const status = textAt(row, 'wal_status');
  const [retained, behind] = [Number(row['retained'] ?? 0), Number(row['behind'] ?? 0)];
  if (status === 'lost') {
    const reason = textAt(row, 'reason');
    visit.found('postgres-slot-lost', `PostgreSQL has given the slot '${slot}' up${reason === '' ? '' : ` (${quote(reason)})`}.`);
    return;
  }
  const safe = row['safe'] === null || row['safe'] === undefined ? '' : `, ${shownBytes(Math.max(0, Number(row['safe'])))} more until it is in danger`;
  const told = `${shownBytes(retained)} of WAL are kept for it${safe}`;
  if (status === 'unreserved') visit.found('postgres-slot-in-danger', `PostgreSQL gives the slot '${slot}' up at its next checkpoint: ${told}.`);
  if (textAt(row, 'active') !== 'true') visit.found('postgres-slot-idle', `Nobody reads the slot '${slot}': ${told}.`, `Start the worker. Where none will run any more: ${drop(slot)}`);
  else if (behind > BEHIND_BYTES) visit.found('postgres-slot-behind', `The worker of the slot '${slot}' is ${shownBytes(behind)} of WAL behind: ${told}.`);
  else visit.checked(`Slot: '${slot}' is read by the process ${textAt(row, 'pid')}, ${shownBytes(behind)} behind; ${told}.`);
}
