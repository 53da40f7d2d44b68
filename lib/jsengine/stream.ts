import type { ConnectionInfo, SinkHandle, StreamEnd, StreamSpec } from '../internal/engine.js';
import type { CloseReason, Reason } from '../protocol/events.js';
import { conflated, type Batch } from './batch.js';
import type { Context } from './context.js';
import { formatCursor, NOWHERE } from './cursor.js';
import type { Filter } from './filter.js';
import { pack, type Chunk, type Message, type Variant } from './frames.js';
import { jitter } from './jitter.js';
import { PathUnion } from './path-union.js';
import { join, sizeOf, type Outlet, type Payload } from './payload.js';
import { present } from './present.js';

/** Where a stream begins, as the verdict has it. */
export interface StreamStart {
  /** Response head, `retry`, `connected` and `hello`. */
  opening: Payload;
  /** The position of `hello`'s id; null: nowhere, a `resync` follows. */
  after: number | null;
  /** A time from which a client that is cut right after `hello` loses nothing. */
  safeMs: number;
  /** Catch-up or `resync`, and the same packed; shared with other streams. */
  messages: readonly Message[];
  chunks: readonly Chunk[];
  /** Head of the log at the verdict: here live begins. */
  head: number;
  /** Items from this ordinal on are live. */
  joined: number;
}

/** The channel, as far as its streams look at it. */
export interface StreamHome {
  readonly epoch: string;
  /** What its streams are to spread over, ms. */
  readonly spread: number;
  /** A time from which a resume loses nothing that a stream at `seq` has not been offered. */
  safeMs(seq: number): number;
  /** The heartbeat of who is there. */
  ping(id: string, safeMs: number, variant: Variant): Payload;
}

/** A catch-up up to this long leaves with `hello` in one write; a longer one is not copied for each stream, bytes. */
const JOINED_CATCH_UP_BYTES = 4_096;

/** Reasons after which clients had better stay away for longer. */
const LONG_RETRY: ReadonlySet<CloseReason> = new Set<CloseReason>(['limit', 'evicted', 'replaced', 'slow']);
const LONG_RETRY_FACTOR = 5;

export function retryMsFor(reason: CloseReason, context: Pick<Context, 'options' | 'env'>): number {
  const { retryMs } = context.options;
  return jitter(LONG_RETRY.has(reason) ? retryMs * LONG_RETRY_FACTOR : retryMs, context.env);
}

/** What streams share with each other and their engine, on top of the rest. */
export interface StreamContext extends Context {
  /** Those whose sink is full. Owner: the streams. */
  readonly slow: Set<Stream>;
  /** A stream's sink broke. */
  gone(stream: Stream): void;
}

/**
 * A subscription: tenant, filter, position and sink, with what the sink has not taken yet (SPEC §5).
 *
 * Invariants:
 * 1. After a write that was refused (`full`) nothing is written until `ready()`.
 * 2. The backlog is at most `connectionCapBytes`; over it, it is one conflated stretch (`stretch`) instead.
 * 3. Every matching action up to `seen` is written, in the backlog, or in the stretch.
 * 4. `id()` is a position from which a resume loses nothing and repeats nothing, `safeMs()` a time from which one loses nothing.
 */
export class Stream implements SinkHandle {
  /** When the sink last took bytes, monotonic µs; until it did, when the stream opened. */
  lastWriteUs: number;

  private alive = true;
  /** It is about to be closed, and is offered nothing more: `safeMs()` as it was then. */
  private leftMs: number | null = null;
  private full = false;
  private writing = false;
  private readyWhileWriting = false;
  /** `hello` and what goes with it, until the first flush. */
  private opening: Pick<StreamStart, 'opening' | 'messages' | 'chunks' | 'safeMs'> | null;
  private backlog: Message[] = [];
  private backlogBytes = 0;
  private stretch: PathUnion | null = null;
  /** While the stretch is there: arrivals of the first and the last action in it. */
  private stretchFirstMs = Infinity;
  private stretchLastMs = 0;
  /** A `resync` that fell into the stretch: it covers all of it. */
  private stretchResync: Reason | null = null;
  /** While something is being written: arrival of the first action that comes after it and is on no list. */
  private inHandMs: number | undefined;
  private written: number | null;
  private seen: number;
  /** That `written` and `seen` are of. */
  private epoch: string;
  private readonly joined: number;
  /** The hub's clock when it opened. */
  private readonly since: number;

  constructor(
    readonly connectionId: string,
    readonly spec: StreamSpec,
    readonly variant: Variant,
    readonly filter: Filter,
    private readonly home: StreamHome,
    private readonly sink: Outlet,
    private readonly context: StreamContext,
    start: StreamStart,
  ) {
    this.opening = start;
    this.written = start.after;
    this.seen = start.head;
    this.epoch = home.epoch;
    this.joined = start.joined;
    this.since = context.clock.now();
    this.lastWriteUs = context.env.monotonicUs();
  }

  get isOpen(): boolean {
    return this.alive;
  }

