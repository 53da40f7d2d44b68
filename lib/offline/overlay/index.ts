/** `pathcast/offline/tanstack`: what a person did, laid over a TanStack Query 5 cache, and when that cache reads again. Imports nothing of TanStack's. */
export { bindOnlineManager, type OnlineManagerLike } from '../network/online-manager.js';
export { bindOffline } from './queries.js';
export type { BindOfflineOptions, OfflineBinding, OfflineQueryClient } from './queries.js';
