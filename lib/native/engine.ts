/**
 * The native engine behind the `Engine` interface.
 *
 * Each call that has an answer carries a ticket; answers come back in batches through one function that
 * the hub thread rings. The process is kept alive exactly while an answer is due.
 */
import { connectionIdOf, connectionNumber } from '../internal/connection-id.js';
import type {
  ByteSink,
  ConnectionInfo,
  ConnectionQuery,
  DisconnectMatch,
  EncodedAction,
  EncodedEphemeral,
  Engine,
  EngineFactory,
  EngineMetrics,
  EngineNotice,
  EngineOptions,
  LeaseOutcome,
  LogSlice,
  MessageSink,
  PublishOutcome,
  SinkHandle,
  StreamEnd,
  StreamSpec,
} from '../internal/engine.js';
import { readMetrics } from './metrics.js';
import { CLOSE_REASONS, REASONS, type CloseReason } from '../protocol/events.js';
import type { Broker } from '../internal/broker.js';
import { nativeBrokerOptions, NativeBroker } from './broker.js';
import { endsWithProcess } from './ends-with-process.js';
import { HostBroker } from './host-broker.js';
import { loadNative, type Binding, type NativeHub, type Reply } from './binding.js';
import { LogReader, type KnownLog, type LogAnswer } from './log-reader.js';
import { readRecords } from './records.js';
import { readConnections, streamArguments } from './stream-arguments.js';

const ENDS = [...CLOSE_REASONS, 'gone', 'hub_closed'] as const;
const REFUSALS = ['USER_LIMIT', 'COMPANY_LIMIT', 'DRAINING'] as const;
const LEASE_CODES = [null, 'USER_LIMIT', 'COMPANY_LIMIT', 'DRAINING', 'HUB_CLOSED'] as const;

/** Throws what `loadNative` reports when there is no addon. */
export const createNativeEngine: EngineFactory = (options, notify) => {
  const loaded = loadNative();
  if (!loaded.ok) throw loaded.error;
  return new NativeEngine(loaded.binding, options, notify);
};

/** What an answer is due to. `closed` is called instead when the hub ends first. */
interface Pending {
  keepsAlive: boolean;
  answer(reply: Reply): void;
  closed: () => void;
}

/** A JavaScript sink. The hub thread keeps what is under way to it below 16 KiB and one message. */
interface NativeSink {
  readonly spec: StreamSpec;
  readonly write: (bytes: Buffer) => boolean;
  readonly close: () => void;
  full: boolean;
  /** Bytes it has taken, not yet reported because it is full. */
  withheld: number;
  /** Chunks that were under way when it became full. */
  readonly held: Buffer[];
}

