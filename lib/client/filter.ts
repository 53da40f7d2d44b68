/** Whether a listener wants to hear an event. */
import type { ClientEvent, SubscribeFilter } from './types.js';

/** One covers the other: `guests` and `guests.getAll`, `*` and anything. */
function touches(a: string, b: string): boolean {
  return a === '*' || b === '*' || a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

export function passes(event: ClientEvent, { modules, queryPaths, topics }: SubscribeFilter): boolean {
  const narrowed = modules !== undefined || queryPaths !== undefined;
  if (event.type === 'ephemeral') return topics ? topics.includes(event.topic) : !narrowed;
  if (topics && !narrowed) return false;
  if (event.type === 'resync') return true;
  // The modules of an `invalidate` are cut where they get long: its paths alone are whole.
  if (modules && 'module' in event && !modules.includes(event.module)) return false;
  return !queryPaths || event.queryPaths.some((path) => queryPaths.some((wanted) => touches(path, wanted)));
}
