/**
 * `bindOffline`: what a person did, laid over the data of a TanStack Query 5 cache.
 *
 * A query's `state` becomes an accessor: whatever puts data there (a fetch, a hand, a row of the stream, a store, a fetch that is cancelled), it is laid before
 * an observer or the cache hears of it. Below it is the base, as it came. Invariants (SPEC §24, test/offline/overlay*):
 * 1. At no time does a query show a base without a change that is laid (`overlay.ts`) and that the base does not contain.
 * 2. What went without effect is gone at once; where the base may hold it itself (an app has written what it saw), it is taken out of it.
 * 3. What was shown and is put back (an undo) is the base of then, with what has been done since.
 */
import { reaches } from '../../protocol/position.js';
import { invalid } from '../../client/invalid.js';
import { trpcPathsOf } from '../../tanstack/keys.js';
import { namesIn, type PathsOf } from '../../tanstack/names.js';
import { readsOf } from '../../tanstack/reads.js';
import type { Read } from '../../tanstack/heard.js';
import type { MutationLike, QueryCacheEvent, QueryClientLike, QueryLike } from '../../tanstack/types.js';
import { INSIDE, type Offline } from '../inside.js';
import type { EntityKey } from '../types.js';
import { lay, rowIn, takeOut, type Layer, type Place } from './lay.js';
import { overlayOf, placeOf, type Item } from './overlay.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- the library's own options are of more than is used here, and differ by its versions */
/** A QueryClient of TanStack Query 5, 5.62 or later. */
export interface OfflineQueryClient extends Omit<QueryClientLike, 'invalidateQueries'> {
  getDefaultOptions(): any;
  setDefaultOptions(options: any): void;
  invalidateQueries(filters: any): Promise<void>;
}
/* eslint-enable */

export interface BindOfflineOptions {
  /** The query paths of a query key. Default: `trpcPathsOf`, as of `bindQueryClient`. */
  pathsOf?: PathsOf | undefined;
}

export interface OfflineBinding {
  /** Nothing more is laid. What is shown stays until it is read again. */
  close(): void;
  [Symbol.dispose](): void;
}

type State = QueryLike['state'];
type Settable = QueryLike & { state: State; setState(state: Partial<State>): void };

/** Of a query. */
interface Known {
  state: State;
  /** What it shows without what is laid. */
  base: unknown;
  /** Somebody has written the base by what he saw: what was laid may be in it. */
  byHand: boolean;
  /** Its last answer, or a row that is one. */
  before: unknown;
  /** What is laid, as far as it changes anything. */
  items: readonly Item[];
  /** Done, and in the base for good. */
  put: Set<Item>;
  /** The next state is ours. */
  own: boolean;
  /** What was laid last, and what came of it. */
  drawn: { base: unknown; layers: readonly Layer[]; data: unknown } | undefined;
}

/** What stood below what was shown. */
interface Shown extends Pick<Known, 'base' | 'byHand' | 'before'> {
  readonly queryHash: string;
  /** What was laid, whether or not it changed anything: not all that stands below has it. */
  readonly items: readonly Item[];
}

/** How far a clock of somebody else may be from ours, ms. */
const CLOCK_MS = 60_000;
const BASES = Symbol.for('pathcast.bases.1');
/** Actions that are remembered, for what another tab has done and this one finds later. */
const MAX_TOLD = 200;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isOptimistic = ({ state, options }: MutationLike): boolean => state.status === 'pending' && typeof options.onMutate === 'function';

/**
 * Lays what is kept in `offline` over what `queryClient` shows, until `close()`. Mutations reach the outbox without a network: their default `networkMode`
 * becomes `always` where the app has set none. Throws INVALID_OPTION for what is no QueryClient, and no `createOffline()`.
 */
