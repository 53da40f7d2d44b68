/**
 * An engine whose streams take a seat that is counted over all nodes before they open. The engine behind it has no limits of its
 * own; it opens what has a seat, and this one tells who has none.
 *
 * A seat is asked for in Redis, so an opening waits for it. A sink waits behind a handle that works at once (`Pending`). A socket cannot be waited
 * for by an engine: the hand-over asks first (`seating`) and gives the socket when the answer is in.
 */
import type {
  ByteSink,
  DisconnectMatch,
  Engine,
  EngineMetrics,
  EngineNotice,
  EngineOptions,
  LeaseOutcome,
  MessageSink,
  SinkHandle,
  StreamEnd,
  StreamSpec,
} from '../../internal/engine.js';
import type { EndedReason, SeatRequest } from '../../redis/seats/book.js';
import type { SeatAnswer } from '../../redis/seats/seats.js';
import type { CloseReason } from '../../protocol/events.js';
import { matches } from '../early-end.js';
import { WrappedEngine } from './wrapped-engine.js';
import { Pending } from './pending.js';
import { Refusals } from './refused.js';

/** As much of `Seats` as is used. */
export interface Seating {
  admit(request: SeatRequest): Promise<SeatAnswer>;
  release(id: string): void;
  readonly size: number;
}

export interface SeatedHost {
  readonly options: EngineOptions;
  readonly seats: Seating;
  readonly notify: (notice: EngineNotice) => void;
  /** The user's streams on other nodes are to be written to: some of them may have nobody behind them. */
  readonly pingElsewhere: (companyId: string, userId: string) => void;
}

/** At the limit of its user a newcomer is asked for again so often, and so much later, ms (SPEC §4). */
const WAIT_STEPS = 4;
const WAIT_STEP_MS = 250;
/** Newcomers of one user that may wait here. */
const MAX_WAITING = 8;
/** Ends of refused streams that are remembered for who asks late. */
const REMEMBERED = 1_024;

/** What a timer of Node can wait, ms. No seat is waited for so long. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Refused = Extract<SeatAnswer, { ok: false }>;
/** `open`: nothing stands in its way. */
type Verdict = { open: true; fate: CloseReason | undefined } | { open: false; refused: Extract<Refused, { limit: number }> };

export class SeatedEngine extends WrappedEngine {
  readonly #host: SeatedHost;
  readonly #refusals: Refusals;
  readonly #hasLimits: boolean;
  /** Of streams that are not opened yet, by connection. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly #pending = new Map<string, Pending>();
  /** Who waits for an answer before it has a sink or gives a socket. */
  readonly #asking = new Map<string, () => void>();
  readonly #refused = new Set<string>();
  readonly #waiting = new Map<string, number>();
  /** From the engine's name of a lease to the seat's. */
  readonly #leases = new Map<string, string>();
  readonly #counts = { USER_LIMIT: 0, COMPANY_LIMIT: 0, evicted: 0, replaced: 0 };
  #leaseIds = 0;
  #draining = false;
  #closed = false;
  /** Ends of those that wait for their seats. */
  readonly #ends = new Set<(reason: CloseReason) => void>();

  constructor(inner: Engine, host: SeatedHost) {
    super(inner);
    this.#host = host;
    this.#refusals = new Refusals(host.options);
    this.#hasLimits = host.options.maxPerUser > 0 || host.options.maxPerCompany > 0;
    if (inner.openSocket) this.openSocket = (spec, fd) => this.#openSocket(spec, fd);
  }

  // --- seats ---

  /** Whether `spec` may be opened now: `ask` first where it is not known; `refused` goes the way of a sink, which tells it. */
  seatOf(spec: StreamSpec): 'open' | 'refused' | 'ask' {
    const verdict = spec.connectionId === undefined ? undefined : this.#verdicts.get(spec.connectionId);
    if (verdict) return verdict.open ? 'open' : 'refused';
    return this.#takesSeat(spec) ? 'ask' : 'open';
  }

