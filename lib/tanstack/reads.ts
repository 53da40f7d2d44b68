/**
 * When the data of each query was read, and up to which position of the log it contains everything. One for each QueryClient, kept by it,
 * from the first `fenceLink` or `bindQueryClient` on: a binding that ends and begins again loses nothing.
 *
 * Ticks count what happens here (a fetch that begins, an event that is heard): of two things the later one has the higher tick, whatever the
 * clock says.
 */
import type { Heard, Read } from './heard.js';
import { callName, callNames } from './keys.js';
import type { MutationLike, QueryCacheEvent, QueryClientLike, QueryLike } from './types.js';

interface Known {
  readonly name: string | undefined;
  /** Of its data. */
  read: readonly Read[];
  /** Of the error that is shown, where that is an answer: the data beside it stays as old as it is. */
  refused: readonly Read[] | undefined;
  /** Its last whole reading was refused, whatever is shown since. */
  denied: boolean;
  data: unknown;
  updatedAt: number;
  /** Of the fetch that is on its way, or was the last; Unix ms too. */
  begin: number;
  beganAt: number;
  /** It reads the whole of the data: it is not one more page. */
  whole: boolean;
  /** It began elsewhere (a server's promise, with which a page goes on), and its data is as old as this. */
  given: Read | undefined;
  /** In the midst of a call that begins such a fetch. */
  goesOn: boolean;
  /** What is being put there by hand. */
  put: unknown;
  /** What a row has settled it with last. */
  settled: unknown;
  /** The cache has it no more; a component may for a moment. */
  gone: boolean;
}

/** What happened to a query. `read` and `failed`: a fetch came to its end. */
export type Happened = 'changed' | 'began' | 'read' | 'failed' | 'removed';
export type OnQuery = (query: QueryLike, what: Happened) => void;

export interface Reads {
  tick(): number;
  of(query: QueryLike): readonly Read[];
  /** What it shows is not what it was answered last: that was a refusal. */
  isDenied(query: QueryLike): boolean;
  /** Its data is about to become `data`, which was read so. */
  settle(query: QueryLike, read: readonly Read[], data?: unknown): void;
  /** `data` takes the place of what it shows, and is as old as that. */
  keep(query: QueryLike, data: unknown): void;
  /** What is being put there by hand, before the cache makes a copy of it. */
  put(query: QueryLike): unknown;
  /** That is a row, which settles it. */
  isAnswer(query: QueryLike): boolean;
  /** The tick at which the fetch that is on its way began. */
  begin(query: QueryLike): number;
  /** How its data will have been read when it is told of a fetch that has just ended, with data of this time; undefined: that is not known before. */
  coming(query: QueryLike, updatedAt: number): readonly Read[] | undefined;
  /** What was heard by a binding that has ended, of the stream of this `sourceId`: for the one that goes on where it ended. */
  part(sourceId: string, heard: Heard): void;
  heardBefore(sourceId: string): Heard | undefined;
  /** The first binding begins: what is there and was not fetched here is as the server had it at this position, where the page says one. */
  begins(position: string | undefined): void;
  /** A call to the server. Gives back what is told of its answer: the position that stood in it. */
  called(path: string, input: unknown): (position: string | undefined) => void;
  /** Calls `listener` until what it gives back is called. */
  listen(listener: OnQuery): () => void;
}

/** Answers remembered; a fetch that began before the oldest forgotten one has no position. */
const MAX_CALLS = 2_000;
/** After its end what a mutation has answered is put there by hand, where an app has waited for it, ms; unless another one begins. */
const ANSWERED_MS = 1_000;
/** Streams whose bindings have ended, and whose next binding goes on. */
const MAX_PARTED = 8;
/** Errors that are answers: another try would have the same. */
const ANSWERS: ReadonlySet<unknown> = new Set([400, 403, 404, 405, 409, 410, 412, 413, 422]);

/** Put there or begun by somebody else, nobody knows when. */
const UNKNOWN: Read = { begin: 0, position: undefined, at: 0 };
/** Of an error that is no answer, where nothing else is shown: older than anything that is heard. */
const NOTHING: Read = { begin: 0, position: undefined, at: undefined };

/** On the QueryClient, for an ES module and a CommonJS copy of the package may meet in a page. */
const READS = Symbol.for('pathcast.reads.2');

export function readsOf(queryClient: QueryClientLike): Reads {
  return ((queryClient as { [READS]?: Reads })[READS] ??= attach(queryClient));
}

/** As the library tells of a fetch that was ended; 5.62 does so as of an error. */
const isCancelled = (error: unknown): boolean => 'revert' in Object(error);

function httpStatusOf(error: unknown): unknown {
  return (Object((Object(error) as { data?: unknown }).data) as { httpStatus?: unknown }).httpStatus;
}

