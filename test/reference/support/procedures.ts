/** The procedures of a router. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server';

/** Paths of the router's procedures of one kind, in the order of their declaration. */
export function pathsOfKind(router: AnyTRPCRouter, kind: 'query' | 'mutation' | 'subscription'): string[] {
  const procedures = router._def.procedures as Record<string, AnyTRPCProcedure>;
  return Object.entries(procedures)
    .filter(([, procedure]) => procedure._def.type === kind)
    .map(([path]) => path);
}
