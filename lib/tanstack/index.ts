/** `pathcast/tanstack`: the stream's events on a TanStack Query 5 cache, whatever the framework. Imports nothing of TanStack's. */
export { bindQueryClient } from './bind.js';
export type { BindOptions, QueryBinding } from './bind.js';
export type { CacheEnvironment } from './environment.js';
export { trpcPathsOf } from './keys.js';
export { fenceLink } from './link.js';
export { cachedPaths, observe } from './observe.js';
export type { Applied, CacheObserver, CacheTrace, TracedEvent, TracedName } from './observe.js';
export type { CacheStatus, FailedQuery } from './status.js';
export type { MutationLike, QueryClientLike, QueryLike } from './types.js';
