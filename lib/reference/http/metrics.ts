/** `/metrics` for Prometheus: the hub's counters and gauges, read at each scrape, and the process's own. */
import type { FastifyInstance } from 'fastify';
import { Gauge, Registry } from 'prom-client';
import type { Cdc } from '../../postgres/index.js';
import type { HubMetrics } from '../../server/results.js';
import type { ClientReports } from '../../server/client-reports.js';
import type { LoopDelay } from './loop-delay.js';
import { brokerMetrics } from './broker-metrics.js';
import { cdcMetrics } from './cdc-metrics.js';
import { clientReportMetrics } from './client-reports.js';
import { seatMetrics } from './seat-metrics.js';
import { counter, histogram } from './snapshot-metrics.js';

type Scalar = { [K in keyof HubMetrics]-?: HubMetrics[K] extends number ? K : never }[keyof HubMetrics];
type ByLabel = { [K in keyof HubMetrics]-?: HubMetrics[K] extends Record<string, number> ? K : never }[keyof HubMetrics];

const GAUGES: [name: string, key: Scalar, help: string][] = [
  ['connections', 'connections', 'Open streams'],
  ['sink_connections', 'sinkConnections', 'Open streams whose bytes go through JavaScript'],
  ['leases', 'leases', 'Rights to a connection that are held'],
  ['companies', 'companies', 'Companies whose log is remembered'],
  ['log_actions', 'logActions', 'Actions kept in all logs'],
  ['log_bytes', 'logBytes', 'Bytes of action JSON kept in all logs'],
  ['slow_sinks', 'slowSinks', 'Streams that have a backlog right now'],
  ['backlog_bytes', 'backlogBytes', 'Bytes waiting for slow streams'],
  ['never_cached_paths', 'neverCached', 'Query paths that are published and that no client ever had cached'],
];

const COUNTERS: [name: string, key: Scalar, help: string][] = [
  ['streams_opened_total', 'opened', 'Streams opened'],
  ['sockets_taken_total', 'socketsTaken', 'Streams whose socket was taken from Node'],
  ['warnings_total', 'warnings', 'Warnings of the hub'],
  ['phantom_paths_total', 'phantomPaths', 'Query paths published that no query has'],
  ['publishes_total', 'publishes', 'Actions published'],
  ['duplicates_total', 'duplicates', 'Publishes whose id was already in the log'],
  ['ephemerals_total', 'ephemerals', 'Ephemeral events published'],
  ['ephemerals_dropped_total', 'ephemeralsDropped', 'Ephemeral events lost to slow streams'],
  ['deliveries_total', 'deliveries', 'Actions written to a stream'],
  ['bytes_total', 'bytes', 'Bytes written to streams'],
  ['writes_total', 'writes', 'Write calls made'],
  ['heartbeats_total', 'heartbeats', 'Heartbeats written'],
  ['heartbeats_skipped_total', 'heartbeatsSkipped', 'Heartbeats kept from slow streams'],
  ['conflations_total', 'conflations', 'Backlogs replaced by one invalidate'],
  ['compactions_total', 'compactions', 'Catch-ups replaced by one invalidate'],
  ['evictions_total', 'evictions', 'Streams closed to make room'],
  ['replacements_total', 'replacements', 'Streams replaced by their own browser instance'],
];

const LABELLED: [name: string, key: ByLabel, label: string, help: string][] = [
  ['resyncs_total', 'resyncs', 'reason', 'Resyncs sent'],
  ['refusals_total', 'refusals', 'code', 'Streams refused'],
  ['closes_total', 'closes', 'reason', 'Streams ended'],
  ['transactions_total', 'transactions', 'outcome', 'Mutations behind sync.transaction()'],
  ['failures_total', 'failures', 'code', 'Calls of the hub that failed: broadcasts that went to nobody among them'],
];

/** `cdc`: where a PostgreSQL is read. */
export function installMetrics(app: FastifyInstance, hubMetrics: () => HubMetrics, loop: LoopDelay, reports: ClientReports, cdc?: Cdc): void {
  const registry = new Registry();
  // One reading of the hub for all metrics of a scrape.
  let now = hubMetrics();

  for (const [name, key, help] of GAUGES) {
    registry.registerMetric(
      new Gauge({ name: `pathcast_${name}`, help, registers: [], collect() { this.set(now[key]); } }),
    );
  }
  for (const [name, key, help] of COUNTERS) registry.registerMetric(counter(`pathcast_${name}`, help, () => [[{}, now[key]]]));
  for (const [name, key, label, help] of LABELLED) {
    registry.registerMetric(
      counter(`pathcast_${name}`, help, () => Object.entries(now[key]).map(([value, count]) => [{ [label]: value }, count])),
    );
  }
  for (const metric of clientReportMetrics(reports)) registry.registerMetric(metric);
  if (cdc) for (const metric of cdcMetrics(() => cdc.metrics())) registry.registerMetric(metric);
  if (now.broker) {
    let last = now.broker;
    for (const metric of brokerMetrics(() => (last = now.broker ?? last))) registry.registerMetric(metric);
  }
  if (now.seats) {
    let last = now.seats;
    for (const metric of seatMetrics(() => (last = now.seats ?? last))) registry.registerMetric(metric);
  }
  registry.registerMetric(
    histogram(
      'pathcast_publish_to_written_seconds',
      'From the hand-over of an action to its last ready stream',
      () => now.publishToWritten,
    ),
  );
  registry.registerMetric(
    new Gauge({
      name: 'pathcast_js_loop_delay_seconds',
      help: 'Delay of the JavaScript event loop over the last minute',
      labelNames: ['quantile'],
      registers: [],
      collect() {
        const delay = loop.lastMinute();
        this.set({ quantile: '0.5' }, delay.p50Ms / 1000);
        this.set({ quantile: '0.99' }, delay.p99Ms / 1000);
        this.set({ quantile: '1' }, delay.maxMs / 1000);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the process',
      registers: [],
      collect() { this.set(process.memoryUsage.rss()); },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'process_uptime_seconds',
      help: 'Seconds since the process started',
      registers: [],
      collect() { this.set(process.uptime()); },
    }),
  );
  registry.registerMetric(
    counter('process_cpu_seconds_total', 'Processor time used by all threads of the process', () => {
      const { user, system } = process.cpuUsage();
      return [[{}, (user + system) / 1e6]];
    }),
  );

  app.get('/metrics', { logLevel: 'warn' }, async (_request, reply) => {
    now = hubMetrics();
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
}
