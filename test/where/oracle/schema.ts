/** Tables at random, and the database that they stand in: a real one, for what a query gives is to be known by nobody else. */
import Database from 'libsql';
import type { Random } from '../../support/random.js';
import { KINDS, loaded, stored, type Kind, type Stored, type Value } from './values.js';

export interface Column {
  readonly table: string;
  readonly name: string;
  readonly kind: Kind;
  readonly nullable: boolean;
  /** The table whose id it holds, and what becomes of it when that row is deleted. */
  readonly parent?: string;
  readonly onDelete?: 'cascade' | 'set null';
  /** A trigger keeps it as that column of the parent is. */
  readonly copyOf?: Column;
}

export interface Table {
  readonly name: string;
  /** The id first. */
  readonly columns: readonly Column[];
}

export type Row = Readonly<Record<string, Value>>;

/** One row, before and after what changed it. */
export interface Change {
  readonly table: string;
  readonly before?: Row;
  readonly after?: Row;
}

/** What changed, and what stood in all tables before and after that: what a mutation can know. */
export interface Changes {
  readonly rows: readonly Change[];
  readonly before: ReadonlyMap<string, readonly Row[]>;
  readonly after: ReadonlyMap<string, readonly Row[]>;
}

/** Of some the name of one begins as another's does. */
const NAMES = ['guest', 'guests', 'hotels', 'rooms'] as const;
const COLUMNS = ['name', 'city', 'status', 'price', 'vip', 'at', 'day', 'code'] as const;
const ID_KINDS = [KINDS.text, KINDS.folded, KINDS.number, KINDS.big] as const;

export function makeTables(random: Random, kinds: readonly Kind[]): Table[] {
  const names = [...NAMES].sort(() => random.next() - 0.5).slice(0, 2 + random.below(3));
  const tables: Table[] = [];
  for (const table of names) {
    const id: Column = { table, name: 'id', kind: random.pick(ID_KINDS), nullable: false };
    const columns: Column[] = [id];
    const parents = tables.filter(() => random.chance(0.6)).slice(0, 2);
    for (const parent of parents) {
      const nullable = random.chance(0.6);
      const onDelete = nullable && random.chance(0.5) ? 'set null' : 'cascade';
      columns.push({ table, name: `${parent.name}Id`, kind: parent.columns[0]!.kind, nullable, parent: parent.name, onDelete });
      const copied = parent.columns.find(({ name, copyOf, parent: above }) => name !== 'id' && !copyOf && !above);
      if (copied && random.chance(0.3)) columns.push({ table, name: `${parent.name}_${copied.name}`, kind: copied.kind, nullable: true, copyOf: copied });
    }
    for (const name of [...COLUMNS].sort(() => random.next() - 0.5).slice(0, 2 + random.below(3)))
      columns.push({ table, name, kind: random.pick(kinds), nullable: random.chance(0.3) });
    tables.push({ name: table, columns });
  }
  return tables;
}

const quoted = (name: string): string => `"${name}"`;

export class Tables {
  readonly #database = new Database(':memory:');
  readonly #statements = new Map<string, Database.Statement>();
  readonly #columns: ReadonlyMap<string, ReadonlyMap<string, Column>>;
  /** Since the last change. */
  readonly #rows = new Map<string, readonly Row[]>();
  #ids = 0;
  /** Calls after each change. */
  written: () => void = () => undefined;

