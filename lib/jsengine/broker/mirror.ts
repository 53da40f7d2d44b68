/**
 * A company's log as it stands in Redis, kept here for its streams: subscribed first, then read, then followed by its doorbells.
 *
 * Invariants:
 * 1. The channel's log is a stretch of Redis's, without a gap; its streams are offered it in order.
 * 2. After a subscription, the first one or a new one, nothing is delivered before the log was read from the head on.
 * 3. While the host holds it, nothing is delivered: what comes waits as during a reading, and nothing is read.
 */
import { waitOf } from '../../internal/backoff.js';
import { readRung } from '../../redis/stored.js';
import type { EncodedAction } from '../../internal/engine.js';
import { keysOf } from '../../redis/keys.js';
import type { Channel, ChannelMirror } from '../channel.js';
import { encodedOf } from './entries.js';
import type { MirrorHost } from './mirror-host.js';
import type { ReadEntry, ReadReply } from './replies.js';
import { troubleOf } from './trouble.js';

/** Of what waits until the log is read; beyond it all of it is dropped, and read. */
const MAX_PENDING = 1_000;
const MAX_PENDING_BYTES = 4 << 20;
/** A reply may be here before the doorbells of what came before it: so long it waits for them. ms */
const DOORBELL_GRACE_MS = 100;
/** Between two readings that newcomers ask for. ms */
const ASKED_EVERY_MS = 20;
/** Between two readings that failed: at first, and at most. ms */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
/** A Redis that nobody vouches for is asked again so often, and a new epoch is begun after so long. ms */
const VOUCH_EVERY_MS = 100;
const VOUCH_MS = 1_000;

/** An action whose turn has not come. */
interface Arrival {
  readonly epoch: string;
  readonly seq: number;
  readonly at: number;
  readonly id: string;
  /** Undefined: it cannot be read. */
  readonly encoded: EncodedAction | undefined;
  readonly bytes: number;
  /** Readings that had begun when it came. */
  readonly readings: number;
  readonly publishedUs?: number | undefined;
}

type OkReply = Extract<ReadReply, { status: 'OK' }>;

export class Mirror implements ChannelMirror {
  /** When it was last of use, monotonic ms. */
  usedMs: number;
  /** Who waits for the log. */
  waiting = 0;
  /** Why the log cannot be read at all; '' where that may pass. */
  fault = '';
  private readonly stop: () => void;
  private readonly pending = new Map<string, Arrival>();
  private pendingBytes = 0;
  private reading = false;
  /** What began after the reading of now. */
  private again = false;
  private readings = 0;
  private live = false;
  /** It is to be read as soon as the host holds it no more. */
  private readsLater = false;
  private gap = false;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private vouchSinceMs: number | undefined;
  /** When a message that is not to be read last made it read, monotonic ms. */
  private oddMs = -Infinity;
  private wholeMs: number;
  /** Monotonic µs of the last confirmation; what was probed before says nothing. */
  private subscribedUs = Infinity;
  private closed = false;

  constructor(
    private readonly channel: Channel,
    private readonly host: MirrorHost,
  ) {
    this.usedMs = host.steadyMs();
    this.wholeMs = host.redisNow();
    this.stop = host.broker.subscribe(keysOf(host.options.prefix, channel.companyId).doorbell, {
      subscribed: () => this.subscribed(),
      message: (payload) => this.message(payload),
    });
  }

  get inUse(): boolean {
    return this.waiting > 0;
  }

  get wholeUntilMs(): number {
    if (!this.live || this.pending.size > 0) return this.wholeMs;
    return Math.max(this.wholeMs, this.host.probedSince(this.subscribedUs));
  }

  /** Own actions that have their place: delivered at once, the doorbell's copies are known then. */
  replied(epoch: string, seq: number, at: number, encoded: EncodedAction, publishedUs: number): void {
    this.arrive({ epoch, seq, at, id: encoded.action.id, encoded, bytes: encoded.head.length, readings: this.readings, publishedUs }, false);
  }

