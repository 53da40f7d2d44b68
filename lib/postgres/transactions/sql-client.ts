/** What a store asks of a client of PostgreSQL, whichever it is. */

/** Every parameter is a text or null, and stands as `$1`, `$2`, … */
export type SqlText = string | null;

export interface SqlClient<Tx> {
  /** A transaction of its own connection: committed when `body` resolved, rolled back when it rejected. Gives and throws what it does. */
  run<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** One statement in that transaction; its rows by column. */
  query(tx: Tx, sql: string, params: readonly SqlText[]): Promise<readonly Record<string, unknown>[]>;
}
