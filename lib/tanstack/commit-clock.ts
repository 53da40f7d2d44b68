/** How late an event comes, where the clocks of server and page do not agree: against the quickest one of the last minute or two. */
import type { CacheEnvironment } from './environment.js';

/** A clock that jumps by more was set, and a time that is so far ahead of all others is an app's own, ms. */
const JUMP_MS = 1_000;
const AHEAD_MS = 60_000;
/** A quickest way is forgotten after one to two of them, ms: a clock that was set, or a time that an app made up, counts no longer. */
const MINUTE_MS = 60_000;

export interface CommitClock {
  /** An event of this time (Unix ms, by the server) comes now. Gives how much later than the quickest one, ms. */
  arrived(timestamp: number): number;
}

export function createCommitClock({ now, elapsed }: Pick<CacheEnvironment, 'now' | 'elapsed'>): CommitClock {
  let from = -Infinity;
  /** Differences of the two clocks, the way included: the least of this minute and of the one before. */
  let least = Infinity;
  let before = Infinity;
  let clock = now() - elapsed();

  return {
    arrived(timestamp) {
      const at = elapsed();
      const set = now() - at;
      if (Math.abs(set - clock) > JUMP_MS) least = before = Infinity;
      clock = set;
      if (at - from >= MINUTE_MS) {
        before = at - from < 2 * MINUTE_MS ? least : Infinity;
        least = Infinity;
        from = at;
      }
      const way = now() - timestamp;
      if (way < Math.min(least, before) - AHEAD_MS && Math.min(least, before) !== Infinity) return 0;
      least = Math.min(least, way);
      return way - Math.min(least, before);
    },
  };
}
