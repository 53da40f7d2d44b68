/**
 * A browser tab of the company's second user: an unmodified tRPC client, and a cache of TanStack Query with the keys
 * that tRPC's own binding gives. It knows nothing of pathcast: it invalidates the query paths of whatever arrives.
 */
import { QueryClient, QueryObserver, type Query } from '@tanstack/query-core';
import { createTRPCUntypedClient, httpLink, httpSubscriptionLink } from '@trpc/client';
import { EventSource } from 'eventsource';
import type { Entry } from './entries.js';

interface Arrived {
  type: string;
  queryPaths: string[];
  toolName?: string;
  entityId?: string;
}

const FENCE = 'fence';

export interface FenceAction {
  type: 'update';
  module: string;
  entityId: string;
  queryPaths: string[];
  toolName: string;
}

/** Broadcast behind everything else, it tells that all before it has arrived. */
export const fenceAction = (name: string): FenceAction => ({
  type: 'update',
  module: 'clients',
  entityId: name,
  queryPaths: ['clients.list'],
  toolName: FENCE,
});

export const keyOf = ({ path, input }: Entry): unknown[] => [
  path.split('.'),
  input === undefined ? { type: 'query' } : { input, type: 'query' },
];

const segmentsOf = (query: Query): readonly unknown[] => {
  const [segments] = query.queryKey;
  return Array.isArray(segments) ? segments : [];
};

/** Exact segments, a prefix of them, or everything. */
const matches = (path: string, query: Query): boolean =>
  path === '*' || path.split('.').every((segment, index) => segmentsOf(query)[index] === segment);

export class SecondClient {
  readonly #queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  readonly #fences = new Map<string, () => void>();
  readonly #refetches: Promise<unknown>[] = [];
  readonly #entries: readonly Entry[];
  #stop: (() => void)[] = [];
  #invalidated = new Set<string>();
  #arrived: Arrived[] = [];

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Fills the cache, then subscribes; resolves when the stream has begun. */
  async open(apiUrl: string, streamUrl: string, token: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    const api = createTRPCUntypedClient({ links: [httpLink({ url: apiUrl, headers })] });
    for (const entry of this.#entries) {
      const queryFn = async () => (await api.query(entry.path, entry.input)) ?? null;
      const observer = new QueryObserver(this.#queries, { queryKey: keyOf(entry), queryFn });
      this.#stop.push(observer.subscribe(() => undefined));
    }
    await this.settled();
    this.#stop.push(
      this.#queries.getQueryCache().subscribe((event) => {
        if (event.type === 'updated' && event.action.type === 'invalidate') this.#invalidated.add(event.query.queryHash);
      }),
    );

    const link = httpSubscriptionLink({
      url: streamUrl,
      EventSource,
      eventSourceOptions: { fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers } }) },
    });
    const stream = createTRPCUntypedClient({ links: [link] });
    await new Promise<void>((resolve, reject) => {
      const { unsubscribe } = stream.subscription('sync.onSync', undefined, {
        onStarted: () => resolve(),
        onData: (message) => this.#take((message as { data: Arrived }).data),
        onError: reject,
      });
      this.#stop.push(unsubscribe);
    });
  }

  /** What the cache holds of an entry. */
  read(entry: Entry): unknown {
    return this.#queries.getQueryData(keyOf(entry));
  }

  /** Entries that were invalidated, and actions that arrived, since the last call. */
  takeSeen(): { invalidated: Entry[]; actions: Arrived[] } {
    const cache = this.#queries.getQueryCache();
    const hashes = this.#invalidated;
    const invalidated = this.#entries.filter((entry) => {
      const query = cache.find({ queryKey: keyOf(entry) });
      return query !== undefined && hashes.has(query.queryHash);
    });
    const actions = this.#arrived;
    this.#invalidated = new Set();
    this.#arrived = [];
    return { invalidated, actions };
  }

  /** Resolves when the fence of this name has arrived. Called before it is broadcast. */
  fence(name: string): Promise<void> {
    return new Promise((resolve) => this.#fences.set(name, resolve));
  }

  /** Resolves when nothing is being fetched. */
  async settled(): Promise<void> {
    while (this.#refetches.length > 0) await this.#refetches.pop();
    for (const query of this.#queries.getQueryCache().getAll()) await query.promise;
  }

  /** What a person does who no longer trusts these. */
  async refetch(entries: readonly Entry[]): Promise<void> {
    await Promise.all(entries.map((entry) => this.#queries.refetchQueries({ queryKey: keyOf(entry), exact: true })));
  }

  close(): void {
    for (const stop of this.#stop) stop();
    this.#queries.clear();
  }

  #take(event: Arrived): void {
    if (event.toolName === FENCE) {
      this.#fences.get(event.entityId ?? '')?.();
      return;
    }
    if (event.type === 'hello') return;
    this.#arrived.push(event);
    const predicate = (query: Query): boolean => event.queryPaths.some((path) => matches(path, query));
    this.#refetches.push(this.#queries.invalidateQueries({ predicate }));
  }
}
