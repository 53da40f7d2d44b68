/** Query paths of a router, as types and at run time. */
import type { AnyTRPCProcedure, AnyTRPCRouter, TRPCRouterRecord } from '@trpc/server';

type PathsOf<R, P extends string = ''> = {
  [K in keyof R & string]: R[K] extends AnyTRPCProcedure
    ? R[K]['_def']['type'] extends 'query'
      ? `${P}${K}`
      : never
    : R[K] extends TRPCRouterRecord
      ? PathsOf<R[K], `${P}${K}.`>
      : never;
}[keyof R & string];

/** `'guests.getAll' | …` */
export type QueryPath<R extends AnyTRPCRouter> = PathsOf<R['_def']['record']>;

/** Paths of the router's procedures of one kind, in the order of their declaration. */
export function pathsOfKind(router: AnyTRPCRouter, kind: 'query' | 'mutation' | 'subscription'): string[] {
  const procedures = router._def.procedures as Record<string, AnyTRPCProcedure>;
  return Object.entries(procedures)
    .filter(([, procedure]) => procedure._def.type === kind)
    .map(([path]) => path);
}
