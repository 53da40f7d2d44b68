import type { EngineFilter } from '../internal/engine.js';
import type { LogEntry } from './action-log.js';

type Test = (entry: LogEntry) => boolean;

/** What a stream lets through. Streams with equal filters share one object (see `FilterPool`), and so their bytes. */
export class Filter {
  private readonly tests: readonly Test[];
  /** How many streams hold it; the pool's. */
  holders = 0;

  constructor(
    readonly key: string,
    spec: EngineFilter,
  ) {
    this.tests = compile(spec);
  }

  /** True if it cannot leave anything out. */
  get passesAll(): boolean {
    return this.tests.length === 0;
  }

  matches(entry: LogEntry): boolean {
    for (const test of this.tests) if (!test(entry)) return false;
    return true;
  }
}

function compile(spec: EngineFilter): Test[] {
  const tests: Test[] = [];
  const { excludeSourceId, excludeUserId } = spec;
  if (excludeSourceId) tests.push((entry) => entry.sourceId !== excludeSourceId);
  if (excludeUserId !== undefined) tests.push((entry) => entry.userId !== excludeUserId);
  if (spec.modules) {
    const modules = new Set(spec.modules);
    tests.push((entry) => entry.module === '*' || modules.has(entry.module));
  }
  if (spec.clientIds) {
    const clientIds = new Set(spec.clientIds);
    tests.push((entry) => entry.clientId === undefined || clientIds.has(entry.clientId));
  }
  if (spec.entities) {
    const entities = new Set(spec.entities);
    tests.push((entry) => entry.entityId === '*' || entities.has(entry.entityId));
  }
  if (spec.queryPaths) {
    const meets = pathTest(spec.queryPaths);
    tests.push((entry) => entry.queryPaths.some(meets));
  }
  return tests;
}

/** Whether a path is one of `wanted`, a prefix of one, below one, or `*`. */
function pathTest(wanted: readonly string[]): (path: string) => boolean {
  if (wanted.includes('*')) return () => true;
  const exact = new Set(wanted);
  /** Those and their prefixes. */
  const above = new Set(wanted.flatMap((path) => [path, ...prefixesOf(path)]));
  if (above.size > 0) above.add('*');
  return (path) => {
    if (above.has(path)) return true;
    for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
      if (exact.has(path.slice(0, dot))) return true;
    }
    return false;
  };
}

/** `a.b.c` → `a.b`, `a`. */
function prefixesOf(path: string): string[] {
  const prefixes: string[] = [];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) prefixes.push(path.slice(0, dot));
  return prefixes;
}

function keyOf(spec: EngineFilter): string {
  const sorted = (list: string[] | undefined): string[] | null => (list ? [...new Set(list)].sort() : null);
  return JSON.stringify([
    sorted(spec.clientIds),
    sorted(spec.modules),
    sorted(spec.entities),
    sorted(spec.queryPaths),
    spec.excludeSourceId || null,
    spec.excludeUserId ?? null,
  ]);
}

/** The filters in use, one object per meaning; one without holders is forgotten. */
export class FilterPool {
  private readonly filters = new Map<string, Filter>();

  hold(spec: EngineFilter = {}): Filter {
    const key = keyOf(spec);
    let filter = this.filters.get(key);
    if (!filter) this.filters.set(key, (filter = new Filter(key, spec)));
    filter.holders++;
    return filter;
  }

  release(filter: Filter): void {
    if (--filter.holders === 0) this.filters.delete(filter.key);
  }

  get size(): number {
    return this.filters.size;
  }
}
