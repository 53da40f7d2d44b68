/** Mutations at random, and what a careful developer says of each in the invalidation map: what is stale, and for which inputs. */
import type { Random } from '../../support/random.js';
import { narrowing, tablesOf, type Key, type Query } from './queries.js';
import type { Change, Changes, Column, Row, Table, Tables } from './schema.js';
import type { Value } from './values.js';

/** What somebody forgets, or takes for what it is not; the oracle has to see it. */
export const WRONGS = ['old place', 'new place', 'first row only', 'another column', 'not only equal', 'lossy', 'prefix too far', 'not stale'] as const;
export type Wrong = (typeof WRONGS)[number];

type Input = Readonly<Record<string, unknown>>;
type Values = Readonly<Record<string, unknown>>;
export type WhereOf = (call: { input: unknown; result: unknown }) => Record<string, Values>;

export interface Mutation {
  readonly path: string;
  readonly make: (random: Random) => Input;
  /** Throws where the database does. */
  readonly run: (input: Input, random: Random) => Changes;
  readonly stale: readonly string[];
  readonly where: WhereOf | undefined;
  readonly cascade: false | readonly string[] | undefined;
  readonly byHand: boolean;
  /** It writes, and then fails. */
  readonly fails: boolean;
}

export interface Model {
  readonly tables: readonly Table[];
  readonly queries: readonly Query[];
  readonly mutations: readonly Mutation[];
  readonly cascades: Readonly<Record<string, readonly string[]>>;
}

/** What a kind of mutation does, and what of its input stands for which columns' values. */
interface Deed {
  readonly name: string;
  readonly table: Table;
  /** Tables that change in another way than by the statement itself: below the one that was changed. */
  readonly below: readonly string[];
  /** Keys of the input whose value is the column's, before or after. */
  readonly given: Readonly<Record<string, { column: Column; when: 'before' | 'after' | 'both' }>>;
  readonly make: Mutation['make'];
  readonly work: (input: Input, random: Random) => void;
}

function below(table: string, tables: readonly Table[], only: 'delete' | 'update', column?: string): string[] {
  const found: string[] = [];
  for (const { name, columns } of tables) {
    const hit = columns.filter((one) => (only === 'delete' ? one.parent === table : one.copyOf?.table === table && one.copyOf.name === column));
    for (const one of hit) {
      found.push(name);
      if (only === 'update' || one.onDelete === 'cascade') found.push(...below(name, tables, only, one.name));
    }
  }
  return [...new Set(found)];
}

