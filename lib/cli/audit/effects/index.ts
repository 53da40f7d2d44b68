/** What functions of the audited code write and broadcast, and the constructs that say which query paths go with what. */
import type { FunctionNode, Procedure, Project } from '../model.js';
import { analysisOf } from './analysis.js';
import { callablesOf } from './calls/callables.js';
import { finish, nothing, pass, type Collected } from './reading/collected.js';
import { rootEnv, type Database, type Env } from './code/environment.js';
import { readMiddlewares, type Around } from './reading/middlewares.js';
import { propertyName } from './code/syntax.js';
import { schemaOf } from './orms/schema/index.js';
import type { EffectsOptions, RawEffects, RawEntry, RawSyncConfig } from './types.js';

export { findPathMaps } from './maps/path-maps.js';
export { findToolFallbacks } from './tools/tool-fallbacks.js';
export { findTools } from './tools/tools.js';
export { findSyncConfig } from './maps/sync-config.js';
export type * from './types.js';

/** What a call of the procedure may do: its resolver, all that it calls, and its middlewares as far as they matter. */
export function effectsOf(project: Project, procedure: Procedure, options: EffectsOptions = {}): RawEffects {
  const analysis = analysisOf(project, options);
  const { reader } = analysis;
  const around = readMiddlewares(reader, procedure);
  const out = nothing();
  const [given] = procedure.node.arguments;
  const outside = { ...rootEnv(project, procedure.scope), context: around.context };
  const callables = given === undefined ? [] : callablesOf(given, outside).found;
  const found = callables.length > 0 ? callables : procedure.resolver ? [{ fn: procedure.resolver, outer: undefined }] : [];
  for (const { fn, outer } of found) {
    const env = resolverEnv(project, fn, outer, outside, around);
    join(out, reader.read(fn, env, { asked: procedure.node }), env);
  }
  const notSeen = (what: string, why: string): void => {
    for (const list of [out.unseen, out.unread]) list.push({ ...procedure.place, what, why });
  };
  if (found.length === 0) notSeen('the resolver', 'its function could not be found');
  const { budget } = project;
  const isSaid = out.unseen.some(({ why }) => why === budget.why());
  if (budget.spent !== undefined && !isSaid) notSeen(procedure.path, budget.why());
  pass(around.collected, out, { env: outside, name: undefined, home: undefined });
  const effects = finish(out);
  if (around.sync !== undefined && procedure.kind === 'mutation') announceAll(effects, project, around.sync, procedure.path);
  return fillIn(withDatabase(effects, project), analysis.sync);
}

/** With what the database does along with each write. */
function withDatabase(effects: RawEffects, project: Project): RawEffects {
  const schema = schemaOf(project);
  return { ...effects, writes: effects.writes.flatMap((write) => [write, ...schema.alongWith(write)]) };
}

/** What a function by itself may do. Parameters that are called like a transaction are taken for one. */
export function effectsOfFunction(project: Project, fn: FunctionNode, scope?: Env['scope'], options: EffectsOptions = {}): RawEffects {
  const analysis = analysisOf(project, options);
  const env: Env = { ...rootEnv(project, scope), activation: { fn, consulted: false } };
  return fillIn(withDatabase(finish(analysis.reader.read(fn, env)), project), analysis.sync);
}

function resolverEnv(project: Project, fn: FunctionNode, outer: Env | undefined, outside: Env, around: Around): Env {
  const { ts: compiler } = project;
  const databases = new Map<Parameters<Env['databases']['get']>[0], Database>();
  const [options] = fn.parameters;
  if (options && around.databases.size > 0) {
    const context: Database = { kind: 'record', properties: around.databases };
    if (compiler.isObjectBindingPattern(options.name)) {
      for (const element of options.name.elements) {
        if (propertyName(compiler, element.propertyName ?? element.name) !== 'ctx') continue;
        databases.set(element, context);
        if (!compiler.isObjectBindingPattern(element.name)) continue;
        for (const part of element.name.elements) {
          const database = around.databases.get(propertyName(compiler, part.propertyName ?? part.name) ?? '');
          if (database !== undefined) databases.set(part, database);
        }
      }
    } else databases.set(options, { kind: 'record', properties: new Map([['ctx', context]]) });
  }
  return {
    ...outside,
    activation: { fn, consulted: true },
    outer: outer ?? outside,
    databases,
    scope: outer?.scope ?? outside.scope,
    transaction: around.transaction,
  };
}

function join(into: Collected, from: Collected, env: Env): void {
  pass(from, into, { env: { ...env, transaction: undefined }, name: undefined, home: undefined });
}

function announceAll(effects: RawEffects, project: Project, middleware: Parameters<Project['placeOf']>[0], path: string): void {
  effects.broadcasts.push({
    ...project.placeOf(middleware),
    by: 'middleware',
    queryPaths: [],
    complete: true,
    clientId: 'unknown',
    userId: 'unknown',
    inTransaction: false,
    inLoop: false,
    arms: [],
    via: [],
    mutation: path,
  });
}

/** Broadcasts that the invalidation map speaks for get its paths; one that it declares silent is none. */
function fillIn(effects: RawEffects, sync: RawSyncConfig): RawEffects {
  const mutations = new Map<string, RawEntry>();
  const tools = new Map<string, RawEntry>();
  for (const map of sync.maps) {
    for (const entry of map.mutations) mutations.set(entry.name, entry);
    for (const entry of map.tools) tools.set(entry.name, entry);
  }
  const broadcasts = effects.broadcasts.flatMap((broadcast) => {
    let entry = broadcast.mutation !== undefined ? mutations.get(broadcast.mutation) : broadcast.tool !== undefined ? tools.get(broadcast.tool) : undefined;
    if (entry?.sameAs !== undefined) entry = mutations.get(entry.sameAs) ?? entry;
    if (entry === undefined) return [broadcast];
    if (entry.silent !== undefined) return [];
    return [{ ...broadcast, queryPaths: entry.queryPaths, complete: entry.complete, ...(entry.module === undefined ? {} : { module: entry.module }) }];
  });
  return { ...effects, broadcasts };
}

