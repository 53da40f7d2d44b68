/**
 * For three minutes: real nodes on a real Redis, and all that can go wrong. `npm run chaos -- --seed N`
 * goes on for longer. What the checker can find: check-history.test.ts.
 */
import path from 'node:path';
import { runChaos, type ChaosOptions } from './run.js';
import { summary } from './summary.js';
import { runSeed } from '../support/random.js';

const ROOT = path.resolve(__dirname, '../..');
const runs: Pick<ChaosOptions, 'engine' | 'redis' | 'seconds'>[] = [
  { engine: 'native', redis: 'one', seconds: 70 },
  { engine: 'native', redis: 'sentinels', seconds: 30 },
  { engine: 'js', redis: 'one', seconds: 45 },
  { engine: 'js', redis: 'sentinels', seconds: 20 },
];

test.each(runs)(
  'three nodes, 30 companies, 300 clients: $engine, Redis: $redis, faults for $seconds s',
  async (run) => {
    const seed = runSeed();
    const said: string[] = [];
    const report = await runChaos({ root: ROOT, seed, ...run, say: (line) => said.push(line) });
    const shown = `seed ${seed}\n${said.join('\n')}\n${summary(report)}`;
    if (process.env['PATHCAST_SHOW'] !== undefined) process.stdout.write(`${shown}\n`);
    const { violations, broken, figures } = report;
    if (violations.length + broken.length > 0) throw new Error(shown);
    expect(figures.kept).toBeGreaterThan(50);
    expect(figures.resumed / figures.kept).toBeGreaterThanOrEqual(0.95);
    expect(figures.placed).toBeGreaterThan(500);
  },
  240_000,
);
