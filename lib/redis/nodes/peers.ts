/**
 * What nodes ask of each other, over a channel of each and one of all: small, rare, answered within a second or not at all. Who did not
 * answer is named.
 *
 * A message is `1 ` and JSON: `{ ask, id, from, body }` on the channel of all, `{ answer, from, body }` and `{ ended, reason }` on that of a node. `ask: 'echo'` is
 * for the node itself: with it the channel shows that it carries messages. A first word that is not known is of a newer format, and passed over; what cannot be read is somebody else's, and counted.
 */
import type { BrokerReply } from '../../internal/broker.js';
import { allChannel, nodeChannel } from '../keys.js';
import type { EndedReason } from '../seats/book.js';
import { PATIENCE_MS, type Life } from './life.js';

/** What a node does when it is asked; what it gives goes back as JSON. */
export type Answering = (body: unknown) => unknown;

export interface PeersOptions {
  readonly answers: Readonly<Record<string, Answering>>;
  /** A stream of this node has lost its seat. */
  readonly ended: (id: string, reason: EndedReason) => void;
  /** An own question has come by its channel: so has all that was said before it. */
  readonly own: (ask: string, body: unknown) => void;
  /** The channels stand, for the first time or anew: then messages may have been missed. */
  readonly subscribed: (anew: boolean) => void;
}

export interface Answers<T> {
  readonly answers: readonly T[];
  /** Nodes that live, as far as Redis knows, and said nothing in time. */
  readonly silent: readonly string[];
  /** False: Redis is away, and nobody was asked. */
  readonly asked: boolean;
}

/** ms; until an own message has come back it is sent again. */
const ECHO_MS = 100;
/** ms; as often those are asked again who may not have been there. */
const GATHER_MS = 250;

interface Question {
  readonly waiting: Set<string>;
  readonly answers: unknown[];
  done: () => void;
}

export class Peers {
  readonly #life: Life;
  readonly #options: PeersOptions;
  readonly #questions = new Map<number, Question>();
  readonly #stops: (() => void)[];
  #ids = 0;
  /** Channels that have stood at least once. */
  readonly #stood = new Set<string>();
  #tells = false;
  readonly #echoes = new Map<number, () => void>();
  readonly #gathered = new Map<number, (from: string) => void>();
  /** Messages that nobody of ours has written. */
  foreign = 0;

