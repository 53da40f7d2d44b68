import type { EncodedAction, EncodedEphemeral } from '../internal/engine.js';
import type { Reason } from '../protocol/events.js';
import { ActionLog, makeEntry, type LogEntry, type LogStart } from './action-log.js';
import { Batch, type Item } from './batch.js';
import { Instances } from './instances.js';
import type { Context } from './context.js';
import { formatCursor } from './cursor.js';
import type { Variant } from './frames.js';
import type { Payload } from './payload.js';
import type { Sliced } from './scheduler.js';
import { spreadField, spreadMs } from './spread.js';
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

/** Of a log that is not known yet: no log has this epoch. */
const NO_EPOCH = '0';

/** What keeps the log of a tenant the same as the broker's. */
export interface ChannelMirror {
  /** Somebody waits for the log, or reads it. */
  readonly inUse: boolean;
  /** Up to when, Unix ms of the broker, nothing that happened is missing here. */
  readonly wholeUntilMs: number;
  close(): void;
}

/**
 * A tenant: its log, its streams and what is on its way from the one to the others. Items wait until the turn
 * of the loop ends, then one round takes all of them to all streams, slice by slice; what comes meanwhile is
 * the next round's. So each stream sees them in order.
 */
export class Channel implements Sliced {
  /** With a broker: what is known of the broker's. */
  log: ActionLog;
  mirror: ChannelMirror | undefined;
  readonly streams = new Set<Stream>();
  readonly instances: Instances;
  private waiting: Item[] = [];
  /** While an import is on its way to the log: what came meanwhile, to be told with it. */
  private held: LogEntry[] | null = null;
  private holders = 0;
  private round: Round | null = null;
  private ordinal = 0;
  /** Of `Context.moment`: when the log began, and got the last that it got. */
  private begun: number;
  private moved = 0;
  private readonly account: (actions: number, bytes: number) => void;
  private readonly pings = new Map<Variant, { id: string; safeMs: number; ping: Payload }>();

  constructor(
    readonly companyId: string,
    private readonly context: Context,
    /** Unix ms; the log has seen every action since. */
    bornMs: number,
  ) {
    const { env, options, counters } = context;
    this.instances = new Instances(options.logTtlMs);
    this.account = (actions, bytes) => {
      counters.logActions += actions;
      counters.logBytes += bytes;
    };
    this.begun = ++context.moment;
    this.log = new ActionLog(options.broker ? NO_EPOCH : env.hex(12), bornMs, options, this.account);
  }

  get epoch(): string {
    return this.log.epoch;
  }

  get spread(): number {
    return spreadMs(this.context, this.streams.size);
  }

  /** Items handed over from now on have this ordinal or a higher one. */
  get nextOrdinal(): number {
    return this.ordinal;
  }

  get isIdle(): boolean {
    return this.streams.size === 0 && this.round === null && this.mirror?.inUse !== true;
  }

  /** Appends in order; tells for each where it stands, or where it already stood. */
  append(actions: readonly EncodedAction[], tell: (index: number, seq: number, duplicate: boolean) => void): void {
    const now = this.context.clock.now();
    this.log.expire(now);
    const spread = spreadField(this.spread);
    const fresh: LogEntry[] = [];
    actions.forEach((encoded, index) => {
      const known = this.log.seqOf(encoded.action.id);
      if (known !== undefined) {
        tell(index, known, true);
        return;
      }
      this.moved = ++this.context.moment;
      const entry = this.log.append(encoded, now, spread);
      fresh.push(entry);
      tell(index, entry.seq, false);
    });
    if (this.streams.size > 0) this.announce(fresh);
  }

  /** The log is known: what is in it is the broker's. */
  get hasLog(): boolean {
    return this.log.epoch !== NO_EPOCH;
  }

  /** As it was at that value of `Context.moment`, or somewhat older. Undefined: the log is not known, or has begun since. */
  positionAt(moment = Infinity): string | undefined {
    if (!this.hasLog || this.begun > moment) return undefined;
    const { epoch, headSeq } = this.log;
    // Each action since has been counted, those of other companies with them.
    const since = this.moved > moment ? this.context.moment - moment : 0;
    return formatCursor(epoch, Math.max(0, headSeq - since));
  }

  /** Another log takes the place of this one, empty. Streams that are there are told so. */
  replaceLog(epoch: string, bornMs: number, start: LogStart, reason: Reason): void {
    this.dropItems();
    this.log.clear();
    this.begun = ++this.context.moment;
    this.log = new ActionLog(epoch, bornMs, this.context.options, this.account, start);
    if (this.streams.size === 0) return;
    const now = this.safeNow();
    this.hand({ kind: 'resync', reason, safeMs: Math.min(bornMs - 1, now), ...this.stamp(this.log.headSeq, now) });
  }

