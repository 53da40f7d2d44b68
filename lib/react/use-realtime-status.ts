/** `useRealtimeStatus`: what is known of the stream. */
import { useMemo } from 'react';
import type { SyncStatus } from '../client/index.js';
import { useStatus, useStore } from './context.js';

export interface RealtimeStatus extends SyncStatus {
  /** The state is `live`. */
  readonly isConnected: boolean;
  /** Tries anew at once, in whichever tab the stream is. The same function in each render. */
  readonly reconnect: () => void;
}

/** Renders anew when the status changes, and at no event. */
export function useRealtimeStatus(): RealtimeStatus {
  const store = useStore('useRealtimeStatus');
  const status = useStatus(store);
  return useMemo(() => ({ ...status, isConnected: status.state === 'live', reconnect: store.reconnect }), [status, store]);
}
