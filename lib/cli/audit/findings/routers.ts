/** Coverage of each router: how many of its mutations tell what they made stale. */
import type { MutationReport, Place, RouterReport } from '../report.js';
import type { RootFacts } from './facts.js';
import { placeOf } from './fingerprint.js';
import { routerOf } from './paths.js';

/** Broadcasting or declared silent, of all; 1 where there is none. */
export function coverageOf(mutations: readonly MutationReport[]): number {
  if (mutations.length === 0) return 1;
  const covered = mutations.filter(({ broadcast }) => broadcast === 'yes' || broadcast === 'silent').length;
  return Math.round((covered / mutations.length) * 10_000) / 10_000;
}

/** In the order of the root. */
export function routerReports(root: RootFacts, mutations: readonly MutationReport[]): RouterReport[] {
  const routers = new Map<string, { place: Place; queries: number }>();
  for (const { procedure } of root.procedures) {
    const path = routerOf(procedure.path);
    const router = routers.get(path) ?? { place: procedure.place, queries: 0 };
    if (procedure.kind === 'query') router.queries++;
    routers.set(path, router);
  }
  return [...routers].map(([path, { place, queries }]): RouterReport => {
    const own = mutations.filter((mutation) => mutation.router === path);
    const count = (broadcast: MutationReport['broadcast']): number =>
      own.filter((one) => one.broadcast === broadcast).length;
    return {
      path,
      queries,
      mutations: own.length,
      broadcasting: count('yes'),
      silent: count('no'),
      declaredSilent: count('silent'),
      unknown: count('unknown'),
      coverage: coverageOf(own),
      ...placeOf(place),
    };
  });
}
