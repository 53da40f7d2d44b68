/** Deliveries per CPU second when events come in bursts: what batching per turn of the loop is worth. */
import { Trial } from '../harness/trial.mjs';
import { oneAtATime } from './fanout.mjs';

/** 20 events within 100 ms: one each 5 ms. */
const BURST = 20;
const GAP_MS = 5;

export const burst = {
  name: 'burst',
  about: `${BURST} events within ${BURST * GAP_MS} ms to 10,000 connections (tRPC: 2,000), against one at a time in the same process`,
  subjects: ['send-loop', 'pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 10_000, trpcClients: 2_000, bursts: 5, trpcBursts: 1, deliveries: 200_000, trpcDeliveries: 10_000 },
  quick: { clients: 300, trpcClients: 100, bursts: 1, deliveries: 1_500, trpcDeliveries: 500 },
  metrics: {
    connections: 'connections',
    deliveriesPerCpuSecond: '1/s',
    deliveriesPerCpuSecondSingly: '1/s',
    gain: 'ratio',
    loadShare: 'share of a core',
    othersShare: 'share of a core',
  },
  trial: (subject, { clients, trpcClients, bursts, trpcBursts, deliveries, trpcDeliveries }) =>
    Trial.run(subject, async (trial) => {
      const few = subject === 'trpc';
      await trial.open(few ? trpcClients : clients);
      await trial.sizeEvents();
      const once = () => trial.publishAndAwait(BURST, { gapMs: GAP_MS });
      await once();
      const singly = await oneAtATime(trial, few ? trpcDeliveries : deliveries);
      const together = await trial.measure(async () => {
        for (let i = 0; i < (few ? trpcBursts : bursts); i += 1) await once();
      });
      const rate = ({ deliveries: made, cpuUs }) => (made / cpuUs) * 1e6;
      return {
        connections: trial.clients,
        deliveriesPerCpuSecond: rate(together),
        deliveriesPerCpuSecondSingly: rate(singly),
        gain: rate(together) / rate(singly),
        loadShare: together.loadShare,
        othersShare: together.othersShare,
      };
    }),
  ratios: [],
  targets: [{ subject: 'pathcast-native', metric: 'gain', atLeast: 4 }],
};
