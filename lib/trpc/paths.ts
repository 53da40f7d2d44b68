/**
 * The paths of a router as types. `R` is `typeof appRouter` everywhere, without a constraint: checking one would make
 * the compiler look into the router while the router itself is still being inferred.
 */
import type { AnyTRPCProcedure, inferProcedureInput, inferProcedureOutput, TRPCRouterRecord } from '@trpc/server';

type Kind = 'query' | 'mutation' | 'subscription';

type RecordOf<R> = R extends { _def: { record: infer Rec } } ? Rec : never;

type PathsOf<Rec, K extends Kind, Before extends string = ''> = {
  [Key in keyof Rec & string]: Rec[Key] extends AnyTRPCProcedure
    ? Rec[Key]['_def']['type'] extends K
      ? `${Before}${Key}`
      : never
    : Rec[Key] extends TRPCRouterRecord
      ? PathsOf<Rec[Key], K, `${Before}${Key}.`>
      : never;
}[keyof Rec & string];

/** Prefixes with a query below them: any other is no query path. */
type PrefixesOf<Rec, Before extends string = ''> = {
  [Key in keyof Rec & string]: Rec[Key] extends AnyTRPCProcedure
    ? never
    : Rec[Key] extends TRPCRouterRecord
      ? [PathsOf<Rec[Key], 'query', `${Before}${Key}.`>] extends [never]
        ? never
        : `${Before}${Key}` | PrefixesOf<Rec[Key], `${Before}${Key}.`>
      : never;
}[keyof Rec & string];

// A router without a type of its own has any string as path.

/** Full paths of the queries: `'guests.getAll' | 'guests.getStats' | …`. Lazy routers and nested plain objects included. */
export type QueryPath<R> = string extends keyof RecordOf<R> ? string : PathsOf<RecordOf<R>, 'query'>;

/** Full paths of the mutations. */
export type MutationPath<R> = string extends keyof RecordOf<R> ? string : PathsOf<RecordOf<R>, 'mutation'>;

/** Prefixes: the routers, nested ones too, that have a query: `'guests' | 'admin' | 'admin.users'`. */
export type RouterPath<R> = string extends keyof RecordOf<R> ? string : PrefixesOf<RecordOf<R>>;

/** What a broadcast may call stale: a query, all queries of a router, or all there are (`'*'`). */
export type StalePath<R> = QueryPath<R> | RouterPath<R> | '*';

type ProcedureIn<Rec, Path extends string> = Path extends keyof Rec
  ? Rec[Path]
  : Path extends `${infer Head}.${infer Rest}`
    ? Head extends keyof Rec
      ? ProcedureIn<Rec[Head], Rest>
      : never
    : never;

/** The input of a procedure as a client gives it: what arrives before any parser has run. */
export type InputOf<R, Path extends string> =
  ProcedureIn<RecordOf<R>, Path> extends infer P extends AnyTRPCProcedure ? inferProcedureInput<P> : unknown;

/** What a procedure answers, before the transformer. */
export type ResultOf<R, Path extends string> =
  ProcedureIn<RecordOf<R>, Path> extends infer P extends AnyTRPCProcedure ? inferProcedureOutput<P> : unknown;
