/**
 * `observe`: what a binding does, told to reports and developers: which event concerned which cached query, what was fetched for it, what was
 * spared, and when the page had it. Nothing is kept, and nothing is looked at, while nobody observes.
 */
import { invalid } from '../client/invalid.js';
import type { QueryBinding } from './bind.js';
import { createCommitClock } from './commit-clock.js';
import type { Demand, QueryNames } from './heard.js';
import { INSIDE, type Inside, type Tap } from './inside.js';
import { namesOf as coversOf } from './keys.js';
import type { QueryLike } from './types.js';
import { contradicts, restrictionAt, type Where } from '../protocol/where.js';

export type QueryKey = readonly unknown[];

/** An event, as far as a cache is concerned. */
export interface TracedEvent {
  /** Of this binding's events, from 1. */
  readonly nth: number;
  /** `insert`, `update`, `delete`, `invalidate`, `resync`, or one of a later version. */
  readonly type: string;
  /** An action's own id. */
  readonly id: string | undefined;
  /** Of an action one, of a conflated stretch several. */
  readonly modules: readonly string[];
  readonly entityId: string | undefined;
  /** As the binding takes them: `*` of an event that names nothing it can read. */
  readonly queryPaths: readonly string[];
  /** `"<epoch>.<seq>"`; undefined: it has no place in the log. */
  readonly position: string | undefined;
  /** Unix ms by the server's clock: when it was announced. */
  readonly timestamp: number;
  /** Unix ms by the page's clock. */
  readonly heardAt: number;
  /** This tab made the change. */
  readonly own: boolean;
  /** How many actions a conflated stretch stands for. */
  readonly count: number;
  /** Why there is a `resync`. */
  readonly reason: string | undefined;
}

/** One of an event's query paths, and the cached queries that it names. Neither: no query of this cache has it; the server may know one that does. */
export interface TracedName {
  readonly path: string;
  /** Keys of the queries that it concerns, 50 at most, and how many there are. */
  readonly met: readonly QueryKey[];
  readonly metCount: number;
  /** Those that it names and that `where` leaves alone. */
  readonly spared: readonly QueryKey[];
  readonly sparedCount: number;
}

export interface Applied {
  readonly event: TracedEvent;
  /**
   * From the event's time to now, ms; undefined: of no use, for nobody looked at the query all the time, or a `resync` came, which is of no change. Server and
   * page need not agree about the time: the quickest way of an event in the last minute or two counts as none.
   */
  readonly ms: number | undefined;
}

/** What a binding does, as it happens. */
export type CacheTrace =
  | {
      readonly type: 'heard';
      readonly event: TracedEvent;
      readonly names: readonly TracedName[];
      /** Keys of the queries that are stale by it, 50 at most, and how many there are. Others that it concerns have it already, or show nothing yet. */
      readonly stale: readonly QueryKey[];
      readonly staleCount: number;
      /** Of queries that somebody looks at: a fetch was to come anyway, `where` leaves them alone, they were read at or past the event. */
      readonly avoided: Readonly<Record<'coalesced' | 'where' | 'position', number>>;
    }
  /** A fetch begins. `events`: what it is for, the newest 100. */
  | { readonly type: 'refetch'; readonly queryKey: QueryKey; readonly events: readonly TracedEvent[] }
  /** One that was begun so has failed. */
  | { readonly type: 'failed'; readonly queryKey: QueryKey; readonly events: readonly TracedEvent[]; readonly error: unknown }
  /**
   * The query's data contains the events. `refetched`: a fetch was begun for one of them. `spared`: for one that came later, or for all, none had
   * to be: what was read, or written there, is as new.
   */
  | { readonly type: 'applied'; readonly queryKey: QueryKey; readonly applied: readonly Applied[]; readonly refetched: boolean; readonly spared: boolean };

export type CacheObserver = (trace: CacheTrace) => void;

/** Keys that stand at a name, and at an event. */
const MAX_KEYS = 50;
/** Events that one query waits for; beyond it the oldest are forgotten. */
const MAX_WAITING = 100;

