/**
 * Tabs, a network and a server under a fake clock, with faults at random: SPEC §15. `PATHCAST_SEED` replays one schedule and prints its
 * story; `PATHCAST_SCHEDULES=100000` runs as many, from a seed by chance. `npm test` runs the same ones each time, so that a
 * change is told apart from chance.
 */
import { runSeed } from '../support/random.js';
import { runSchedule, World } from './simulation/schedule.js';

const SCHEDULES = Number(process.env.PATHCAST_SCHEDULES ?? 1_500);

test(`${SCHEDULES} random schedules break no promise`, async () => {
  if (process.env.PATHCAST_SEED) {
    const world = new World(Number(process.env.PATHCAST_SEED), true);
    try {
      await world.run();
    } catch (error) {
      throw new Error(`${String(error)}\n${world.log.join('\n')}`, { cause: error });
    }
    return;
  }
  const first = process.env.PATHCAST_SCHEDULES ? runSeed() : 1;
  for (let nth = 0; nth < SCHEDULES; nth += 1) await runSchedule((first + nth) >>> 0);
}, 3_600_000);
