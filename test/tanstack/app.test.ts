/**
 * An app whole, over real sockets: hub, tRPC, its client, the stream's client, query-core. What broke in apps written from the README: a refetch that failed
 * once left its list stale for ever, and so did a server that came back with another log (`findings`: P2, §2).
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createSyncClient, type SyncClient } from '../../lib/client/index.js';
import { createHub, type Hub } from '../../lib/index.js';
import { bindQueryClient, fenceLink, type QueryBinding } from '../../lib/tanstack/index.js';
import { nodeBrowser } from '../client/support/node-browser.js';
import { waitFor } from '../support/wait.js';

const t = initTRPC.create();

/** What outlives a server: its table. */
const guests: string[] = [];
let hub: Hub;
let server: Server;
/** Requests of tRPC that are answered with 503. */
let failing = 0;
const queries: string[] = [];

const router = t.router({
  guests: t.router({
    getAll: t.procedure.query(() => {
      queries.push('guests.getAll');
      return [...guests];
    }),
    add: t.procedure.input((name: unknown): string => String(name)).mutation(async ({ input }) => {
      guests.push(input);
      await hub.broadcast({ type: 'insert', module: 'guests', entityId: input, companyId: 'acme', userId: 'bob', queryPaths: ['guests.getAll'] });
    }),
  }),
});
type AppRouter = typeof router;

async function start(port = 0): Promise<number> {
  hub = createHub({ engine: 'js', retryMs: 50, heartbeatMs: 1_000 });
  const sync = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  const trpc = createHTTPHandler({ router, basePath: '/trpc/' });
  server = createServer((request, response) => {
    if (request.url?.startsWith('/sync')) return void sync(request, response);
    if (failing > 0 && request.method === 'GET') {
      failing -= 1;
      return void response.writeHead(503).end('{}');
    }
    trpc(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function stop(): Promise<void> {
  await hub.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

let port: number;
let page: QueryClient;
let sync: SyncClient;
let binding: QueryBinding;
let unmount: () => void;
let other: ReturnType<typeof createTRPCClient<AppRouter>>;
const shown = (): unknown => page.getQueryData([['guests', 'getAll'], { type: 'query' }]);

beforeEach(async () => {
  guests.splice(0, guests.length, 'ada');
  port = await start();
  const url = `http://127.0.0.1:${port}/trpc`;
  page = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  const trpc = createTRPCClient<AppRouter>({ links: [fenceLink(page), httpBatchLink({ url })] });
  other = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url })] });
  sync = createSyncClient({ url: `http://127.0.0.1:${port}/sync`, companyId: 'acme', userId: 'ann', environment: nodeBrowser() });
  binding = bindQueryClient(page, sync);
  const observer = new QueryObserver(page, { queryKey: [['guests', 'getAll'], { type: 'query' }], queryFn: () => trpc.guests.getAll.query() });
  unmount = observer.subscribe(() => undefined);
  await waitFor(() => binding.status.state === 'current' && shown() !== undefined, 'the first data');
  queries.splice(0);
});
afterEach(async () => {
  unmount();
  binding.close();
  sync.close({ forget: true });
  page.clear();
  await stop();
});

test('what somebody else does is shown, for one query', async () => {
  await other.guests.add.mutate('bob');
  await waitFor(() => (shown() as string[]).includes('bob'), 'the new guest');
  expect(binding.status).toEqual({ state: 'current', pending: [], failed: [] });
  expect(queries).toEqual(['guests.getAll']);
});

test('a refetch that fails is shown as that, and the page is true again by itself', async () => {
  const states: string[] = [];
  binding.onStatus(({ state }) => states.push(state));
  failing = 1;
  await other.guests.add.mutate('bob');
  await waitFor(() => (shown() as string[]).includes('bob'), 'the new guest');
  expect(states).toEqual(['refetching', 'failed', 'current']);
});

test('a server that comes back with another log, and with changes that nobody was told of, leaves nothing stale', async () => {
  await stop();
  await waitFor(() => binding.status.state === 'unknown', 'the stream to be gone');
  guests.push('cleo');
  await start(port);
  await waitFor(() => (shown() as string[]).includes('cleo'), 'the new guest');
  await waitFor(() => binding.status.state === 'current', 'nothing to be stale');
});
