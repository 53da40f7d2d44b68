/** Paths that a map writes out, against the router that the hub is bound to, and its modules against those that the hub has declared. */
import { PathcastError } from '../../protocol/error.js';
import { describe } from '../../internal/describe.js';
import type { HubInternals } from '../../server/internals.js';
import type { MappedTable } from '../changes/mapping.js';

/** Throws PathcastError INVALID_MAP: a path is none of the router's, a module none of the hub's. Without a router, or declared modules, nothing is known. */
export function checkPaths(tables: ReadonlyMap<string, MappedTable>, { paths: router, modules }: Pick<HubInternals, 'paths' | 'modules'>): void {
  const faults: string[] = [];
  for (const { name, paths, module } of tables.values()) {
    if (modules && !modules.has(module)) faults.push(`${name}: the module ${describe(module)} is not declared; the hub's modules are: ${[...modules].join(', ')}`);
    if (!router || typeof paths === 'function') continue;
    for (const path of paths) {
      if (path === '*' || router.find(path) >= 0 || router.isPending(path)) continue;
      const [nearest] = router.nearest(path);
      faults.push(`${name}: ${describe(path)} is no query path of the router${nearest ? `; the nearest is ${describe(nearest.path)}` : ''}`);
    }
  }
  if (faults.length > 0) throw new PathcastError('INVALID_MAP', `the map of createCdc() names what there is not: ${faults.join('\n  also: ')}`);
}
