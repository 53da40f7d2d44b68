/**
 * Redis's clock, as far as it can be known here: what it said last, and the time since. That is at most its time, so that an
 * action that comes later never has an earlier `arrivedAt`.
 */
export class RedisClock {
  private said: { readonly ms: number; readonly atUs: number } | undefined;

  constructor(
    private readonly monotonicUs: () => number,
    private readonly wallMs: () => number,
  ) {}

  /** The answer to TIME: seconds, and µs of the second. */
  hear(seconds: number, micros: number): void {
    if (!Number.isFinite(seconds) || !Number.isFinite(micros)) return;
    this.said = { ms: seconds * 1000 + Math.floor(micros / 1000), atUs: this.monotonicUs() };
  }

  /** Unix ms; this machine's as long as Redis has said nothing. */
  now(): number {
    if (!this.said) return this.wallMs();
    return Math.floor(this.said.ms + (this.monotonicUs() - this.said.atUs) / 1000);
  }
}