  get isLeaving(): boolean {
    return this.leftMs !== null;
  }

  get info(): ConnectionInfo {
    const { companyId, userId, filter, address } = this.spec;
    return {
      id: this.connectionId,
      companyId,
      userId,
      since: this.since,
      filter: filter ?? null,
      backlogBytes: this.backlogBytes,
      position: this.full || this.isBehind ? null : this.id(),
      address: address ?? null,
    };
  }

  // From the sink.

  ready(): void {
    if (this.writing) this.readyWhileWriting = true;
    if (!this.full) return;
    this.full = false;
    this.context.slow.delete(this);
    if (this.alive && this.isBehind) this.context.scheduler.flushSoon(this);
  }

  abort(): void {
    if (this.alive) this.context.gone(this);
  }

  // From the engine.

  /** Writes what waits, as far as the sink takes it. */
  flush(): void {
    if (!this.alive || this.full) return;
    // Out of the way first: what the opening cannot write comes before it.
    const later = this.takeBacklog();
    if (this.opening) this.open(this.opening, firstSafeMs(later));
    this.send(later, pack(later, this.context.options.connectionCapBytes));
  }

  /** One round of the fan-out; true if something was written. */
  deliver(batch: Batch): boolean {
    if (!this.alive || this.isLeaving || this.joined > batch.lastOrdinal) return false;
    const { messages, chunks } = batch.for(this.filter, this.variant, this.joined);
    if (batch.resyncOrdinal >= this.joined) this.startOver();
    this.epoch = batch.epoch;
    const waiting = this.full || this.isBehind;
    // What the filter left out so far lies behind it, whatever becomes of what follows.
    if (!this.isBehind && this.written !== null) this.written = this.seen;
    this.seen = batch.lastSeq;
    if (!waiting) this.send(messages, chunks);
    else for (const message of messages) this.enqueue(message);
    return !waiting && messages.length > 0;
  }

  /** What it had counts no more: a `resync` follows, and until that is written it is nowhere. */
  private startOver(): void {
    this.dropBacklog();
    if (this.opening) this.opening = { ...this.opening, messages: [], chunks: [] };
    this.written = null;
  }

  /** From now on it gets nothing new; the engine closes it in its own time. Its time is that of now: what comes later it is not offered. */
  leave(): void {
    this.leftMs ??= this.safeMs();
  }

  heartbeat(): void {
    if (!this.alive) return;
    if (this.full || this.isLeaving || this.isBehind) {
      this.context.counters.heartbeatsSkipped++;
      return;
    }
    this.context.counters.heartbeats++;
    this.write(this.home.ping(this.id(), this.safeMs(), this.variant));
  }

  /**
   * The last of the stream. A full sink is not told why; a client that left, or a hub that is gone, neither.
   * REQUIRES: the caller has taken the stream out of all registries.
   */
  end(reason: StreamEnd): void {
    if (!this.alive) return;
    const { context, opening } = this;
    const wasFull = this.full;
    const id = this.id();
    const safeMs = this.safeMs();
    this.alive = false;
    this.opening = null;
    this.dropBacklog();
    context.slow.delete(this);
    if (reason !== 'gone' && !wasFull) this.sayGoodbye(reason, id, safeMs, opening?.opening);
    if (reason !== 'gone') closeQuietly(this.sink);
  }

  private sayGoodbye(reason: Exclude<StreamEnd, 'gone'>, id: string, safeMs: number, opening: Payload | undefined): void {
    const { context, variant } = this;
    if (reason === 'hub_closed') {
      const end = opening ? undefined : context.frames.silentEnd(variant);
      if (end) this.write(end);
      return;
    }
    const farewell = context.frames.close(variant, id, safeMs, reason, retryMsFor(reason, context));
    this.write(opening ? join([opening, farewell]) : farewell);
  }

  /** Something is on its way that was not written yet. */
  private get isBehind(): boolean {
    return this.opening !== null || this.stretch !== null || this.backlog.length > 0;
  }

  private id(): string {
    const position = this.isBehind || this.writing ? this.written : this.seen;
    return position === null ? NOWHERE : formatCursor(this.epoch, position);
  }

  /** What comes first among that which is not written: each of these is older than those after it. */
  private safeMs(): number {
    if (this.leftMs !== null) return this.leftMs;
    if (this.inHandMs !== undefined) return this.inHandMs;
    if (this.opening) return this.opening.safeMs;
    if (this.stretch) return this.stretchFirstMs;
    return firstSafeMs(this.backlog) ?? this.home.safeMs(this.seen);
  }

  /** Writes `hello` and what goes with it. `later`: arrival of what the caller writes after it. */
  private open({ opening, messages, chunks }: NonNullable<Stream['opening']>, later: number | undefined): void {
    const [first] = chunks;
    const joins = first !== undefined && first.size <= JOINED_CATCH_UP_BYTES;
    this.opening = null;
    this.writing = true;
    this.inHandMs = firstSafeMs(messages, joins ? first.end : 0) ?? later;
    if (joins) this.noteSent(messages, first);
    this.write(joins ? join([opening, first.payload]) : opening);
    this.writing = false;
    this.send(messages, joins ? chunks.slice(1) : chunks, later);
  }

