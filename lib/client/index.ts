/** `pathcast/client`: the browser's stream. No framework, no `node:`, no server code. */
export { createSyncClient } from './create-client.js';
export { browserEnvironment } from './environment.js';
export type { ChannelLike, Environment, EventSourceLike, LockManagerLike, PageEvent, ResponseLike, StorageLike } from './environment.js';
export type { ClientEvent, StatusReason, SubscribeFilter, SyncClient, SyncClientOptions, SyncState, SyncStatus, TrpcSubscription } from './types.js';
export type { ActionEvent, EphemeralEvent, InvalidateEvent, ResyncEvent, SyncAction } from '../protocol/events.js';
