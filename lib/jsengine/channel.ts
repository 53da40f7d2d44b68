import type { EncodedAction, EncodedEphemeral } from '../internal/engine.js';
import { ActionLog, type LogEntry } from './action-log.js';
import { Batch, type Item } from './batch.js';
import { Instances } from './instances.js';
import type { Context } from './context.js';
import type { Variant } from './frames.js';
import type { Payload } from './payload.js';
import type { Sliced } from './scheduler.js';
import type { Stream } from './stream.js';

/** What one slice of a fan-out may write, bytes, and how long it may take, µs; then another tenant has its turn. */
const SLICE_BYTES = 64 * 1024;
const SLICE_US = 500;

interface Round {
  readonly batch: Batch;
  readonly left: IterableIterator<Stream>;
  /** Whose turn it is. */
  next: IteratorResult<Stream>;
  /** Some stream was written to. */
  wrote: boolean;
}

/**
 * A tenant: its log, its streams and what is on its way from the one to the others. Items wait until the turn
 * of the loop ends, then one round takes all of them to all streams, slice by slice; what comes meanwhile is
 * the next round's. So each stream sees them in order.
 */
export class Channel implements Sliced {
  readonly log: ActionLog;
  readonly streams = new Set<Stream>();
  readonly instances: Instances;
  private waiting: Item[] = [];
  private round: Round | null = null;
  private ordinal = 0;
  private readonly pings = new Map<Variant, { id: string; safeMs: number; ping: Payload }>();

  constructor(
    readonly companyId: string,
    private readonly context: Context,
    /** Unix ms; the log has seen every action since. */
    bornMs: number,
  ) {
    const { env, options, counters } = context;
    this.instances = new Instances(options.logTtlMs);
    this.log = new ActionLog(env.hex(12), bornMs, options, (actions, bytes) => {
      counters.logActions += actions;
      counters.logBytes += bytes;
    });
  }

  get epoch(): string {
    return this.log.epoch;
  }

  /** Items handed over from now on have this ordinal or a higher one. */
  get nextOrdinal(): number {
    return this.ordinal;
  }

  get isIdle(): boolean {
    return this.streams.size === 0 && this.round === null;
  }

  /** Appends in order; tells for each where it stands, or where it already stood. */
  append(actions: readonly EncodedAction[], tell: (index: number, seq: number, duplicate: boolean) => void): void {
    const now = this.context.clock.now();
    this.log.expire(now);
    const fresh: LogEntry[] = [];
    actions.forEach((encoded, index) => {
      const known = this.log.seqOf(encoded.action.id);
      if (known !== undefined) {
        tell(index, known, true);
        return;
      }
      const entry = this.log.append(encoded, now);
      fresh.push(entry);
      tell(index, entry.seq, false);
    });
    if (this.streams.size > 0) this.announce(fresh, now);
  }

  ephemeral(event: EncodedEphemeral): void {
    if (this.streams.size === 0) return;
    this.hand({ kind: 'ephemeral', event, ...this.stamp(this.log.headSeq, this.context.clock.now()) });
  }

  runSlice(): boolean {
    this.round ??= this.startRound();
    if (!this.round) return false;
    const { round } = this;
    const { counters, env } = this.context;
    const lastByte = counters.bytes + SLICE_BYTES;
    const until = env.monotonicUs() + SLICE_US;
    while (!round.next.done) {
      if (round.next.value.deliver(round.batch)) round.wrote = true;
      round.next = round.left.next();
      if (counters.bytes >= lastByte || env.monotonicUs() >= until) break;
    }
    if (round.next.done) {
      this.endRound(round);
      return this.waiting.length > 0;
    }
    return true;
  }

  /** A time from which a resume loses nothing that a stream at `seq` has not been offered. */
  safeMs(seq: number): number {
    if (seq < this.log.headSeq) {
      for (const items of [this.round?.batch.items ?? [], this.waiting]) {
        const next = items.find((item) => item.seq > seq);
        if (next) return next.arrivedAt;
      }
    }
    return this.context.clock.now();
  }

  /** Encoded once per position and ms, and shared. */
  ping(id: string, safeMs: number, variant: Variant): Payload {
    const known = this.pings.get(variant);
    if (known?.id === id && known.safeMs === safeMs) return known.ping;
    const ping = this.context.frames.ping(variant, id, safeMs);
    this.pings.set(variant, { id, safeMs, ping });
    return ping;
  }

  /** Lets go of what is too old. */
  sweep(): void {
    this.log.expire(this.context.clock.now());
    this.instances.expire(this.context.env.monotonicUs() / 1000);
  }

  /** Ends the life of the log. REQUIRES: no stream is left. */
  forget(): void {
    this.context.scheduler.done(weigh(this.waiting));
    this.waiting = [];
    this.log.clear();
  }

  /** More than `compactAfter` in one publish call are an import (SPEC §1). */
  private announce(entries: readonly LogEntry[], now: number): void {
    if (entries.length > this.context.options.compactAfter) {
      this.hand({ kind: 'import', entries, ...this.stamp(this.log.headSeq, now) });
      return;
    }
    for (const entry of entries) this.hand({ kind: 'action', entry, ...this.stamp(entry.seq, now) });
  }

  private stamp(seq: number, arrivedAt: number): Pick<Item, 'ordinal' | 'seq' | 'arrivedAt' | 'publishedUs'> {
    return { ordinal: this.ordinal++, seq, arrivedAt, publishedUs: this.context.env.monotonicUs() };
  }

  private hand(item: Item): void {
    this.waiting.push(item);
    this.context.scheduler.runSoon(this, weigh([item]));
  }

  private startRound(): Round | null {
    const items = this.waiting;
    if (items.length === 0) return null;
    this.waiting = [];
    const batch = new Batch(this.context, this.log.epoch, items);
    const left = this.streams.values();
    return { batch, left, next: left.next(), wrote: false };
  }

  private endRound({ batch, wrote }: Round): void {
    const { counters, env, scheduler } = this.context;
    this.round = null;
    scheduler.done(weigh(batch.items));
    if (!wrote) return;
    const now = env.monotonicUs();
    for (const item of batch.items) if (item.kind !== 'ephemeral') counters.publishToWritten.observe(now - item.publishedUs);
  }
}

/** What an item holds beyond the text of its actions, bytes: an estimate. */
const ENTRY_BYTES = 256;

function weigh(items: readonly Item[]): number {
  return items.reduce((sum, item) => {
    if (item.kind === 'ephemeral') return sum + item.event.json.length + ENTRY_BYTES;
    if (item.kind === 'action') return sum + item.entry.bytes + ENTRY_BYTES;
    return sum + item.entries.reduce((bytes, entry) => bytes + entry.bytes + ENTRY_BYTES, 0);
  }, 0);
}
