/** Options of `sync.transaction({ store })`. */
import { PathcastError } from '../../protocol/error.js';
import { describeType } from '../../internal/describe.js';
import { checkKeys, checkObject } from '../../server/check.js';
import { boolean, integer } from '../../server/option-values.js';
import { isStore, type TransactionStore } from './store.js';

export interface TransactionOptions<Tx> {
  /** `drizzleStore(db, { sql })`, `prismaStore(prisma)` or `pgStore(pool)` of `pathcast/postgres`. */
  store: TransactionStore<Tx>;
  /** A mutation without `tx` is refused with BAD_REQUEST. Default false: it runs in a transaction, and the same call again does it again. */
  required?: boolean | undefined;
  /** How long the same transaction waits for the one that runs, ms. Then: TRANSACTION_IN_FLIGHT. Default 5,000; at most 60,000. */
  waitMs?: number | undefined;
  /** UTF-8 bytes of an answer that is kept. Above it the same transaction again is TRANSACTION_DONE. Default 262,144. */
  maxAnswerBytes?: number | undefined;
  /**
   * How often the resolver runs again where the database gave its transaction up for another one's sake (40001, 40P01). Default 0: what it has
   * done outside of the database (a mail) would be done again. At most 10.
   */
  retries?: number | undefined;
}

export interface TransactionSettings<Tx> {
  store: TransactionStore<Tx>;
  required: boolean;
  waitMs: number;
  maxAnswerBytes: number;
  retries: number;
}

/** Throws INVALID_OPTION. */
export function checkTransactionOptions<Tx>(options: TransactionOptions<Tx>): TransactionSettings<Tx> {
  const given = checkObject('transaction() options', options, 'INVALID_OPTION');
  checkKeys('transaction()', given, ['store', 'required', 'waitMs', 'maxAnswerBytes', 'retries']);
  const { store, required, waitMs, maxAnswerBytes, retries } = options;
  // Not quoted: it may be the address of a database.
  if (!isStore(store)) throw new PathcastError('INVALID_OPTION', `transaction() needs store, that of pathcast/postgres: drizzleStore(db, { sql }), prismaStore(prisma), pgStore(pool); got ${describeType(store)}`);
  return {
    store,
    required: boolean('required', required, false),
    waitMs: integer('waitMs', waitMs, 5_000, 1, 60_000),
    maxAnswerBytes: integer('maxAnswerBytes', maxAnswerBytes, 262_144, 0, 16_777_216),
    retries: integer('retries', retries, 0, 0, 10),
  };
}
