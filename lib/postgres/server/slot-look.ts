/** Looks at the slot, again and again. */
import type { SqlConnection } from './connections.js';
import { parseLsn } from '../stream/lsn.js';
import type { SlotHealth } from '../slot-health.js';

export interface Looked {
  readonly health: SlotHealth;
  /** Up to where the WAL is on PostgreSQL's disk: what a slot may send. */
  readonly flushed: bigint;
  /** PostgreSQL's clock at the time, Unix ms. */
  readonly clock: number;
}

interface Look {
  readonly at: number;
  readonly lsn: bigint;
}

export class SlotHealthWatch {
  #last: Look | undefined;

  /** Undefined: there is no such slot. `now`: monotonic ms. Rejects with PostgresError. */
  async look(sql: SqlConnection, slot: string, now: number): Promise<Looked | undefined> {
    const [row] = await sql.query(
      `SELECT pg_current_wal_lsn()::text AS current, pg_current_wal_flush_lsn()::text AS flushed, (extract(epoch FROM clock_timestamp()) * 1000)::text AS clock, restart_lsn::text AS restart, confirmed_flush_lsn::text AS confirmed, wal_status, safe_wal_size::text AS safe
       FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    );
    if (!row) return undefined;
    const current = parseLsn(row['current'] ?? '') ?? 0n;
    const behind = (text: string | null | undefined): number => Math.max(0, Number(current - (parseLsn(text ?? '') ?? current)));
    const safe = row['safe'] === null || row['safe'] === undefined ? null : Number(row['safe']);
    const rate = this.#rate({ at: now, lsn: current });
    const health: SlotHealth = {
      lagBytes: behind(row['confirmed']),
      retainedBytes: behind(row['restart']),
      walStatus: row['wal_status'] ?? '',
      safeBytes: safe,
      secondsUntilLost: safe === null || rate === 0 ? null : Math.max(0, Math.round(safe / rate)),
    };
    return { health, flushed: parseLsn(row['flushed'] ?? '') ?? 0n, clock: Number(row['clock']) };
  }

  /** Bytes a second since the last look; 0: nothing, or it was the first. */
  #rate(look: Look): number {
    const last = this.#last;
    this.#last = look;
    if (!last || look.at <= last.at || look.lsn <= last.lsn) return 0;
    return (Number(look.lsn - last.lsn) * 1_000) / (look.at - last.at);
  }
}