/** One of each kind and life of the log, the oldest: what is newer than that one is newer than all of them. */
function oldest(parts: readonly Read[]): Read[] {
  const kinds = new Map<string, Read>();
  for (const part of parts) {
    const { position, at } = part;
    const dot = position?.lastIndexOf('.') ?? 0;
    const kind = position?.slice(0, dot) ?? (at === undefined ? '' : ' ');
    const other = kinds.get(kind);
    const seq = (one: string): number => Number(one.slice(dot + 1));
    kinds.set(kind, !other ? part : {
      begin: Math.min(part.begin, other.begin),
      position: position && other.position && seq(other.position) < seq(position) ? other.position : position,
      at: at !== undefined && other.at !== undefined ? Math.min(at, other.at) : undefined,
    });
  }
  return [...kinds.values()];
}

function attach(queryClient: QueryClientLike): Reads {
  const cache = queryClient.getQueryCache();
  const known = new WeakMap<QueryLike, Known>();
  const listeners = new Set<OnQuery>();
  /** How each data was read that a query has shown, for as long as somebody has it: a revert puts it back, into one of the same key that came later too. */
  const shown = new WeakMap<object, { queryHash: string; read: readonly Read[] }>();
  let ticks = 0;
  let calls: { names: readonly string[]; begin: number; position: string | undefined }[] = [];
  /** The highest `begin` of a call that was forgotten. */
  let forgotten = 0;

  /** Mutations that are on their way, and the tick at which each began. */
  const mutating = new Map<MutationLike, number>();
  /** Of those that were a moment ago, and when they ended, Unix ms. */
  let answered: { begin: number; at: number }[] = [];
  const parted = new Map<string, Heard>();
  /** A binding has begun. */
  let bound = false;

  function given({ state, options }: QueryLike): Read[] {
    // Of `initialData` without a time the library says that it is of now, whenever the page got it.
    const undated = state.dataUpdateCount === 0 && options.initialData !== undefined && options.initialDataUpdatedAt === undefined;
    return [undated ? UNKNOWN : { begin: (ticks += 1), position: undefined, at: state.dataUpdatedAt }];
  }

  function of(query: QueryLike): Known {
    let one = known.get(query);
    if (!one) {
      const { data, dataUpdatedAt: updatedAt } = query.state;
      one = { name: callName(query.queryKey), read: given(query), refused: undefined, denied: false, data, updatedAt, begin: 0, beganAt: 0, whole: true, given: UNKNOWN, goesOn: false, put: undefined, settled: undefined, gone: false };
      known.set(query, one);
      watch(query, one);
    }
    return one;
  }

  /**
   * That a fetch goes on with what a server began is said by nothing but the call itself, in no version. And what is put there may be a copy by the
   * time at which the cache tells of it.
   */
  function watch(query: QueryLike, one: Known): void {
    const fetch = query.fetch.bind(query);
    query.fetch = (options, how) => {
      one.goesOn = how?.initialPromise !== undefined;
      try {
        return fetch(options, how);
      } finally {
        one.goesOn = false;
      }
    };
    const setData = query.setData.bind(query);
    query.setData = (data, how) => {
      one.put = data;
      try {
        return setData(data, how);
      } finally {
        one.put = undefined;
      }
    };
  }

  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  const show = ({ queryHash }: QueryLike, data: unknown, read: readonly Read[]): unknown => isObject(data) && shown.set(data, { queryHash, read });

  function shownAs({ queryHash }: QueryLike, data: unknown): readonly Read[] | undefined {
    const as = isObject(data) ? shown.get(data) : undefined;
    return as?.queryHash === queryHash ? as.read : undefined;
  }

  /** By the calls of the fetch: without one, and of one that gave no position, only its beginning is known. */
  function fetched({ name, begin }: Known): Read[] {
    const own = name === undefined || begin <= forgotten ? [] : calls.filter((call) => call.begin > begin && call.names.includes(name));
    return oldest((own.length > 0 ? own : [{ position: undefined }]).map(({ position }) => ({ begin, position, at: undefined })));
  }

  const recently = (): typeof answered => answered.filter(({ at }) => Math.abs(Date.now() - at) < ANSWERED_MS);

  /** What a mutation's own functions put there, or who waited for it, may be its answer, and come after what was read since. Which mutation it was, nobody says. */
  function byHand({ read }: Known): readonly Read[] {
    const begins = [...mutating.values(), ...recently().map(({ begin }) => begin)];
    if (begins.length === 0) return read;
    return oldest([...read, { begin: Math.min(...begins), position: undefined, at: undefined }]);
  }

  function updated(query: QueryLike, one: Known, { type, manual, meta, error }: NonNullable<QueryCacheEvent['action']>): Happened | undefined {
    const now = (): Read[] => (one.given ? [one.given] : fetched(one));
    /** What takes the place of what was shown, and was shown before, or says how old it is. */
    const other = (): readonly Read[] => shownAs(query, query.state.data) ?? given(query);
    switch (type) {
      case 'fetch':
        one.begin = ticks += 1;
        one.beganAt = Date.now();
        one.whole = !(meta && 'fetchMore' in meta);
        one.given = one.goesOn ? UNKNOWN : undefined;
        return 'began';
      case 'failed':
        // What a server began has failed. The next try is the page's own.
        if (!one.given) return undefined;
        one.begin = ticks += 1;
        one.given = undefined;
        return 'began';
      case 'success': {
        // What an app puts there is laid over what was read before.
        if (manual) {
          // A revert: as old as it was when it was shown.
          one.read = shownAs(query, one.put) ?? (one.data === undefined ? given(query) : byHand(one));
          return 'changed';
        }
        // What comes out of a store says so by its time.
        const fresh = query.state.dataUpdatedAt < one.beganAt ? given(query) : now();
        if (one.whole) one.denied = false;
        // One more page makes the others no younger.
        one.read = one.whole ? fresh : oldest([...one.read, ...fresh]);
        return 'read';
      }
      case 'error':
        // Where an error is all that is shown, it is as old as its own fetch, if it is an answer. One more page that is refused says nothing of the others.
        // The state's error may be an earlier one: a fetch that was cancelled gives back what was shown when it began.
        if (isCancelled(error)) {
          if (query.state.data !== one.data) one.read = other();
          return 'changed';
        }
        if (!ANSWERS.has(httpStatusOf(error))) {
          if (query.state.data === undefined) one.read = [NOTHING];
        } else if (one.whole) {
          [one.refused, one.denied] = [now(), true];
        }
        return 'failed';
      case 'setState':
        if (query.state.data !== one.data) one.read = other();
        // A store says afterwards how old it is what it gave for a fetch's.
        else if (query.state.dataUpdatedAt < one.updatedAt) one.read = given(query);
        return 'changed';
      default:
        return undefined;
    }
  }

  queryClient.getMutationCache().subscribe(({ type, mutation }: { type: string; mutation?: MutationLike }) => {
    if (!mutation) return;
    const { status, isPaused } = mutation.state;
    const begin = mutating.get(mutation);
    // One that waits for a network is asked later.
    if (type !== 'removed' && status === 'pending' && !isPaused) {
      if (begin !== undefined) return;
      mutating.set(mutation, (ticks += 1));
      // What is put there now is what it hopes for.
      answered = [];
    } else if (begin !== undefined) {
      mutating.delete(mutation);
      answered = [...recently(), { begin, at: Date.now() }];
    }
  });
  for (const query of cache.getAll()) of(query);
  cache.subscribe(({ type, query, action }: QueryCacheEvent) => {
    const one = of(query);
    let what: Happened | undefined;
    if (type === 'removed') what = 'removed';
    else if (one.gone && type !== 'added') return;
    else if (type === 'updated' && action) what = updated(query, one, action);
    else if (type === 'added' || type === 'observerAdded' || type === 'observerRemoved' || type === 'observerOptionsUpdated') what = 'changed';
    one.gone = type === 'removed';
    // Observers tell of a new state before the query does.
    if (type === 'updated' || type === 'added') {
      const { data, dataUpdatedAt, status } = query.state;
      [one.data, one.updatedAt] = [data, dataUpdatedAt];
      if (status !== 'error') one.refused = undefined;
      show(query, data, one.read);
    }
    if (what) for (const listener of [...listeners]) listener(query, what);
  });

  return {
    tick: () => (ticks += 1),
    of(query) {
      const { refused, read } = of(query);
      return refused ?? read;
    },
    isDenied: (query) => of(query).denied,
    settle(query, read, data) {
      const one = of(query);
      one.read = read;
      one.settled = data;
      show(query, data, read);
    },
    keep(query, data) {
      const one = of(query);
      one.data = data;
      show(query, data, one.read);
    },
    put: (query) => of(query).put,
    isAnswer: (query) => of(query).settled === (of(query).put ?? of),
    begin: (query) => of(query).begin,
    coming(query, updatedAt) {
      const one = of(query);
      if (one.given || updatedAt < one.beganAt) return undefined;
      return one.whole ? fetched(one) : oldest([...one.read, ...fetched(one)]);
    },
    part(sourceId, heard) {
      if (heard.latest === undefined) return;
      parted.set(sourceId, heard);
      for (const oldest of parted.keys()) {
        if (parted.size <= MAX_PARTED) break;
        parted.delete(oldest);
      }
    },
    heardBefore(sourceId) {
      const heard = parted.get(sourceId);
      parted.delete(sourceId);
      return heard;
    },
    begins(position) {
      const first = !bound;
      bound = true;
      if (!first || position === undefined) return;
      const begin = (ticks += 1);
      const vouched = (part: Read): Read => (part.at === undefined ? part : { begin, position, at: undefined });
      for (const query of cache.getAll()) {
        const one = of(query);
        one.read = one.read.map(vouched);
        one.given &&= vouched(one.given);
      }
    },
    called(path, input) {
      const begin = (ticks += 1);
      return (position) => {
        calls.push({ names: callNames(path, input), begin, position });
        if (calls.length <= MAX_CALLS) return;
        const gone = calls.slice(0, MAX_CALLS / 2);
        calls = calls.slice(MAX_CALLS / 2);
        forgotten = gone.reduce((most, call) => Math.max(most, call.begin), forgotten);
      };
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
