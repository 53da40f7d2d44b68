/**
 * What the events that were heard demand of data, by query path: that it was read at or past a position of the log, or by a fetch that began
 * after the event was heard. It is kept for as long as the page lives, in the place of a mark on each query: what is cached later, put
 * there by hand or reverted to is measured by it as well.
 */
import { textOf } from './keys.js';
import { contradicts, restrictionAt, type Restriction, type Where } from '../protocol/where.js';

/** Of a query's data, or of the error in its place: of a part of it, where pages or answers differ. All parts have to be new for it to be. */
export interface Read {
  /** The tick at which the fetch began, or at which it came here; 0: nobody knows. */
  readonly begin: number;
  /** The position that the server gave with the answer. */
  readonly position: string | undefined;
  /** Unix ms by whoever read it, where it was not fetched here: hydrated, or given by the app. */
  readonly at: number | undefined;
}

export interface Demand {
  /** The tick at which it was heard. */
  readonly heard: number;
  /** Unix ms. */
  readonly at: number;
  /** The position that the event has in the log; undefined: it has none, and nothing but a later fetch is past it. */
  readonly position: string | undefined;
  /** The tick of an event that no position answers (a resync, an action without a place): a fetch has to begin after it. */
  readonly after: number;
}

/** How events may name a query. */
export interface QueryNames {
  readonly path: string;
  /** Its path and what covers it. */
  readonly names: readonly string[];
  readonly input: unknown;
}

/** Of some inputs of a path. */
interface Narrow {
  readonly demand: Demand;
  readonly restriction: Restriction;
}

export interface Heard {
  /** The newest position of all: up to it everything was heard. */
  readonly latest: string | undefined;
  /** The stream is at this position: its log is called so. */
  at(cursor: string | undefined): void;
  /** The log is another one. What it was called before says nothing of its positions. */
  renew(): void;
  /** `paths` are stale, some of them for some inputs. A newer demand on a path and any input holds all that the older ones on it did. */
  add(paths: readonly string[], demand: Demand, where?: Where): void;
  /** True where `test` is, of one of those that concern a query. */
  some(query: QueryNames, test: (demand: Demand) => boolean): boolean;
  /** Whether data that was read so contains what the event told of. */
  contains(read: Read, demand: Demand): boolean;
  /** Of a log that this stream was never of, as far as anybody knows. */
  isStrange(read: Read): boolean;
  /** It will never be of this log: of what is read at such a position only the beginning counts from now on. */
  disown(read: Read): void;
}

/** Paths remembered, and what covers them; beyond them all are one, and everything is stale. */
const MAX_PATHS = 1_000;
const MAX_NAMES_KEPT = 4_000;
/** Demands on some inputs of one path; beyond them any input is concerned. */
const MAX_NARROW = 32;
/** Names of one log that are remembered; of an older one nothing is compared. */
const MAX_NAMES = 16;
/** How far the clock of whoever read what is hydrated may be from ours, ms. */
const CLOCK_MS = 60_000;

/** The life of the log that a position is of, and its place in it. */
function partsOf(position: string): [epoch: string, seq: number] {
  const dot = position.lastIndexOf('.');
  return [position.slice(0, dot), Number(position.slice(dot + 1))];
}

/** The later one of the positions of one life of the log; of two lives, what was said last. */
function later(position: string | undefined, than: string | undefined): string | undefined {
  if (position === undefined || than === undefined) return position ?? than;
  const [life, seq] = partsOf(position);
  const [other, most] = partsOf(than);
  return life === other && seq < most ? than : position;
}

export function createHeard(): Heard {
  /** By the path that an event named. */
  let exact = new Map<string, Demand>();
  /** Of some of its inputs, since it was named for any. */
  let narrow = new Map<string, Narrow[]>();
  /** By what covers that: for a query that is made of everything below a router. */
  let below = new Map<string, Demand>();
  /** The highest `after` of all: it outlives those that it came with. */
  let after = 0;
  /** The newest position of all: what came later contains it, whether or not it has a place of its own. */
  let latest: string | undefined;
  /** Names of the stream's log, the newest last. */
  let names: readonly string[] = [];
  const seen = new Set<string>();
  const foreign = new Set<string>();

  function everything(demand: Demand): void {
    const all = { ...demand, after };
    exact = new Map([['*', all]]);
    below = new Map([['*', all]]);
    narrow = new Map();
  }

  return {
    get latest() {
      return latest;
    },
    at(cursor) {
      const name = cursor && partsOf(cursor)[0];
      if (!name || name === names.at(-1)) return;
      names = [...names, name].slice(-MAX_NAMES);
      seen.add(name);
    },
    renew() {
      names = [];
    },
    // A log that was renamed goes on counting; a node that knows an older name than the event's, or one that the stream has not heard, counts
    // as older. A new log begins with a `resync`, which leaves no older demand.
    contains({ begin, position, at }, demand) {
      // By no clock, one that was set or one of somebody else, does what was there already contain what came later.
      if (at !== undefined) return begin > demand.heard && at > demand.at + CLOCK_MS;
      if (begin <= demand.after) return false;
      if (demand.position === undefined || position === undefined) return begin > demand.heard;
      const [own, seq] = partsOf(position);
      const [wanted, least] = partsOf(demand.position);
      if (foreign.has(own) && !seen.has(own)) return begin > demand.heard;
      return seq >= least && (own === wanted || names.indexOf(own) > names.indexOf(wanted));
    },
    isStrange: ({ position }) => position !== undefined && !seen.has(partsOf(position)[0]),
    disown({ position }) {
      if (position !== undefined) foreign.add(partsOf(position)[0]);
    },
    add(paths, given, where) {
      after = Math.max(after, given.after);
      // A part of the page that joins a stream hears what it missed after what is newer.
      latest = later(given.position, latest);
      const demand = { ...given, position: latest };
      if (paths.includes('*') || exact.size + paths.length > MAX_PATHS) return everything(demand);
      for (const path of paths) {
        const newest = { ...demand, after: Math.max(demand.after, exact.get(path)?.after ?? 0) };
        const restriction = restrictionAt(where, path);
        const all = narrow.get(path) ?? [];
        // The newest one of the same inputs holds what the one before it did.
        const same = all.find((one) => textOf(one.restriction) === textOf(restriction));
        const others = all.filter((one) => one !== same);
        if (restriction && others.length < MAX_NARROW) {
          narrow.set(path, [...others, { demand: { ...demand, after: Math.max(demand.after, same?.demand.after ?? 0) }, restriction }]);
        } else {
          exact.set(path, newest);
          narrow.delete(path);
        }
        for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
          const above = path.slice(0, dot);
          below.set(above, { ...newest, after: Math.max(newest.after, below.get(above)?.after ?? 0) });
        }
        below.set('*', { ...newest, after });
      }
      // A path may have any number of words.
      if (exact.size + narrow.size + below.size > MAX_NAMES_KEPT) everything(demand);
    },
    some({ names, path, input }, test) {
      for (const name of names) {
        const demand = exact.get(name);
        if (demand && test(demand)) return true;
        if (narrow.get(name)?.some((one) => test(one.demand) && !contradicts(one.restriction, input))) return true;
      }
      const demand = below.get(path);
      return demand !== undefined && test(demand);
    },
  };
}
