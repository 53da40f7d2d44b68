/** Which queries of a cache are stale, and when each of them is fetched. */
import type { CacheEnvironment } from './environment.js';
import type { Demand, Heard, QueryNames } from './heard.js';
import { holds } from './holds.js';
import { createPace, type Wait } from './pace.js';
import type { Happened, Reads } from './reads.js';
import type { FailedQuery } from './status.js';
import type { MutationLike, QueryClientLike, QueryLike } from './types.js';

/** A mutation holds no query for longer, nor do several that follow each other, ms. */
const HOLD_MS = 30_000;
/** A fetch that began before a change, and has no answer for so long, is begun anew, ms. */
const HUNG_MS = 30_000;
/** Each time in a row for twice as long, so often: what takes a minute comes to an end under a stream that never rests. */
const MAX_HUNG = 4;
/** Between fetches that fail, or that give what is too old: a random part of the first, doubled up to the last, ms. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
const FIRST_BEHIND_MS = 100;
/** What comes from elsewhere (another tab's cache, a store) and is too old, again within so many ms, is waited with as well, up to the second one. */
const RESTLESS_MS = 60_000;
const MAX_RESTLESS_MS = 5_000;
/** After so long, ms, an answer at a position of a log that the stream never was of is no node's that is behind. */
const STRANGE_MS = 10_000;

/** A query that is stale. */
interface Task {
  /** Somebody looks at it, and it may be fetched: as of what happened to it last. */
  active: boolean;
  /** Undefined: it waits for nothing but `notBefore`. */
  wait: Wait | undefined;
  notBefore: number;
  tries: number;
  error: { thrown: unknown } | undefined;
  flyingSince: number | undefined;
  /** How often one in a row was begun anew, for it had no answer. */
  hung: number;
  /** Mutations have kept it from being fetched since then. */
  heldSince: number | undefined;
  /** Answers are of another log's position since then. */
  strangeSince: number | undefined;
}

export interface Around {
  readonly queryClient: QueryClientLike;
  readonly reads: Reads;
  readonly heard: Heard;
  readonly namesOf: (query: QueryLike) => readonly QueryNames[];
  readonly environment: CacheEnvironment;
  /** Called before what was read is held against what was heard: the stream's log may have a new name. */
  readonly refresh: () => void;
  /** Something may be to tell. */
  readonly changed: () => void;
  /** A fetch of it was begun. */
  readonly begun: (query: QueryLike) => void;
}

export interface Tasks {
  /** Whether something that was heard is not in what the query shows. `test`: of those demands. */
  lacks: (query: QueryLike, test?: (demand: Demand) => boolean) => boolean;
  /** Somebody looks at it, and it may be fetched. */
  isFetched: (query: QueryLike) => boolean;
  /** A mutation that is on its way keeps it as it is. */
  isHeld: (query: QueryLike) => boolean;
  /** Marks what lacks one of the demands for which `test` is true; what is fetched of it is fetched together. */
  mark(spread: number, own: boolean, test: (demand: Demand) => boolean): void;
  /** `shown`: by the row of an event, which marks it in a moment. */
  happened(query: QueryLike, what: Happened, shown?: boolean): void;
  /** Of active queries: what is stale, and of it what failed. */
  stale(): { pending: (readonly unknown[])[]; failed: FailedQuery[] };
  /** The server answers again: what failed meanwhile is tried soon, though not by all clients at once. */
  retry(): void;
  /** The page came into sight. */
  hurry(): void;
  /** What was waited for may be over. */
  look(): void;
  end(): void;
}

