/**
 * A hybrid logical clock (Kulkarni, Demirbas et al., 2014): the wall clock, and a counter that keeps the order of causes where the wall clock does not.
 * Its ids name what a person did, and break ties between such; the order of what happened is the log's alone (SPEC §24).
 *
 * Invariants (OF1, test/offline/clock/hlc.test.ts):
 * 1. Of two ids of which one may have caused the other, that one is less, as text.
 * 2. The wall part is never behind the device's clock, and was never ahead of it by more than `maxDriftMs` when it was made or heard.
 * 3. What is refused changes nothing.
 */
import { demand, offlineError } from '../error.js';

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

/** A new clock's name. */
export const newNode = ({ random }: { random: () => number }): string => random().toString(36).slice(2, 14);

type Time = Omit<HlcTime, 'node'>;

const isBehind = (a: Time, b: Time): boolean => a.wall < b.wall || (a.wall === b.wall && a.logical < b.logical);

/** A closure, as the rest of what pages load is. */
export function createHlc({ node, now, maxDriftMs = MAX_DRIFT_MS, last: kept }: HlcOptions): Hlc {
  /** Whose id is `last` may be another's; its time counts. */
  let last = parseHlc(`${kept}`);

  const refuse = (message: string): never => {
    throw offlineError('CLOCK', message);
  };

  /** The first id above what is known here and `other`, by the device's clock: never behind 1970, whole. `hears`: `other` is somebody else's. */
  function above(other: Time | undefined, hears?: boolean): string {
    const device = Math.max(0, Math.floor(now()) || 0);
    const ahead = (other?.wall ?? 0) - device;
    if (hears && ahead > maxDriftMs) refuse(`an id is ${ahead} ms ahead of the clock, at most ${maxDriftMs} are allowed`);
    const own = last ?? { wall: -1, logical: 0 };
    let { wall, logical } = other && isBehind(own, other) ? other : own;
    if (device > wall) [wall, logical] = [device, 0];
    else if (logical < MAX_LOGICAL) logical += 1;
    // A counter that is full is no reason to move the wall part for somebody else's sake.
    else if (hears || wall + 1 - device > maxDriftMs) refuse(`no ids are left ${wall - device} ms ahead of the clock`);
    else [wall, logical] = [wall + 1, 0];
    if (wall > MAX_WALL) refuse(`the clock is after 2286: ${wall}`);
    last = { wall, logical, node };
    return formatHlc(last);
  }

  return {
    next: (after) => above(parseHlc(`${after}`)),
    receive(id) {
      const theirs = parseHlc(id);
      demand(theirs, 'id', '<13 digits>.<5 digits>.<node>', id, 'INVALID_FIELD');
      above(theirs, true);
    },
    get last() {
      return last && formatHlc(last);
    },
  };
}
