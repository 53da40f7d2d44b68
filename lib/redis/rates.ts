/** Rate limits over all nodes: one script a call. */
import { intervalUs, type Rate, type RateOutcome } from '../internal/gcra.js';
import { rateKey } from './keys.js';
import { texts, type Life } from './nodes/life.js';
import { RATE } from './scripts/rate.js';

const SCRIPT = { name: 'rate', body: RATE };

export class Rates {
  readonly #life: Life;

  constructor(life: Life) {
    this.#life = life;
  }

  /** Undefined: Redis is away. Never rejects. */
  async take(key: string, rate: Rate): Promise<RateOutcome | undefined> {
    const life = this.#life;
    if (!(await life.usable())) return undefined;
    try {
      const asked = life.broker.eval(SCRIPT, [rateKey(life.prefix, key)], [intervalUs(rate), rate.burst]);
      const [ok, remaining, retryAfterMs] = texts(await life.patiently(asked)).map(Number);
      return { ok: ok === 1, remaining: remaining ?? 0, retryAfterMs: retryAfterMs ?? 0 };
    } catch (thrown) {
      life.failed(thrown);
      return undefined;
    }
  }
}
