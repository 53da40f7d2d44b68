/**
 * A node's life as the others see it: it renews itself in Redis each 10 s, and what it holds counts for 25 s after the last time.
 *
 * A node may find that Redis has counted it as dead. Whether what it held is still its own it knows by its own clock, which stands
 * for no other one: if its last renewal is younger than a life, nobody could rightly take it for dead, and Redis itself has forgotten (restored,
 * flushed, a clock that jumped): then what it holds is put back, whatever the limits say. So it is after a time in which Redis was away: streams
 * that were let in meanwhile stay. But a node that was only stopped (a debugger, a suspended machine) has been replaced by others
 * meanwhile, and asks again for each of its seats.
 */
import { BrokerError, type Broker, type BrokerReply } from '../../internal/broker.js';
import { nodesKey } from '../keys.js';
import { NODES, RENEW } from '../scripts/living.js';

/** ms; what a dead node held is free at most so long after its death. */
export const LIFE_MS = 25_000;
const RENEW_MS = 10_000;
/** ms; while Redis does not answer, how often it is asked again. */
const RETRY_MS = 1_000;
/** The same while somebody waits for it, ms. */
export const SOON_MS = 100;
/** ms that an answer of Redis is waited for where somebody else waits for what comes of it. */
export const PATIENCE_MS = 1_000;
/** The same for a link that is lost, and for a refusal: it takes some attempts. */
export const LINK_PATIENCE_MS = 2_000;
/** ms that a link that is lost again and again is waited for. */
export const FLAPS_MS = 5_000;
/** A link that was lost so often in so many ms flaps: a node does not take Redis for away. */
const FLAPS = 3;
const FLAPS_WITHIN_MS = 30_000;
/** ms; a node that has been dead for so long is not even remembered as such. */
const FORGET_MS = 3_600_000;
/** ms that the list of nodes outlives the last of them. */
const OUTLIVES_MS = 86_400_000;

/** A key of another type; before 7.0 it stands behind the script's own word. */
const FOR_GOOD = /\bWRONGTYPE\b/;
const MOURNS = 3;

const script = (name: string, body: string): { name: string; body: string } => ({ name, body });
const RENEW_SCRIPT = script('renew', RENEW);
const NODES_SCRIPT = script('nodes', NODES);

/** `keep`: whatever the limits say. `ask`: where they allow it. */
export type RestoreMode = 'keep' | 'ask';

/** What a node holds in a company, in a cluster: renewed one by one. */
export interface Holder {
  /** The keys under which it is renewed; only those where it holds something. */
  keys(): Iterable<string>;
  /** Redis has counted the node as dead there. */
  fenced(key: string, mode: RestoreMode): void;
  /** What is held is to be put back everywhere. Resolves when Redis has it. Never rejects. */
  restore(mode: RestoreMode): unknown;
}

export interface LifeOptions {
  readonly broker: Broker;
  readonly prefix: string;
  readonly nodeId: string;
  /** ms, never going back. */
  readonly now?: () => number;
}

export class Life {
  readonly broker: Broker;
  readonly prefix: string;
  readonly nodeId: string;
  /** In a cluster a script sees one slot: a node renews itself in each company. */
  readonly clustered: boolean;
  /** Nodes that live, as Redis knew at the last renewal; this one is among them. */
  alive: readonly string[] = [];
  fences = 0;
  readonly #now: () => number;
  readonly #holders: Holder[] = [];
  readonly #losses: (() => void)[] = [];
  readonly #renewals: (() => void)[] = [];
  #counted: (nodes: number) => void = () => undefined;
  #refused: (message: string) => void = () => undefined;
  /** Rounds in which what a dead node held is still looked for: its life in a company ends a little later than in the list. */
  #mourns = 0;
  /** When the last renewal that was answered was sent. */
  #renewedMs: number;
  /** Redis is away: what is to become of what is held once it is back. */
  #away: RestoreMode | undefined;
  #recovering: Promise<void> | undefined;
  /** It went away a moment ago, and is waited for: nearly each link that is cut is back at once, and limits that opened at each cut would be none. */
  #grace: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  /** Redis does not answer: nobody waits until it does. */
  #outage = false;
  #era = 0;
  #isLinked = false;
  #verifying: Promise<void> | undefined;
  /** When the link was lost the last times. */
  readonly #cuts: number[] = [];
  /** What was on its way when Redis went away may arrive late: all is compared once more. */
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #hears: (() => void) | undefined;
  /** What was held is on its way back. */
  #restored: Promise<unknown> = Promise.resolve();
  #settling: Promise<void> | undefined;
  /** Nodes that lived before Redis was away, and have not said what they hold. */
  readonly #awaited = new Set<string>();
  #settle: (before: readonly string[]) => Promise<void> = () => Promise.resolve();
  /** When Redis last answered anything, ms. */
  #heardMs = 0;
  #isClosed = false;

