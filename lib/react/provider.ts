/** `RealtimeProvider`: the stream of the components below it. */
import { createElement, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import { createSyncClient, type SyncClient, type SyncClientOptions, type TrpcSubscription } from '../client/index.js';
import type { QueryClientLike } from '../tanstack/index.js';
import { RealtimeContext, useNewest } from './context.js';
import { RealtimeStore } from './store.js';

export type RealtimeProviderProps = {
  children?: ReactNode;
  /** A cache of TanStack Query 5 that the stream keeps true (`bindQueryClient`). `useCacheStatus` says how it is. */
  queryClient?: QueryClientLike | undefined;
} & (
  | (SyncClientOptions & { client?: undefined })
  /** A client of the app's own, which is not closed when the provider unmounts. */
  | ({ client: SyncClient } & { [Option in keyof SyncClientOptions]?: undefined })
);

const none = (): undefined => undefined;

/**
 * Opens the browser's stream when it mounts, and shares it with every provider and client of the same `url`, `companyId` and `userId`: what
 * mounts, unmounts or mounts twice (StrictMode) makes no connection. Functions may be new in each render: the newest one is called. On a
 * server it renders its children and opens nothing.
 */
export function RealtimeProvider(props: RealtimeProviderProps): ReactNode {
  const [store] = useState(() => new RealtimeStore());
  const newest = useNewest(props);
  const { client, url, trpc, companyId, userId, tokenParam, credentials, shared, environment } = props;
  // A function or a proxy of tRPC is another one in each render; that there is one is what counts.
  const [hasTrpc, hasToken, hasHeaders] = [trpc !== undefined, props.getToken !== undefined, props.headers !== undefined];
  // Data that a server has rendered again says so by another cursor. A time may be another one in each render.
  const cursor = typeof props.since === 'string' ? props.since : undefined;
  const place = JSON.stringify([url, companyId, userId, cursor]);
  /** Up to where the client before this one heard everything of the same place. */
  const left = useRef<{ place: string; cursor: string | undefined } | undefined>(undefined);

  useEffect(() => {
    if (client) return store.attach(client, undefined);
    const now = (): SyncClientOptions => newest.current as SyncClientOptions;
    const since = (left.current?.place === place ? left.current.cursor : undefined) ?? now().since;
    const own = createSyncClient({
      ...(since !== undefined && { since }),
      ...(hasTrpc && { trpc: { subscribe: (...given) => (now().trpc as TrpcSubscription).subscribe(...given) } }),
      ...(hasToken && { getToken: (ask) => now().getToken?.(ask) }),
      ...(hasHeaders && {
        headers: () => {
          const { headers } = now();
          return (typeof headers === 'function' ? headers() : headers) ?? {};
        },
      }),
      url,
      companyId: companyId,
      userId: userId,
      tokenParam,
      credentials,
      shared,
      environment,
    });
    const detach = store.attach(own, now().since);
    return () => {
      left.current = { place, cursor: own.status.cursor };
      detach();
      own.close();
    };
  }, [store, newest, client, place, url, hasTrpc, companyId, userId, hasToken, hasHeaders, tokenParam, credentials, shared, environment]);

  const { queryClient } = props;
  const current = useSyncExternalStore(store.watch, () => store.client, none);
  useEffect(() => (queryClient && current ? store.bind(queryClient, current) : undefined), [store, queryClient, current]);

  return createElement(RealtimeContext.Provider, { value: store }, props.children);
}
