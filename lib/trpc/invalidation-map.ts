/** The invalidation map as a user writes it (SPEC §9): declared once, after the router, checked by `satisfies`. */
import type { ActionType, WhereInput, WhereValue } from '../protocol/events.js';
import type { InputOf, MutationPath, QueryPath, ResultOf, RouterPath, StalePath } from './paths.js';

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

interface FullEntry<P, Stale, Where, R, Call, M extends string> {
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
  /**
   * The inputs that the change concerns, by a path that `stale` names or one above or below it: a cached query whose input says otherwise stays fresh.
   * A value may be a list: a row that moves concerns where it was and where it is. What a cascade reaches it does not narrow.
   */
  where?: Where | undefined;
  /** What the mutation answers is a row that pages may show before they have read it again. */
  row?: EntryRow<R, Call, M> | undefined;
}

/**
 * Which query's answer a mutation's result is, whole or in part. The action goes out without it where the mutation called others or broadcast by hand.
 * Members of a union: the query says what the input and the data are.
 */
export type EntryRow<R, Call, M extends string> =
  string extends QueryPath<R>
    ? RowOf<string, unknown, unknown, string, Call, M>
    : { [Q in QueryPath<R>]: RowOf<Q, InputOf<R, Q>, ResultOf<R, Q>, QueryPath<R>, Call, M> }[QueryPath<R>];

type RowOf<Q, Input, Answer, Any, Call, M extends string> = RowPart<Q, Any> & RowInputPart<Input, Call> & RowDataPart<NonNullable<Answer>, Call, M>;

interface RowPart<Q, Any> {
  /** The query, which `stale` names too. */
  query: Q;
  /** Queries in whose arrays the row stands. */
  list?: Any | readonly Any[] | undefined;
  /** Tells the rows of a list apart. Default `id`. */
  idKey?: string | undefined;
  /** The row is all that the query answers, optional keys too, and the query is not read again. Default false: the row is shown, and the query is read again. */
  whole?: boolean | undefined;
  /** Written out, because the row goes to everybody of the company who hears the action, whatever the query would have answered them. */
  audience: 'company';
}

interface RowInputNeeded<Input, Call> {
  /** The query's input, as pages give it. */
  input: Input | ((call: Call) => Input);
}
interface RowInputOptional<Input, Call> {
  /** The query's input, as pages give it; absent: it takes none. */
  input?: Input | ((call: Call) => Input) | undefined;
}
type RowInputPart<Input, Call> = undefined extends Input ? RowInputOptional<Input, Call> : RowInputNeeded<Input, Call>;

interface RowDataNeeded<Answer, Call> {
  /** The row; null: none this time. Needed, because what the mutation answers is no answer of the query. */
  data: (call: Call) => Partial<Answer> | null | undefined;
}
interface RowDataOptional<Answer, Call> {
  /** The row; null: none this time. Default: the mutation's result. Of a delete there is none. */
  data?: ((call: Call) => Partial<Answer> | null | undefined) | undefined;
}
/** The verbs of a delete, anywhere in a name. */
type DeleteName = `${string}${'clear' | 'delete' | 'destroy' | 'discard' | 'drop' | 'erase' | 'purge' | 'remove' | 'trash' | 'wipe'}${string}`;
type RowDataPart<Answer, Call, M extends string> =
  Lowercase<M> extends DeleteName
    ? RowDataOptional<Answer, Call>
    : [Answer] extends [never]
      ? RowDataOptional<Answer, Call>
      : Call extends { result: infer Result }
        ? [NonNullable<Result>] extends [Partial<Answer>]
          ? RowDataOptional<Answer, Call>
          : RowDataNeeded<Answer, Call>
        : never;

type Scalars<V> = Extract<NonNullable<V>, WhereValue>;
type Narrowed<I> = I extends object
  ? { readonly [K in keyof I & string]?: Scalars<I[K]> | readonly Scalars<I[K]>[] | null | undefined }
  : never;

/** What a `where` gives. */
export type EntryWhere<R> =
  string extends QueryPath<R>
    ? WhereInput
    : { readonly [Q in QueryPath<R>]?: Narrowed<NonNullable<InputOf<R, Q>>> | undefined } & {
        readonly [P in Exclude<RouterPath<R>, QueryPath<R>>]?: WhereInput[string];
      };

/** Rightly broadcasts nothing, and this is why. */
export interface SilentEntry {
  silent: string;
}

type EntryFunction<R, M extends string> = (call: EntryCall<R, M>) => Paths<R>;

/** One mutation's entry. */
export type MapEntry<R, M extends string> =
  Paths<R> | EntryFunction<R, M> | FullEntry<ModuleName<R>, Paths<R> | EntryFunction<R, M>, (call: EntryCall<R, M>) => EntryWhere<R>, R, EntryCall<R, M>, M> | SilentEntry;

/** Its parameter may be annotated with what the tool takes: `({ input }: { input: { id: string } }) => …`. */
type ToolFunction<R> = (call: ToolCall) => Paths<R>;

/** One tool's entry: a mutation's name (the tool does the same), or an entry of its own. */
export type ToolEntry<R> =
  MutationPath<R> | Paths<R> | ToolFunction<R> | FullEntry<ModuleName<R>, Paths<R> | ToolFunction<R>, (call: ToolCall) => EntryWhere<R>, R, ToolCall, string> | SilentEntry;

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
