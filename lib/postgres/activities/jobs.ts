/** Listeners inside of the process: webhooks, a search index. Each hears one activity at a time, in the order of its company, and holds nobody else up. */
import { waitOf, sleep } from '../../internal/backoff.js';
import type { Activity } from './activity.js';
import type { Bell } from './bell.js';
import type { Heads } from './ring.js';
import type { Offset, Start } from './offset.js';
import { formatOffset } from './offset.js';
import type { Page, Source } from './source.js';

export interface JobOptions {
  /** Undefined: all. */
  readonly companyId: string | undefined;
  /** Empty: all. */
  readonly types: ReadonlySet<string>;
  /** By company; undefined: from now on. What is not in it is heard from its beginning. */
  readonly after: ReadonlyMap<string, Start> | undefined;
  readonly listener: (activity: Activity) => unknown;
  /** `thrown` by the listener, or why nothing can be read at the moment. */
  readonly report: (thrown: unknown) => void;
}

const PAGE = 100;
const AGAIN = { firstMs: 50, maxMs: 5_000 };
/** What was rung for and cannot be seen yet (a replica that lags) is asked for so many times. */
const TRIES = 20;

export class Job {
  readonly #options: JobOptions;
  readonly #source: Source;
  readonly #abort = new AbortController();
  readonly #places = new Map<string, Start>();
  /** Companies that may have more, and the seq that was rung for. */
  readonly #asked = new Map<string, number>();
  /** Those that are asked again some time later, and how often they have been. */
  readonly #late = new Map<string, number>();
  readonly #tries = new Map<string, number>();
  readonly #stop: () => void;
  #all = true;
  #placed = false;
  #wake: (() => void) | undefined;
  /** When it listens from the place that was asked for, and when it is over. */
  readonly placed: Promise<void>;
  readonly ended: Promise<void>;

  constructor(options: JobOptions, source: Source, bell: Bell) {
    this.#options = options;
    this.#source = source;
    this.#stop = bell.listen((heads) => this.#rung(heads));
    let isPlaced = (): void => undefined;
    this.placed = new Promise((resolve) => (isPlaced = resolve));
    this.ended = this.#run(isPlaced);
  }

  /** Resolves when the listener is at its end. */
  close(): Promise<void> {
    this.#stop();
    this.#abort.abort();
    this.#wake?.();
    return this.ended;
  }

  #rung(heads: Heads | undefined): void {
    const { companyId } = this.#options;
    if (!heads) this.#all = true;
    else for (const [company, seq] of heads) if (companyId === undefined || company === companyId) this.#ask(company, seq);
    this.#wake?.();
  }

  #ask(company: string, seq: number): void {
    this.#asked.set(company, Math.max(seq, this.#asked.get(company) ?? 0));
  }

  /** Never rejects. */
  async #run(isPlaced: () => void): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        if (this.#all) await this.#look();
        attempt = 0;
        isPlaced();
        await this.#round();
        if (this.#asked.size === 0 && !this.#all) await new Promise<void>((resolve) => (signal.aborted ? resolve() : (this.#wake = resolve)));
        this.#wake = undefined;
      } catch (thrown) {
        this.#all = true;
        if (attempt === 0) this.#options.report(thrown);
        await sleep(waitOf(AGAIN, attempt++, Math.random()), signal);
      }
    }
    isPlaced();
  }

  /** A page of each company that may have more. One that cannot be read keeps no other one back. */
  async #round(): Promise<void> {
    let told = false;
    // Who is asked for meanwhile, and who is not at its end, has its turn behind the others.
    for (const [company, seq] of this.#asked) {
      if (this.#abort.signal.aborted) return;
      this.#asked.delete(company);
      const tries = this.#tries.get(company) ?? 0;
      try {
        const { next, complete } = await this.#hear(company);
        if (complete && next.seq < seq && tries < TRIES) this.#again(company, seq);
        else this.#tries.delete(company);
        if (!complete) this.#ask(company, seq);
      } catch (thrown) {
        this.#again(company, seq);
        if (tries === 0 && !told) this.#options.report(thrown);
        told = true;
      }
    }
  }

  /** Some time later; who is rung for meanwhile is asked at once. */
  #again(company: string, seq: number): void {
    const waits = this.#late.get(company);
    this.#late.set(company, Math.max(seq, waits ?? 0));
    if (waits !== undefined) return;
    const tries = this.#tries.get(company) ?? 0;
    this.#tries.set(company, tries + 1);
    setTimeout(() => {
      this.#ask(company, this.#late.get(company) ?? 0);
      this.#late.delete(company);
      this.#wake?.();
    }, waitOf(AGAIN, tries, Math.random())).unref();
  }

  /** Which companies are ahead of what was heard. */
  async #look(): Promise<void> {
    this.#all = false;
    const { companyId, after } = this.#options;
    const heads = await this.#source.heads(companyId);
    if (!this.#placed) {
      for (const [company, place] of after ?? heads) this.#places.set(company, place);
      if (companyId !== undefined && !this.#places.has(companyId)) this.#places.set(companyId, 'beginning');
      this.#placed = true;
    }
    for (const company of companyId === undefined ? new Set([...heads.keys(), ...this.#places.keys()]) : [companyId]) {
      const head = heads.get(company);
      const place = this.#places.get(company) ?? 'beginning';
      if (typeof place !== 'object' || head?.life !== place.life || head.seq !== place.seq) this.#ask(company, 0);
    }
  }

  /** A page of the company. */
  async #hear(companyId: string): Promise<Page> {
    const page = await this.#source.page(companyId, this.#places.get(companyId) ?? 'beginning', PAGE, this.#options.types);
    if (page.resync !== undefined) await this.#tell(missing(companyId, page.from));
    for (const activity of page.activities) {
      if (this.#abort.signal.aborted) return page;
      await this.#tell(activity);
      this.#places.set(companyId, { life: page.next.life, seq: activity.seq });
    }
    this.#places.set(companyId, page.next);
    return page;
  }

  async #tell(activity: Activity): Promise<void> {
    try {
      await this.#options.listener(activity);
    } catch (thrown) {
      this.#options.report(thrown);
    }
  }
}

/** Everything may have changed. */
function missing(companyId: string, at: Offset): Activity {
  const all = { entityType: '*', entityId: '*', action: 'update', changedKeys: null, userId: null, tx: null, data: null, fetch: true } as const;
  return { activityId: formatOffset(at), seq: at.seq, companyId, createdAt: new Date().toISOString(), ...all };
}
