/**
 * The newest activities of the companies that somebody follows: read once for all who do. A tail holds a bounded number of them, and nothing at all while nobody is behind; who is further
 * behind reads for himself.
 */
import { sleep, waitOf } from '../../internal/backoff.js';
import type { Activity } from './activity.js';
import type { Bell } from './bell.js';
import type { Offset } from './offset.js';
import type { Source } from './source.js';

const PAGE = 100;
/** Activities that a tail holds. */
const HELD = 200;
/** ms; what was read before is read again. */
const KEPT_MS = 1_000;
const AGAIN = { firstMs: 20, maxMs: 2_000 };
/** What was rung for and cannot be seen yet (a replica that lags) is asked for so many times. */
const TRIES = 20;
const ALL: ReadonlySet<string> = new Set();

interface Held {
  readonly activity: Activity;
  /** ms, monotonic. */
  readonly readAt: number;
}

export class Tail {
  readonly #companyId: string;
  readonly #source: Source;
  readonly #report: (thrown: unknown) => void;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  /** Undefined: not known yet. */
  #at: Offset | undefined;
  #held: readonly Held[] = [];
  /** What is held follows this seq. */
  #from = 0;
  #followers = 0;
  #version = 0;
  /** The highest seq that was rung for. */
  #wanted = 0;
  #asked = false;
  #reading = false;

  constructor(companyId: string, source: Source, report: (thrown: unknown) => void) {
    this.#companyId = companyId;
    this.#source = source;
    this.#report = report;
  }

  get followers(): number {
    return this.#followers;
  }

  /** Grows with all that may be news. */
  get version(): number {
    return this.#version;
  }

  join(): void {
    this.#followers++;
  }

  /** The last one turns out the light. */
  leave(): void {
    this.#followers--;
    if (this.#followers === 0) this.#abort.abort();
  }

  /** What follows this offset, as far as is known; undefined: that is for the database to say. */
  after({ life, seq }: Offset): readonly Activity[] | undefined {
    const at = this.#at;
    if (!at || at.life !== life || seq < this.#from) return undefined;
    if (seq >= at.seq) return [];
    const some = this.#held.filter(({ activity }) => activity.seq > seq);
    // Its row may be another one by now, and who may see it, too.
    return some[0] && performance.now() - some[0].readAt > KEPT_MS ? undefined : some.map(({ activity }) => activity);
  }

  /** Of the same life: something follows this offset. */
  isAheadOf({ life, seq }: Offset): boolean {
    return this.#at !== undefined && this.#at.life === life && this.#at.seq > seq;
  }

  /** Somebody has read up to the head, and nothing was rung for since `version`. */
  reached(head: Offset, version: number): void {
    if (this.#at || version !== this.#version) return;
    this.#at = head;
    this.#hold([]);
    if (this.#wanted > head.seq) this.rung(undefined);
  }

  /** Resolves when there may be more than at `version`, or when `signal` aborts. */
  news(version: number, signal: AbortSignal): Promise<void> {
    if (version !== this.#version || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (this.#waiting.size === this.#followers) this.#hold([]);
    });
  }

  /** `seq`: undefined: it is not known how many there are. */
  rung(seq: number | undefined): void {
    this.#wanted = Math.max(this.#wanted, seq ?? 0);
    this.#asked = true;
    if (!this.#at) this.#tell();
    else if (!this.#reading) void this.#read();
  }

  #hold(held: readonly Held[]): void {
    this.#held = held;
    this.#from = held[0] ? held[0].activity.seq - 1 : (this.#at?.seq ?? 0);
  }

  #tell(): void {
    this.#version++;
    for (const done of [...this.#waiting]) done();
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const { signal } = this.#abort;
    this.#reading = true;
    let told = false;
    for (let attempt = 0; this.#asked && this.#at && !signal.aborted; attempt++) {
      if (attempt > 0) await sleep(waitOf(AGAIN, attempt, Math.random()), signal);
      try {
        this.#asked = false;
        await this.#readOn();
        if (this.#wanted > (this.#at?.seq ?? Infinity) && attempt < TRIES) this.#asked = true;
        else if (this.#asked) attempt = -1;
      } catch (thrown) {
        this.#asked = true;
        if (!told) this.#report(thrown);
        told = true;
      }
    }
    this.#wanted = 0;
    this.#reading = false;
  }

  async #readOn(): Promise<void> {
    for (let complete = false; !complete && this.#at; ) {
      const readAt = performance.now();
      const page = await this.#source.page(this.#companyId, this.#at, PAGE, ALL);
      complete = page.complete;
      if (page.resync !== undefined) {
        // Each follower learns it from the database.
        this.#at = undefined;
        this.#hold([]);
        this.#tell();
        return;
      }
      if (page.activities.length === 0) return;
      this.#at = page.next;
      this.#hold([...this.#held, ...page.activities.map((activity) => ({ activity, readAt }))].slice(-HELD));
      this.#tell();
    }
  }
}

/** By company: what is rung for finds its followers at once. */
export class Tails {
  readonly #tails = new Map<string, Tail>();
  readonly #bell: Bell;
  readonly #source: Source;
  readonly #report: (thrown: unknown) => void;
  #silence: (() => void) | undefined;

  constructor(bell: Bell, source: Source, report: (thrown: unknown) => void) {
    this.#bell = bell;
    this.#source = source;
    this.#report = report;
  }

  /** `leave` it when nothing is to be heard any more. */
  join(companyId: string): { tail: Tail; leave: () => void } {
    let tail = this.#tails.get(companyId);
    if (!tail) this.#tails.set(companyId, (tail = new Tail(companyId, this.#source, this.#report)));
    this.#silence ??= this.#bell.listen((heads) => {
      if (!heads) for (const one of this.#tails.values()) one.rung(undefined);
      else for (const [company, seq] of heads) this.#tails.get(company)?.rung(seq);
    });
    const joined = tail;
    joined.join();
    let left = false;
    return {
      tail: joined,
      leave: () => {
        if (left) return;
        left = true;
        joined.leave();
        if (joined.followers > 0) return;
        this.#tails.delete(companyId);
        if (this.#tails.size > 0) return;
        this.#silence?.();
        this.#silence = undefined;
      },
    };
  }
}
