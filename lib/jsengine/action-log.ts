import type { EncodedAction } from '../internal/engine.js';
import type { Where } from '../protocol/where.js';
import { present } from './present.js';

/** One action in the log. It lets go of the caller's `data`: the JSON is enough. */
export interface LogEntry {
  readonly seq: number;
  readonly id: string;
  readonly module: string;
  readonly entityId: string;
  /** An empty one counts as none. */
  readonly clientId: string | undefined;
  readonly userId: string;
  readonly sourceId: string | undefined;
  readonly queryPaths: readonly string[];
  readonly where: Where | undefined;
  /** The hub's clock at the append, Unix ms. */
  readonly arrivedAt: number;
  /** What a resume by time compares: the later one of `timestamp` and `arrivedAt`, Unix ms. */
  readonly stamp: number;
  /** The action's JSON is `head + seq + spread + tail`; the same through the app's transformer where that is more than a wrap. */
  readonly head: string;
  readonly tail: string;
  /** Of the event, after `seq`: `spreadField()`. */
  readonly spread: string;
  readonly transformed: { readonly head: string; readonly tail: string } | undefined;
  /** UTF-8 bytes of the JSON. */
  readonly bytes: number;
}

/** The ring of a log that has nothing. */
const MIN_PLACES = 8;
/** A ring this many times longer than its log is halved. */
const MUCH = 8;

export interface LogBounds {
  logActions: number;
  logTtlMs: number;
  logBytes: number;
}

/** A name that the log had before (SPEC §13): a cursor of it up to `last` is one of the log's own. */
export interface FormerName {
  readonly epoch: string;
  readonly last: number;
}

/** Of a log that did not begin with its first action here. */
export interface LogStart {
  /** Seq of the last action that is not kept. */
  readonly head?: number;
  /** The latest `stamp` among those that are not kept; -1: none is lost. */
  readonly lost?: number;
  readonly former?: readonly FormerName[];
}

/** How the sums over all logs follow this one. */
export type LogAccount = (actions: number, bytes: number) => void;

/**
 * One tenant's ordered, bounded log: a ring that grows up to its bound, and shrinks again (SPEC §1).
 *
 * Invariants:
 * 1. Kept entries have the seqs `oldestSeq … headSeq` without a gap; `oldestSeq === headSeq + 1` when none is kept.
 * 2. An id is in `seqById` exactly while its entry is kept.
 */
export class ActionLog {
  private ring: (LogEntry | undefined)[] = new Array<LogEntry | undefined>(MIN_PLACES);
  private count = 0;
  private bytes = 0;
  private readonly seqById = new Map<string, number>();
  private head: number;
  /** The latest `stamp` among entries that are gone; -1 while all are kept. */
  private lost: number;
  private name: string;
  private formerNames: readonly FormerName[];
  /** Counts changes of what is kept; a cache that saw another revision is stale. */
  revision = 0;

  constructor(
    epoch: string,
    /** Unix ms. */
    readonly createdAt: number,
    private readonly bounds: LogBounds,
    private readonly account: LogAccount,
    { head = 0, lost = -1, former = [] }: LogStart = {},
  ) {
    this.name = epoch;
    this.head = head;
    this.lost = lost;
    this.formerNames = former;
  }

  get epoch(): string {
    return this.name;
  }

  /** The newest first. */
  get former(): readonly FormerName[] {
    return this.formerNames;
  }

  /** The same log goes on under a new name. */
  rename(epoch: string, former: readonly FormerName[]): void {
    this.name = epoch;
    this.formerNames = former;
    this.revision++;
  }

  /** The seq of this log that a cursor stands for; undefined where it is of another log. */
  seqAt(cursor: { readonly epoch: string; readonly seq: number }): number | undefined {
    if (cursor.epoch === this.name) return cursor.seq;
    const name = this.formerNames.find(({ epoch }) => epoch === cursor.epoch);
    return name && cursor.seq <= name.last ? cursor.seq : undefined;
  }

  get headSeq(): number {
    return this.head;
  }

  get oldestSeq(): number {
    return this.head - this.count + 1;
  }

  get lostStamp(): number {
    return this.lost;
  }

