import type { Broker } from '../internal/broker.js';
import { connectionIdOf, connectionNumber } from '../internal/connection-id.js';
import type {
  ByteSink, ConnectionInfo, ConnectionQuery, DisconnectMatch, EncodedAction, EncodedEphemeral, Engine, EngineMetrics, EngineNotice,
  EngineOptions, LeaseOutcome, LogSlice, MessageSink, PublishOutcome, SinkHandle, SinkMessage, StreamEnd, StreamSpec,
} from '../internal/engine.js';
import type { CloseReason } from '../protocol/events.js';
import { BrokerLog } from './broker/broker-log.js';
import { OpeningRoom } from './broker/opening-room.js';
import { RedisClock } from './broker/redis-clock.js';
import { CatchUps } from './catch-up.js';
import { Closings } from './closings.js';
import type { Channel } from './channel.js';
import { Channels } from './channels.js';
import { Counters } from './counters.js';
import { formatCursor, NOWHERE } from './cursor.js';
import { Deadlines, DEADLINE_GRAIN_MS } from './deadlines.js';
import { Drain } from './drain.js';
import { HubClock, type Environment } from './environment.js';
import { FilterPool } from './filter.js';
import { Frames, variantOf, type Refusal, type Variant } from './frames.js';
import { byTenant } from './groups.js';
import { Heartbeats } from './heartbeats.js';
import { jitter } from './jitter.js';
import { Limiter } from './limiter.js';
import { Notices } from './notices.js';
import type { Outlet, Payload } from './payload.js';
import { present } from './present.js';
import { leastRecentlyAlive, Registry } from './registry.js';
import { Scheduler } from './scheduler.js';
import { retryMsFor, Stream, type StreamContext } from './stream.js';
import { TurnedAway } from './turn-away.js';
import { decide, safeMsAfterHello, safeMsOfRefused, type Verdict } from './verdict.js';
import { WaitingRoom, type Newcomer } from './waiting-room.js';
import { Watchers } from './watchers.js';

/** Bytes of actions that may wait for their fan-out. Above it a publish waits for the next turn of the loop … */
const SLOW_DOWN_BYTES = 1024 * 1024;
/** … and above this, which only a caller that does not wait can reach, it is refused as `OVERLOADED`. */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
/** Streams that a drain closes in one step take this long at most, µs; the next step closes more. */
const DRAIN_BUDGET_US = 2_000;
/** Streams of a user, the quietest first, that are written to when somebody waits for one of its seats. */
const PINGED_FOR_A_SEAT = 16;
/** `lifetimeMs` is cut to a random share of at least this, so that streams opened at once do not end at once. */
const MIN_LIFETIME_SHARE = 0.8;

/** For who is to come back, to this hub's successor or to another server of it. */
const MOVES_ON: Refusal = { code: 'DRAINING', limit: 0, current: 0 };
const everybody = (): boolean => true;
/** Of a stream whose log the broker does not give. */
const NO_LOG: Verdict = { reason: 'broker_lost', recovered: false };

/** The hub in TypeScript: one thread, memory only, every stream through a `ByteSink`. Wires the parts together. */
export class JsEngine implements Engine {
  readonly kind = 'js';
  readonly broker: Broker | undefined;

  private readonly clock: HubClock;
  private readonly counters = new Counters();
  private readonly scheduler: Scheduler;
  private readonly context: StreamContext;
  private readonly channels: Channels;
  private readonly registry = new Registry();
  private readonly watchers = new Watchers();
  /** Streams that end as soon as they have said hello. */
  private readonly ending = new Set<string>();
  private readonly limiter: Limiter;
  private readonly leases = new Map<string, { companyId: string; userId: string }>();
  private readonly filters = new FilterPool();
  private readonly catchUps: CatchUps;
  private readonly heartbeats: Heartbeats<Stream>;
  /** By the wall clock. */
  private readonly expiries: Deadlines<Stream>;
  /** By the steady clock, ms. */
  private readonly lives: Deadlines<Stream>;
  private readonly closings: Closings;
  private readonly waiting: WaitingRoom;
  private readonly opening: OpeningRoom;
  private readonly brokerLog: BrokerLog | undefined;
  private readonly upkeep: NodeJS.Timeout;
  private readonly drainer: Drain;
  private names = 0;
  private closed = false;