  /** The log is not known any more. REQUIRES: no stream is left. */
  forgetLog(): void {
    if (this.hasLog) this.replaceLog(NO_EPOCH, this.context.clock.now(), {}, 'broker_lost');
  }

  /** Actions at their places: those of the broker's log that come next. `publishedUs`: hand-over of the first, where it was here. */
  place(actions: readonly { encoded: EncodedAction; at: number }[], publishedUs?: number): void {
    const spread = spreadField(this.spread);
    const fresh = actions.map(({ encoded, at }) => {
      this.moved = ++this.context.moment;
      return this.log.append(encoded, at, spread);
    });
    if (this.streams.size === 0) return;
    if (this.held) this.held.push(...fresh);
    else this.announce(fresh, publishedUs);
  }

  /** Until each hold is released, what comes is held back: it is told together. */
  hold(): void {
    this.holders++;
    this.held ??= [];
  }

  release(): void {
    if (--this.holders > 0) return;
    this.tellHeld();
    this.held = null;
  }

  /** To be called before a stream joins: what is in the log already is not for it. */
  tellHeld(): void {
    if (!this.held || this.held.length === 0) return;
    const { held } = this;
    this.held = [];
    if (this.streams.size > 0) this.announce(held);
  }

  /** Tells of actions that have no place in the log yet; of many in one event. Gives how many they are for each stream, together. */
  tell(actions: readonly EncodedAction[]): number {
    const now = this.safeNow();
    const entries = actions.map((encoded) => makeEntry(encoded, this.offeredSeq, now));
    let count = 0;
    for (const { filter } of this.streams) for (const entry of entries) if (filter.matches(entry)) count++;
    if (count === 0) return 0;
    const together = entries.length > this.context.options.compactAfter;
    for (const some of together ? [entries] : entries.map((entry) => [entry])) {
      this.hand({ kind: 'told', entries: some, ...this.stamp(this.offeredSeq, now) });
    }
    return count;
  }

  ephemeral(event: EncodedEphemeral): void {
    if (this.streams.size === 0) return;
    this.hand({ kind: 'ephemeral', event, ...this.stamp(this.offeredSeq, this.safeNow()) });
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
      for (const items of [this.round?.batch.items ?? [], this.waiting, this.held ?? []]) {
        const next = items.find((item) => item.seq > seq);
        if (next) return next.arrivedAt;
      }
    }
    return this.safeNow();
  }

  /** The latest safe time for who has been offered everything. */
  safeNow(): number {
    const now = this.context.clock.now();
    return this.mirror ? Math.min(now, this.mirror.wholeUntilMs) : now;
  }

  /** Head of what streams have been, or are about to be, offered. */
  private get offeredSeq(): number {
    return (this.held?.[0]?.seq ?? this.log.headSeq + 1) - 1;
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
    this.mirror?.close();
    this.mirror = undefined;
    this.dropItems();
    this.log.clear();
  }

  private dropItems(): void {
    const { scheduler } = this.context;
    scheduler.done(weigh(this.waiting) + weigh(this.round?.batch.items ?? []));
    this.waiting = [];
    this.round = null;
    if (this.held) this.held = [];
  }

  /** More than `compactAfter` in one publish call are an import (SPEC §1). */
  private announce(entries: readonly LogEntry[], publishedUs?: number): void {
    const [first] = entries;
    if (first && entries.length > this.context.options.compactAfter) {
      this.hand({ kind: 'import', entries, ...this.stamp(this.log.headSeq, first.arrivedAt, publishedUs) });
      return;
    }
    for (const entry of entries) this.hand({ kind: 'action', entry, ...this.stamp(entry.seq, entry.arrivedAt, publishedUs) });
  }

  private stamp(
    seq: number,
    arrivedAt: number,
    publishedUs = this.context.env.monotonicUs(),
  ): Pick<Item, 'ordinal' | 'seq' | 'arrivedAt' | 'publishedUs'> {
    return { ordinal: this.ordinal++, seq, arrivedAt, publishedUs };
  }

  private hand(item: Item): void {
    this.waiting.push(item);
    this.context.scheduler.runSoon(this, weigh([item]));
  }

  private startRound(): Round | null {
    const items = this.waiting;
    if (items.length === 0) return null;
    this.waiting = [];
    const batch = new Batch(this.context, this.log.epoch, items, this.spread);
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
    if (item.kind === 'resync') return sum + ENTRY_BYTES;
    if (item.kind === 'action') return sum + item.entry.bytes + ENTRY_BYTES;
    return sum + item.entries.reduce((bytes, entry) => bytes + entry.bytes + ENTRY_BYTES, 0);
  }, 0);
}
