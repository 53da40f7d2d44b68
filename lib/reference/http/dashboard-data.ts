/** What the dashboard draws: one sample a second, five minutes of them, made while the server runs. */
import type { BrokerMetrics, EngineMetrics } from '../../internal/engine.js';
import type { Cdc, CdcMetrics } from '../../postgres/index.js';
import type { HubHealth } from '../../server/results.js';
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
  /** Of Redis, ms; null in a second without one, and where there is none. */
  scriptP50: number | null;
  scriptP99: number | null;
  doorbellP99: number | null;
  outboxActions: number;
  /** Of PostgreSQL, ms: how old the oldest change is that is not in the log; how old the last commit was, null in a second without one. */
  cdcLagMs: number | null;
  cdcDelayMs: number | null;
}

/** The worker of this node. `reason`: why it is not streaming. */
export type DashboardCdc = CdcMetrics & { reason: string | undefined };

/** One of the nodes that share a Redis. */
export interface DashboardNode {
  id: string;
  hubId: string;
  startedAt: number;
  pid: number;
  host: string;
  engine: string;
  connections: number;
}

export interface DashboardBroker {
  health: HubHealth;
  counts: Omit<BrokerMetrics, 'doorbellLagUs' | 'scriptUs'>;
  /** Which of the nodes answers here. */
  hubId: string;
  nodes: readonly DashboardNode[];
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
  /** Null: the log is this process's memory. */
  broker: DashboardBroker | null;
  /** Null: no PostgreSQL is read. */
  cdc: DashboardCdc | null;
}

/** What is asked of the hub. */
export interface Watched {
  readonly engine: string;
  readonly id: string;
  metrics(): EngineMetrics;
  health(): HubHealth;
  nodes(): Promise<readonly DashboardNode[]>;
}

const SAMPLE_MS = 1_000;
/** ms between two questions to the other nodes; nobody is asked while nobody looks. */
const NODES_MS = 2_000;
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
  readonly #hub: Watched;
  readonly #recent: RecentActions;
  readonly #loop: LoopDelay;
  readonly #startedAt = Date.now();
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;
  #last: EngineMetrics;
  #lastAt = performance.now();
  #nodes: readonly DashboardNode[] = [];
  #nodesAt = -Infinity;
  /** Where a PostgreSQL is read. */
  cdc: Cdc | undefined;
  #written: string | undefined;

  constructor(hub: Watched, recent: RecentActions, loop: LoopDelay) {
    this.#hub = hub;
    this.#recent = recent;
    this.#loop = loop;
    this.#last = hub.metrics();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** Samples after `since` (Unix ms; 0: all that are kept). */
  data(since: number): DashboardData {
    const metrics = this.#hub.metrics();
    const { connections, companies, publishes, deliveries, conflations, compactions, slowSinks, evictions, refusals, resyncs } =
      metrics;
    return {
      engine: this.#hub.engine,
      startedAt: this.#startedAt,
      samples: this.#samples.filter((sample) => sample.at > since),
      totals: { connections, companies, publishes, deliveries, conflations, compactions, slowSinks, evictions, refusals, resyncs },
      actions: this.#recent.list(),
      broker: metrics.broker ? this.#broker(metrics.broker) : null,
      cdc: this.cdc ? { ...this.cdc.metrics(), reason: this.cdc.status().reason } : null,
    };
  }

  #broker({ doorbellLagUs: _lag, scriptUs: _script, ...counts }: BrokerMetrics): DashboardBroker {
    const now = performance.now();
    if (now - this.#nodesAt > NODES_MS) {
      this.#nodesAt = now;
      // What Redis does not tell now it tells at the next look.
      this.#hub.nodes().then((nodes) => (this.#nodes = nodes), () => undefined);
    }
    return { health: this.#hub.health(), counts, hubId: this.#hub.id, nodes: this.#nodes };
  }

  #cdcSample(): Pick<Sample, 'cdcLagMs' | 'cdcDelayMs'> {
    if (!this.cdc) return { cdcLagMs: null, cdcDelayMs: null };
    const { lagSeconds, lastDelayMs } = this.cdc.metrics();
    const { written } = this.cdc.status();
    const isNew = written !== this.#written;
    this.#written = written;
    return { cdcLagMs: lagSeconds === null ? null : lagSeconds * 1_000, cdcDelayMs: isNew && lastDelayMs !== null ? Math.max(0, lastDelayMs) : null };
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const before = this.#last;
    const now = this.#hub.metrics();
    const at = performance.now();
    const seconds = (at - this.#lastAt) / 1000;
    const rate = (key: 'publishes' | 'deliveries' | 'bytes' | 'conflations') => (now[key] - before[key]) / seconds;
    const quantile = (q: number) => quantileBetween(before.publishToWritten, now.publishToWritten, q);
    const brokerQuantile = (key: 'scriptUs' | 'doorbellLagUs', q: number) =>
      before.broker && now.broker ? quantileBetween(before.broker[key], now.broker[key], q) : null;
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
      scriptP50: brokerQuantile('scriptUs', 0.5),
      scriptP99: brokerQuantile('scriptUs', 0.99),
      doorbellP99: brokerQuantile('doorbellLagUs', 0.99),
      outboxActions: now.broker?.outboxActions ?? 0,
      ...this.#cdcSample(),
    });
    if (this.#samples.length > KEPT_SAMPLES) this.#samples.shift();
    this.#last = now;
    this.#lastAt = at;
  }
}