  /** REQUIRES: validated options. */
  constructor(
    private readonly options: EngineOptions,
    notify: (notice: EngineNotice) => void,
    private readonly env: Environment,
  ) {
    const { broker } = options;
    this.broker = broker?.broker;
    const redisClock = new RedisClock(
      () => env.monotonicUs(),
      () => env.wallMs(),
    );
    // With a broker its clock is the log's, and so that of all positions by time.
    this.clock = new HubClock(broker ? { wallMs: () => redisClock.now() } : env);
    this.scheduler = new Scheduler(() => env.monotonicUs());
    this.context = {
      options,
      env,
      clock: this.clock,
      frames: new Frames(options),
      counters: this.counters,
      scheduler: this.scheduler,
      slow: new Set(),
      invalidateBytes: Math.min(options.maxInvalidateBytes, options.connectionCapBytes),
      resyncPaths: ['*'],
      nodes: 1,
      moment: 0,
      notify: new Notices(notify).add,
      gone: (stream) => this.finish(stream, 'gone'),
    };
    this.channels = new Channels(this.context);
    this.catchUps = new CatchUps(this.context);
    this.limiter = new Limiter(options.maxPerUser, options.maxPerCompany);
    this.heartbeats = new Heartbeats(options.heartbeatMs, (stream) => stream.heartbeat());
    this.expiries = new Deadlines(env.wallMs());
    this.lives = new Deadlines(this.steadyMs());
    this.closings = new Closings(
      this.scheduler,
      () => env.monotonicUs(),
      (stream, reason) => this.finish(stream, reason),
    );
    this.waiting = new WaitingRoom(
      () => this.steadyMs(),
      (companyId, userId) => this.pingQuietest(companyId, userId),
      (newcomer) => this.seat(newcomer),
      (newcomer, moves) => this.refuse(newcomer, moves ? MOVES_ON : this.obstacle(newcomer.spec)),
      (connectionId) => this.watchers.tell(connectionId, 'gone'),
    );
    this.opening = new OpeningRoom(
      (newcomer, given, seated, read) => {
        const end = given ?? (this.isOver(newcomer.spec) ? 'auth_expired' : undefined);
        if (end !== undefined && seated) this.leaveSeat(newcomer.spec);
        return this.begin(newcomer, end, read);
      },
      ({ connectionId, spec }, seated) => {
        if (seated) this.leaveSeat(spec);
        this.watchers.tell(connectionId, 'gone');
      },
    );
    if (broker && this.broker) {
      const { context, channels } = this;
      this.brokerLog = new BrokerLog({
        broker: this.broker,
        options: broker,
        context,
        channels,
        clock: redisClock,
        opened: (companyId, reading) => this.opening.opened(companyId, reading),
        refused: (companyId) => {
          this.opening.dismiss(({ spec }) => spec.companyId === companyId, 'drain');
          void this.closings.add(this.registry.find({ companyId }, (id) => this.channels.get(id)), 'drain');
        },
      });
    }
    this.upkeep = setInterval(() => this.keepUp(), DEADLINE_GRAIN_MS).unref();
    this.drainer = new Drain(
      () => this.steadyMs(),
      () => this.registry.size,
      (n) => {
        const until = env.monotonicUs() + DRAIN_BUDGET_US;
        for (const stream of this.registry.oldest(n)) {
          this.finish(stream, 'drain');
          if (env.monotonicUs() >= until) return;
        }
      },
    );
  }

  // What is announced.

  async publish(actions: EncodedAction[]): Promise<PublishOutcome[]> {
    if (this.closed) return actions.map(() => ({ ok: false, code: 'HUB_CLOSED' }));
    if (this.scheduler.waitingBytes > MAX_WAITING_BYTES) return actions.map(() => ({ ok: false, code: 'OVERLOADED' }));
    if (this.brokerLog) return await this.brokerLog.publish(actions);
    const outcomes = new Array<PublishOutcome>(actions.length);
    for (const [companyId, group] of byTenant(actions)) {
      const channel = this.channels.use(companyId);
      channel.append(group.actions, (at, seq, duplicate) => {
        if (duplicate) this.counters.duplicates++;
        else this.counters.publishes++;
        outcomes[present(group.places[at])] = { ok: true, seq, epoch: channel.log.epoch, duplicate };
      });
      this.channels.relieve(channel);
    }
    if (this.scheduler.waitingBytes > SLOW_DOWN_BYTES) await this.scheduler.nextTurn();
    return outcomes;
  }

