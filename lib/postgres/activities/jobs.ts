/** Listeners inside of the process: webhooks, a search index. Each hears one activity at a time, in the order of its company, and holds nobody else up. */
import { waitOf, sleep } from '../../internal/backoff.js';
import type { Activity } from './activity.js';
import type { Bell } from './bell.js';
import type { Heads } from './ring.js';
import type { Offset, Start } from './offset.js';
import { formatOffset } from './offset.js';
import type { Source } from './source.js';

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
    else for (const [company, seq] of heads) if (companyId === undefined || company === companyId) this.#asked.set(company, Math.max(seq, this.#asked.get(company) ?? 0));
    this.#wake?.();
  }

  /** Never rejects. */
  async #run(isPlaced: () => void): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        if (this.#all) await this.#look();
        isPlaced();
        const late: [string, number][] = [];
        for (const [company, seq] of this.#asked) {
          this.#asked.delete(company);
          if ((await this.#hear(company)) < seq && attempt < TRIES) late.push([company, seq]);
        }
        for (const [company, seq] of late) this.#asked.set(company, Math.max(seq, this.#asked.get(company) ?? 0));
        if (late.length === 0) {
          attempt = 0;
          if (this.#asked.size === 0 && !this.#all) await new Promise<void>((resolve) => (signal.aborted ? resolve() : (this.#wake = resolve)));
          this.#wake = undefined;
          continue;
        }
      } catch (thrown) {
        this.#all = true;
        if (attempt === 0) this.#options.report(thrown);
      }
      await sleep(waitOf(AGAIN, attempt++, Math.random()), signal);
    }
    isPlaced();
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
      if (typeof place !== 'object' || head?.life !== place.life || head.seq !== place.seq) this.#asked.set(company, this.#asked.get(company) ?? 0);
    }
  }

  /** All that there is of the company; up to where. */
  async #hear(companyId: string): Promise<number> {
    const { types } = this.#options;
    for (;;) {
      const page = await this.#source.page(companyId, this.#places.get(companyId) ?? 'beginning', PAGE, types);
      if (page.resync !== undefined) await this.#tell(missing(companyId, page.from));
      for (const activity of page.activities) {
        if (this.#abort.signal.aborted) return Infinity;
        await this.#tell(activity);
        this.#places.set(companyId, { life: page.next.life, seq: activity.seq });
      }
      this.#places.set(companyId, page.next);
      if (page.complete || this.#abort.signal.aborted) return page.next.seq;
    }
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
