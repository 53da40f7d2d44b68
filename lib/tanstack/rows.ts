/**
 * Rows that actions carry (SPEC §20): shown in the caches of those who hear the action before they have read it again, and in place of reading it
 * again where nothing more is to be known. What a row cannot prove stays stale.
 */
import { readRow, type Row } from '../protocol/row.js';
import { isPlain } from '../protocol/where.js';
import type { CacheEnvironment } from './environment.js';
import type { Demand, Heard, QueryNames } from './heard.js';
import { readTrpcKey, textOf, type TrpcKey } from './keys.js';
import { fitTo, idOf, patchList, revive, type ListChange } from './patch.js';
import type { Happened, Reads } from './reads.js';
import type { Tasks } from './tasks.js';
import type { QueryClientLike, QueryLike } from './types.js';

/** Queries whose rows wait for a fetch, for data or for a mutation; a row of one more is not shown, and what it is of is read again. */
const MAX_WAITING = 64;
/** Rows that wait for one list; the oldest goes. */
const MAX_OF_LIST = 16;
/** How far the clocks of servers and the page may be apart, ms. */
const CLOCK_MS = 60_000;

/** What an action says of one query. */
interface Shown {
  readonly key: TrpcKey;
  readonly isDetail: boolean;
  readonly type: ListChange['type'];
  readonly row: Row;
  readonly data: unknown;
  readonly id: string | undefined;
  /** It contains all that was heard of the query before. */
  readonly proven: boolean;
  /** What was shown contained that too. */
  readonly fresh: boolean;
}

interface Waiting {
  readonly shown: Shown;
  readonly demand: Demand;
}

export interface RowsAround {
  readonly queryClient: QueryClientLike;
  readonly reads: Reads;
  readonly heard: Heard;
  readonly namesOf: (query: QueryLike) => readonly QueryNames[];
  readonly environment: CacheEnvironment;
  readonly tasks: Pick<Tasks, 'lacks' | 'isHeld'>;
  /** Somebody has heard before: of what had no place nobody here knows. */
  readonly goesOn: boolean;
}

export interface Rows {
  /** An event is heard. Called before what it demands is kept; gives back what is to be called after that. */
  take(event: unknown, final: boolean): (demand: Demand) => void;
  happened(query: QueryLike, what: Happened): void;
  /** What was waited for may be over. */
  look(): void;
  end(): void;
}

