/**
 * Column types of the reference database: how a value is stored and read back.
 * Everything bound to a statement goes through `encode`, because the SQLite driver ends the process
 * when it is given a boolean and silently shortens strings at a NUL.
 */

/** What may be bound to a statement. */
export type SqlValue = string | number | null;

export interface Column<T, Optional extends boolean = boolean> {
  readonly sqlType: 'TEXT' | 'INTEGER' | 'REAL';
  readonly nullable: boolean;
  /** Used when an insert leaves the column out; `undefined`: the insert must give it. */
  readonly fallback: T | undefined;
  readonly encode: (value: T) => SqlValue;
  readonly decode: (value: SqlValue) => T;
  /** Type level only: an insert may leave the column out. */
  readonly optional?: Optional;
}

/** A column under construction: `col.text().nullable()`, `col.int().default(1)`. */
export interface ColumnBuilder<T> extends Column<T, false> {
  orNull(): Column<T | null, true>;
  default(value: T): Column<T, true>;
}

function build<T>(
  sqlType: Column<T>['sqlType'],
  encode: (value: T) => SqlValue,
  decode: (value: SqlValue) => T,
): ColumnBuilder<T> {
  const base = { sqlType, nullable: false, fallback: undefined, encode, decode };
  return {
    ...base,
    orNull: () => ({
      sqlType,
      nullable: true,
      fallback: null,
      encode: (value) => (value === null ? null : encode(value)),
      decode: (value) => (value === null ? null : decode(value)),
    }),
    default: (fallback) => ({ ...base, fallback }),
  };
}

/** Strings reach the driver without NUL; input schemas refuse it earlier with a clear message. */
function encodeText(value: string): string {
  if (value.includes('\0')) throw new TypeError('text columns cannot hold NUL characters');
  return value;
}

export const col = {
  text: () => build<string>('TEXT', encodeText, (value) => String(value)),
  /** One of a fixed set of words. */
  oneOf: <W extends string>(..._words: readonly W[]) => build<W>('TEXT', encodeText, (value) => String(value) as W),
  int: () => build<number>('INTEGER', (value) => Math.trunc(value), (value) => Number(value)),
  real: () => build<number>('REAL', (value) => value, (value) => Number(value)),
  bool: () => build<boolean>('INTEGER', (value) => (value ? 1 : 0), (value) => value === 1),
  json: <J>() => build<J>('TEXT', (value) => JSON.stringify(value), (value) => JSON.parse(String(value)) as J),
};