interface Waiting {
  readonly event: TracedEvent;
  readonly demand: Demand;
  /** How late it came, ms, where that can be said, and when (`elapsed`). */
  readonly late: number | undefined;
  readonly from: number;
  /** Somebody has looked at the query all the time. */
  looked: boolean;
  /** A fetch was begun for it. */
  fetched: boolean;
}

type Avoided = Record<'coalesced' | 'where' | 'position', number>;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function insideOf(binding: QueryBinding): Inside {
  const inside = (Object(binding) as { [INSIDE]?: Inside })[INSIDE];
  if (!inside) throw invalid('binding must be what bindQueryClient() gave');
  return inside;
}

/** Query paths of what the cache holds, each once. Throws INVALID_OPTION for what is no binding. */
export function cachedPaths(binding: QueryBinding): string[] {
  const { queries, namesOf } = insideOf(binding);
  return [...new Set(queries().flatMap((query) => namesOf(query).map(({ path }) => path)))];
}

/**
 * Calls `observer` with what a binding does from now on; what it throws is reported. Gives back what ends that; so does the binding's end. Throws
 * INVALID_OPTION for what is no binding.
 */
export function observe(binding: QueryBinding, observer: CacheObserver): () => void {
  const inside = insideOf(binding);
  const tap = tapOf(inside, observer);
  inside.taps.add(tap);
  return () => void inside.taps.delete(tap);
}

function tapOf({ environment, queries, namesOf, reads, heard, tasks }: Inside, observer: CacheObserver): Tap {
  const { now, elapsed } = environment;
  const { isFetched } = tasks;
  const clock = createCommitClock(environment);
  /** By query: what it does not show yet. */
  const waiting = new Map<QueryLike, Waiting[]>();
  let nth = 0;

  /** What it shows contains what was demanded, however long ago. */
  const contains = (query: QueryLike, demand: Demand): boolean => reads.of(query).every((part) => heard.contains(part, demand));

  function tell(trace: CacheTrace): void {
    try {
      observer(trace);
    } catch (thrown) {
      environment.report(thrown);
    }
  }

  function traced(event: object, queryPaths: readonly string[], { position }: Demand, own: boolean): TracedEvent {
    const { type, id, module, modules, entityId, timestamp, count, reason } = event as Record<string, unknown>;
    return {
      nth: (nth += 1),
      type: textOf(type) ?? '',
      id: textOf(id),
      modules: (Array.isArray(modules) ? modules : [module]).filter((one) => typeof one === 'string'),
      entityId: textOf(entityId),
      queryPaths,
      position,
      timestamp: typeof timestamp === 'number' ? timestamp : now(),
      heardAt: now(),
      own,
      count: typeof count === 'number' ? count : 1,
      reason: textOf(reason),
    };
  }

  /** What a query waits for from now on. */
  function wait(query: QueryLike, event: TracedEvent, demand: Demand, late: number | undefined): void {
    const all = waiting.get(query) ?? [];
    waiting.set(query, all);
    all.push({ event, demand, late, from: elapsed(), looked: isFetched(query), fetched: false });
    if (all.length > MAX_WAITING) all.shift();
  }

  function applied(query: QueryLike): void {
    const all = waiting.get(query);
    if (!all) return;
    const done = all.filter(({ demand }) => contains(query, demand));
    if (done.length === 0) return;
    const left = all.filter((one) => !done.includes(one));
    if (left.length > 0) waiting.set(query, left);
    else waiting.delete(query);
    const at = elapsed();
    tell({
      type: 'applied',
      queryKey: query.queryKey,
      applied: done.map(({ event, late, from, looked }) => ({ event, ms: looked && late !== undefined ? late + at - from : undefined })),
      refetched: done.some(({ fetched }) => fetched),
      spared: done.some(({ fetched, looked }) => looked && !fetched),
    });
  }

  return {
    heard(given, paths, demand, own) {
      const event = traced(given, paths, demand, own);
      // A `resync` is of no change that anybody made.
      const late = event.type === 'resync' ? undefined : clock.arrived(event.timestamp);
      const avoided: Avoided = { coalesced: 0, where: 0, position: 0 };
      const names = paths.map((path) => ({ path, met: [] as QueryKey[], metCount: 0, spared: [] as QueryKey[], sparedCount: 0 }));
      const stale: QueryKey[] = [];
      let staleCount = 0;
      const ways = waysOf(paths);
      for (const query of queries()) {
        const found = meetings(namesOf(query), paths, ways, (given as { where?: Where }).where);
        let met = false;
        for (const [index, concerned] of found) {
          const name = names[index] as (typeof names)[number];
          met ||= concerned;
          const keys = concerned ? name.met : name.spared;
          if (concerned) name.metCount += 1;
          else name.sparedCount += 1;
          if (keys.length < MAX_KEYS) keys.push(query.queryKey);
        }
        if (found.size === 0) continue;
        const looked = isFetched(query) ? 1 : 0;
        if (!tasks.lacks(query, ({ heard: at }) => at === demand.heard)) {
          if (!met) avoided.where += looked;
          // What shows nothing yet has nothing to be stale.
          else if (query.state.data !== undefined) avoided.position += looked;
        } else {
          staleCount += 1;
          if (stale.length < MAX_KEYS) stale.push(query.queryKey);
          if (waiting.get(query)?.some(({ fetched }) => !fetched)) avoided.coalesced += looked;
          wait(query, event, demand, late);
        }
      }
      tell({ type: 'heard', event, names, stale, staleCount, avoided });
    },
    begun(query) {
      const all = waiting.get(query) ?? [];
      for (const one of all) one.fetched = true;
      tell({ type: 'refetch', queryKey: query.queryKey, events: all.map(({ event }) => event) });
    },
    happened(query, what) {
      if (what === 'began' || !waiting.has(query)) return;
      if (what === 'removed') {
        waiting.delete(query);
        return;
      }
      applied(query);
      const left = waiting.get(query) ?? [];
      const fetched = left.filter((one) => one.fetched);
      if (what === 'failed' && fetched.length > 0) {
        for (const one of fetched) one.fetched = false;
        tell({ type: 'failed', queryKey: query.queryKey, events: fetched.map(({ event }) => event), error: query.state.error });
      }
      // What nobody looks at is in no hurry.
      if (!isFetched(query)) for (const one of left) one.looked = false;
    },
  };
}

