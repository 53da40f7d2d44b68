/** The invalidation map as a user writes it (SPEC §9): declared once, after the router, checked by `satisfies`. */
import type { ActionType } from '../protocol/events.js';
import type { InputOf, MutationPath, ResultOf, RouterPath, StalePath } from './paths.js';

type Paths<R> = readonly StalePath<R>[];
/** Names of routers are offered; modules of one's own are any name that the map declares. */
type ModuleName<R> = RouterPath<R> | (string & {});

/** What a function of the map is given. An interface, so that the types of a procedure are only looked up where used. */
export interface EntryCall<R, M extends string> {
  /** As the client sent it. */
  input: InputOf<R, M>;
  /** What the mutation answered. */
  result: ResultOf<R, M>;
}

/** What tools take and give is known to nobody but them. */
export interface ToolCall {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- so that a function may annotate what it takes
  input: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  result: any;
}

/**
 * After a mutation that failed, and may have written before: `broadcast` sends what is stale all the same (a function of the
 * map gets `result: undefined`), `warn` tells the hub's `warning` event where the failure was none that the mutation chose to
 * answer with, or a known transaction had been committed, `ignore` does nothing.
 */
export const ON_ERROR = ['broadcast', 'warn', 'ignore'] as const;
export type OnError = (typeof ON_ERROR)[number];

interface FullEntry<P, Stale> {
  /** What is stale afterwards; cascades follow from it. */
  stale: Stale;
  /** Absent: the modules that `stale` touches. `false`: none. A list: those in their place. */
  cascade?: false | readonly P[] | undefined;
  /** Of the action; default: the path of the mutation's router, the module of a tool's first path. */
  module?: string | undefined;
  /** Of the action; default: by the verb that the name begins with. */
  type?: ActionType | undefined;
  /** Default: that of `createSync()`. */
  onError?: OnError | undefined;
}

/** Rightly broadcasts nothing, and this is why. */
export interface SilentEntry {
  silent: string;
}

type EntryFunction<R, M extends string> = (call: EntryCall<R, M>) => Paths<R>;

/** One mutation's entry. */
export type MapEntry<R, M extends string> =
  Paths<R> | EntryFunction<R, M> | FullEntry<ModuleName<R>, Paths<R> | EntryFunction<R, M>> | SilentEntry;

/** Its parameter may be annotated with what the tool takes: `({ input }: { input: { id: string } }) => …`. */
type ToolFunction<R> = (call: ToolCall) => Paths<R>;

/** One tool's entry: a mutation's name (the tool does the same), or an entry of its own. */
export type ToolEntry<R> =
  MutationPath<R> | Paths<R> | ToolFunction<R> | FullEntry<ModuleName<R>, Paths<R> | ToolFunction<R>> | SilentEntry;

/**
 * `const map = { mutations: { 'guests.create': ['guests.getAll'], … } } satisfies InvalidationMap<AppRouter>`.
 * Every mutation of the router needs an entry; the compiler, and `sync.bind`, name those that have none.
 */
export interface InvalidationMap<R> {
  /** The paths of a module, where they are not those below the router of its name. */
  modules?: { readonly [name: string]: Paths<R> } | undefined;
  /** What follows from what: `{ guests: ['hotels', 'budget'], hotels: ['timeline'] }`. Cycles are allowed. */
  cascades?: { readonly [module: string]: readonly ModuleName<R>[] } | undefined;
  mutations: { readonly [M in MutationPath<R>]: MapEntry<R, M> };
  /** Chatbot tools, imports, jobs: whatever changes rows under a name that is no mutation's. */
  tools?: { readonly [name: string]: ToolEntry<R> } | undefined;
}
