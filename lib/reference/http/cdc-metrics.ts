/** What `/metrics` says of the worker that reads PostgreSQL. Without one these names are not there. */
import type { Metric } from 'prom-client';
import type { CdcMetrics } from '../../postgres/index.js';
import { CDC_SERIES } from '../../postgres/series.js';
import { shown } from './snapshot-metrics.js';

export function cdcMetrics(read: () => CdcMetrics): Metric[] {
  return CDC_SERIES.map(({ name, help, type, values }) => shown(name, help, type, () => values(read())));
}
