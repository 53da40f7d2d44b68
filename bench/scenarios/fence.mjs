/** What `sync.fence()` adds to a request: the same router with it and without it, in one server, block after block. */
import { BrowsersTrial } from '../harness/browsers-trial.mjs';
import { median } from '../harness/stats.mjs';

/** Requests before the first block: until then V8 still compiles. */
const WARM_UP = 400;

export const fence = {
  name: 'fence',
  about: 'CPU of a request with sync.fence() and without it, by turns in one process',
  subjects: ['page-of-8', 'one-query', 'no-query'],
  native: true,
  trials: 3,
  parameters: { blocks: 30, requests: 100, warmUp: WARM_UP },
  quick: { blocks: 2, requests: 10, warmUp: 10 },
  metrics: { plain: 'us', fenced: 'us', added: 'us', fencedVsPlain: 'ratio' },
  trial: (kind, { blocks, requests, warmUp }) =>
    BrowsersTrial.run(kind, { BENCH_BROWSERS: '1' }, async (trial) => {
      // A log, without which there is no position, and a stream that keeps it.
      await trial.open({ count: 1 });
      await trial.mutations(1, 0);
      const cost = async (base, count = requests) =>
        (await trial.cpu(() => trial.load.ask('load', { kind, base, count, port: trial.port }))).cpuMs * 1e3 / count;
      for (const base of ['plain', 'trpc']) await cost(base, warmUp);
      const pairs = [];
      for (let i = 0; i < blocks; i += 1) {
        // Whoever comes first does not always come first.
        const order = i % 2 === 0 ? ['plain', 'trpc'] : ['trpc', 'plain'];
        const pair = {};
        for (const base of order) pair[base] = await cost(base);
        pairs.push(pair);
      }
      return {
        plain: median(pairs.map(({ plain }) => plain)),
        fenced: median(pairs.map(({ trpc }) => trpc)),
        added: median(pairs.map(({ plain, trpc }) => trpc - plain)),
        fencedVsPlain: median(pairs.map(({ plain, trpc }) => trpc / plain)),
      };
    }),
  ratios: [],
  targets: [],
};
