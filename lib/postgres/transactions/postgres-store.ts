/** The SQL of `sync.transaction()`, once for all clients of PostgreSQL. */
import { PathcastError } from '../../protocol/error.js';
import { messageOf } from '../../internal/describe.js';
import { checkKeys, checkObject } from '../../server/check.js';
import { boolean, integer } from '../../server/option-values.js';
import type {
  Answer,
  Author,
  Claim,
  EntityKey,
  FieldHistory,
  FieldWrite,
  Kept,
  KnownEntity,
  LockedEntity,
  Opening,
  TransactionStore,
  Version,
} from '../../trpc/index.js';
import { EndedByHand, NUMBER, NUMBER_AT_BEGIN, OpenTransactions } from './ended-by-hand.js';
import type { SqlClient, SqlText } from './sql-client.js';
import { sqlStateOf } from './sql-state.js';
import { schemaOf } from './tables.js';

export interface PostgresStoreOptions {
  /** Where `transactionTables()` stand. Default `pathcast`. */
  schema?: string | undefined;
  /** How long a transaction and its answer are kept, and a field's value after it was replaced, ms. Default 7 days; at least a minute. */
  keepMs?: number | undefined;
  /** Whose change it is goes into the database's log (`pg_logical_emit_message`), where it may. Default true. */
  messages?: boolean | undefined;
}

export const STORE_OPTIONS = ['schema', 'keepMs', 'messages'] as const;

export interface PostgresStore<Tx> extends TransactionStore<Tx> {
  /** Erases all that is kept of a company. */
  forget(companyId: string): Promise<void>;
}

const DAY_MS = 86_400_000;
/** Rows that go at a time, in a transaction of their own. */
const CLEAN_ROWS = 1_000;
/** Of each table. What is more waits for the next one. */
const CLEAN_BATCHES = 100;
/** Of what no mutation waits for, where another one was in its way. */
const TRIES = 4;

/** For another client of PostgreSQL than those that have a store of their own. PostgreSQL 14 and newer. Throws INVALID_OPTION. */
export function postgresStore<Tx>(client: SqlClient<Tx>, options: PostgresStoreOptions = {}): PostgresStore<Tx> {
  checkKeys('the store', checkObject('the options of the store', options, 'INVALID_OPTION'), STORE_OPTIONS);
  return new Store(client, {
    schema: schemaOf(options.schema),
    keepMs: integer('keepMs', options.keepMs, 7 * DAY_MS, 60_000, 3_650 * DAY_MS),
    messages: boolean('messages', options.messages, true),
  });
}

interface Settings {
  /** Quoted. */
  schema: string;
  keepMs: number;
  messages: boolean;
}

/** The record of a claim was removed between its refusal and the reading: the claim is free now. */
class Vanished extends Error {}

/** Given up for another one's sake: serialization failure, deadlock. */
const PASSING: ReadonlySet<string | undefined> = new Set(['40001', '40P01']);
/** The wait was too long: for `waitMs`, or for the user's own `statement_timeout`. */
const IN_VAIN: ReadonlySet<string | undefined> = new Set(['55P03', '57014']);
/** No such schema, no such table, no right to it. */
const NOT_SET_UP: ReadonlySet<string | undefined> = new Set(['3F000', '42P01', '42501']);

class Store<Tx> implements PostgresStore<Tx> {
  readonly #client: SqlClient<Tx>;
  readonly #settings: Settings;
  readonly #open: OpenTransactions<Tx>;
  /** Asked once: whether this user may write into the log. */
  #mayEmit: boolean | undefined;

  constructor(client: SqlClient<Tx>, settings: Settings) {
    this.#client = client;
    this.#open = new OpenTransactions(client);
    this.#settings = settings;
  }

