/**
 * The way of an action into Redis's log: queued, sent in order, pipelined, sent again until Redis has answered. Its caller has an
 * answer after `publishWaitMs` at the latest.
 */
import { waitOf } from '../../internal/backoff.js';
import type { Broker, BrokerLogOptions } from '../../internal/broker.js';
import type { EncodedAction, PublishOutcome } from '../../internal/engine.js';
import { keysOf } from '../../redis/keys.js';
import type { FormerName } from '../action-log.js';
import type { Context } from '../context.js';
import type { BrokerCounters } from './counters.js';
import type { Known, KnownLogs } from './known-logs.js';
import { itemOf, Outbox, type ImportGroup, type Item, type Queue } from './outbox.js';
import { publishReply, type PublishReply, type Why } from './replies.js';
import { troubleOf, type Trouble } from './trouble.js';

/** Of one node, sent and not answered. */
const MAX_FLYING = 1_024;
const MAX_FLYING_BYTES = 4 << 20;
/** Of one company: this part of what its log keeps. */
const LOG_SHARE = 2;
/** Between two attempts: at first, and at most. ms */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
/** A Redis that nobody vouches for is asked again so often, and a new epoch is begun after so long. ms */
const VOUCH_EVERY_MS = 100;
const VOUCH_MS = 1_000;
/** An import is held together for so long. ms */
const HELD_MS = 2_000;
/** Companies whose actions are left, and that are named. */
const MAX_NAMED = 100;
/** The head outlives the actions by this. ms */
const OUTLIVES_MS = 30 * 86_400_000;

export interface PublishingHost {
  readonly broker: Broker;
  readonly options: BrokerLogOptions;
  readonly context: Context;
  readonly counters: BrokerCounters;
  readonly known: KnownLogs;
  steadyMs(): number;
  /** As of KnownLogs: a script said it. */
  learn(companyId: string, said: Known, former: readonly FormerName[]): void;
  /** A name that no epoch ever had. */
  freshEpoch(): string;
  /** A log began anew, or under a new name. */
  began(why: Why, companyId: string): void;
  /** It has its place. */
  placed(encoded: EncodedAction, reply: Extract<PublishReply, { status: 'OK' | 'DUPLICATE' }>, handedUs: number): void;
  /** They have none yet: local streams are told, in one event. */
  tell(companyId: string, actions: readonly EncodedAction[]): void;
  /** An import begins; the returned function ends it. */
  hold(companyId: string): () => void;
  /** Redis takes nothing for the company: its log may not be what this node takes it for. */
  other(companyId: string): void;
  odd(kind: string, message: string, companyId?: string): void;
}

type Reply = Extract<PublishReply, { status: 'OK' | 'DUPLICATE' }>;

export class Publishing {
  private readonly outbox: Outbox;
  private readonly sendable = new Set<Queue>();
  private flying = 0;
  private flyingBytes = 0;
  /** The last attempt found no link. */
  private away = false;
  private awayTimer: NodeJS.Timeout | undefined;
  private awayFailures = 0;
  private refusedWord = '';
  private flushed: (() => void)[] = [];
  private closed = false;

  constructor(private readonly host: PublishingHost) {
    this.outbox = new Outbox(host.options.outboxBytes);
  }

  get actions(): number {
    return this.outbox.actions;
  }

  get bytes(): number {
    return this.outbox.bytes;
  }

  publish(actions: readonly EncodedAction[]): Promise<PublishOutcome[]> {
    if (actions.length === 0) return Promise.resolve([]);
    const { host } = this;
    const outcomes = new Array<PublishOutcome>(actions.length);
    const groups = this.imports(actions);
    return new Promise((resolve) => {
      let left = actions.length;
      const handed: { queue: Queue; item: Item }[] = [];
      const timer = setTimeout(() => {
        this.queue(handed.map(({ item }) => item));
      }, host.options.publishWaitMs);
      const answer = (place: number, outcome: PublishOutcome): void => {
        outcomes[place] = outcome;
        if (--left > 0) return;
        clearTimeout(timer);
        resolve(outcomes);
      };
      const now = host.context.env.monotonicUs();
      actions.forEach((encoded, place) => {
        const item = itemOf(encoded, now, (outcome) => answer(place, outcome));
        item.group = groups.get(encoded.companyId);
        const queue = this.enter(item);
        if (queue) handed.push({ queue, item });
      });
      this.pump();
      this.queue(handed.filter(({ queue }) => this.away || (queue.troubled && !queue.early)).map(({ item }) => item));
    });
  }