class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly broker: Broker | undefined;
  /** Where the engine makes the link itself; where the app's client does. */
  readonly #ownBroker: NativeBroker | undefined;
  readonly #hostBroker: HostBroker | undefined;
  readonly #hub: NativeHub;
  readonly #metricNames: readonly string[];
  readonly #notify: (notice: EngineNotice) => void;
  readonly #hubId: string;
  readonly #revocations: (() => Promise<void>) | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #sinks = new Map<number, NativeSink>();
  readonly #logs = new LogReader((companyId, sinceMs, known) => this.#askForLog(companyId, sinceMs, known));
  #nextTicket = 1;
  /** Of the next connection. */
  #nextNumber = 1;
  /** Pending answers that keep the process alive. */
  #holds = 0;
  #closing: Promise<void> | undefined;
  #stopped = false;
  /** One wake for all sockets that are taken in a turn of the loop: it costs more than the rest of the call. */
  #wakes = false;
  readonly #wake = (): void => {
    this.#wakes = false;
    if (!this.#stopped) this.#hub.wake();
  };
  #lastMetrics: EngineMetrics | undefined;
  #staysAlive = (): void => undefined;

  constructor(binding: Binding, options: EngineOptions, notify: (notice: EngineNotice) => void) {
    const { limitPolicy, transformWrap, broker: brokerOptions, ...rest } = options;
    const broker = nativeBrokerOptions(brokerOptions);
    this.#notify = notify;
    this.#revocations = brokerOptions?.revocations;
    this.#hubId = options.hubId;
    this.#metricNames = binding.metricNames;
    this.#hub = new binding.Hub(
      {
        ...rest,
        evictOldest: limitPolicy === 'evict-oldest',
        wrapPrefix: transformWrap?.[0] ?? '',
        wrapSuffix: transformWrap?.[1] ?? '',
        broker,
      },
      (replies) => {
        this.#dispatch(replies);
      },
    );
    const given = brokerOptions?.url === undefined ? brokerOptions?.broker : undefined;
    if (brokerOptions && given) this.#hostBroker = new HostBroker(given, brokerOptions, this.#hub);
    else if (broker) this.#ownBroker = this.#makeBroker();
    this.broker = given ?? this.#ownBroker;
    if (this.#ownBroker) this.#staysAlive = endsWithProcess(() => this.#exit());
  }

  #makeBroker(): NativeBroker {
    return new NativeBroker(this.#hub.brokerUrl(), {
      call: (script, keys, args) => {
        if (this.#closing) return Promise.resolve(undefined);
        return this.#ask<Reply | undefined>(
          (ticket) => this.#hub.brokerCall(ticket, script, keys, args),
          (reply) => reply,
          () => undefined,
        );
      },
      listen: (channel, listen) => {
        if (!this.#stopped) this.#hub.brokerListen(channel, listen);
      },
      resubscribe: () => {
        if (!this.#stopped) this.#hub.brokerResubscribe();
      },
    });
  }

  publish(actions: EncodedAction[]): Promise<PublishOutcome[]> {
    const refused = (code: 'HUB_CLOSED' | 'OVERLOADED'): PublishOutcome[] => actions.map(() => ({ ok: false, code }));
    if (this.#closing) return Promise.resolve(refused('HUB_CLOSED'));
    const items: (string | undefined)[] = [];
    const whole = !this.broker || actions.every(({ stored }) => stored === undefined);
    for (const { companyId, head, tail, transformed, stored } of actions) {
      items.push(companyId, head, tail, transformed?.head, transformed?.tail);
      if (!whole) items.push(stored?.head, stored?.tail, stored?.transformed?.head, stored?.transformed?.tail);
    }
    return this.#ask(
      (ticket) => this.#hub.publish(ticket, items, whole),
      (reply) => readOutcomes(reply),
      () => refused('HUB_CLOSED'),
      () => refused('OVERLOADED'),
    );
  }

  ephemeral(event: EncodedEphemeral): boolean {
    return !this.#closing && this.#hub.ephemeral(event.companyId, event.json, event.transformedJson);
  }

  openSocket(spec: StreamSpec, fd: number): string {
    if (this.#closing) throw new Error('the hub is closed');
    const number = this.#numberOf(spec);
    this.#hub.openSocket(fd, ...streamArguments(number, spec, spec.framing ?? 'raw'));
    if (!this.#wakes) {
      this.#wakes = true;
      setImmediate(this.#wake);
    }
    return this.#connectionId(number);
  }

  openSink(spec: StreamSpec, sink: ByteSink): SinkHandle {
    return this.#openSink(
      spec,
      spec.framing ?? 'raw',
      (bytes) => sink.write(bytes),
      () => sink.close(),
    );
  }

  openMessages(spec: StreamSpec, sink: MessageSink): SinkHandle {
    return this.#openSink(
      spec,
      'records',
      (bytes) => sink.write(readRecords(bytes)),
      () => sink.close(),
    );
  }

  #openSink(
    spec: StreamSpec,
    framing: 'raw' | 'chunked' | 'records',
    write: (bytes: Buffer) => boolean,
    close: () => void,
  ): SinkHandle {
    const number = this.#numberOf(spec);
    if (this.#closing) {
      queueMicrotask(close);
      return { connectionId: this.#connectionId(number), ready: () => undefined, abort: () => undefined };
    }
    this.#hub.openSink(...streamArguments(number, spec, framing));
    this.#sinks.set(number, { spec, write, close, full: false, withheld: 0, held: [] });
    return {
      connectionId: this.#connectionId(number),
      ready: () => {
        const entry = this.#sinks.get(number);
        if (entry?.full) this.#resume(number, entry);
      },
      abort: () => {
        this.#abort(number);
      },
    };
  }

  acquire(companyId: string, userId: string): Promise<LeaseOutcome> {
    const closed = (): LeaseOutcome => ({ ok: false, code: 'HUB_CLOSED', limit: 0, current: 0 });
    if (this.#closing) return Promise.resolve(closed());
    return this.#ask((ticket) => this.#hub.acquire(ticket, companyId, userId), readLease, closed);
  }

  release(leaseId: string): Promise<void> {
    return this.#done((ticket) => this.#hub.release(ticket, leaseId)).then(() => undefined);
  }

  readLog(companyId: string, sinceMs?: number): Promise<LogSlice> {
    return this.#logs.read(companyId, sinceMs);
  }

  #askForLog(companyId: string, sinceMs: number | undefined, { epoch, firstSeq, actions }: KnownLog): Promise<LogAnswer> {
    const none = (): LogAnswer => ({ epoch: '', headSeq: 0, firstSeq: 1, beforeKnown: -1, actions: [] });
    if (this.#closing) return Promise.resolve(none());
    const lastSeq = firstSeq + actions.length - 1;
    return this.#ask(
      (ticket) => this.#hub.readLog(ticket, companyId, sinceMs, epoch, firstSeq, lastSeq),
      (reply) => {
        if (reply[0] !== 3) return none();
        const [, , newEpoch, headSeq, first, beforeKnown, ...more] = reply;
        return { epoch: newEpoch, headSeq, firstSeq: first, beforeKnown, actions: more };
      },
      none,
    );
  }

  position(companyId: string, moment?: number): string | undefined {
    return this.#stopped ? undefined : this.#hub.position(companyId, moment) || undefined;
  }

  companies(): string[] {
    return this.#stopped ? [] : this.#hub.companies();
  }

  moment(): number {
    return this.#stopped ? 0 : this.#hub.moment();
  }

  newConnectionId(): string {
    return this.#connectionId(this.#nextNumber++);
  }

  watch(connectionId: string): Promise<StreamEnd> {
    const number = this.#number(connectionId);
    if (number === undefined) return Promise.resolve('gone');
    const closed = (): StreamEnd => 'hub_closed';
    if (this.#closing) return Promise.resolve(closed());
    return this.#ask(
      (ticket) => this.#hub.watch(ticket, number),
      (reply) => (reply[0] === 2 ? (ENDS[reply[2]] ?? 'gone') : 'gone'),
      closed,
      () => 'gone',
      // Who waits for an end keeps no process alive: the stream may last for ever.
      false,
    );
  }

  connections({ companyId, userId, origin, limit, after }: ConnectionQuery): Promise<ConnectionInfo[]> {
    const number = after === undefined ? 0 : this.#number(after);
    if (this.#closing || number === undefined) return Promise.resolve([]);
    return this.#ask(
      (ticket) => this.#hub.connections(ticket, limit, number, companyId, userId, origin),
      (reply) => readConnections(reply, (each) => this.#connectionId(each)),
      () => [],
    );
  }

  disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number> {
    const { companyId, userId, connectionId, origin } = match;
    const number = connectionId === undefined ? undefined : this.#number(connectionId);
    if (connectionId !== undefined && number === undefined) return Promise.resolve(0);
    return this.#done((ticket) => this.#hub.disconnect(ticket, reason, companyId, userId, number, origin));
  }

  async drain(overMs: number): Promise<void> {
    await this.#done((ticket) => this.#hub.drain(ticket, overMs));
  }

  async forget(companyId: string): Promise<void> {
    await this.#done((ticket) => this.#hub.forget(ticket, companyId));
  }

  ping(companyId: string, userId: string): void {
    if (!this.#closing) this.#hub.ping(companyId, userId);
  }

  flush(withinMs: number): Promise<number> {
    return this.broker ? this.#done((ticket) => this.#hub.flush(ticket, withinMs)) : Promise.resolve(0);
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  metrics(): EngineMetrics {
    if (this.#stopped && this.#lastMetrics) return this.#lastMetrics;
    return this.#readMetrics();
  }

  #readMetrics(): EngineMetrics {
    return readMetrics(this.#metricNames, this.#hub.metrics(), this.broker !== undefined);
  }

  setNodes(count: number): void {
    if (!this.#stopped) this.#hub.setNodes(count);
  }

  setResyncPaths(paths: readonly string[]): void {
    if (!this.#closing) this.#hub.setResyncPaths(JSON.stringify(paths), paths);
  }

  async #shutDown(): Promise<void> {
    await this.#ask(
      (ticket) => this.#hub.shutdown(ticket),
      () => undefined,
      () => undefined,
    );
    this.#hostBroker?.end();
    this.#stop();
    const pending = [...this.#pending.values()];
    const sinks = [...this.#sinks.values()];
    this.#pending.clear();
    this.#sinks.clear();
    for (const { closed } of pending) closed();
    this.#ownBroker?.setState({ link: 'closed', trouble: '' });
    for (const sink of sinks) closeQuietly(sink);
    if (this.#hostBroker) await this.broker?.close();
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#lastMetrics = this.#readMetrics();
    this.#stopped = true;
    this.#staysAlive();
    this.#hub.stop();
  }

  /** Nothing of what is still called has an answer: the process ends. */
  #exit(): void {
    this.#closing ??= Promise.resolve();
    this.#stop();
  }

  #connectionId(number: number): string {
    return connectionIdOf(this.#hubId, number);
  }

  /** Undefined: of another hub, or none. */
  #number(connectionId: string): number | undefined {
    return connectionNumber(this.#hubId, connectionId);
  }

  #numberOf(spec: StreamSpec): number {
    const given = spec.connectionId === undefined ? undefined : this.#number(spec.connectionId);
    return given ?? this.#nextNumber++;
  }

  #done(post: (ticket: number) => boolean): Promise<number> {
    if (this.#closing) return Promise.resolve(0);
    return this.#ask(
      post,
      (reply) => (reply[0] === 2 ? reply[2] : 0),
      () => 0,
    );
  }

  /** Posts a question and waits for its answer; `overloaded` answers when it could not be posted. */
  #ask<T>(
    post: (ticket: number) => boolean,
    answer: (reply: Reply) => T,
    closed: () => T,
    overloaded: () => T = closed,
    keepsAlive = true,
  ): Promise<T> {
    return new Promise((resolve) => {
      const ticket = this.#nextTicket++;
      if (!post(ticket)) {
        resolve(overloaded());
        return;
      }
      if (keepsAlive && this.#holds++ === 0) this.#hub.ref();
      this.#pending.set(ticket, {
        keepsAlive,
        answer: (reply) => {
          resolve(answer(reply));
        },
        closed: () => {
          resolve(closed());
        },
      });
    });
  }

  #dispatch(replies: Reply[]): void {
    for (const reply of replies) {
      switch (reply[0]) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 7:
        case 8:
          this.#answer(reply[1], reply);
          break;
        case 4:
          this.#deliver(reply[1], reply[2]);
          break;
        case 5:
          this.#end(reply[1]);
          break;
        case 6:
          this.#tell(reply);
          break;
        case 9:
          if (reply[1] === 3) this.#warn(reply[3], String(reply[4]));
          else if (reply[1] === 4) void this.#readRevocations(Number(reply[3]));
          else this.#ownBroker?.heard(reply);
          break;
        case 10:
          this.#hostBroker?.asked(reply);
          break;
      }
    }
  }

  #answer(ticket: number, reply: Reply): void {
    const pending = this.#pending.get(ticket);
    if (!pending) return;
    this.#pending.delete(ticket);
    if (pending.keepsAlive && --this.#holds === 0) this.#hub.unref();
    pending.answer(reply);
  }

  #deliver(number: number, bytes: Buffer): void {
    const entry = this.#sinks.get(number);
    if (!entry) return;
    if (entry.full) {
      entry.held.push(bytes);
      return;
    }
    const hasRoom = this.#write(number, entry, bytes);
    if (hasRoom === undefined) return;
    if (hasRoom) {
      this.#hub.sinkTaken(number, bytes.length);
      return;
    }
    entry.full = true;
    entry.withheld = bytes.length;
    this.#hub.sinkFull(number);
  }

  /**
   * Undefined: it threw. That ends its own stream and nothing else: what it throws must not reach the batch that it
   * stands in, where other streams' bytes and others' answers come after it.
   */
  #write(number: number, entry: NativeSink, bytes: Buffer): boolean | undefined {
    try {
      return entry.write(bytes);
    } catch (error) {
      this.#notify({ type: 'failed', companyId: entry.spec.companyId, connectionId: this.#connectionId(number), error });
      this.#abort(number);
      return undefined;
    }
  }

  #abort(number: number): void {
    if (this.#sinks.delete(number) && !this.#stopped) this.#hub.sinkAbort(number);
  }

  /** The sink can take more: first what was on its way when it became full. */
  #resume(number: number, entry: NativeSink): void {
    entry.full = false;
    for (let bytes = entry.held.shift(); bytes; bytes = entry.held.shift()) {
      entry.withheld += bytes.length;
      const hasRoom = this.#write(number, entry, bytes);
      if (hasRoom) continue;
      entry.full = hasRoom === false;
      return;
    }
    const taken = entry.withheld;
    entry.withheld = 0;
    if (!this.#stopped) this.#hub.sinkTaken(number, taken);
  }

  #end(number: number): void {
    const entry = this.#sinks.get(number);
    if (!entry) return;
    this.#sinks.delete(number);
    closeQuietly(entry);
  }

  /** The hub holds back what was missed until then. */
  async #readRevocations(number: number): Promise<void> {
    await this.#revocations?.().catch(() => undefined); // whoever gave it has told
    if (!this.#stopped) this.#hub.revocationsRead(number);
  }

  /** `of`: what kind, a space, the company if it is one's. */
  #warn(of: string, message: string): void {
    const space = of.indexOf(' ');
    const companyId = of.slice(space + 1);
    this.#notify({ type: 'warning', kind: `broker-${of.slice(0, space)}`, message, ...(companyId !== '' && { companyId }) });
  }

  #tell(reply: Extract<Reply, { 0: 6 }>): void {
    const [, kind, code, number, value, companyId, userId] = reply;
    const connectionId = this.#connectionId(number);
    if (kind === 0) this.#notify({ type: 'conflated', companyId, connectionId, count: value });
    else if (kind === 1) this.#notify({ type: 'resync', companyId, connectionId, reason: REASONS[code] ?? 'overflow' });
    else if (kind === 2) this.#notify({ type: 'closed', companyId, userId, connectionId, reason: ENDS[code] ?? 'gone' });
    else this.#notify({ type: 'refused', companyId, userId, code: REFUSALS[code] ?? 'DRAINING' });
  }
}