  run<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#open.run(body);
  }

  async savepoint<T>(tx: Tx, body: () => Promise<T>): Promise<T> {
    // One name for all: the innermost one counts.
    await this.#client.query(tx, 'SAVEPOINT pathcast', []);
    let result: T;
    try {
      result = await body();
    } catch (thrown) {
      await this.#client.query(tx, 'ROLLBACK TO SAVEPOINT pathcast', []);
      await this.#client.query(tx, 'RELEASE SAVEPOINT pathcast', []);
      throw thrown;
    }
    await this.#client.query(tx, 'RELEASE SAVEPOINT pathcast', []);
    return result;
  }

  async begin(tx: Tx, { claim, waitMs, message }: Opening): Promise<Kept | undefined> {
    const then: string[] = [];
    const params: string[] = [];
    if (claim) {
      const lockTimeout = await this.#claim(tx, claim, waitMs);
      if (lockTimeout === undefined) return this.#kept(tx, claim);
      params.push(lockTimeout);
      then.push(`set_config('lock_timeout', $${params.length}::text, true)`);
    }
    if (message !== undefined && this.#settings.messages && (this.#mayEmit ??= await this.#asksToEmit(tx))) {
      params.push(message);
      then.push(`pg_logical_emit_message(true, 'pathcast', $${params.length}::text)::text`);
    }
    const [row] = await this.#query(tx, `SELECT ${[`${NUMBER_AT_BEGIN} AS number`, ...then].join(', ')}`, params);
    this.#open.began(tx, textOf(row?.['number']));
    return undefined;
  }

  /** The `lock_timeout` that there was; undefined where somebody else has the id. */
  async #claim(tx: Tx, claim: Claim, waitMs: number): Promise<string | undefined> {
    const { companyId, transactionId, userId, path, inputHash } = claim;
    try {
      const [row] = await this.#query(
        tx,
        `WITH was AS MATERIALIZED (SELECT current_setting('lock_timeout') AS lock_timeout),
          now AS MATERIALIZED (SELECT set_config('lock_timeout', $6::text, true) AS lock_timeout, was.lock_timeout AS was FROM was)
        INSERT INTO ${this.#settings.schema}.transactions (company_id, transaction_id, user_id, path, input_hash)
        SELECT $1::text, $2::text, $3::text, $4::text, $5::text FROM now WHERE now.lock_timeout IS NOT NULL
        ON CONFLICT DO NOTHING RETURNING (SELECT was FROM now) AS was`,
        [companyId, transactionId, userId, path, inputHash, `${waitMs}ms`],
      );
      return row && textOf(row['was']);
    } catch (thrown) {
      if (!IN_VAIN.has(sqlStateOf(thrown))) throw thrown;
      throw new PathcastError('TRANSACTION_IN_FLIGHT', 'this transaction is still running; the same call later gets its answer', { cause: thrown });
    }
  }

  async #kept(tx: Tx, { companyId, transactionId }: Claim): Promise<Kept> {
    const [row] = await this.#query(
      tx,
      `SELECT user_id, path, input_hash, answer_kind, answer FROM ${this.#settings.schema}.transactions WHERE company_id = $1::text AND transaction_id = $2::text`,
      [companyId, transactionId],
    );
    if (!row) throw new Vanished('the record of the transaction was removed meanwhile');
    return { userId: textOf(row['user_id']), path: textOf(row['path']), inputHash: textOf(row['input_hash']), answer: answerOf(row) };
  }

  async #asksToEmit(tx: Tx): Promise<boolean> {
    const [row] = await this.#query(
      tx,
      `SELECT coalesce(bool_and(has_function_privilege(oid, 'EXECUTE')), false)::text AS may FROM pg_proc
      WHERE proname = 'pg_logical_emit_message' AND pronamespace = 'pg_catalog'::regnamespace`,
      [],
    );
    return row?.['may'] === 'true';
  }

  async settle(tx: Tx, done?: { companyId: string; transactionId: string; answer: Answer }): Promise<void> {
    if (!done) {
      // A statement that failed and was caught has ended the transaction already, and most clients commit that without a word.
      const [row] = await this.#query(tx, `SELECT ${NUMBER} AS number`, []);
      this.#open.check(tx, row?.['number']);
      return;
    }
    const { companyId, transactionId, answer } = done;
    const rows = await this.#query(
      tx,
      `UPDATE ${this.#settings.schema}.transactions SET answer_kind = $3::text, answer = $4::text
      WHERE company_id = $1::text AND transaction_id = $2::text RETURNING ${NUMBER} AS number`,
      [companyId, transactionId, answer.kind, answer.kind === 'value' ? answer.text : null],
    );
    // No row: the record was rolled back by hand.
    this.#open.check(tx, rows[0]?.['number']);
  }

  async lock(tx: Tx, { companyId, entity, id }: EntityKey): Promise<LockedEntity> {
    // A row, not an advisory lock: at the stricter levels who comes late is told so, and does not read what is old.
    const [row] = await this.#query(
      tx,
      `INSERT INTO ${this.#settings.schema}.entities AS e (company_id, entity, entity_id, turn) VALUES ($1::text, $2::text, $3::text, 2)
      ON CONFLICT (company_id, entity, entity_id) DO UPDATE SET turn = e.turn + 2
      RETURNING turn::text AS turn, deleted_transaction_id, deleted_user_id, deleted_source_id, ${millis('deleted_at')} AS deleted_at`,
      [companyId, entity, id],
    );
    if (!row) throw new Error('the row of an entity was neither written nor found');
    return { turn: textOf(row['turn']), deleted: deletedOf(row) };
  }

  async history(tx: Tx, { companyId, entity, id }: EntityKey, fields: ReadonlyMap<string, string | null | undefined>): Promise<ReadonlyMap<string, FieldHistory>> {
    const found = new Map<string, { -readonly [Name in keyof FieldHistory]: FieldHistory[Name] }>();
    if (fields.size === 0) return found;
    const asked = [...fields].map(([field, expected]) => ({ field, expected: expected ?? null, origin: expected === null }));
    const of = `FROM ${this.#settings.schema}.field_versions v WHERE v.company_id = $1::text AND v.entity = $2::text AND v.entity_id = $3::text AND v.field = f.field`;
    const one = (what: string, where: string, order: string): string => `(SELECT '${what}' AS what, v.* ${of} ${where} ORDER BY v.turn ${order} LIMIT 1)`;
    const rows = await this.#query(
      tx,
      `SELECT h.what, h.field, h.transaction_id, h.value, h.user_id, ${millis('h.at')} AS at, (h.replaced_at IS NOT NULL)::text AS replaced
      FROM json_to_recordset($4::text::json) AS f(field text, expected text, origin boolean)
      CROSS JOIN LATERAL (
        ${one('newest', '', 'DESC')}
        UNION ALL ${one('expected', 'AND f.expected IS NOT NULL AND v.transaction_id = f.expected', 'DESC')}
        UNION ALL ${one('origin', 'AND f.origin AND v.origin', 'DESC')}
      ) h`,
      [companyId, entity, id, JSON.stringify(asked)],
    );
    for (const row of rows) {
      const field = textOf(row['field']);
      let history = found.get(field);
      if (!history) found.set(field, (history = { newest: undefined, expected: undefined, origin: undefined }));
      history[row['what'] as keyof FieldHistory] = versionOf(row);
    }
    return found;
  }

  async write(tx: Tx, key: EntityKey, turn: string, author: Author, fields: readonly FieldWrite[]): Promise<void> {
    const { schema } = this.#settings;
    await this.#query(
      tx,
      `WITH ${this.#replacing('AND v.field IN (SELECT field FROM f)')},
        there AS (UPDATE ${schema}.entities SET deleted_at = NULL, deleted_transaction_id = NULL, deleted_user_id = NULL, deleted_source_id = NULL WHERE ${OF_ENTITY} AND deleted_at IS NOT NULL)
      INSERT INTO ${schema}.field_versions ${COLUMNS}
      SELECT $1::text, $2::text, $3::text, field, $5::text::bigint, $6::text, value, $7::text, $8::text, NULL, false FROM f`,
      writing(key, turn, author, fields),
    );
  }

  async erase(tx: Tx, key: EntityKey, turn: string, author: Author, fields: readonly FieldWrite[]): Promise<void> {
    await this.#query(
      tx,
      `WITH ${this.#replacing('')}
      UPDATE ${this.#settings.schema}.entities SET deleted_at = clock_timestamp(), deleted_transaction_id = $6::text, deleted_user_id = $7::text, deleted_source_id = $8::text WHERE ${OF_ENTITY}`,
      writing(key, turn, author, fields),
    );
  }

  /** What the fields were until now, `f` being what they become. */
  #replacing(which: string): string {
    const table = `${this.#settings.schema}.field_versions`;
    return `f AS MATERIALIZED (SELECT * FROM json_to_recordset($4::text::json) AS f(field text, value text, before text, before_value text, origin boolean)),
        replaced AS (UPDATE ${table} v SET replaced_at = clock_timestamp() WHERE ${OF_ENTITY} ${which} AND v.replaced_at IS NULL),
        unversioned AS (
          INSERT INTO ${table} ${COLUMNS}
          SELECT $1::text, $2::text, $3::text, field, $5::text::bigint - 1, before, before_value, '', NULL, clock_timestamp(), origin FROM f WHERE before IS NOT NULL)`;
  }

  async clean(): Promise<number> {
    const { schema, keepMs } = this.#settings;
    let removed = 0;
    for (const [table, time, more] of [
      ['transactions', 'created_at', ''],
      ['field_versions', 'replaced_at', ''],
      // Its turn is what its versions are told apart by.
      ['entities', 'deleted_at', `AND NOT EXISTS (SELECT FROM ${schema}.field_versions f WHERE (f.company_id, f.entity, f.entity_id) = (o.company_id, o.entity, o.entity_id))`],
    ]) {
      for (let batch = 0; batch < CLEAN_BATCHES; batch++) {
        const rows = await this.#apart((tx) =>
          this.#query(
            tx,
            // Whoever has a row locked uses it; another time.
            `DELETE FROM ${schema}.${table} WHERE ctid = ANY (ARRAY(
              SELECT ctid FROM ${schema}.${table} o WHERE ${time} < now() - make_interval(secs => $1::text::float8 / 1000) ${more} LIMIT ${CLEAN_ROWS} FOR UPDATE SKIP LOCKED)) RETURNING 1 AS one`,
            [String(keepMs)],
          ),
        );
        removed += rows.length;
        if (rows.length < CLEAN_ROWS) break;
      }
    }
    return removed;
  }

  /** A transaction that no other one fails: it needs no more than what is committed. */
  #apart<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    return this.run(async (tx) => {
      await this.#client.query(tx, 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED', []);
      return body(tx);
    });
  }

  async newest(companyId: string, entity: string, ids: readonly string[], tx?: Tx): Promise<ReadonlyMap<string, KnownEntity>> {
    const { schema } = this.#settings;
    // LIMIT 1: each by its key. Else a planner that thinks the company small reads all of its entities.
    const read = (own: Tx): Promise<readonly Record<string, unknown>[]> =>
      this.#query(
        own,
        `SELECT e.entity_id, v.field, v.transaction_id, v.value, v.user_id, ${millis('v.at')} AS at, (v.replaced_at IS NOT NULL)::text AS replaced,
          e.deleted_transaction_id, e.deleted_user_id, e.deleted_source_id, ${millis('e.deleted_at')} AS deleted_at
        FROM json_array_elements_text($3::text::json) AS asked(id)
        CROSS JOIN LATERAL (SELECT * FROM ${schema}.entities o WHERE o.company_id = $1::text AND o.entity = $2::text AND o.entity_id = asked.id LIMIT 1) e
        LEFT JOIN LATERAL (
          SELECT DISTINCT ON (field) * FROM ${schema}.field_versions f
          WHERE f.company_id = e.company_id AND f.entity = e.entity AND f.entity_id = e.entity_id ORDER BY field, turn DESC
        ) v ON true`,
        [companyId, entity, JSON.stringify(ids)],
      );
    // Another connection, asked for by each who has one, is the one that a full pool waits for.
    const rows = await (tx === undefined ? this.#again(() => this.run(read)) : read(tx));
    const found = new Map<string, { deleted: LockedEntity['deleted']; fields: Map<string, Version> }>();
    for (const row of rows) {
      const id = textOf(row['entity_id']);
      let known = found.get(id);
      if (!known) found.set(id, (known = { deleted: deletedOf(row), fields: new Map() }));
      if (typeof row['field'] === 'string') known.fields.set(row['field'], versionOf(row));
    }
    return found;
  }

  async forget(companyId: string): Promise<void> {
    const { schema } = this.#settings;
    await this.#again(() =>
      this.#apart(async (tx) => {
        // In the order in which mutations take them. Two entities of one mutation may still cross it.
        for (const table of ['entities', 'field_versions', 'transactions']) await this.#query(tx, `DELETE FROM ${schema}.${table} WHERE company_id = $1::text`, [companyId]);
      }),
    );
  }

  async #again<T>(work: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      try {
        return await work();
      } catch (thrown) {
        if (tried === TRIES || !this.isPassing(thrown)) throw thrown;
      }
    }
  }

  isPassing(error: unknown): boolean {
    if (error instanceof EndedByHand) return false;
    return error instanceof Vanished || PASSING.has(sqlStateOf(error));
  }

  async #query(tx: Tx, sql: string, params: readonly SqlText[]): Promise<readonly Record<string, unknown>[]> {
    try {
      return await this.#client.query(tx, sql, params);
    } catch (thrown) {
      if (!NOT_SET_UP.has(sqlStateOf(thrown))) throw thrown;
      throw new PathcastError(
        'INVALID_OPTION',
        `the tables of sync.transaction() cannot be used (${messageOf(thrown)}): run the SQL of transactionTables() of pathcast/postgres in a migration, and grant the app's user USAGE on the schema ${this.#settings.schema} and SELECT, INSERT, UPDATE, DELETE on its tables`,
        { cause: thrown },
      );
    }
  }
}

