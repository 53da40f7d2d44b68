/**
 * All clients are cut, miss a few events and come back at once. A client has resumed when it has every event it
 * missed. The listening socket's queue is as long as the kernel allows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DELIVERY_MS, Trial } from '../harness/trial.mjs';

const MISSED = 5;
/** ms watched after the last has resumed, so that an event that comes twice is seen. */
const MARGIN_MS = 300;

export const reconnectStorm = {
  name: 'reconnect-storm',
  about: `10,000 clients are cut, miss ${MISSED} events and reconnect at once; time until the last has got what it missed`,
  subjects: ['pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { clients: 10_000 },
  quick: { clients: 300 },
  metrics: {
    connections: 'connections',
    allResumed: 'ms',
    resumedP50: 'ms',
    failedConnects: 'attempts',
    cpuPerClient: 'us',
  },
  trial: (subject, { clients }) =>
    Trial.run(subject, async (trial) => {
      await trial.open(clients);
      await trial.sizeEvents();
      await trial.publishAndAwait(1);
      await trial.load.ask('cut');
      await trial.server.ask('publish', { count: MISSED });
      await trial.reset();
      const before = await trial.server.ask('usage');
      const back = await trial.load.ask('reconnect', { events: MISSED, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
      const after = await trial.server.ask('usage');
      if (back.resumed !== clients) throw new Error(`${subject}: only ${back.resumed} of ${clients} clients resumed`);
      await sleep(MARGIN_MS);
      const got = await trial.load.ask('stats');
      if (got.gaps > 0 || got.repeats > 0 || got.fewestEvents !== MISSED || got.mostEvents !== MISSED) {
        const counts = `${got.fewestEvents} to ${got.mostEvents} events, ${got.gaps} gaps, ${got.repeats} repeats`;
        throw new Error(`${subject}: each client missed ${MISSED} events, they got ${counts}`);
      }
      const cpuUs = after.userUs + after.systemUs - before.userUs - before.systemUs;
      return {
        connections: trial.clients,
        allResumed: back.resumeMaxUs / 1e3,
        resumedP50: back.resumeP50Us / 1e3,
        failedConnects: back.failedConnects,
        cpuPerClient: cpuUs / clients,
      };
    }),
  ratios: [],
  targets: [{ subject: 'pathcast-native', metric: 'allResumed', atMost: 10_000 }],
};
