/** Runs the parts over a code base and brings together what they saw. */
import path from 'node:path';
import { messageOf } from '../../internal/describe.js';
import {
  effectsOf,
  findPathMaps,
  findSyncConfig,
  findToolFallbacks,
  findTools,
  type EffectsOptions,
  type RawEffects,
} from './effects/index.js';
import type { BudgetOptions } from './budget.js';
import { AuditError } from './errors.js';
import type { Facts, ProcedureFacts, RootFacts } from './findings/index.js';
import type { Procedure, Project, RouterRoot } from './model.js';
import { openProject } from './project/index.js';
import type { Place } from './report.js';
import { findRoots } from './routers/index.js';

export interface CollectOptions {
  /** `FILE` or `FILE#name`, relative to the root. */
  router?: string;
  /** Relative to the root or absolute. */
  tsconfig?: string;
  /** Functions that broadcast, beside the known names. */
  broadcasts?: readonly string[];
  /** Functions that run what they are given in a transaction, beside the known names. */
  transactions?: readonly string[];
  /** Files that are left out. */
  ignored?: (file: string) => boolean;
  budget?: BudgetOptions;
  onFetch?: (what: string) => void;
  onProgress?: (done: number, total: number, what: string) => void;
}

/** @throws AuditError where no router is found. */
export function collect(root: string, { router, tsconfig, broadcasts, transactions, ignored, budget, onFetch, onProgress }: CollectOptions): Facts {
  const opened = openProject(root, {
    ...(tsconfig === undefined ? {} : { tsconfig }),
    ...(onProgress ? { onProgress } : {}),
    ...(budget ? { budget } : {}),
    ...(onFetch ? { onFetch } : {}),
  });
  const kept = opened.files.filter((file) => !ignored?.(relative(opened, file.fileName)));
  const project = kept.length === opened.files.length ? opened : { ...opened, files: kept };
  const roots = findRoots(project, router === undefined ? {} : { router });
  if (roots.length === 0 || roots.every((one) => one.procedures.length === 0))
    throw new AuditError(nothingFound(root, project, router) + notesOf(roots));

  const options: EffectsOptions = { broadcastNames: broadcasts ?? [], transactions: transactions ?? [] };
  const total = roots.reduce((sum, one) => sum + one.procedures.length, 0);
  let done = 0;
  const followedBefore = new Map<unknown, RawEffects>();
  const factsOf = (one: RouterRoot): RootFacts => ({
    name: one.name,
    place: one.place,
    unseen: one.unseen,
    ...(one.mountedBeside ? { mountedBeside: one.mountedBeside } : {}),
    procedures: one.procedures.map((procedure) => known.get(procedure) ?? { procedure }),
  });
  const factOf = (procedure: Procedure): ProcedureFacts => {
    onProgress?.(++done, total, 'following procedures');
    project.budget.begin();
    const isSpent = project.budget.spent !== undefined;
    if (procedure.kind === 'mutation') {
      if (isSpent) return { procedure, effects: notFollowed(procedure.place, project.budget.why()) };
      // Mounted in two roots: followed once, unless its own path is what it broadcasts by.
      const effects = followedBefore.get(procedure.node) ?? followed(procedure.place, () => effectsOf(project, procedure, options));
      if (effects.broadcasts.length === 0 && procedure.scope.size === 0) followedBefore.set(procedure.node, effects);
      return { procedure, effects };
    }
    if (procedure.kind !== 'query') return { procedure };
    const { reads, writes, unread } = isSpent ? notFollowed(procedure.place, project.budget.why()) : followed(procedure.place, () => effectsOf(project, procedure, options));
    return { procedure, reads, writes: writes.map((write) => write.table), unread };
  };
  // Mutations first: where the run's budget is spent, queries are what is left out.
  const known = new Map<Procedure, ProcedureFacts>();
  const all = roots.flatMap((one) => one.procedures);
  for (const isQuery of [false, true]) for (const one of all) if ((one.kind === 'query') === isQuery) known.set(one, factOf(one));
  const rootFacts = roots.map(factsOf);
  onProgress?.(total, total, 'comparing');
  const queries = new Set(
    roots.flatMap((one) => one.procedures.filter(({ kind }) => kind === 'query').map(({ path: name }) => name)),
  );
  project.budget.begin();
  const pathMaps = findPathMaps(project, { queries });
  const executors = findTools(project, options);
  const names = new Set([
    ...pathMaps.filter((map) => map.kind === 'tools').flatMap((map) => map.entries.map((entry) => entry.key)),
    ...executors.flatMap((executor) => executor.tools.map((tool) => tool.tool)),
  ]);
  return {
    roots: rootFacts,
    pathMaps,
    executors,
    fallbacks: findToolFallbacks(project, [...names]),
    sync: findSyncConfig(project),
    unseen: [],
    files: project.files.length,
    placeOf: (node) => project.placeOf(node),
  };
}

/** Code that the audit stumbles over costs one procedure, not the report. */
function followed(place: Place, read: () => RawEffects): RawEffects {
  try {
    return read();
  } catch (error) {
    return notFollowed(place, `following it failed: ${messageOf(error)}`);
  }
}

const notFollowed = (place: Place, why: string): RawEffects => ({
  broadcasts: [],
  writes: [],
  reads: [],
  helpers: [],
  tells: [],
  notes: [],
  unseen: [{ ...place, what: 'the resolver', why }],
  unread: [{ ...place, what: 'the resolver', why }],
});

const relative = (project: Project, file: string): string =>
  path.relative(project.root, file).split(path.sep).join('/');

/** Why nothing is on the routers that were found. */
function notesOf(roots: readonly RouterRoot[]): string {
  const notes = roots.flatMap((one) => one.unseen).slice(0, 3);
  return notes.map((note) => `\n  ${note.file}:${note.line} ${note.what}: ${note.why}`).join('');
}

function nothingFound(root: string, project: Project, router: string | undefined): string {
  if (router !== undefined) return `--router: ${router} is no router with procedures`;
  return (
    `no tRPC router found in ${project.files.length} files below ${root}; looked for the result of router(), t.router(), ` +
    'createTRPCRouter() or mergeRouters() that is served or exported. Name it: --router FILE#NAME'
  );
}
