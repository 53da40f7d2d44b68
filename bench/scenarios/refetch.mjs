/** What one mutation costs a server when all browsers of a company look at what it changed: the table that the next step starts from. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BrowsersTrial } from '../harness/browsers-trial.mjs';
import { median } from '../harness/stats.mjs';

/** By name: what the server says of a change, and what the browsers do. */
const WAYS = {
  announced: { where: 0, spread: 0, observe: false },
  refetched: { where: 0, spread: 0 },
  spread: { where: 0, spread: 1 },
  where: { where: 1, spread: 0 },
  'where-and-spread': { where: 1, spread: 1 },
  polling: { where: 0, spread: 0, live: false },
};

/** ms watched after a mutation, so that what it leaves behind is seen too. */
const MARGIN_MS = 200;

/** Nearest rank: of few values the highest. */
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export const refetch = {
  name: 'refetch',
  about: 'one mutation that all browsers of a company look at, 8 active queries each: what it costs the server, and when the last one shows it',
  subjects: Object.keys(WAYS),
  native: true,
  trials: 3,
  parameters: { browsers: 50, mutations: 20, watched: 6, warmUp: 3, everyMs: 1_800, pollMs: 5_000 },
  quick: { browsers: 6, mutations: 2, watched: 1, warmUp: 1, everyMs: 100, pollMs: 500 },
  metrics: {
    cpu: 'ms', jsThread: 'ms', loopDelay: 'ms', statements: 'statements', queries: 'queries', requests: 'requests', kilobytes: 'kB', peakIn50ms: 'queries',
    lastP50: 'ms', lastP99: 'ms', loadShare: 'of a core',
  },
  trial: (subject, { browsers, mutations, watched, warmUp, everyMs, pollMs }) => {
    const { where, spread, observe = true, live = true } = WAYS[subject];
    // Of those that poll, each asks once in the time that a mutation has.
    const gapMs = live ? everyMs : pollMs;
    const env = { BENCH_BROWSERS: String(browsers), BENCH_WHERE: String(where), BENCH_SPREAD: String(spread) };
    return BrowsersTrial.run(subject, env, async (trial) => {
      await trial.open({ count: browsers, observe, live, pollMs: live ? 0 : pollMs });
      await trial.mutations(warmUp, gapMs);
      await trial.server.ask('tally');
      const peaks = [];
      const { result, cpuMs, threadMs, loadShare } = await trial.cpu(async () => {
        const last = [];
        const total = { requests: 0, statements: 0, queries: 0, bytes: 0 };
        for (let i = 0; i < mutations; i += 1) {
          last.push(...(await trial.mutations(1, gapMs)));
          const { peak, ...counts } = await trial.server.ask('tally');
          peaks.push(peak);
          for (const name of Object.keys(total)) total[name] += counts[name];
        }
        return { last, total };
      });
      // Apart from the rest: the watch has a cost of its own.
      const delays = [];
      for (let i = 0; i < watched; i += 1) {
        await trial.server.ask('watchLoop');
        await trial.mutations(1, gapMs);
        await sleep(MARGIN_MS);
        delays.push((await trial.server.ask('loopDelay')).maxMs);
      }
      await trial.checkTruth();
      const each = (value) => value / mutations;
      const { last, total } = result;
      return {
        cpu: each(cpuMs), jsThread: each(threadMs), loopDelay: median(delays), statements: each(total.statements), queries: each(total.queries),
        requests: each(total.requests), kilobytes: each(total.bytes) / 1e3, peakIn50ms: median(peaks),
        lastP50: percentile(last, 0.5), lastP99: percentile(last, 0.99), loadShare,
      };
    });
  },
  ratios: [{ of: 'cpu', against: 'refetched', metric: 'cpuVsRefetched' }],
  targets: [],
};
