/** `pathcast/offline/tanstack`: what a person did, laid over a TanStack Query 5 cache. Imports nothing of TanStack's. */
export { bindOffline } from './queries.js';
export type { BindOfflineOptions, OfflineBinding, OfflineQueryClient } from './queries.js';
