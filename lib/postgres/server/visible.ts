/** Which transactions a new snapshot sees. PostgreSQL sends a commit as soon as it is in the WAL: rows are seen a moment later, with a synchronous standby when that has answered. */
import type { SqlConnection } from './connections.js';

/** Numbers of transactions go round: the lower 32 bits of `b` are behind those of `a`. */
const precedes = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/** Whether all of them are seen by whoever asks from now on; numbers as the stream has them, 32 bits. Rejects with PostgresError. */
export async function areVisible(sql: Pick<SqlConnection, 'query'>, xids: readonly number[]): Promise<boolean> {
  const [row] = await sql.query('SELECT pg_current_snapshot()::text AS snapshot');
  return seesAll(row?.['snapshot'] ?? '', xids);
}

/** `snapshot`: `xmin:xmax:` and those between that are under way, 64 bits each. */
export function seesAll(snapshot: string, xids: readonly number[]): boolean {
  const [xmin = 0, xmax = 0, ...running] = (snapshot.match(/\d+/g) ?? []).map((text) => Number(BigInt.asUintN(32, BigInt(text))));
  const underWay = new Set(running);
  return xids.every((xid) => precedes(xid, xmin) || (precedes(xid, xmax) && !underWay.has(xid)));
}
