/**
 * Counters and histograms that are kept elsewhere and only shown here. prom-client's own can be
 * added to but not set, so these give its registry the values directly.
 */
import type { Metric, MetricObjectWithValues, MetricValue } from 'prom-client';
import type { EngineMetrics } from '../../internal/engine.js';
import type { AppliedTimes } from '../../server/cache-totals.js';

type Labels = Record<string, string | number>;

function metric(
  name: string,
  help: string,
  type: 'counter' | 'gauge' | 'histogram',
  values: () => { value: number; labels: Labels; metricName?: string }[],
): Metric {
  const read = () =>
    Promise.resolve({ name, help, type, aggregator: 'sum', values: values() } as unknown as MetricObjectWithValues<MetricValue<string>>);
  // `name` and `get` are all that a registry asks of a metric.
  return { name, get: read, reset: () => undefined } as unknown as Metric;
}

/** `values` gives each combination of labels with its value. */
export function shown(name: string, help: string, type: 'counter' | 'gauge', values: () => [labels: Labels, value: number][]): Metric {
  return metric(name, help, type, () => values().map(([labels, value]) => ({ labels, value })));
}

/** A counter; `values` gives each combination of labels with its count. */
export const counter = (name: string, help: string, values: () => [labels: Labels, value: number][]): Metric => shown(name, help, 'counter', values);

/** Counts that each stand for one bucket, by their upper bounds; the last one has none. */
interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  /** What of `bounds` and `sum` is a second. */
  readonly perSecond: number;
}

/** As Prometheus has it: in seconds, each bucket with all below it. */
function bucketsOf(name: string, labels: Labels, { bounds, counts, sum, perSecond }: Buckets) {
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    const bound = bounds[index];
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound === undefined ? '+Inf' : bound / perSecond }, value: total };
  });
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum / perSecond }, { metricName: `${name}_count`, labels, value: total }];
}

/** A histogram from counts that each stand for one bucket, in µs. */
export function histogram(name: string, help: string, read: () => EngineMetrics['publishToWritten']): Metric {
  return metric(name, help, 'histogram', () => {
    const { boundsUs, counts, sumUs } = read();
    return bucketsOf(name, {}, { bounds: boundsUs, counts, sum: sumUs, perSecond: 1e6 });
  });
}

/** The same in ms, one for each combination of labels. */
export function histograms(name: string, help: string, read: () => [labels: Labels, times: AppliedTimes][]): Metric {
  return metric(name, help, 'histogram', () =>
    read().flatMap(([labels, { boundsMs, counts, sumMs }]) => bucketsOf(name, labels, { bounds: boundsMs, counts, sum: sumMs, perSecond: 1e3 })),
  );
}
