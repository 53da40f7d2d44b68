/**
 * What a provider and the hooks below it share: who listens, and what is known. Hooks run before their provider's effects and on a
 * server there are none at all, so this is there before a client is, and outlives each.
 */
import type { ClientEvent, SubscribeFilter, SyncClient, SyncStatus } from '../client/index.js';

/** Before there is a client: in the first render, and on a server. */
export const STARTING: SyncStatus = { state: 'connecting', reason: 'starting', leader: false, since: 0, cursor: undefined };

interface Listener {
  readonly hear: (event: ClientEvent) => void;
  readonly filter: SubscribeFilter | undefined;
  /** Undefined without a client. */
  end: (() => void) | undefined;
}

export class RealtimeStore {
  #client: SyncClient | undefined;
  #status = STARTING;
  #lastSync: number | null = null;
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

  /** Moves everybody who listens to this client. Gives back what takes them off; the client itself stays as it is. */
  attach(client: SyncClient): () => void {
    this.#client = client;
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

  subscribe(hear: (event: ClientEvent) => void, filter: SubscribeFilter | undefined): () => void {
    const listener: Listener = { hear, filter, end: this.#client?.subscribe(hear, filter) };
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
