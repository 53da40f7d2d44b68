import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

/** Time and chance, as the engine sees them; a test may bring its own. */
export interface Environment {
  /** Unix ms. May go back; the engine's clock does not. */
  wallMs(): number;
  /** µs since any fixed point; never goes back. */
  monotonicUs(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** `digits` random lower-case hex digits; `digits` is even. */
  hex(digits: number): string;
}

export const systemEnvironment: Environment = {
  wallMs: () => Date.now(),
  monotonicUs: () => performance.now() * 1000,
  random: () => Math.random(),
  hex: (digits) => randomBytes(digits / 2).toString('hex'),
};

/** The hub's clock: Unix ms that never go back (SPEC §1). */
export class HubClock {
  private last = 0;

  constructor(private readonly env: Pick<Environment, 'wallMs'>) {}

  now(): number {
    this.last = Math.max(this.last, this.env.wallMs());
    return this.last;
  }
}
