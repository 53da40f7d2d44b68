/** From the call that publishes to the bytes in the client, at a load that no subject is busy with. */
import { Trial } from '../harness/trial.mjs';

export const latency = {
  name: 'latency',
  about: 'from publish to received at 1,000 connections, one event each 400 ms',
  subjects: ['send-loop', 'pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 1_000, events: 25, gapMs: 400 },
  quick: { clients: 100, events: 5, gapMs: 50 },
  metrics: { connections: 'connections', p50: 'us', p99: 'us', worst: 'us' },
  trial: (subject, { clients, events, gapMs }) =>
    Trial.run(subject, async (trial) => {
      await trial.open(clients);
      await trial.sizeEvents();
      await trial.publishAndAwait(5, { gapMs });
      const { load } = await trial.measure(() => trial.publishAndAwait(events, { gapMs }));
      return { connections: trial.clients, p50: load.latencyP50Us, p99: load.latencyP99Us, worst: load.latencyMaxUs };
    }),
  ratios: [],
  targets: [],
};
