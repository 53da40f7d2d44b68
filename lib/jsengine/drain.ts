/** How often streams are closed, ms; each time as many as are due. */
const TICK_MS = 10;

/** Closes what there is evenly over a time, first come first gone (DESIGN: G9). */
export class Drain {
  private timer: NodeJS.Timeout | null = null;
  private readonly waiting: (() => void)[] = [];
  private total = 0;
  private startMs = 0;
  private endMs = 0;

  constructor(
    private readonly nowMs: () => number,
    private readonly count: () => number,
    /** Closes the `n` longest open ones. */
    private readonly closeSome: (n: number) => void,
  ) {}

  get active(): boolean {
    return this.startMs > 0;
  }

  /** Resolves when none is left. A second call can only make it end sooner. */
  run(overMs: number): Promise<void> {
    const now = this.nowMs();
    if (!this.active || now + overMs < this.endMs) {
      this.total = this.count();
      this.startMs = now;
      this.endMs = now + overMs;
    }
    const done = new Promise<void>((resolve) => this.waiting.push(resolve));
    this.timer ??= setInterval(() => this.tick(), TICK_MS).unref();
    this.tick();
    return done;
  }

  /** To be called when one has gone by itself. */
  check(): void {
    if (this.count() > 0) return;
    this.close();
  }

  /** Stops; whoever waits is let go. */
  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private tick(): void {
    const left = this.endMs - this.nowMs();
    const keep = left <= 0 ? 0 : Math.ceil((this.total * left) / (this.endMs - this.startMs));
    const surplus = this.count() - keep;
    if (surplus > 0) this.closeSome(surplus);
    this.check();
  }
}