  ephemeral(event: EncodedEphemeral): boolean {
    if (this.closed || this.scheduler.waitingBytes > MAX_WAITING_BYTES) return false;
    this.counters.ephemerals++;
    if (this.brokerLog) this.brokerLog.ephemeral(event);
    else this.channels.get(event.companyId)?.ephemeral(event);
    return true;
  }

  // Who listens.

  openSink(spec: StreamSpec, sink: ByteSink): SinkHandle {
    // Payloads of these variants are bytes.
    const outlet = { write: (payload: Payload) => sink.write(payload as Buffer), close: () => sink.close() };
    return this.open(spec, variantOf(spec, spec.framing ?? 'raw'), outlet);
  }

  openMessages(spec: StreamSpec, sink: MessageSink): SinkHandle {
    const outlet = { write: (payload: Payload) => sink.write(payload as SinkMessage[]), close: () => sink.close() };
    return this.open(spec, variantOf(spec, 'records'), outlet);
  }

  private open(spec: StreamSpec, variant: Variant, sink: Outlet): SinkHandle {
    const newcomer = { connectionId: spec.connectionId ?? this.newConnectionId(), spec, variant, sink };
    if (this.closed) return this.turnAway(new TurnedAway(newcomer.connectionId, sink, undefined));
    const end = spec.endsWith ?? (this.isOver(spec) ? 'auth_expired' : this.isOutdated(spec) ? 'replaced' : undefined);
    const refusal = this.admit(spec, end === undefined && !spec.uncounted);
    if (!refusal) return this.enter(newcomer, end);
    const waiting = this.mayWait(spec, refusal) ? this.waiting.enter(newcomer) : null;
    return waiting ?? this.refuse(newcomer, refusal);
  }

  private isOver({ expiresAt }: StreamSpec): boolean {
    return expiresAt !== undefined && expiresAt <= this.env.wallMs();
  }

  /** It has its seat; with a broker it may have to wait for its company's log. */
  private enter(newcomer: Newcomer, end?: CloseReason): SinkHandle {
    const { brokerLog, options } = this;
    if (!brokerLog) return this.begin(newcomer, end);
    const channel = this.channels.use(newcomer.spec.companyId);
    const reading = brokerLog.readingFor(channel, newcomer.spec.lastEventId);
    if (brokerLog.isRefused(newcomer.spec.companyId)) {
      if (end === undefined) this.leaveSeat(newcomer.spec);
      return this.begin(newcomer, end ?? 'drain', false);
    }
    if (reading === 0) return this.begin(newcomer, end);
    const openWaitMs = options.broker?.openWaitMs ?? 0;
    return this.opening.enter(newcomer, end, this.steadyMs(), openWaitMs, reading);
  }

  /** Of one that does not get as far as a stream. */
  private leaveSeat({ companyId, userId, uncounted }: StreamSpec): void {
    if (!uncounted) this.giveSeat(companyId, userId);
  }

  /** It has its seat. `end`: it ends at once. `read`: false where its log could not be read for it. */
  private begin(newcomer: Newcomer, end?: CloseReason, read = true): SinkHandle {
    const { spec } = newcomer;
    const channel = this.channels.use(spec.companyId);
    const knows = read && (channel.hasLog || !this.brokerLog);
    this.counters.opened++;
    if (end !== undefined && !knows) return this.neverBegin(newcomer, end);
    const stream = this.makeStream(newcomer, channel, knows);
    if (end !== undefined) {
      this.ending.add(stream.connectionId);
      this.scheduler.flushSoon({ flush: () => this.finish(stream, end) });
      return stream;
    }
    this.registry.add(stream, channel);
    this.heartbeats.add(stream);
    this.setDeadline(stream);
    this.scheduler.flushSoon(stream);
    return stream;
  }

  /** It ends before its log is known, with the position that it came with. */
  private neverBegin({ connectionId, spec, variant, sink }: Newcomer, reason: CloseReason): SinkHandle {
    const { companyId, userId } = spec;
    this.counters.closes[reason]++;
    this.context.notify({ type: 'closed', companyId, userId, connectionId, reason });
    this.watchers.tell(connectionId, reason);
    const safeMs = safeMsOfRefused(spec, this.clock.now());
    const payload = this.context.frames.neverBegun(variant, spec, reason, safeMs, retryMsFor(reason, this.context));
    return this.turnAway(new TurnedAway(connectionId, sink, payload));
  }

