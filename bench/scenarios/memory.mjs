/** What an idle connection costs in the server's process. Kernel buffers are the same for all and not counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Trial } from '../harness/trial.mjs';

/** ms after the last stream began, so that what its request left behind can be collected. */
const IDLE_MS = 1_000;

export const memory = {
  name: 'memory',
  about: 'growth per idle connection at 10,000, after collection, from a server that has warmed up and holds none',
  subjects: ['pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 10_000, warmUp: 500 },
  quick: { clients: 300, warmUp: 100 },
  metrics: { connections: 'connections', nativeHeap: 'bytes', jsHeap: 'bytes', rss: 'bytes' },
  trial: (subject, { clients, warmUp }) =>
    Trial.run(subject, async (trial) => {
      await trial.warmUp(warmUp);
      await sleep(IDLE_MS);
      const before = await trial.server.ask('memory');
      await trial.open(clients);
      await sleep(IDLE_MS);
      const after = await trial.server.ask('memory');
      const each = (key) => (after[key] - before[key]) / clients;
      return {
        connections: trial.clients,
        ...(after.nativeHeap === null ? {} : { nativeHeap: each('nativeHeap') }),
        jsHeap: each('jsHeap'),
        rss: each('rss'),
      };
    }),
  ratios: [],
  targets: [
    { subject: 'pathcast-native', metric: 'nativeHeap', atMost: 2_048 },
    { subject: 'pathcast-native', metric: 'rss', atMost: 4_096 },
  ],
};
