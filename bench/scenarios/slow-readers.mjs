/**
 * A share of the clients stops reading while actions flow, then reads on. Three questions: what do they cost the
 * server while they stand, what do the others notice, and does each of them end where the log ends, with nothing
 * missing that no `invalidate` or `resync` covers.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DELIVERY_MS, Trial } from '../harness/trial.mjs';

/** pathcast's default cap of one connection's backlog. */
const CAP_BYTES = 64 * 1024;
/** ms between two looks at the server's memory. */
const SAMPLE_MS = 500;

/** Memory of all TCP sockets of the machine: what the kernel holds for those that do not read is no process's own. */
function kernelBuffers() {
  const pages = /^TCP: .* mem (\d+)$/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1];
  return Number(pages ?? 0) * 4_096;
}

/** Samples memory until `work` is done; the highest of each figure. */
async function peaks(trial, work) {
  const peak = { rss: 0, backlogBytes: 0, slowSinks: 0, kernelBuffers: 0 };
  let done = false;
  const sampling = (async () => {
    while (!done) {
      const { rss } = await trial.server.ask('resident');
      const { metrics } = await trial.server.ask('metrics');
      peak.rss = Math.max(peak.rss, rss);
      peak.backlogBytes = Math.max(peak.backlogBytes, metrics.backlogBytes ?? 0);
      peak.slowSinks = Math.max(peak.slowSinks, metrics.slowSinks ?? 0);
      peak.kernelBuffers = Math.max(peak.kernelBuffers, kernelBuffers());
      await sleep(SAMPLE_MS);
    }
  })();
  try {
    return { result: await work(), peak };
  } finally {
    done = true;
    await sampling;
  }
}

/** Publishes at the rate for `ms`; resolves when each reading client has got everything. */
async function flow(trial, { ratePerSecond, companies }, ms, readers) {
  const gapMs = 1_000 / ratePerSecond;
  const count = Math.round(ms / gapMs / companies) * companies;
  await trial.reset();
  const [published, received] = await Promise.all([
    trial.server.ask('publish', { count, gapMs, companies }, ms + DELIVERY_MS),
    trial.load.ask('expect', { events: (count / companies) * readers, timeoutMs: ms + DELIVERY_MS / 2 }, ms + DELIVERY_MS),
  ]);
  return { lastSeq: published.lastSeq, received };
}

export const slowReaders = {
  name: 'slow-readers',
  about: '1,000 of 5,000 clients of one company stop reading for a minute while 200 actions a second flow, then read on',
  subjects: ['pathcast-native', 'pathcast-js'],
  trials: 1,
  parameters: { clients: 5_000, stalled: 1_000, ratePerSecond: 200, companies: 1, beforeMs: 20_000, stallMs: 60_000, settleSeconds: 10 },
  quick: { clients: 100, stalled: 20, beforeMs: 500, stallMs: 1_500, settleSeconds: 1 },
  metrics: {
    connections: 'connections',
    p99Before: 'us',
    p99During: 'us',
    p99Growth: 'ratio',
    slowSinks: 'connections',
    backlogOfCaps: 'ratio',
    rssGrowth: 'bytes',
    rssGrowthOfCaps: 'ratio',
    kernelBuffers: 'bytes',
    converged: 'share',
    covered: 'share',
    byInvalidate: 'connections',
    byResync: 'connections',
    byActions: 'connections',
    convergedWithin: 'ms',
    serverShare: 'share of a core',
    loadShare: 'share of a core',
  },
  trial: (subject, parameters) =>
    Trial.run(subject, async (trial) => {
      const { clients, stalled, companies, beforeMs, stallMs, settleSeconds } = parameters;
      await trial.open(clients, { companies });
      await trial.sizeEvents();
      await flow(trial, parameters, beforeMs / 4, clients);

      const { result: before } = await peaks(trial, () => flow(trial, parameters, beforeMs, clients));
      const { rss } = await trial.server.ask('memory', { settleSeconds });
      await trial.load.ask('stall', { count: stalled });
      const usage = await trial.server.ask('usage');
      const loadBefore = await trial.load.ask('stats');
      const { result: during, peak } = await peaks(trial, () => flow(trial, parameters, stallMs, clients - stalled));
      const usageAfter = await trial.server.ask('usage');

      await trial.load.ask('unstall');
      const end = await trial.load.ask('converge', { seq: during.lastSeq, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
      for (const [phase, { received }] of Object.entries({ before, during })) {
        if (received.timedOut) throw new Error(`${subject}: ${phase} the stall reading clients did not get every action`);
      }
      if (end.gaps > 0 || end.repeats > 0 || end.lost > 0) {
        throw new Error(`${subject}: ${end.gaps} gaps, ${end.repeats} repeats, ${end.lost} streams closed`);
      }
      const caps = stalled * CAP_BYTES;
      const wallUs = during.received.wallUs - loadBefore.wallUs;
      return {
        connections: trial.clients,
        p99Before: before.received.latencyP99Us,
        p99During: during.received.latencyP99Us,
        p99Growth: during.received.latencyP99Us / before.received.latencyP99Us,
        slowSinks: peak.slowSinks,
        backlogOfCaps: peak.backlogBytes / caps,
        rssGrowth: peak.rss - rss,
        rssGrowthOfCaps: (peak.rss - rss) / caps,
        kernelBuffers: peak.kernelBuffers,
        covered: (end.byInvalidate + end.byResync) / end.stallGroup,
        converged: end.converged / end.stallGroup,
        byInvalidate: end.byInvalidate,
        byResync: end.byResync,
        byActions: end.byActions,
        convergedWithin: end.ms,
        serverShare: (usageAfter.userUs + usageAfter.systemUs - usage.userUs - usage.systemUs) / wallUs,
        loadShare: (during.received.cpuUs - loadBefore.cpuUs) / wallUs,
      };
    }),
  ratios: [],
  targets: ['pathcast-native', 'pathcast-js'].flatMap((subject) => [
    { subject, metric: 'p99Growth', atMost: 2 },
    { subject, metric: 'backlogOfCaps', atMost: 1 },
    { subject, metric: 'rssGrowthOfCaps', atMost: 1 },
    { subject, metric: 'converged', atLeast: 1 },
    // Less: the kernel took all that was published, and the stall was too short to show anything.
    { subject, metric: 'covered', atLeast: 1 },
  ]),
};