  /** REQUIRES: a connection id. Afterwards `seatOf` knows, until the stream is opened or abandoned. Never rejects. */
  async ask(spec: StreamSpec): Promise<void> {
    const id = spec.connectionId as string;
    await new Promise<void>((resolve) => {
      this.#asking.set(id, resolve);
      void this.#decide(spec, id).then((verdict) => {
        if (!this.#asking.delete(id)) return;
        this.#verdicts.set(id, verdict);
        resolve();
      });
    });
  }

  /** It will not be opened. */
  abandon(connectionId: string): void {
    this.#asking.get(connectionId)?.();
    this.#asking.delete(connectionId);
    this.#verdicts.delete(connectionId);
    this.#host.seats.release(connectionId);
  }

  /** A stream of this node has lost its seat; `found`: it was open. */
  lost(reason: EndedReason, found: boolean): void {
    if (found) this.#counts[reason] += 1;
  }

  #takesSeat(spec: StreamSpec): boolean {
    if (this.#closed || this.#draining || spec.uncounted || spec.endsWith !== undefined) return false;
    // Who is counted for nobody and replaces nobody costs Redis nothing.
    if (!this.#hasLimits && spec.instanceId === undefined) return false;
    return spec.expiresAt === undefined || spec.expiresAt > Date.now();
  }

  /** A right that ends meanwhile ends the wait, and so does the hub. */
  async #decide(spec: StreamSpec, id: string): Promise<Verdict> {
    const { expiresAt } = spec;
    let end: (reason: CloseReason) => void = () => undefined;
    const ended = new Promise<Verdict>((resolve) => (end = (fate) => resolve({ open: true, fate })));
    this.#ends.add(end);
    const timer = expiresAt === undefined ? undefined : setTimeout(end, Math.min(expiresAt - Date.now(), MAX_TIMER_MS), 'auth_expired').unref();
    const verdict = await Promise.race([this.#seatFor(spec, id), ended]);
    this.#ends.delete(end);
    clearTimeout(timer);
    return verdict;
  }

  async #seatFor(spec: StreamSpec, id: string): Promise<Verdict> {
    const { companyId, userId, instanceId, generation } = spec;
    const request: SeatRequest = { companyId, userId, id, instanceId, generation, kind: 'stream' };
    const { seats, options } = this.#host;
    let answer = await seats.admit(request);
    if (isUserLimit(answer) && options.limitPolicy === 'reject') {
      answer = await this.#waitForSeat(request, answer);
    }
    if (answer.ok) return { open: true, fate: answer.fate };
    // A younger life of its instance is there, or nobody can be asked: it is told so, and takes nothing.
    if (!('limit' in answer)) return { open: true, fate: answer.code === 'REPLACED' ? 'replaced' : 'drain' };
    return { open: false, refused: answer };
  }

  /** A page that was reloaded behind a proxy leaves streams whose client is gone, which only a write shows. */
  async #waitForSeat(request: SeatRequest, first: SeatAnswer): Promise<SeatAnswer> {
    const { companyId, userId, id } = request;
    const key = JSON.stringify([companyId, userId]);
    const waiting = this.#waiting.get(key) ?? 0;
    if (waiting >= MAX_WAITING) return first;
    this.#waiting.set(key, waiting + 1);
    let answer = first;
    for (let step = 0; step < WAIT_STEPS && isUserLimit(answer) && this.#isWanted(id); step += 1) {
      this.inner.ping?.(companyId, userId);
      this.#host.pingElsewhere(companyId, userId);
      await new Promise((resolve) => setTimeout(resolve, WAIT_STEP_MS).unref());
      if (!this.#isWanted(id) || this.#draining || this.#closed) break;
      answer = await this.#host.seats.admit(request);
    }
    const left = (this.#waiting.get(key) ?? 1) - 1;
    if (left > 0) this.#waiting.set(key, left);
    else this.#waiting.delete(key);
    return answer;
  }

  #isWanted(id: string): boolean {
    return this.#asking.has(id) || this.#pending.get(id)?.isOpen === true;
  }

  // --- streams ---

  #openSocket(spec: StreamSpec, fd: number): string {
    const { connectionId } = spec;
    if (this.seatOf(spec) !== 'open') throw new Error('a socket is given when its stream has a seat');
    const opened = this.inner.openSocket?.(this.#fated(spec), fd) ?? '';
    if (connectionId !== undefined) this.#verdicts.delete(connectionId);
    return opened;
  }

  override openSink(spec: StreamSpec, sink: ByteSink): SinkHandle {
    return this.#open(spec, {
      open: (own) => this.inner.openSink(own, sink),
      refuse: (own, id, refused) => this.#refusals.bytes(own, sink, id, refused),
    });
  }

  override openMessages(spec: StreamSpec, sink: MessageSink): SinkHandle {
    return this.#open(spec, {
      open: (own) => this.inner.openMessages(own, sink),
      refuse: (own, id, refused) => this.#refusals.messages(own, sink, id, refused),
    });
  }

  #open(given: StreamSpec, way: Way): SinkHandle {
    const id = given.connectionId ?? this.inner.newConnectionId();
    const spec = { ...given, connectionId: id };
    if (this.seatOf(spec) !== 'ask') return this.#conclude(spec, id, way);
    const pending = new Pending(id, spec, () => {
      this.#pending.delete(id);
      this.#host.seats.release(id);
    });
    this.#pending.set(id, pending);
    void this.#decide(spec, id).then((verdict) => {
      if (!this.#pending.delete(id)) {
        this.#host.seats.release(id);
        return;
      }
      this.#verdicts.set(id, verdict);
      pending.become(this.#conclude(pending.spec, id, way));
    });
    return pending;
  }

  /** Opens it, or tells it that it is refused. */
  #conclude(spec: StreamSpec, id: string, way: Way): SinkHandle {
    const verdict = this.#verdicts.get(id);
    this.#verdicts.delete(id);
    if (!verdict || verdict.open || this.#closed) return way.open(this.#fated(spec, verdict));
    const { companyId, userId } = spec;
    const { code, limit, current } = verdict.refused;
    this.#noteRefusal(companyId, userId, code);
    this.#refused.add(id);
    for (const oldest of this.#refused) {
      if (this.#refused.size <= REMEMBERED) break;
      this.#refused.delete(oldest);
    }
    return way.refuse(spec, id, { code, limit, current });
  }

  /** With the end that it has met while it was asked for; then it needs no seat. */
  #fated(spec: StreamSpec, verdict = this.#verdicts.get(spec.connectionId ?? '')): StreamSpec {
    const fate = spec.endsWith ?? (verdict?.open ? verdict.fate : undefined);
    // While it drains the engine lets nobody in.
    if ((fate !== undefined || this.#draining) && spec.connectionId !== undefined) this.#host.seats.release(spec.connectionId);
    return fate === undefined ? spec : { ...spec, endsWith: fate };
  }

  #noteRefusal(companyId: string, userId: string, code: 'USER_LIMIT' | 'COMPANY_LIMIT'): void {
    this.#counts[code] += 1;
    this.#host.notify({ type: 'refused', companyId, userId, code });
  }

  /** An engine's notice: a stream that is over gives its seat back. */
  noticed(notice: EngineNotice): void {
    if (notice.type === 'closed') this.#host.seats.release(notice.connectionId);
  }

  override async watch(connectionId: string): Promise<StreamEnd> {
    const pending = this.#pending.get(connectionId);
    if (pending && !(await pending.settled)) return 'gone';
    return this.#refused.has(connectionId) ? 'limit' : this.inner.watch(connectionId);
  }

  override async disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number> {
    let early = 0;
    for (const { spec, connectionId, end } of this.#pending.values()) {
      if (spec.endsWith !== undefined || (match.origin ?? spec.origin) !== spec.origin) continue;
      const { origin: _, ...who } = match;
      if (!matches(who, { ...spec, connectionId })) continue;
      end(reason);
      early += 1;
    }
    return early + (await this.inner.disconnect(match, reason));
  }

  // --- leases ---

  override async acquire(companyId: string, userId: string): Promise<LeaseOutcome> {
    if (this.#draining || this.#closed || !this.#hasLimits) return this.inner.acquire(companyId, userId);
    const seatId = `${this.#host.options.hubId}-lease-${String((this.#leaseIds += 1))}`;
    const answer = await this.#host.seats.admit({ companyId, userId, id: seatId, kind: 'lease' });
    if (!answer.ok) {
      if (!('limit' in answer)) return { ok: false, code: 'DRAINING', limit: 0, current: 0 };
      const { code, limit, current } = answer;
      this.#noteRefusal(companyId, userId, code);
      return { ok: false, code, limit, current };
    }
    const outcome = await this.inner.acquire(companyId, userId);
    if (outcome.ok) this.#leases.set(outcome.leaseId, seatId);
    else this.#host.seats.release(seatId);
    return outcome;
  }

  override async release(leaseId: string): Promise<void> {
    const seatId = this.#leases.get(leaseId);
    this.#leases.delete(leaseId);
    if (seatId !== undefined) this.#host.seats.release(seatId);
    await this.inner.release(leaseId);
  }

  // --- life ---

  override async drain(overMs: number): Promise<void> {
    this.#draining = true;
    for (const { end } of this.#pending.values()) end('drain');
    await this.inner.drain(overMs);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#ends) end('drain');
    // They become streams of the engine, which tells them.
    await new Promise((resolve) => setImmediate(resolve));
    await this.inner.close();
  }

  override metrics(): EngineMetrics {
    const inner = this.inner.metrics();
    const { refusals } = inner;
    const { USER_LIMIT, COMPANY_LIMIT, evicted, replaced } = this.#counts;
    return {
      ...inner,
      refusals: {
        ...refusals,
        USER_LIMIT: (refusals['USER_LIMIT'] ?? 0) + USER_LIMIT,
        COMPANY_LIMIT: (refusals['COMPANY_LIMIT'] ?? 0) + COMPANY_LIMIT,
      },
      evictions: inner.evictions + evicted,
      replacements: inner.replacements + replaced,
    };
  }
}

interface Way {
  open(spec: StreamSpec): SinkHandle;
  refuse(spec: StreamSpec, id: string, refused: { code: 'USER_LIMIT' | 'COMPANY_LIMIT'; limit: number; current: number }): SinkHandle;
}

function isUserLimit(answer: SeatAnswer): boolean {
  return !answer.ok && answer.code === 'USER_LIMIT';
}
