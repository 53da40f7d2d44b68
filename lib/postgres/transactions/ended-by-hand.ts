/**
 * Whether a resolver has ended the transaction that it was given: it says COMMIT itself, and then fails, or fails to be kept. PostgreSQL numbers its transactions: the number at the
 * beginning and the one at the end are the same, or it was ended in between.
 */
import { PathcastError } from '../../protocol/error.js';
import type { SqlClient } from './sql-client.js';
import { sqlStateOf } from './sql-state.js';

/** Assigned where nothing was written yet. */
export const NUMBER_AT_BEGIN = 'pg_current_xact_id()::text';
/** Null: it has none, as after a COMMIT by hand. */
export const NUMBER = 'pg_current_xact_id_if_assigned()::text';
/** Of SQLSTATE: the connection, or the server, is gone, and there is nobody to be asked. */
const LOST = /^(08|57P)/;

/** To do it once more would be to do it twice. */
export class EndedByHand extends PathcastError {
  constructor(when: string, options?: { cause: unknown }) {
    super('INVALID_OPTION', `the mutation has ended ctx.tx itself (COMMIT or ROLLBACK) ${when}: what it had committed stays, and its id with it; leave the end to sync.transaction()`, options);
  }
}

export class OpenTransactions<Tx> {
  readonly #client: SqlClient<Tx>;
  /** Of those in which a resolver runs. */
  readonly #numbers = new WeakMap<object, string>();

  constructor(client: SqlClient<Tx>) {
    this.#client = client;
  }

  /** A resolver runs in it from now on. */
  began(tx: Tx, number: string): void {
    this.#numbers.set(tx as object, number);
  }

  /** At its end. Throws EndedByHand. */
  check(tx: Tx, number: unknown): void {
    if (number !== this.#numbers.get(tx as object)) throw new EndedByHand('before its end');
  }

  /** As `SqlClient.run`; of a body that failed after it had committed by hand it rejects with EndedByHand. */
  async run<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    /** Set where nothing could be asked in the transaction itself. */
    let unknown: string | undefined;
    try {
      return await this.#client.run(async (tx) => {
        // Of a pool's connection all transactions have the same object.
        this.#numbers.delete(tx as object);
        try {
          return await body(tx);
        } catch (thrown) {
          const number = this.#numbers.get(tx as object);
          if (number === undefined || thrown instanceof EndedByHand) throw thrown;
          const state = sqlStateOf(thrown);
          if (state === undefined ? !(await this.#isOpen(tx, number, thrown)) : !LOST.test(state)) unknown = number;
          throw thrown;
        }
      });
    } catch (thrown) {
      // A connection that is lost during our own COMMIT is not meant: the body had not failed then.
      if (unknown !== undefined && (await this.#wasCommitted(unknown))) throw new EndedByHand('and failed after it', { cause: thrown });
      throw thrown;
    }
  }

  /** False where it does not answer: after an error of PostgreSQL nothing can be asked in it. Throws EndedByHand. */
  async #isOpen(tx: Tx, number: string, cause: unknown): Promise<boolean> {
    let rows: readonly Record<string, unknown>[];
    try {
      rows = await this.#client.query(tx, `SELECT ${NUMBER} AS number`, []);
    } catch {
      return false;
    }
    if (rows[0]?.['number'] !== number) throw new EndedByHand('and failed after it', { cause });
    return true;
  }

  async #wasCommitted(number: string): Promise<boolean> {
    try {
      const [row] = await this.#client.run((tx) => this.#client.query(tx, 'SELECT pg_xact_status($1::text::xid8)::text AS status', [number]));
      return row?.['status'] === 'committed';
    } catch {
      return false;
    }
  }
}
