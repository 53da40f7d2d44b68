/** The model as an app: a tRPC router under `sync.middleware()` with its map, its fence, and its stream; one node of it or two, over the same tables. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initTRPC, TRPCError, type AnyTRPCRouter } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import superjson from 'superjson';
import { createHub, type Hub, type HubOptions } from '../../../lib/index.js';
import { createSync, type InvalidationMap } from '../../../lib/trpc/index.js';
import { webHandler } from '../../../lib/web/index.js';
import type { Random } from '../../support/random.js';
import type { Model } from './mutations.js';
import { answer } from './queries.js';
import type { Changes, Tables } from './schema.js';

export const COMPANY = 'acme';
type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export interface Node {
  readonly hub: Hub;
  /** Of its requests, over sockets or past them. */
  readonly url: string;
  readonly fetch: Fetch;
  /** What the hub told of the map and of broadcasts. */
  readonly errors: string[];
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** What a mutation answers: what it changed stands in it for the map alone, and does not travel. */
const told = (changes: Changes): object => Object.defineProperty({ rows: changes.rows.length }, 'changes', { value: changes });
const changesIn = (result: unknown): Changes => (result as { changes: Changes }).changes;

function routerOf(model: Model, database: Tables, random: Random, hub: Hub, company: string) {
  const sync = createSync<object>({ hub, rules: { companyId: () => company, userId: () => 'ann', entityId: () => 'row' } });
  const t = initTRPC.context<object>().create({ isDev: false, transformer: superjson });
  const base = t.procedure.use(sync.middleware()).input((value: unknown) => value);
  const procedures: Record<string, unknown> = {};
  const put = (path: string, procedure: unknown): void => {
    const words = path.split('.');
    let at = procedures;
    for (const word of words.slice(0, -1)) at = (at[word] ??= {}) as Record<string, unknown>;
    at[words.at(-1)!] = procedure;
  };
  for (const query of model.queries) put(query.path, base.query(({ input }) => answer(query, input, database)));
  for (const mutation of model.mutations) {
    put(
      mutation.path,
      base.mutation(({ input }) => {
        const changes = mutation.run(input as never, random);
        if (mutation.byHand && mutation.where) {
          // It tells some of it itself.
          const where = mutation.where({ input, result: changes });
          const queryPaths = Object.keys(where).filter((path) => mutation.stale.includes(path));
          if (queryPaths.length > 0) void hub.broadcast({ type: 'update', module: 'm', entityId: 'row', companyId: company, userId: 'ann', queryPaths, where: where as never });
        }
        if (mutation.fails) throw new TRPCError({ code: 'INTERNAL_SERVER_ERROR' });
        return told(changes);
      }),
    );
  }
  // Two in one: what both concern goes out as one.
  put(
    'both',
    base.mutation(async ({ input }) => {
      const caller = t.createCallerFactory(router as never)({}) as unknown as Record<string, Record<string, (given: unknown) => Promise<unknown>>>;
      for (const { path, given } of input as { path: string; given: unknown }[]) {
        const [table, name] = path.split('.') as [string, string];
        await caller[table]![name]!(given).catch(() => undefined);
      }
      return null;
    }),
  );
  const router: AnyTRPCRouter = t.router(procedures as never);
  const mutations = Object.fromEntries(
    model.mutations.map(({ path, stale, where, cascade, fails }) => [
      path,
      { stale, cascade, ...(fails && { onError: 'broadcast' }), ...(where && { where: ({ input, result }: { input: unknown; result: unknown }) => where({ input, result: changesIn(result) }) }) },
    ]),
  );
  const map = { cascades: model.cascades, mutations: { ...mutations, both: { silent: 'what is in it speaks' } } } as unknown as InvalidationMap<AnyTRPCRouter>;
  return { sync, router, map };
}

export interface NodeOptions {
  readonly hub: HubOptions;
  readonly sockets: boolean;
  readonly company: string;
}

export async function startNode(model: Model, database: Tables, random: Random, options: NodeOptions): Promise<Node> {
  const hub = createHub({ transformer: superjson, ...options.hub });
  const errors: string[] = [];
  hub.on('error', ({ error }) => void errors.push(error.message));
  hub.on('warning', () => undefined);
  await hub.ready();
  const { sync, router, map } = routerOf(model, database, random, hub, options.company);
  await sync.bind(router, map);
  const fence = sync.fence();
  const identify = (url: string): { companyId: string; userId: string } => ({ companyId: options.company, userId: new URL(url, 'http://app').searchParams.get('user') ?? 'ann' });
  const common = { hub, errors, settled: () => sync.settled() };
  if (options.sockets) {
    const stream = hub.handler({ identify: (request: { url?: string | undefined }) => identify(request.url ?? '') });
    const trpc = createHTTPHandler({ router, basePath: '/trpc/', ...fence } as never);
    const server = createServer((request, response) => (request.url?.startsWith('/sync') ? void stream(request, response) : trpc(request, response)));
    const port = await listening(server);
    return {
      ...common,
      url: `http://127.0.0.1:${port}`,
      fetch: (url, init) => fetch(url, init),
      async close() {
        await hub.close({ flushMs: 0 });
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }
  const stream = webHandler({ hub, identify: (request) => identify(request.url) });
  return {
    ...common,
    url: 'http://app.example',
    fetch: async (url, init) => {
      const request = new Request(url, init);
      return url.includes('/sync') ? stream(request) : fetchRequestHandler({ endpoint: '/trpc', req: request, router, ...fence } as never);
    },
    close: () => hub.close({ flushMs: 0 }),
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
