/**
 * Where recent reads of each company's log ended. `getMissedActions` and `subscribeToCompany` are two calls of one
 * client. The async context ties them together where it can: a subscriber that runs in the context of a read starts at
 * that read, and the read is claimed. Any other subscriber starts at the oldest read that nobody has claimed and that may
 * therefore be its own, so that no action falls between the two. The price is that an action may come twice.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** ms between the two calls of one client; a client that takes longer over its missed actions may lose some. */
const WINDOW_MS = 60_000;
/** Reads within this time count as one, the first: at most 61 positions a company. */
const GRAIN_MS = 1_000;
/** Companies remembered; beyond it the one that was read the longest ago is forgotten. */
const MAX_COMPANIES = 10_000;

interface Read {
  at: number;
  cursor: string;
  /** Clients that have read here, and not subscribed yet as far as is known. */
  unclaimed: number;
}

/** One call of `getMissedActions`, as those see it who run in its async context. Filled when the log has been read. */
interface Mark {
  readonly companyId: string;
  at: number;
  read: Read | undefined;
  cursor: string;
  claimed: boolean;
}

export class RecentReads {
  readonly #now: () => number;
  /** In the order of the last read. */
  readonly #byCompany = new Map<string, Read[]>();
  readonly #context = new AsyncLocalStorage<Mark | undefined>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Marks the context that this runs in; call it before the first `await` of a read. */
  begin(companyId: string): Mark {
    const mark: Mark = {
      companyId,
      at: 0,
      read: undefined,
      cursor: '',
      claimed: false,
    };
    this.#context.enterWith(mark);
    return mark;
  }

  /** The read has ended at `cursor`. */
  end(mark: Mark, cursor: string): void {
    const at = this.#now();
    const { companyId } = mark;
    const reads = this.#fresh(companyId, at);
    let read = reads.at(-1);
    if (!read || at - read.at >= GRAIN_MS) reads.push((read = { at, cursor, unclaimed: 0 }));
    read.unclaimed += 1;
    Object.assign(mark, { at, read, cursor });
    this.#byCompany.delete(companyId);
    this.#byCompany.set(companyId, reads);
    if (this.#byCompany.size > MAX_COMPANIES) {
      for (const oldest of this.#byCompany.keys()) {
        this.#byCompany.delete(oldest);
        break;
      }
    }
  }

  /**
   * The list, which puts whoever reads it to its end back into the mark's context: a generator that yields the missed
   * actions one by one goes on in the context of the one who pulls them.
   */
  carry<T>(mark: Mark, list: T[]): T[] {
    const context = this.#context;
    Object.defineProperty(list, Symbol.iterator, {
      configurable: true,
      writable: true,
      value: function* (this: T[]) {
        for (let i = 0; i < this.length; i++) yield this[i] as T;
        context.enterWith(mark);
      },
    });
    return list;
  }

  /** Where a new subscriber starts. Undefined: with what comes next. */
  start(companyId: string): string | undefined {
    const now = this.#now();
    const mark = this.#context.getStore();
    if (mark?.read && !mark.claimed && mark.companyId === companyId && now - mark.at <= WINDOW_MS) {
      mark.read.unclaimed -= 1;
      mark.claimed = true;
      return mark.cursor;
    }
    const reads = this.#fresh(companyId, now);
    if (reads.length === 0) this.#byCompany.delete(companyId);
    return reads.find((read) => read.unclaimed > 0)?.cursor;
  }

  #fresh(companyId: string, now: number): Read[] {
    return (this.#byCompany.get(companyId) ?? []).filter((read) => now - read.at <= WINDOW_MS);
  }
}
