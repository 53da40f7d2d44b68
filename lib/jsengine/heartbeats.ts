import { present } from './present.js';

/** Ticks of a full round; the streams are dealt out over them, so that they are not all pinged at once. */
const MAX_BUCKETS = 64;
/** Shorter rounds have fewer buckets: a tick is at least this long, ms. */
const MIN_TICK_MS = 20;

/** One timer that comes by each member once per interval, spread over it. */
export class Heartbeats<T> {
  private readonly buckets: Set<T>[];
  private readonly bucketOf = new Map<T, Set<T>>();
  private readonly timer: NodeJS.Timeout;
  private turn = 0;
  private dealt: number;

  constructor(intervalMs: number, beat: (member: T) => void) {
    const count = Math.min(MAX_BUCKETS, Math.max(1, Math.floor(intervalMs / MIN_TICK_MS)));
    this.dealt = count;
    this.buckets = Array.from({ length: count }, () => new Set<T>());
    this.timer = setInterval(() => {
      for (const member of this.buckets[this.turn] ?? []) beat(member);
      this.turn = (this.turn + 1) % count;
    }, intervalMs / count).unref();
  }

  add(member: T): void {
    // Against the ticks' order: the first streams of a young hub have almost an interval before their first one.
    this.dealt = (this.dealt || this.buckets.length) - 1;
    const bucket = present(this.buckets[this.dealt]);
    bucket.add(member);
    this.bucketOf.set(member, bucket);
  }

  remove(member: T): void {
    this.bucketOf.get(member)?.delete(member);
    this.bucketOf.delete(member);
  }

  close(): void {
    clearInterval(this.timer);
  }
}
