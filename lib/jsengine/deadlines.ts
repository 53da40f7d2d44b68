/** How late a deadline may be noticed, ms; it is never noticed early. */
export const DEADLINE_GRAIN_MS = 200;

/**
 * What falls due at a time, in buckets of `DEADLINE_GRAIN_MS`. Its owner calls `due` at least that often.
 * A member has one deadline. The clock may jump either way: what was set by it is due when it says so.
 */
export class Deadlines<T> {
  private readonly buckets = new Map<number, Set<T>>();
  private readonly bucketOf = new Map<T, number>();
  private next: number;

  /** `now` and all times: ms of one clock. */
  constructor(now: number) {
    this.next = bucketAt(now);
  }

  set(member: T, at: number): void {
    const bucket = bucketAt(at);
    this.next = Math.min(this.next, bucket);
    let members = this.buckets.get(bucket);
    if (!members) this.buckets.set(bucket, (members = new Set()));
    members.add(member);
    this.bucketOf.set(member, bucket);
  }

  remove(member: T): void {
    const bucket = this.bucketOf.get(member);
    if (bucket === undefined) return;
    this.bucketOf.delete(member);
    const members = this.buckets.get(bucket);
    members?.delete(member);
    if (members?.size === 0) this.buckets.delete(bucket);
  }

  /** Takes out and returns what is due at `now`. */
  due(now: number): T[] {
    const found: T[] = [];
    const last = Math.floor(now / DEADLINE_GRAIN_MS);
    if (last - this.next > this.buckets.size) return this.dueAfterPause(last);
    for (; this.next <= last; this.next++) this.takeBucket(this.next, found);
    return found;
  }

  /** After a long sleep of the machine: looks at what there is instead of at each bucket that was missed. */
  private dueAfterPause(last: number): T[] {
    const found: T[] = [];
    for (const bucket of [...this.buckets.keys()].sort((a, b) => a - b)) if (bucket <= last) this.takeBucket(bucket, found);
    this.next = last + 1;
    return found;
  }

  private takeBucket(bucket: number, found: T[]): void {
    const members = this.buckets.get(bucket);
    if (!members) return;
    this.buckets.delete(bucket);
    for (const member of members) {
      this.bucketOf.delete(member);
      found.push(member);
    }
  }
}

/** The first bucket whose start is not before `at`. */
function bucketAt(at: number): number {
  return Math.ceil(at / DEADLINE_GRAIN_MS);
}
