/** Many trials as one: what they found, and what was saved. */
import * as newest from '@tanstack/query-core';
import * as oldest from 'query-core-5-62';
import { runSeed } from '../../support/random.js';
import { runTrial, type Tally, type TrialOptions } from './trial.js';

/** Of all ways together. `PATHCAST_WHERE=2000` runs as many, from a seed by chance, which is shown. */
export const SCHEMAS = Number(process.env['PATHCAST_WHERE'] ?? 150);
const REPLAYED = process.env['PATHCAST_SEED'];
const FIRST = process.env['PATHCAST_WHERE'] || REPLAYED ? runSeed() : 1;
const CORES = [newest, oldest as unknown as typeof newest];

const COUNTS = ['named', 'touched', 'changed', 'mutations', 'conflated', 'resyncs'] as const;

/** `share` of the schemas, or the one of `PATHCAST_SEED`. Throws at the first query that is spared. */
export async function runTrials(way: string, share: number, nth: number, options: Omit<TrialOptions, 'core'>): Promise<Tally> {
  const all: Tally = { named: 0, touched: 0, changed: 0, mutations: 0, conflated: 0, resyncs: 0, wrongs: [] };
  const count = REPLAYED ? 1 : Math.ceil(SCHEMAS * share);
  const first = REPLAYED ? FIRST : FIRST + nth * 1_000_000;
  for (let one = 0; one < count; one += 1) {
    const seed = (first + one) >>> 0;
    const tally = await runTrial(seed, { ...options, core: CORES[seed % 2]! }).catch((thrown: unknown) => {
      throw new Error(`PATHCAST_SEED=${seed}: ${String(thrown)}`, { cause: thrown });
    });
    if (tally.wrongs.length > 0) throw new Error(`PATHCAST_SEED=${seed}: ${tally.wrongs.join('\n')}`);
    for (const name of COUNTS) all[name] += tally[name];
  }
  const of = (part: number): string => `${Math.round((100 * part) / all.named)} %`;
  process.stdout.write(
    `where, ${way}: ${count} schemas, ${all.mutations} mutations; of ${all.named} fresh queries that events named ${of(all.named - all.touched)} were spared, and ${of(all.changed)} had another answer; ${all.conflated} events stood for several, ${all.resyncs} for all\n`,
  );
  return all;
}

/** How many schemas it takes until the oracle sees what is wrong with them; undefined: it does not. */
export async function seenAfter(most: number, options: Omit<TrialOptions, 'core'>): Promise<number | undefined> {
  for (let seed = 1; seed <= most; seed += 1) {
    const { wrongs } = await runTrial(seed, { ...options, core: newest });
    if (wrongs.length > 0) return seed;
  }
  return undefined;
}
