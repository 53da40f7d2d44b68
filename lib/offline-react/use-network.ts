/** `useNetwork`: whether the app's server can be reached, by proof. */
import type { NetworkStatus, OfflineStatus } from '../offline/types.js';
import { useOffline, useStatus } from './context.js';

const network = (status: OfflineStatus): NetworkStatus => status.network;

/** Renders anew when it changes. On a server: online, not verified. */
export function useNetwork(): NetworkStatus {
  return useStatus(useOffline('useNetwork'), network);
}
