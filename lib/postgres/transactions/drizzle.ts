/** `drizzleStore(db)`: for Drizzle over PostgreSQL, with whatever driver has transactions. */
import { PathcastError } from '../../protocol/error.js';
import { describeType } from '../../internal/describe.js';
import { checkObject } from '../../server/check.js';
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.js';
import type { SqlText } from './sql-client.js';

/** What is asked of Drizzle. */
export interface DrizzleDatabase {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Drizzle's own types of its transactions
  transaction(body: (tx: any) => Promise<any>, config?: any): Promise<any>;
}

export type DrizzleTransactionOf<Db> = Db extends { transaction(body: (tx: infer Tx extends object) => Promise<never>, ...rest: never[]): unknown } ? Tx : object;

/** `sql` of drizzle-orm. */
export interface DrizzleSql {
  raw(text: string): unknown;
  param(value: unknown): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Drizzle's own types of its parts
  join(parts: any[]): unknown;
}

export interface DrizzleStoreOptions extends PostgresStoreOptions {
  /** `import { sql } from 'drizzle-orm'`: the app's own, whose copy its database knows. */
  sql: DrizzleSql;
  /** Given to `db.transaction(body, config)`. */
  config?: { isolationLevel?: 'read committed' | 'repeatable read' | 'serializable' | undefined } | undefined;
}

type Execute = (query: unknown) => Promise<unknown>;

/** `drizzleStore(db, { sql })`; `ctx.tx` is Drizzle's transaction. Throws INVALID_OPTION. */
export function drizzleStore<Db extends DrizzleDatabase>(db: Db, options: DrizzleStoreOptions): PostgresStore<DrizzleTransactionOf<Db>> {
  // Not quoted: it may be the address of a database.
  if (!isHolder(db) || typeof db.transaction !== 'function' || typeof (db as { execute?: unknown }).execute !== 'function')
    throw new PathcastError('INVALID_OPTION', `drizzleStore() takes a database of drizzle-orm over PostgreSQL, got ${describeType(db)}`);
  const { sql, config, ...rest } = checkObject('the options of drizzleStore()', options, 'INVALID_OPTION') as unknown as DrizzleStoreOptions;
  if (!isHolder(sql) || !['raw', 'param', 'join'].every((name) => typeof (sql as unknown as Record<string, unknown>)[name] === 'function'))
    throw new PathcastError('INVALID_OPTION', `drizzleStore(db, { sql }) needs sql of drizzle-orm, got ${describeType(sql)}`);
  const store = postgresStore<{ execute: Execute }>(
    {
      run: (body) => db.transaction(body, config) as ReturnType<typeof body>,
      query: async (tx, text, params) => {
        const answer = await tx.execute(statement(sql, text, params));
        return (Array.isArray(answer) ? answer : (answer as { rows: unknown }).rows) as Record<string, unknown>[];
      },
    },
    rest,
  );
  return store as unknown as PostgresStore<DrizzleTransactionOf<Db>>;
}

/** `$1` and so on, in any order, as Drizzle's parameters. */
function statement(sql: DrizzleSql, text: string, params: readonly SqlText[]): unknown {
  const parts = text.split(/\$(\d+)/);
  return sql.join(parts.map((part, at) => (at % 2 === 0 ? sql.raw(part) : sql.param(params[Number(part) - 1] ?? null))));
}

function isHolder(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
