/** From what was seen to what is wrong: the rules of the audit. Pure; neither files nor the compiler are touched. */
import { nearestFinder } from '../../../internal/nearest.js';
import { createJsPathTable } from '../../../jsengine/path-table.js';
import type { AuditReport, Finding, PathMapReport, Totals, Unseen } from '../report.js';
import { NO_HINTS, type Facts, type Hints, type RootFacts } from './facts.js';
import { finding, placeKey, placeOf, type Found } from './fingerprint.js';
import { judgeHelpers } from './helpers.js';
import { TableOwners } from './modules.js';
import { judgeMutation, type Context, type Judged } from './mutations.js';
import { OriginFields } from './origins.js';
import { PathJudge, routerOf } from './paths.js';
import { coverageOf, routerReports } from './routers.js';
import { readAliases, SyncMap } from './sync-map.js';
import { queriesOf, tablesOf } from './tables.js';
import { judgeTools } from './tools.js';
import { distinct } from './words.js';

export { NO_HINTS, type Facts, type Hints, type ProcedureFacts, type RootFacts } from './facts.js';

/** @throws where `facts` has no root. */
export function judge(facts: Facts, hints: Hints = NO_HINTS): AuditReport {
  const [root, ...others] = facts.roots;
  if (!root) throw new Error('There is no router to judge.');
  const own = pathsOf(root, 'query');
  const queries = distinct([...own, ...(root.mountedBeside ?? [])]);
  const find = nearestFinder(queries);
  const nearest = (path: string): string[] => find(path).map((one) => one.path);
  const certain = (path: string): string | undefined => {
    const [one, ...others] = find(path).filter(({ confident }) => confident);
    return others.length === 0 ? one?.path : undefined;
  };
  const { aliases, found } = readAliases(facts.sync, queries, nearest);
  const paths = new PathJudge({ queries, nearest, certain, aliases });
  const sync = new SyncMap(facts.sync, queries, pathsOf(root, 'mutation'), paths, createJsPathTable);
  found.push(...sync.found);
  const everything = facts.roots.flatMap((one) => one.procedures);
  const context: Context = {
    judge: paths,
    owners: new TableOwners(root.procedures, hints),
    sync,
    logged: facts.sync.logged,
    hints,
    origins: new OriginFields(everything.flatMap((one) => one.effects?.broadcasts ?? [])),
    found,
  };

  const mutations = mutationsOf(root, context);
  const beside = others.map((other) => ({
    other,
    judged: mutationsOf(other, context, new Set(pathsOf(other, 'query')), new Map(mutations.map((one) => [placeKey(one.report), one]))),
  }));
  const all = [...mutations, ...beside.flatMap(({ judged }) => judged)];
  const helpers = judgeHelpers(all, context.owners, facts, found);
  const unseen = unseenOf(facts, all);
  const tools = judgeTools(facts, mutations, context, unseen);
  const pathMaps = pathMapsOf(facts, paths);
  found.push(...phantomFindings(paths));

  const reports = mutations.map(({ report }) => report);
  const layer = hasLayer(facts, all) ? 'seen' : 'none';
  // Without any layer each mutation is silent: that is said once, and what would need one is information.
  if (layer === 'none') for (const one of found) if (one.rule === 'silent') one.severity = 'note';
  const routers = routerReports(root, reports);
  const phantoms = paths.phantoms();
  const broken = phantoms.filter((phantom) => phantom.alias === undefined);
  const silent = reports.filter((report) => report.broadcast === 'no');
  const named = new Set(reports.map((report) => report.path));
  const totals: Totals = {
    mutations: reports.length,
    broadcasting: reports.filter((report) => report.broadcast === 'yes').length,
    silent: silent.length,
    declaredSilent: reports.filter((report) => report.broadcast === 'silent').length,
    unknown: reports.filter((report) => report.broadcast === 'unknown').length,
    silentWithoutWrites: silent.filter((report) => report.writes.length === 0).length,
    coverage: coverageOf(reports),
    routers: routers.length,
    queries: own.length,
    subscriptions: pathsOf(root, 'subscription').length,
    phantomPaths: broken.length,
    phantomUses: broken.reduce((sum, phantom) => sum + distinct(phantom.uses.map(placeKey)).length, 0),
    aliasedPaths: phantoms.length - broken.length,
    tools: tools.length,
    toolMismatches: tools.filter((tool) => tool.verdict === 'mismatch').length,
    nonAtomic: distinct(
      found
        .filter(({ rule, subject }) => rule === 'non-atomic' && named.has(subject ?? ''))
        .map(({ subject }) => subject),
    ).length,
    files: facts.files,
  };
  return {
    version: 1,
    root: root.name,
    layer,
    totals,
    routers,
    mutations: reports,
    queries: queriesOf(root),
    tables: tablesOf(facts),
    phantoms,
    tools,
    pathMaps,
    helpers,
    otherRoots: beside.map(({ other, judged }) => {
      const its = judged.map(({ report }) => report);
      return { root: other.name, routers: routerReports(other, its), mutations: its };
    }),
    findings: inOrder(found),
    unseen,
  };
}

