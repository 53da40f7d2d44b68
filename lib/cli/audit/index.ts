/** `pathcast audit` for programs: the report of a code base. */
import { nearestFinder } from '../../internal/nearest.js';
import { collect } from './collect.js';
import { checkConfig, hintsOf, ignores, readConfig, type AuditConfig } from './config.js';
import type { BudgetOptions } from './budget.js';
import { AuditError } from './errors.js';
import { judge, type Facts } from './findings/index.js';
import type { AuditReport } from './report.js';

export { AuditError } from './errors.js';
export type { AuditConfig } from './config.js';
export type * from './report.js';

export interface AuditOptions {
  /** `FILE` or `FILE#name` of the root router, relative to the folder. Default: found by itself. */
  router?: string;
  /** Relative to the folder or absolute. Default: every source below the folder. */
  tsconfig?: string;
  /** Default: the folder's `pathcast.audit.json`, else `pathcast.audit` in its package.json, else none. */
  config?: AuditConfig;
  /** What one question, one procedure and the run may spend. What is cut off stands in `unseen`. */
  budget?: BudgetOptions;
  /** Where it is given, npm may fetch a TypeScript that fits into its own cache, and one line says so. Default: an error says what to install. */
  onFetch?: (what: string) => void;
  onProgress?: (done: number, total: number, what: string) => void;
}

/**
 * Audits the code below `root`, absolute or relative to the working directory. Runs none of it. Synchronous: seconds for
 * thousands of files. There is always a report: where a budget is spent, what was not followed is `unknown`.
 *
 * @throws AuditError where nothing can be audited, or where the settings name what is not there.
 */
export function audit(root: string, options: AuditOptions = {}): AuditReport {
  const config = options.config === undefined ? readConfig(root) : checkConfig(options.config, 'config');
  const router = options.router ?? config.router;
  const tsconfig = options.tsconfig ?? config.tsconfig;
  const ignored = ignores(config.ignore ?? []);
  const facts = collect(root, {
    ...(router === undefined ? {} : { router }),
    ...(tsconfig === undefined ? {} : { tsconfig }),
    broadcasts: config.broadcasts ?? [],
    transactions: config.transactions ?? [],
    ignored,
    ...(options.onFetch ? { onFetch: options.onFetch } : {}),
    ...(options.budget ? { budget: options.budget } : {}),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  checkNames(config, facts);
  const report = judge(facts, hintsOf(config));
  return { ...report, findings: report.findings.filter((finding) => !ignored(finding.file)) };
}

/** A setting that names what is not there is a mistake, or was forgotten when the code changed. */
function checkNames(
  { tools = {}, modules = {}, silent = {} }: AuditConfig,
  { roots, pathMaps, executors, sync }: Facts,
): void {
  const procedures = roots.flatMap((root) => root.procedures).map((one) => one.procedure);
  const mutations = procedures.filter((one) => one.kind === 'mutation').map((one) => one.path);
  const prefixes = procedures.flatMap(({ path }) =>
    path.split('.').map((_, index, parts) => parts.slice(0, index).join('.')),
  );
  const names = [
    ...pathMaps.flatMap((map) => map.entries.map((entry) => entry.key)),
    ...executors.flatMap((executor) => executor.tools.map((tool) => tool.tool)),
    ...sync.maps.flatMap((map) => map.tools.map((tool) => tool.name)),
  ];
  const check = (key: string, name: string, known: readonly string[], what: string): void => {
    if (known.includes(name)) return;
    const nearest = nearestFinder(known)(name).map((one) => one.path);
    throw new AuditError(
      `config: ${key}: there is no ${what} ${JSON.stringify(name)}${nearest.length > 0 ? `; nearest: ${nearest.join(', ')}` : ''}`,
    );
  };
  for (const [tool, mutation] of Object.entries(tools)) {
    check('tools', tool, names, 'tool');
    check(`tools.${tool}`, mutation, mutations, 'mutation');
  }
  for (const mutation of Object.keys(silent)) check('silent', mutation, mutations, 'mutation');
  for (const module of Object.keys(modules)) check('modules', module, prefixes, 'module');
}
