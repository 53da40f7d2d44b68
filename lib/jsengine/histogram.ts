import type { EngineMetrics } from '../internal/engine.js';

/** Upper bounds in µs, as the native engine's: 10 µs to 10 s in steps of 1-2-5; what is above goes into the last, unbounded bucket. */
const BOUNDS_US: readonly number[] = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
  2_000_000, 5_000_000, 10_000_000,
];

/** Counts durations by size. `counts` has one bucket more than there are bounds: the rest. */
export class Histogram {
  private readonly counts = new Array<number>(BOUNDS_US.length + 1).fill(0);
  private sumUs = 0;

  observe(us: number): void {
    const found = BOUNDS_US.findIndex((bound) => us <= bound);
    const bucket = found < 0 ? BOUNDS_US.length : found;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumUs += us;
  }

  snapshot(): EngineMetrics['publishToWritten'] {
    return { boundsUs: [...BOUNDS_US], counts: [...this.counts], sumUs: Math.round(this.sumUs) };
  }
}
