/** The log of all companies in a broker: what the engine asks in the place of its own memory. Wires the parts together. */
import type { Broker, BrokerLogOptions } from '../../internal/broker.js';
import type { BrokerMetrics, EncodedAction, EncodedEphemeral, PublishOutcome } from '../../internal/engine.js';
import { PathcastError } from '../../protocol/error.js';
import { keysOf } from '../../redis/keys.js';
import { ephemeralBytes } from '../../redis/stored.js';
import type { FormerName } from '../action-log.js';
import type { Channel } from '../channel.js';
import type { Channels } from '../channels.js';
import type { Context } from '../context.js';
import { parseCursor, type Cursor } from '../cursor.js';
import { BrokerCounters } from './counters.js';
import { Gate } from './gate.js';
import { KnownLogs, type Known } from './known-logs.js';
import { Mirror } from './mirror.js';
import type { MirrorHost } from './mirror-host.js';
import { Probe } from './probe.js';
import { Publishing, type PublishingHost } from './publishing.js';
import { readReply, type ReadReply, type Why } from './replies.js';
import type { RedisClock } from './redis-clock.js';
import { Witness } from './witness.js';

/** A company without streams is followed for so long. ms */
const IDLE_MS = 30_000;
/** Kinds of oddities, each with its company, that are told once. */
const MAX_TOLD = 1_000;
/** One loss is heard of in so long: a FLUSHALL concerns every company. ms */
const LOSS_EVERY_MS = 60_000;
const LOSSES = {
  lost: "Redis no longer has this company's log (FLUSHALL, DEL, an eviction, a restart without its data)",
  rewound: "Redis went back in time (a replica that was promoted too early, an old dump, the last second of its file): this company's log has lost actions",
  unvouched: "Redis was restarted, and no node came that had followed this company's log: nobody can say whether it is whole",
};

export interface BrokerLogHost {
  readonly broker: Broker;
  readonly options: BrokerLogOptions;
  readonly context: Context;
  readonly channels: Channels;
  readonly clock: RedisClock;
  /** The log of this company is known, as of the reading of this number. */
  opened(companyId: string, reading: number): void;
  /** It cannot be known: who is there or waits is sent away. */
  refused(companyId: string): void;
}

/** Whether the log here knows the place. */
export function isPlaced({ log }: Channel, cursor: Cursor): boolean {
  const seq = log.seqAt(cursor);
  return seq !== undefined && seq <= log.headSeq;
}

export class BrokerLog implements MirrorHost, PublishingHost {
  readonly broker: Broker;
  readonly options: BrokerLogOptions;
  readonly context: Context;
  readonly counters = new BrokerCounters();
  readonly known: KnownLogs;
  private readonly channels: Channels;
  private readonly mirrors = new Map<string, Mirror>();
  private readonly readers = new Map<string, (() => void)[]>();
  private readonly publishing: Publishing;
  private readonly probe: Probe;
  private readonly gate: Gate;
  private readonly witness: Witness;
  private readonly toldOnce = new Set<string>();
  private readonly stopListening: () => void;
  private lossToldMs = -LOSS_EVERY_MS;
  private wasReady: boolean;
  private hasBeenReady: boolean;

  constructor(private readonly host: BrokerLogHost) {
    const { broker, options, context, channels, clock } = host;
    this.broker = broker;
    this.options = options;
    this.context = context;
    this.channels = channels;
    this.known = new KnownLogs(context.options.maxCompanies);
    this.publishing = new Publishing(this);
    this.witness = new Witness(this);
    this.probe = new Probe({ broker, options, counters: this.counters, clock, monotonicUs: () => context.env.monotonicUs() });
    this.gate = new Gate(options.revocations, () => {
      for (const mirror of this.mirrors.values()) mirror.released();
    });
    this.wasReady = this.hasBeenReady = broker.state.link === 'ready';
    if (this.wasReady) {
      this.gate.ready();
      this.probe.linked();
    }
    this.stopListening = broker.onState(({ link }) => {
      if (link !== 'ready' && this.wasReady) this.gate.lost();
      if (link === 'ready' && !this.wasReady) {
        this.gate.ready();
        if (this.hasBeenReady) this.counters.reconnects++;
        this.hasBeenReady = true;
        this.probe.linked();
        this.publishing.linked();
        for (const mirror of this.mirrors.values()) mirror.retry();
        this.witness.linked();
      }
      this.wasReady = link === 'ready';
    });
  }

