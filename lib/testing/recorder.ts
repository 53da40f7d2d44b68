/** Watches the mutations of a test suite: which ran, which told nobody, and which queries were never made stale. */
import type { AnyTRPCRouter } from '@trpc/server';
import type { SyncAction } from '../protocol/events.js';
import { PathcastError } from '../protocol/error.js';
import { describe } from '../internal/describe.js';
import { checkKeys, checkObject } from '../server/check.js';
import { checkHub, type AnyHub } from '../server/hub.js';
import { internalsOf } from '../server/internals.js';
import { currentMutation, pathsTold, runInMutation, type MutationScope } from '../server/mutation-scope.js';
import { readRouter } from '../server/paths/read-router.js';
import type { BroadcastResult } from '../server/results.js';
import type { MutationEnd, Sync, SyncMiddleware } from '../trpc/index.js';
import { covers, describeReport, type MutationReport, type RecorderReport } from './report.js';

export interface RecorderOptions {
  /** The app's router: its mutations and queries are what is expected. */
  router: AnyTRPCRouter;
  /** The sync whose `middleware()` stands on the base procedure. Without one, `recorder.middleware()` goes there. */
  sync?: Pick<Sync, 'observe' | 'settled' | 'hub'> | undefined;
  /** Only broadcasts on this hub count. Default: the sync's; without a sync every hub's. */
  hub?: AnyHub | undefined;
  /** Mutations that rightly broadcast nothing, and why, beside those that the sync's map calls silent. */
  silent?: Readonly<Record<string, string>> | undefined;
}

export interface VerifyOptions {
  /** Default false: mutations that no test runs are listed, and do not fail. */
  everyMutation?: boolean | undefined;
  /** Default false: queries that nothing made stale are listed, and do not fail. */
  everyQuery?: boolean | undefined;
}

export interface Recorder {
  /** For code bases without `sync.middleware()`: on the base procedure, outermost. Throws INVALID_OPTION where a sync is watched. */
  middleware(this: void): SyncMiddleware;
  /** What was seen so far. */
  report(this: void): RecorderReport;
  /**
   * Waits for what is under way, then rejects with one readable Error if a mutation succeeded and neither broadcast nor
   * is declared silent, or if the hub refused its broadcast whole. `afterAll(() => recorder.verify())`, in any test runner.
   */
  verify(this: void, options?: VerifyOptions): Promise<void>;
  /** Forgets what was seen. */
  reset(this: void): void;
  /** Stops watching the sync. Idempotent. */
  stop(this: void): void;
}

/** One successful run: what it did, which may come after its end. */
interface Run {
  broadcasts: number;
  /** Why it is right, or wrong, although it did not broadcast. */
  excuse?: 'silent' | undefined;
  problem?: string | undefined;
}

interface Seen {
  runs: Run[];
  failures: number;
  queryPaths: Set<string>;
  /** Of broadcasts by the middleware of which the hub sent nothing, and why. */
  refusals: string[];
}