/** Whether the code base tells its clients of anything, in whatever way. */
function hasLayer({ sync, pathMaps }: Facts, mutations: readonly Judged[]): boolean {
  if (sync.maps.length + sync.middleware.length + sync.hubs.length + pathMaps.length > 0) return true;
  return mutations.some(({ report }) => report.broadcasts.length > 0);
}

const pathsOf = (root: RootFacts, kind: string): string[] =>
  root.procedures.filter(({ procedure }) => procedure.kind === kind).map(({ procedure }) => procedure.path);

/** @param known Mutations that were judged already, by their place: one that two roots mount is wrong once. */
function mutationsOf(root: RootFacts, context: Context, more?: ReadonlySet<string>, known?: ReadonlyMap<string, Judged>): Judged[] {
  return root.procedures
    .filter(({ procedure }) => procedure.kind === 'mutation')
    .map((one) => {
      const same = known?.get(placeKey(one.procedure.place));
      const { path } = one.procedure;
      return same ? { ...same, report: { ...same.report, path, router: routerOf(path) } } : judgeMutation(one, context, more);
    });
}

function pathMapsOf(facts: Facts, paths: PathJudge): PathMapReport[] {
  return facts.pathMaps.map((map) => ({
    name: map.name,
    entries: map.entries.map((entry) => ({
      key: entry.key,
      queryPaths: entry.queryPaths.map((path) =>
        paths.judge(path, map.kind === 'tools' ? `tool ${entry.key}` : `${map.name} ${entry.key}`),
      ),
    })),
    ...placeOf(map),
  }));
}

/** One for each place and who uses it. */
function phantomFindings(paths: PathJudge): Found[] {
  return paths
    .uses()
    .filter((use) => use.as === 'phantom' && paths.effective(use.path) === use.path)
    .map(({ path, place, within }): Found => {
      const nearest = paths.nearest(path);
      const message = `${path} is no query${nearest.length > 0 ? `; nearest: ${nearest.join(', ')}` : ''} (in ${within})`;
      return { rule: 'phantom', place, message, subject: within.replace(/^tool /, ''), detail: path };
    });
}

function unseenOf(facts: Facts, mutations: readonly Judged[]): Unseen[] {
  const all: Unseen[] = [...facts.unseen, ...facts.roots.flatMap((root) => root.unseen)];
  for (const { report, effects } of mutations) {
    if (!effects) {
      all.push({
        ...placeOf(report),
        what: report.path,
        why: 'its resolver is not to be found in the sources',
        subject: report.path,
      });
    } else {
      all.push(...effects.unseen.map((one) => ({ ...one, subject: one.subject ?? report.path })));
    }
  }
  for (const { procedure, unread = [] } of facts.roots.flatMap((root) => root.procedures)) {
    all.push(...unread.map((one) => ({ ...one, subject: one.subject ?? procedure.path })));
  }
  for (const { tools } of facts.executors) {
    for (const tool of tools)
      all.push(...tool.effects.unseen.map((one) => ({ ...one, subject: one.subject ?? tool.tool })));
  }
  const seen = new Set<string>();
  return all.filter((one) => {
    const key = `${placeKey(one)} ${one.what} ${one.subject ?? ''}`;
    return !seen.has(key) && seen.add(key);
  });
}

function inOrder(found: readonly Found[]): Finding[] {
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const one of found) {
    const key = JSON.stringify([one.rule, placeKey(one.place), one.subject, one.message]);
    if (seen.has(key)) continue;
    seen.add(key);
    findings.push(finding(one));
  }
  return findings.sort((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
}
