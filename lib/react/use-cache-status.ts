/** `useCacheStatus`: whether what the page shows is true. */
import { useSyncExternalStore } from 'react';
import type { CacheStatus } from '../tanstack/index.js';
import { useStore } from './context.js';
import { UNBOUND } from './store.js';

const unbound = (): CacheStatus => UNBOUND;

/** Of the provider's `queryClient`. Renders anew when it changes; `unknown` without one. */
export function useCacheStatus(): CacheStatus {
  const store = useStore('useCacheStatus');
  return useSyncExternalStore(store.watch, () => store.caches, unbound);
}
