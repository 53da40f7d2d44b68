/** The command or option that somebody may have meant. */
import { editDistance } from '../internal/edit-distance.js';
import { nearestPaths } from '../internal/nearest.js';

/** Undefined where nothing is near: more than two edits away, and more than half of what was typed. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const [nearest] = nearestPaths(typed, names, 1);
  if (nearest === undefined) return undefined;
  const allowed = Math.max(2, Math.floor(typed.length / 2));
  return editDistance(typed.toLowerCase(), nearest.path, allowed) <= allowed ? nearest.path : undefined;
}
