/**
 * What may be acknowledged to PostgreSQL, and when it is told: the promise of the worker, as a pure machine. Events in, one LSN out.
 *
 * What is acknowledged is forgotten by the server: a wrong LSN loses changes without a word. So:
 *
 * Invariants:
 * 1. The LSN never goes back.
 * 2. It reaches the end of a commit only when that commit and all that were read before it are in the log, for each of their tenants.
 * 3. It reaches the LSN of a keepalive only if no transaction was open when that came, and all that was read before it is in the log.
 * 4. Only ends of commits are compared with what is written: what else has an LSN may stand in the middle of another transaction.
 * 5. What is told to the server was granted before: whoever takes over knows that it may be forgotten there.
 * 6. A status is due in each `statusEveryMs`, whatever waits, and at once when the server asks.
 */

export interface AckerOptions {
  /** Up to where all is acknowledged. */
  readonly acked: bigint;
  /** The end of the last commit that is in the log for all tenants, of this epoch; 0: none is known. */
  readonly written: bigint;
  /** A third of `wal_sender_timeout`, ms. */
  readonly statusEveryMs: number;
  /** So long nothing was heard: the connection is dead, ms. Half of it: the server is asked. */
  readonly silenceMs: number;
  /** Monotonic, ms. */
  readonly now: number;
}

export interface Status {
  readonly lsn: bigint;
  /** Asks the server for an answer, for it was silent. */
  readonly replyNow: boolean;
}

/** An acknowledgement that has moved waits so long for others, ms. */
const GATHER_MS = 200;

interface Place {
  readonly lsn: bigint;
  readonly isCommit: boolean;
  /** A keepalive's is from the beginning. */
  written: boolean;
}

export class Acker {
  #acked: bigint;
  #granted: bigint;
  #written: bigint;
  /** As the server knows it. */
  #told: bigint;
  #open = false;
  /** In the order in which they were read, the first one unwritten: ends of commits, and one keepalive at most behind each. The worker's back-pressure bounds them. */
  readonly #places: Place[] = [];
  #mustReply = false;
  #toldAt: number;
  #heardAt: number;
  #askedAt = -Infinity;
  readonly #statusEveryMs: number;
  readonly #silenceMs: number;

  constructor({ acked, written, statusEveryMs, silenceMs, now }: AckerOptions) {
    this.#acked = acked;
    this.#granted = acked;
    this.#told = acked;
    this.#written = written;
    this.#statusEveryMs = statusEveryMs;
    this.#silenceMs = silenceMs;
    this.#toldAt = now;
    this.#heardAt = now;
  }

  /** What may be acknowledged. */
  get acked(): bigint {
    return this.#acked;
  }

  /** What may be told to the server. */
  get granted(): bigint {
    return this.#granted;
  }

  /** It stands where a successor finds it that the server may be told of all up to `lsn`, an `acked` of before. */
  grant(lsn: bigint): void {
    if (lsn > this.#granted) this.#granted = lsn;
  }

  /** The end of the newest commit before which, and with which, all are in the log. */
  get written(): bigint {
    return this.#written;
  }

  /** A transaction begins. True: it is in the log already, and nothing of it is to be written again. */
  begin(commitLsn: bigint): boolean {
    this.#open = true;
    // Where its commit begins; what is written ends where a commit ends. So below means: that one, or one before it.
    return commitLsn < this.#written;
  }

  /** The transaction that is open has been read to its end. `written`: there is nothing of it to write. */
  commit(endLsn: bigint, written: boolean): void {
    this.#open = false;
    this.#places.push({ lsn: endLsn, isCommit: true, written });
    this.#advance();
  }

  /** The commit that ends there is in the log, for all tenants. */
  wrote(endLsn: bigint): void {
    const place = this.#places.find(({ lsn, isCommit }) => isCommit && lsn === endLsn);
    if (!place) return;
    place.written = true;
    this.#advance();
  }

  keepalive(walEnd: bigint, replyNow: boolean): void {
    if (replyNow) this.#mustReply = true;
    if (this.#open) return;
    const last = this.#places.at(-1);
    // One that is behind what was read says nothing new.
    if (last ? walEnd <= last.lsn : walEnd <= this.#acked) return;
    if (last?.isCommit === false) this.#places.pop();
    this.#places.push({ lsn: walEnd, isCommit: false, written: true });
    this.#advance();
  }

  /** Something came, whatever it was. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** The status that is due, if one is; it counts as sent. */
  status(now: number): Status | undefined {
    const moved = this.#granted > this.#told && now - this.#toldAt >= GATHER_MS;
    const silent = now - this.#heardAt >= this.#silenceMs / 2 && now - this.#askedAt >= this.#statusEveryMs;
    if (!this.#mustReply && !moved && !silent && now - this.#toldAt < this.#statusEveryMs) return undefined;
    this.#mustReply = false;
    this.#toldAt = now;
    this.#told = this.#granted;
    if (silent) this.#askedAt = now;
    return { lsn: this.#granted, replyNow: silent };
  }

  /** Nothing was heard for so long that the connection is dead. `reading`: false while nothing is read on purpose. */
  isDead(now: number, reading: boolean): boolean {
    if (!reading) this.#heardAt = now;
    return now - this.#heardAt >= this.#silenceMs;
  }

  #advance(): void {
    let done = 0;
    for (const { lsn, isCommit, written } of this.#places) {
      if (!written) break;
      if (lsn > this.#acked) this.#acked = lsn;
      if (isCommit && lsn > this.#written) this.#written = lsn;
      done++;
    }
    if (done > 0) this.#places.splice(0, done);
  }
}