  newConnectionId(): string {
    return connectionIdOf(this.options.hubId, ++this.names);
  }

  async watch(connectionId: string): Promise<StreamEnd> {
    if (this.closed) return 'hub_closed';
    const open = [this.registry, this.waiting, this.opening, this.ending].some((room) => room.has(connectionId));
    return await this.watchers.watch(connectionId, open);
  }

  async connections(query: ConnectionQuery): Promise<ConnectionInfo[]> {
    return this.registry.select(query, (id) => this.place(id)).map((stream) => stream.info);
  }

  disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number> {
    const { companyId, userId, connectionId, origin } = match;
    const isMeant = (newcomer: Newcomer): boolean =>
      (connectionId ?? newcomer.connectionId) === newcomer.connectionId &&
      (companyId ?? newcomer.spec.companyId) === newcomer.spec.companyId &&
      (userId ?? newcomer.spec.userId) === newcomer.spec.userId &&
      (origin ?? newcomer.spec.origin) === newcomer.spec.origin;
    this.waiting.dismiss(isMeant, reason === 'drain');
    const early = this.opening.dismiss(isMeant, reason);
    const streams = this.registry.find(match, (id) => this.channels.get(id));
    return this.closings.add(streams, reason).then((count) => early + count);
  }

  // Rights to a connection that somebody else holds.

  async acquire(companyId: string, userId: string): Promise<LeaseOutcome> {
    if (this.closed) return { ok: false, code: 'HUB_CLOSED', limit: 0, current: 0 };
    const refusal = this.admit({ companyId, userId }, true);
    if (refusal) {
      this.noteRefusal({ companyId, userId }, refusal);
      return { ok: false, ...refusal };
    }
    const leaseId = this.newConnectionId();
    this.leases.set(leaseId, { companyId, userId });
    return { ok: true, leaseId };
  }

  async release(leaseId: string): Promise<void> {
    const lease = this.leases.get(leaseId);
    if (!lease) return;
    this.leases.delete(leaseId);
    this.giveSeat(lease.companyId, lease.userId);
  }

  // The rest of the seam.

  async readLog(companyId: string, sinceMs?: number): Promise<LogSlice> {
    const log = this.closed ? undefined : ((await this.brokerLog?.whole(companyId))?.log ?? this.channels.get(companyId)?.log);
    if (!log) return { epoch: '', headSeq: 0, actions: [] };
    log.expire(this.clock.now());
    return { epoch: log.epoch, headSeq: log.headSeq, actions: log.jsonSince(sinceMs) };
  }

  position(companyId: string, moment?: number): string | undefined {
    return this.channels.get(companyId)?.positionAt(moment);
  }

  companies(): string[] {
    return this.channels.companies();
  }

  moment(): number {
    return this.context.moment;
  }

