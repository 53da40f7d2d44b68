/**
 * Is the check of cuts-by-time one that can fail? Each slip is put into the JavaScript engine, and its schedules must find it. What
 * the first four undo is what once broke: an event that was stamped when it was written lies after actions that the stream was not
 * sent. (`native` has the same, without chance, in test/native/safe_time_test.cc.)
 */
import type { EngineOptions } from '../../lib/internal/engine.js';
import { ActionLog } from '../../lib/jsengine/action-log.js';
import { CatchUps } from '../../lib/jsengine/catch-up.js';
import { Channel } from '../../lib/jsengine/channel.js';
import { JsEngine } from '../../lib/jsengine/engine.js';
import { systemEnvironment } from '../../lib/jsengine/environment.js';
import { Frames } from '../../lib/jsengine/frames.js';
import { PathUnion } from '../../lib/jsengine/path-union.js';
import { runSchedules, sinkPipe, type Report } from '../support/cuts-by-time.js';
import { runSeed } from '../support/random.js';

let ms = 1_700_000_000_000;
const now = (): number => ++ms;

/** Until the first gap; enough of them for each slip, a few times over. */
const SCHEDULES = 500;

async function run(): Promise<Report> {
  const createEngine = (options: EngineOptions) => new JsEngine(options, () => undefined, { ...systemEnvironment, wallMs: now });
  return await runSchedules({ createEngine, open: sinkPipe, now }, SCHEDULES, runSeed());
}

/** Puts `slip` in place of a method of `owner` for the length of a test. */
function slip<T extends object, K extends keyof T>(owner: T, name: K, make: (original: T[K]) => T[K]): void {
  const original = owner[name];
  owner[name] = make(original);
  restore.push(() => {
    owner[name] = original;
  });
}
const restore: (() => void)[] = [];
afterEach(() => {
  for (const each of restore.splice(0)) each();
});

test.each<[string, () => void]>([
  [
    'an invalidate is stamped when it is written',
    () =>
      slip(PathUnion.prototype, 'toJson', (original) => function (this: PathUnion) {
        return original.call(this).replace(/"timestamp":\d+/, `"timestamp":${now()}`);
      }),
  ],
  ['pings and farewells carry the clock', () => slip(Channel.prototype, 'safeMs', () => () => now())],
  [
    'a resume by time is exclusive',
    () =>
      slip(ActionLog.prototype, 'firstSeqSince', (original) => function (this: ActionLog, sinceMs: number) {
        return original.call(this, sinceMs + 1);
      }),
  ],
  [
    'hello carries the clock',
    () =>
      slip(Frames.prototype, 'opening', (original) => function (this: Frames, variant, httpHead, retryMs, hello) {
        return original.call(this, variant, httpHead, retryMs, { ...hello, timestamp: now() });
      }),
  ],
  [
    'a catch-up ends one action early',
    () =>
      slip(CatchUps.prototype, 'plan', (original) => function (this: CatchUps, ...args) {
        const plan = original.apply(this, args);
        return plan.messages.length > 1 ? { ...plan, messages: plan.messages.slice(0, -1), chunks: [] } : plan;
      }),
  ],
  ['what is trimmed is not noticed', () => Object.defineProperty(ActionLog.prototype, 'lostStamp', { get: () => -1, configurable: true })],
])('the check finds: %s', async (_what, put) => {
  const lost = Object.getOwnPropertyDescriptor(ActionLog.prototype, 'lostStamp')!;
  restore.push(() => Object.defineProperty(ActionLog.prototype, 'lostStamp', lost));
  put();
  await expect(run()).rejects.toThrow(/PATHCAST_SEED=\d+.*silent gap/s);
}, 300_000);