  publish(actions: readonly EncodedAction[]): Promise<PublishOutcome[]> {
    return this.publishing.publish(actions);
  }

  ephemeral(event: EncodedEphemeral): void {
    const { broker, options } = this;
    this.channels.get(event.companyId)?.ephemeral(event);
    const { doorbell } = keysOf(options.prefix, event.companyId);
    broker.command([broker.ring, doorbell, ephemeralBytes(options.nodeId, event)]).catch(() => void this.context.counters.ephemeralsDropped++);
  }

  /** Follows the company's log; `hasLog` of the channel says whether it is known. */
  follow(channel: Channel): Mirror {
    let mirror = this.mirrors.get(channel.companyId);
    if (!mirror || channel.mirror !== mirror) {
      mirror?.close();
      mirror = new Mirror(channel, this);
      channel.mirror = mirror;
      this.mirrors.set(channel.companyId, mirror);
    }
    mirror.usedMs = this.steadyMs();
    return mirror;
  }

  /**
   * The reading that a stream has to wait for, of a number; 0: none. A mirror may be behind, and so cannot say of a cursor that it does not
   * know that it is of no log: only a reading can that began after the client came. Nor does it know, while the gate is shut, who was to end.
   */
  readingFor(channel: Channel, lastEventId: string | undefined): number {
    const mirror = this.follow(channel);
    if (!channel.hasLog) return 1;
    const cursor = lastEventId ? parseCursor(lastEventId) : null;
    const waits = this.isHeld && this.broker.state.link === 'ready';
    if (!waits && (!cursor || isPlaced(channel, cursor))) return 0;
    mirror.ask();
    return mirror.begun + 1;
  }

