/** What it costs to take a browser in: the request's way through the app, the hand-over, the opening of the stream. */
import { Trial } from '../harness/trial.mjs';

/** Where the engine takes the socket. */
const OPEN_SOCKET = 'openSocket';

async function cost(trial, count) {
  const before = await trial.server.ask('usage');
  await trial.open(count);
  const after = await trial.server.ask('usage');
  const total = after.userUs + after.systemUs - before.userUs - before.systemUs;
  return { cpuPerConnect: total / count, threadPerConnect: (after.threadUs - before.threadUs) / count };
}

export const connect = {
  name: 'connect',
  about: 'CPU of one connect on plain node:http, of it the JavaScript thread, and of that openSocket with all below it',
  subjects: ['pathcast-native', 'pathcast-js', 'better-sse'],
  trials: 5,
  parameters: { warmUp: 1_000, clients: 3_000, profiled: 3_000 },
  quick: { warmUp: 50, clients: 100, profiled: 100 },
  metrics: { cpuPerConnect: 'us', threadPerConnect: 'us', openSocket: 'us' },
  trial: (subject, { warmUp, clients, profiled }) =>
    Trial.run(subject, async (trial) => {
      await trial.open(warmUp);
      const figures = await cost(trial, clients);
      // Apart from the rest: a profile has a cost of its own.
      await trial.server.ask('startProfile');
      await trial.open(profiled);
      const { [OPEN_SOCKET]: us } = await trial.server.ask('profiled', { functions: OPEN_SOCKET });
      return { ...figures, ...(us > 0 ? { openSocket: us / profiled } : {}) };
    }),
  ratios: [],
  targets: [],
};