  /** The link is there again. */
  linked(): void {
    this.away = false;
    this.awayFailures = 0;
    clearTimeout(this.awayTimer);
    this.awayTimer = undefined;
    for (const queue of this.outbox.all) if (queue.troubled && queue.flying === 0 && !queue.timer) this.resume(queue);
    this.pump();
  }

  /** Resolves to how many are left when nothing waits, or after `withinMs`. Companies that they are of are named. */
  async flush(withinMs: number): Promise<number> {
    if (this.outbox.actions > 0 && withinMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        timer = setTimeout(resolve, withinMs);
        this.flushed.push(resolve);
      });
      clearTimeout(timer);
    }
    let named = 0;
    for (const { companyId, items } of this.outbox.all) {
      if ((named += 1) > MAX_NAMED) break;
      this.host.odd('left', `this company's actions that Redis has not got when the hub closes: ${items.filter(({ done }) => !done).length}`, companyId);
    }
    return this.outbox.actions;
  }

  /** What waits is given up. */
  close(): void {
    this.closed = true;
    clearTimeout(this.awayTimer);
    this.sendable.clear();
    for (const item of this.outbox.clear()) this.answer(item, { ok: false, code: 'HUB_CLOSED' });
    this.checkFlushed();
  }

  /** Companies with more than `compactAfter` of the call's actions are told of them together. */
  private imports(actions: readonly EncodedAction[]): Map<string, ImportGroup> {
    const groups = new Map<string, ImportGroup>();
    const { compactAfter } = this.host.context.options;
    if (actions.length <= compactAfter) return groups;
    const counts = new Map<string, number>();
    for (const { companyId } of actions) counts.set(companyId, (counts.get(companyId) ?? 0) + 1);
    for (const [companyId, left] of counts) {
      if (left <= compactAfter) continue;
      let release: (() => void) | undefined = this.host.hold(companyId);
      const end = (): void => {
        clearTimeout(timer);
        release?.();
        release = undefined;
      };
      const timer = setTimeout(end, HELD_MS).unref();
      groups.set(companyId, { left, end });
    }
    return groups;
  }

  private enter(item: Item): Queue | undefined {
    const { counters, odd } = { counters: this.host.counters, odd: this.host.odd.bind(this.host) };
    while (!this.outbox.hasRoom(item.bytes)) {
      const { count, items } = this.outbox.conflate();
      if (count === 0) {
        counters.outboxFull++;
        item.group?.end();
        this.answer(item, { ok: false, code: 'OUTBOX_FULL' });
        return undefined;
      }
      counters.conflated += count;
      odd('conflated', 'too much waits for Redis (outboxBytes): the actions of a company have become one, without their data', items[0]?.encoded.companyId);
      this.queue(items);
    }
    const queue = this.outbox.add(item);
    if (!queue.troubled) this.sendable.add(queue);
    return queue;
  }

  private pump(): void {
    // The first connection is being made: it is waited for, as for an answer.
    if (this.away || this.closed || this.host.broker.state.link === 'connecting') return;
    for (const queue of this.sendable) {
      if (this.flying >= MAX_FLYING || this.flyingBytes >= MAX_FLYING_BYTES) return;
      // One each, so that a busy company holds up no other.
      this.sendable.delete(queue);
      const item = queue.items[queue.next];
      if (!item || queue.troubled || this.isFull(queue)) continue;
      queue.next++;
      if (!item.done) this.send(queue, item);
      if (queue.next < queue.items.length) this.sendable.add(queue);
    }
  }

  /** What is sent again after a lost connection is known by the log that it stands in: what is on its way must not push out its own first ones. */
  private isFull({ flying, flyingBytes }: Queue): boolean {
    const { logActions, logBytes } = this.host.context.options;
    return flying > 0 && (flying >= logActions / LOG_SHARE || flyingBytes >= logBytes / LOG_SHARE);
  }

  private send(queue: Queue, item: Item): void {
    const { broker, options, context, known, counters } = this.host;
    const { companyId, action } = item.encoded;
    const { logActions, logTtlMs, logBytes } = context.options;
    const keys = keysOf(options.prefix, companyId);
    const before = lastUnanswered(queue);
    const { run, epoch, seq, id, at } = known.of(companyId);
    const force = queue.vouchSinceMs !== undefined && this.host.steadyMs() - queue.vouchSinceMs >= VOUCH_MS ? 1 : 0;
    const wasSent = item.wasSent;
    item.wasSent = true;
    queue.flying++;
    queue.flyingBytes += item.bytes;
    this.flying++;
    this.flyingBytes += item.bytes;
    const sentUs = context.env.monotonicUs();
    // Of what had to wait: its company may have been erased meanwhile.
    const age = Math.round(sentUs - item.handedUs);
    const end = (): void => {
      queue.flying--;
      queue.flyingBytes -= item.bytes;
      this.flying--;
      this.flyingBytes -= item.bytes;
    };
    broker
      .eval(
        options.scripts.publish,
        [keys.head, keys.log, keys.ids],
        [
          ...[keys.doorbell, broker.ring, '', run, epoch, seq, id, force, this.host.freshEpoch()],
          ...[logActions, logTtlMs, logBytes, OUTLIVES_MS, action.id, Math.max(0, action.timestamp), item.stored, item.rung, before?.encoded.action.id ?? '', at, wasSent || item.saysAge || !item.answer ? age : ''],
        ],
      )
      .then(publishReply)
      .then(
        (reply) => {
          end();
          counters.scriptUs.observe(context.env.monotonicUs() - sentUs);
          this.answered(queue, item, reply, wasSent);
        },
        (thrown: unknown) => {
          end();
          this.failed(queue, item, troubleOf(thrown), wasSent);
        },
      )
      .finally(() => {
        if (queue.troubled && queue.flying === 0) this.later(queue);
        if (!queue.troubled && queue.next < queue.items.length) this.sendable.add(queue);
        this.pump();
      });
  }

  private answered(queue: Queue, item: Item, reply: PublishReply, wasSent: boolean): void {
    const { host } = this;
    this.refusedWord = '';
    if (this.closed) return;
    // Nothing was done: what it finds of itself later is another one's.
    if (reply.status === 'UNVOUCHED' || reply.status === 'EARLY' || reply.status === 'AGAIN') item.wasSent = wasSent;
    if (reply.status === 'UNVOUCHED') {
      queue.vouchSinceMs ??= host.steadyMs();
      this.trouble(queue);
      return;
    }
    if (reply.status === 'EARLY' || reply.status === 'AGAIN') {
      item.saysAge ||= reply.status === 'AGAIN';
      // Behind one that failed it waits with that.
      if (!queue.troubled) queue.early = true;
      queue.troubled = true;
      this.sendable.delete(queue);
      return;
    }
    queue.vouchSinceMs = undefined;
    queue.failures = 0;
    this.awayFailures = 0;
    if (reply.status === 'FORGOTTEN') {
      this.give(queue, item, "hub.forget erased the company after this was published");
      return;
    }
    if (reply.status === 'FORMAT') {
      this.give(queue, item, `the company's log in Redis has format ${reply.newer}, which a newer version wrote; this node leaves it alone`);
      return;
    }
    this.outbox.remove(queue, item);
    host.learn(item.encoded.companyId, { run: reply.run, epoch: reply.epoch, seq: reply.seq, id: item.encoded.action.id, at: reply.at }, reply.former);
    this.settled(item, reply, wasSent);
    this.checkFlushed();
  }

  private settled(item: Item, reply: Reply, wasSent: boolean): void {
    const { context } = this.host;
    const { epoch, seq, why, status } = reply;
    this.host.began(why, item.encoded.companyId);
    // The first attempt had been carried out, and its answer was lost.
    const duplicate = status === 'DUPLICATE' && !wasSent;
    if (duplicate) context.counters.duplicates++;
    else context.counters.publishes++;
    this.host.placed(item.encoded, reply, item.handedUs);
    this.answer(item, { ok: true, seq, epoch, duplicate });
    leave(item);
  }

  private failed(queue: Queue, item: Item, trouble: Trouble, wasSent: boolean): void {
    const { host } = this;
    if (this.closed || item.done) return;
    if (trouble.kind === 'final') {
      this.give(queue, item, `Redis refuses the company's actions: ${trouble.message}`);
      return;
    }
    if (trouble.kind === 'unsent') {
      host.counters.unsent++;
      item.wasSent = wasSent;
    } else if (trouble.kind === 'lost') host.counters.lost++;
    else if (this.refusedWord !== trouble.word) {
      this.refusedWord = trouble.word;
      host.odd(`refused ${trouble.word}`, `Redis refuses what is published (${trouble.message}); it waits here and is tried again`);
    }
    if (trouble.kind === 'refused') item.wasSent = wasSent;
    else this.lose();
    this.trouble(queue);
  }

  /** Until the link is back; it may come back without a word, where only the commands' connection was away. */
  private lose(): void {
    this.away = true;
    if (this.awayTimer || this.closed) return;
    this.awayFailures = Math.min(this.awayFailures + 1, 10);
    const delay = backoff(this.awayFailures);
    this.awayTimer = setTimeout(() => {
      this.awayTimer = undefined;
      this.away = false;
      for (const queue of this.outbox.all) if (queue.troubled && queue.flying === 0 && !queue.timer) this.resume(queue);
      this.pump();
    }, delay).unref();
  }

  private trouble(queue: Queue): void {
    queue.troubled = true;
    queue.early = false;
    this.sendable.delete(queue);
    // What is behind it is not sent for a while either.
    for (const { group } of queue.items) group?.end();
    this.queue(queue.items);
  }

  /** All that was sent is answered. */
  private later(queue: Queue): void {
    if (this.away || queue.timer || this.closed || queue.items.length === 0) return;
    if (queue.early) {
      this.resume(queue);
      return;
    }
    queue.failures = Math.min(queue.failures + 1, 10);
    const delay = queue.vouchSinceMs === undefined ? backoff(queue.failures) : VOUCH_EVERY_MS;
    queue.timer = setTimeout(() => {
      queue.timer = undefined;
      this.resume(queue);
      this.pump();
    }, delay).unref();
  }

  private resume(queue: Queue): void {
    this.outbox.rewind(queue);
    this.sendable.add(queue);
  }

  /** It will never have a place. */
  private give(queue: Queue, item: Item, reason: string): void {
    this.outbox.remove(queue, item);
    this.host.odd('publish', reason, item.encoded.companyId);
    this.host.other(item.encoded.companyId);
    this.answer(item, { ok: false, code: 'BROKER', reason });
    leave(item);
    this.checkFlushed();
  }

  /** Their callers are answered, and local streams hear of them. */
  private queue(items: readonly Item[]): void {
    const untold = new Map<string, EncodedAction[]>();
    for (const item of items) {
      if (item.done) continue;
      if (item.answer) this.host.counters.queued++;
      this.answer(item, { ok: true, queued: true });
      if (item.wasTold) continue;
      item.wasTold = true;
      const { companyId } = item.encoded;
      const told = untold.get(companyId);
      if (told) told.push(item.encoded);
      else untold.set(companyId, [item.encoded]);
    }
    for (const [companyId, actions] of untold) this.host.tell(companyId, actions);
  }

  private answer(item: Item, outcome: PublishOutcome): void {
    const { answer } = item;
    item.answer = undefined;
    answer?.(outcome);
  }

  private checkFlushed(): void {
    if (this.outbox.actions > 0) return;
    for (const resolve of this.flushed.splice(0)) resolve();
  }
}

/** The last one ahead of what is sent now. Those that have their answer stay in the line until the ones before them have it. */
function lastUnanswered({ items, next }: Queue): Item | undefined {
  for (let at = next - 2; at >= 0; at--) if (!items[at]?.done) return items[at];
  return undefined;
}

/** An import that is whole is told. */
function leave({ group }: Item): void {
  if (group && --group.left === 0) group.end();
}

function backoff(failures: number): number {
  return 1 + waitOf({ firstMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS }, failures, Math.random());
}
