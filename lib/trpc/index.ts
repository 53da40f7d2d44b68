/** `pathcast/trpc`: the subscription's resolver, its input, and pathcast's errors as tRPC's. */
export { syncInput, type SyncInput } from './input.js';
export { toTRPCError } from './errors.js';
export { syncStream, syncSubscription, type SyncResolverOptions, type SyncStreamOptions } from './subscription.js';
