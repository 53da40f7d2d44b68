/** What is remembered of a project between questions. */
import type { Project } from '../model.js';
import { Reader } from './reading/reader.js';
import { findSyncConfig } from './maps/sync-config.js';
import type { EffectsOptions, RawSyncConfig } from './types.js';

export interface Analysis {
  reader: Reader;
  sync: RawSyncConfig;
}

const analyses = new WeakMap<Project, Map<string, Analysis>>();

/** One reader per project and options: it remembers the functions that it has read. */
export function analysisOf(project: Project, options: EffectsOptions = {}): Analysis {
  const key = JSON.stringify([options.broadcastNames ?? [], options.transactions ?? []]);
  let known = analyses.get(project);
  if (known === undefined) analyses.set(project, (known = new Map<string, Analysis>()));
  let analysis = known.get(key);
  if (analysis === undefined) known.set(key, (analysis = { reader: new Reader(project, options), sync: findSyncConfig(project) }));
  return analysis;
}
