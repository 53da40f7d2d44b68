/**
 * What a provider and the hooks below it share: who listens, and what is known. Hooks run before their provider's effects and on a
 * server there are none at all, so this is there before a client is, and outlives each.
 */
import type { ClientEvent, SubscribeFilter, SyncClient, SyncStatus } from '../client/index.js';
import { bindQueryClient, type CacheStatus, type QueryBinding, type QueryClientLike } from '../tanstack/index.js';

/** Before there is a client: in the first render, and on a server. */
export const STARTING: SyncStatus = { state: 'connecting', reason: 'starting', leader: false, since: 0, cursor: undefined };

/** Without a cache, or before there is a client. */
export const UNBOUND: CacheStatus = { state: 'unknown', pending: [], failed: [] };

interface Listener {
  readonly hear: (event: ClientEvent) => void;
  readonly filter: SubscribeFilter | undefined;
  /** Undefined without a client. */
  end: (() => void) | undefined;
}

export class RealtimeStore {
  #client: SyncClient | undefined;
  #since: string | number | undefined;
  #status = STARTING;
  #lastSync: number | null = null;
  #binding: QueryBinding | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Set<() => void>();

  get status(): SyncStatus {
    return this.#status;
  }

  /** Whose stream it is now; what was known of another is nothing of this one's. */
  get client(): SyncClient | undefined {
    return this.#client;
  }

  /** Unix ms of the newest event that came; null before the first. */
  get lastSync(): number | null {
    return this.#lastSync;
  }

  /** What is known of the cache. */
  get caches(): CacheStatus {
    return this.#binding?.status ?? UNBOUND;
  }

  /** Of the cache, while there is a client. */
  get binding(): QueryBinding | undefined {
    return this.#binding;
  }

  /** The client's events on this cache. Gives back what ends that. */
  bind(queryClient: QueryClientLike, client: SyncClient): () => void {
    const binding = bindQueryClient(queryClient, client);
    binding.onStatus(() => this.#tell());
    this.#binding = binding;
    this.#tell();
    return () => {
      binding.close();
      if (this.#binding !== binding) return;
      this.#binding = undefined;
      this.#tell();
    };
  }

  /** Moves everybody who listens to this client, `since`: what the page's data contains. Gives back what takes them off; the client itself stays as it is. */
  attach(client: SyncClient, since: string | number | undefined): () => void {
    this.#client = client;
    this.#since = since;
    this.#status = client.status;
    this.#lastSync = null;
    this.#tell();
    const ends = [
      client.onStatus((status) => this.#set(status, this.#lastSync)),
      client.subscribe(({ timestamp }) => this.#set(this.#status, Math.max(timestamp, this.#lastSync ?? 0))),
    ];
    for (const listener of this.#listeners) listener.end = client.subscribe(listener.hear, listener.filter);
    return () => {
      for (const end of ends) end();
      for (const listener of this.#listeners) {
        listener.end?.();
        listener.end = undefined;
      }
      this.#client = undefined;
    };
  }

  /** `rendered`: by a server, with the page. It may come long after it, from behind a boundary, and what it shows is as old as the page. */
  subscribe(hear: (event: ClientEvent) => void, filter: SubscribeFilter | undefined, rendered = false): () => void {
    const listener: Listener = { hear, filter, end: this.#client?.subscribe(hear, rendered ? { ...filter, since: this.#since } : filter) };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      listener.end?.();
    };
  }

  /** For `useSyncExternalStore`: bound, so that it is the same function in each render. */
  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  };

  readonly reconnect = (): void => this.#client?.reconnect();

  #set(status: SyncStatus, lastSync: number | null): void {
    if (status === this.#status && lastSync === this.#lastSync) return;
    this.#status = status;
    this.#lastSync = lastSync;
    this.#tell();
  }

  #tell(): void {
    for (const changed of [...this.#watchers]) changed();
  }
}