function closeQuietly(sink: NativeSink): void {
  try {
    sink.close();
  } catch {
    // The engine is done with this sink; what its close does is not ours to judge.
  }
}

function readOutcomes(reply: Reply): PublishOutcome[] {
  const outcomes: PublishOutcome[] = [];
  if (reply[0] !== 0) return outcomes;
  for (let i = 2; i + 2 < reply.length; i += 3) {
    const code = reply[i] as number;
    const seq = reply[i + 1] as number;
    const epoch = reply[i + 2] as string;
    if (code === 0 || code === 1) outcomes.push({ ok: true, seq, epoch, duplicate: code === 1 });
    else if (code === 4) outcomes.push({ ok: true, queued: true });
    else if (code === 5) outcomes.push({ ok: false, code: 'OUTBOX_FULL' });
    else if (code === 6) outcomes.push({ ok: false, code: 'BROKER', reason: epoch });
    else outcomes.push({ ok: false, code: code === 2 ? 'HUB_CLOSED' : 'NOT_SERIALIZABLE' });
  }
  return outcomes;
}

function readLease(reply: Reply): LeaseOutcome {
  if (reply[0] !== 1) return { ok: false, code: 'HUB_CLOSED', limit: 0, current: 0 };
  const [, , number, leaseId, limit, current] = reply;
  const code = LEASE_CODES[number] ?? null;
  if (code === null) return { ok: true, leaseId };
  if (code === 'USER_LIMIT' || code === 'COMPANY_LIMIT') return { ok: false, code, limit, current };
  return { ok: false, code, limit: 0, current: 0 };
}
