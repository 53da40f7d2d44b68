/** What one transaction changed for one tenant: paths, never rows. So much of it goes out as one action. */
import type { ActionType } from '../../protocol/events.js';
import { joinRestrictions, restrictionOf, WHERE_BYTES, WHERE_PATHS, type Restriction } from '../../protocol/where.js';
import { MAX_QUERY_PATHS } from '../../protocol/limits.js';
import type { RelationMap } from './mapping.js';
import type { RowKind } from '../stream/pgoutput.js';

/** How much is still told apart. */
export const DETAIL = { paths: 0, prefixes: 1, nothing: 2 } as const;
export type Detail = (typeof DETAIL)[keyof typeof DETAIL];

/** Of many rows, many tables, all paths. */
export const ANY = '*';

export const prefixOf = (path: string): string => {
  const dot = path.indexOf('.');
  return dot < 0 ? path : path.slice(0, dot);
};

export class TenantChanges {
  /** Changed rows. */
  rows = 0;
  type: ActionType | undefined;
  module: string | undefined;
  entityId: string | undefined;
  /** Of the only row. */
  data: Record<string, unknown> | undefined;
  /** To what it is narrowed; null: not at all. */
  readonly paths = new Map<string, Restriction | null>();
  #detail: Detail = DETAIL.paths;
  /** Of the row before: a table whose paths are the same for all rows has nothing new to say. */
  #lastMap: RelationMap | undefined;
  #lastOp: RowKind | undefined;

  /** Nothing is narrowed, and everything is stale. */
  get everything(): boolean {
    return this.#detail === DETAIL.nothing;
  }

  get isSilent(): boolean {
    return this.paths.size === 0 && !this.everything;
  }

  /** Counts a row. True: one of the same table and kind came right before, and `entityId` needs not be asked. */
  row(map: RelationMap, op: RowKind): boolean {
    const again = this.#lastMap === map && this.#lastOp === op;
    this.#lastMap = map;
    this.#lastOp = op;
    this.data = undefined;
    this.rows++;
    if (again) return true;
    const { module } = map.table;
    this.type = this.type === undefined || this.type === op ? op : 'update';
    this.module = this.module === undefined || this.module === module ? module : ANY;
    return false;
  }

  entity(entityId: string): void {
    this.entityId = this.entityId === undefined || this.entityId === entityId ? entityId : ANY;
  }

  /** How many paths more there are. */
  add(path: string, narrowed: unknown): number {
    if (this.#detail === DETAIL.nothing) return 0;
    const restriction = this.#detail === DETAIL.paths && narrowed !== undefined ? (restrictionOf(narrowed) ?? null) : null;
    const name = this.#detail === DETAIL.paths ? path : prefixOf(path);
    if (name === ANY) return this.coarsen(DETAIL.nothing);
    const known = this.paths.get(name);
    if (known === undefined) {
      this.paths.set(name, restriction);
      return 1;
    }
    if (known !== null) this.paths.set(name, restriction === null ? null : (joinRestrictions(known, restriction) ?? null));
    return 0;
  }

  /** Tells less apart from now on. How many paths more there are: none, or less. */
  coarsen(detail: Detail): number {
    if (detail <= this.#detail) return 0;
    this.#detail = detail;
    const before = this.paths.size;
    const prefixes = detail === DETAIL.prefixes ? new Set([...this.paths.keys()].map(prefixOf)) : new Set<string>();
    this.paths.clear();
    for (const prefix of prefixes) this.paths.set(prefix, null);
    return this.paths.size - before;
  }

  /** As an action has them: at most `MAX_QUERY_PATHS`. */
  queryPaths(): string[] {
    if (this.paths.size > MAX_QUERY_PATHS) this.coarsen(DETAIL.prefixes);
    if (this.paths.size > MAX_QUERY_PATHS) this.coarsen(DETAIL.nothing);
    return this.everything ? [ANY] : [...this.paths.keys()];
  }

  /** Of `queryPaths()`. */
  where(): Record<string, Restriction> | undefined {
    const narrowed = [...this.paths].filter((entry): entry is [string, Restriction] => entry[1] !== null);
    if (narrowed.length === 0 || narrowed.length > WHERE_PATHS) return undefined;
    const where = Object.fromEntries(narrowed);
    // Beyond its bounds nothing is narrowed.
    return Buffer.byteLength(JSON.stringify(where)) > WHERE_BYTES ? undefined : where;
  }
}