/** The paths of an event, by the names that a query may have for them. */
interface Ways {
  readonly at: ReadonlyMap<string, readonly number[]>;
  /** What covers a path: a query that is made of a whole router has it. */
  readonly above: ReadonlyMap<string, readonly number[]>;
}

function waysOf(paths: readonly string[]): Ways {
  const at = new Map<string, number[]>();
  const above = new Map<string, number[]>();
  const add = (to: Map<string, number[]>, name: string, index: number): void => void to.set(name, [...(to.get(name) ?? []), index]);
  paths.forEach((path, index) => {
    add(at, path, index);
    for (const name of coversOf(path)) if (name !== path) add(above, name, index);
  });
  return { at, above };
}

const NONE: readonly number[] = [];

/** By the index of the path: whether it concerns the query (true), or its `where` leaves the query alone. Others do not name it. */
function meetings(query: readonly QueryNames[], paths: readonly string[], { at, above }: Ways, where: Where | undefined): Map<number, boolean> {
  const found = new Map<number, boolean>();
  for (const { path: own, names, input } of query) {
    for (const index of above.get(own) ?? NONE) found.set(index, true);
    for (const name of names) {
      for (const index of at.get(name) ?? NONE) {
        const path = paths[index] as string;
        const restriction = path === '*' ? undefined : restrictionAt(where, path);
        found.set(index, (found.get(index) ?? false) || !(restriction && contradicts(restriction, input)));
      }
    }
  }
  return found;
}
