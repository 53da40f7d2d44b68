/**
 * One transaction at a time: its rows become what each tenant has to hear. Memory grows with the tenants and the paths that are distinct, never with the rows:
 * beyond `maxPaths` paths in all, first segments alone are told apart, beyond that again nothing is: then a tenant hears that everything is stale.
 */
import { Buffer } from 'node:buffer';
import { MAX_ID_BYTES } from '../../protocol/limits.js';
import { describeThrown } from '../../internal/describe.js';
import { exceedsBytes } from '../../internal/text.js';
import { answersOf } from './answers.js';
import { columnValue } from './column-values.js';
import { MapFault, type MappedTable, type RelationMap } from './mapping.js';
import { readMessage, SaidByRows, type Metadata } from './metadata.js';
import type { Decode } from '../server/encodings.js';
import type { Begin, Commit, RowKind, RowMessage } from '../stream/pgoutput.js';
import { RowRecords, type RecordAction } from './records.js';
import { ANY, DETAIL, TenantChanges, type Detail } from './tenant-changes.js';

/** A change of which the map could make nothing. */
export interface Poison {
  readonly table: string;
  readonly op: RowKind;
  /** Undefined: it has none, and nobody can be told. */
  readonly tenant: string | undefined;
  readonly entityId: string;
  /** Why, without a word of what the row says. */
  readonly reason: string;
  /** Of the transaction's commit. */
  readonly commitLsn: bigint;
  /** How many of this table there are in the transaction; this is the first. */
  count: number;
}

/** A transaction that was read to its end. */
export interface Collected {
  readonly endLsn: bigint;
  /** The transaction's number, its lower 32 bits. */
  readonly xid: number;
  /** Unix ms, by PostgreSQL's clock. */
  readonly committedAt: number;
  readonly tenants: ReadonlyMap<string, TenantChanges>;
  /** Paths that are stale for every tenant there is: a TRUNCATE, a table that has another form. Empty: none. */
  readonly forAll: ReadonlySet<string>;
  /** Said by `pg_logical_emit_message` in the transaction, else by its rows. */
  readonly metadata: Metadata | undefined;
  readonly rows: number;
  /** For the table of activities; undefined where there is none. */
  readonly records: RowRecords | undefined;
  /** Forms of tables, by `tableKey`, that are known once this is in the log. */
  readonly forms: ReadonlyMap<string, string>;
}

export interface CollectorHost {
  /** Once for a table and a transaction, when that has been read to its end. */
  poison(poison: Readonly<Poison>): void;
  /** Something is odd and does no harm. */
  odd(kind: string, message: string): void;
}

export interface CollectorOptions {
  /** Distinct paths of one transaction, over all tenants. */
  readonly maxPaths: number;
  /** UTF-8 bytes of `data` as JSON; above it pages fetch. */
  readonly maxDataBytes: number;
  /** Of the database's encoding. */
  readonly decode: Decode;
  /** Rows of one transaction that are recorded one by one; undefined: none are. */
  readonly maxRecords?: number | undefined;
}

export class Collector {
  #tenants = new Map<string, TenantChanges>();
  #forAll = new Set<string>();
  #metadata: Metadata | undefined;
  #saidByRows = new SaidByRows();
  #records: RowRecords | undefined;
  #rows = 0;
  #paths = 0;
  #detail: Detail = DETAIL.paths;
  #committedAt = 0;
  #commitLsn = 0n;
  #xid = 0;
  /** By table. */
  #poison = new Map<string, Poison>();
  readonly #odd = new Set<string>();

  constructor(
    private readonly options: CollectorOptions,
    private readonly host: CollectorHost,
  ) {}

  begin({ committedAt, commitLsn, xid }: Begin): void {
    this.#commitLsn = commitLsn;
    this.#xid = xid;
    this.#poison = new Map();
    this.#tenants = new Map();
    this.#forAll = new Set();
    this.#metadata = undefined;
    this.#saidByRows = new SaidByRows();
    this.#records = this.options.maxRecords === undefined ? undefined : new RowRecords(this.options.maxRecords);
    this.#rows = 0;
    this.#paths = 0;
    this.#detail = DETAIL.paths;
    this.#committedAt = committedAt;
  }

