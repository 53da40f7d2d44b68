/** One client misses thousands of actions of ten modules: what it is sent when it comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DELIVERY_MS, Trial } from '../harness/trial.mjs';

/** Modules the missed actions are of, in turn. */
const KINDS = 10;
/** ms watched after the client has all, so that what comes on top is counted too. */
const MARGIN_MS = 300;

export const catchUp = {
  name: 'catch-up',
  about: 'a client that missed 5,000 actions (a log of 10,000) comes back: events and bytes it is sent',
  subjects: ['pathcast-native', 'pathcast-js', 'better-sse', 'trpc'],
  trials: 3,
  parameters: { missed: 5_000, logActions: 10_000 },
  quick: { missed: 500, logActions: 1_000 },
  metrics: { events: 'events', bytes: 'bytes', largestEvent: 'bytes', time: 'ms' },
  trial: (subject, { missed, logActions }) =>
    Trial.run(
      subject,
      async (trial) => {
        await trial.open(1);
        await trial.sizeEvents();
        await trial.load.ask('cut');
        await trial.server.ask('publish', { count: missed, kinds: KINDS });
        await trial.reset();
        const back = await trial.load.ask('reconnect', { events: missed, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
        await sleep(MARGIN_MS);
        const got = await trial.load.ask('stats');
        if (back.resumed !== 1 || got.gaps > 0 || got.repeats > 0 || got.resyncs > 0) {
          throw new Error(`${subject}: no full recovery: ${JSON.stringify(got)}`);
        }
        return {
          events: got.payloads,
          bytes: got.payloadBytes,
          largestEvent: got.largestPayload,
          time: back.resumeMaxUs / 1e3,
        };
      },
      { env: { BENCH_LOG_ACTIONS: String(logActions) } },
    ),
  ratios: [],
  targets: ['pathcast-native', 'pathcast-js'].flatMap((subject) => [
    { subject, metric: 'events', atMost: 1 },
    { subject, metric: 'largestEvent', atMost: 8_192 },
  ]),
};
