/** What the dashboard draws: one sample a second, five minutes of them, made while the server runs. */
import type { EngineMetrics } from '../../internal/engine.js';
import type { RecentAction, RecentActions } from '../recent-actions.js';
import type { LoopDelay } from './loop-delay.js';

/** One second of the hub's life. Rates are per second; latencies and delays are ms. */
export interface Sample {
  /** Unix ms; also what a reader names to get only newer ones. */
  at: number;
  connections: number;
  publishes: number;
  deliveries: number;
  kilobytes: number;
  /** Publish → written; null in a second without a publish. */
  p50: number | null;
  p90: number | null;
  p99: number | null;
  conflations: number;
  slowSinks: number;
  backlogBytes: number;
  loopDelayMs: number;
  rssMegabytes: number;
}

export interface DashboardData {
  engine: string;
  startedAt: number;
  samples: Sample[];
  totals: Pick<
    EngineMetrics,
    'connections' | 'companies' | 'publishes' | 'deliveries' | 'conflations' | 'compactions' | 'slowSinks' | 'evictions' | 'refusals' | 'resyncs'
  >;
  actions: readonly RecentAction[];
}

const SAMPLE_MS = 1_000;
/** Samples kept: five minutes; the oldest go first. */
const KEPT_SAMPLES = 300;

type Histogram = EngineMetrics['publishToWritten'];

/** A quantile in ms of what was added between two readings; interpolated inside its bucket. */
export function quantileBetween(before: Histogram, after: Histogram, q: number): number | null {
  const counts = after.counts.map((count, index) => count - (before.counts[index] ?? 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && seen + count >= q * total) {
      const low = after.boundsUs[index - 1] ?? 0;
      // Above the last bound nothing is known but the bound.
      const high = after.boundsUs[index] ?? low;
      return (low + ((q * total - seen) / count) * (high - low)) / 1000;
    }
    seen += count;
  }
  return null;
}

export class DashboardFeed {
  readonly #read: () => EngineMetrics;
  readonly #recent: RecentActions;
  readonly #loop: LoopDelay;
  readonly #engine: string;
  readonly #startedAt = Date.now();
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;
  #last: EngineMetrics;
  #lastAt = performance.now();

  constructor(engine: string, read: () => EngineMetrics, recent: RecentActions, loop: LoopDelay) {
    this.#engine = engine;
    this.#read = read;
    this.#recent = recent;
    this.#loop = loop;
    this.#last = read();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** Samples after `since` (Unix ms; 0: all that are kept). */
  data(since: number): DashboardData {
    const { connections, companies, publishes, deliveries, conflations, compactions, slowSinks, evictions, refusals, resyncs } =
      this.#read();
    return {
      engine: this.#engine,
      startedAt: this.#startedAt,
      samples: this.#samples.filter((sample) => sample.at > since),
      totals: { connections, companies, publishes, deliveries, conflations, compactions, slowSinks, evictions, refusals, resyncs },
      actions: this.#recent.list(),
    };
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const before = this.#last;
    const now = this.#read();
    const at = performance.now();
    const seconds = (at - this.#lastAt) / 1000;
    const rate = (key: 'publishes' | 'deliveries' | 'bytes' | 'conflations') => (now[key] - before[key]) / seconds;
    const quantile = (q: number) => quantileBetween(before.publishToWritten, now.publishToWritten, q);
    this.#samples.push({
      at: Date.now(),
      connections: now.connections,
      publishes: rate('publishes'),
      deliveries: rate('deliveries'),
      kilobytes: rate('bytes') / 1024,
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      conflations: rate('conflations'),
      slowSinks: now.slowSinks,
      backlogBytes: now.backlogBytes,
      loopDelayMs: this.#loop.lastSecond().maxMs,
      rssMegabytes: process.memoryUsage.rss() / 1048576,
    });
    if (this.#samples.length > KEPT_SAMPLES) this.#samples.shift();
    this.#last = now;
    this.#lastAt = at;
  }
}
