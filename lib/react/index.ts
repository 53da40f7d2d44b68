/** `pathcast/react`: the browser's stream in React 18 and 19. A server component may render what it exports, and runs none of it. */
'use client';

export { RealtimeDevtools, type RealtimeDevtoolsProps } from './devtools.js';
export { RealtimeProvider, type RealtimeProviderProps } from './provider.js';
export { useCacheStatus } from './use-cache-status.js';
export { usePresence, type Presence, type PresenceOptions, type PresentUser } from './use-presence.js';
export { useQueryBinding } from './use-query-binding.js';
export { useRealtimeStatus, type RealtimeStatus } from './use-realtime-status.js';
export { useRealtimeSync, type RealtimeSync, type RealtimeSyncOptions } from './use-realtime-sync.js';
