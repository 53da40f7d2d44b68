/**
 * Counters and histograms that are kept elsewhere and only shown here. prom-client's own can be
 * added to but not set, so these give its registry the values directly.
 */
import type { Metric, MetricObjectWithValues, MetricValue } from 'prom-client';
import type { EngineMetrics } from '../../internal/engine.js';

type Labels = Record<string, string | number>;

function metric(
  name: string,
  help: string,
  type: 'counter' | 'histogram',
  values: () => { value: number; labels: Labels; metricName?: string }[],
): Metric {
  const read = () =>
    Promise.resolve({ name, help, type, aggregator: 'sum', values: values() } as unknown as MetricObjectWithValues<MetricValue<string>>);
  // `name` and `get` are all that a registry asks of a metric.
  return { name, get: read, reset: () => undefined } as unknown as Metric;
}

/** A counter; `values` gives each combination of labels with its count. */
export function counter(name: string, help: string, values: () => [labels: Labels, value: number][]): Metric {
  return metric(name, help, 'counter', () => values().map(([labels, value]) => ({ labels, value })));
}

/** A histogram from counts that each stand for one bucket, in µs; shown in seconds, cumulative. */
export function histogram(name: string, help: string, read: () => EngineMetrics['publishToWritten']): Metric {
  return metric(name, help, 'histogram', () => {
    const { boundsUs, counts, sumUs } = read();
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      const bound = boundsUs[index];
      return {
        metricName: `${name}_bucket`,
        labels: { le: bound === undefined ? '+Inf' : bound / 1e6 },
        value: total,
      };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: sumUs / 1e6 },
      { metricName: `${name}_count`, labels: {}, value: total },
    ];
  });
}
