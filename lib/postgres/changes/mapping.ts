/**
 * Which tenants and which queries a changed row concerns: what an app declares of its tables, and the same made ready for the rows of one relation.
 */
import { PathcastError } from '../../protocol/error.js';
import { describe, isArray } from '../../internal/describe.js';
import type { Change, TableMap } from '../table-map.js';
import type { ColumnText, Relation, RowKind, RowMessage } from '../stream/pgoutput.js';

const TABLE_OPTIONS = ['tenant', 'entity', 'module', 'paths', 'where', 'tx', 'data'];

/** A table of the map, checked. */
export interface MappedTable {
  /** As the map names it. */
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  readonly tenant: string;
  readonly entity: string;
  /** The app wrote it, so it has to be there. */
  readonly entityGiven: boolean;
  readonly module: string;
  readonly paths: readonly string[] | ((change: Change) => readonly string[]);
  readonly where: TableMap['where'];
  readonly tx: string | undefined;
  /** Empty: none. */
  readonly data: readonly string[];
}

/** What a function of the map did wrong, in words that are ours: they may be told. */
export class MapFault extends Error {
  override readonly name = 'MapFault';
}

/** The key of a table in what the worker keeps. */
export const tableKey = (schema: string, table: string): string => `${schema}.${table}`;

/** By `tableKey`. Throws PathcastError INVALID_OPTION. */
export function checkMap(map: unknown): Map<string, MappedTable> {
  if (typeof map !== 'object' || map === null) throw wrong(`map must be an object of tables, got ${describe(map)}`);
  const tables = new Map<string, MappedTable>();
  for (const [name, given] of Object.entries(map)) {
    const table = checkTable(name, given);
    const key = tableKey(table.schema, table.table);
    if (tables.has(key)) throw wrong(`map has the table ${key} twice`);
    tables.set(key, table);
  }
  if (tables.size === 0) throw wrong('map has no table');
  return tables;
}

function checkTable(name: string, given: unknown): MappedTable {
  const at = `map[${describe(name)}]`;
  if (typeof given !== 'object' || given === null) throw wrong(`${at} must be an object, got ${describe(given)}`);
  for (const key of Object.keys(given)) {
    if (!TABLE_OPTIONS.includes(key)) throw wrong(`${at} has no option ${describe(key)}; it has: ${TABLE_OPTIONS.join(', ')}`);
  }
  const { tenant, entity, module, paths, where, tx, data } = given as Record<string, unknown>;
  const dot = name.indexOf('.');
  const [schema, table] = dot < 0 ? ['public', name] : [name.slice(0, dot), name.slice(dot + 1)];
  if (schema === '' || table === '') throw wrong(`${at} is no name of a table`);
  if (where !== undefined && typeof where !== 'function') throw wrong(`${at}.where must be a function of the change, got ${describe(where)}`);
  if (data !== undefined && data !== false && !isTexts(data)) throw wrong(`${at}.data must be false or names of columns, got ${describe(data)}`);
  return {
    name,
    schema,
    table,
    tenant: text(`${at}.tenant`, tenant),
    entity: entity === undefined ? 'id' : text(`${at}.entity`, entity),
    entityGiven: entity !== undefined,
    module: module === undefined ? table : text(`${at}.module`, module),
    paths: checkPaths(at, paths),
    where: where as TableMap['where'],
    tx: tx === undefined ? undefined : text(`${at}.tx`, tx),
    data: isTexts(data) ? data : [],
  };
}

function checkPaths(at: string, paths: unknown): MappedTable['paths'] {
  if (typeof paths === 'function') return paths as (change: Change) => readonly string[];
  if (isTexts(paths) && paths.length > 0) return paths;
  throw wrong(`${at}.paths must be query paths, or a function of the change that gives some, got ${isArray(paths) && paths.length === 0 ? 'none' : describe(paths)}`);
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(`${field} must be a text that is not empty, got ${describe(value)}`);
}

const isTexts = (value: unknown): value is readonly string[] => isArray(value) && value.every((one) => typeof one === 'string' && one !== '');

const wrong = (message: string): PathcastError => new PathcastError('INVALID_OPTION', message);

/** A table's map for the rows of a relation as it is now. */
export class RelationMap {
  readonly tenantAt: number;
  readonly entityAt: number;
  /** -1: there is none. */
  readonly #txAt: number;
  readonly #columns: ReadonlyMap<string, number>;
  /** By column: an update that says nothing of before has not changed it. */
  readonly #kept: readonly boolean[];

