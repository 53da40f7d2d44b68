/** The way from a provider to the hooks below it, and what hooks need of React alone. */
import { createContext, useContext, useInsertionEffect, useRef, useSyncExternalStore, type RefObject } from 'react';
import { PathcastError } from '../protocol/error.js';
import type { SyncStatus } from '../client/index.js';
import { STARTING, type RealtimeStore } from './store.js';

export const RealtimeContext = createContext<RealtimeStore | null>(null);

/** `hook` is named in the error that says what is missing. */
export function useStore(hook: string): RealtimeStore {
  const store = useContext(RealtimeContext);
  if (!store) throw new PathcastError('INVALID_OPTION', `${hook}() must be used below a <RealtimeProvider>, which opens the stream`);
  return store;
}

/** Always what the newest committed render gave: a callback is never an old one, and never a reason to subscribe anew. */
export function useNewest<T>(value: T): RefObject<T> {
  const newest = useRef(value);
  useInsertionEffect(() => {
    newest.current = value;
  });
  return newest;
}

const starting = (): SyncStatus => STARTING;

/** Renders anew when the status changes, and at no event. */
export function useStatus(store: RealtimeStore): SyncStatus {
  return useSyncExternalStore(store.watch, () => store.status, starting);
}
