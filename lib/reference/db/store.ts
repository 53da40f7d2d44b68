/**
 * One company's view of the database. Every statement carries the company's id, so a procedure cannot reach another
 * company's rows. `Store` reads; `Tx`, which `Store.transaction` gives, also writes.
 */
import { randomUUID } from 'node:crypto';
import type { ResultSet } from '@libsql/client/sqlite3';
import { and, eq, getTableColumns, isNull, type Column, type SQL } from 'drizzle-orm';
import type { BaseSQLiteDatabase, SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Database, Db } from './database.js';
import type { NewRow, PatchOf, RowOf, Where } from './rows.js';
import { ORDER, TABLES, type AppTable, type TableName } from './schema.js';

/** A row that the company does not have. Procedures answer NOT_FOUND. */
export class RowNotFound extends Error {
  constructor(
    readonly table: string,
    readonly rowId: string,
  ) {
    super(`${table} has no row ${JSON.stringify(rowId)}`);
    this.name = 'RowNotFound';
  }
}

/** An insert with an id that the company already has. Procedures answer CONFLICT. */
export class RowExists extends Error {
  constructor(table: string, rowId: string) {
    super(`${table} already has a row ${JSON.stringify(rowId)}`);
    this.name = 'RowExists';
  }
}

/** The database, or a transaction of it. */
type Executor = BaseSQLiteDatabase<'async', ResultSet>;
/** What Drizzle knows of each table: its columns, and those that are read, which are all but the company. */
const LAYOUT = new Map<AppTable, { name: TableName; columns: Record<string, Column>; visible: Record<string, SQLiteColumn> }>(
  Object.entries(TABLES).map(([name, table]) => {
    const columns: Record<string, Column> = getTableColumns(table);
    const { companyId: _, ...visible } = getTableColumns(table);
    return [table, { name: name as TableName, columns, visible }];
  }),
);

function layoutOf(table: AppTable) {
  const layout = LAYOUT.get(table);
  if (!layout) throw new TypeError('the table is none of the schema');
  return layout;
}

export class Store {
  constructor(
    protected readonly executor: Executor,
    readonly companyId: string,
  ) {}

  async list<T extends AppTable>(table: T, where: Where<T> = {}): Promise<RowOf<T>[]> {
    const rows = await this.executor
      .select(layoutOf(table).visible)
      .from(table as SQLiteTable)
      .where(this.narrow(table, where))
      .orderBy(...ORDER[layoutOf(table).name]);
    return rows as RowOf<T>[];
  }

  async find<T extends AppTable>(table: T, id: string): Promise<RowOf<T> | undefined> {
    const [row] = await this.executor.select(layoutOf(table).visible).from(table as SQLiteTable).where(this.narrow(table, { id }));
    return row as RowOf<T> | undefined;
  }

  /** Throws `RowNotFound`. */
  async need<T extends AppTable>(table: T, id: string): Promise<RowOf<T>> {
    const [row] = await this.executor.select(layoutOf(table).visible).from(table as SQLiteTable).where(this.narrow(table, { id }));
    if (!row) throw new RowNotFound(layoutOf(table).name, id);
    return row as RowOf<T>;
  }

  /** The rows of this company for which all of `where` holds. */
  protected narrow(table: AppTable, where: Readonly<Record<string, unknown>>): SQL | undefined {
    const { columns, name: tableName } = layoutOf(table);
    const parts = [eq(table.companyId, this.companyId)];
    for (const [name, value] of Object.entries(where)) {
      const column = columns[name];
      if (!column) throw new TypeError(`${tableName} has no column ${name}`);
      if (value !== undefined) parts.push(value === null ? isNull(column) : eq(column, value));
    }
    return and(...parts);
  }
}

/** Each has some twenty columns; SQLite binds at most 32,766 values. */
const ROWS_AT_ONCE = 500;

export class Tx extends Store {
  /** Drizzle's transaction: what `sync.afterCommit` takes. */
  get handle(): object {
    return this.executor;
  }

