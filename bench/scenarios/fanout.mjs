/** CPU time per delivery, one event at a time: the next one when all clients have got the one before. */
import { Trial } from '../harness/trial.mjs';

const WARM_UP_EVENTS = 5;

/** Measured on `clients` connections, as long as it takes to make `deliveries`. */
export async function oneAtATime(trial, deliveries) {
  const events = Math.ceil(deliveries / trial.clients);
  return trial.measure(async () => {
    for (let i = 0; i < events; i += 1) await trial.publishAndAwait(1);
  });
}

function fanoutTrial(subject, { clients, trpcClients, deliveries, trpcDeliveries }) {
  const few = subject === 'trpc';
  return Trial.run(subject, async (trial) => {
    await trial.open(few ? trpcClients : clients);
    await trial.sizeEvents();
    for (let i = 0; i < WARM_UP_EVENTS; i += 1) await trial.publishAndAwait(1);
    const run = await oneAtATime(trial, few ? trpcDeliveries : deliveries);
    return {
      connections: trial.clients,
      cpuPerDelivery: run.cpuUs / run.deliveries,
      systemCpuPerDelivery: run.systemUs / run.deliveries,
      loadShare: run.loadShare,
      othersShare: run.othersShare,
    };
  });
}

const metrics = {
  connections: 'connections',
  cpuPerDelivery: 'us',
  systemCpuPerDelivery: 'us',
  loadShare: 'share of a core',
  othersShare: 'share of a core',
};

export const fanout = {
  name: 'fanout',
  about: 'CPU per delivery of a 350-byte event to 10,000 connections (tRPC: 2,000), one event at a time',
  subjects: ['send-loop', 'pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 10_000, trpcClients: 2_000, deliveries: 400_000, trpcDeliveries: 20_000 },
  quick: { clients: 300, trpcClients: 100, deliveries: 3_000, trpcDeliveries: 500 },
  metrics,
  trial: fanoutTrial,
  ratios: [
    { of: 'cpuPerDelivery', against: 'send-loop', metric: 'cpuVsSendLoop' },
    { of: 'cpuPerDelivery', against: 'pathcast-js', metric: 'cpuVsPathcastJs' },
  ],
  targets: [
    { subject: 'pathcast-native', metric: 'cpuVsSendLoop', atMost: 1.3 },
    { subject: 'pathcast-native', metric: 'cpuVsPathcastJs', atMost: 0.6 },
  ],
};

export const fanout2000 = {
  name: 'fanout-2000',
  about: 'the same at 2,000 connections for all',
  subjects: ['send-loop', 'pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 2_000, trpcClients: 2_000, deliveries: 200_000, trpcDeliveries: 20_000 },
  quick: { clients: 100, trpcClients: 100, deliveries: 1_000, trpcDeliveries: 500 },
  metrics,
  trial: fanoutTrial,
  ratios: [
    { of: 'cpuPerDelivery', against: 'trpc', metric: 'cpuVsTrpc' },
    { of: 'cpuPerDelivery', against: 'send-loop', metric: 'cpuVsSendLoop' },
  ],
  targets: [{ subject: 'pathcast-native', metric: 'cpuVsTrpc', atMost: 1 / 20 }],
};
