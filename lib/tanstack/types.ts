/**
 * What is used of TanStack Query 5, as shapes: an app has a query-core of its own, through the package of its framework, and this part
 * imports none. 5.62 and the newest fit.
 */

export interface QueryLike {
  readonly queryHash: string;
  readonly queryKey: readonly unknown[];
  readonly state: {
    readonly data: unknown;
    readonly status: string;
    readonly fetchStatus: string;
    readonly isInvalidated: boolean;
    readonly dataUpdatedAt: number;
    readonly dataUpdateCount: number;
    readonly error: unknown;
    readonly fetchMeta: object | null;
  };
  readonly options: { readonly initialData?: unknown; readonly initialDataUpdatedAt?: unknown };
  readonly observers: readonly { readonly options: { readonly staleTime?: unknown } }[];
  isActive(): boolean;
  invalidate(): void;
  setData(data: unknown, options: { readonly manual: boolean; readonly updatedAt: number }): unknown;
  fetch(options?: unknown, how?: { readonly initialPromise?: unknown; readonly cancelRefetch?: boolean }): Promise<unknown>;
}

export interface MutationLike {
  readonly state: { readonly status: string; readonly isPaused: boolean };
  readonly options: { readonly mutationKey?: readonly unknown[] | undefined; readonly onMutate?: unknown };
}

/** What a QueryCache tells of a query. */
export interface QueryCacheEvent {
  readonly type: string;
  readonly query: QueryLike;
  readonly action?: { readonly type: string; readonly manual?: boolean; readonly meta?: object; readonly error?: unknown };
}

interface Cache<Entry, Told> {
  getAll(): Entry[];
  subscribe(listener: (event: Told) => void): () => void;
}

export interface QueryClientLike {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the library's own events are a union of more than is read here
  getQueryCache(): Cache<QueryLike, any>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  getMutationCache(): Cache<MutationLike, any>;
  invalidateQueries(filters: { predicate: (query: QueryLike) => boolean; refetchType: 'none' }): Promise<void>;
  refetchQueries(filters: { predicate: (query: QueryLike) => boolean }, options: { cancelRefetch: boolean }): Promise<void>;
}
