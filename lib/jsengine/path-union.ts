import type { LogEntry } from './action-log.js';
import { joinRestrictions, restrictionAt, WHERE_PATHS, type Restriction } from '../protocol/where.js';
import { isArray } from '../internal/describe.js';
import { spreadField } from './spread.js';

/** `{"type":"invalidate","timestamp":,"queryPaths":[],"from":,"to":,"count":,"modules":[]}` without its values. */
const FIXED_BYTES = Buffer.byteLength(
  '{"type":"invalidate","timestamp":,"queryPaths":[],"from":,"to":,"count":,"modules":[]}',
);
/** Digits of a Unix time in ms, until the year 2286. */
const TIMESTAMP_BYTES = 13;
/** The share of `maxBytes` that module names may take. They inform; where they are too many the list is cut short. */
const MODULES_SHARE = 1 / 4;
/** The same of what paths are narrowed to: beyond it nothing is. */
const WHERE_SHARE = 1 / 4;
const EVERYTHING = '*';
/** `,"where":{}`, less the comma that the last of its paths has not. */
const WHERE_FRAME_BYTES = Buffer.byteLength(',"where":{}') - 1;

interface Narrowed {
  readonly to: Restriction;
  /** Of the JSON of path and restriction, with a comma. */
  readonly bytes: number;
}

/**
 * A conflated stretch of actions: what one `invalidate` says (SPEC §5).
 *
 * Invariants:
 * 1. Each query path of each action added is in the union, or covered by one that is (`*`, or a prefix up to a
 *    dot), or `overflowed`.
 * 2. No path in it covers another one, but for one that is narrowed.
 * 3. The event's JSON, without `spreadMs`, is at most `maxBytes` long, or `overflowed`; so its memory is bounded too.
 */
export class PathUnion {
  /** The paths by first segment: one group is one router. */
  private readonly groups = new Map<string, Set<string>>();
  /** What paths in it are narrowed to, and the bytes that this takes; the others are not. */
  private readonly where = new Map<string, Narrowed>();
  private whereBytes = 0;
  private readonly moduleNames = new Set<string>();
  private modulesCut = false;
  /** Bytes of the lists in JSON, each string with one comma. */
  private pathBytes = 0;
  private moduleBytes = 0;

  /** Seqs of the first and the last action; 0 while there is none. */
  from = 0;
  to = 0;
  /** Arrivals of the first and the last action, Unix ms. */
  firstMs = 0;
  lastMs = 0;
  count = 0;
  /** It tells of actions that have no seq yet: they are not in `count`. */
  told = false;
  /** No `invalidate` of at most `maxBytes` can say it; a `resync` must. */
  overflowed = false;

  constructor(private readonly maxBytes: number) {}

  /** UTF-8 bytes of the event's JSON; 0 once `overflowed`. */
  get bytes(): number {
    if (this.overflowed) return 0;
    const lists = Math.max(0, this.pathBytes - 1) + Math.max(0, this.moduleBytes - 1);
    return FIXED_BYTES + TIMESTAMP_BYTES + digits(this.from) + digits(this.to) + digits(this.count) + lists + this.whereBytes;
  }

  add(entry: LogEntry): void {
    this.extend(entry, entry);
    this.count++;
    if (this.overflowed) return;
    this.addModule(entry.module);
    for (const path of entry.queryPaths) this.addPath(path, restrictionAt(entry.where, path));
    this.shrink();
  }

  /** Takes in an action that has no place in the log yet. `atMs`: a safe time (SPEC §2). */
  tell(entry: Pick<LogEntry, 'module' | 'queryPaths' | 'where'>, atMs: number): void {
    this.told = true;
    if (this.count === 0) this.firstMs = this.lastMs = atMs;
    if (this.overflowed) return;
    this.addModule(entry.module);
    for (const path of entry.queryPaths) this.addPath(path, restrictionAt(entry.where, path));
    this.shrink();
  }

  /** Takes in the stretch that comes right after. */
  merge(later: PathUnion): void {
    if (later.count === 0 && !later.told) return;
    if (later.told) this.told = true;
    if (later.count === 0 && this.count === 0) this.firstMs = this.lastMs = later.lastMs;
    if (later.count > 0) this.extend({ seq: later.from, arrivedAt: later.firstMs }, { seq: later.to, arrivedAt: later.lastMs });
    this.count += later.count;
    if (this.overflowed) return;
    if (later.overflowed) {
      this.overflow();
      return;
    }
    for (const name of later.moduleNames) this.addModule(name);
    for (const path of later.paths()) this.addPath(path, later.where.get(path)?.to);
    this.shrink();
  }

  /**
   * Its timestamp is the arrival of its last action, never the time at which it is made: an action that the stream was not
   * offered yet may be older than that, and a client that comes back with a timestamp would lose it.
   * REQUIRES: `count > 0` or `told`, and not `overflowed`.
   */
  toJson(spread = 0): string {
    const modules = JSON.stringify(this.modules());
    const paths = JSON.stringify(this.paths());
    const stretch = this.count === 0 ? '' : `"from":${this.from},"to":${this.to},"count":${this.count},`;
    return `{"type":"invalidate","timestamp":${this.lastMs},"queryPaths":${paths},${stretch}"modules":${modules}${this.whereJson()}${spreadField(spread)}}`;
  }

