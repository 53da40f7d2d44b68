/**
 * When a query that became stale is fetched: once for what comes together, and not by everybody at once. A first event is waited with for a
 * moment; events that go on, less than 150 ms apart, for as long again as they have lasted. What is further apart is a fetch each. Each query has its
 * own pace: what storms elsewhere delays nothing of it.
 */
import type { CacheEnvironment } from './environment.js';

/** What a query waits for. `due`, ms as `elapsed` has it, moves while more comes. */
export interface Wait {
  readonly due: number;
}

interface Open extends Wait {
  due: number;
  /** When its first event was heard. */
  readonly from: number;
  /** It follows another one. */
  readonly busy: boolean;
  /** This client's part of a spread, 0 to 1. */
  readonly part: number;
  /** The widest spread that was asked for, ms. */
  spread: number;
}

/** What one query waits for, or waited for last. */
interface Waits {
  /** Somebody looks at it. */
  near: Open;
  /** For the others' sake. It delays nothing that somebody looks at, and is not hurried by it. */
  far: Open;
}

export interface Pace {
  /** An event was heard. `spread`: ms over which the server wants all clients' refetches; `soon`: somebody looks. Gives what each query waits for. */
  event(spread: number, soon: boolean): (query: object) => Wait;
  /** The page came into sight: what waits for the others' sake does not any more. */
  hurry(query: object): void;
}

/** ms without another event, and from the first event on at most. */
const QUIET_MS = 50;
const MOST_MS = 250;
/** Of which a client waits its part, without a spread too; what a first event is waited with besides, ms. */
const JITTER_MS = 25;
/** Quiet and most where one wait follows the other: as long as events have gone on, within these. */
const BUSY_QUIET_MS = 150;
const BUSY_QUIET_MAX_MS = 1_000;
const BUSY_MOST_MS = 5_000;
/** A wait that begins within so many ms of the last one's end follows it. */
const BUSY_MS = 1_000;
/** Of what a server may ask for, ms: beyond it a figure is wrong. */
const MAX_SPREAD_MS = 60_000;

const NONE: Open = { due: -Infinity, from: -Infinity, busy: false, part: 0, spread: 0 };

export function createPace({ elapsed, random }: Pick<CacheEnvironment, 'elapsed' | 'random'>): Pace {
  const waits = new WeakMap<object, Waits>();

  function of(query: object): Waits {
    let one = waits.get(query);
    if (!one) waits.set(query, (one = { near: NONE, far: NONE }));
    return one;
  }

  function join(open: Open, at: number, spread: number, part: number): Open {
    const wait = at < open.due ? open : { due: at, from: at, busy: at - open.due < BUSY_MS, part, spread };
    wait.spread = Math.max(wait.spread, spread);
    const first = wait !== open;
    const quiet = wait.busy ? Math.min(Math.max(BUSY_QUIET_MS, at - wait.from), BUSY_QUIET_MAX_MS) : first ? JITTER_MS : QUIET_MS;
    const end = Math.min(at + quiet, wait.from + (wait.busy ? BUSY_MOST_MS : MOST_MS) - JITTER_MS);
    // All clients hear the last event at the same time: without a part of its own each would fetch at the same time too.
    wait.due = Math.max(wait.due, end + wait.part * Math.max(wait.spread, JITTER_MS));
    return wait;
  }

  return {
    event(asked, soon) {
      const at = elapsed();
      const spread = Math.min(Math.max(asked, 0) || 0, MAX_SPREAD_MS);
      const kind = soon || spread === 0 ? 'near' : 'far';
      // Who looks at it waits no longer than without a spread, with a first event.
      const wanted = kind === 'near' ? Math.min(spread, MOST_MS - JITTER_MS) : spread;
      const part = random();
      return (query) => {
        const own = of(query);
        return (own[kind] = join(own[kind], at, wanted, part));
      };
    },
    hurry(query) {
      const { far } = of(query);
      if (far !== NONE) far.due = Math.min(far.due, elapsed() + MOST_MS * far.part);
    },
  };
}
