/**
 * One company's view of the database. Every statement carries the company's id, so a procedure
 * cannot reach another company's rows. `Store` reads; `Tx`, which `Store.transaction` gives, also
 * writes and remembers which tables it really changed: that is what a broadcast is made of.
 */
import { randomUUID } from 'node:crypto';
import type { SqlValue } from './column.js';
import type { Database, SqlRow } from './database.js';
import type { TableName } from './schema.js';
import type { NewRow, PatchOf, RowOf, Table } from './table.js';

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

/** Narrowing of a list: equal columns; `undefined` narrows nothing. */
export type Where<T extends Table> = PatchOf<T> & { id?: string | undefined };

type AppTable = Table<TableName>;

function encodeColumn(table: Table, name: string, value: unknown): SqlValue {
  if (name === 'id') return String(value);
  const column = table.columns[name];
  if (!column) throw new TypeError(`${table.name} has no column ${name}`);
  if (value === null && !column.nullable) throw new TypeError(`${table.name}.${name} cannot be null`);
  return column.encode(value);
}

function decodeRow<T extends Table>(table: T, row: SqlRow): RowOf<T> {
  const result: Record<string, unknown> = { id: String(row['id']) };
  for (const [name, column] of Object.entries(table.columns)) result[name] = column.decode(row[name] ?? null);
  result['createdAt'] = Number(row['createdAt']);
  result['updatedAt'] = Number(row['updatedAt']);
  return result as RowOf<T>;
}

export class Store {
  constructor(
    protected readonly db: Database,
    readonly companyId: string,
  ) {}

  list<T extends AppTable>(table: T, where: Where<T> = {}): RowOf<T>[] {
    const { clause, parameters } = this.#where(table, where);
    return this.db
      .all(`SELECT * FROM "${table.name}" WHERE ${clause} ORDER BY ${table.orderBy}`, parameters)
      .map((row) => decodeRow(table, row));
  }

  find<T extends AppTable>(table: T, id: string): RowOf<T> | undefined {
    const [row] = this.db.all(`SELECT * FROM "${table.name}" WHERE "companyId" = ? AND "id" = ?`, [this.companyId, id]);
    return row && decodeRow(table, row);
  }

  /** Throws `RowNotFound`. */
  need<T extends AppTable>(table: T, id: string): RowOf<T> {
    const row = this.find(table, id);
    if (!row) throw new RowNotFound(table.name, id);
    return row;
  }

  /**
   * A SELECT of one's own. `?1` is the company's id and must be used; further parameters follow.
   */
  select<R>(sql: string, parameters: readonly SqlValue[] = []): R[] {
    if (!sql.includes('?1')) throw new Error('a select must be narrowed to the company by ?1');
    return this.db.all(sql, [this.companyId, ...parameters]) as R[];
  }

  /** Runs `work` in one transaction. */
  transaction<R>(work: (tx: Tx) => R): R {
    const tx = new Tx(this.db, this.companyId);
    return this.db.transaction(() => work(tx));
  }

  #where<T extends AppTable>(table: T, where: Where<T>): { clause: string; parameters: SqlValue[] } {
    const clauses = ['"companyId" = ?'];
    const parameters: SqlValue[] = [this.companyId];
    for (const [name, value] of Object.entries(where)) {
      if (value === undefined) continue;
      if (value === null) {
        clauses.push(`"${name}" IS NULL`);
      } else {
        parameters.push(encodeColumn(table, name, value));
        clauses.push(`"${name}" = ?`);
      }
    }
    return { clause: clauses.join(' AND '), parameters };
  }
}

export class Tx extends Store {
  /** Tables with at least one row inserted, changed or deleted. */
  readonly touched = new Set<TableName>();
  /** One moment for all stamps of the transaction, Unix ms. */
  readonly now = Date.now();

  /** Inserts and returns the row; the id is a UUID unless given. Throws `RowExists`. */
  insert<T extends AppTable>(table: T, row: NewRow<T>): RowOf<T> {
    const given = row as Record<string, unknown>;
    if (row.id !== undefined && this.find(table, row.id)) throw new RowExists(table.name, row.id);
    const id = row.id ?? randomUUID();
    const names = ['companyId', 'id', 'createdAt', 'updatedAt'];
    const values: SqlValue[] = [this.companyId, id, this.now, this.now];
    for (const [name, column] of Object.entries(table.columns)) {
      const value: unknown = given[name] === undefined ? column.fallback : given[name];
      if (value === undefined) throw new TypeError(`${table.name}.${name} is missing`);
      names.push(name);
      values.push(encodeColumn(table, name, value));
    }
    const columns = names.map((name) => `"${name}"`).join(', ');
    const places = names.map(() => '?').join(', ');
    this.db.run(`INSERT INTO "${table.name}" (${columns}) VALUES (${places})`, values);
    this.touched.add(table.name);
    return this.need(table, id);
  }

  /** Changes a row where `patch` differs from it; a patch that changes nothing writes nothing. */
  patch<T extends AppTable>(table: T, id: string, patch: PatchOf<T>): RowOf<T> {
    const current = this.need(table, id) as Record<string, unknown>;
    const sets: string[] = [];
    const values: SqlValue[] = [];
    for (const [name, value] of Object.entries(patch)) {
      if (value === undefined) continue;
      const encoded = encodeColumn(table, name, value);
      if (encoded === encodeColumn(table, name, current[name])) continue;
      sets.push(`"${name}" = ?`);
      values.push(encoded);
    }
    if (sets.length === 0) return current as RowOf<T>;
    this.db.run(
      `UPDATE "${table.name}" SET ${sets.join(', ')}, "updatedAt" = ? WHERE "companyId" = ? AND "id" = ?`,
      [...values, this.now, this.companyId, id],
    );
    this.touched.add(table.name);
    return this.need(table, id);
  }

  /** Deletes and returns the row. Throws `RowNotFound`. */
  remove<T extends AppTable>(table: T, id: string): RowOf<T> {
    const row = this.need(table, id);
    this.db.run(`DELETE FROM "${table.name}" WHERE "companyId" = ? AND "id" = ?`, [this.companyId, id]);
    this.touched.add(table.name);
    return row;
  }

  /** Deletes all rows that match, and returns them. */
  removeWhere<T extends AppTable>(table: T, where: Where<T>): RowOf<T>[] {
    const rows = this.list(table, where);
    for (const row of rows) {
      this.db.run(`DELETE FROM "${table.name}" WHERE "companyId" = ? AND "id" = ?`, [this.companyId, row.id]);
    }
    if (rows.length > 0) this.touched.add(table.name);
    return rows;
  }
}
