/** Two who announce one transaction under one id: the app at once, the worker when it is in the WAL. What the first left out is told by the second. */
import type { SyncActionInput } from '../protocol/events.js';
import { isPlain } from '../protocol/where.js';

/** As it stands in the log; undefined: it is not there (any more). `actions`: JSON. */
export function entryOf(actions: readonly string[], id: string): Record<string, unknown> | undefined {
  const quoted = JSON.stringify(id);
  // The newest are the likeliest.
  for (let i = actions.length - 1; i >= 0; i--) {
    const text = actions[i] as string;
    if (!text.startsWith(`{"id":${quoted},`)) continue;
    const entry: unknown = JSON.parse(text);
    return isPlain(entry) ? entry : undefined;
  }
  return undefined;
}

/** What of the action `entry` does not say; undefined: nothing. Where `entry` is not known that is all of it. */
export function coveredRest(action: SyncActionInput, entry: Record<string, unknown> | undefined): SyncActionInput | undefined {
  const told = entry && Array.isArray(entry['queryPaths']) ? (entry['queryPaths'] as unknown[]).filter((path): path is string => typeof path === 'string') : [];
  const narrowed = entry && isPlain(entry['where']) ? entry['where'] : {};
  const wide = told.filter((path) => !Object.hasOwn(narrowed, path));
  const covers = (path: string): boolean =>
    wide.some((other) => other === '*' || other === path || path.startsWith(`${other}.`)) ||
    (told.includes(path) && JSON.stringify(narrowed[path]) === JSON.stringify(action.where?.[path]));
  const queryPaths = action.queryPaths.filter((path) => !covers(path));
  if (queryPaths.length === 0) return undefined;
  const where = Object.entries(action.where ?? {}).filter(([path]) => queryPaths.includes(path));
  const { where: _where, data: _data, ...rest } = action;
  return { ...rest, queryPaths, ...(where.length > 0 && { where: Object.fromEntries(where) }) };
}