function deedsOf(table: Table, tables: readonly Table[], database: Tables, random: Random): Deed[] {
  const sql = `"${table.name}"`;
  const id = table.columns[0]!;
  const free = table.columns.filter(({ name, copyOf }) => name !== 'id' && !copyOf);
  const write = (column: Column, value: Value, r: Random): unknown => (value === null ? null : column.kind.write(value, r));
  const valueFor = (column: Column, r: Random): unknown => {
    if (column.nullable && r.chance(0.3)) return null;
    if (!column.parent) return column.kind.write(column.kind.make(r), r);
    const parents = database.rows(column.parent);
    return parents.length === 0 ? null : write(column, r.pick(parents)['id']!, r);
  };
  const parse = (column: Column, raw: unknown): Value => (raw === null || raw === undefined ? null : column.kind.parse(raw));
  const bind = (column: Column, raw: unknown) => [parse(column, raw)].map((value) => (value instanceof Date ? value.toISOString() : typeof value === 'bigint' ? String(value) : typeof value === 'boolean' ? Number(value) : value));
  const anyId = (r: Random): unknown => {
    const rows = database.rows(table.name);
    return rows.length === 0 ? write(id, id.kind.make(r), r) : write(id, r.pick(rows)['id']!, r);
  };
  const rowOf = (r: Random): Record<string, unknown> => Object.fromEntries(free.filter(() => r.chance(0.6)).map((column) => [column.name, valueFor(column, r)]));
  const parsedRow = (row: Input): Record<string, Value> => Object.fromEntries(free.filter(({ name }) => row[name] !== undefined).map((column) => [column.name, parse(column, row[column.name])]));
  const byId = { column: id, when: 'both' } as const;
  const deeds: Deed[] = [
    {
      name: 'create', table, below: [],
      given: Object.fromEntries(free.map((column) => [column.name, { column, when: 'after' } as const])),
      make: rowOf,
      work: (input, r) => database.insert(table, parsedRow(input), r),
    },
    {
      name: 'import', table, below: [], given: {},
      make: (r) => ({ rows: Array.from({ length: r.chance(0.2) ? 20 : 1 + r.below(4) }, () => rowOf(r)) }),
      work: (input, r) => (input['rows'] as Input[]).forEach((row) => database.insert(table, parsedRow(row), r)),
    },
    {
      name: 'remove', table, below: below(table.name, tables, 'delete'), given: { id: byId },
      make: (r) => ({ id: anyId(r) }),
      work: (input) => database.run(`delete from ${sql} where "id" is ?`, bind(id, input['id'])),
    },
  ];
  for (const column of free.filter(() => random.chance(0.5))) {
    deeds.push({
      name: column.parent ? `moveTo_${column.name}` : `set_${column.name}`, table, below: below(table.name, tables, 'update', column.name),
      given: { id: byId, value: { column, when: 'after' } },
      make: (r) => ({ id: anyId(r), value: valueFor(column, r) }),
      work: (input) => database.run(`update ${sql} set "${column.name}" = ? where "id" is ?`, [...bind(column, input['value']), ...bind(id, input['id'])]),
    });
    const by = random.pick(free);
    deeds.push({
      name: `setAll_${column.name}_by_${by.name}`, table, below: below(table.name, tables, 'update', column.name),
      given: { by: { column: by, when: by === column ? 'before' : 'both' }, ...(by !== column && { value: { column, when: 'after' } as const }) },
      make: (r) => {
        const rows = database.rows(table.name);
        return { by: rows.length > 0 && r.chance(0.8) ? write(by, r.pick(rows)[by.name]!, r) : valueFor(by, r), value: valueFor(column, r) };
      },
      work: (input) => database.run(`update ${sql} set "${column.name}" = ? where "${by.name}" is ?`, [...bind(column, input['value']), ...bind(by, input['by'])]),
    });
    if (random.chance(0.3)) {
      deeds.push({
        name: `removeBy_${by.name}`, table, below: below(table.name, tables, 'delete'), given: { by: { column: by, when: 'before' } },
        make: (r) => ({ by: valueFor(by, r) }),
        work: (input) => database.run(`delete from ${sql} where "${by.name}" is ?`, bind(by, input['by'])),
      });
    }
  }
  const swapped = free.find(({ parent }) => parent);
  if (swapped) {
    deeds.push({
      name: 'swap', table, below: [], given: {},
      make: (r) => ({ a: anyId(r), b: anyId(r) }),
      work(input) {
        const [a, b] = [bind(id, input['a'])[0]!, bind(id, input['b'])[0]!];
        const [one, two] = [a, b].map((which) => database.all(`select "${swapped.name}" v from ${sql} where "id" is ?`, [which])[0]);
        if (!one || !two) return;
        database.run(`update ${sql} set "${swapped.name}" = ? where "id" is ?`, [two['v']!, a]);
        database.run(`update ${sql} set "${swapped.name}" = ? where "id" is ?`, [one['v']!, b]);
      },
    });
  }
  return deeds;
}

/** Values of a key for all rows of a query that a mutation changed: where they were, and where they are. `wrong`: not all of them. */
function valuesOf(query: Query, key: Key, { rows, before, after }: Changes, wrong?: Wrong): Value[] {
  const { table, join } = query;
  const { column } = key;
  const found: Value[] = [];
  const read = (row: Row | undefined): void => void (row && found.push(row[column.name]!));
  const taken = wrong === 'first row only' ? rows.slice(0, 1) : rows;
  const each = (change: Change, take: (row: Row | undefined, all: ReadonlyMap<string, readonly Row[]>) => void): void => {
    if (wrong !== 'old place' || !change.after) take(change.before, before);
    if (wrong !== 'new place' || !change.before) take(change.after, after);
  };
  for (const change of taken) {
    if (change.table === table.name) {
      each(change, (row, all) => {
        if (column.table === table.name) read(row);
        else all.get(column.table)!.filter((parent) => row && String(parent['id']) === String(row[join!.name])).forEach(read);
      });
    }
    if (join && change.table === join.parent) {
      each(change, (row, all) => {
        if (column.table === join.parent && column.table !== table.name) read(row);
        else all.get(table.name)!.filter((child) => row && String(child[join.name]) === String(row['id'])).forEach(read);
      });
    }
  }
  return found;
}

/** What is said in a `where` of one path. */
interface Said {
  readonly path: string;
  readonly query: Query;
  readonly keys: readonly Key[];
}

