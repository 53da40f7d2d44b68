/**
 * The outbox in tabs that come, crash and freeze, over a network, a server and a storage that fail: SPEC §24. `PATHCAST_SEED` replays one schedule and prints its
 * story; `PATHCAST_OFFLINE=100000` runs as many, from a seed by chance. `npm test` runs the same ones each time, so that a change is told apart from chance.
 */
import { runSeed } from '../support/random.js';
import { runSchedule } from './simulation/schedule.js';

const SCHEDULES = Number(process.env.PATHCAST_OFFLINE ?? 200);

test(`${SCHEDULES} random schedules break no promise`, async () => {
  if (process.env.PATHCAST_SEED) {
    await runSchedule(Number(process.env.PATHCAST_SEED));
    return;
  }
  const first = process.env.PATHCAST_OFFLINE ? runSeed() : 1;
  let effects = 0;
  for (let nth = 0; nth < SCHEDULES; nth += 1) effects += (await runSchedule((first + nth) >>> 0)).server.effects.length;
  // They do happen.
  expect(effects).toBeGreaterThan(SCHEDULES);
}, 36_000_000);
