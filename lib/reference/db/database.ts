/**
 * The SQLite file behind the reference server, by Drizzle on libSQL: opened once, closed last. Reads go on beside a
 * transaction. Transactions go one after another: the driver waits for a lock with the JavaScript thread, on which the
 * transaction that holds it would have to go on.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient, type Client } from '@libsql/client/sqlite3';
import { drizzle, type LibSQLDatabase } from 'drizzle-orm/libsql';
import { getTableConfig, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import { SCHEMA_VERSION, TABLES } from './schema.js';

export type Db = LibSQLDatabase;

/** Connections to the file, and so reads at once; more wait. */
const CONNECTIONS = 8;

export class Database {
  /** Called with each statement's text before it runs; a seam for tests. */
  onStatement: ((sql: string) => void) | undefined;
  readonly db: Db;
  readonly client: Client;
  readonly #removeWhenClosed: string | undefined;
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(client: Client, removeWhenClosed?: string) {
    this.client = client;
    this.#removeWhenClosed = removeWhenClosed;
    this.db = drizzle(client, { logger: { logQuery: (query) => this.onStatement?.(query) } });
  }

  /** Runs `work` when those that came before it are done. Bounded by the requests under way, which wait for it. */
  inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  /** Idempotent. */
  close(): void {
    if (!this.client.closed) this.client.close();
    if (this.#removeWhenClosed !== undefined) rmSync(this.#removeWhenClosed, { recursive: true, force: true });
  }
}

/**
 * Opens (and makes, if it is new) the database at `path`; `:memory:` is a file of its own that goes with the server, for
 * several connections cannot share what is in memory. Throws when the file cannot be written, or belongs to another
 * version of the schema.
 */
export async function openDatabase(path: string): Promise<Database> {
  const folder = path === ':memory:' ? mkdtempSync(join(tmpdir(), 'pathcast-reference-')) : undefined;
  const file = folder === undefined ? path : join(folder, 'data.sqlite');
  let client: Client | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    client = createClient({ url: pathToFileURL(file).href, concurrency: CONNECTIONS });
    // WAL: readers never wait.
    await client.execute('PRAGMA journal_mode = WAL');
    await createTables(client, path);
    return new Database(client, folder);
  } catch (error) {
    client?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    if (error instanceof WrongVersion) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the database ${path} cannot be opened for writing (${why}). Set PATHCAST_DB to a file in a folder that you may write to.`, {
      cause: error,
    });
  }
}

class WrongVersion extends Error {}

/** A table never changes here: another version is another file. An app that lives lets drizzle-kit write its migrations. */
async function createTables(client: Client, path: string): Promise<void> {
  const { rows } = await client.execute('SELECT user_version AS version FROM pragma_user_version');
  const found = Number(rows[0]?.['version'] ?? 0);
  if (found !== 0 && found !== SCHEMA_VERSION) {
    throw new WrongVersion(`${path} holds schema version ${found}; this server needs ${SCHEMA_VERSION}. Remove the file or set PATHCAST_DB.`);
  }
  const statements = Object.values<SQLiteTable>(TABLES).flatMap(ddlOf);
  await client.batch([...statements, `PRAGMA user_version = ${SCHEMA_VERSION}`], 'write');
}

function ddlOf(table: SQLiteTable): string[] {
  const { name, columns, primaryKeys, indexes } = getTableConfig(table);
  const namesOf = (list: readonly unknown[]) => list.map((column) => `"${(column as { name: string }).name}"`).join(', ');
  const parts = [
    ...columns.map((column) => `"${column.name}" ${column.getSQLType()}${column.notNull ? ' NOT NULL' : ''}`),
    ...primaryKeys.map((key) => `PRIMARY KEY (${namesOf(key.columns)})`),
  ];
  return [
    `CREATE TABLE IF NOT EXISTS "${name}" (${parts.join(', ')})`,
    ...indexes.map(({ config }) => `CREATE INDEX IF NOT EXISTS "${config.name}" ON "${name}" (${namesOf(config.columns)})`),
  ];
}
