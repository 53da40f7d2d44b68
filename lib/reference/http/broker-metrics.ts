/** What `/metrics` says of Redis. Without one these names are not there. */
import { Gauge, type Metric } from 'prom-client';
import type { BrokerMetrics } from '../../internal/engine.js';
import { counter, histogram } from './snapshot-metrics.js';

type Scalar = { [K in keyof BrokerMetrics]: BrokerMetrics[K] extends number ? K : never }[keyof BrokerMetrics];

const LINK_STATES = ['connecting', 'ready', 'lost', 'closed'] as const satisfies readonly BrokerMetrics['link'][];

const GAUGES: [name: string, key: Scalar, help: string][] = [
  ['subscriptions', 'subscriptions', 'Channels of companies that this node listens to'],
  ['companies', 'companies', 'Companies whose log is mirrored here'],
  ['outbox_actions', 'outboxActions', 'Actions that wait for Redis'],
  ['outbox_bytes', 'outboxBytes', 'Bytes of actions that wait for Redis'],
];

const COUNTERS: [name: string, key: Scalar, help: string][] = [
  ['reads_total', 'reads', 'Readings of a log'],
  ['read_actions_total', 'readActions', 'Actions that came by a reading'],
  ['doorbells_total', 'doorbells', 'Actions that came by a doorbell'],
  ['gaps_found_total', 'gapsFound', 'Gaps found between two doorbells, or after a reconnect'],
  ['gaps_healed_total', 'gapsHealed', 'Gaps that a reading closed'],
  ['foreign_total', 'foreign', 'Messages and entries that somebody else wrote'],
  ['queued_total', 'queued', 'Publishes answered before they had a place in the log'],
  ['conflated_total', 'conflated', 'Waiting actions that became part of one'],
  ['outbox_full_total', 'outboxFull', 'Publishes refused because the outbox was full'],
  ['told_total', 'told', 'Streams told of an action before it had its place'],
  ['probes_total', 'probes', 'Messages of this node to itself'],
  ['probes_lost_total', 'probesLost', 'Such that did not come back'],
  ['resubscribes_total', 'resubscribes', 'Subscribing connections given up because they were silent'],
  ['reconnects_total', 'reconnects', 'Times that the link was ready again'],
  ['commands_unsent_total', 'unsent', 'Commands that were never sent'],
  ['commands_lost_total', 'lost', 'Commands without an answer'],
];

/** `read`: as of this scrape. */
export function brokerMetrics(read: () => BrokerMetrics): Metric[] {
  return [
    new Gauge({
      name: 'pathcast_redis_link',
      help: '1 for the state that the link to Redis has',
      labelNames: ['state'],
      registers: [],
      collect() {
        const { link } = read();
        for (const state of LINK_STATES) this.set({ state }, state === link ? 1 : 0);
      },
    }),
    ...GAUGES.map(([name, key, help]) => new Gauge({ name: `pathcast_redis_${name}`, help, registers: [], collect() { this.set(read()[key]); } })),
    ...COUNTERS.map(([name, key, help]) => counter(`pathcast_redis_${name}`, help, () => [[{}, read()[key]]])),
    counter('pathcast_redis_epochs_total', 'Epochs that began in answer to this node', () =>
      Object.entries(read().epochs).map(([why, count]) => [{ why }, count]),
    ),
    histogram('pathcast_redis_script_seconds', 'From the hand-over of a script to its answer', () => read().scriptUs),
    histogram('pathcast_redis_doorbell_lag_seconds', 'From the place of an action in Redis to its doorbell here; the difference of the clocks is in it', () => read().doorbellLagUs),
  ];
}