  async drain(overMs: number): Promise<void> {
    if (this.closed) return;
    const drained = this.drainer.run(overMs);
    this.waiting.dismiss(everybody, true);
    this.opening.dismiss(everybody, 'drain');
    await drained;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.upkeep);
    this.heartbeats.close();
    this.waiting.dismiss(everybody, true);
    this.opening.dismiss(everybody, 'drain');
    for (const stream of this.registry.oldest(this.registry.size)) this.finish(stream, 'hub_closed');
    this.closings.close();
    this.drainer.close();
    this.scheduler.close();
    for (const leaseId of [...this.leases.keys()]) await this.release(leaseId);
    this.catchUps.clear();
    this.channels.clear();
    await this.brokerLog?.close();
  }

  async flush(withinMs: number): Promise<number> {
    return (await this.brokerLog?.flush(withinMs)) ?? 0;
  }

  metrics(): EngineMetrics {
    const broker = this.brokerLog?.metrics();
    const metrics = this.counters.snapshot({
      connections: this.registry.size,
      sinkConnections: this.registry.size,
      leases: this.limiter.total,
      companies: this.channels.size,
      slowSinks: this.context.slow.size,
    });
    return broker ? { ...metrics, broker } : metrics;
  }

  setNodes(count: number): void {
    this.context.nodes = count;
  }

  setResyncPaths(paths: readonly string[]): void {
    this.context.resyncPaths = [...paths];
  }

  // Inside.

  /** Never jumps: for what is waited for. */
  private steadyMs(): number {
    return this.env.monotonicUs() / 1000;
  }

  /** Of the streams, in the order of their names; of another hub's: behind all. */
  private place(connectionId: string): number {
    return connectionNumber(this.options.hubId, connectionId) ?? Infinity;
  }

  /** Check and count in one step (SPEC §4); the refusal, or null when there is a seat. */
  private admit(who: Pick<StreamSpec, 'companyId' | 'userId' | 'instanceId'>, takesSeat: boolean): Refusal | null {
    if (this.drainer.active) return MOVES_ON;
    if (!takesSeat) return null;
    this.waiting.settle();
    return this.takeSeat(who);
  }

  private noteRefusal({ companyId, userId }: Pick<StreamSpec, 'companyId' | 'userId'>, { code }: Refusal): void {
    this.counters.refusals[code]++;
    this.context.notify({ type: 'refused', companyId, userId, code });
  }

  private refuse({ connectionId, spec, variant, sink }: Newcomer, refusal: Refusal): SinkHandle {
    this.noteRefusal(spec, refusal);
    const reason = refusal.code === 'DRAINING' ? 'drain' : 'limit';
    this.watchers.tell(connectionId, reason);
    const safeMs = safeMsOfRefused(spec, this.clock.now());
    const payload = this.context.frames.refusal(variant, spec, refusal, safeMs, retryMsFor(reason, this.context));
    return this.turnAway(new TurnedAway(connectionId, sink, payload));
  }

  /** Ghosts are looked for where a user is at its limit and has streams that a write could show to be gone. */
  private mayWait({ companyId, userId }: StreamSpec, { code }: Refusal): boolean {
    if (code !== 'USER_LIMIT' || this.options.limitPolicy !== 'reject') return false;
    return [...this.registry.ofUser(companyId, userId)].some(({ spec }) => !spec.uncounted);
  }

  ping(companyId: string, userId: string): void {
    if (!this.closed) this.pingQuietest(companyId, userId);
  }

  async forget(companyId: string): Promise<void> {
    this.channels.forget(companyId);
  }

  private pingQuietest(companyId: string, userId: string): void {
    const streams = [...this.registry.ofUser(companyId, userId)].sort((a, b) => a.lastWriteUs - b.lastWriteUs);
    for (const stream of streams.slice(0, PINGED_FOR_A_SEAT)) stream.heartbeat();
  }

  /** The stream of one that waited; null while there is no seat for it. */
  private seat(newcomer: Newcomer): SinkHandle | null {
    const { spec } = newcomer;
    const end = this.isOver(spec) ? 'auth_expired' : this.isOutdated(spec) ? 'replaced' : undefined;
    if (end) return this.enter(newcomer, end);
    return this.takeSeat(spec) ? null : this.enter(newcomer);
  }

  /** A younger life of its instance has a stream. */
  private isOutdated(spec: StreamSpec): boolean {
    if (spec.generation === undefined || spec.uncounted) return false;
    const living = this.registry.sameInstance(spec)?.spec.generation;
    return living !== undefined && spec.generation < living;
  }

  /** Why who waited is refused now. */
  private obstacle({ companyId, userId }: StreamSpec): Refusal {
    const { maxPerUser } = this.options;
    return this.limiter.obstacle(companyId, userId) ?? { code: 'USER_LIMIT', limit: maxPerUser, current: maxPerUser };
  }

  private giveSeat(companyId: string, userId: string): void {
    this.limiter.give(companyId, userId);
    // Not here: the caller may be in the middle of closing several.
    if (this.waiting.seatFreed(companyId, userId)) this.scheduler.flushSoon({ flush: () => this.waiting.settle() });
  }

  private takeSeat(who: Pick<StreamSpec, 'companyId' | 'userId' | 'instanceId'>): Refusal | null {
    const { companyId, userId } = who;
    const former = this.registry.sameInstance(who);
    if (former) {
      this.counters.replacements++;
      this.finish(former, 'replaced');
    }
    for (;;) {
      const seat = this.limiter.take(companyId, userId);
      if (seat.ok) return null;
      const { code, limit, current } = seat;
      const oldest = this.evictable(companyId, code === 'USER_LIMIT' ? userId : undefined);
      if (!oldest) return { code, limit, current };
      this.counters.evictions++;
      this.finish(oldest, 'evicted');
    }
  }

  private evictable(companyId: string, userId: string | undefined): Stream | undefined {
    if (this.options.limitPolicy === 'reject') return undefined;
    return leastRecentlyAlive(
      userId === undefined ? (this.channels.get(companyId)?.streams ?? []) : this.registry.ofUser(companyId, userId),
    );
  }

  private turnAway(turnedAway: TurnedAway): SinkHandle {
    if (this.closed) queueMicrotask(() => turnedAway.flush());
    else this.scheduler.flushSoon(turnedAway);
    return turnedAway;
  }

  /** `knows`: the log here can place it. */
  private makeStream({ connectionId, spec, variant, sink }: Newcomer, channel: Channel, knows: boolean): Stream {
    const { context, options } = this;
    channel.tellHeld();
    const { log, nextOrdinal } = channel;
    const now = this.clock.now();
    const safeNow = channel.safeNow();
    log.expire(now);
    const filter = this.filters.hold(spec.filter);
    const { userId, instanceId } = spec;
    const returns = instanceId !== undefined && channel.instances.knows(userId, instanceId, this.steadyMs());
    if (instanceId !== undefined) channel.instances.note(userId, instanceId, this.steadyMs());
    const verdict = knows ? decide(log, spec, now, returns) : NO_LOG;
    const { reason, recovered, after, messages, chunks } = this.catchUps.plan(channel, verdict, filter, variant, safeNow);
    const since = spec.lastEventId ? undefined : spec.lastSyncTimestamp;
    const safeMs = safeMsAfterHello(log, since, { reason, after }, safeNow);
    const opening = context.frames.opening(variant, spec.httpHead, jitter(options.retryMs, this.env), {
      id: after === null ? NOWHERE : formatCursor(log.epoch, after),
      // Who has ids comes back with one; who has none may come back with the timestamp.
      timestamp: spec.ids ? Math.min(since ?? safeNow, safeNow) : safeMs,
      recovered,
      reason,
      cursor: formatCursor(log.epoch, log.headSeq),
      epoch: log.epoch,
      serverTime: now,
      heartbeatMs: options.heartbeatMs,
      connectionId,
    });
    // A `resync` that is not written yet leaves the client where it was.
    const messagesHere = after === null ? messages.map((message) => ({ ...message, safeMs })) : messages;
    const start = { opening, after, safeMs, messages: messagesHere, chunks, head: log.headSeq, joined: nextOrdinal };
    return new Stream(connectionId, spec, variant, filter, channel, sink, context, start);
  }

  private setDeadline(stream: Stream): void {
    const { lifetimeMs } = this.options;
    const share = MIN_LIFETIME_SHARE + (1 - MIN_LIFETIME_SHARE) * this.env.random();
    if (lifetimeMs > 0) this.lives.set(stream, this.steadyMs() + lifetimeMs * share);
    if (stream.spec.expiresAt !== undefined) this.expiries.set(stream, stream.spec.expiresAt);
  }

  /** Deadlines, sinks that take nothing, old entries. */
  private keepUp(): void {
    const stalledSinceUs = this.env.monotonicUs() - this.options.slowTimeoutMs * 1000;
    const stalled = [...this.context.slow].filter((stream) => stream.lastWriteUs <= stalledSinceUs);
    for (const [streams, reason] of [
      [this.expiries.due(this.env.wallMs()), 'auth_expired'],
      [this.lives.due(this.steadyMs()), 'drain'],
      [stalled, 'slow'],
    ] as const) {
      if (streams.length > 0) void this.closings.add(streams, reason);
    }
    this.channels.sweep();
    this.opening.keepUp(this.steadyMs(), ({ spec }) => this.isOver(spec));
    this.brokerLog?.keepUp();
  }

  /** The one way out for a stream. */
  private finish(stream: Stream, reason: StreamEnd): void {
    if (!stream.isOpen) return;
    const { companyId, userId } = stream.spec;
    const channel = this.registry.remove(stream);
    if (channel) {
      if (!stream.spec.uncounted) this.giveSeat(companyId, userId);
      if (stream.spec.instanceId !== undefined) channel.instances.note(userId, stream.spec.instanceId, this.steadyMs());
      this.heartbeats.remove(stream);
      this.expiries.remove(stream);
      this.lives.remove(stream);
      this.channels.touch(channel);
    }
    this.filters.release(stream.filter);
    this.counters.closes[reason]++;
    this.context.notify({ type: 'closed', companyId, userId, connectionId: stream.connectionId, reason });
    stream.end(reason);
    this.ending.delete(stream.connectionId);
    this.watchers.tell(stream.connectionId, reason);
    if (this.drainer.active) this.drainer.check();
  }
}