  /** Readings that have begun. */
  get begun(): number {
    return this.readings;
  }

  /** A reading that begins from now on, for who cannot be placed without it. It is `begun + 1`, or a later one. */
  ask(): void {
    if (this.reading) this.again = true;
    else if (!this.timer) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        void this.read();
      }, ASKED_EVERY_MS).unref();
    }
  }

  /** The link is there again, or somebody is in a hurry. */
  retry(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.read();
  }

  /** The host holds it no more. */
  released(): void {
    if (this.readsLater) void this.read();
    else if (this.live) {
      this.advance();
      if (this.pending.size > 0) this.soon(DOORBELL_GRACE_MS);
    }
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.stop();
    this.dropPending();
  }

  private subscribed(): void {
    if (this.closed) return;
    this.subscribedUs = this.host.context.env.monotonicUs();
    this.live = false;
    void this.read();
  }

  private message(payload: Buffer): void {
    if (this.closed) return;
    const { host, channel } = this;
    const { companyId } = channel;
    const rung = readRung(payload);
    switch (rung.kind) {
      case 'action': {
        host.counters.doorbells++;
        host.counters.doorbellLagUs.observe(Math.max(0, host.redisNow() - rung.at) * 1000);
        const { epoch, seq, at, id, bytes } = rung;
        // The own one is here already, as a rule.
        if (this.live && epoch === channel.log.epoch && seq <= channel.log.headSeq) return;
        const encoded = encodedOf(companyId, id, bytes);
        if (!encoded) host.foreign(companyId);
        this.arrive({ epoch, seq, at, id, encoded, bytes: bytes.length, readings: this.readings }, true);
        return;
      }
      case 'begun':
        // What it has is read, and with it what became of the one before it.
        this.arrive({ epoch: rung.epoch, seq: 0, at: 0, id: '', encoded: undefined, bytes: 0, readings: this.readings }, true);
        return;
      case 'ephemeral': {
        const { nodeId, json, transformedJson } = rung;
        if (nodeId === host.options.nodeId) return;
        if (![json, transformedJson ?? 'null'].every(isOneLine)) {
          host.foreign(companyId);
          return;
        }
        if (host.isHeld) {
          host.context.counters.ephemeralsDropped++;
          return;
        }
        channel.ephemeral({ companyId, json, ...(transformedJson !== undefined && { transformedJson }) });
        return;
      }
      case 'newer':
        host.odd('newer', 'a node of a newer version sends what this one does not know; it is passed over', companyId);
        // The log may be of that version now; its head says.
        this.lookSoon();
        return;
      case 'foreign':
        host.foreign(companyId);
        // Or what was to be read has come to harm on its way.
        this.lookSoon();
    }
  }

  /** However many of them come. */
  private lookSoon(): void {
    if (this.host.steadyMs() - this.oddMs < RETRY_MAX_MS) return;
    this.oddMs = this.host.steadyMs();
    this.ask();
  }

  private arrive(arrival: Arrival, byDoorbell: boolean): void {
    const { log } = this.channel;
    const { epoch, seq } = arrival;
    if (epoch === log.epoch && seq <= log.headSeq) return;
    this.wait(arrival);
    if (!this.live || this.host.isHeld) return;
    if (epoch === log.epoch) this.advance();
    if (!this.pending.has(keyOf(epoch, seq))) {
      if (this.pending.size > 0) this.soon(DOORBELL_GRACE_MS);
      return;
    }
    if (byDoorbell || epoch !== log.epoch) void this.read(true);
    else this.soon(DOORBELL_GRACE_MS);
  }

  private wait(arrival: Arrival): void {
    const key = keyOf(arrival.epoch, arrival.seq);
    if (this.pending.has(key)) return;
    if (this.pending.size >= MAX_PENDING || this.pendingBytes + arrival.bytes > MAX_PENDING_BYTES) {
      this.dropPending();
      this.again = true;
      if (!this.reading) void this.read();
      return;
    }
    this.pending.set(key, arrival);
    this.pendingBytes += arrival.bytes;
  }

  /** Delivers what comes next. */
  private advance(): void {
    const { channel, host } = this;
    for (;;) {
      const { log } = channel;
      const key = keyOf(log.epoch, log.headSeq + 1);
      const next = this.pending.get(key);
      // What cannot be read may be somebody else's: the log says.
      if (!next?.encoded) return;
      this.pending.delete(key);
      this.pendingBytes -= next.bytes;
      host.known.rung(channel.companyId, next.epoch, next.seq, next.id, next.at);
      this.wholeMs = Math.max(this.wholeMs, next.at);
      channel.place([{ encoded: next.encoded, at: next.at }], next.publishedUs);
      host.grown(channel);
    }
  }

  private dropPending(): void {
    this.pending.clear();
    this.pendingBytes = 0;
  }

  /** Reads, if by then it is still of use. */
  private soon(ms: number): void {
    if (this.reading || this.timer || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.live || this.pending.size > 0) void this.read(true);
    }, ms).unref();
  }

  /** `forGap`: a live log has shown one; a reading for another reason looks for one. */
  private async read(forGap = false): Promise<void> {
    if (this.closed) return;
    if (this.reading) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.readsLater = this.host.isHeld;
    if (this.readsLater) return;
    this.reading = true;
    if (forGap && this.live && !this.gap) {
      this.gap = true;
      this.host.counters.gapsFound++;
    }
    this.live = false;
    let delay: number | undefined;
    try {
      delay = await this.readAll();
    } catch (thrown) {
      const trouble = troubleOf(thrown);
      if (trouble.kind === 'final') this.refused(`Redis refuses to read the log of a company: ${trouble.message}`);
      this.failures = Math.min(this.failures + 1, 10);
      delay = waitOf({ firstMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS }, this.failures, Math.random());
      if (trouble.kind === 'final') delay = RETRY_MAX_MS;
    }
    this.reading = false;
    if (this.closed) return;
    if (this.host.isHeld) {
      // It began before, and what it gave is not to be shown yet.
      this.readsLater = true;
      return;
    }
    if (delay !== undefined) {
      const vouching = delay;
      this.timer = setTimeout(() => {
        this.timer = undefined;
        void this.read();
      }, vouching).unref();
      return;
    }
    if (this.again) {
      this.again = false;
      void this.read();
      return;
    }
    this.goLive();
  }

  /** Resolves to when to try again, or undefined when the log is whole. */
  private async readAll(): Promise<number | undefined> {
    const { channel, host } = this;
    let whole = !channel.hasLog;
    for (;;) {
      this.again = false;
      this.readings++;
      const from = whole ? 1 : channel.log.headSeq + 1;
      const force = this.vouchSinceMs !== undefined && host.steadyMs() - this.vouchSinceMs >= VOUCH_MS;
      const asked = host.redisNow();
      const reply = await host.read(channel.companyId, from, force);
      if (this.closed || host.isHeld) return undefined;
      if (reply.status === 'UNVOUCHED') {
        this.vouchSinceMs ??= host.steadyMs();
        return VOUCH_EVERY_MS;
      }
      if (reply.status === 'FORMAT') {
        this.refused(`the log of a company in Redis has format ${reply.newer}, which a newer version wrote; this node leaves it alone`);
        return RETRY_MAX_MS;
      }
      this.vouchSinceMs = undefined;
      this.failures = 0;
      this.fault = '';
      const next = this.apply(reply, from, whole);
      if (next === 'whole') whole = true;
      else if (next === 'more') whole = false;
      else {
        this.wholeMs = Math.max(this.wholeMs, asked, reply.born);
        host.opened(channel, this.readings);
        return undefined;
      }
    }
  }

  private refused(message: string): void {
    this.fault = message;
    this.host.odd('log', message, this.channel.companyId);
    this.host.refused(this.channel);
  }

  /** `more`: there is more to read. `whole`: it is another log, to be read from its first action on. */
  private apply(reply: OkReply, from: number, whole: boolean): 'done' | 'more' | 'whole' {
    const { channel } = this;
    const { log } = channel;
    const { epoch, entries } = reply;
    const isSame = channel.hasLog && epoch === log.epoch;
    if (!isSame) {
      const name = channel.hasLog ? reply.former.find((former) => former.epoch === log.epoch) : undefined;
      if (name && log.headSeq <= name.last) {
        log.rename(epoch, reply.former);
        if (whole) return 'more';
      } else {
        if (from !== 1) return 'whole';
        const reason = channel.hasLog ? 'epoch_changed' : 'broker_lost';
        this.begin(reply, (entries[0]?.seq ?? reply.seq + 1) - 1, reason);
      }
    }
    this.append(reply);
    return channel.log.headSeq < reply.seq ? 'more' : 'done';
  }

  private begin({ epoch, born, lost, former }: OkReply, head: number, reason: 'epoch_changed' | 'broker_lost' | 'trimmed', lostAt = 0): void {
    const latest = Math.max(lost, lostAt);
    this.channel.replaceLog(epoch, born, { head, lost: latest > 0 ? latest : -1, former }, reason);
  }

  /** What is no longer kept in Redis may have come here while it was read: that is taken first. */
  private append(reply: OkReply): void {
    const { channel, host } = this;
    let fresh: { encoded: EncodedAction; at: number }[] = [];
    const flush = (): void => {
      if (fresh.length > 0) channel.place(fresh);
      fresh = [];
    };
    let last: ReadEntry | undefined;
    for (const entry of reply.entries) {
      if (entry.seq > channel.log.headSeq + fresh.length + 1) {
        flush();
        this.advance();
      }
      const head = channel.log.headSeq + fresh.length;
      if (entry.seq <= head) continue;
      const encoded = encodedOf(channel.companyId, entry.id, entry.bytes);
      if (entry.seq > head + 1 || !encoded) {
        // What lies between is gone, or nobody's of ours: from here on, and everybody reads anew.
        flush();
        if (!encoded) host.foreign(channel.companyId);
        this.begin(reply, encoded ? entry.seq - 1 : entry.seq, 'trimmed', entry.at);
        if (!encoded) continue;
      }
      fresh.push({ encoded, at: entry.at });
      last = entry;
    }
    flush();
    if (channel.log.headSeq < reply.seq) this.advance();
    // Fewer than were asked for: these are all, and what should have come before the head is not kept any more.
    if (reply.entries.length < host.context.options.logActions && channel.log.headSeq < reply.seq) {
      this.begin(reply, reply.seq, 'trimmed');
    }
    if (last) this.wholeMs = Math.max(this.wholeMs, last.at);
    host.grown(channel);
  }

  private goLive(): void {
    const { channel, host, readings } = this;
    this.live = true;
    this.advance();
    const { log } = channel;
    for (const [key, arrival] of this.pending) {
      // What came before the reading began is in it, or it is nobody's.
      const isPast = arrival.readings < readings || (arrival.epoch === log.epoch && arrival.seq <= log.headSeq);
      if (!isPast) continue;
      this.pending.delete(key);
      this.pendingBytes -= arrival.bytes;
    }
    if (this.gap && this.pending.size === 0) {
      this.gap = false;
      host.counters.gapsHealed++;
    }
    // They came while the log was read, and are beyond what it had then.
    if (this.pending.size > 0) this.soon(DOORBELL_GRACE_MS);
  }
}

function keyOf(epoch: string, seq: number): string {
  return `${epoch}.${String(seq)}`;
}

/** JSON, as it is written to a stream: nobody's line ends are in it. */
function isOneLine(json: string): boolean {
  if (/[\r\n]/.test(json)) return false;
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