  /** Resolves to the company's channel once its log is known. Rejects with PathcastError BROKER where that takes too long. */
  async whole(companyId: string): Promise<Channel> {
    const channel = this.channels.use(companyId);
    const mirror = this.follow(channel);
    if (channel.hasLog && mirror.fault === '') return channel;
    mirror.waiting++;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const readers = this.readers.get(companyId);
      if (readers) readers.push(resolve);
      else this.readers.set(companyId, [resolve]);
      timer = setTimeout(resolve, this.options.openWaitMs);
    });
    clearTimeout(timer);
    mirror.waiting--;
    if (channel.hasLog && mirror.fault === '') return channel;
    throw new PathcastError('BROKER', mirror.fault || `the log of the company could not be read: ${this.broker.state.trouble || 'Redis did not answer in time'}`);
  }

  flush(withinMs: number): Promise<number> {
    return this.publishing.flush(withinMs);
  }

  /** To be called again and again. */
  keepUp(): void {
    const now = this.steadyMs();
    for (const [companyId, mirror] of this.mirrors) {
      const channel = this.channels.get(companyId);
      if (channel?.mirror !== mirror) {
        mirror.close();
        this.mirrors.delete(companyId);
      } else if (channel.streams.size > 0 || mirror.inUse) {
        mirror.usedMs = now;
      } else if (now - mirror.usedMs > IDLE_MS) {
        mirror.close();
        this.mirrors.delete(companyId);
        channel.mirror = undefined;
        channel.forgetLog();
        this.channels.forget(companyId);
      }
    }
  }

  metrics(): BrokerMetrics {
    return this.counters.snapshot({
      link: this.broker.state.link,
      subscriptions: this.mirrors.size,
      companies: [...this.mirrors.keys()].filter((companyId) => this.channels.get(companyId)?.hasLog).length,
      outboxActions: this.publishing.actions,
      outboxBytes: this.publishing.bytes,
    });
  }

  async close(): Promise<void> {
    this.stopListening();
    this.gate.lost();
    this.publishing.close();
    this.witness.close();
    this.probe.close();
    for (const mirror of this.mirrors.values()) mirror.close();
    this.mirrors.clear();
    for (const readers of this.readers.values()) for (const resolve of readers) resolve();
    this.readers.clear();
    await this.broker.close();
  }

  // What mirrors and publishing ask.

  get isHeld(): boolean {
    return this.gate.isShut;
  }

  steadyMs(): number {
    return this.context.env.monotonicUs() / 1000;
  }

  redisNow(): number {
    return this.host.clock.now();
  }

  probedSince(us: number): number {
    // In a cluster a probe shows one of several connections.
    const { redisMs, sentUs } = this.probe.last;
    return this.broker.ring === 'PUBLISH' && sentUs >= us ? redisMs : 0;
  }

  freshEpoch(): string {
    return this.context.env.hex(12);
  }

  read(companyId: string, from: number, force: boolean): Promise<ReadReply> {
    this.counters.reads++;
    return this.readSome(companyId, from, this.context.options.logActions, force);
  }

  look(companyId: string, from: number): Promise<ReadReply> {
    return this.readSome(companyId, from, 1, false);
  }

  other(companyId: string): void {
    this.mirrors.get(companyId)?.ask();
  }

  learn(companyId: string, said: Known, former: readonly FormerName[]): void {
    if (!this.known.note(companyId, said, former)) this.witness.ask(companyId);
  }

  private async readSome(companyId: string, from: number, count: number, force: boolean): Promise<ReadReply> {
    const { head, log, ids, doorbell } = keysOf(this.options.prefix, companyId);
    const known = this.known.of(companyId);
    const args = ['', known.run, known.epoch, known.seq, known.id, force ? 1 : 0, this.freshEpoch(), from, count, doorbell, this.broker.ring, known.at];
    const startUs = this.context.env.monotonicUs();
    const reply = readReply(await this.broker.eval(this.options.scripts.read, [head, log, ids], args));
    this.counters.scriptUs.observe(this.context.env.monotonicUs() - startUs);
    if (reply.status !== 'OK') return reply;
    const { epoch, seq, why, run, entries } = reply;
    this.counters.readActions += entries.length;
    this.began(why, companyId);
    // It began just now, by Redis's clock.
    if (why !== '' && why !== 'vouched') this.host.clock.hear(Math.floor(reply.born / 1000), (reply.born % 1000) * 1000);
    const last = entries.at(-1);
    // It has vouched for what was known; what it has beyond that and does not give can only be gone.
    const id = last?.seq === seq ? last.id : known.seq === seq ? known.id : '';
    if (last === undefined || last.seq === seq) this.learn(companyId, { run, epoch, seq, id, at: reply.at }, reply.former);
    return reply;
  }

  opened({ companyId }: Channel, reading: number): void {
    this.host.opened(companyId, reading);
    this.answerReaders(companyId);
  }

  private answerReaders(companyId: string): void {
    const readers = this.readers.get(companyId) ?? [];
    this.readers.delete(companyId);
    for (const resolve of readers) resolve();
  }

  refused({ companyId }: Channel): void {
    this.host.refused(companyId);
    this.answerReaders(companyId);
  }

  /** The company's log cannot be known. */
  isRefused(companyId: string): boolean {
    return (this.mirrors.get(companyId)?.fault ?? '') !== '';
  }

  grown(channel: Channel): void {
    this.channels.relieve(channel);
  }

  placed(encoded: EncodedAction, { status, epoch, seq, at }: { status: string; epoch: string; seq: number; at: number }, handedUs: number): void {
    if (status === 'OK') this.mirrors.get(encoded.companyId)?.replied(epoch, seq, at, encoded, handedUs);
  }

  tell(companyId: string, actions: readonly EncodedAction[]): void {
    this.counters.told += this.channels.get(companyId)?.tell(actions) ?? 0;
  }

  hold(companyId: string): () => void {
    const channel = this.channels.get(companyId);
    channel?.hold();
    return () => channel?.release();
  }

  foreign(companyId: string): void {
    this.counters.foreign++;
    this.odd('foreign', "something under our names in Redis is not ours, or is sealed by another key; none of it reached a stream", companyId);
  }

  /** A log began anew, or under a new name; people hear of it where something was lost. */
  began(why: Why, companyId: string): void {
    if (why === '') return;
    this.counters.epochs[why]++;
    if (why === 'new' || why === 'vouched') return;
    const nowMs = this.steadyMs();
    if (nowMs - this.lossToldMs < LOSS_EVERY_MS) return;
    this.lossToldMs = nowMs;
    const message = `${LOSSES[why]}; a new one begins, and its streams are told to read everything again (metric \`epochs\`; of further losses nothing is said for a minute)`;
    this.context.notify({ type: 'warning', kind: `broker-log-${why}`, message, companyId });
  }

  odd(kind: string, message: string, companyId?: string): void {
    const key = JSON.stringify([kind, companyId]);
    if (this.toldOnce.has(key)) return;
    if (this.toldOnce.size >= MAX_TOLD) this.toldOnce.clear();
    this.toldOnce.add(key);
    this.context.notify({ type: 'warning', kind: `broker-${kind}`, message, ...(companyId !== undefined && { companyId }) });
  }
}
