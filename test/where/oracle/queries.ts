/** Queries at random: what their inputs mean, and the SQL that they are. */
import type { Random } from '../../support/random.js';
import type { Column, Row, Table, Tables } from './schema.js';
import { stored, type Stored, type Value } from './values.js';

/** A key of the input that says which rows are shown. */
export interface Key {
  readonly name: string;
  /** Of the query's own table, or of the one that it joins. */
  readonly column: Column;
  readonly required: boolean;
  /** What null means. */
  readonly null: 'null' | 'any';
  /** Where it is absent. */
  readonly fallback?: Value;
  /** It may be, or always is, a list of values. */
  readonly list?: 'maybe' | 'always';
  /** It does not stand in the input, but in an object in it. */
  readonly nested?: boolean;
  /** It shows what is equal to it; others show what is more, or begins so: by them nothing can be narrowed. */
  readonly how: '=' | '>=' | 'like';
}

export interface Query {
  readonly path: string;
  readonly table: Table;
  /** The column of the table that leads to another one. */
  readonly join?: Column;
  readonly keys: readonly Key[];
  readonly shows: 'rows' | 'count' | 'sum';
  readonly columns: readonly string[];
  /** The whole input is the value of its one key. */
  readonly bare?: boolean;
  readonly limited: boolean;
}

export const tablesOf = ({ table, join }: Query): string[] => (join ? [table.name, join.parent!] : [table.name]);

/** By which a `where` can narrow it. */
export const narrowing = (key: Key): boolean => key.how === '=' && !key.column.kind.lossy && !key.nested;

function makeKeys(table: Table, joined: Table | undefined, random: Random): Key[] {
  const { chance } = random;
  const keys: Key[] = [];
  const of = (column: Column, name: string): void => {
    const how = column.kind.lossy || chance(0.85) ? '=' : chance(0.5) ? '>=' : 'like';
    keys.push({
      name,
      column,
      how,
      required: chance(0.4),
      null: column.nullable && chance(0.5) ? 'null' : 'any',
      ...(chance(0.1) && { fallback: column.kind.make(random) }),
      ...(how === '=' && chance(0.15) && { list: chance(0.5) ? 'maybe' : 'always' }),
      ...(chance(0.1) && { nested: true }),
    });
  };
  for (const column of table.columns) {
    if (column.parent ? chance(0.9) : chance(0.5)) of(column, chance(0.9) ? column.name : `${column.name}By`);
  }
  if (joined) for (const column of joined.columns) if (column.name !== 'id' && chance(0.4)) of(column, `${joined.name}${column.name}`);
  return keys.slice(0, 5);
}

export function makeQueries(tables: readonly Table[], random: Random): Query[] {
  const queries: Query[] = [];
  const { chance } = random;
  const add = (router: string, name: string, table: Table, more: Partial<Query> = {}): void => {
    const join = more.join;
    const joined = join && tables.find((one) => one.name === join.parent);
    const all = table.columns.map((column) => column.name);
    const shown = chance(0.6) ? all : all.filter(() => chance(0.5));
    queries.push({
      path: `${router}.${name}`,
      table,
      keys: makeKeys(table, joined, random),
      shows: chance(0.7) ? 'rows' : chance(0.5) ? 'count' : 'sum',
      columns: shown.length === 0 ? ['id'] : shown,
      limited: chance(0.3),
      ...more,
    });
  };
  for (const table of tables) {
    const id = table.columns[0]!;
    const byId = { name: 'id', column: id, required: true, null: 'any', how: '=' } as const;
    add(table.name, 'getById', table, { keys: [byId], shows: 'rows', limited: false });
    add(table.name, 'getAll', table, { shows: 'rows' });
    if (chance(0.5)) add(table.name, 'stats', table);
    if (chance(0.3)) add(table.name, 'byRef', table, { keys: [byId], bare: true, shows: 'rows', limited: false });
    for (const join of table.columns) {
      if (!join.parent) continue;
      if (chance(0.6)) add(table.name, `with_${join.parent}`, table, { join });
      // Its `id` is another row's.
      if (chance(0.9)) add(table.name, `of_${join.parent}`, table, { keys: [{ ...byId, column: join }], shows: 'rows' });
    }
    // A router in the router: of the same table, or of another one, with keys of the same names.
    const other = random.pick(tables);
    if (chance(0.5)) add(`${table.name}.more`, 'list', chance(0.5) ? table : other);
    if (chance(0.3)) add(`${table.name}.more`, 'one', other, { keys: [{ ...byId, column: other.columns[0]! }], shows: 'rows' });
  }
  return queries;
}

