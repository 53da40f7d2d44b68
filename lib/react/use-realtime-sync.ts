/** `useRealtimeSync`: hears of changes. */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { ClientEvent, SubscribeFilter, SyncStatus } from '../client/index.js';
import { useNewest, useStatus, useStore } from './context.js';

export interface RealtimeSyncOptions<M extends string = string> extends SubscribeFilter<M> {
  /** Called for each event that passes the filter. The newest function is called. */
  onEvent?: ((event: ClientEvent<M>) => void) | undefined;
  /** Called with the query paths that are stale now, where there are any. `*`: all. */
  onInvalidate?: ((queryPaths: readonly string[], event: ClientEvent<M>) => void) | undefined;
  /** False: hears nothing. The stream stays. Default: true. */
  enabled?: boolean | undefined;
}

export interface RealtimeSync {
  readonly isConnected: boolean;
  /** Unix ms of the newest event of the stream; null before the first. Who reads it renders anew at each event. */
  readonly lastSync: number | null;
  readonly status: SyncStatus;
  /** Tries anew at once, in whichever tab the stream is. The same function in each render. */
  readonly reconnect: () => void;
}

const never = (): null => null;
const nothing = (): (() => void) => () => undefined;

export function useRealtimeSync<M extends string = string>(options: RealtimeSyncOptions<M> = {}): RealtimeSync {
  const store = useStore('useRealtimeSync');
  const newest = useNewest(options);
  const { enabled = true, modules, queryPaths, topics } = options;
  // True in the render that takes over what a server has rendered; told once, to the first who listens.
  const rendered = useRef(useSyncExternalStore(nothing, () => false, () => true));
  // Lists are other ones in each render; what is in them is what counts.
  const filter = JSON.stringify([modules, queryPaths, topics].map((list) => list ?? null));

  useEffect(() => {
    if (!enabled) return;
    const hear = (event: ClientEvent): void => {
      const { onEvent, onInvalidate } = newest.current;
      try {
        onEvent?.(event as ClientEvent<M>);
      } finally {
        // What the one throws is reported, and makes no data stale that the other would have read again.
        if (event.queryPaths.length > 0) onInvalidate?.(event.queryPaths, event as ClientEvent<M>);
      }
    };
    const [only, paths, about] = JSON.parse(filter) as (string[] | null)[];
    const given = { ...(only && { modules: only }), ...(paths && { queryPaths: paths }), ...(about && { topics: about }) };
    const end = store.subscribe(hear, only || paths || about ? given : undefined, rendered.current);
    // Not at once: StrictMode listens twice in one go, and the second time stays.
    void Promise.resolve().then(() => (rendered.current = false));
    return end;
  }, [store, newest, enabled, filter]);

  const status = useStatus(store);
  const asked = useRef(false);
  const lastSync = useSyncExternalStore(store.watch, () => (asked.current ? store.lastSync : null), never);
  return useMemo(
    () => ({
      isConnected: status.state === 'live',
      status,
      reconnect: store.reconnect,
      get lastSync() {
        asked.current = true;
        return lastSync ?? store.lastSync;
      },
    }),
    [status, lastSync, store],
  );
}