  /** In the order of first appearance, router by router. */
  paths(): string[] {
    return [...this.groups.values()].flatMap((group) => [...group]);
  }

  modules(): string[] {
    return [...this.moduleNames];
  }

  private extend(first: Pick<LogEntry, 'seq' | 'arrivedAt'>, last: Pick<LogEntry, 'seq' | 'arrivedAt'>): void {
    if (this.count === 0) {
      this.from = first.seq;
      this.firstMs = first.arrivedAt;
    }
    this.to = last.seq;
    this.lastMs = last.arrivedAt;
  }

  private addModule(name: string): void {
    if (this.modulesCut || this.moduleNames.has(name)) return;
    const bytes = stringBytes(name);
    if (this.moduleBytes + bytes - 1 > this.maxBytes * MODULES_SHARE) {
      this.modulesCut = true;
      return;
    }
    this.moduleNames.add(name);
    this.moduleBytes += bytes;
  }

  private addPath(path: string, restriction?: Restriction): void {
    if (path === EVERYTHING) this.dropPaths();
    const segment = firstSegment(path);
    const group = this.groups.get(segment);
    if (this.groups.has(EVERYTHING) || (group && this.isCovered(path, group))) return;
    const isNew = group?.has(path) !== true;
    // It is in the union, and narrowed: what both concern.
    const known = this.where.get(path)?.to;
    // As most of what comes again and again.
    if (known && restriction && isWithin(restriction, known)) return;
    const narrowed = isNew ? restriction : known && restriction && joinRestrictions(known, restriction);
    this.narrow(path, path === EVERYTHING || (isNew && this.where.size >= WHERE_PATHS) ? undefined : narrowed);
    if (group) {
      if (!this.where.has(path)) for (const other of group) if (other.startsWith(`${path}.`)) this.dropPath(group, other);
      group.add(path);
    } else {
      this.groups.set(segment, new Set([path]));
    }
    if (isNew) this.pathBytes += stringBytes(path);
    if (this.whereBytes > this.maxBytes * WHERE_SHARE) this.widen();
  }

  private narrow(path: string, restriction: Restriction | undefined): void {
    const known = this.where.get(path);
    if (known === undefined && restriction === undefined) return;
    if (this.where.size === 0) this.whereBytes = WHERE_FRAME_BYTES;
    if (known) this.whereBytes -= known.bytes;
    if (restriction) {
      const bytes = stringBytes(path) + Buffer.byteLength(JSON.stringify(restriction)) + 1;
      this.where.set(path, { to: restriction, bytes });
      this.whereBytes += bytes;
    } else {
      this.where.delete(path);
    }
    if (this.where.size === 0) this.whereBytes = 0;
  }

  /** Narrows nothing any more. */
  private widen(): void {
    const paths = this.paths();
    this.dropPaths();
    for (const path of paths) this.addPath(path);
  }

  private whereJson(): string {
    return this.where.size === 0 ? '' : `,"where":${JSON.stringify(Object.fromEntries([...this.where].map(([path, { to }]) => [path, to])))}`;
  }

  /** By itself, or by a prefix of it up to a dot, that is not narrowed. */
  private isCovered(path: string, group: ReadonlySet<string>): boolean {
    const covers = (prefix: string): boolean => group.has(prefix) && !this.where.has(prefix);
    if (covers(path)) return true;
    for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
      if (covers(path.slice(0, dot))) return true;
    }
    return false;
  }

  private dropPath(group: Set<string>, path: string): void {
    group.delete(path);
    this.pathBytes -= stringBytes(path);
    this.narrow(path, undefined);
  }

  private dropPaths(): void {
    this.groups.clear();
    this.pathBytes = 0;
    this.where.clear();
    this.whereBytes = 0;
  }

  /** Brings the event under `maxBytes`: the router with most paths first, among equals the one seen first. */
  private shrink(): void {
    if (this.bytes > this.maxBytes && this.where.size > 0) this.widen();
    while (this.bytes > this.maxBytes) {
      const segment = this.largestGroup();
      if (segment === undefined) {
        this.overflow();
        return;
      }
      this.addPath(segment);
    }
  }

  /** Of those that can still be collapsed to their first segment. */
  private largestGroup(): string | undefined {
    let largest: string | undefined;
    let size = 0;
    for (const [segment, group] of this.groups) {
      if (group.size <= size || segment === '' || group.has(segment)) continue;
      largest = segment;
      size = group.size;
    }
    return largest;
  }

  private overflow(): void {
    this.overflowed = true;
    this.dropPaths();
    this.moduleNames.clear();
    this.moduleBytes = 0;
  }
}

/** Every key of `wide` is one of `narrow`, with no value that `wide` has not: the two together are `wide`. */
function isWithin(narrow: Restriction, wide: Restriction): boolean {
  for (const key of Object.keys(wide)) {
    const has = wide[key];
    const own = Object.hasOwn(narrow, key) ? narrow[key] : undefined;
    if (own === undefined) return false;
    const within = (value: unknown): boolean => (isArray(has) ? has.includes(value as never) : has === value);
    if (isArray(own) ? !own.every(within) : !within(own)) return false;
  }
  return true;
}

function firstSegment(path: string): string {
  const dot = path.indexOf('.');
  return dot < 0 ? path : path.slice(0, dot);
}

function digits(n: number): number {
  return String(n).length;
}

/** UTF-8 bytes of the string in JSON, and of one comma. */
function stringBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) + 1;
}
