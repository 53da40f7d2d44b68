/**
 * The SQLite file behind the reference server: opened once, used on the JavaScript thread only,
 * closed last. Transactions are synchronous, so no other request runs between BEGIN and COMMIT.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Libsql from 'libsql';
import type { SqlValue } from './column.js';
import { SCHEMA_VERSION, TABLES } from './schema.js';
import { tableDdl } from './table.js';

export type SqlRow = Record<string, SqlValue>;

/** Prepared statements kept; the texts are all our own, so the bound is only reached by a mistake. */
const MAX_STATEMENTS = 500;

export class Database {
  /** Called with each statement's text before it runs; a seam for tests. */
  onStatement: ((sql: string) => void) | undefined;

  readonly #db: Libsql.Database;
  readonly #statements = new Map<string, Libsql.Statement>();
  #inTransaction = false;

  constructor(db: Libsql.Database) {
    this.#db = db;
  }

  all(sql: string, parameters: readonly SqlValue[] = []): SqlRow[] {
    return this.#prepare(sql).all(...parameters) as SqlRow[];
  }

  run(sql: string, parameters: readonly SqlValue[] = []): number {
    return this.#prepare(sql).run(...parameters).changes;
  }

  /** Runs `work` in one transaction: all of it or, if it throws, nothing of it. */
  transaction<T>(work: () => T): T {
    if (this.#inTransaction) throw new Error('a transaction is already open');
    this.#inTransaction = true;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  /** Idempotent. */
  close(): void {
    this.#statements.clear();
    if (this.#db.open) this.#db.close();
  }

  #prepare(sql: string): Libsql.Statement {
    this.onStatement?.(sql);
    let statement = this.#statements.get(sql);
    if (!statement) {
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Opens (and makes, if it is new) the database at `path`; `:memory:` keeps nothing.
 * Throws when the file belongs to another version of the schema.
 */
export function openDatabase(path: string): Database {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const db = new Libsql(path);
  try {
    // WAL: readers never wait. NORMAL: a power cut may lose the last commits, never the file.
    if (path !== ':memory:') db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = NORMAL');
    db.exec('PRAGMA busy_timeout = 5000');
    const found = userVersion(db);
    if (found !== 0 && found !== SCHEMA_VERSION) {
      throw new Error(`${path} holds schema version ${found}; this server needs ${SCHEMA_VERSION}. Remove the file or set PATHCAST_DB.`);
    }
    for (const table of TABLES) db.exec(tableDdl(table));
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  } catch (error) {
    db.close();
    throw error;
  }
  return new Database(db);
}

function userVersion(db: Libsql.Database): number {
  const [row] = db.prepare('SELECT user_version AS version FROM pragma_user_version').all() as { version: number }[];
  return row?.version ?? 0;
}
