/** `pathcast/offline/store`: optimistic rows without TanStack Query, and for TanStack DB's collections. */
export { createEntityStore } from './entity-store.js';
export type { EntityStore, EntityStoreOptions, StoreConflict, StoreOperation, StoreSnapshot } from './entity-store.js';
export { offlineHandlers } from './tanstack-db.js';
export type { CollectionMutation, CollectionPath, OfflineHandlersOptions } from './tanstack-db.js';
