/**
 * A table as a value: its name, its columns and the row types that follow from them. Every table
 * also has `companyId`, `id`, `createdAt` and `updatedAt`; its key is (companyId, id), so that the
 * same id in two companies is two rows and no lookup can leave its company.
 */
import type { Column } from './column.js';

// `encode` takes what `decode` gives, so no narrower bound than `any` fits every column.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyColumns = Record<string, Column<any>>;

export interface Table<N extends string = string, C extends AnyColumns = AnyColumns> {
  readonly name: N;
  readonly columns: C;
  /** `ORDER BY` of lists. */
  readonly orderBy: string;
  /** Columns that lists are narrowed by. */
  readonly indexes: readonly string[];
}

type ValueOf<X> = X extends Column<infer T> ? T : never;
type OptionalKeys<C extends AnyColumns> = {
  [K in keyof C]: C[K] extends Column<ValueOf<C[K]>, true> ? K : never;
}[keyof C];

export interface Stamps {
  id: string;
  /** Unix ms. */
  createdAt: number;
  /** Unix ms. */
  updatedAt: number;
}

/** A row as procedures return it: without its company, which the session implies. */
export type RowOf<T extends Table> = { [K in keyof T['columns']]: ValueOf<T['columns'][K]> } & Stamps;

/** What an insert takes. */
export type NewRow<T extends Table> = { id?: string | undefined } & {
  [K in Exclude<keyof T['columns'], OptionalKeys<T['columns']>>]: ValueOf<T['columns'][K]>;
} & { [K in OptionalKeys<T['columns']>]?: ValueOf<T['columns'][K]> | undefined };

/** What a change takes; an absent or undefined part stays as it is. */
export type PatchOf<T extends Table> = {
  [K in keyof T['columns']]?: ValueOf<T['columns'][K]> | undefined;
};

export function defineTable<const N extends string, C extends AnyColumns>(
  name: N,
  columns: C,
  options: { orderBy: string; indexes?: readonly (keyof C & string)[] },
): Table<N, C> {
  return { name, columns, orderBy: options.orderBy, indexes: options.indexes ?? [] };
}

/** `CREATE TABLE` and its indexes. */
export function tableDdl(table: Table): string {
  const columns = Object.entries(table.columns).map(
    ([name, column]) => `  "${name}" ${column.sqlType}${column.nullable ? '' : ' NOT NULL'}`,
  );
  const create = [
    `CREATE TABLE IF NOT EXISTS "${table.name}" (`,
    [
      '  "companyId" TEXT NOT NULL',
      '  "id" TEXT NOT NULL',
      ...columns,
      '  "createdAt" INTEGER NOT NULL',
      '  "updatedAt" INTEGER NOT NULL',
      '  PRIMARY KEY ("companyId", "id")',
    ].join(',\n'),
    ') WITHOUT ROWID;',
  ].join('\n');
  const indexes = table.indexes.map(
    (column) =>
      `CREATE INDEX IF NOT EXISTS "${table.name}_${column}" ON "${table.name}" ("companyId", "${column}");`,
  );
  return [create, ...indexes].join('\n');
}
