/** pathcast/offline: what a person does is kept, sent once, and settled with what others did. */
export { createHlc, parseHlc, compareHlc, type Hlc, type HlcOptions, type HlcTime } from './clock/hlc.js';
export { createOffline } from './create-offline.js';
export { crud, type CrudOptions } from './crud.js';
export { type OfflineEnvironment } from './environment.js';
export { type Offline, type SignOutOptions, type StartOptions, type VersionsOf } from './inside.js';
export { type OfflineOptions } from './options.js';
export { type Added, type AddOptions } from './outbox/types.js';
export type {
  DeadReason,
  EntityKey,
  EntryError,
  EntryState,
  MutationKind,
  NetworkStatus,
  OfflineMutation,
  OfflineStatus,
  OutboxEntry,
  PauseReason,
  Problem,
  ProblemCode,
  Resolution,
  SeenField,
  Send,
} from './types.js';
