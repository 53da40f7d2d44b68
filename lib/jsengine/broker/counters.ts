import type { BrokerMetrics } from '../../internal/engine.js';
import { Histogram } from '../histogram.js';

type Gauges = Pick<BrokerMetrics, 'link' | 'subscriptions' | 'companies' | 'outboxActions' | 'outboxBytes'>;

/** What the log in a broker counts (`BrokerMetrics`). Its parts write to it. */
export class BrokerCounters {
  reads = 0;
  readActions = 0;
  gapsFound = 0;
  gapsHealed = 0;
  doorbells = 0;
  readonly doorbellLagUs = new Histogram();
  readonly scriptUs = new Histogram();
  readonly epochs = { new: 0, lost: 0, rewound: 0, unvouched: 0, vouched: 0 };
  foreign = 0;
  queued = 0;
  conflated = 0;
  outboxFull = 0;
  told = 0;
  probes = 0;
  probesLost = 0;
  resubscribes = 0;
  reconnects = 0;
  unsent = 0;
  lost = 0;

  snapshot(gauges: Gauges): BrokerMetrics {
    const { doorbellLagUs, scriptUs, epochs, ...numbers } = this;
    return { ...numbers, ...gauges, epochs: { ...epochs }, doorbellLagUs: doorbellLagUs.snapshot(), scriptUs: scriptUs.snapshot() };
  }
}
