/**
 * How old the oldest change is that is committed and not in the log. Of a transaction that was read its commit says it. Of what was not read nobody knows; but where the WAL was
 * further than all that is in the log when it was looked at, something is at least as old as that look.
 */

interface Look {
  /** Monotonic, ms. */
  readonly at: number;
  /** Up to where the WAL was flushed. */
  readonly lsn: bigint;
}

export interface Behind {
  /** Up to where everything is in the log. */
  readonly acked: bigint;
  /** Of the first transaction that was read, or is being read, and is not in the log; Unix ms by PostgreSQL's clock. Undefined: there is none. */
  readonly oldest: number | undefined;
}

/** Looks that are kept: an hour at one each 10 s. Beyond it every other one is dropped, and so many are taken from then on. */
const MAX_LOOKS = 360;

export class Lag {
  /** Those that were ahead of the log, the oldest first. */
  #looks: Look[] = [];
  /** Between two of them at least, ms. */
  #apartMs = 0;
  /** PostgreSQL's clock against this one, ms. */
  #aheadMs = 0;

  /** `now`: monotonic ms. */
  looked(lsn: bigint, now: number, aheadMs: number): void {
    this.#aheadMs = aheadMs;
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    if (first === undefined) this.#apartMs = 0;
    else if (now - (last?.at ?? now) < this.#apartMs) return;
    this.#looks.push({ at: now, lsn });
    if (first === undefined || this.#looks.length <= MAX_LOOKS) return;
    this.#looks = this.#looks.filter((_look, i) => i % 2 === 0);
    this.#apartMs = (2 * (now - first.at)) / MAX_LOOKS;
  }

  /** All were told that everything may be stale: nothing is behind. */
  reset(): void {
    this.#looks = [];
  }

  /** `now`: monotonic, `clock`: Unix ms. */
  seconds({ acked, oldest }: Behind, now: number, clock: number): number {
    const first = this.#looks.findIndex(({ lsn }) => lsn > acked);
    this.#looks.splice(0, first < 0 ? this.#looks.length : first);
    const read = oldest === undefined ? 0 : clock + this.#aheadMs - oldest;
    const unread = now - (this.#looks[0]?.at ?? now);
    return Math.max(0, read, unread) / 1_000;
  }
}
