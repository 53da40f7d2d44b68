/** Random tests print their seed; `PATHCAST_SEED` replays one. */

export interface Random {
  readonly seed: number;
  /** Uniform in [0, 1). */
  next(): number;
  /** Whole, from 0 to n - 1. */
  below(n: number): number;
  pick<T>(list: readonly T[]): T;
  /** True with probability `p`. */
  chance(p: number): boolean;
}

/** mulberry32: small, fast, good enough to wander through states. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { seed, next, below, pick: (list) => list[below(list.length)]!, chance: (p) => next() < p };
}

/** The seed of this run: from `PATHCAST_SEED`, else by chance. */
export function runSeed(): number {
  const given = process.env.PATHCAST_SEED;
  return given === undefined || given === '' ? Math.floor(Math.random() * 2 ** 32) : Number(given);
}

/** Runs `body`; when it fails, the error says how to run it again. */
export async function withSeed<T>(seed: number, body: (random: Random) => Promise<T>): Promise<T> {
  try {
    return await body(makeRandom(seed));
  } catch (error) {
    throw new Error(`Failed with PATHCAST_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
