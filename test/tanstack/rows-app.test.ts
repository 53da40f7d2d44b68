/** Rows through an app whole: hub, tRPC with the map and the fence, two pages over real sockets. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import superjson from 'superjson';
import { createSyncClient, type SyncClient } from '../../lib/client/index.js';
import { createHub, type Hub } from '../../lib/index.js';
import { bindQueryClient, fenceLink, type QueryBinding } from '../../lib/tanstack/index.js';
import { createSync, type InvalidationMap } from '../../lib/trpc/index.js';
import { nodeBrowser } from '../client/support/node-browser.js';
import { ENGINES } from '../support/engines.js';
import { waitFor } from '../support/wait.js';

interface Guest {
  id: string;
  name: string;
  at: Date;
}

/** Of a page: what its fetch has parsed is of another realm than Jest's. */
const inPage = { serialize: superjson.serialize, deserialize: (value: unknown): unknown => superjson.deserialize(JSON.parse(JSON.stringify(value)) as never) };

const guests = new Map<string, Guest>();
let hub: Hub;
let server: Server;
const queries: string[] = [];

function app(engine: (typeof ENGINES)[number]) {
  hub = createHub({ engine, transformer: superjson });
  const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null } });
  const t = initTRPC.context<object>().create({ transformer: superjson });
  const base = t.procedure.use(core.middleware());
  const router = t.router({
    guests: t.router({
      getAll: t.procedure.query(() => (queries.push('guests.getAll'), [...guests.values()])),
      getById: t.procedure.input((value: unknown) => value as { id: string }).query(({ input }) => (queries.push(`guests.getById ${input.id}`), guests.get(input.id) ?? null)),
      save: base.input((value: unknown) => value as { id: string; name: string }).mutation(({ input }) => {
        const guest = { ...input, at: new Date() };
        guests.set(guest.id, guest);
        return guest;
      }),
    }),
  });
  const map = {
    mutations: {
      'guests.save': {
        stale: ['guests.getById', 'guests.getAll'],
        type: 'update',
        where: ({ input }) => ({ 'guests.getById': { id: input.id } }),
        row: { query: 'guests.getById', input: ({ result }) => ({ id: result.id }), list: 'guests.getAll', whole: true, audience: 'company' },
      },
    },
  } satisfies InvalidationMap<typeof router>;
  return { sync: core.for<typeof router>(), router, map };
}
type Router = ReturnType<typeof app>['router'];

interface Opened {
  page: QueryClient;
  sync: SyncClient;
  binding: QueryBinding;
  end(): void;
}
const pages: Opened[] = [];

async function open(url: string, ids: readonly string[]): Promise<Opened> {
  const page = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  const trpc = createTRPCClient<Router>({ links: [fenceLink(page), httpBatchLink({ url: `${url}/trpc`, transformer: inPage })] });
  const sync = createSyncClient({ url: `${url}/sync`, companyId: 'acme', userId: 'ann', environment: nodeBrowser() });
  const binding = bindQueryClient(page, sync);
  const mount = (queryKey: readonly unknown[], queryFn: () => Promise<unknown>): (() => void) => new QueryObserver<unknown>(page, { queryKey, queryFn }).subscribe(() => undefined);
  const unmount = [
    mount([['guests', 'getAll'], { type: 'query' }], () => trpc.guests.getAll.query()),
    ...ids.map((id) => mount([['guests', 'getById'], { input: { id }, type: 'query' }], () => trpc.guests.getById.query({ id }))),
  ];
  const opened = {
    page,
    sync,
    binding,
    end: () => {
      for (const end of unmount) end();
      binding.close();
      sync.close({ forget: true });
      page.clear();
    },
  };
  pages.push(opened);
  await waitFor(() => binding.status.state === 'current', 'the page to be current');
  return opened;
}

afterEach(async () => {
  for (const { end } of pages.splice(0)) end();
  await hub.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const guestIn = (page: QueryClient, id: string): Guest | undefined => page.getQueryData([['guests', 'getById'], { input: { id }, type: 'query' }]);
const listIn = (page: QueryClient): Guest[] => page.getQueryData([['guests', 'getAll'], { type: 'query' }])!;

test.each(ENGINES)("%s engine: another page shows the row, dates too, and reads the list alone again", async (engine) => {
  const { sync, router, map } = app(engine);
  await sync.bind(router, map);
  guests.clear();
  for (const id of ['g1', 'g2']) guests.set(id, { id, name: id, at: new Date(0) });
  const stream = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  const trpc = createHTTPHandler({ router, basePath: '/trpc/', ...sync.fence({ createContext: () => ({}) }) });
  server = createServer((request, response) => void (request.url?.startsWith('/sync') ? stream(request, response) : trpc(request, response)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { page, binding } = await open(url, ['g1', 'g2']);
  const other = createTRPCClient<Router>({ links: [httpBatchLink({ url: `${url}/trpc`, transformer: superjson })] });

  // The log begins with the first action: what a row of it contains nobody can say.
  await other.guests.save.mutate({ id: 'g2', name: 'first' });
  await waitFor(() => binding.status.state === 'current' && listIn(page)[1]?.name === 'first', 'the first change');
  queries.splice(0);
  for (const name of ['Ada', 'Ada L.', 'Ada Lovelace']) {
    await other.guests.save.mutate({ id: 'g1', name });
    await waitFor(() => guestIn(page, 'g1')?.name === name, 'the row');
    await waitFor(() => binding.status.state === 'current', 'the list');
    expect(guestIn(page, 'g1')).toEqual(guests.get('g1'));
    expect(listIn(page)).toEqual([...guests.values()]);
  }
  expect(queries).toEqual(['guests.getAll', 'guests.getAll', 'guests.getAll']);
});