  /** Tables with at least one row inserted, changed or deleted. */
  readonly touched = new Set<string>();
  /** One moment for all stamps of the transaction, Unix ms. */
  readonly now = Date.now();

  /** Inserts and returns the row. Throws `RowExists`. */
  async insert<T extends AppTable>(table: T, row: NewRow<T>): Promise<RowOf<T>> {
    const values = this.#stamped(row);
    const [made] = await this.executor.insert(table as SQLiteTable).values(values).onConflictDoNothing().returning(layoutOf(table).visible);
    if (!made) throw new RowExists(layoutOf(table).name, values.id);
    this.touched.add(layoutOf(table).name);
    return made as RowOf<T>;
  }

  /** Inserts and returns the rows, in their order. */
  async insertMany<T extends AppTable>(table: T, rows: readonly NewRow<T>[]): Promise<RowOf<T>[]> {
    const made: RowOf<T>[] = [];
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      const values = rows.slice(from, from + ROWS_AT_ONCE).map((row) => this.#stamped(row));
      made.push(...((await this.executor.insert(table as SQLiteTable).values(values).returning(layoutOf(table).visible)) as RowOf<T>[]));
      this.touched.add(layoutOf(table).name);
    }
    return made;
  }

  /** Changes a row where `patch` differs from it; a patch that changes nothing writes nothing. Throws `RowNotFound`. */
  async patch<T extends AppTable>(table: T, id: string, patch: PatchOf<T>): Promise<RowOf<T>> {
    const current = await this.need(table, id);
    const changes = changesOf(table, current, patch);
    if (Object.keys(changes).length === 0) return current;
    const [changed] = await this.executor
      .update(table as SQLiteTable)
      .set({ ...changes, updatedAt: this.now })
      .where(this.narrow(table, { id }))
      .returning(layoutOf(table).visible);
    this.touched.add(layoutOf(table).name);
    return changed as RowOf<T>;
  }

  /** Deletes and returns the row. Throws `RowNotFound`. */
  async remove<T extends AppTable>(table: T, id: string): Promise<RowOf<T>> {
    const [row] = await this.executor.delete(table as SQLiteTable).where(this.narrow(table, { id })).returning(layoutOf(table).visible);
    if (!row) throw new RowNotFound(layoutOf(table).name, id);
    this.touched.add(layoutOf(table).name);
    return row as RowOf<T>;
  }

  /** Deletes all rows that match, and returns them. */
  async removeWhere<T extends AppTable>(table: T, where: Where<T>): Promise<RowOf<T>[]> {
    const rows = await this.executor.delete(table as SQLiteTable).where(this.narrow(table, where)).returning(layoutOf(table).visible);
    if (rows.length > 0) this.touched.add(layoutOf(table).name);
    return rows as RowOf<T>[];
  }

  #stamped(row: object & { id?: string | undefined }) {
    const id = row.id ?? randomUUID();
    return { ...row, companyId: this.companyId, id, createdAt: this.now, updatedAt: this.now };
  }
}

/** The part of a patch that the row does not say already, compared as the database holds it. */
function changesOf(table: AppTable, current: object, patch: object): Record<string, unknown> {
  const columns = layoutOf(table).columns;
  const held = (name: string, value: unknown): unknown => (value === null ? null : columns[name]?.mapToDriverValue(value));
  return Object.fromEntries(
    Object.entries(patch).filter(
      ([name, value]) => value !== undefined && held(name, value) !== held(name, (current as Record<string, unknown>)[name]),
    ),
  );
}

/** A company's store with transactions. `db` is the sync's: what is broadcast inside waits for the commit. */
export class CompanyStore extends Store {
  constructor(
    private readonly database: Pick<Database, 'inTurn'>,
    private readonly db: Db,
    companyId: string,
  ) {
    super(db, companyId);
  }

  /** Runs `work` in one transaction: all of it or, if it throws, nothing of it. */
  transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R> {
    return this.database.inTurn(() => this.db.transaction((tx) => work(new Tx(tx, this.companyId))));
  }
}