  /** Writes chunk after chunk while the sink takes them; the rest becomes backlog. */
  private send(messages: readonly Message[], chunks: readonly Chunk[], later?: number): void {
    let sent = chunks[0]?.start ?? messages.length;
    this.writing = true;
    for (const chunk of chunks) {
      if (this.full || !this.alive) break;
      this.noteSent(messages, chunk);
      this.inHandMs = firstSafeMs(messages, chunk.end) ?? later;
      this.write(chunk.payload);
      sent = chunk.end;
    }
    this.writing = false;
    this.inHandMs = undefined;
    if (!this.alive || sent === messages.length) return;
    for (const message of messages.slice(sent)) this.enqueue(message);
  }

  /** A sink that says it is full has taken the bytes all the same, as a Node stream has. */
  private write(payload: Payload): void {
    const { counters, env, slow } = this.context;
    this.readyWhileWriting = false;
    counters.writes++;
    counters.bytes += sizeOf(payload);
    this.lastWriteUs = env.monotonicUs();
    let hasRoom: boolean;
    try {
      hasRoom = this.sink.write(payload);
    } catch (error) {
      const { companyId } = this.spec;
      this.context.notify({ type: 'failed', companyId, connectionId: this.connectionId, error });
      this.abort();
      return;
    }
    if (hasRoom || this.readyWhileWriting || !this.alive) return;
    this.full = true;
    slow.add(this);
  }

  private noteSent(messages: readonly Message[], chunk: Chunk): void {
    const { counters } = this.context;
    const last = present(messages[chunk.end - 1]);
    this.written = last.seq;
    counters.deliveries += chunk.actions;
    if (!chunk.special) return;
    for (const { compaction, resync } of messages.slice(chunk.start, chunk.end)) {
      if (compaction) counters.compactions++;
      if (resync) this.noteResync(resync);
    }
  }

  private noteResync(reason: Reason): void {
    this.context.counters.resyncs[reason]++;
    this.context.notify({ type: 'resync', companyId: this.spec.companyId, connectionId: this.connectionId, reason });
  }

  private enqueue(message: Message): void {
    if (message.ephemeral) {
      this.context.counters.ephemeralsDropped++;
      return;
    }
    if (this.stretch) {
      this.absorb(this.stretch, message);
      return;
    }
    this.backlog.push(message);
    this.account(message.size);
    if (this.backlogBytes > this.context.options.connectionCapBytes) this.conflate();
  }

  private conflate(): void {
    const { backlog, context } = this;
    const stretch = new PathUnion(context.invalidateBytes);
    this.dropBacklog();
    this.stretch = stretch;
    for (const message of backlog) this.absorb(stretch, message);
    if (stretch.count === 0) return;
    context.counters.conflations++;
    const { spec, connectionId } = this;
    context.notify({ type: 'conflated', companyId: spec.companyId, connectionId, count: stretch.count });
  }

  private absorb(stretch: PathUnion, message: Message): void {
    const { entry, union, resync } = message;
    if (entry) stretch.add(entry);
    else if (union) stretch.merge(union);
    if (resync) this.stretchResync = resync;
    this.stretchFirstMs = Math.min(this.stretchFirstMs, message.safeMs ?? Infinity);
    this.stretchLastMs = Math.max(this.stretchLastMs, stretch.lastMs, message.lastMs ?? 0);
    this.account(stretch.bytes - this.backlogBytes);
  }

  private takeBacklog(): Message[] {
    const { backlog, stretch, stretchResync, stretchFirstMs, stretchLastMs, context } = this;
    this.dropBacklog();
    if (stretchResync) {
      const { frames, resyncPaths } = context;
      const resync = frames.resync(this.variant, this.epoch, this.seen, stretchResync, resyncPaths, stretchLastMs, this.home.spread);
      return [{ ...resync, safeMs: stretchFirstMs }];
    }
    return stretch ? [conflated(context, this.variant, this.epoch, this.seen, stretch, this.home.spread)] : backlog;
  }

  private dropBacklog(): void {
    this.backlog = [];
    this.stretch = null;
    this.stretchResync = null;
    this.stretchFirstMs = Infinity;
    this.stretchLastMs = 0;
    this.account(-this.backlogBytes);
  }

  private account(bytes: number): void {
    this.backlogBytes += bytes;
    this.context.counters.backlogBytes += bytes;
  }
}

/** Of the first message at or after `from` that stands for an action. */
function firstSafeMs(messages: readonly Message[], from = 0): number | undefined {
  for (let at = from; at < messages.length; at++) {
    const { safeMs } = present(messages[at]);
    if (safeMs !== undefined) return safeMs;
  }
  return undefined;
}

export function closeQuietly(sink: Outlet): void {
  try {
    sink.close();
  } catch {
    // The engine is done with this sink; what its close does is not ours to judge.
  }
}
