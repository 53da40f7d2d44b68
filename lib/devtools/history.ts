/** What a panel remembers: the last events, what became of each query that they made stale, and sums. Nothing of the page's data. */
import type { CacheTrace, TracedEvent } from '../tanstack/index.js';
import { keyText, messageText, pathText } from './text.js';

type QueryKey = readonly unknown[];

export interface QueryRecord {
  readonly key: string;
  /** `has it`: it was read at or past the event, or shows nothing yet. `marked`: stale. `fetching`: a fetch for it was begun. */
  state: 'has it' | 'marked' | 'fetching' | 'failed' | 'applied';
  /** Fetches that were begun. */
  fetches: number;
  /** From the event's time to the data that contains it, ms. */
  ms: number | undefined;
  error: string | undefined;
}

export interface NameRecord {
  readonly path: string;
  /** `met`: some cached query has it. `spared`: some has, and `where` leaves all of them alone. `unmet`: none here has it. `phantom`: no query of the router has it. */
  readonly verdict: 'met' | 'spared' | 'unmet' | 'phantom';
  readonly met: readonly QueryRecord[];
  readonly metCount: number;
  readonly spared: readonly string[];
  readonly sparedCount: number;
}

export interface EventRecord {
  readonly event: TracedEvent;
  readonly names: readonly NameRecord[];
  readonly queries: ReadonlyMap<QueryKey, QueryRecord>;
  readonly staleCount: number;
  /** Refetches that it did not cost. */
  readonly avoided: number;
}

export interface Sums {
  events: number;
  refetches: number;
  failed: number;
  coalesced: number;
  where: number;
  position: number;
}

export interface History {
  /** The newest first. */
  events(): readonly EventRecord[];
  readonly sums: Readonly<Sums>;
  /** Of the last times from commit to applied, ms, the one that this share is below; undefined: there is none yet. */
  quantile(share: number): number | undefined;
  add(trace: CacheTrace): void;
  clear(): void;
}

/** Times from commit to applied that are remembered. */
const MAX_TIMES = 500;
/** Paths of one event that are remembered. */
const MAX_NAMES = 64;

const noSums = (): Sums => ({ events: 0, refetches: 0, failed: 0, coalesced: 0, where: 0, position: 0 });

/** `maxEvents`: those that are remembered, the oldest go first. `known`: the router's queries; undefined: nobody knows them. */
export function createHistory(maxEvents: number, known: readonly string[] | undefined): History {
  /** By the event's number, the oldest first. */
  const records = new Map<number, EventRecord>();
  let sums = noSums();
  let times: number[] = [];

  const isPhantom = (path: string): boolean => known !== undefined && path !== '*' && !known.some((one) => one === path || one.startsWith(`${path}.`));

  function heard({ event, names, stale, staleCount, avoided }: Extract<CacheTrace, { type: 'heard' }>): void {
    const queries = new Map<QueryKey, QueryRecord>();
    const recordOf = (queryKey: QueryKey): QueryRecord => {
      let record = queries.get(queryKey);
      if (!record) {
        record = { key: keyText(queryKey), state: stale.includes(queryKey) ? 'marked' : 'has it', fetches: 0, ms: undefined, error: undefined };
        queries.set(queryKey, record);
      }
      return record;
    };
    const told = names.slice(0, MAX_NAMES).map(
      ({ path, met, metCount, spared, sparedCount }): NameRecord => ({
        path: pathText(path),
        verdict: metCount > 0 ? 'met' : sparedCount > 0 ? 'spared' : isPhantom(path) ? 'phantom' : 'unmet',
        met: met.map(recordOf),
        metCount,
        spared: spared.map(keyText),
        sparedCount,
      }),
    );
    records.set(event.nth, { event, names: told, queries, staleCount, avoided: avoided.coalesced + avoided.where + avoided.position });
    for (const oldest of records.keys()) {
      if (records.size <= maxEvents) break;
      records.delete(oldest);
    }
    sums.events += 1;
    for (const by of ['coalesced', 'where', 'position'] as const) sums[by] += avoided[by];
  }

  /** What is remembered of a query at these events. */
  function at(events: readonly TracedEvent[], queryKey: QueryKey): QueryRecord[] {
    return events.flatMap(({ nth }) => records.get(nth)?.queries.get(queryKey) ?? []);
  }

  return {
    events: () => [...records.values()].reverse(),
    get sums() {
      return sums;
    },
    quantile(share) {
      const sorted = [...times].sort((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    },
    add(trace) {
      if (trace.type === 'heard') return heard(trace);
      const { queryKey } = trace;
      if (trace.type === 'refetch') {
        // What begins with the stream itself is of no event.
        if (trace.events.length > 0) sums.refetches += 1;
        for (const record of at(trace.events, queryKey)) {
          [record.state, record.error] = ['fetching', undefined];
          record.fetches += 1;
        }
      } else if (trace.type === 'failed') {
        sums.failed += 1;
        for (const record of at(trace.events, queryKey)) [record.state, record.error] = ['failed', messageText(trace.error)];
      } else {
        if (trace.spared) sums.position += 1;
        for (const { event, ms } of trace.applied) {
          for (const record of at([event], queryKey)) [record.state, record.ms, record.error] = ['applied', ms, undefined];
          if (ms !== undefined) times.push(ms);
        }
        times = times.slice(-MAX_TIMES);
      }
    },
    clear() {
      records.clear();
      sums = noSums();
      times = [];
    },
  };
}
