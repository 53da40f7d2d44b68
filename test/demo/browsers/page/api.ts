/** tRPC's clients of a page, untyped: the same page shows either version of the code base. */
import type { QueryClient } from '@tanstack/react-query';
import { createTRPCClient, createTRPCUntypedClient, httpBatchLink, httpSubscriptionLink, type TRPCLink } from '@trpc/client';
import type { AnyTRPCRouter } from '@trpc/server';
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query';
import type { TrpcSubscription } from '../../../../lib/client/types.js';
import type { Api, Shown } from './screen.js';

type Links = TRPCLink<AnyTRPCRouter>[];
type Proxy = Record<string, Record<string, { queryOptions(input?: unknown): object }>>;

/** `before`: links of the sync client's. */
export function apiOf(queryClient: QueryClient, before: Links = []): Api {
  const client = createTRPCUntypedClient<AnyTRPCRouter>({ links: [...before, httpBatchLink({ url: '/api/trpc' })] });
  const proxy = createTRPCOptionsProxy<AnyTRPCRouter>({ client, queryClient }) as unknown as Proxy;
  return {
    options({ path, input }: Shown) {
      const [router = '', procedure = ''] = path.split('.');
      return input === undefined ? proxy[router]![procedure]!.queryOptions() : proxy[router]![procedure]!.queryOptions(input);
    },
    mutate: (path, input) => client.mutation(path, input),
  };
}

/** `sync.onSync` at its own endpoint, over the browser's EventSource. */
export function onSync(): TrpcSubscription {
  const client = createTRPCClient<AnyTRPCRouter>({ links: [httpSubscriptionLink({ url: '/api/realtime' })] });
  return (client as unknown as { sync: { onSync: TrpcSubscription } }).sync.onSync;
}
