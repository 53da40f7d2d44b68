import { useSyncExternalStore } from 'react';
import type { QueryBinding } from '../tanstack/index.js';
import { useStore } from './context.js';

const none = (): undefined => undefined;

/** The binding of the provider's `queryClient`, for `observe` and reports; undefined without one, before there is a client, and on a server. */
export function useQueryBinding(): QueryBinding | undefined {
  const store = useStore('useQueryBinding');
  return useSyncExternalStore(store.watch, () => store.binding, none);
}