  commit({ endLsn }: Commit, forms: ReadonlyMap<string, string>): Collected {
    for (const poison of this.#poison.values()) this.host.poison(poison);
    // Of which the map says that nothing is stale.
    if (this.#forAll.size === 0) for (const [tenant, { isSilent }] of this.#tenants) if (isSilent) this.#tenants.delete(tenant);
    return {
      forms,
      endLsn,
      xid: this.#xid,
      committedAt: this.#committedAt,
      tenants: this.#tenants,
      forAll: this.#forAll,
      metadata: this.#metadata ?? this.#rowsSay(),
      rows: this.#rows,
      records: this.#records,
    };
  }

  /** A row that moved to another tenant is gone for the former one. */
  row(map: RelationMap, message: RowMessage): void {
    this.#rows++;
    const { kind } = message;
    const was = kind === 'insert' ? undefined : map.before(message, map.tenantAt);
    if (kind === 'delete') {
      this.#told(map, message, kind, was);
      return;
    }
    const sent = message.after.text(map.tenantAt);
    // What was not sent has not changed.
    const now = sent === undefined ? was : sent;
    if (kind === 'update' && map.changed(message, kind, map.tenantAt) === undefined) this.#withoutTenant(map, message, kind, undefined);
    const moved = kind === 'update' && was !== undefined && was !== now;
    if (moved && was !== null) this.#told(map, message, 'delete', was);
    // To a row without a tenant that has left one nobody has to be told anything.
    if (!moved || now !== null) this.#told(map, message, moved ? 'insert' : kind, now);
  }

  /** Of a table whose rows are no longer known one by one: everybody's. */
  wholeTable({ module, name }: MappedTable, paths: readonly string[], action: RecordAction): void {
    for (const path of paths) this.#forAll.add(path);
    this.#records?.wholeTable(module, name, action);
  }

  metadata(content: Buffer): void {
    const read = readMessage(content, this.options.decode);
    if (typeof read === 'string') this.host.odd('cdc-metadata', `a message 'pathcast' in a transaction ${read}; its changes go out without it`);
    else this.#metadata = { ...this.#metadata, ...read };
  }

  #rowsSay(): Metadata | undefined {
    const said = this.#saidByRows.of([...this.#tenants.keys()]);
    if (typeof said === 'string') this.host.odd('cdc-metadata', `what rows say of their transaction ${said}; its changes go out without it`);
    return typeof said === 'string' ? undefined : said;
  }

  #told(map: RelationMap, message: RowMessage, op: RowKind, tenant: string | null | undefined): void {
    if (tenant === undefined || tenant === null || tenant === '' || exceedsBytes(tenant, MAX_ID_BYTES)) {
      this.#withoutTenant(map, message, op, tenant);
      return;
    }
    let changes = this.#tenants.get(tenant);
    if (!changes) {
      changes = new TenantChanges();
      this.#tenants.set(tenant, changes);
      changes.coarsen(this.#detail);
    }
    // Whom a row has left hears nothing of who took it.
    if (op !== 'delete') this.#saidByRows.row(tenant, map.said(message));
    this.#records?.row(tenant, map, message, op, entityOf(map, message, op), formerOf(map, message, op));
    const again = changes.row(map, op);
    // Neither its id nor its paths have anything new to say.
    if (again && changes.entityId === ANY && (typeof map.table.paths !== 'function' && !map.table.where)) return;
    const entityId = entityOf(map, message, op);
    changes.entity(entityId);
    const formerId = formerOf(map, message, op);
    if (formerId !== ANY) changes.entity(formerId);
    if (changes.everything) return;
    try {
      const { all, unknown } = answersOf(map, message, op, { tenant, entityId, formerId });
      for (const { paths, where } of all) for (const path of paths) this.#paths += changes.add(path, where && Object.hasOwn(where, path) ? where[path] : undefined);
      if (unknown !== undefined) this.#notKnown(map, unknown);
      if (changes.rows === 1) changes.data = dataOf(map, message, op, this.options.maxDataBytes);
    } catch (thrown) {
      this.#poisoned({ table: map.table.name, op, tenant, entityId, reason: thrown instanceof MapFault ? thrown.message : `the map's functions threw ${describeThrown(thrown)}` });
      this.#paths += changes.coarsen(DETAIL.nothing);
      return;
    }
    if (this.#paths > this.options.maxPaths) this.#coarsen();
  }

  /** What belongs to nobody is told to nobody; where it cannot be known whose it is, to everybody. */
  #withoutTenant(map: RelationMap, message: RowMessage, op: RowKind, tenant: string | null | undefined): void {
    const reason = tenant === undefined ? `PostgreSQL did not send its tenant ('${map.table.tenant}')` : tenant === null ? 'its tenant is NULL' : 'its tenant is empty, or longer than an id may be';
    if (tenant === undefined) this.wholeTable(map.table, [ANY], 'update');
    this.#poisoned({ table: map.table.name, op, tenant: undefined, entityId: entityOf(map, message, op), reason });
  }

  /** Once a table and connection. */
  #notKnown({ table: { name } }: RelationMap, column: string): void {
    if (this.#odd.has(name)) return;
    this.#odd.add(name);
    const what = `what the map makes stale for ${name} depends on its column ${JSON.stringify(column)}, and PostgreSQL does not say what that was before an update: what the row has left may stay as it is`;
    this.host.odd('cdc-before', `${what}; run: ALTER TABLE ${name} REPLICA IDENTITY FULL`);
  }

  #poisoned(poison: Omit<Poison, 'commitLsn' | 'count'>): void {
    const first = this.#poison.get(poison.table);
    if (first) first.count++;
    else this.#poison.set(poison.table, { ...poison, commitLsn: this.#commitLsn, count: 1 });
  }

