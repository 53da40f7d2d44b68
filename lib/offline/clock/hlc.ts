/**
 * A hybrid logical clock (Kulkarni, Demirbas et al., 2014): the wall clock, and a counter that keeps the order of causes where the wall clock does not.
 * Its ids name what a person did, and break ties between such; the order of what happened is the log's alone (SPEC §24).
 *
 * Invariants (OF1, test/offline/clock/hlc.test.ts):
 * 1. Of two ids of which one may have caused the other, that one is less, as text.
 * 2. The wall part is never behind the device's clock, and was never ahead of it by more than `maxDriftMs` when it was made or heard.
 * 3. What is refused changes nothing.
 */

/** ms by which an id may be ahead of the device's clock. */
const MAX_DRIFT_MS = 300_000;
/** Of the counter: 16 bits. */
const MAX_LOGICAL = 65_535;
/** The largest that 13 digits hold (the year 2286). */
const MAX_WALL = 9_999_999_999_999;

export interface HlcTime {
  /** Unix ms. */
  readonly wall: number;
  readonly logical: number;
  /** Of the clock that made it. */
  readonly node: string;
}

export interface HlcOptions {
  /** Which clock this is, `[0-9a-z]{1,16}`; no two that run at once have the same. */
  node: string;
  /** Unix ms. */
  now: () => number;
  /** Default: 300,000. */
  maxDriftMs?: number | undefined;
  /** The last id of this device, where it was kept. It is not refused, however far ahead it is: the device's clock may have been set back. */
  last?: string | undefined;
}

export interface Hlc {
  /**
   * An id above all that were made and heard here, and above `after`, one of this device's own (another tab's). Throws a PathcastError CLOCK where the counter
   * is used up and the wall part cannot go on for being too far ahead: after 65,536 ids behind a clock that was set back by more than `maxDriftMs`.
   */
  next(after?: string): string;
  /** Somebody else's id was seen: what is made from here on is above it. Throws CLOCK where it is too far ahead, or its counter is full; INVALID_FIELD where it is none. */
  receive(id: string): void;
  /** The last that was made or heard; undefined: none. */
  readonly last: string | undefined;
}

const ID = /^(\d{13})\.(\d{5})\.([0-9a-z]{1,16})$/;

/** Undefined: it is no id of such a clock (a UUID, somebody else's word). */
export function parseHlc(id: string): HlcTime | undefined {
  const [, wall, logical, node] = ID.exec(id) ?? [];
  return node === undefined || Number(logical) > MAX_LOGICAL ? undefined : { wall: Number(wall), logical: Number(logical), node };
}

export const formatHlc = ({ wall, logical, node }: HlcTime): string => `${`${wall}`.padStart(13, '0')}.${`${logical}`.padStart(5, '0')}.${node}`;

/** Below 0: `a` comes first. Sorting them as text is the same. */
export const compareHlc = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** As lib/client/invalid.ts: told by its brand. */
const failed = (code: 'CLOCK' | 'INVALID_FIELD', number: number, message: string): Error =>
  Object.assign(new Error(message), { name: 'PathcastError', code, number, retryable: false, [Symbol.for('pathcast.error')]: true });

type Time = Omit<HlcTime, 'node'>;

/** A closure, as the rest of what pages load is. */
export function createHlc({ node, now, maxDriftMs = MAX_DRIFT_MS, last: kept }: HlcOptions): Hlc {
  /** Whose id is `last` may be another's; its time counts. */
  let last: HlcTime | undefined = kept === undefined ? undefined : parseHlc(kept);

  /** Of the device, never behind 1970, whole. */
  const device = (): number => Math.max(0, Math.floor(now()) || 0);
  const behind = (a: Time, b: Time): boolean => a.wall < b.wall || (a.wall === b.wall && a.logical < b.logical);

  /** The first time above `own`, at the clock's `pt`. */
  function above(own: Time, pt: number): Time {
    if (pt > own.wall) return { wall: pt, logical: 0 };
    if (own.logical < MAX_LOGICAL) return { wall: own.wall, logical: own.logical + 1 };
    if (own.wall + 1 - pt > maxDriftMs) throw failed('CLOCK', 4003, `The device's clock is ${own.wall - pt} ms behind the last change, and no more ids are left there`);
    return { wall: own.wall + 1, logical: 0 };
  }

  function set(time: Time): string {
    if (time.wall > MAX_WALL) throw failed('CLOCK', 4003, `The device's clock says ${time.wall}, which is after the year 2286`);
    last = { ...time, node };
    return formatHlc(last);
  }

  return {
    next(after) {
      let own: Time = last ?? { wall: -1, logical: 0 };
      const other = after === undefined ? undefined : parseHlc(after);
      if (other && behind(own, other)) own = other;
      return set(above(own, device()));
    },
    receive(id) {
      const theirs = parseHlc(id);
      if (!theirs) throw failed('INVALID_FIELD', 1001, `id must be <13 digits>.<5 digits>.<node>, got ${JSON.stringify(`${id}`.slice(0, 60))}`);
      const pt = device();
      const ahead = theirs.wall - pt;
      if (ahead > maxDriftMs) throw failed('CLOCK', 4003, `${id} is ${ahead} ms ahead of the device's clock; ${maxDriftMs} are allowed`);
      const own: Time = last ?? { wall: -1, logical: 0 };
      const top = behind(own, theirs) ? theirs : own;
      // A counter that is full is no reason to move the wall part for somebody else's sake.
      if (pt <= top.wall && top.logical >= MAX_LOGICAL) throw failed('CLOCK', 4003, `The counter of ${id} is full`);
      set(above(top, pt));
    },
    get last() {
      return last && formatHlc(last);
    },
  };
}