  constructor({ broker, prefix, nodeId, now = () => performance.now() }: LifeOptions) {
    this.broker = broker;
    this.prefix = prefix;
    this.nodeId = nodeId;
    this.clustered = broker.ring === 'SPUBLISH';
    this.#now = now;
    this.#renewedMs = now();
    this.#hears = broker.onState(({ link }) => {
      if (this.#isClosed || link === 'closed') return;
      if (link === 'ready') void this.#recover();
      else if (link === 'lost') {
        if (this.#isLinked && this.#cuts.push(this.#now()) > FLAPS) this.#cuts.shift();
        this.#lost();
      }
      this.#isLinked = link === 'ready';
    });
    this.#later(RENEW_MS);
    this.#isLinked = broker.state.link === 'ready';
    if (this.#isLinked) void this.#recover();
    else this.#lost();
  }

  hold(holder: Holder): void {
    this.#holders.push(holder);
  }

  /** Of this node when it comes back: resolves when those that lived before have put back what they hold, or will not. Never rejects. */
  onReturn(settle: (before: readonly string[]) => Promise<void>): void {
    this.#settle = settle;
  }

  /** Whether Redis knows what all nodes hold: after it was away, or has forgotten, that takes until they have told it. Waits until then (`performance.now()`). */
  async settled(until: number): Promise<boolean> {
    do {
      if (await this.usable()) await this.#settling;
      // Nobody is on the way to it: the next attempt has its time.
      else if (!this.#grace && !this.#recovering) await new Promise((resolve) => setTimeout(resolve, SOON_MS));
    } while (!this.isUsable && !this.#outage && !this.#isClosed && performance.now() < until);
    return this.isUsable;
  }

  /** Another node has said something. */
  met(node: string): void {
    if (this.alive.includes(node)) return;
    this.alive = [...this.alive, node];
    this.#counted(this.alive.length);
  }

  /** Resolves when Redis knows that this node lives, and what it holds; rejects where it is away. */
  async renewed(): Promise<void> {
    if (this.#away === undefined) await this.#renew();
    else await this.#recover();
    await this.#restored;
    if (!this.isUsable) throw new Error('Redis is away');
  }

  /** Tells, for some rounds, that a node lives no more. */
  onLoss(listener: () => void): void {
    this.#losses.push(listener);
  }

  /** How often this node has come back: goes with all that it says (`scripts/living.ts`). */
  get era(): number {
    return this.#era;
  }

  /** Whether Redis is asked. In the first two seconds without a link, or of refusals, that is waited for, and the return from the dead. */
  async usable(): Promise<boolean> {
    if (this.broker.state.link !== 'ready') this.#lost();
    if (this.#grace) await this.#grace.over;
    if (this.#recovering && !this.#outage) await this.#recovering;
    return this.isUsable;
  }

  /** Redis is silent, or away for long: a node decides by itself. Not so where a link only flaps. */
  get isAway(): boolean {
    return this.#outage;
  }

  get isUsable(): boolean {
    return !this.#isClosed && this.broker.state.link === 'ready' && this.#away === undefined;
  }

  /** Redis was silent, or is away for long. Until it answers again the node decides for itself. */
  #trouble(): void {
    if (this.#isClosed || this.#outage) return;
    this.#outage = true;
    this.#away ??= this.#mode();
    this.#grace?.end();
    this.#later(RETRY_MS);
  }

  /** The link is gone, or Redis refuses what it should not: it has two seconds to be back. */
  #lost(): void {
    if (this.#isClosed || this.#outage) return;
    this.#away ??= this.#mode();
    if (this.#grace) return;
    let resolve: () => void;
    const over = new Promise<void>((done) => (resolve = done));
    const grace = {
      over,
      end: () => {
        clearTimeout(timer);
        this.#grace = undefined;
        resolve();
      },
    };
    // What has arrived is read first.
    const judge = (): void =>
      void setImmediate(() => {
        if (this.#grace !== grace) return;
        if (!this.#flaps) return this.#trouble();
        grace.end();
        this.#lost();
      });
    const timer = setTimeout(judge, LINK_PATIENCE_MS).unref();
    this.#grace = grace;
    this.#later(SOON_MS);
  }

  /**
   * What was asked of it came to nothing. A key that is somebody else's says nothing of Redis: it concerns its company alone. Nor need another refusal
   * (a shard, an ACL): the list of nodes says whether all is refused. Whether to ask again when it is back: not where it was silent, or for that key.
   */
  failed(thrown: unknown): 'again' | 'never' {
    if (!(thrown instanceof BrokerError)) {
      this.#trouble();
      return 'never';
    }
    if (thrown.failure === 'refused' && FOR_GOOD.test(thrown.message)) {
      this.#refused(thrown.message);
      return 'never';
    }
    if (thrown.failure === 'refused') void this.verified();
    else this.#lost();
    return 'again';
  }

  /** Redis has refused something. Resolves when it is known whether it refuses the list of nodes too, and counts as away then. Never rejects. */
  verified(): Promise<void> {
    return (this.#verifying ??= this.#verify().finally(() => (this.#verifying = undefined)));
  }

  async #verify(): Promise<void> {
    try {
      await this.patiently(this.#renewal(nodesKey(this.prefix), false));
    } catch (thrown) {
      if (thrown instanceof BrokerError) this.#lost();
      else this.#trouble();
    }
  }

  /** Hears what Redis refuses for good. */
  onRefused(listener: (message: string) => void): void {
    this.#refused = listener;
  }

  /** Hears how many nodes live. */
  onCount(listener: (nodes: number) => void): void {
    this.#counted = listener;
    if (this.alive.length > 0) listener(this.alive.length);
  }

  /** Hears each renewal. */
  onRenewal(listener: () => void): void {
    this.#renewals.push(listener);
  }

  /** Redis has counted the node as dead. Resolves when what it holds is on its way back. */
  fenced(): Promise<void> {
    this.fences += 1;
    this.#away ??= this.#mode();
    return this.#recover();
  }

  /** Everything that is held is to be compared with what Redis has: messages may have been missed. */
  compare(): void {
    if (this.isUsable) for (const holder of this.#holders) holder.restore('keep');
  }

  /**
   * Rejects where Redis is silent: it is stopped, or the way to it is. A long queue is no silence, nor is a thread that was busy while
   * answers came in.
   */
  patiently<T>(answer: Promise<T>, ms = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false;
      const judge = (): void => {
        const left = this.#heardMs + ms - performance.now();
        if (settled) return;
        if (left > 0) timer = setTimeout(wait, left);
        else reject(new Error(`Redis was silent for ${String(ms)} ms`));
      };
      // What has arrived is read first.
      const wait = (): void => void setImmediate(judge);
      let timer = setTimeout(wait, ms);
      const settle = (): void => {
        settled = true;
        clearTimeout(timer);
        this.#heardMs = performance.now();
      };
      answer.finally(settle).then(resolve, reject);
    });
  }

  /** Asks Redis which nodes live. Rejects with BrokerError. */
  async nodes(): Promise<readonly string[]> {
    const reply = await this.broker.eval(NODES_SCRIPT, [nodesKey(this.prefix)], [FORGET_MS]);
    this.#note(texts(reply));
    return this.alive;
  }

  /** It holds nothing from now on, wherever. Never rejects. */
  async leave(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#grace?.end();
    this.#hears?.();
    if (this.broker.state.link !== 'ready') return;
    const keys = [nodesKey(this.prefix)];
    if (this.clustered) for (const holder of this.#holders) keys.push(...holder.keys());
    const gone = keys.map((key) => this.broker.command(['ZREM', key, this.nodeId]).catch(() => undefined));
    await this.patiently(Promise.all(gone)).catch(() => undefined);
  }

  #mode(): RestoreMode {
    return this.#now() - this.#renewedMs > LIFE_MS ? 'ask' : 'keep';
  }

  get #flaps(): boolean {
    const [first = -Infinity] = this.#cuts;
    return this.#cuts.length === FLAPS && this.#now() - first <= FLAPS_WITHIN_MS;
  }

  get #retryMs(): number {
    return this.#outage ? RETRY_MS : SOON_MS;
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#round(), ms).unref();
  }

  async #round(): Promise<void> {
    if (this.#away !== undefined) await this.#recover();
    else if (this.broker.state.link === 'ready') await this.#renew();
    this.#later(this.#away === undefined ? RENEW_MS : this.#retryMs);
  }

  async #renew(): Promise<void> {
    const sentMs = this.#now();
    try {
      const [word, ...nodes] = texts(await this.patiently(this.#renewal(nodesKey(this.prefix), false)));
      if (word === 'LATE') return;
      if (word !== 'OK') return void (await this.fenced());
      this.#note(nodes);
      if (this.clustered) await this.#renewEach();
      this.#renewedMs = sentMs;
      if (this.#again) this.compare();
      this.#again = false;
      for (const listener of this.#renewals) listener();
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  #note(nodes: readonly string[]): void {
    if (this.alive.some((node) => !nodes.includes(node))) this.#mourns = MOURNS;
    this.alive = nodes;
    this.#counted(Math.max(1, nodes.length));
    if (this.#mourns === 0) return;
    this.#mourns -= 1;
    for (const listener of this.#losses) listener();
  }

  async #renewEach(): Promise<void> {
    for (const holder of this.#holders) {
      const keys = [...holder.keys()];
      // One company's shard that refuses is no concern of the others; what it counts as dead meanwhile is told anew at a later renewal.
      const replies = await this.patiently(Promise.all(keys.map((key) => this.#renewal(key, false).catch(refusal))));
      replies.forEach((reply, at) => {
        if (reply instanceof BrokerError) this.failed(reply);
        else if (texts(reply)[0] !== 'OK') holder.fenced(keys[at] as string, this.#mode());
      });
    }
  }

  #renewal(key: string, anew: boolean): Promise<BrokerReply> {
    const era = this.clustered && key === nodesKey(this.prefix) ? '' : this.#era;
    return this.broker.eval(RENEW_SCRIPT, [key], [this.nodeId, LIFE_MS, anew ? '1' : '0', OUTLIVES_MS, era]);
  }

  #settleAgain(): void {
    const settling = this.#settle([...this.#awaited]).finally(() => {
      if (this.#settling !== settling) return;
      this.#settling = undefined;
      this.#awaited.clear();
    });
    this.#settling = settling;
  }

  /** Lives again, and puts back what it holds. */
  #recover(): Promise<void> {
    return (this.#recovering ??= this.#revive().finally(() => (this.#recovering = undefined)));
  }

  async #revive(): Promise<void> {
    if (this.#isClosed || this.broker.state.link !== 'ready') return;
    const mode = this.#away ?? this.#mode();
    this.#away = mode;
    const sentMs = this.#now();
    this.#era += 1;
    try {
      const [, ...nodes] = texts(await this.patiently(this.#renewal(nodesKey(this.prefix), true)));
      if (this.#isClosed) return;
      const before = this.alive;
      this.#note(nodes);
      this.#renewedMs = sentMs;
      this.#away = undefined;
      this.#again ||= this.#outage;
      this.#outage = false;
      this.#grace?.end();
      this.#later(RENEW_MS);
      this.#restored = Promise.all(this.#holders.map((holder) => holder.restore(mode)));
      for (const node of before) if (node !== this.nodeId) this.#awaited.add(node);
      // At its beginning it knows of nobody.
      if (before.length > 0) this.#settleAgain();
    } catch (thrown) {
      // The list of all nodes is somebody else's: this one has to do without.
      if (this.failed(thrown) === 'never') this.#trouble();
      this.#later(this.#retryMs);
    }
  }
}

function refusal(thrown: unknown): BrokerError {
  if (thrown instanceof BrokerError && thrown.failure === 'refused') return thrown;
  throw thrown;
}

export function texts(reply: BrokerReply): string[] {
  return Array.isArray(reply) ? reply.map((item: BrokerReply) => (Buffer.isBuffer(item) ? item.toString() : String(item))) : [];
}
