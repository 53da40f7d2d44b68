/** Compares what a chatbot's tools make stale with what the mutations make stale that they stand for. */
import type { RawPath, RawTool } from '../effects/types.js';
import type { PathUse, Place, ToolReport, Unseen } from '../report.js';
import type { Facts } from './facts.js';
import { placeOf } from './fingerprint.js';
import { ToolMatcher, type Match } from './match-tool.js';
import type { Context, Judged } from './mutations.js';
import { covers, routerOf } from './paths.js';
import { distinct, listed } from './words.js';

interface Tool {
  name: string;
  place: Place;
  queryPaths: PathUse[];
  complete: boolean;
  runs: RawTool[];
  /** No map has an entry: the writes alone say that there should be one. */
  unmapped: boolean;
  /** The invalidation map has an entry of its own for it: what it makes stale is decided there. */
  declared: boolean;
}

export function judgeTools(
  facts: Facts,
  mutations: readonly Judged[],
  context: Context,
  unseen: Unseen[],
): ToolReport[] {
  const { hints, owners, found, sync } = context;
  const matcher = new ToolMatcher(mutations, owners, hints.tools);
  const reports: ToolReport[] = [];
  for (const tool of collect(facts, context)) {
    const sameAs = sync.tool(tool.name)?.sameAs;
    const named = sameAs === undefined ? undefined : mutations.find(({ report }) => report.path === sameAs);
    const match: Match | undefined = named ? { mutation: named, by: 'config' } : matcher.find(tool.name, tool.runs);
    const report = compare(tool, match, context);
    reports.push(report);
    if (
      match === undefined &&
      !tool.declared &&
      (tool.queryPaths.length > 0 || !tool.complete || (tool.unmapped && ownTables(tool, context).length > 0))
    ) {
      const why = `no mutation is known to do the same; name it under "tools" in the configuration`;
      unseen.push({ ...placeOf(tool.place), what: `tool ${tool.name}`, why, subject: tool.name });
    }
    judgeReport(tool, report, context);
    for (const path of distinct(tool.runs.flatMap((run) => run.calls))) {
      if (mutations.some((mutation) => mutation.report.path === path)) continue;
      const message = `tool ${tool.name} calls ${path}, which is no mutation`;
      found.push({
        rule: 'tool-fallback',
        place: placeOf(tool.runs[0] ?? tool.place),
        subject: tool.name,
        message,
        detail: path,
      });
    }
  }
  judgeFallbacks(facts, reports, context);
  return reports;
}

/** Each tool of each map, tools of the invalidation map, and those that write and that no map has. */
function collect(facts: Facts, { judge, sync }: Context): Tool[] {
  const runs = new Map<string, RawTool[]>();
  for (const executor of facts.executors) {
    for (const tool of executor.tools) runs.set(tool.tool, [...(runs.get(tool.tool) ?? []), tool]);
  }
  const ownPaths = (name: string): RawPath[] =>
    (runs.get(name) ?? []).flatMap((run) => run.effects.broadcasts.flatMap((broadcast) => broadcast.queryPaths));
  const tools: Tool[] = [];
  const mapped = new Set<string>();
  const add = (
    name: string,
    place: Place,
    paths: readonly RawPath[],
    complete: boolean,
    as: 'phantom' | 'invalid-map',
  ): void => {
    mapped.add(name);
    const queryPaths = paths.map((path) => judge.judge(path, `tool ${name}`, { as }));
    tools.push({
      name,
      place: placeOf(place),
      queryPaths,
      complete,
      runs: runs.get(name) ?? [],
      unmapped: false,
      declared: sync.tool(name) !== undefined,
    });
  };
  for (const map of facts.pathMaps) {
    if (map.kind !== 'tools') continue;
    for (const entry of map.entries) {
      add(entry.key, entry, [...entry.queryPaths, ...ownPaths(entry.key)], entry.complete, 'phantom');
    }
  }
  for (const [name, entry] of sync.tools()) {
    if (!mapped.has(name))
      add(name, entry.place, entry.paths, entry.complete && entry.silent === undefined, 'invalid-map');
  }
  for (const [name, ran] of runs) {
    const [first] = ran;
    if (mapped.has(name) || !first || ran.every((run) => run.effects.writes.length === 0)) continue;
    const queryPaths = ownPaths(name).map((path) => judge.judge(path, `tool ${name}`));
    const complete = ran.every(
      (run) => run.effects.broadcasts.every((broadcast) => broadcast.complete) && run.effects.unseen.length === 0,
    );
    tools.push({ name, place: placeOf(first), queryPaths, complete, runs: ran, unmapped: true, declared: false });
  }
  return tools;
}

