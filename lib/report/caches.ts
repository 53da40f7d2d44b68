/** What a binding does to a page's cache, counted until it is reported. */
import { APPLIED_MS, REPORT_BYTES, type CacheReport } from '../protocol/reports.js';
import { cachedPaths, observe, type CacheTrace, type QueryBinding } from '../tanstack/index.js';

/** Bytes of a report that paths may take: the rest is for counts. */
const PATHS_BYTES = REPORT_BYTES - 2_048;
/** Paths that a page reports; a mapper that makes them of ids makes no more. */
const MAX_PATHS = 2_000;
/** Characters of a path; a longer one is no query's. */
const MAX_PATH = 256;

export interface CacheCounts {
  /** There is something to report. */
  readonly any: boolean;
  /** What there is, as much as a report holds; it is counted no more. */
  take(): CacheReport | undefined;
  /** It was not taken. */
  back(report: CacheReport): void;
  end(): void;
}

const none = (): CacheReport => ({
  paths: [],
  refetches: 0,
  failed: 0,
  avoided: { coalesced: 0, where: 0, position: 0 },
  applied: new Array<number>(APPLIED_MS.length + 1).fill(0),
  appliedMs: 0,
});

const bytesOf = (path: string): number => new TextEncoder().encode(JSON.stringify(path)).length + 1;

/** `changed`: something happened. */
export function countCaches(binding: QueryBinding, changed: () => void): CacheCounts {
  let counts = none();
  let counted = false;
  const told = new Set<string>();

  function untold(): string[] {
    return cachedPaths(binding).filter((path) => path !== '*' && path.length <= MAX_PATH && !told.has(path));
  }

  function count(trace: CacheTrace): void {
    if (trace.type === 'heard') {
      for (const by of ['coalesced', 'where', 'position'] as const) counts.avoided[by] += trace.avoided[by];
    } else if (trace.type === 'refetch') {
      // What begins with the stream itself is of no event.
      if (trace.events.length > 0) counts.refetches += 1;
    } else if (trace.type === 'failed') {
      counts.failed += 1;
    } else {
      if (trace.spared) counts.avoided.position += 1;
      for (const { ms } of trace.applied) if (ms !== undefined) time(ms);
    }
    counted = true;
    changed();
  }

  function time(ms: number): void {
    const bucket = APPLIED_MS.findIndex((bound) => ms <= bound);
    const at = bucket < 0 ? APPLIED_MS.length : bucket;
    counts.applied[at] = (counts.applied[at] ?? 0) + 1;
    counts.appliedMs += Math.round(ms);
  }

  const end = observe(binding, count);

  return {
    get any() {
      return counted || untold().length > 0;
    },
    take() {
      const report = counts;
      let left = PATHS_BYTES;
      for (const path of untold()) {
        left -= bytesOf(path);
        if (left < 0 || told.size >= MAX_PATHS) break;
        told.add(path);
        report.paths.push(path);
      }
      const some = counted || report.paths.length > 0;
      counts = none();
      counted = false;
      return some ? report : undefined;
    },
    back(report) {
      for (const path of report.paths) told.delete(path);
      counts.refetches += report.refetches;
      counts.failed += report.failed;
      counts.appliedMs += report.appliedMs;
      for (const by of ['coalesced', 'where', 'position'] as const) counts.avoided[by] += report.avoided[by];
      report.applied.forEach((count, bucket) => (counts.applied[bucket] = (counts.applied[bucket] ?? 0) + count));
      counted = true;
    },
    end,
  };
}
