/** The native engine's counters, an array of numbers and their names, as `EngineMetrics`. */
import type { BrokerMetrics, EngineMetrics, TimeHistogram } from '../internal/engine.js';
import { BROKER_LINKS } from './broker.js';

const HISTOGRAMS = ['publishToWritten', 'doorbellLagUs', 'scriptUs'] as const;
const GROUPS = ['resyncs', 'refusals', 'closes', 'broker', 'epochs'] as const;

/**
 * `names[i]` is `key`, or `group.key` for the maps, or `histogram:<bound in µs>` (`inf` for the open bucket) and `histogram:sum`.
 * `withBroker`: what they say of one means something.
 */
export function readMetrics(names: readonly string[], values: ArrayLike<number>, withBroker: boolean): EngineMetrics {
  const flat: Record<string, number> = {};
  const groups = Object.fromEntries(GROUPS.map((group) => [group, {}])) as Record<(typeof GROUPS)[number], Record<string, number>>;
  const histograms = Object.fromEntries(
    HISTOGRAMS.map((name) => [name, { boundsUs: [], counts: [], sumUs: 0 }]),
  ) as unknown as Record<(typeof HISTOGRAMS)[number], TimeHistogram>;
  names.forEach((name, i) => {
    const value = values[i] ?? 0;
    const [first = '', key] = name.split(/[.:]/, 2);
    const histogram = histograms[first as (typeof HISTOGRAMS)[number]] as TimeHistogram | undefined;
    if (key === undefined) {
      flat[first] = value;
    } else if (histogram === undefined) {
      groups[first as (typeof GROUPS)[number]][key] = value;
    } else if (key === 'sum') {
      histogram.sumUs = value;
    } else {
      if (key !== 'inf') histogram.boundsUs.push(Number(key));
      histogram.counts.push(value);
    }
  });
  const { broker, epochs, ...maps } = groups;
  const { publishToWritten, ...ofBroker } = histograms;
  return {
    ...(flat as unknown as Omit<EngineMetrics, 'resyncs' | 'refusals' | 'closes' | 'publishToWritten' | 'broker'>),
    ...maps,
    publishToWritten,
    ...(withBroker && {
      broker: { ...broker, ...ofBroker, epochs, link: BROKER_LINKS[broker['link'] ?? 0] } as unknown as BrokerMetrics,
    }),
  };
}
