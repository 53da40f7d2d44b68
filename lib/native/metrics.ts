/** The native engine's counters, an array of numbers and their names, as `EngineMetrics`. */
import type { EngineMetrics } from '../internal/engine.js';

/** `names[i]` is `key`, or `group.key` for the maps, or `latency.<bound in µs>` (`inf` for the open bucket). */
export function readMetrics(names: readonly string[], values: ArrayLike<number>): EngineMetrics {
  const flat: Record<string, number> = {};
  const groups: Record<'resyncs' | 'refusals' | 'closes', Record<string, number>> = {
    resyncs: {},
    refusals: {},
    closes: {},
  };
  const boundsUs: number[] = [];
  const counts: number[] = [];
  names.forEach((name, i) => {
    const value = values[i] ?? 0;
    const dot = name.indexOf('.');
    if (dot < 0) {
      flat[name] = value;
      return;
    }
    const group = name.slice(0, dot);
    const key = name.slice(dot + 1);
    if (group === 'latency') {
      if (key !== 'inf') boundsUs.push(Number(key));
      counts.push(value);
    } else if (group === 'resyncs' || group === 'refusals' || group === 'closes') {
      groups[group][key] = value;
    }
  });
  const { latencySumUs = 0, ...gauges } = flat;
  return {
    ...(gauges as Omit<EngineMetrics, 'resyncs' | 'refusals' | 'closes' | 'publishToWritten' | 'broker'>),
    ...groups,
    publishToWritten: { boundsUs, counts, sumUs: latencySumUs },
  };
}
