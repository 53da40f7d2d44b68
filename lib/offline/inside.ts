/** What an app holds (`Offline`), and what the parts of it find of each other (`Inside`): whoever loads none of them pays for none. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { SyncClient } from '../client/types.js';
import type { Hlc } from './clock/hlc.js';
import type { OfflineEnvironment } from './environment.js';
import type { Say } from './events.js';
import type { Outbox, Added, AddOptions } from './outbox/types.js';
import type { Storage } from './storage/types.js';
import type { EntityKey, NetworkStatus, OfflineMutation, OfflineStatus, OutboxEntry, Problem, Resolution, SeenField, Send } from './types.js';

/** On the object that an app holds, for an ES module and a CommonJS copy of the package may meet in a page. */
export const INSIDE = Symbol.for('pathcast.offline.1');

/** In the context of a tRPC operation that the outbox itself sends: the link passes it on. */
export const BYPASS = 'pathcast.offline';

/** Versions of fields as this browser has seen them last (sync/versions.ts). */
export interface Versions {
  /** Reads what was kept. What was learnt before it has ended stays. */
  load: () => Promise<void>;
  /** Undefined: not known. null: nobody has written it through the server's `fields()`. */
  of: (key: EntityKey, field: string) => string | null | undefined;
  /** All that is known of a row. */
  row: (key: EntityKey) => Readonly<Record<string, string | null>> | undefined;
  /** `fields`: by field its version. */
  learn: (key: EntityKey, fields: Readonly<Record<string, string | null>>) => void;
  /** An own change was acked under `version`. */
  acked: (entry: OutboxEntry) => void;
  /** The row is gone, or everything is unknown. */
  forget: (key?: EntityKey) => void;
  /** Everything up to here has been learnt from. */
  moved: (cursor: string | undefined) => void;
  /** Keeps what was learnt, now. */
  keep: () => Promise<void>;
  /** As it was kept, then as it has moved. */
  readonly cursor: string | undefined;
}

/** The proof that the app's server can be reached (network/). */
export interface Network {
  readonly status: NetworkStatus;
  /** A first verdict has come: before it `verified` is false because nobody knows. */
  readonly verdict: boolean;
  subscribe(listener: (status: NetworkStatus) => void): () => void;
  /** The app's server has answered, in so many ms where that was measured. */
  prove(ms?: number): void;
  /** Something did not answer: looks at once. */
  doubt(): void;
  close(): void;
}

/** Where a tab is on its way back (sync/coordinator.ts). */
export type Place = 'away' | 'catching_up' | 'sending' | 'current' | 'closed';

export interface Coordinator {
  readonly at: Place;
  /** Something waits to be sent before queries read again. */
  readonly holds: boolean;
  /** After each change of the two. */
  subscribe(listener: () => void): () => void;
  /** The stream to go by from here on; undefined: none. */
  follow(sync: SyncClient | undefined): void;
}

/** Of an answer the rows that it shows, with the versions of their fields. */
export type VersionsOf = (answer: any) => readonly (EntityKey & { fields: Readonly<Record<string, string | null>> })[] | null | undefined | false; // eslint-disable-line @typescript-eslint/no-explicit-any

export interface Inside {
  readonly environment: OfflineEnvironment;
  /** Of the database, the lock and the channel. */
  readonly name: string;
  readonly mutations: Readonly<Record<string, OfflineMutation>>;
  readonly versionsOf: Readonly<Record<string, VersionsOf>>;
  readonly outbox: Outbox;
  readonly storage: Storage;
  readonly versions: Versions;
  readonly network: Network;
  readonly coordinator: Coordinator;
  /** Of the ids; others' ids that are seen are told to it. What is none is passed over. */
  readonly clock?: Pick<Hlc, 'receive'> | undefined;
  readonly sync: SyncClient | undefined;
  /** Called at once where there is one, else when `start` brings one. */
  onSync: (run: (sync: SyncClient) => void) => void;
  /** What a field shows without the overlay; undefined: nothing knows. The overlay puts its own in here: `inside.seen.add(look)`, the first that knows says it. */
  readonly seen: Set<(key: EntityKey, field: string) => { value: unknown } | undefined>;
  problem: (problem: Problem) => void;
  /** Calls a listener; what it throws is reported. */
  say: Say;
  /** Runs when the object is closed. */
  onClose: (run: () => void) => void;
}

/** What `start` sends by: a tRPC client (`createTRPCClient`), or a function. */
export interface StartOptions {
  client?: object | undefined;
  send?: Send | undefined;
  /** Of the same company and user. Without one nothing is caught up before sending, and overlays go by answers. */
  sync?: SyncClient | undefined;
}

export interface SignOutOptions {
  /**
   * What becomes of what is unsent. `ask` (default): nothing is done while there is any, and `done` is false. `keep`: it stays in this browser for this user.
   * `discard`: it is deleted, with all that is kept. `send`: it is sent first; `done` is false where something is left.
   */
  unsent?: 'ask' | 'keep' | 'discard' | 'send' | undefined;
}

export interface Offline {
  readonly status: OfflineStatus;
  onStatus(listener: (status: OfflineStatus) => void): () => void;
  /** What is not done yet, and what was just done; by the order in which a person did it. The same array until it changes. */
  readonly entries: readonly OutboxEntry[];
  onEntries(listener: (entries: readonly OutboxEntry[]) => void): () => void;
  readonly network: NetworkStatus;
  /** The position that was kept, for `createSyncClient({ since })`; known once `ready` has resolved. */
  readonly cursor: string | undefined;
  /** What was kept is read. */
  readonly ready: Promise<void>;
  /** Begins to send. Said again: the newest options count. */
  start(options: StartOptions): Promise<void>;
  /** Keeps a mutation, and sends it when that can be. Resolves once it is kept. */
  add(path: string, input: unknown, options?: AddOptions): Promise<Added>;
  resolve(id: string, how: Resolution): Promise<void>;
  retry(id: string): Promise<void>;
  discard(id: string): Promise<boolean>;
  pause(): void;
  resume(): void;
  /** The person is known again to the server: sends what waits since a 401. */
  signedIn(): void;
  /** Resolves when nothing is left that can be sent now. */
  flush(): Promise<void>;
  onProblem(listener: (problem: Problem) => void): () => void;
  /** Rejects (STORAGE), and deletes nothing, where the browser cannot say whether something is left that it has to ask for. */
  signOut(options?: SignOutOptions): Promise<{ done: boolean; unsent: number }>;
  close(): void;
  [Symbol.dispose](): void;
  readonly [INSIDE]: Inside;
}

/** The fields of an entry whose base another one has: for the parts that read both. */
export type Seen = Readonly<Record<string, SeenField>>;
