/** How long the JavaScript thread of the application is held up by one fan-out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Trial } from '../harness/trial.mjs';

const WARM_UP_EVENTS = 3;
/** ms watched before and after, so that what the fan-out leaves behind is seen too. */
const MARGIN_MS = 200;

async function worst(trial, work) {
  await trial.server.ask('watchLoop');
  await work();
  await sleep(MARGIN_MS);
  return (await trial.server.ask('loopDelay')).maxMs;
}

export const loopDelay = {
  name: 'loop-delay',
  about: 'worst delay of a 1 ms timer on the JS thread during one fan-out to 10,000 connections; median of five runs',
  subjects: ['pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 5,
  parameters: { clients: 10_000 },
  quick: { clients: 300 },
  metrics: { connections: 'connections', worstLoopDelay: 'ms', worstLoopDelayIdle: 'ms' },
  trial: (subject, { clients }) =>
    Trial.run(subject, async (trial) => {
      await trial.open(clients);
      await trial.sizeEvents();
      for (let i = 0; i < WARM_UP_EVENTS; i += 1) await trial.publishAndAwait(1);
      await sleep(MARGIN_MS);
      const worstLoopDelayIdle = await worst(trial, () => sleep(MARGIN_MS));
      const worstLoopDelay = await worst(trial, () => trial.publishAndAwait(1));
      return { connections: trial.clients, worstLoopDelay, worstLoopDelayIdle };
    }),
  ratios: [],
  targets: [{ subject: 'pathcast-native', metric: 'worstLoopDelay', atMost: 5 }],
};
