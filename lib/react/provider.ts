/** `RealtimeProvider`: the stream of the components below it. */
import { createElement, useEffect, useState, type ReactNode } from 'react';
import { createSyncClient, type SyncClient, type SyncClientOptions, type TrpcSubscription } from '../client/index.js';
import { RealtimeContext, useNewest } from './context.js';
import { RealtimeStore } from './store.js';

export type RealtimeProviderProps = { children?: ReactNode } & (
  | (SyncClientOptions & { client?: undefined })
  /** A client of the app's own, which is not closed when the provider unmounts. */
  | ({ client: SyncClient } & { [Option in keyof SyncClientOptions]?: undefined })
);

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

  useEffect(() => {
    if (client) return store.attach(client);
    const now = (): SyncClientOptions => newest.current as SyncClientOptions;
    const own = createSyncClient({
      ...(now().since !== undefined && { since: now().since }),
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
    const detach = store.attach(own);
    return () => {
      detach();
      own.close();
    };
  }, [store, newest, client, url, hasTrpc, companyId, userId, hasToken, hasHeaders, tokenParam, credentials, shared, environment]);

  return createElement(RealtimeContext.Provider, { value: store }, props.children);
}
