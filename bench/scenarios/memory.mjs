/** What an idle connection costs in the server's process. Kernel buffers are the same for all and not counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Trial } from '../harness/trial.mjs';

/** ms after the last stream began, so that what its request left behind can be collected. */
const IDLE_MS = 1_000;

export const memory = {
  name: 'memory',
  about: 'growth per idle connection from none to 10,000, after collections, when the process has settled',
  subjects: ['pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 10_000, warmUp: 200, warmUps: 20, settleSeconds: 10 },
  quick: { clients: 300, warmUp: 100, warmUps: 1, settleSeconds: 1 },
  metrics: { connections: 'connections', nativeHeap: 'bytes', jsHeap: 'bytes', rss: 'bytes' },
  trial: (subject, { clients, warmUp, warmUps, settleSeconds }) =>
    Trial.run(subject, async (trial) => {
      // Until V8 has compiled what a connect runs: its code is no cost of a connection.
      for (let done = 0; done < warmUps; done++) await trial.warmUp(warmUp);
      await sleep(IDLE_MS);
      const before = await trial.server.ask('memory', { settleSeconds });
      await trial.open(clients);
      await sleep(IDLE_MS);
      const after = await trial.server.ask('memory', { settleSeconds });
      const each = (key) => (after[key] - before[key]) / clients;
      return {
        connections: trial.clients,
        // Null where the addon is not there to ask.
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
