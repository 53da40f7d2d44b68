/** A page of the app: query-core, its binding, the stream's client and tRPC's, all real; its network can stall and be away. */
import type * as Core from '@tanstack/query-core';
import { createTRPCUntypedClient, httpBatchLink } from '@trpc/client';
import superjson from 'superjson';
import { createSyncClient, type ClientEvent, type SyncClient } from '../../../lib/client/index.js';
import type { PageEvent, ResponseLike } from '../../../lib/client/environment.js';
import { bindQueryClient, fenceLink, type CacheEnvironment, type QueryBinding } from '../../../lib/tanstack/index.js';
import { nodeBrowser } from '../../client/support/node-browser.js';
import type { Node } from './app.js';

/** A binding's waits are so much shorter. */
const HASTE = 20;

export interface Cached {
  readonly path: string;
  readonly input: unknown;
  readonly key: readonly unknown[];
  readonly hash: string;
  /** Somebody looks at it. */
  readonly active: boolean;
}

/** Reads on when it may; ends when it has to. */
class Network {
  #gate: Promise<void> | undefined;
  #open: (() => void) | undefined;
  #cut = new AbortController();
  #heard: (what: PageEvent) => void = () => undefined;
  away = false;

  constructor(private readonly node: Node) {}

  stall(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve));
  }

  leave(): void {
    this.away = true;
    this.#cut.abort();
    this.#cut = new AbortController();
  }

  back(): void {
    this.#open?.();
    this.#gate = this.#open = undefined;
    if (!this.away) return;
    this.away = false;
    this.#heard('online');
  }

  readonly listen = (heard: (what: PageEvent) => void): (() => void) => {
    this.#heard = heard;
    return () => undefined;
  };

  readonly fetch = async (url: string, init: { signal?: AbortSignal }): Promise<ResponseLike> => {
    if (this.away) throw new TypeError('no network');
    const cut = this.#cut.signal;
    const signal = init.signal ? AbortSignal.any([init.signal, cut]) : cut;
    const response = await this.node.fetch(url, { ...init, signal });
    const getReader = (): { read: () => Promise<{ done: boolean; value?: Uint8Array }> } => {
      const reader = response.body!.getReader();
      return {
        read: async () => {
          await this.#gate;
          if (cut.aborted) {
            await reader.cancel().catch(() => undefined);
            return { done: true };
          }
          return (await reader.read()) as { done: boolean; value?: Uint8Array };
        },
      };
    };
    return { status: response.status, redirected: response.redirected, url: response.url, headers: response.headers, body: { getReader } };
  };
}

export class Page {
  readonly queries: Core.QueryClient;
  readonly sync: SyncClient;
  readonly binding: QueryBinding;
  readonly network: Network;
  readonly trpc: ReturnType<typeof createTRPCUntypedClient>;
  readonly cached = new Map<string, Cached>();
  /** What the events since the last look named, and which queries were marked or fetched. */
  heard: ClientEvent[] = [];
  touched = new Set<string>();
  fetches = 0;
  readonly #ends: (() => void)[] = [];

  constructor(
    readonly core: typeof Core,
    readonly node: Node,
    readonly company: string,
    readonly user: string,
  ) {
    this.network = new Network(node);
    this.queries = new core.QueryClient({ defaultOptions: { queries: { staleTime: Infinity, gcTime: Infinity, retry: false, networkMode: 'always', queryKeyHashFn: (key) => superjson.stringify(key) } } });
    const url = `${node.url}/trpc`;
    this.trpc = createTRPCUntypedClient({ links: [fenceLink(this.queries), httpBatchLink({ url, transformer: superjson, fetch: node.fetch as never })] });
    const browser = nodeBrowser({ EventSource: undefined, fetch: this.network.fetch, listen: this.network.listen });
    this.sync = createSyncClient({ url: `${node.url}/sync?user=${user}`, companyId: company, userId: user, environment: browser });
    this.#ends.push(
      this.sync.subscribe((event) => void this.heard.push(event)),
      this.queries.getQueryCache().subscribe(({ type, query, ...more }) => {
        const { action } = more as { action?: { type: string } };
        if (type !== 'updated' || (action?.type !== 'invalidate' && action?.type !== 'fetch')) return;
        this.touched.add(query.queryHash);
      }),
    );
    const environment: CacheEnvironment = {
      ...browser,
      elapsed: () => performance.now() * HASTE,
      setTimeout: (run, ms) => setTimeout(run, ms / HASTE),
      listen: () => () => undefined,
      visible: () => true,
    };
    this.binding = bindQueryClient(this.queries, this.sync, { environment });
  }

  /** Caches one query more, with a reader or without. */
  async read(path: string, input: unknown, active: boolean): Promise<void> {
    const key = [path.split('.'), { ...(input !== undefined && { input }), type: 'query' }];
    const hash = superjson.stringify(key);
    if (this.cached.has(hash)) return;
    const options = { queryKey: key, queryFn: () => ((this.fetches += 1), this.trpc.query(path, input)) };
    this.cached.set(hash, { path, input, key, hash, active });
    if (!active) return void (await this.queries.fetchQuery(options));
    this.#ends.push(new this.core.QueryObserver(this.queries, options).subscribe(() => undefined));
  }

  /** What is stale and nobody looks at, read again. */
  async refresh(): Promise<void> {
    await Promise.all([...this.cached.values()].filter(({ active, hash }) => !active && this.queries.getQueryCache().get(hash)!.state.isInvalidated).map(({ hash }) => this.queries.getQueryCache().get(hash)!.fetch()));
  }

  state({ hash }: Cached): Core.QueryState {
    return this.queries.getQueryCache().get(hash)!.state;
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
    this.binding.close();
    this.sync.close({ forget: true });
    this.queries.clear();
  }
}
