/** The rows of one transaction, for the table of activities. Memory is bounded: beyond `max` rows one record stands for all others of a company and type. */
import type { RelationMap } from './mapping.js';
import type { RowKind, RowMessage } from '../stream/pgoutput.js';
import { ANY } from './tenant-changes.js';

export type RecordAction = 'create' | 'update' | 'delete';

export interface RowRecord {
  /** The module of the map. */
  readonly type: string;
  /** As the map names it. */
  readonly table: string;
  /** `*`: many, or it is not known. */
  readonly entityId: string;
  readonly action: RecordAction;
  /** Of an update, where PostgreSQL said it of every column. */
  readonly changedKeys: readonly string[] | null;
}

interface OfTenant {
  readonly rows: RowRecord[];
  /** By type. */
  readonly rest: Map<string, RowRecord>;
}

const ACTIONS = { insert: 'create', update: 'update', delete: 'delete' } as const satisfies Record<RowKind, RecordAction>;

export class RowRecords {
  readonly #tenants = new Map<string, OfTenant>();
  /** By type: of tables whose rows are not known one by one. */
  readonly #forAll = new Map<string, RowRecord>();
  #count = 0;

  constructor(private readonly max: number) {}

  get isForAll(): boolean {
    return this.#forAll.size > 0;
  }

  /** No row of any tenant; what is everybody's not counted. */
  get isEmpty(): boolean {
    return this.#tenants.size === 0;
  }

  get tenants(): Iterable<string> {
    return this.#tenants.keys();
  }

  /** `formerId`: another id than `entityId` where the update has changed it: then one is gone, and one has come. */
  row(tenant: string, map: RelationMap, message: RowMessage, op: RowKind, entityId: string, formerId = entityId): void {
    const own = this.#of(tenant);
    const { module: type, name: table } = map.table;
    if (this.#count >= this.max) {
      merge(own.rest, { type, table, entityId: ANY, action: ACTIONS[op], changedKeys: null });
      return;
    }
    this.#count++;
    if (formerId !== entityId) own.rows.push({ type, table, entityId: formerId, action: 'delete', changedKeys: null }, { type, table, entityId, action: 'create', changedKeys: null });
    else own.rows.push({ type, table, entityId, action: ACTIONS[op], changedKeys: op === 'update' ? changedKeys(map, message) : null });
  }

  wholeTable(type: string, table: string, action: RecordAction): void {
    merge(this.#forAll, { type, table, entityId: ANY, action, changedKeys: null });
  }

  /** In the order of the WAL, then what stands for many. */
  of(tenant: string): RowRecord[] {
    const own = this.#tenants.get(tenant);
    return [...(own?.rows ?? []), ...(own?.rest.values() ?? []), ...this.#forAll.values()];
  }

  #of(tenant: string): OfTenant {
    let own = this.#tenants.get(tenant);
    if (!own) this.#tenants.set(tenant, (own = { rows: [], rest: new Map() }));
    return own;
  }
}

function merge(into: Map<string, RowRecord>, record: RowRecord): void {
  const known = into.get(record.type);
  if (!known) into.set(record.type, record);
  else if (known.action !== record.action) into.set(record.type, { ...known, action: 'update' });
}

/** Null where PostgreSQL did not say it of a column. */
function changedKeys(map: RelationMap, message: RowMessage): string[] | null {
  const changed: string[] = [];
  for (const [at, { name }] of map.relation.columns.entries()) {
    const was = map.changed(message, 'update', at);
    if (was === undefined) return null;
    if (was) changed.push(name);
  }
  return changed;
}