/** Throws PathcastError INVALID_OPTION. */
export function createRecorder(options: RecorderOptions): Recorder {
  checkKeys('createRecorder()', checkObject('options', options, 'INVALID_OPTION'), ['router', 'sync', 'hub', 'silent']);
  const { router, sync, silent = {} } = options;
  checkHub(options.hub);
  if (sync !== undefined && typeof (sync as Partial<Sync> | null)?.observe !== 'function')
    throw new PathcastError('INVALID_OPTION', `sync must be a sync of createSync(), got ${describe(sync)}`);
  const expected = readRouter(router);
  for (const name of Object.keys(silent)) {
    if (!expected.mutations.includes(name) && expected.lazy.length === 0)
      throw new PathcastError(
        'INVALID_OPTION',
        `silent names ${JSON.stringify(name)}, which is no mutation of the router`,
      );
  }
  const seen = new Map<string, Seen>();
  const observed = new Set<string>();
  const outcomes = new Set<Promise<void>>();
  const of = (path: string): Seen => {
    let found = seen.get(path);
    if (!found) seen.set(path, (found = { runs: [], failures: 0, queryPaths: new Set(), refusals: [] }));
    return found;
  };
  const note = (path: string | undefined, queryPaths: readonly string[]): void => {
    for (const queryPath of queryPaths) {
      observed.add(queryPath);
      if (path !== undefined) of(path).queryPaths.add(queryPath);
    }
  };
  const stop = sync?.observe({
    handed: ({ path, queryPaths, outcome }) => {
      if (!outcome) {
        note(path, queryPaths);
        return;
      }
      const watched: Promise<void> = outcome.then((result) => {
        outcomes.delete(watched);
        const refusal = refusalOf(result);
        if (refusal === undefined) note(path, 'sent' in result ? (result.sent?.queryPaths ?? []) : queryPaths);
        else if (path !== undefined) of(path).refusals.push(refusal);
      });
      outcomes.add(watched);
    },
    mutationEnded: (end) => {
      const entry = of(end.path);
      if (!end.ok) entry.failures += 1;
      else entry.runs.push(runOf(end));
      for (const queryPath of end.queryPaths) of(end.path).queryPaths.add(queryPath);
    },
  });

  const report = (): RecorderReport => {
    const hub = options.hub ?? sync?.hub;
    const { queries, mutations } = readRouter(router);
    const published = new Set(
      (hub && internalsOf(hub).paths ? hub.pathUsage() : []).filter((use) => use.published > 0).map((use) => use.path),
    );
    const rows = [...seen].map(([path, entry]) => rowOf(path, entry, silent[path]));
    return {
      mutations: rows.sort((a, b) => (a.path < b.path ? -1 : 1)),
      missing: rows.filter((row) => row.missing > 0).map((row) => row.path),
      neverRun: mutations.filter((path) => !seen.get(path)?.runs.length),
      neverObserved: queries.filter((path) => !published.has(path) && !covers(observed, path)),
    };
  };

  return {
    middleware: () => {
      if (sync)
        throw new PathcastError(
          'INVALID_OPTION',
          'the recorder watches a sync, whose own middleware tells it everything; it needs none of its own',
        );
      const watch = (outcome: Promise<void>): void => {
        const watched: Promise<void> = outcome.then(() => void outcomes.delete(watched));
        outcomes.add(watched);
      };
      return scopeMiddleware(of, note, options.hub, watch);
    },
    report,
    verify: async (wanted = {}) => {
      const { everyMutation = false, everyQuery = false } = checkVerify(wanted);
      await sync?.settled();
      await Promise.all(outcomes);
      const result = report();
      const failed =
        result.missing.length > 0 ||
        (everyMutation && result.neverRun.length > 0) ||
        (everyQuery && result.neverObserved.length > 0);
      if (failed) throw new Error(describeReport(result));
    },
    reset: () => {
      seen.clear();
      observed.clear();
    },
    stop: () => stop?.(),
  };
}

function checkVerify(options: VerifyOptions): VerifyOptions {
  const given = checkObject('verify options', options, 'INVALID_OPTION');
  checkKeys('verify()', given, ['everyMutation', 'everyQuery']);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && typeof value !== 'boolean')
      throw new PathcastError('INVALID_OPTION', `${name} must be true or false, got ${describe(value)}`);
  }
  return options;
}

const PROBLEMS = {
  none: 'has no entry in the invalidation map',
  lost: 'could not be broadcast: no companyId was found',
} as const;

function runOf(end: MutationEnd): Run {
  if (end.said === 'map') return { broadcasts: 1 };
  return end.said === 'silent' ? { broadcasts: 0, excuse: 'silent' } : { broadcasts: 0, problem: PROBLEMS[end.said] };
}

/** Undefined where at least a part of it went out. */
function refusalOf(result: BroadcastResult): string | undefined {
  if (result.ok || result.sent) return undefined;
  return `was broadcast, but the hub refused it: ${result.code}: ${result.message}`;
}

function rowOf(path: string, seen: Seen, declared: string | undefined): MutationReport {
  const { runs, failures, queryPaths, refusals } = seen;
  const silent = declared === undefined ? runs.filter((run) => run.broadcasts === 0 && run.excuse === undefined) : [];
  // One that told nobody and was refused as well (its router's prefix goes out in place of its paths) is one run.
  const refused = declared === undefined ? refusals.map((problem) => ({ problem })) : [];
  const missing = silent.length >= refused.length ? silent : refused;
  return {
    path,
    runs: runs.length,
    failures,
    missing: missing.length,
    problem: missing.length === 0 ? undefined : (missing[0]?.problem ?? 'broadcast nothing and is not declared silent'),
    queryPaths: [...queryPaths].sort(),
  };
}

function scopeMiddleware(
  of: (path: string) => Seen,
  note: (path: string, queryPaths: readonly string[]) => void,
  hub: AnyHub | undefined,
  watch: (outcome: Promise<void>) => void,
): SyncMiddleware {
  return async (opts) => {
    if (opts.type !== 'mutation') return opts.next();
    const { path } = opts;
    const run: Run = { broadcasts: 0 };
    const outer = currentMutation();
    const scope: MutationScope = {
      noteBroadcast: (action: SyncAction, from: object, outcome: Promise<BroadcastResult>) => {
        // A mutation that calls others has broadcast if they have.
        outer?.noteBroadcast(action, from, outcome);
        if (hub && from !== hub) return;
        watch(
          outcome.then((result) => {
            // What was refused, or has an id that was used before, has told nobody.
            const told = pathsTold(action, result);
            if (!told) return;
            run.broadcasts += 1;
            note(path, told);
          }),
        );
      },
    };
    const result = await runInMutation(scope, () => opts.next());
    if (result.ok) of(path).runs.push(run);
    else of(path).failures += 1;
    return result;
  };
}
