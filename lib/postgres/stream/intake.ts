/**
 * The stream's bytes on their way in: decoded, collected, and given on where a transaction ends. It owns what is read of one connection; no I/O, no clock.
 */
import { Collector, type Collected, type CollectorHost, type CollectorOptions } from '../changes/collector.js';
import { RelationMap, tableKey, type MappedTable } from '../changes/mapping.js';
import { METADATA_PREFIX } from '../changes/metadata.js';
import { PgoutputDecoder, type PgoutputMessage, type Relation, type RowMessage, type Truncate } from './pgoutput.js';
import type { Acker } from './acker.js';
import { readStreamMessage, type WalData } from './stream-messages.js';
import { ANY } from '../changes/tenant-changes.js';

export interface IntakeHost extends CollectorHost {
  /** Whole transactions with something to tell, in the order of their commits. `acker.wrote()` is to be called of each. */
  committed(collected: Collected): void;
}

export interface IntakeOptions extends CollectorOptions {
  /** By `tableKey`. */
  readonly tables: ReadonlyMap<string, MappedTable>;
  /** Which form each had in what is in the log, by the same. */
  readonly forms: ReadonlyMap<string, string>;
}

export interface IntakeCounts {
  /** Transactions that were read to their end, and rows of mapped tables in them. */
  commits: number;
  changes: number;
  /** Transactions that were in the log already. */
  skipped: number;
}

/** Of one connection. */
export class Intake {
  readonly #decoder = new PgoutputDecoder();
  readonly #collector: Collector;
  /** By oid; null: it is not in the map. */
  readonly #maps = new Map<number, RelationMap | null>();
  /** By oid of a partitioned table: the partitions that its rows came from, by theirs. */
  readonly #leaves = new Map<number, Map<number, Relation>>();
  /** What was told of relations since the last row: of a partition first the table that it belongs to. */
  #told: Relation[] = [];
  /** The transaction that is open is in the log already. */
  #skips = false;
  readonly #forms: Map<string, string>;
  /** Of tables that have another form: told with the next transaction that is told at all, which also takes the forms. */
  #stale: readonly MappedTable[] = [];
  #newForms = new Map<string, string>();
  #openSince: number | undefined;

  constructor(
    private readonly acker: Acker,
    private readonly options: IntakeOptions,
    private readonly host: IntakeHost,
    readonly counts: IntakeCounts,
  ) {
    this.#collector = new Collector(options, host);
    this.#forms = new Map(options.forms);
  }

  /** When the transaction was committed that is being read, and is not in the log; Unix ms by PostgreSQL's clock. Undefined: none is. */
  get openSince(): number | undefined {
    return this.#openSince;
  }

  /** Throws PgoutputError and RangeError for what is none of the server's. */
  take(bytes: Buffer, now: number): void {
    this.acker.heard(now);
    const message = readStreamMessage(bytes);
    if (message?.kind === 'keepalive') this.acker.keepalive(message.walEnd, message.replyNow);
    else if (message) this.#taken(message);
  }

  #taken(data: WalData): void {
    const message = this.#decoder.decode(data.payload);
    if (message.kind !== 'relation' && message.kind !== 'type') {
      if ('relation' in message) this.#partition(message.relation);
      this.#told = [];
    }
    switch (message.kind) {
      case 'insert':
      case 'update':
      case 'delete':
        if (!this.#skips) this.#row(message);
        break;
      case 'begin':
        this.#skips = this.acker.begin(message.commitLsn);
        this.#openSince = this.#skips ? undefined : message.committedAt;
        this.#collector.begin(message);
        break;
      case 'commit':
        this.#committed(message);
        break;
      case 'relation':
        this.#relation(message);
        break;
      case 'truncate':
        if (!this.#skips) this.#truncated(message);
        break;
      case 'message':
        // What is not of a transaction is told even where that was rolled back.
        if (message.transactional && !this.#skips && message.prefix === METADATA_PREFIX) this.#collector.metadata(message.content);
        break;
      case 'type':
      case 'origin':
        break;
    }
  }

  #row(message: RowMessage): void {
    const map = this.#maps.get(message.relation.oid);
    if (map) this.#collector.row(map, message);
  }

  #committed(message: PgoutputMessage & { kind: 'commit' }): void {
    this.#openSince = undefined;
    if (this.#skips) {
      this.counts.skipped++;
      this.#skips = false;
      this.acker.commit(message.endLsn, true);
      return;
    }
    for (const table of this.#stale) this.#collector.wholeTable(table, wholePaths(table), 'update');
    this.#stale = [];
    const collected = this.#collector.commit(message, this.#newForms);
    this.counts.commits++;
    this.counts.changes += collected.rows;
    const isEmpty = collected.tenants.size === 0 && collected.forAll.size === 0 && collected.records?.isEmpty !== false;
    this.acker.commit(message.endLsn, isEmpty);
    if (isEmpty) return;
    this.#newForms = new Map();
    this.host.committed(collected);
  }

  /** A row of a partitioned table comes right after what was told of the table and of the partition, in this order. */
  #partition(root: Relation): void {
    const [first, leaf] = this.#told.slice(-2);
    const map = this.#maps.get(root.oid);
    if (!map || first?.oid !== root.oid || !leaf || leaf.oid === root.oid) return;
    const leaves = this.#leaves.get(root.oid) ?? new Map<number, Relation>();
    this.#leaves.set(root.oid, leaves.set(leaf.oid, leaf));
    this.#maps.set(root.oid, new RelationMap(map.table, map.relation, leaves.values()));
  }

  #relation(relation: Relation): void {
    this.#told.push(relation);
    const key = tableKey(relation.schema, relation.name);
    const named = this.options.tables.get(key);
    // Dots in names: `a.b` of the schema `c` has the key of `b.c`.
    const table = named?.schema === relation.schema ? named : undefined;
    const known = this.#maps.get(relation.oid);
    // It has another name now; rows that came under it are told nobody, or by another map.
    if (known && known.table !== table) this.#stale = [...this.#stale, known.table];
    if (!table) {
      this.#maps.set(relation.oid, null);
      return;
    }
    this.#maps.set(relation.oid, new RelationMap(table, relation, this.#leaves.get(relation.oid)?.values()));
    const form = formOf(relation);
    const former = this.#forms.get(key);
    if (former === form) return;
    this.#forms.set(key, form);
    this.#newForms.set(key, form);
    // It comes in a transaction, before its first row there. A column that was added with a default has changed all rows, and no row says so.
    if (former !== undefined) this.#stale = [...this.#stale, table];
  }

  #truncated({ relations }: Truncate): void {
    for (const { oid } of relations) {
      const map = this.#maps.get(oid);
      if (map) this.#collector.wholeTable(map.table, wholePaths(map.table), 'delete');
    }
  }
}

/** Of rows that nobody has seen, a function of the map can say nothing. */
export const wholePaths = ({ paths }: MappedTable): readonly string[] => (typeof paths === 'function' ? [ANY] : paths);

/** Names, types and order of its columns. */
const formOf = ({ columns }: Relation): string => columns.map(({ name, typeOid, typeModifier }) => `${name} ${String(typeOid)} ${String(typeModifier)}`).join(', ');
