/** The way from whole transactions to the log: in the order of their commits, some at a time, each until it has its place. */
import { randomUUID } from 'node:crypto';
import type { Recorder } from '../activities/recorder.js';
import { RING_COMPANY, ringOf, type Heads } from '../activities/ring.js';
import { announce, resyncAction, type Announced } from '../changes/actions.js';
import { sleep, waitOf } from '../../internal/backoff.js';
import type { Collected } from '../changes/collector.js';
import { place, Stopped, type PlacingHost } from './placing.js';

export interface SinkHost extends Omit<PlacingHost, 'owed'> {
  /** Part of the actions' ids. */
  readonly epoch: string;
  /** Resolves when whoever reads now sees what they have changed. Rejects with Stopped, PostgresError. */
  visible(batch: readonly Collected[]): Promise<void>;
  /** These are in the log. It is kept that they are before it resolves; rejects with Stopped. */
  written(batch: readonly Collected[]): Promise<void>;
  /** Companies that are owed a resync have become more or less; kept with the next `written`. */
  debts(companies: ReadonlySet<string>): void;
  /** There is room again. */
  drained(): void;
  /** Nothing more can be written. */
  failed(thrown: unknown): void;
  warn(kind: string, message: string): void;
  /** Writes the activities of what is announced; undefined: none are. */
  readonly recorder: Pick<Recorder, 'record'> | undefined;
  /** Ids that transactions gave, by company and id, to the own id of that which gave it first. */
  readonly given: Map<string, string>;
}

/** Transactions that are kept as written at once, and actions of one hand-over. */
const BATCH_COMMITS = 64;
const BATCH_ACTIONS = 2_000;
/** Ids of transactions that are remembered; beyond it the oldest are forgotten. */
const MAX_GIVEN = 10_000;
const AGAIN = { firstMs: 100, maxMs: 5_000 };

export class Sink {
  readonly #queue: Collected[] = [];
  readonly #host: SinkHost;
  readonly #maxWaiting: number;
  readonly #owed: Set<string>;
  #running: Promise<void> | undefined;
  /** That transactions became; what tells of a gap or a debt is none of them. */
  actions = 0;

  constructor(host: SinkHost, maxWaiting: number, owed: ReadonlySet<string>) {
    this.#host = host;
    this.#maxWaiting = maxWaiting;
    this.#owed = new Set(owed);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** When the first of them was committed, Unix ms by PostgreSQL's clock; undefined: there are none. */
  get oldest(): number | undefined {
    return this.#queue[0]?.committedAt;
  }

  /** No more should be read. */
  get full(): boolean {
    return this.#queue.length >= this.#maxWaiting;
  }

  push(collected: Collected): void {
    this.#queue.push(collected);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Each of them is told that everything, or all of `paths`, may be stale. Rejects with Stopped. */
  async resync(companies: readonly string[], id: string, paths?: readonly string[]): Promise<void> {
    for (let i = 0; i < companies.length; i += BATCH_ACTIONS) {
      const some = companies.slice(i, i + BATCH_ACTIONS);
      await this.#place(some.map((companyId) => ({ action: resyncAction(companyId, id, Date.now(), paths), isShared: false, ownId: id })));
    }
  }

  /** Those whose actions Redis refused, once more; who is refused again stays. Rejects with Stopped. */
  async payDebts(id: string): Promise<void> {
    if (this.#owed.size === 0) return;
    const debtors = [...this.#owed];
    this.#owed.clear();
    await this.resync(debtors, id);
    this.#host.debts(this.#owed);
  }

  /** All companies there are. Rejects with Stopped. */
  async companies(): Promise<string[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        return (await this.#host.internals.companies()).filter((company) => company !== RING_COMPANY);
      } catch (thrown) {
        if (this.#host.signal.aborted || this.#host.hub.closed) throw new Stopped('the worker stops', { cause: thrown });
        if (attempt > 0) this.#host.warn('cdc-companies', `which companies have a log cannot be asked of Redis (${String(thrown)}); the worker waits, for they are to be told that everything may be stale. A user of Redis needs +scan for it`);
        await sleep(waitOf(AGAIN, attempt, this.#host.random()), this.#host.signal);
      }
    }
  }

  /** When nothing is under way any more. What waits is dropped once `signal` aborts: the server sends it again. Never rejects. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal, hub } = this.#host;
    try {
      while (this.#queue.length > 0) {
        if (signal.aborted || hub.closed) throw new Stopped('the worker stops');
        await this.#writeSome();
      }
    } catch (thrown) {
      this.#queue.length = 0;
      this.#host.failed(thrown);
    }
  }

  async #writeSome(): Promise<void> {
    const batch = this.#queue.slice(0, BATCH_COMMITS);
    // Who is told before reads what was there before, and is not told again.
    await this.#host.visible(batch);
    const recorded = [];
    for (const collected of batch) recorded.push({ collected, companies: collected.forAll.size > 0 ? await this.companies() : [] });
    // What is in the log is never missing in the table.
    const heads = await this.#host.recorder?.record(recorded);
    let announced: Announced[] = [];
    for (const { collected, companies } of recorded) {
      for (const one of announce(collected, this.#host.epoch, companies, Date.now())) {
        announced.push(this.#givenOnce(one));
        this.actions++;
        if (announced.length < BATCH_ACTIONS) continue;
        await this.#place(announced);
        announced = [];
      }
    }
    await this.#place(announced);
    if (heads) await this.ring(heads);
    await this.#host.written(batch);
    this.#queue.splice(0, batch.length);
    if (!this.full) this.#host.drained();
  }

  /** These companies' activities can be read. Rejects with Stopped. */
  async ring(heads: Heads): Promise<void> {
    if (heads.size === 0) return;
    const id = randomUUID();
    await this.#place([{ action: ringOf(heads, id), isShared: false, ownId: id }]);
  }

  /** An id that another transaction has had says nothing of this one: it would be told nobody. */
  #givenOnce(one: Announced): Announced {
    const { action, isShared, ownId } = one;
    if (!isShared) return one;
    const { given } = this.#host;
    const key = `${action.companyId}\n${action.id ?? ''}`;
    const first = given.get(key);
    if (first !== undefined && first !== ownId) return { action: { ...action, id: ownId }, isShared: false, ownId };
    given.delete(key);
    given.set(key, ownId);
    const [oldest] = given.keys();
    if (given.size > MAX_GIVEN && oldest !== undefined) given.delete(oldest);
    return one;
  }

  #place(announced: readonly Announced[]): Promise<void> {
    return place(announced, {
      ...this.#host,
      owed: (companyId, why) => {
        this.#owed.add(companyId);
        this.#host.debts(this.#owed);
        this.#host.warn('cdc-owed', `Redis refuses actions of a company (${why}); it is told that everything may be stale as soon as Redis takes them`);
      },
    });
  }
}
