/**
 * Where recent reads of each company's log ended. `getMissedActions` and `subscribeToCompany` are two calls of one
 * client with nothing to tie them together; a subscriber starts at the oldest read that may be its own, so that no
 * action falls between the two. The price is that an action may come twice.
 */

/** ms between the two calls of one client; a client that takes longer over its missed actions may lose some. */
const WINDOW_MS = 60_000;
/** Reads within this time count as one, the first: at most 61 positions a company. */
const GRAIN_MS = 1_000;
/** Companies remembered; beyond it the one that was read the longest ago is forgotten. */
const MAX_COMPANIES = 10_000;

interface Read {
  at: number;
  cursor: string;
}

export class RecentReads {
  readonly #now: () => number;
  /** In the order of the last read. */
  readonly #byCompany = new Map<string, Read[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  add(companyId: string, cursor: string): void {
    const at = this.#now();
    const reads = this.#fresh(companyId, at);
    const last = reads.at(-1);
    if (!last || at - last.at >= GRAIN_MS) reads.push({ at, cursor });
    this.#byCompany.delete(companyId);
    this.#byCompany.set(companyId, reads);
    if (this.#byCompany.size > MAX_COMPANIES) {
      for (const oldest of this.#byCompany.keys()) {
        this.#byCompany.delete(oldest);
        break;
      }
    }
  }

  /** Undefined: nobody has read this company's log of late. */
  oldest(companyId: string): string | undefined {
    const reads = this.#fresh(companyId, this.#now());
    if (reads.length === 0) this.#byCompany.delete(companyId);
    return reads[0]?.cursor;
  }

  #fresh(companyId: string, now: number): Read[] {
    return (this.#byCompany.get(companyId) ?? []).filter((read) => now - read.at <= WINDOW_MS);
  }
}