/** An input as a client gives it. */
export function makeInput(query: Query, database: Tables, random: Random): unknown {
  const { chance, pick } = random;
  const valueOf = (column: Column): unknown => {
    const rows: readonly Row[] = chance(0.85) ? database.rows(column.table) : [];
    const value = rows.length > 0 ? pick(rows)[column.name]! : column.kind.make(random);
    return value === null ? null : column.kind.write(value, random);
  };
  if (query.bare) return valueOf(query.keys[0]!.column) ?? 'none';
  const needed = query.keys.some(({ required }) => required);
  if (!needed && chance(0.15)) return pick([undefined, null, {}]);
  const input: Record<string, unknown> = {};
  const nested: Record<string, unknown> = {};
  for (const { name, column, required, list, nested: isNested } of query.keys) {
    if (!required && chance(0.25)) {
      if (chance(0.3)) input[name] = pick([undefined, null]);
      continue;
    }
    const value = valueOf(column);
    if (value === null && required) {
      (isNested ? nested : input)[name] = column.kind.write(column.kind.make(random), random);
      continue;
    }
    const isList = list === 'always' || (list === 'maybe' && chance(0.5));
    (isNested ? nested : input)[name] = isList ? [value, ...(chance(0.5) ? [valueOf(column)] : [])].filter((one) => one !== null) : value;
  }
  if (query.keys.some((key) => key.nested)) input['filter'] = nested;
  if (query.limited && chance(0.7)) Object.assign(input, { limit: 1 + random.below(4), order: pick(['asc', 'desc']) });
  if (chance(0.1)) input['trace'] = 'x';
  return input;
}

/** What the procedure answers: JSON, so that two answers can be compared. */
export function answer(query: Query, raw: unknown, database: Tables): string {
  const { table, join, keys, shows, columns } = query;
  const conditions: string[] = [];
  const values: Stored[] = [];
  const input = Object(raw) as Record<string, unknown>;
  for (const { name, column, list, nested, how, fallback, null: isNull } of keys) {
    const of = column.table === table.name ? 't' : 'p';
    const from = nested ? (Object(input['filter']) as Record<string, unknown>) : input;
    const given = query.bare ? raw : from[name];
    if (given === undefined && fallback === undefined) continue;
    if (given === null && isNull === 'any') continue;
    const parsed = given === undefined ? [fallback!] : list && Array.isArray(given) ? given.map((one) => column.kind.parse(one)) : [given === null ? null : column.kind.parse(given)];
    const sql = how === 'like' ? `like ? || '%'` : how === '>=' ? '>= ?' : 'is ?';
    conditions.push(parsed.length === 0 ? '0' : `(${parsed.map(() => `${of}."${column.name}" ${sql}`).join(' or ')})`);
    values.push(...parsed.map(stored));
  }
  const from = join ? `"${table.name}" t join "${join.parent!}" p on p."id" = t."${join.name}"` : `"${table.name}" t`;
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
  const { limit, order } = input as { limit?: number; order?: string };
  if (shows === 'count') return JSON.stringify(database.all(`select count(*) n from ${from}${where}`, values));
  if (shows === 'sum') return JSON.stringify(database.all(`select sum(length(t."${columns[0]!}")) n, max(t."${columns.at(-1)!}") m from ${from}${where}`, values));
  const shown = [...columns.map((name) => `t."${name}"`), ...(join ? ['p.*'] : [])].join();
  const tail = query.limited && limit ? ` order by t.row ${order === 'desc' ? 'desc' : 'asc'} limit ${limit}` : ' order by t.row';
  return JSON.stringify(database.all(`select ${shown} from ${from}${where}${tail}`, values));
}
