/** A worker's metrics as Prometheus has them: `pathcast cdc --metrics` and the reference server show the same names. */
import type { CdcMetrics } from './cdc.js';
import { CDC_STATES } from './events.js';
import type { SlotHealth } from './slot-health.js';

export interface Series {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Each combination of labels with its value; empty: it is not known. */
  readonly values: (metrics: CdcMetrics) => [labels: Record<string, string>, value: number][];
}

type Counter = { [K in keyof CdcMetrics]: CdcMetrics[K] extends number ? K : never }[keyof CdcMetrics];

const known = (value: number | null | undefined): ReturnType<Series['values']> => (value === null || value === undefined ? [] : [[{}, value]]);

const gauge = (name: string, help: string, values: Series['values']): Series => ({ name: `pathcast_cdc_${name}`, help, type: 'gauge', values });
const counter = (key: Counter, help: string): Series => ({ name: `pathcast_cdc_${key}_total`, help, type: 'counter', values: (metrics) => [[{}, metrics[key]]] });
const ofSlot = (name: string, key: keyof SlotHealth & ('lagBytes' | 'retainedBytes' | 'safeBytes' | 'secondsUntilLost'), help: string): Series =>
  gauge(`slot_${name}`, help, ({ slot }) => known(slot?.[key]));

/** As PostgreSQL has them. */
const WAL_STATUSES = ['reserved', 'extended', 'unreserved', 'lost'];

export const CDC_SERIES: readonly Series[] = [
  gauge('state', '1 for the state that the worker has', ({ state }) => CDC_STATES.map((one) => [{ state: one }, one === state ? 1 : 0])),
  gauge('lag_seconds', 'Age of the oldest committed change that is not in the log; not there without the slot', ({ lagSeconds }) => known(lagSeconds)),
  gauge('last_delay_seconds', 'Age of the last commit when it was in the log, by both clocks', ({ lastDelayMs }) => known(lastDelayMs === null ? null : lastDelayMs / 1_000)),
  gauge('waiting_transactions', 'Transactions that were read and are not in the log', ({ waiting }) => known(waiting)),
  gauge('owed_companies', 'Companies that Redis refused, and that are to be told that everything may be stale', ({ owed }) => known(owed)),
  ofSlot('lag_bytes', 'lagBytes', 'Bytes of WAL that are not acknowledged'),
  ofSlot('retained_bytes', 'retainedBytes', 'Bytes of WAL that PostgreSQL keeps for the slot'),
  ofSlot('safe_bytes', 'safeBytes', 'Bytes of WAL that may be written until the slot is in danger; not there without a bound'),
  ofSlot('seconds_until_lost', 'secondsUntilLost', 'Until then, at the present rate; not there while nothing is written, or without a bound'),
  gauge('slot_wal_status', '1 for the wal_status that the slot has', ({ slot }) => (slot ? WAL_STATUSES.map((one) => [{ status: one }, one === slot.walStatus ? 1 : 0]) : [])),
  counter('commits', 'Transactions read to their end'),
  counter('changes', 'Changes of mapped tables'),
  counter('actions', 'Actions that they became'),
  counter('skipped', 'Transactions that were in the log already'),
  counter('resyncs', 'Times that every company was told that everything may be stale'),
  counter('poison', 'Changes of which the map could make nothing'),
  counter('connections', 'Streams begun'),
];

/** The text format, version 0.0.4. Names and labels are ours, so nothing in them is escaped. */
export function cdcText(metrics: CdcMetrics): string {
  return CDC_SERIES.map(({ name, help, type, values }) => {
    const lines = values(metrics).map(([labels, value]) => {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${String(value)}\n`;
    });
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
  }).join('');
}
