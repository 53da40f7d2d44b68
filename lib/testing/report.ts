/** What a recorder found, and how it says so. */

export interface MutationReport {
  path: string;
  /** That succeeded. */
  runs: number;
  failures: number;
  /** Successful runs that neither broadcast nor are declared silent, or whose broadcast the hub refused whole. */
  missing: number;
  /** Of the first such run. */
  problem: string | undefined;
  queryPaths: string[];
}

export interface RecorderReport {
  /** Those that ran, by path. */
  mutations: MutationReport[];
  /** Mutations that succeeded and told nobody. */
  missing: string[];
  /** Mutations of the router that never succeeded. */
  neverRun: string[];
  /** Queries of the router that no broadcast made stale: by name, by a prefix, or by `*`. */
  neverObserved: string[];
}

/** Names listed of one kind; the rest is counted. */
const MAX_LISTED = 50;

export function describeReport(report: RecorderReport): string {
  const lines: string[] = [];
  const list = (title: string, items: readonly string[]): void => {
    if (items.length === 0) return;
    lines.push(`${title} (${items.length}):`);
    lines.push(...items.slice(0, MAX_LISTED).map((item) => `  ${item}`));
    if (items.length > MAX_LISTED) lines.push(`  and ${items.length - MAX_LISTED} more`);
  };
  const silent = report.mutations.filter((row) => row.missing > 0);
  list(
    'mutations that succeeded and told nobody',
    silent.map((row) => `${row.path}: ${row.problem} (${row.missing} of ${row.runs} runs)`),
  );
  list('mutations that never ran', report.neverRun);
  list('queries that nothing made stale', report.neverObserved);
  return lines.join('\n');
}

/** Whether one of `paths` stands for `query`. */
export function covers(paths: ReadonlySet<string>, query: string): boolean {
  if (paths.has('*') || paths.has(query)) return true;
  for (let dot = query.indexOf('.'); dot > 0; dot = query.indexOf('.', dot + 1)) {
    if (paths.has(query.slice(0, dot))) return true;
  }
  return false;
}
