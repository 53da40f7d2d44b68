/** What an app declares of its tables. */
import type { WhereInput } from '../protocol/events.js';

/**
 * One changed row, as a function of the map sees it. Only during the call: a row is read out of the stream's own bytes. A row that moves from one tenant to
 * another one is a `delete` of the former and an `insert` of the latter: neither sees what the other had.
 */
export interface Change {
  /** As the map names it. */
  readonly table: string;
  readonly op: 'insert' | 'update' | 'delete';
  readonly tenant: string;
  /** `*` where the row does not say it. */
  readonly entityId: string;
  /**
   * The column's text: of the row as it is now, of a delete as it was. Undefined: PostgreSQL did not send it (a large value that did not change; of a delete what is not in
   * the replica identity). Throws for a column that the table has not.
   */
  readonly value: (column: string) => string | null | undefined;
  /** As it was before an update or a delete: all columns with REPLICA IDENTITY FULL, else those of the identity, and in an update only where one of these changed. */
  readonly before: (column: string) => string | null | undefined;
  /** Whether an update changed it; undefined: PostgreSQL did not say. Of an insert and a delete always true. */
  readonly changed: (column: string) => boolean | undefined;
}

/** `P`: paths of queries and prefixes. */
export interface TableMap<P extends string = string> {
  /** The column that says whose the row is. It must belong to the table's replica identity. */
  tenant: string;
  /** The column of the action's `entityId`. Default `id`, where there is one. */
  entity?: string | undefined;
  /** Of the action. Default: the table's name without its schema. */
  module?: string | undefined;
  /**
   * What a changed row makes stale. A function is asked of an update's row as it was, too, where a column that it looked at has changed and PostgreSQL said what it was
   * (REPLICA IDENTITY FULL, or a key).
   */
  paths: readonly P[] | ((change: Change) => readonly P[]);
  /**
   * What of these is narrowed to some inputs (SPEC §19). Null: nothing this time. Of an update it is what the row is and what it was; where PostgreSQL did not say what a column
   * was that it looked at, nothing is narrowed.
   */
  where?: ((change: Change) => WhereInput | null | undefined) | undefined;
  /**
   * A column of `json` or `jsonb` that says who changed the row, where `pg_logical_emit_message` cannot be called: `{ transactionId, sourceId, userId, … }`. Your app sets it with each insert and
   * update. It is believed of an insert, and of an update that has changed it: what an older transaction left there is nobody's. A message of the transaction wins, and a delete says nothing.
   * It must belong to the table's replica identity (REPLICA IDENTITY FULL).
   */
  tx?: string | undefined;
  /** Columns of a single changed row that the action carries as its `data`, to everybody of the tenant who hears it. Default false: pages fetch it. */
  data?: false | readonly string[] | undefined;
}

/** By table: `guests`, which is in the schema `public`, or `shop.orders`. */
export type CdcMap<P extends string = string> = Readonly<Record<string, TableMap<P>>>;