  /** `leaves`: the partitions that its rows stand in. Each has a replica identity of its own, whatever the table's is. */
  constructor(
    readonly table: MappedTable,
    readonly relation: Relation,
    leaves: Iterable<Relation> = [],
  ) {
    const holders = [...leaves];
    const kept = (holders.length > 0 ? holders : [relation]).map(keptBy);
    this.#kept = relation.columns.map(({ name }) => kept.every((columns) => columns.has(name)));
    this.#columns = new Map(relation.columns.map(({ name }, i) => [name, i]));
    this.tenantAt = this.#columns.get(table.tenant) ?? -1;
    this.entityAt = this.#columns.get(table.entity) ?? -1;
    this.#txAt = table.tx === undefined ? -1 : (this.#columns.get(table.tx) ?? -1);
  }

  /** What the row says of who wrote it; undefined: nothing, or it is what an older transaction left. */
  said(message: RowMessage): string | undefined {
    const at = this.#txAt;
    if (at < 0 || message.kind === 'delete' || (message.kind === 'update' && this.changed(message, 'update', at) !== true)) return undefined;
    return message.after.text(at) ?? undefined;
  }

  /** Throws for a column that the table has not, or that the publication leaves out. */
  columnAt(name: string): number {
    const at = this.#columns.get(name);
    if (at === undefined) throw new MapFault(`the table ${this.table.name} has, or its publication gives, no column ${describe(name)}`);
    return at;
  }

  /** The text in the row as it was. A key says NULL of the columns that are not in it, and none in it is NULL. */
  before(message: RowMessage, at: number): ColumnText {
    const text = message.before.text(at);
    return text === null && message.beforeKind === 'key' ? undefined : text;
  }

  /** For one call of a function of the map, which `end` ends; `seen` gets the columns that it looks at. Its functions need no `this`: they are taken out of it. */
  change(
    message: RowMessage,
    op: RowKind,
    { tenant, entityId, view }: { tenant: string; entityId: string; view: 'now' | 'before' },
    seen: Set<number>,
  ): Change & { end(): void } {
    const { entityAt } = this;
    let live: RowMessage | undefined = message;
    const asked = (): RowMessage => {
      if (!live) throw new MapFault('a change can be asked during the call alone that it was given to');
      return live;
    };
    return {
      table: this.table.name,
      op,
      tenant,
      get entityId() {
        if (entityAt >= 0) seen.add(entityAt);
        return entityId;
      },
      value: (column) => {
        const at = this.columnAt(column);
        seen.add(at);
        return view === 'before' ? this.#valueBefore(asked(), at) : this.#value(asked(), op, at);
      },
      before: (column) => this.#beforeOf(asked(), op, this.columnAt(column)),
      changed: (column) => this.changed(asked(), op, this.columnAt(column)),
      end: () => (live = undefined),
    };
  }

  #value(message: RowMessage, op: RowKind, at: number): ColumnText {
    if (op === 'delete') return this.before(message, at);
    const now = message.after.text(at);
    // What was not sent has not changed: a whole row of before has it.
    return now === undefined && message.beforeKind === 'full' && op === 'update' ? message.before.text(at) : now;
  }

  /** Of an update. What is not known to have been another one is as it is now. */
  #valueBefore(message: RowMessage, at: number): ColumnText {
    const was = this.before(message, at);
    return message.beforeKind === 'none' || was === undefined ? message.after.text(at) : was;
  }

  #beforeOf(message: RowMessage, op: RowKind, at: number): ColumnText {
    if (op === 'insert') return undefined;
    const isUnchangedKey = message.beforeKind === 'none' && this.#kept[at] === true;
    return isUnchangedKey ? message.after.text(at) : this.before(message, at);
  }

  /** Undefined: PostgreSQL did not say. */
  changed(message: RowMessage, op: RowKind, at: number): boolean | undefined {
    if (op !== 'update') return true;
    if (message.after.text(at) === undefined) return false;
    if (message.beforeKind === 'none') return this.#kept[at] === true ? false : undefined;
    return this.before(message, at) === undefined ? undefined : !message.before.same(message.after, at);
  }
}

/** Its replica identity. With FULL that is all of it, and an update says all of before. */
const keptBy = ({ columns }: Relation): ReadonlySet<string> => new Set(columns.filter(({ isKey }) => isKey).map(({ name }) => name));
