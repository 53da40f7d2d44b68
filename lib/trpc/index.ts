/** `pathcast/trpc`: typed broadcasts, the invalidation map, the middleware; the subscription's resolver and its input. */
export { syncInput, type SyncInput } from './input.js';
export { toTRPCError } from './errors.js';
export { rateLimit, type RateCall, type RateLimitMiddlewareOptions } from './rate-limit.js';
export { syncStream, syncSubscription, type SyncResolverOptions, type SyncStreamOptions } from './subscription.js';
export type { MutationPath, QueryPath, RouterPath, StalePath } from './paths.js';
export type {
  EntryCall,
  InvalidationMap,
  MapEntry,
  OnError,
  SilentEntry,
  ToolCall,
  ToolEntry,
} from './invalidation-map.js';
export type { SyncMiddleware } from './middleware.js';
export * from './transactions/index.js';
export type { FieldConflict } from '../protocol/conflict.js';
export type { Fence, FenceOptions, ResponseMetaCall, ResponseMetaResult } from './fence.js';
export type { Handed, MutationEnd, SyncObserver } from './observer.js';
export type { RuleCall, SyncRules } from './rules.js';
export {
  createSync,
  type Announcement,
  type AnnounceResult,
  type RouterAction,
  type Sync,
  type SyncOptions,
} from './sync.js';