export function createTasks({ queryClient, reads, heard, namesOf, environment, refresh, changed, begun }: Around): Tasks {
  const { elapsed, random } = environment;
  const pace = createPace(environment);
  const tasks = new Map<QueryLike, Task>();
  /** When a mutation was first seen on its way. */
  const holding = new WeakMap<MutationLike, number>();
  /** What came from elsewhere and was too old: when, and how often one after the other. */
  const restless = new WeakMap<QueryLike, { at: number; times: number }>();
  const complained = new WeakSet<QueryLike>();
  let timer: { at: number; id: unknown } | undefined;
  let over = false;

  // --- what is stale ---

  function lacks(query: QueryLike, test: (demand: Demand) => boolean = () => true): boolean {
    const { data, status: shown } = query.state;
    // Nothing is shown.
    if (data === undefined && shown !== 'error') return false;
    const read = reads.of(query);
    refresh();
    return namesOf(query).some((of) => heard.some(of, (demand) => test(demand) && !read.every((part) => heard.contains(part, demand))));
  }

  /** The task of a query, where it is stale. */
  function taskOf(query: QueryLike): Task | undefined {
    let task = tasks.get(query);
    if (!lacks(query)) {
      // What has shown an error and nothing else shows nothing while it is tried again.
      if (task?.error && query.state.data === undefined && query.state.fetchStatus !== 'idle') return task;
      tasks.delete(query);
      return undefined;
    }
    if (!task) tasks.set(query, (task = { active: false, wait: undefined, notBefore: 0, tries: 0, error: undefined, flyingSince: undefined, hung: 0, heldSince: undefined, strangeSince: undefined }));
    return task;
  }

  /** What an app's own function throws (`enabled`, `staleTime`) is told once a query, and keeps nothing from the others. */
  function asked(query: QueryLike, ask: () => boolean): boolean {
    try {
      return ask();
    } catch (thrown) {
      if (!complained.has(query)) environment.report(thrown);
      complained.add(query);
      return false;
    }
  }

  const isStatic = (query: QueryLike): boolean =>
    query.state.data !== undefined && query.observers.some(({ options: { staleTime: ms } }) => (typeof ms === 'function' ? (ms as (of: QueryLike) => unknown)(query) : ms) === 'static');
  const isFetched = (query: QueryLike): boolean => asked(query, () => query.isActive()) && !asked(query, () => isStatic(query));

  function mark(spread: number, own: boolean, test: (demand: Demand) => boolean): void {
    const waitOf = pace.event(spread, own || environment.visible());
    const marked = new Set<QueryLike>();
    for (const query of queryClient.getQueryCache().getAll()) {
      // Of a cache of thousands most are not concerned.
      const task = lacks(query, test) ? taskOf(query) : undefined;
      if (!task) continue;
      // An event asks for it, and nobody goes on by himself.
      restless.delete(query);
      if (task.tries === 0) task.notBefore = 0;
      if (isFetched(query)) {
        const wait = waitOf(query);
        // What it waits for already may come sooner.
        if (!task.wait || task.wait.due <= elapsed() || task.wait.due > wait.due) task.wait = wait;
      }
      wake(dueAt(query, task));
      if (!query.state.isInvalidated) marked.add(query);
    }
    together(
      marked,
      (predicate) => void queryClient.invalidateQueries({ refetchType: 'none', predicate }),
      (query) => query.state.isInvalidated || query.invalidate(),
    );
    changed();
  }

  /** All in one batch of the library's. Where what an app gave (a `staleTime`) throws in the midst of it, one by one. */
  function together(queries: ReadonlySet<QueryLike>, all: (predicate: (query: QueryLike) => boolean) => void, one: (query: QueryLike) => unknown): void {
    if (queries.size === 0) return;
    try {
      all((query) => queries.has(query));
    } catch {
      for (const query of queries) asked(query, () => (one(query), true));
    }
  }

  // --- when it is fetched ---

  /** When there is something to do for a stale query, as `elapsed` has it; Infinity: something else has to happen first. */
  function dueAt(query: QueryLike, task: Task): number {
    task.active = isFetched(query);
    if (!task.active) return Infinity;
    const now = elapsed();
    const { fetchStatus, data } = query.state;
    if (fetchStatus !== 'idle') {
      // One without data cannot be begun anew, one that began after the change has its own time.
      const begun = reads.begin(query);
      if (fetchStatus === 'paused' || data === undefined || !lacks(query, ({ heard: at }) => at > begun)) return Infinity;
      task.flyingSince ??= now;
      return task.flyingSince + HUNG_MS * 2 ** Math.min(task.hung, MAX_HUNG);
    }
    task.flyingSince = undefined;
    const due = Math.max(task.wait?.due ?? 0, task.notBefore);
    if (due > now) return due;
    const held = heldUntil(query, now);
    task.heldSince = held > now ? (task.heldSince ?? now) : undefined;
    return task.heldSince === undefined ? due : Math.max(due, Math.min(held, task.heldSince + HOLD_MS));
  }

  function heldUntil(query: QueryLike, now: number): number {
    let held = 0;
    for (const mutation of queryClient.getMutationCache().getAll()) {
      if (!holds(mutation, namesOf(query))) continue;
      const from = holding.get(mutation) ?? now;
      holding.set(mutation, from);
      if (from + HOLD_MS > now) held = Math.max(held, from + HOLD_MS);
    }
    return held;
  }

  function wake(at: number): void {
    if (over || at === Infinity || (timer && timer.at <= at)) return;
    environment.clearTimeout(timer?.id);
    timer = { at, id: environment.setTimeout(flush, Math.max(0, at - elapsed())) };
  }

  function flush(): void {
    timer = undefined;
    const now = elapsed();
    const due = new Set<QueryLike>();
    const hung = new Set<QueryLike>();
    for (const [query, task] of tasks) {
      if (dueAt(query, task) <= now) (query.state.fetchStatus === 'idle' ? due : hung).add(query);
    }
    refetch(due, false);
    refetch(hung, true);
    look();
    changed();
  }

  function refetch(queries: ReadonlySet<QueryLike>, cancelRefetch: boolean): void {
    together(
      queries,
      // Without `type`, by which it would ask all queries of the cache.
      (predicate) => void queryClient.refetchQueries({ predicate }, { cancelRefetch }),
      (query) => query.state.fetchStatus === 'idle' && query.fetch(undefined, { cancelRefetch }).catch(() => undefined),
    );
    for (const query of queries) {
      const task = tasks.get(query);
      if (!task) continue;
      task.flyingSince = task.heldSince = undefined;
      if (cancelRefetch) task.hung += 1;
      // It could not begin.
      if (query.state.fetchStatus === 'idle') later(task, FIRST_WAIT_MS);
      else begun(query);
    }
  }

  /** After a fetch in vain. Without end, for as long as somebody looks: what is shown is not true. */
  function later(task: Task, first: number): void {
    task.tries += 1;
    task.notBefore = elapsed() + Math.min(MAX_WAIT_MS, first * 2 ** Math.min(task.tries - 1, 10)) * (0.5 + 0.5 * random());
  }

  function look(): void {
    for (const [query, task] of tasks) wake(dueAt(query, task));
  }

  // --- what happens to a query ---

  function happened(query: QueryLike, what: Happened, shown = false): void {
    // Nothing is to tell of a fetch that begins: of thousands at once each would ask all the others.
    if (what === 'began') return;
    if (what === 'removed') tasks.delete(query);
    else {
      const before = tasks.get(query);
      const task = taskOf(query);
      if (!task && !before) return;
      if (task) {
        // A success, a revert and a hand take the mark away.
        if (!query.state.isInvalidated) asked(query, () => (query.invalidate(), true));
        if (what === 'failed') {
          task.error = { thrown: query.state.error };
          later(task, FIRST_WAIT_MS);
        } else if (what === 'read') {
          task.error = undefined;
          const began = reads.begin(query);
          if (lacks(query, ({ heard: at }) => at > began)) [task.tries, task.notBefore] = [0, 0];
          // It began after all that was heard, and the server that answered it is behind (a replica, or a node), or it tells of another log.
          else if (isForeign(query, task)) return happened(query, 'changed');
          else later(task, FIRST_BEHIND_MS);
        } else if (!before && !shown) {
          calm(query, task);
        }
        wake(dueAt(query, task));
      }
    }
    changed();
  }

  /** Two tabs that tell each other what they have read would have each other read again for as long as what is told may be older than the change. */
  function calm(query: QueryLike, task: Task): void {
    const at = elapsed();
    const last = restless.get(query);
    const times = last && at - last.at < RESTLESS_MS ? last.times + 1 : 0;
    restless.set(query, { at, times });
    if (times > 0) task.notBefore = at + Math.min(MAX_RESTLESS_MS, FIRST_BEHIND_MS * 2 ** Math.min(times - 1, 10)) * (0.5 + 0.5 * random());
  }

  /** Its answers are of a log that this stream is not of, and go on to be: their positions say nothing. */
  function isForeign(query: QueryLike, task: Task): boolean {
    const strange = reads.of(query).filter((read) => heard.isStrange(read));
    if (strange.length === 0) task.strangeSince = undefined;
    else task.strangeSince ??= elapsed();
    if (task.strangeSince === undefined || elapsed() - task.strangeSince < STRANGE_MS) return false;
    task.strangeSince = undefined;
    for (const read of strange) heard.disown(read);
    return true;
  }

  return {
    lacks,
    isFetched,
    mark,
    happened,
    isHeld: (query) => heldUntil(query, elapsed()) > elapsed(),
    stale() {
      const pending: (readonly unknown[])[] = [];
      const failed: FailedQuery[] = [];
      for (const [query, { active, error, tries }] of tasks) {
        if (!active) continue;
        pending.push(query.queryKey);
        if (error) failed.push({ queryKey: query.queryKey, error: error.thrown, tries });
      }
      return { pending, failed };
    },
    retry() {
      for (const task of tasks.values()) task.notBefore = Math.min(task.notBefore, elapsed() + FIRST_WAIT_MS * random());
      look();
    },
    hurry() {
      for (const query of tasks.keys()) pace.hurry(query);
      look();
    },
    look,
    end() {
      over = true;
      environment.clearTimeout(timer?.id);
      timer = undefined;
    },
  };
}
