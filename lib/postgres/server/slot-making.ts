/** A slot is made when every transaction has ended that was open when its making began, in whichever database: one that was forgotten holds it up without a word. */
import type { ReplicationConnection, SqlConnection, SqlRow } from './connections.js';
import { ident, literal } from './sql-text.js';

/** A slot that is not made within it waits for somebody; who that is, is looked for again each time, ms. */
const LOOK_MS = 2_000;

/** `pid`: of the connection that makes it. What of them may be known: role and program of another role's session are hidden from who is no member of pg_read_all_stats. */
const BLOCKERS = `
  SELECT h.pid::text AS pid, a.usename::text AS role, a.application_name AS program, a.state, a.backend_type AS kind, p.gid, coalesce(p.database, a.datname)::text AS database,
    to_char(coalesce(p.prepared, a.xact_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
  FROM pg_locks w
  JOIN pg_locks h ON h.locktype = 'transactionid' AND h.transactionid = w.transactionid AND h.granted
  LEFT JOIN pg_prepared_xacts p ON p.transaction = w.transactionid
  LEFT JOIN pg_stat_activity a ON a.pid = h.pid
  WHERE w.pid = $1::int AND w.locktype = 'transactionid' AND NOT w.granted`;

/** `waits`: who holds it up, since when, and the SQL that ends it; called again and again as long as somebody does. Rejects with PostgresError. */
export async function makeSlot(replication: ReplicationConnection, sql: SqlConnection, slot: string, waits: (who: string) => void): Promise<void> {
  const [own] = await replication.command('SELECT pg_backend_pid()::text AS pid');
  let isOver = false;
  const look = async (): Promise<void> => {
    const [found] = await sql.query(BLOCKERS, [own?.['pid'] ?? '']);
    if (found && !isOver) waits(described(found));
  };
  // What cannot be asked is not known; the slot is made all the same.
  const looking = setInterval(() => void look().catch(() => undefined), LOOK_MS).unref();
  try {
    await replication.command(`CREATE_REPLICATION_SLOT ${ident(slot)} LOGICAL pgoutput NOEXPORT_SNAPSHOT`, 'patient');
  } finally {
    isOver = true;
    clearInterval(looking);
  }
}

function described({ pid, role, program, state, kind, gid, database, since }: SqlRow): string {
  const where = database === null || database === undefined ? '' : ` in the database ${database}`;
  const began = since === null || since === undefined ? ', since when this role may not see (GRANT pg_read_all_stats)' : ` since ${since}`;
  if (gid !== null && gid !== undefined) return `the prepared transaction ${literal(gid)}${where}${began}; to end it, run there: ROLLBACK PREPARED ${literal(gid)} (or COMMIT PREPARED)`;
  const who = [role, program, state, kind === 'client backend' ? '' : kind].filter((word) => word !== null && word !== undefined && word !== '').join(', ');
  return `pid ${pid ?? '?'}${who === '' ? '' : ` (${who})`}${where}, whose transaction is open${began}; to end it: SELECT pg_terminate_backend(${pid ?? '?'})`;
}
