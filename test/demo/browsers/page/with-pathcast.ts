/** The client that the docs show: the provider with the app's cache, and the fence among tRPC's links. */
import { QueryClient } from '@tanstack/react-query';
import { createElement as h, type ReactNode } from 'react';
import { createSyncClient } from '../../../../lib/client/index.js';
import { RealtimeProvider, useCacheStatus } from '../../../../lib/react/index.js';
import { fenceLink } from '../../../../lib/tanstack/index.js';
import { apiOf, onSync } from './api.js';
import { start } from './screen.js';

const queryClient = new QueryClient();
const sync = createSyncClient({ trpc: onSync(), companyId: 'company-a', userId: document.title });
const heard: string[] = [];
sync.subscribe((event) => {
  if (event.type === 'ephemeral' && event.topic === 'mark') heard.push(String(event.data));
});

let state = '';
function Status(): ReactNode {
  state = useCacheStatus().state;
  return h('footer', null, state);
}

start({
  api: apiOf(queryClient, [fenceLink(queryClient)]),
  queryClient,
  wrap: (screen) => h(RealtimeProvider, { client: sync, queryClient }, screen, h(Status)),
  isLive: () => sync.status.state === 'live',
  isQuiet: () => state === 'current',
  heard,
});
