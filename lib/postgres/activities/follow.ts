/** One follower of a company: what it missed, and then what comes, by one offset that only moves on. So nothing comes twice, nothing is left out, and nothing is queued. */
import { allowed, type Activity, type IsAllowed, type ResyncReason } from './activity.js';
import type { Offset, Start } from './offset.js';
import type { Source } from './source.js';
import type { Tails } from './tails.js';

export interface Follower<U> {
  readonly companyId: string;
  /** Empty: all. */
  readonly types: ReadonlySet<string>;
  readonly start: Start;
  readonly user: U;
  readonly isAllowed: IsAllowed<U>;
  readonly signal: AbortSignal;
  /** Resolves when something can be taken. */
  ready(): Promise<void>;
  /** Of these, the first so many were taken, 1 at least. What is left comes again, asked anew whether it may. */
  take(activities: readonly Activity[]): number;
  /** All up to here was taken, or was not for this follower. */
  moved(to: Offset): void;
  /** Everything may have changed. */
  resync(reason: ResyncReason, at: Offset): void;
  /** There is no more for now. */
  idle(at: Offset): void;
}

const PAGE = 100;

/** Until `signal` aborts; rejects with what a page, or `isAllowed`, is rejected with. */
export async function follow<U>(follower: Follower<U>, source: Source, tails: Tails): Promise<void> {
  const { companyId, types, signal } = follower;
  const { tail, leave } = tails.join(companyId);
  try {
    let at: Start = follower.start;
    while (!signal.aborted) {
      await follower.ready();
      const { version } = tail;
      const known = typeof at === 'object' ? tail.after(at) : undefined;
      let next: Offset;
      let activities: readonly Activity[];
      if (known && typeof at === 'object') {
        // The tail may know more than a page's worth; what is asked for at once is not.
        const some = known.slice(0, PAGE);
        next = some.length > 0 ? { life: at.life, seq: (some.at(-1) as Activity).seq } : at;
        activities = types.size === 0 ? some : some.filter(({ entityType }) => entityType === '*' || types.has(entityType));
      } else {
        const page = await source.page(companyId, at, PAGE, types);
        if (page.complete) tail.reached(page.next, version);
        if (page.resync !== undefined) follower.resync(page.resync, page.from);
        ({ next, activities } = page);
      }
      const isNews = typeof at !== 'object' || at.seq !== next.seq || at.life !== next.life;
      const may = await allowed(follower.isAllowed, follower.user, activities);
      if (signal.aborted) return;
      const taken = may.length > 0 ? follower.take(may) : 0;
      at = taken < may.length ? { life: next.life, seq: (may[taken - 1] as Activity).seq } : next;
      follower.moved(at);
      if (isNews || taken < may.length) continue;
      follower.idle(at);
      await tail.news(version, signal);
    }
  } finally {
    leave();
  }
}
