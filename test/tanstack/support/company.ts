/** An app whole, over real sockets, and browsers that look at it: hub and tRPC at their defaults, `sync.fence()`, the stream's client, query-core with observers. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { createTRPCUntypedClient, httpBatchLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createSyncClient, type SyncClient } from '../../../lib/client/index.js';
import { createHub, type Hub, type HubOptions, type SyncActionInput } from '../../../lib/index.js';
import { cacheEnvironment } from '../../../lib/tanstack/environment.js';
import { bindQueryClient, fenceLink, type QueryBinding } from '../../../lib/tanstack/index.js';
import { createSync, type InvalidationMap } from '../../../lib/trpc/index.js';
import { nodeBrowser } from '../../client/support/node-browser.js';
import { closeServers, listen } from '../../support/listen.js';
import { within } from '../../support/wait.js';

interface Who {
  companyId: string;
  userId: string;
}
const whoOf = (url: string | undefined): Who => {
  const [, , companyId = '', userId = ''] = (url ?? '').split('?')[0]!.split('/');
  return { companyId, userId };
};

/**
 * ms that this thread has had, by its own measure: without those in which it was ready to go on, and the machine ran something else. Those are no part of
 * the way from a commit to a screen.
 */
export function ranFor(): number {
  const waited = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1];
  return performance.now() - Number(waited) / 1e6;
}

/** What every viewer looks at: each of these answers with how many changes there were. */
export const QUERIES = ['guests.getAll', 'guests.getStats', 'hotels.getAll'] as const;

/** ms that all browsers may take until they show everything, on a machine that has much else to do. */
const SETTLED_MS = 120_000;

export type Import = 'one-call' | 'single-calls';

function routerOf(hub: Hub, app: App) {
  const sync = createSync({ hub, rules: { clientId: null } });
  const t = initTRPC.context<Who>().create({ isDev: false });
  const base = t.procedure.use(sync.middleware());
  const changes = base.query(({ ctx }) => app.changes.get(ctx.companyId) ?? 0);
  const row = ({ companyId, userId }: Who, nth: number): SyncActionInput => ({
    type: 'insert', module: 'guests', entityId: `guest-${nth}`, companyId, userId, queryPaths: ['guests', 'hotels'], data: { name: `Guest ${nth}`, notes: 'x'.repeat(100) },
  });
  const router = t.router({
    guests: t.router({
      getAll: changes,
      getStats: changes,
      add: base.mutation(({ ctx }) => {
        app.write(ctx.companyId);
      }),
      import: base.input((input: unknown) => input as { rows: number; how: Import }).mutation(({ ctx, input: { rows, how } }) => {
        const actions = Array.from({ length: rows }, (_, nth) => row(ctx, nth));
        if (how === 'one-call') {
          for (const _ of actions) app.write(ctx.companyId);
          void hub.broadcastMany(actions);
          return;
        }
        for (const action of actions) {
          app.write(ctx.companyId);
          void hub.broadcast(action);
        }
      }),
    }),
    hotels: t.router({ getAll: changes }),
  });
  const map = {
    mutations: { 'guests.add': ['guests', 'hotels'], 'guests.import': { silent: 'tells of each row itself' } },
  } satisfies InvalidationMap<typeof router>;
  return { router, sync, map };
}

export class Viewer {
  readonly queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  readonly sync: SyncClient;
  readonly binding: QueryBinding;
  /** ms by the monotonic clock, when each query was asked for, since the last `forget`. */
  readonly asked = new Map<string, number[]>(QUERIES.map((path) => [path, []]));
  /** `ranFor`, when the first query's observer had so many changes. */
  readonly rendered = new Map<number, number>();
  readonly #calls;

