/** Work that one turn of the loop does a part of. */
export interface Sliced {
  /** Does about a millisecond of work at most; true when there is more. */
  runSlice(): boolean;
}
export interface Flushable {
  flush(): void;
}

/** A turn of the loop is given back after this, µs; the rest goes into the next turn. */
const TURN_BUDGET_US = 4_000;
/** Of it, at most this much goes to single streams, so that a storm of newcomers does not hold up the fan-out. */
const FLUSH_BUDGET_US = 2_000;

/**
 * Batches writes: what is asked for in one turn of the loop is done together, once, right after the turn's
 * I/O. Takes turns between tenants, slice by slice, so that a big one does not hold up a small one.
 */
export class Scheduler {
  /** Sets as queues: first in, first out, and nobody is in it twice. */
  private readonly flushes = new Set<Flushable>();
  private readonly fanOuts = new Set<Sliced>();
  private afterTurn: (() => void)[] = [];
  private immediate: NodeJS.Immediate | null = null;
  private closed = false;
  private bytes = 0;

  constructor(private readonly monotonicUs: () => number) {}

  flushSoon(stream: Flushable): void {
    this.flushes.add(stream);
    this.wake();
  }

  /** `bytes`: how much more `work` holds until it is done; `done` takes the same back. */
  runSoon(work: Sliced, bytes: number): void {
    this.bytes += bytes;
    this.fanOuts.add(work);
    this.wake();
  }

  done(bytes: number): void {
    this.bytes -= bytes;
  }

  /** What was handed over and is not sent yet. */
  get waitingBytes(): number {
    return this.bytes;
  }

  /** Resolves after the next turn's work. */
  nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.afterTurn.push(resolve);
      this.wake();
    });
  }

  /** Flushes what still wants to be, drops the fan-outs; afterwards nothing is scheduled any more. */
  close(): void {
    this.closed = true;
    if (this.immediate) clearImmediate(this.immediate);
    this.immediate = null;
    for (const stream of this.flushes) stream.flush();
    this.flushes.clear();
    this.fanOuts.clear();
    this.endTurn();
  }

  private wake(): void {
    if (this.closed) this.endTurn();
    else this.immediate ??= setImmediate(() => this.turn());
  }

  private turn(): void {
    this.immediate = null;
    const start = this.monotonicUs();
    for (const stream of this.flushes) {
      this.flushes.delete(stream);
      stream.flush();
      if (this.monotonicUs() - start > FLUSH_BUDGET_US) break;
    }
    for (const work of this.fanOuts) {
      this.fanOuts.delete(work);
      if (work.runSlice()) this.fanOuts.add(work);
      if (this.monotonicUs() - start > TURN_BUDGET_US) break;
    }
    this.endTurn();
    if (this.flushes.size + this.fanOuts.size > 0) this.wake();
  }

  private endTurn(): void {
    const resolvers = this.afterTurn;
    this.afterTurn = [];
    for (const resolve of resolvers) resolve();
  }
}
