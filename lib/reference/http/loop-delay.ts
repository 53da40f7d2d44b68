/** Delay of the JavaScript event loop, in windows of a second; the last minute of them is kept. */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

export interface Delay {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const WINDOW_MS = 1_000;
const KEPT_WINDOWS = 60;
/** ms between two looks at the loop. What it measures contains this period; it is taken off again. */
const RESOLUTION_MS = 10;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #windows: Delay[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS).unref();
  }

  /** The last full second. */
  lastSecond(): Delay {
    return this.#windows.at(-1) ?? { p50Ms: 0, p99Ms: 0, maxMs: 0 };
  }

  /** Over the last minute: the median of the medians, the worst of the rest. */
  lastMinute(): Delay {
    const medians = this.#windows.map((window) => window.p50Ms).sort((a, b) => a - b);
    return {
      p50Ms: medians[Math.floor(medians.length / 2)] ?? 0,
      p99Ms: Math.max(0, ...this.#windows.map((window) => window.p99Ms)),
      maxMs: Math.max(0, ...this.#windows.map((window) => window.maxMs)),
    };
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #turn(): void {
    const beyondPeriod = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    this.#windows.push({
      p50Ms: beyondPeriod(this.#histogram.percentile(50)),
      p99Ms: beyondPeriod(this.#histogram.percentile(99)),
      maxMs: beyondPeriod(this.#histogram.max),
    });
    if (this.#windows.length > KEPT_WINDOWS) this.#windows.shift();
    this.#histogram.reset();
  }
}
