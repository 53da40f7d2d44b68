/**
 * The hand-made client of such code bases: a subscription of tRPC's, and an invalidation that compares the segments of each path with those of
 * the cache's keys, exactly. It is given what it may have: the position is stored for the next page, and does not open a new stream each time.
 */
import { QueryClient, useQueryClient, type QueryKey } from '@tanstack/react-query';
import { createElement as h, useEffect, type ReactNode } from 'react';
import { apiOf, onSync } from './api.js';
import { start } from './screen.js';

interface SyncAction {
  timestamp: number;
  queryPaths: string[];
  toolName?: string;
  entityId: string;
}

const LAST_SYNC = 'weddingflo:lastSyncTimestamp';
const MARK = 'mark';

const queryClient = new QueryClient();
const heard: string[] = [];
let isConnected = false;

function matches(queryKey: QueryKey, path: string): boolean {
  const [trpcKey] = queryKey;
  return Array.isArray(trpcKey) && path.split('.').every((part, index) => trpcKey[index] === part);
}

function useRealtimeSync(): void {
  const client = useQueryClient();
  useEffect(() => {
    function handleSyncAction(action: SyncAction): void {
      localStorage.setItem(LAST_SYNC, String(action.timestamp));
      for (const path of action.queryPaths) void client.invalidateQueries({ predicate: ({ queryKey }) => matches(queryKey, path) });
      if (action.toolName === MARK) heard.push(action.entityId);
    }
    const lastSyncTimestamp = Number(localStorage.getItem(LAST_SYNC)) || undefined;
    const { unsubscribe } = onSync().subscribe(lastSyncTimestamp === undefined ? {} : { lastSyncTimestamp }, {
      onStarted: () => (isConnected = true),
      onData: handleSyncAction,
      onError: () => (isConnected = false),
    });
    return unsubscribe;
  }, [client]);
}

function RealtimeWrapper({ children }: { children?: ReactNode }): ReactNode {
  useRealtimeSync();
  return children;
}

start({ api: apiOf(queryClient), queryClient, wrap: (screen) => h(RealtimeWrapper, null, screen), isLive: () => isConnected, heard });
