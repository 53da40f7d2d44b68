/** What `sync.transaction()` asks of a database. `pathcast/postgres` has it for Drizzle, Prisma and pg. */

/** Whose mutation it is, and which. */
export interface Claim {
  companyId: string;
  transactionId: string;
  /** `''`: nobody. */
  userId: string;
  path: string;
  /** Equal for equal inputs. */
  inputHash: string;
}

export interface Opening {
  claim: Claim | undefined;
  waitMs: number;
  message: string | undefined;
}

/** `lost`: there was one, and it is not kept. */
export type Answer = { kind: 'value'; text: string } | { kind: 'undefined' } | { kind: 'lost' };

/** A mutation that was done. */
export interface Kept {
  userId: string;
  path: string;
  inputHash: string;
  answer: Answer;
}

export interface EntityKey {
  companyId: string;
  entity: string;
  id: string;
}

/** Who wrote something. */
export interface Author {
  transactionId: string;
  userId: string;
  sourceId: string | undefined;
}

/** A field's value from one write on. */
export interface Version {
  /** Of its transaction; of what was written past `sync.transaction()` a name by its value. */
  version: string;
  /** As text of the app's transformer; undefined: there was none. */
  value: string | undefined;
  userId: string;
  /** Unix ms. */
  at: number;
  /** It counts no longer: another one came after it, or it was deleted. */
  replaced: boolean;
}

export interface LockedEntity {
  /** Grows with each lock. Digits. */
  turn: string;
  /** By whom it was deleted, if it was. */
  deleted: (Author & { at: number }) | undefined;
}

export interface FieldHistory {
  newest: Version | undefined;
  /** The one that was asked for. */
  expected: Version | undefined;
  /** What was there before the first one, if it is kept. */
  origin: Version | undefined;
}

export interface KnownEntity {
  deleted: LockedEntity['deleted'];
  fields: ReadonlyMap<string, Version>;
}

export interface FieldWrite {
  field: string;
  value: string | undefined;
  /** What was there and had no version of its own. `origin`: nothing had one. */
  before: { version: string; value: string | undefined; origin: boolean } | undefined;
}

/** Everything that takes a `tx` is a part of that transaction, and fails with it. */
export interface TransactionStore<Tx> {
  /** A transaction: committed when `body` resolved, rolled back when it rejected. Gives and throws what it does. */
  run<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** The same inside `tx`. */
  savepoint<T>(tx: Tx, body: () => Promise<T>): Promise<T>;
  /**
   * First of all. `claim`: takes the id for this transaction. Where another one has it, waits up to `waitMs` for its end; if that committed, resolves
   * to what it kept. `message`: is written to the log that replicas and `pathcast cdc` read; nowhere where the database has none. Throws
   * PathcastError TRANSACTION_IN_FLIGHT.
   */
  begin(tx: Tx, opening: Opening): Promise<Kept | undefined>;
  /** Throws where the transaction cannot commit. */
  settle(tx: Tx, done?: { companyId: string; transactionId: string; answer: Answer }): Promise<void>;
  /** Until the end of the transaction nobody else has the entity locked. */
  lock(tx: Tx, key: EntityKey): Promise<LockedEntity>;
  /** By field; `null`: the caller knows of no version; undefined: does not compare. */
  history(tx: Tx, key: EntityKey, fields: ReadonlyMap<string, string | null | undefined>): Promise<ReadonlyMap<string, FieldHistory>>;
  /** Of those that are known; without `tx` in a transaction of its own. */
  newest(companyId: string, entity: string, ids: readonly string[], tx?: Tx): Promise<ReadonlyMap<string, KnownEntity>>;
  write(tx: Tx, key: EntityKey, turn: string, author: Author, fields: readonly FieldWrite[]): Promise<void>;
  /** Of `before` alone: it has no fields any more. */
  erase(tx: Tx, key: EntityKey, turn: string, author: Author, fields: readonly FieldWrite[]): Promise<void>;
  /** Removes what is older than the store keeps, a part of it at a time, up to a bound; resolves to how much that was. */
  clean(): Promise<number>;
  /** The same transaction may succeed when it is done once more. */
  isPassing(error: unknown): boolean;
}

const METHODS = ['run', 'savepoint', 'begin', 'settle', 'lock', 'history', 'newest', 'write', 'erase', 'clean', 'isPassing'] as const;

export function isStore(value: unknown): value is TransactionStore<unknown> {
  return typeof value === 'object' && value !== null && METHODS.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