  #coarsen(): void {
    const next = this.#detail === DETAIL.paths ? DETAIL.prefixes : DETAIL.nothing;
    this.#detail = next;
    for (const changes of this.#tenants.values()) this.#paths += changes.coarsen(next);
    if (this.#paths > this.options.maxPaths && next !== DETAIL.nothing) this.#coarsen();
  }
}

function entityOf(map: RelationMap, message: RowMessage, op: RowKind): string {
  const id = op === 'delete' ? map.before(message, map.entityAt) : message.after.text(map.entityAt);
  return id === undefined || id === null || id === '' || exceedsBytes(id, MAX_ID_BYTES) ? ANY : id;
}

/** Of an update the id that the row had. */
function formerOf(map: RelationMap, message: RowMessage, op: RowKind): string {
  return entityOf(map, message, op === 'update' && message.beforeKind !== 'none' ? 'delete' : op);
}

/** Undefined: there is none, it is not whole, or it is more than the bound. */
function dataOf(map: RelationMap, message: RowMessage, op: RowKind, maxBytes: number): Record<string, unknown> | undefined {
  const { data } = map.table;
  if (data.length === 0 || op === 'delete') return undefined;
  const found: [string, unknown][] = [];
  let bytes = 0;
  for (const name of data) {
    const at = map.columnAt(name);
    const now = message.after.text(at);
    const text = now === undefined && message.beforeKind === 'full' && op === 'update' ? message.before.text(at) : now;
    if (text === undefined) return undefined;
    bytes += name.length + (text?.length ?? 4);
    if (bytes > maxBytes) return undefined;
    found.push([name, columnValue(map.relation.columns[at]?.typeOid ?? 0, text)]);
  }
  const row = Object.fromEntries(found);
  return Buffer.byteLength(JSON.stringify(row)) > maxBytes ? undefined : row;
}
