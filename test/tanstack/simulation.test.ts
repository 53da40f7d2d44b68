/**
 * A page with a real QueryClient under a fake clock, at random: fetches, failures, mutations, invalidations, conflation, reconnects, resyncs,
 * replicas that lag, infinite queries, fetches that are joined, optimistic mutations that never end (SPEC §16). After all has settled nothing is
 * stale, and the binding never says that nothing is while something is. `PATHCAST_SEED` replays one schedule and prints its story;
 * `PATHCAST_SCHEDULES=100000` runs as many, from a seed by chance.
 */
import * as newest from '@tanstack/query-core';
import * as oldest from 'query-core-5-62';
import { runSeed } from '../support/random.js';
import { World } from './simulation/world.js';

const SCHEDULES = Number(process.env.PATHCAST_SCHEDULES ?? 10_000);
const cores = [newest, oldest as unknown as typeof newest];

beforeAll(() => {
  for (const { notifyManager } of cores) notifyManager.setScheduler(queueMicrotask);
});

test(`${SCHEDULES} random interleavings leave nothing stale`, async () => {
  if (process.env.PATHCAST_SEED) {
    const seed = Number(process.env.PATHCAST_SEED);
    const world = new World(cores[seed % 2]!, seed);
    try {
      await world.run();
    } catch (error) {
      throw new Error(`${String(error)}\n${world.log.join('\n')}`, { cause: error });
    }
    return;
  }
  const first = process.env.PATHCAST_SCHEDULES ? runSeed() : 1;
  for (let nth = 0; nth < SCHEDULES; nth += 1) {
    const seed = (first + nth) >>> 0;
    await new World(cores[seed % 2]!, seed).run();
  }
}, 3_600_000);