  /** `happened` is called whenever it may show something else, or say something else of it. */
  constructor(port: number, { companyId, userId }: Who, happened: () => void, visible = true) {
    this.sync = createSyncClient({ url: `http://127.0.0.1:${port}/sync/${companyId}/${userId}`, companyId, userId, environment: nodeBrowser() });
    const url = `http://127.0.0.1:${port}/trpc/${companyId}/${userId}`;
    this.#calls = createTRPCUntypedClient({ links: [fenceLink(this.queries), httpBatchLink({ url, headers: { 'x-source-id': this.sync.sourceId } })] });
    this.binding = bindQueryClient(this.queries, this.sync, { environment: { ...cacheEnvironment(), visible: () => visible } });
    this.binding.onStatus(happened);
    for (const path of QUERIES) {
      const ask = (): Promise<unknown> => {
        this.asked.get(path)!.push(performance.now());
        return this.#calls.query(path);
      };
      const observer = new QueryObserver(this.queries, { queryKey: [path.split('.'), { type: 'query' }], queryFn: ask });
      observer.subscribe(({ data }) => {
        if (path === QUERIES[0] && typeof data === 'number' && !this.rendered.has(data)) this.rendered.set(data, ranFor());
        happened();
      });
    }
  }

  shows(changes: number): boolean {
    const all = this.queries.getQueryCache().getAll();
    return this.binding.status.state === 'current' && all.every(({ state }) => state.data === changes && state.fetchStatus === 'idle');
  }

  mutate(path: string, input?: unknown): Promise<unknown> {
    return this.#calls.mutation(path, input);
  }

  /** How often the query was asked for that was asked for most. */
  get most(): number {
    return Math.max(...[...this.asked.values()].map((times) => times.length));
  }

  forget(): void {
    for (const times of this.asked.values()) times.splice(0);
  }

  close(): void {
    this.binding.close();
    this.sync.close({ forget: true });
    this.queries.clear();
  }
}

export class App {
  /** Of each company. */
  readonly changes = new Map<string, number>();
  /** When each change of a company was written: ms by the monotonic clock, and `ranFor`. */
  readonly written = new Map<string, { at: number; ran: number }[]>();
  readonly viewers: Viewer[] = [];
  readonly hub: Hub;
  /** What is done whenever a viewer may show something else. */
  readonly #waiting = new Set<() => void>();
  #port = 0;

  private constructor(options: HubOptions) {
    this.hub = createHub(options);
  }

  /** At its defaults but for `options`. */
  static async start(options: HubOptions = {}): Promise<App> {
    const app = new App(options);
    const { router, sync, map } = routerOf(app.hub, app);
    await sync.bind(router, map);
    const stream = app.hub.handler({ identify: ({ url }) => whoOf(url) });
    const trpc = createHTTPHandler({ router, ...sync.fence({ createContext: ({ req }: { req: object }) => Promise.resolve(whoOf(app.address.get(req))) }) });
    const server: Server = createServer((request, response) => {
      if (request.url!.startsWith('/sync/')) return void stream(request, response);
      app.address.set(request, request.url!);
      request.url = request.url!.replace(/^\/trpc\/[^/]+\/[^/]+/, '');
      trpc(request, response);
    });
    app.#port = await listen(server);
    return app;
  }

  /** The address that a request came with: whose it is. */
  private readonly address = new WeakMap<object, string>();

  write(companyId: string): void {
    const count = (this.changes.get(companyId) ?? 0) + 1;
    this.changes.set(companyId, count);
    if (!this.written.has(companyId)) this.written.set(companyId, []);
    this.written.get(companyId)!.push({ at: performance.now(), ran: ranFor() });
  }

  /** So many browsers of a company, of a person each, that show everything. */
  async open(companyId: string, count: number, { visible = true } = {}): Promise<Viewer[]> {
    const opened = Array.from({ length: count }, (_, nth) => new Viewer(this.#port, { companyId, userId: `user-${nth}` }, () => [...this.#waiting].forEach((look) => look()), visible));
    this.viewers.push(...opened);
    await this.settled(companyId, opened);
    for (const viewer of opened) viewer.forget();
    return opened;
  }

  /** When all of them show every change, and know that. */
  settled(companyId: string, viewers: readonly Viewer[]): Promise<void> {
    const shown = (): boolean => viewers.every((viewer) => viewer.shows(this.changes.get(companyId) ?? 0));
    const settled = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!shown()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    return within(settled, 'all browsers to show every change', SETTLED_MS);
  }

  async close(): Promise<void> {
    for (const viewer of this.viewers) viewer.close();
    await this.hub.close();
    closeServers();
  }
}
