/**
 * What a change costs with many that wait. Each change walked all of them several times: with 2,000 an `add` took 7 ms, and so did each that was sent. What a
 * change costs is compared in one run, so that the machine counts for nothing.
 */
import { createOffline } from '../../lib/offline/create-offline.js';
import { crud } from '../../lib/offline/crud.js';
import type { Offline } from '../../lib/offline/inside.js';
import { makeRandom } from '../support/random.js';
import { Stage } from './support/stage.js';

/** ms of processor time for each of `many`, while `waiting` wait. */
async function measure(waiting: number, many: number): Promise<{ add: number; squash: number; send: number }> {
  const stage = new Stage(makeRandom(1));
  const { environment } = stage.environment();
  // Nothing is kept beyond the tab: what IndexedDB costs is not ours.
  const offline: Offline = createOffline({ companyId: 'acme', userId: 'ada', mutations: crud('pages'), environment: { ...environment, indexedDB: undefined, warn: () => undefined } });
  await stage.done(offline.ready);
  offline.pause();
  const timed = async (nth: (at: number) => Promise<unknown>): Promise<number> => {
    const times: number[] = [];
    for (let at = 0; at < many; at += 1) {
      const began = performance.now();
      await nth(at);
      times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b)[many >> 1]!;
  };
  const rename = (row: number, to: string) => offline.add('pages.update', { id: `p${row}`, title: to });
  for (let row = 0; row < waiting; row += 1) await rename(row, 'Plan');
  const add = await timed((at) => rename(waiting + at, 'Plan'));
  const squash = await timed((at) => rename(at, 'Tour'));
  let sent = 0;
  let done!: () => void;
  const enough = new Promise<void>((resolve) => (done = resolve));
  const began = performance.now();
  const never = new Promise<never>(() => undefined);
  await offline.start({ send: () => ((sent += 1) < many ? Promise.resolve('ok') : (done(), never)) });
  offline.resume();
  await stage.until(() => sent >= many);
  await enough;
  const send = (performance.now() - began) / many;
  offline.close();
  return { add, squash, send };
}

test('with 10,000 that wait a change costs about what it costs with 200', async () => {
  await measure(200, 50);
  const [few, more, most] = [await measure(200, 50), await measure(2_000, 50), await measure(10_000, 50)] as const;
  const ratio = { add: most.add / few.add, squash: most.squash / few.squash, send: most.send / few.send };
  if (process.env.PATHCAST_SHOW) process.stdout.write(`${JSON.stringify({ few, more, most, ratio })}\n`);
  expect(Object.values(ratio).filter((times) => times > 8)).toEqual([]);
}, 300_000);