/** `cascaded`: routers that a cascade reaches. There nothing is narrowed, so somebody may say of them what he likes. */
function makeWhere(deed: Deed, queries: readonly Query[], cascaded: readonly string[], random: Random, wrong: Wrong | undefined): WhereOf | undefined {
  const usable = (key: Key): boolean => narrowing(key) || (wrong === 'not only equal' && key.how !== '=') || (wrong === 'lossy' && key.column.kind.lossy === true);
  const said: Said[] = [];
  for (const query of queries) {
    const keys = query.keys.filter((key) => usable(key) && random.chance(0.9));
    if (keys.length > 0 && random.chance(0.95)) said.push({ path: query.path, query, keys });
  }
  // Of a router: keys that mean the same in all queries below it. Of the others each says its own.
  for (const prefix of new Set(queries.flatMap(({ path }) => path.split('.').map((_, at, words) => words.slice(0, at).join('.'))))) {
    if (prefix === '' || !random.chance(wrong === 'prefix too far' ? 1 : 0.5)) continue;
    const under = queries.filter(({ path }) => path.startsWith(`${prefix}.`));
    const lead = under.find(({ join, table }) => !join && table === deed.table);
    const meant = lead?.keys.filter(narrowing).filter((key) => {
      const others = under.filter((query) => query !== lead).flatMap((query) => query.keys.filter(({ name }) => name === key.name).map((one) => ({ query, one })));
      const strange = others.filter(({ query, one }) => one.column !== key.column || query.join || !narrowing(one));
      if (wrong === 'prefix too far') return true;
      if (strange.some(({ one }) => !narrowing(one))) return false;
      for (const { query, one } of strange) {
        const own = said.findIndex(({ path }) => path === query.path);
        if (own < 0) said.push({ path: query.path, query, keys: [one] });
        else if (!said[own]!.keys.includes(one)) said[own] = { ...said[own]!, keys: [...said[own]!.keys, one] };
      }
      return true;
    });
    if (lead && meant && meant.length > 0) said.push({ path: prefix, query: lead, keys: meant });
  }
  if (said.length === 0) return undefined;
  // As somebody writes it who has the values at hand in the input.
  const asGiven = random.chance(0.6);
  return ({ input, result }) => {
    const changes = result as Changes;
    const where: Record<string, Values> = {};
    for (const { path, query, keys } of said) {
      where[path] = Object.fromEntries(
        keys.map((key) => {
          const of = wrong === 'another column' ? { ...key, column: query.table.columns.at(-1)! } : key;
          const known: unknown[] = valuesOf(query, of, changes, cascaded.includes(path.split('.')[0]!) ? 'first row only' : wrong);
          const values = asGiven && wrong === undefined ? written(deed, key, input as Input, known) : known;
          return [key.name, values.length === 1 ? values[0] : values];
        }),
      );
    }
    return where;
  };
}

/** The input's own writing in the place of the value that it stands for. */
function written(deed: Deed, { column }: Key, input: Input, values: readonly unknown[]): unknown[] {
  const ways = Object.entries(deed.given).filter(([name, given]) => given.column === column && input[name] !== undefined && input[name] !== null);
  return values.map((value) => {
    const way = ways.find(([name]) => String(column.kind.parse(input[name])) === String(value));
    return way ? input[way[0]] : value;
  });
}

export function makeModel(tables: readonly Table[], queries: readonly Query[], database: Tables, random: Random, wrong?: Wrong): Model {
  const { chance } = random;
  const cascades: Record<string, string[]> = {};
  for (const { name } of tables) {
    const all = [...new Set([...below(name, tables, 'delete'), ...tables.filter(({ columns }) => columns.some((one) => one.copyOf?.table === name)).map((one) => one.name)])];
    if (all.length > 0 && chance(0.3)) cascades[name] = all;
  }
  const mutations = tables.flatMap((table) =>
    deedsOf(table, tables, database, random).map((deed): Mutation => {
      const reached = new Set([table.name, ...deed.below]);
      const touched = queries.filter((query) => tablesOf(query).some((one) => reached.has(one)));
      // Cascades of the map reach routers: what a router shows of another table is said by hand all the same.
      const byCascade = cascades[table.name] !== undefined && chance(0.7);
      const listed = touched.filter(({ path }) => !(byCascade && deed.below.includes(path.split('.')[0]!) && chance(0.5)));
      const stale = paths(wrong === 'not stale' ? listed.filter(() => chance(0.7)) : listed, queries, random);
      const where = chance(0.95) ? makeWhere(deed, touched, byCascade ? cascades[table.name]! : [], random, wrong) : undefined;
      return {
        path: `${table.name}.${deed.name}`,
        make: deed.make,
        run: (input, r) => database.change(() => deed.work(input, r)),
        stale: stale.length === 0 ? [table.name] : stale,
        where,
        cascade: byCascade ? undefined : false,
        byHand: chance(0.1),
        fails: chance(0.03),
      };
    }),
  );
  return { tables, queries, mutations, cascades };
}

/** Some as the routers that they are all of. */
function paths(touched: readonly Query[], all: readonly Query[], random: Random): string[] {
  const named = new Set<string>();
  for (const { path } of touched) {
    const router = path.slice(0, path.lastIndexOf('.'));
    const whole = all.filter((one) => one.path.startsWith(`${router}.`)).every((one) => touched.includes(one));
    named.add(whole && random.chance(0.5) ? router : path);
  }
  return [...named];
}
