import type { Environment } from './environment.js';

/** Uniform in 50–150 % of `meanMs`, whole ms, so that clients told at once do not come back at once. */
export function jitter(meanMs: number, env: Pick<Environment, 'random'>): number {
  return Math.round(meanMs * (0.5 + env.random()));
}
