import type { EngineMetrics, EngineNotice } from '../internal/engine.js';
import { CLOSE_REASONS, REASONS } from '../protocol/events.js';
import { Histogram } from './histogram.js';

type Gauges = Pick<EngineMetrics, 'connections' | 'sinkConnections' | 'leases' | 'companies' | 'slowSinks'>;
type ClosedWhy = Extract<EngineNotice, { type: 'closed' }>['reason'];
type RefusedWhy = Extract<EngineNotice, { type: 'refused' }>['code'];

/** What the engine counts (`EngineMetrics`). The parts of the engine write to it, `metrics()` reads it. */
export class Counters {
  logActions = 0;
  logBytes = 0;
  backlogBytes = 0;
  opened = 0;
  publishes = 0;
  duplicates = 0;
  ephemerals = 0;
  ephemeralsDropped = 0;
  deliveries = 0;
  bytes = 0;
  writes = 0;
  heartbeats = 0;
  heartbeatsSkipped = 0;
  conflations = 0;
  compactions = 0;
  evictions = 0;
  replacements = 0;
  readonly resyncs = zeros(REASONS);
  readonly refusals = zeros<RefusedWhy>(['USER_LIMIT', 'COMPANY_LIMIT', 'DRAINING']);
  readonly closes = zeros<ClosedWhy>([...CLOSE_REASONS, 'gone', 'hub_closed']);
  readonly publishToWritten = new Histogram();

  snapshot(gauges: Gauges): EngineMetrics {
    const { resyncs, refusals, closes, publishToWritten, ...numbers } = this;
    return {
      ...numbers,
      ...gauges,
      resyncs: { ...resyncs },
      refusals: { ...refusals },
      closes: { ...closes },
      publishToWritten: publishToWritten.snapshot(),
    };
  }
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}