  constructor(life: Life, options: PeersOptions) {
    this.#life = life;
    this.#options = options;
    const { broker, prefix, nodeId } = life;
    this.#stops = [allChannel(prefix), nodeChannel(prefix, nodeId)].map((channel) =>
      broker.subscribe(channel, {
        subscribed: () => this.#stands(channel),
        message: (payload) => this.#hear(payload.toString()),
      }),
    );
  }

  /** Of all other nodes. Never rejects: while Redis is away there are none that could be asked. */
  async ask<T>(what: string, body: unknown): Promise<Answers<T>> {
    const life = this.#life;
    if (!(await life.usable())) return { answers: [], silent: [], asked: false };
    const id = (this.#ids += 1);
    let others: string[];
    try {
      others = (await life.patiently(life.nodes())).filter((node) => node !== life.nodeId);
    } catch (thrown) {
      life.failed(thrown);
      return { answers: [], silent: [], asked: false };
    }
    if (others.length === 0) return { answers: [], silent: [], asked: true };
    const question: Question = { waiting: new Set(others), answers: [], done: () => undefined };
    this.#questions.set(id, question);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      question.done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#send(allChannel(life.prefix), { ask: what, id, from: life.nodeId, body });
    });
    this.#questions.delete(id);
    return { answers: question.answers as T[], silent: [...question.waiting], asked: true };
  }

  /** Asks again and again until each of `nodes`, and as many others as hear it, have answered; `ms` at most. Never rejects. */
  async gather(what: string, nodes: readonly string[], ms: number): Promise<void> {
    const { nodeId, prefix } = this.#life;
    const id = (this.#ids += 1);
    const awaited = new Set(nodes.filter((node) => node !== nodeId));
    const answered = new Set<string>();
    let others = awaited.size;
    await new Promise<void>((resolve) => {
      const judge = (): void => {
        if (awaited.size > 0 || answered.size < others) return;
        clearInterval(again);
        clearTimeout(overdue);
        this.#gathered.delete(id);
        resolve();
      };
      const say = (): void =>
        this.#send(allChannel(prefix), { ask: what, id, from: nodeId }, (heard) => {
          // This node hears it too.
          others = Math.max(0, Number(heard) - 1);
          judge();
        });
      const again = setInterval(say, GATHER_MS).unref();
      const overdue = setTimeout(() => {
        awaited.clear();
        others = 0;
        judge();
      }, ms).unref();
      this.#gathered.set(id, (from) => {
        awaited.delete(from);
        answered.add(from);
        judge();
      });
      say();
    });
  }

  /** All other nodes, and does not wait. */
  tell(what: string, body: unknown): void {
    const { isUsable, nodeId, prefix } = this.#life;
    // No question has this number.
    if (isUsable) this.#send(allChannel(prefix), { ask: what, id: 0, from: nodeId, body });
  }

  /** Whether the channel of all carries what is said from now on; within a second. Never rejects. */
  async carries(): Promise<boolean> {
    const { nodeId, prefix } = this.#life;
    const id = (this.#ids += 1);
    return new Promise((resolve) => {
      const say = (): void => this.#send(allChannel(prefix), { ask: 'echo', id, from: nodeId });
      const again = setInterval(say, ECHO_MS).unref();
      const overdue = setTimeout(() => end(false), PATIENCE_MS).unref();
      const end = (heard: boolean): void => {
        clearInterval(again);
        clearTimeout(overdue);
        this.#echoes.delete(id);
        resolve(heard);
      };
      this.#echoes.set(id, () => end(true));
      say();
    });
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const { done } of this.#questions.values()) done();
  }

  /** Channels of a connection come one by one; what may have been missed on them is looked for once. */
  #stands(channel: string): void {
    const anew = this.#stood.has(channel);
    this.#stood.add(channel);
    if (this.#tells || (!anew && this.#stood.size < 2)) return;
    this.#tells = true;
    setImmediate(() => {
      this.#tells = false;
      this.#options.subscribed(anew);
    });
  }

  /** `sent`: how many have heard it. */
  #send(channel: string, message: object, sent: (heard: BrokerReply) => void = () => undefined): void {
    const { broker } = this.#life;
    // Who hears nothing answers nothing, and is named.
    broker.command([broker.ring, channel, `1 ${JSON.stringify(message)}`]).then(sent, () => undefined);
  }

  #hear(text: string): void {
    if (/^\d+ /.test(text) && !text.startsWith('1 ')) return;
    let message: Record<string, unknown> | undefined;
    try {
      if (text.startsWith('1 ')) message = JSON.parse(text.slice(2)) as Record<string, unknown>;
    } catch {
      // Not ours.
    }
    if (typeof message !== 'object' || message === null || !this.#take(message)) this.foreign += 1;
  }

  /** False: it makes no sense. */
  #take({ ask, answer, ended, id, from, reason, body }: Record<string, unknown>): boolean {
    if (typeof ended === 'string' && (reason === 'evicted' || reason === 'replaced')) {
      this.#options.ended(ended, reason);
      return true;
    }
    if (typeof from !== 'string') return false;
    this.#life.met(from);
    if (typeof answer === 'number') {
      const question = this.#questions.get(answer);
      // One that comes too late is no fault.
      if (question?.waiting.delete(from)) question.answers.push(body);
      if (question?.waiting.size === 0) question.done();
      this.#gathered.get(answer)?.(from);
      return true;
    }
    if (typeof ask !== 'string' || typeof id !== 'number') return false;
    if (from === this.#life.nodeId) {
      if (ask === 'echo') this.#echoes.get(id)?.();
      else this.#options.own(ask, body);
      return true;
    }
    // A newer node may ask what this one does not know; it is named as one that did not answer.
    const answering = Object.hasOwn(this.#options.answers, ask) ? this.#options.answers[ask] : undefined;
    if (answering) void this.#answer(answering, body, from, id);
    return true;
  }

  async #answer(answering: Answering, body: unknown, to: string, id: number): Promise<void> {
    try {
      const given: unknown = await answering(body);
      this.#send(nodeChannel(this.#life.prefix, to), { answer: id, from: this.#life.nodeId, body: given });
    } catch {
      // A question that makes no sense to this node has no answer.
    }
  }
}