export function createRows({ queryClient, reads, heard, namesOf, environment, tasks: { lacks, isHeld }, goesOn }: RowsAround): Rows {
  const waiting = new Map<QueryLike, Waiting[]>();
  /** When the last event was heard that no position answers, Unix ms. */
  let finalAt = goesOn ? environment.now() : -Infinity;

  /** Everything that was heard of the query has a place that the row reaches. */
  function proves({ at, began }: Row, query: QueryLike): boolean {
    const read = { begin: Infinity, position: at, at: undefined };
    if (at === undefined || heard.isStrange(read)) return false;
    if (finalAt !== -Infinity && !(began !== undefined && began > finalAt + CLOCK_MS)) return false;
    return !namesOf(query).some((of) => heard.some(of, (demand) => demand.position === undefined || !heard.contains(read, demand)));
  }

  /** By query: what the event has for it. */
  function found(event: Record<string, unknown>): Map<QueryLike, Shown> {
    const all = new Map<QueryLike, Shown>();
    const { type, data: given, entityId } = event;
    const row = readRow(event['row']);
    if (!row || (type !== 'insert' && type !== 'update' && type !== 'delete') || (type !== 'delete' && !isPlain(given))) return all;
    const { query: path, lists = [], idKey = 'id', dates = [] } = row;
    const data = type === 'delete' ? undefined : revive(given, dates);
    const named = typeof entityId === 'string' && entityId !== '*' ? entityId : undefined;
    const id = type === 'delete' ? (idOf(row.input, idKey) ?? named) : idOf(data, idKey);
    const input = textOf(row.input);
    for (const query of queryClient.getQueryCache().getAll()) {
      const key = readTrpcKey(query.queryKey);
      if (!key || (key.path !== path && !lists.includes(key.path))) continue;
      const paths = namesOf(query);
      // A mapper of the app's says that it is something else.
      if (paths.length !== 1 || paths[0]?.path !== key.path) continue;
      const isDetail = key.path === path && !key.infinite && input !== undefined && textOf(key.input) === input;
      if (!isDetail && !lists.includes(key.path)) continue;
      all.set(query, { key, isDetail, type, row, data, id, proven: proves(row, query), fresh: query.state.data !== undefined && !lacks(query) });
    }
    return all;
  }

  const isBusy = (query: QueryLike): boolean => query.state.fetchStatus !== 'idle' || query.state.status === 'pending' || isHeld(query);
  const concerns = (query: QueryLike, { heard: tick }: Demand): boolean => namesOf(query).some((of) => heard.some(of, ({ heard: at }) => at === tick));

  function after(all: Map<QueryLike, Shown>, demand: Demand): void {
    // What waited is older than this.
    for (const query of [...waiting.keys()]) if (concerns(query, demand) && all.get(query)?.isDetail !== false) waiting.delete(query);
    // An event that was late: what is shown may be newer.
    if (demand.position === undefined || heard.latest !== demand.position) return;
    for (const [query, shown] of all) {
      if (!concerns(query, demand)) continue;
      if (!isBusy(query)) show(query, shown, demand, shown.fresh);
      else if (shown.proven) wait(query, { shown, demand });
    }
  }

  function wait(query: QueryLike, one: Waiting): void {
    const others = waiting.get(query) ?? [];
    if (others.length === 0 && waiting.size >= MAX_WAITING) return;
    waiting.set(query, [...others, one].slice(-MAX_OF_LIST));
  }

  /** `fresh`: but for this change, what is shown lacks nothing. */
  function show(query: QueryLike, shown: Shown, demand: Demand, fresh: boolean): void {
    const { state } = query;
    const { proven, row, isDetail, type, data, id, key } = shown;
    // Something between what it contains and its own place is not known to be in it; or what is shown has it already.
    if (!proven && !(row.at === undefined && fresh)) return;
    // An error may say that this page's user is not to see it, though a hand has taken it away.
    if (state.data === undefined || state.status !== 'success' || reads.isDenied(query) || reads.of(query).every((read) => heard.contains(read, demand))) return;
    try {
      if (isDetail) {
        if (type !== 'delete') showDetail(query, row.whole ? data : fitTo(state.data, data).value, demand, row.whole === true && proven && fresh);
      } else if (id !== undefined) {
        const list = patchList(state.data, { type, id, idKey: row.idKey ?? 'id', row: data }, key.input, key.infinite);
        if (list !== undefined) query.setData(list, { manual: true, updatedAt: state.dataUpdatedAt });
      }
    } catch (thrown) {
      // An app's own structuralSharing.
      environment.report(thrown);
    }
  }

  /** `settles`: nothing is left to be read. A key that an answer may have, and that neither the row nor what is shown has, is seen by nobody here: the map has to say it. */
  function showDetail(query: QueryLike, value: unknown, demand: Demand, settles: boolean): void {
    if (settles) {
      const before = reads.of(query);
      // First: what the cache tells of the new data is measured by it.
      reads.settle(query, [{ begin: reads.tick(), position: demand.position, at: undefined }], value);
      try {
        query.setData(value, { manual: true, updatedAt: environment.now() });
      } catch (thrown) {
        reads.settle(query, before);
        throw thrown;
      }
    } else {
      query.setData(value, { manual: true, updatedAt: query.state.dataUpdatedAt });
    }
  }

  /** A query that was busy is not any more. */
  function settled(query: QueryLike): void {
    const all = waiting.get(query);
    if (!all || isBusy(query)) return;
    waiting.delete(query);
    for (const { shown, demand } of all) show(query, shown, demand, !lacks(query, ({ heard: at }) => at !== demand.heard));
  }

  return {
    take(event, final) {
      // By the server's clock too, as its rows have it: the page's may be late by an hour.
      if (final) finalAt = Math.max(environment.now(), Number((Object(event) as { timestamp?: unknown }).timestamp) || 0);
      const all = isPlain(event) && 'row' in event ? found(event) : new Map<QueryLike, Shown>();
      return (demand) => {
        if (all.size > 0 || waiting.size > 0) after(all, demand);
      };
    },
    happened(query, what) {
      if (what === 'removed') waiting.delete(query);
      else if (what !== 'began') settled(query);
    },
    look() {
      for (const query of [...waiting.keys()]) settled(query);
    },
    end: () => waiting.clear(),
  };
}