const OF_ENTITY = 'company_id = $1::text AND entity = $2::text AND entity_id = $3::text';
const COLUMNS = '(company_id, entity, entity_id, field, turn, transaction_id, value, user_id, source_id, replaced_at, origin)';

function writing({ companyId, entity, id }: EntityKey, turn: string, { transactionId, userId, sourceId }: Author, fields: readonly FieldWrite[]): SqlText[] {
  const given = fields.map(({ field, value, before }) => ({ field, value, before: before?.version, before_value: before?.value, origin: before?.origin }));
  return [companyId, entity, id, JSON.stringify(given), turn, transactionId, userId, sourceId ?? null];
}

/** Unix ms as digits: clients differ in what they make of a time. */
function millis(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::bigint::text`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`a text was expected of the database, got a ${typeof value}`);
}

function optional(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function versionOf(row: Record<string, unknown>): Version {
  return {
    version: textOf(row['transaction_id']),
    value: optional(row['value']),
    userId: textOf(row['user_id']),
    at: Number(row['at']),
    replaced: row['replaced'] === 'true',
  };
}

function deletedOf(row: Record<string, unknown>): LockedEntity['deleted'] {
  const { deleted_transaction_id: transactionId, deleted_user_id: userId, deleted_source_id: sourceId, deleted_at: at } = row;
  return typeof transactionId === 'string' ? { transactionId, userId: textOf(userId), sourceId: optional(sourceId), at: Number(at) } : undefined;
}

/** A transaction that was ended by hand after its claim has a record and no answer. */
function answerOf({ answer_kind: kind, answer }: Record<string, unknown>): Answer {
  if (kind === 'value' && typeof answer === 'string') return { kind: 'value', text: answer };
  return { kind: kind === 'undefined' ? 'undefined' : 'lost' };
}
