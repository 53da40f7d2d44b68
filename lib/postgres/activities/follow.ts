/** One follower of a company: what it missed, and then what comes, by one offset that only moves on. So nothing comes twice, nothing is left out, and nothing is queued. */
import { sleep, waitOf } from '../../internal/backoff.js';
import { unlessAborted } from '../../internal/unless-aborted.js';
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
  /** Undefined: something can be taken. Else it resolves when it can. */
  ready(): Promise<void> | undefined;
  /** Of these, how many it would take at once; 1 at least. */
  fit(activities: readonly Activity[]): number;
  take(activities: readonly Activity[]): void;
  /** All up to here was taken, or was not for this follower. */
  moved(to: Offset): void;
  /** Everything may have changed. */
  resync(reason: ResyncReason, at: Offset): void;
  /** There is no more for now. */
  idle(at: Offset): void;
}

const PAGE = 100;
/** What was read and cannot be taken is kept so long, ms; then it is read again. */
const KEPT_MS = 1_000;
const AGAIN = { firstMs: 20, maxMs: 2_000 };

/** Until `signal` aborts, whatever an app's function that was asked does then; rejects with what a page, or `isAllowed`, is rejected with. */
export async function follow<U>(follower: Follower<U>, source: Source, tails: Tails): Promise<void> {
  const { companyId, types, signal } = follower;
  const { tail, leave } = tails.join(companyId);
  try {
    let at: Start = follower.start;
    let behind = 0;
    while (!signal.aborted) {
      await follower.ready();
      const { version } = tail;
      const known = typeof at === 'object' ? tail.after(at) : undefined;
      let next: Offset;
      let activities: readonly Activity[];
      if (known && typeof at === 'object') {
        const some = known.slice(0, PAGE);
        next = some.length > 0 ? { life: at.life, seq: (some.at(-1) as Activity).seq } : at;
        activities = types.size === 0 ? some : some.filter(({ entityType }) => entityType === '*' || types.has(entityType));
      } else {
        const page = await unlessAborted(source.page(companyId, at, PAGE, types), signal);
        if (!page || signal.aborted) return;
        if (page.complete) tail.reached(page.next, version);
        if (page.resync !== undefined) follower.resync(page.resync, page.from);
        ({ next, activities } = page);
      }
      const isNews = typeof at !== 'object' || at.seq !== next.seq || at.life !== next.life;
      at = await deliver(follower, activities, next);
      if (isNews) behind = 0;
      if (isNews || signal.aborted) continue;
      follower.idle(at);
      // Another one's page was newer than this one, and nobody will ring for what is between them.
      if (tail.isAheadOf(at)) await sleep(waitOf(AGAIN, behind++, Math.random()), signal);
      else await tail.news(version, signal);
    }
  } finally {
    leave();
  }
}

/** As many as are taken; resolves to where that ends. What may be seen is asked right before. */
async function deliver<U>(follower: Follower<U>, activities: readonly Activity[], next: Offset): Promise<Offset> {
  let at = next;
  for (let rest = activities; rest.length > 0; ) {
    const some = rest.slice(0, follower.fit(rest));
    const may = await unlessAborted(allowed(follower.isAllowed, follower.user, some), follower.signal);
    if (!may || follower.signal.aborted) return at;
    if (may.length > 0) follower.take(may);
    rest = rest.slice(some.length);
    at = rest.length > 0 ? { life: next.life, seq: (some.at(-1) as Activity).seq } : next;
    follower.moved(at);
    const ready = follower.ready();
    if (rest.length > 0 && ready && !(await inTime(ready))) return at;
  }
  follower.moved(at);
  return at;
}

async function inTime(ready: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, KEPT_MS, false).unref()));
  try {
    return await Promise.race([ready.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
