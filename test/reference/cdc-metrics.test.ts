/** What `/metrics` says of a worker is what `pathcast cdc --metrics` says, name by name. */
import { Registry } from 'prom-client';
import type { CdcMetrics } from '../../lib/postgres/index.js';
import { cdcText } from '../../lib/postgres/series.js';
import { cdcMetrics } from '../../lib/reference/http/cdc-metrics.js';

const COUNTS = { commits: 1, changes: 2, actions: 3, skipped: 4, resyncs: 5, poison: 6, connections: 7, waiting: 8, owed: 9 };
const WELL: CdcMetrics = {
  state: 'streaming', ...COUNTS, lagSeconds: 1.5, lastDelayMs: 250,
  slot: { lagBytes: 10, retainedBytes: 11, walStatus: 'extended', safeBytes: 12, secondsUntilLost: 13 },
};

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

test.each<[string, CdcMetrics]>([
  ['all of it', WELL],
  ['without the slot', { ...WELL, state: 'standby', lagSeconds: null, lastDelayMs: null, slot: null }],
  ['without a bound', { ...WELL, slot: { lagBytes: 0, retainedBytes: 0, walStatus: 'reserved', safeBytes: null, secondsUntilLost: null } }],
])('%s: the same as prom-client writes it', async (_name, metrics) => {
  const registry = new Registry();
  for (const metric of cdcMetrics(() => metrics)) registry.registerMetric(metric);
  expect(lines(cdcText(metrics))).toEqual(lines(await registry.metrics()));
});

test('each number of the metrics is shown once, in seconds where it is a time; what is not known is not there', () => {
  const shown = lines(cdcText(WELL)).filter((line) => !line.startsWith('#'));
  const value = (name: string): string[] => shown.filter((line) => line.startsWith(`pathcast_cdc_${name} `)).map((line) => line.split(' ')[1] ?? '');
  for (const [key, count] of Object.entries(COUNTS)) {
    const name = { waiting: 'waiting_transactions', owed: 'owed_companies' }[key] ?? `${key}_total`;
    expect([key, value(name)]).toEqual([key, [String(count)]]);
  }
  expect(['lag_seconds', 'last_delay_seconds', 'slot_lag_bytes', 'slot_retained_bytes', 'slot_safe_bytes', 'slot_seconds_until_lost'].map(value)).toEqual([['1.5'], ['0.25'], ['10'], ['11'], ['12'], ['13']]);
  expect(shown.filter((line) => line.endsWith('} 1'))).toEqual(['pathcast_cdc_state{state="streaming"} 1', 'pathcast_cdc_slot_wal_status{status="extended"} 1']);
  expect(cdcText({ ...WELL, state: 'standby', lagSeconds: null, slot: null })).not.toMatch(/^pathcast_cdc_(lag|slot)/m);
});