export function bindOffline(queryClient: OfflineQueryClient, offline: Offline, options: BindOfflineOptions = {}): OfflineBinding {
  const inside = (Object(offline) as Partial<Offline>)[INSIDE];
  if (!inside) throw invalid('offline must be what createOffline() gave');
  if (typeof (queryClient as Partial<OfflineQueryClient> | null)?.getQueryCache !== 'function') throw invalid('queryClient must be a QueryClient of TanStack Query 5');
  const { mutations, environment: { report } } = inside;
  const overlay = overlayOf(inside);
  const cache = queryClient.getQueryCache();
  const reads = readsOf(queryClient);
  const namesOf = namesIn(options.pathsOf ?? trpcPathsOf, report);
  const known = new WeakMap<QueryLike, Known>();
  /** By what was shown; on the client, for a binding that follows another one. */
  const bases = ((queryClient as { [BASES]?: WeakMap<object, Shown> })[BASES] ??= new WeakMap());
  /** When an ack was heard of, and when what lacked the change was asked again. */
  const acks = new WeakMap<Item, number>();
  const asked = new WeakMap<Item, number>();
  const opened = inside.environment.now();
  /** When the stream has told of actions, by their ids. */
  const told = new Map<string, number>();
  let over = false;

  const complained = new Set<string>();
  /** What an app's own functions throw (`shows.row`) is told once a path, and its change is not shown. */
  function guarded<Value>(path: string, otherwise: Value, run: () => Value): Value {
    try {
      return run();
    } catch (thrown) {
      if (!complained.has(path)) report(thrown);
      complained.add(path);
      return otherwise;
    }
  }

  function placeIn(query: QueryLike, { declared, layer }: Pick<Item, 'declared'> & { layer: { id: string } }): Place | undefined {
    for (const { path, input } of namesOf(query)) {
      const place = placeOf(declared, layer.id, path, input);
      if (place) return place;
    }
    return undefined;
  }

  function contains({ begin, position, at }: Read, item: Item): boolean {
    const acked = acks.get(item) ?? Infinity;
    if (at !== undefined) return begin > acked && at > (item.entry.ackedAt ?? Infinity) + CLOCK_MS;
    if (begin > (asked.get(item) ?? Infinity)) return true;
    return position !== undefined && item.position !== undefined ? reaches(position, item.position) : begin > acked;
  }

  /** What has a later change of the row has the ones before it, also where of these nobody knows the place in the log. */
  function isContained(query: QueryLike, { acked, entry: { lane, seq } }: Item, read = reads.of(query)): boolean {
    const has = (item: Item): boolean => item.acked && (known.get(query)?.put.has(item) === true || read.every((part) => contains(part, item)));
    return acked && overlay.items.some((later) => later.entry.lane === lane && later.entry.seq >= seq && has(later));
  }

  /** `read`: how the base was read, where that is known already. Else all is laid: what is in it already changes nothing. */
  function laid(query: QueryLike, one: Known, read: readonly Read[] | undefined): unknown {
    const above = one.base === undefined ? [] : overlay.items.filter((item) => !one.put.has(item) && placeIn(query, item) && !(read && isContained(query, item, read)));
    const { drawn } = one;
    // The same over the same is the same object: nobody is told.
    if (drawn && drawn.base === one.base && drawn.layers.length === above.length && above.every(({ layer }, at) => drawn.layers[at] === layer)) return drawn.data;
    let data = one.base;
    one.items = above.filter((item) => {
      const below = data;
      data = put(query, data, item);
      return data !== below;
    });
    one.drawn = { base: one.base, layers: above.map(({ layer }) => layer), data };
    if (isObject(data)) bases.set(data, { queryHash: query.queryHash, base: one.base, byHand: one.byHand, before: one.before, items: above });
    return data;
  }

  /** Gives how the new base was read, as far as that is known before the cache tells of it. */
  function take(query: QueryLike, one: Known, next: State): readonly Read[] | undefined {
    const { state } = one;
    const fetched = next.dataUpdateCount > state.dataUpdateCount && state.fetchStatus !== 'idle' && next.fetchStatus === 'idle';
    if (fetched || reads.isAnswer(query)) {
      one.base = one.before = next.data;
      one.byHand = false;
      one.put.clear();
      return fetched ? reads.coming(query, next.dataUpdatedAt) : undefined;
    }
    const given = reads.put(query) ?? next.data;
    if (given === state.data && next.data === state.data) return undefined;
    const then = isObject(given) ? bases.get(given) : undefined;
    if (then?.queryHash !== query.queryHash) {
      if (!one.byHand) one.before = one.base;
      one.base = next.data;
      one.byHand = true;
      return undefined;
    }
    // What was laid then is laid still, or done since, or without effect.
    const done = [...new Set([...one.put, ...then.items.filter((item) => !item.undone && !overlay.items.includes(item))])].sort((a, b) => a.entry.seq - b.entry.seq);
    const since = (from: unknown): unknown => done.reduce((data, item) => put(query, data, item), from);
    // What an app wrote by hand then may hold what was taken back since.
    const undone = then.byHand ? then.items.filter((item) => item.undone) : [];
    one.base = since(undone.reduceRight((data, item) => without(query, then, data, item), then.base));
    one.byHand = then.byHand;
    one.before = since(then.before);
    return undefined;
  }

  function put(query: QueryLike, data: unknown, item: Item): unknown {
    const place = placeIn(query, item);
    return place ? guarded(item.entry.path, data, () => lay(data, item.layer, place)) : data;
  }

  function track(query: QueryLike): void {
    if (known.has(query)) return;
    const { state } = query;
    const then = isObject(state.data) ? bases.get(state.data) : undefined;
    const from = then?.queryHash === query.queryHash ? then : { base: state.data, byHand: true, before: undefined };
    const one: Known = { state, base: from.base, byHand: from.byHand, before: from.before, items: [], put: new Set(), own: false, drawn: undefined };
    known.set(query, one);
    Object.defineProperty(query, 'state', {
      configurable: true,
      enumerable: true,
      get: () => one.state,
      set(next: State) {
        const given = !one.own && (next.data !== one.state.data || next.dataUpdateCount !== one.state.dataUpdateCount);
        one.own = false;
        if (!given || over) return void (one.state = next);
        const data = laid(query, one, take(query, one, next));
        one.state = data === next.data ? next : { ...next, data };
        // The library may keep what it was about to show, and put that back when a fetch is cancelled: the same stands below it.
        const shown = isObject(data) ? bases.get(data) : undefined;
        if (shown && isObject(next.data) && !bases.has(next.data)) bases.set(next.data, shown);
      },
    });
    // Who waits for a fetch gets what is shown.
    const fetch = query.fetch.bind(query);
    query.fetch = (...given) => {
      const answer = fetch(...given).then((data) => query.state.data ?? data);
      answer.catch(() => undefined);
      return answer;
    };
    // No observer has it yet.
    const data = laid(query, one, undefined);
    if (data === state.data) return;
    one.state = { ...state, data };
    reads.keep(query, data);
  }

  /** Shows what is to be shown now. */
  function show(query: QueryLike): void {
    const one = known.get(query);
    if (!one || over) return;
    const data = laid(query, one, reads.of(query));
    if (data === one.state.data) return;
    reads.keep(query, data);
    one.own = true;
    (query as Settable).setState({ data });
  }

  /** They are read again where somebody looks, else when somebody does. */
  function readAgain(queries: ReadonlySet<QueryLike>): void {
    if (queries.size > 0) queryClient.invalidateQueries({ predicate: (query: QueryLike) => queries.has(query) }).catch(report);
  }

  /** What may hold a change though it was not read with it. */
  const isMixed = (query: QueryLike, { byHand }: Known): boolean => byHand || reads.of(query).some(({ at }) => at !== undefined);

  function without(query: QueryLike, { before }: Pick<Known, 'before'>, data: unknown, item: Item): unknown {
    const place = placeIn(query, item);
    return place ? guarded(item.entry.path, data, () => takeOut(data, item.layer, place, before, item.entry.base)) : data;
  }

  function changed(undone: readonly Item[]): void {
    for (const item of overlay.items) if (told.has(`tx:${item.entry.id}`)) overlay.done(item);
    // By lane, of the one behind: what has that one has those before it.
    const later = new Map<string, number>();
    for (const item of [...overlay.items].reverse()) {
      const { id, lane, ackedAt = Infinity } = item.entry;
      if (!item.acked) continue;
      // It may have been done long before this tab has heard of it from another one: before the page was there, or when the stream told of it.
      if (!acks.has(item)) acks.set(item, Math.min(later.get(lane) ?? Infinity, ackedAt < opened ? 0 : (told.get(`tx:${id}`) ?? reads.tick())));
      later.set(lane, acks.get(item) as number);
    }
    const stale = new Set<QueryLike>();
    for (const query of cache.getAll()) {
      const one = known.get(query);
      if (!one) continue;
      for (const item of undone) {
        if (!placeIn(query, item)) continue;
        stale.add(query);
        if (isMixed(query, one)) one.base = without(query, one, one.base, item);
      }
      show(query);
    }
    readAgain(stale);
  }

  function lacks(query: QueryLike, item: Item): boolean {
    const place = placeIn(query, item);
    const one = known.get(query);
    if (!place || !one) return false;
    // It began to be read before.
    if (query.state.fetchStatus === 'fetching' && reads.begin(query) <= (acks.get(item) ?? Infinity)) return true;
    if (one.base === undefined || isContained(query, item)) return false;
    return one.items.includes(item) || isMixed(query, one) || guarded(item.entry.path, undefined, () => rowIn(one.base, item.layer, place)) !== undefined;
  }

  function expired(item: Item, again: boolean): void {
    const lacking = cache.getAll().filter((query) => query.state.data !== undefined && lacks(query, item));
    if (!again) asked.set(item, reads.tick());
    for (const query of lacking) {
      const one = known.get(query);
      // Nobody reads it again now: it is marked, and what was done is in it.
      if (!one || query.state.fetchStatus !== 'idle' || !(again || !guarded('', false, () => query.isActive()))) continue;
      // With those before it of its row that the base lacks, too: what has the later one counts as one that has them.
      const { lane, seq } = item.entry;
      for (const each of overlay.items.filter((before) => before.acked && before.entry.lane === lane && before.entry.seq <= seq && !isContained(query, before))) {
        [one.base, one.before] = [put(query, one.base, each), put(query, one.before, each)];
        one.put.add(each);
      }
      show(query);
    }
    if (!again) readAgain(new Set(lacking));
  }

  /** What is shown without what is laid, and without what an app has put there for a mutation that is on its way. */
  function seen({ entity, id }: EntityKey, field: string): { value: unknown } | undefined {
    let listed: { value: unknown } | undefined;
    const hoping = queryClient.getMutationCache().getAll().some(isOptimistic);
    const shows = Object.entries(mutations).filter(([, declared]) => declared.entity === entity);
    for (const query of cache.getAll()) {
      const one = known.get(query);
      if (!one) continue;
      for (const [path, declared] of shows) {
        const { idKey = 'id' } = declared;
        const place = placeIn(query, { declared, layer: { id } });
        if (!place) continue;
        const mixed = isMixed(query, one);
        const clean = (): unknown => (mixed ? overlay.items.reduceRight((data, item) => without(query, one, data, item), one.base) : one.base);
        const row = guarded(path, undefined, () => (mixed && hoping && rowIn(one.before, { id, idKey }, place)) || rowIn(clean(), { id, idKey }, place));
        if (!row || !(field in row)) continue;
        if (!place.list) return { value: row[field] };
        listed ??= { value: row[field] };
      }
    }
    return listed;
  }

  /** What the stream tells of, and where it stands in the log. */
  function hear({ id, seq }: { id?: unknown; seq?: unknown }, cursor: string | undefined): void {
    if (typeof id !== 'string') return;
    if (!told.has(id)) told.set(id, reads.tick());
    for (const oldest of told.keys()) if (told.size > MAX_TOLD) told.delete(oldest);
    const item = overlay.items.find(({ entry }) => `tx:${entry.id}` === id);
    if (!item || typeof seq !== 'number') return;
    // What comes late is of a life of the log that may have ended: no place is past where the stream is.
    item.position = cursor?.replace(/\d+$/, (head) => `${Math.min(seq, Number(head))}`);
    changed([]);
    overlay.look();
  }

  const defaults = queryClient.getDefaultOptions() as { mutations?: { networkMode?: unknown } };
  if (defaults.mutations?.networkMode === undefined) queryClient.setDefaultOptions({ ...defaults, mutations: { ...defaults.mutations, networkMode: 'always' } });

  overlay.caches += 1;
  inside.seen.add(seen);
  const ends: (() => void)[] = [
    cache.subscribe(({ type, query }: QueryCacheEvent) => {
      if (type === 'added') track(query);
    }),
    reads.listen((query, what) => {
      if (what !== 'removed' && overlay.items.length > 0) show(query);
      if (what !== 'began') overlay.look();
    }),
    overlay.hold({ changed, expired, needs: (item) => cache.getAll().some((query) => lacks(query, item)) }),
  ];
  inside.onSync((sync) => {
    if (!over) ends.push(sync.subscribe((event) => hear(event as { id?: unknown; seq?: unknown }, sync.status.cursor)));
  });
  for (const query of cache.getAll()) track(query);
  changed([]);

  const close = (): void => {
    if (over) return;
    over = true;
    overlay.caches -= 1;
    inside.seen.delete(seen);
    for (const end of ends) end();
    for (const query of cache.getAll()) if (known.has(query)) Object.defineProperty(query, 'state', { configurable: true, enumerable: true, writable: true, value: query.state });
  };
  inside.onClose(close);
  return { close, [Symbol.dispose ?? Symbol.for('Symbol.dispose')]: close };
}