  constructor(readonly tables: readonly Table[]) {
    this.#columns = new Map(tables.map(({ name, columns }) => [name, new Map(columns.map((column) => [column.name, column]))]));
    this.#database.exec('pragma foreign_keys = on');
    for (const { name, columns } of tables) {
      const lines = columns.map((column) => {
        const references = column.parent ? ` references ${quoted(column.parent)}("id") on delete ${column.onDelete!}` : '';
        return `${quoted(column.name)}${column.name === 'id' ? ' primary key' : ''}${column.nullable ? '' : ' not null'}${references}`;
      });
      this.#database.exec(`create table ${quoted(name)} (row integer primary key autoincrement, ${lines.join(', ').replace('"id" primary key', '"id" unique')})`);
    }
    for (const { name, columns } of tables) {
      for (const { name: copy, copyOf } of columns) {
        if (!copyOf) continue;
        const [of, key] = [quoted(copyOf.table), quoted(`${copyOf.table}Id`)];
        this.#database.exec(`create trigger ${quoted(`${name}_${copy}`)} after update of ${quoted(copyOf.name)} on ${of}
          begin update ${quoted(name)} set ${quoted(copy)} = new.${quoted(copyOf.name)} where ${key} = new."id"; end`);
      }
    }
  }

  column(table: string, name: string): Column {
    return this.#columns.get(table)!.get(name)!;
  }

  #prepared(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  all(sql: string, values: readonly Stored[] = []): Record<string, Stored>[] {
    return this.#prepared(sql).all(values) as Record<string, Stored>[];
  }

  run(sql: string, values: readonly Stored[] = []): void {
    this.#rows.clear();
    this.#prepared(sql).run(values);
  }

  rows(table: string): readonly Row[] {
    let rows = this.#rows.get(table);
    if (!rows) this.#rows.set(table, (rows = this.#read(table)));
    return rows;
  }

  #read(table: string): Row[] {
    return this.all(`select * from ${quoted(table)} order by row`).map((row) => {
      const read = Object.entries(row).map(([name, value]) => [name, name === 'row' ? value : loaded(this.column(table, name).kind, value)]);
      return Object.fromEntries(read) as Row;
    });
  }

  /** What `work` changes; all or nothing. */
  change(work: () => void): Changes {
    const look = (): Map<string, readonly Row[]> => new Map(this.tables.map(({ name }) => [name, this.rows(name)]));
    const before = look();
    this.#database.exec('begin');
    try {
      work();
      this.#database.exec('commit');
    } catch (thrown) {
      this.#database.exec('rollback');
      this.#rows.clear();
      throw thrown;
    }
    const after = look();
    const rows: Change[] = [];
    const text = (row: Row | undefined): string => row ? JSON.stringify(Object.values(row).map(stored)) : '';
    for (const { name: table } of this.tables) {
      const old = new Map(before.get(table)!.map((row) => [row['row'], row]));
      for (const row of after.get(table)!) {
        const was = old.get(row['row']);
        old.delete(row['row']);
        if (text(row) !== text(was)) rows.push({ table, ...(was && { before: was }), after: row });
      }
      for (const row of old.values()) rows.push({ table, before: row });
    }
    this.written();
    return { rows, before, after };
  }

  freshId({ columns }: Table): Value {
    const n = (this.#ids += 1);
    const { kind } = columns[0]!;
    if (kind === KINDS.number) return n;
    return kind === KINDS.big ? BigInt(n) + 2n ** 60n : `g${n}`;
  }

  /** A row whose columns are given by name; the others are by chance. */
  insert(table: Table, given: Readonly<Record<string, Value>>, random: Random): void {
    const values: Record<string, Stored> = {};
    for (const { name, kind, nullable, parent, copyOf } of table.columns) {
      if (copyOf) continue;
      if (Object.hasOwn(given, name)) values[name] = stored(given[name]!);
      else if (name === 'id') values[name] = stored(this.freshId(table));
      else if (nullable && random.chance(0.3)) values[name] = null;
      else if (parent) {
        const parents = this.rows(parent);
        if (parents.length === 0 && !nullable) throw new Error('no parent');
        values[name] = parents.length === 0 ? null : stored(random.pick(parents)['id']!);
      } else values[name] = stored(kind.make(random));
    }
    for (const { name, copyOf } of table.columns) {
      if (copyOf) values[name] = this.all(`select ${quoted(copyOf.name)} as v from ${quoted(copyOf.table)} where "id" is ?`, [values[`${copyOf.table}Id`]!])[0]?.['v'] ?? null;
    }
    const names = Object.keys(values);
    this.run(`insert into ${quoted(table.name)} (${names.map(quoted).join()}) values (${names.map(() => '?').join()})`, Object.values(values));
  }

  close(): void {
    this.#database.close();
  }
}
