import type { StreamEnd } from '../internal/engine.js';

/** Ends remembered for those who ask late: a stream may be refused before its opener has had a turn to ask. */
const REMEMBERED = 1_024;

/** Who waits for the end of a stream, and how the last ones ended. */
export class Watchers {
  private readonly waiting = new Map<string, ((end: StreamEnd) => void)[]>();
  private readonly ended = new Map<string, StreamEnd>();

  /** `open`: it has not ended. */
  watch(connectionId: string, open: boolean): Promise<StreamEnd> {
    if (!open) return Promise.resolve(this.ended.get(connectionId) ?? 'gone');
    return new Promise((resolve) => {
      const waiting = this.waiting.get(connectionId);
      if (waiting) waiting.push(resolve);
      else this.waiting.set(connectionId, [resolve]);
    });
  }

  tell(connectionId: string, end: StreamEnd): void {
    this.ended.set(connectionId, end);
    if (this.ended.size > REMEMBERED) this.ended.delete(this.ended.keys().next().value as string);
    const waiting = this.waiting.get(connectionId) ?? [];
    this.waiting.delete(connectionId);
    for (const resolve of waiting) resolve(end);
  }
}