function compare(tool: Tool, match: Match | undefined, { judge }: Context): ToolReport {
  const base = { tool: tool.name, queryPaths: tool.queryPaths, ...tool.place };
  if (!match) return { ...base, verdict: 'unmatched', missing: [], extra: [] };
  const { report, complete } = match.mutation;
  const matched = { ...base, mutation: report.path, matchedBy: match.by };
  if (report.broadcast === 'no' || report.broadcast === 'silent')
    return { ...matched, verdict: 'mutation-silent', missing: [], extra: [] };
  const own = distinct(tool.queryPaths.map((use) => use.path));
  const theirs = report.queryPaths;
  // A list that is computed in part may hold what seems to be missing from it.
  const missing = tool.complete ? theirs.filter((path) => !told(path, own, judge)) : [];
  const extra = complete && report.broadcast === 'yes' ? own.filter((path) => !told(path, theirs, judge)) : [];
  return { ...matched, verdict: missing.length + extra.length > 0 ? 'mismatch' : 'match', missing, extra };
}

const told = (path: string, by: readonly string[], judge: Context['judge']): boolean =>
  by.some((other) => covers(judge.effective(other), judge.effective(path)));

/** Tables that it writes and that some query shows. */
const ownTables = (tool: Tool, { owners }: Context): string[] =>
  distinct(tool.runs.flatMap((run) => run.effects.writes.map((write) => write.table))).filter((table) =>
    owners.ownerOf(table),
  );

function judgeReport(tool: Tool, report: ToolReport, context: Context): void {
  const { found } = context;
  const { mutation, matchedBy, missing, extra } = report;
  if (report.verdict === 'mismatch') {
    const parts = [
      ...(missing.length > 0 ? [`leaves out ${listed(missing)}`] : []),
      ...(extra.length > 0 ? [`has ${listed(extra)} besides`] : []),
    ];
    const message = `tool ${tool.name} ${parts.join(' and ')}, compared with ${mutation} (matched by ${MATCHED[matchedBy ?? 'name']})`;
    found.push({
      rule: 'tool-mismatch',
      place: tool.place,
      subject: tool.name,
      message,
      detail: [...missing, '|', ...extra].join(' '),
    });
  } else if (tool.unmapped && tool.complete && tool.queryPaths.length === 0 && report.verdict !== 'match') {
    const tables = ownTables(tool, context);
    if (tables.length === 0) return;
    const message = `tool ${tool.name} writes ${listed(tables)}, and no map says what it makes stale`;
    found.push({ rule: 'tool-mismatch', place: tool.place, subject: tool.name, message, detail: 'unmapped' });
  }
}

const MATCHED: Readonly<Record<NonNullable<ToolReport['matchedBy']>, string>> = {
  config: 'configuration',
  call: 'the call it makes',
  writes: 'its writes',
  name: 'its name',
};

/** A tool that falls through to the module it belongs to anyhow is right by luck: said in its report, no finding. */
function judgeFallbacks(facts: Facts, reports: readonly ToolReport[], { found }: Context): void {
  for (const fallback of facts.fallbacks) {
    for (const name of fallback.tools) {
      const own = reports.filter((report) => report.tool === name);
      for (const report of own) report.fallbackModule = fallback.module;
      const modules = own.flatMap(({ mutation, queryPaths }) => [
        ...(mutation === undefined ? [] : [routerOf(mutation)]),
        ...queryPaths.slice(0, 1).map((use) => routerOf(use.path)),
      ]);
      if (modules.includes(fallback.module)) continue;
      const message = `${fallback.name} knows no module for the tool ${name}: it falls through to ${fallback.module}`;
      found.push({ rule: 'tool-fallback', place: placeOf(fallback), subject: name, message, detail: fallback.module });
    }
  }
}
