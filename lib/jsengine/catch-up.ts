import type { Reason } from '../protocol/events.js';
import type { ActionLog, LogEntry } from './action-log.js';
import type { Context } from './context.js';
import type { Filter } from './filter.js';
import { pack, type Chunk, type Message, type Variant } from './frames.js';
import { PathUnion } from './path-union.js';
import { present } from './present.js';
import { spreadMs } from './spread.js';
import type { Verdict } from './verdict.js';

/** What follows `hello`, and what `hello` says of it. */
export interface CatchUp {
  reason: Reason;
  recovered: boolean;
  /** The position of `hello`'s id; null: nowhere. */
  after: number | null;
  messages: readonly Message[];
  chunks: readonly Chunk[];
}

/** The channel, as far as a catch-up is made of it. */
interface CatchUpSource {
  readonly log: ActionLog;
  readonly streams: { readonly size: number };
}

/**
 * Catch-ups kept for the next client with the same position, filter and variant: after a deploy or a network
 * cut thousands come at once. Each is at most `connectionCapBytes`; the least recently used one goes first.
 */
const CACHED = 32;

export class CatchUps {
  /** Null: not even one message can say it. A `resync` is made anew: its time is that of the verdict, its paths are today's. */
  private readonly cache = new Map<string, CatchUp | null>();
  /** A log that took the place of another one may have its epoch and its revision. */
  private readonly serials = new WeakMap<ActionLog, number>();
  private logs = 0;

  constructor(private readonly context: Context) {}

  /** `now`: the hub's clock at the verdict. */
  plan({ log, streams }: CatchUpSource, verdict: Verdict, filter: Filter, variant: Variant, now: number): CatchUp {
    // Who asks is about to join.
    const spread = spreadMs(this.context, streams.size + 1);
    if (!('after' in verdict)) return this.resync(log, verdict.reason, variant, now, spread);
    const { reason, recovered, after } = verdict;
    if (after === log.headSeq) return { reason, recovered, after, messages: [], chunks: [] };
    const key = `${this.serialOf(log)}.${log.revision}.${after}.${variant}.${filter.key}`;
    const known = this.cache.get(key);
    this.cache.delete(key);
    const plan = known === undefined ? this.replay(log, after, filter, variant, spread) : known;
    this.cache.set(key, plan);
    if (this.cache.size > CACHED) this.dropOldest();
    return plan ?? this.resync(log, 'overflow', variant, now, spread);
  }

  clear(): void {
    this.cache.clear();
  }

  private serialOf(log: ActionLog): number {
    let serial = this.serials.get(log);
    if (serial === undefined) this.serials.set(log, (serial = ++this.logs));
    return serial;
  }

  private dropOldest(): void {
    for (const key of this.cache.keys()) {
      this.cache.delete(key);
      return;
    }
  }

  private resync(log: ActionLog, reason: Reason, variant: Variant, now: number, spread: number): CatchUp {
    const { frames, resyncPaths } = this.context;
    const message = frames.resync(variant, log.epoch, log.headSeq, reason, resyncPaths, now, spread);
    return this.packed({ reason, recovered: false, after: null, messages: [message] });
  }

  /** The matching actions after `after`, or one `invalidate`, or null where even that is too long. */
  private replay(log: ActionLog, after: number, filter: Filter, variant: Variant, spread: number): CatchUp | null {
    const { frames, options, invalidateBytes } = this.context;
    const matching: LogEntry[] = [];
    for (let seq = after + 1; seq <= log.headSeq; seq++) {
      const entry = present(log.get(seq));
      if (filter.matches(entry)) matching.push(entry);
    }
    const resumed = { reason: 'resumed', recovered: true, after } as const;
    const messages = matching.length > options.compactAfter ? null : this.oneByOne(log.epoch, matching, variant);
    if (messages) return this.packed({ ...resumed, messages });
    const union = new PathUnion(invalidateBytes);
    for (const entry of matching) union.add(entry);
    if (union.overflowed) return null;
    const invalidate = frames.invalidate(variant, log.epoch, union, spread);
    return this.packed({ ...resumed, messages: [{ ...invalidate, compaction: true }] });
  }

  private packed(plan: Omit<CatchUp, 'chunks'>): CatchUp {
    return { ...plan, chunks: pack(plan.messages, this.context.options.connectionCapBytes) };
  }

  /** Null when they are more than a connection may hold. */
  private oneByOne(epoch: string, entries: readonly LogEntry[], variant: Variant): Message[] | null {
    const { frames, options } = this.context;
    const messages: Message[] = [];
    let bytes = 0;
    for (const entry of entries) {
      const message = frames.action(variant, epoch, entry);
      bytes += message.size;
      if (bytes > options.connectionCapBytes) return null;
      messages.push(message);
    }
    return messages;
  }
}