  /** Undefined when it is not kept. */
  get(seq: number): LogEntry | undefined {
    if (seq < this.oldestSeq || seq > this.head) return undefined;
    return this.ring[seq & (this.ring.length - 1)];
  }

  /** Places of the ring. */
  get places(): number {
    return this.ring.length;
  }

  /** The seq under which this action id is kept. */
  seqOf(id: string): number | undefined {
    return this.seqById.get(id);
  }

  /** REQUIRES: the action's id is not kept (`seqOf`), and `expire(now)` was called. */
  append(encoded: EncodedAction, now: number, spread = ''): LogEntry {
    const entry = makeEntry(encoded, ++this.head, now, spread);
    this.revision++;
    if (this.count === this.ring.length) this.resize(this.ring.length * 2);
    this.ring[entry.seq & (this.ring.length - 1)] = entry;
    this.count++;
    this.bytes += entry.bytes;
    this.seqById.set(entry.id, entry.seq);
    this.account(1, entry.bytes);
    while (this.count > this.bounds.logActions || this.bytes > this.bounds.logBytes) this.dropOldest();
    return entry;
  }

  /** Lets go of what is `logTtlMs` old. */
  expire(now: number): void {
    const last = now - this.bounds.logTtlMs;
    for (let oldest = this.get(this.oldestSeq); oldest && oldest.arrivedAt <= last; oldest = this.get(this.oldestSeq)) {
      this.dropOldest();
    }
  }

  /** Bytes of what is kept. */
  get size(): number {
    return this.bytes;
  }

  /** Lets go of the oldest until it holds at most `bytes`. */
  shrinkTo(bytes: number): void {
    while (this.bytes > bytes && this.count > 0) this.dropOldest();
  }

  /** The seq of the first kept entry at or after `sinceMs`; `headSeq + 1` when there is none. */
  firstSeqSince(sinceMs: number): number {
    for (let seq = this.oldestSeq; seq <= this.head; seq++) if (present(this.get(seq)).stamp >= sinceMs) return seq;
    return this.head + 1;
  }

  /** The kept actions from the first at or after `sinceMs` on, all without it; `seq` included. */
  jsonSince(sinceMs: number | undefined): string[] {
    const actions: string[] = [];
    for (let seq = sinceMs === undefined ? this.oldestSeq : this.firstSeqSince(sinceMs); seq <= this.head; seq++) {
      const { head, spread, tail } = present(this.get(seq));
      actions.push(`${head}${seq}${spread}${tail}`);
    }
    return actions;
  }

  /** Lets go of everything: the log's life is over. */
  clear(): void {
    while (this.count > 0) this.dropOldest();
  }

  private dropOldest(): void {
    const slot = this.oldestSeq & (this.ring.length - 1);
    const entry = present(this.ring[slot]);
    this.ring[slot] = undefined;
    this.count--;
    this.bytes -= entry.bytes;
    this.seqById.delete(entry.id);
    this.lost = Math.max(this.lost, entry.stamp);
    this.revision++;
    this.account(-1, -entry.bytes);
    if (this.ring.length > MIN_PLACES && this.count * MUCH <= this.ring.length) this.resize(this.ring.length / 2);
  }

  /** `places`: a power of two, at least `size`. */
  private resize(places: number): void {
    const ring = new Array<LogEntry | undefined>(places);
    for (const entry of this.ring) if (entry) ring[entry.seq & (places - 1)] = entry;
    this.ring = ring;
  }
}

export function makeEntry(encoded: EncodedAction, seq: number, now: number, spread = ''): LogEntry {
  const { action, head, tail } = encoded;
  return {
    seq,
    id: action.id,
    module: action.module,
    entityId: action.entityId,
    clientId: action.clientId === '' ? undefined : action.clientId,
    userId: action.userId,
    sourceId: action.sourceId,
    queryPaths: action.queryPaths,
    where: action.where,
    arrivedAt: now,
    stamp: Math.max(action.timestamp, now),
    head,
    tail,
    spread,
    transformed: encoded.transformed,
    bytes: Buffer.byteLength(head) + String(seq).length + spread.length + Buffer.byteLength(tail),
  };
}
