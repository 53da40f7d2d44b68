/**
 * One app whole, for the rows of the plan: a real hub on a real socket, a tRPC router beside it, and browsers whose tabs share locks, channels, a storage and
 * one IndexedDB. Each tab is an app's page: `createOffline`, a stream, a QueryClient with both bindings, a tRPC client with both links. Time is real.
 */
import 'fake-indexeddb/auto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { MutationObserver, QueryClient, QueryObserver, type MutationObserverOptions, type QueryKey } from '@tanstack/query-core';
import { createTRPCClient, httpLink, type TRPCLink } from '@trpc/client';
import { initTRPC, TRPCError, type AnyRouter } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { EventSource } from 'eventsource';
import { IDBFactory } from 'fake-indexeddb';
import { createSyncClient, type SyncClient } from '../../../../lib/client/index.js';
import { createHub, POSITION_HEADER, type Hub } from '../../../../lib/index.js';
import { createOffline } from '../../../../lib/offline/create-offline.js';
import { crud } from '../../../../lib/offline/crud.js';
import type { OfflineEnvironment } from '../../../../lib/offline/environment.js';
import { INSIDE, type Inside, type Offline } from '../../../../lib/offline/inside.js';
import { offlineLink } from '../../../../lib/offline/link/offline-link.js';
import type { OfflineOptions } from '../../../../lib/offline/options.js';
import type { OutboxEntry } from '../../../../lib/offline/types.js';
import { bindOffline } from '../../../../lib/offline/overlay/queries.js';
import { bindQueryClient, fenceLink, type QueryBinding } from '../../../../lib/tanstack/index.js';
import { Browser, type Tab } from '../../../client/simulation/browser.js';
import { waitFor } from '../../../support/wait.js';
import { ModelServer } from '../../support/model-server.js';

export type Row = Record<string, unknown>;

export interface Tx {
  transactionId: string;
  sourceId?: string;
  changedFields?: string[];
  expected?: Record<string, string | null>;
}

/** A mutation that came in. `reached`: where the tab that was opened first had heard the stream up to, at that moment. */
export interface Request {
  path: string;
  input: Row;
  tx: Tx;
  reached: string | undefined;
}

/** What becomes of a mutation: `lost` is done, and its answer does not arrive. `failed` is the app's own 500. */
export type Fate = 'lost' | 'failed';

const ENTITIES = ['pages', 'files'];
const KINDS = ['create', 'update', 'delete'];
const COMPANY = 'acme';

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** As tRPC's own integration for TanStack Query has it. */
export const key = (path: string, input?: unknown): QueryKey => [path.split('.'), { ...(input !== undefined && { input }), type: 'query' }];
export const PAGE = key('pages.getById', { id: 'p1' });
export const LIST = key('pages.getAll');

const named = (name: string): Error => new DOMException(name, name);

interface Shown {
  id: string;
  versions: Record<string, string>;
}

export interface PageOptions extends Partial<Pick<OfflineOptions, 'companyId' | 'userId' | 'mutations' | 'probe'>> {
  /** False: nothing is sent, and there is no stream, until `start` is called. */
  started?: boolean;
  /** `kept`: the stream goes on where the browser has kept it to be. */
  since?: string | undefined;
  /** Of query keys that are not tRPC's. */
  pathsOf?: ((queryKey: readonly unknown[]) => string | undefined) | undefined;
  changed?: Partial<OfflineEnvironment>;
}

export class Page {
  readonly queries = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity, networkMode: 'always' } } });
  readonly trpc: Record<string, Record<string, { mutate: (input: unknown) => Promise<unknown>; query: (input?: unknown) => Promise<unknown> }>>;
  sync!: SyncClient;
  binding!: QueryBinding;
  readonly #ends: (() => void)[] = [];

  constructor(
    readonly app: App,
    readonly tab: Tab,
    readonly environment: OfflineEnvironment,
    readonly offline: Offline,
    readonly options: PageOptions,
  ) {
    const wire = httpLink({ url: `${app.url}/trpc`, fetch: (url, init) => app.fetch(tab, url as string, init as RequestInit) as never });
    const links = [offlineLink(offline), fenceLink(this.queries), wire];
    this.trpc = createTRPCClient<AnyRouter>({ links: links as TRPCLink<AnyRouter>[] }) as never;
    const bound = bindOffline(this.queries, offline, { pathsOf: options.pathsOf });
    this.#ends.push(() => bound.close());
  }

  get inside(): Inside {
    return this.offline[INSIDE];
  }

  /** What waits, or waited: without what is done. */
  get waiting() {
    return this.offline.entries.filter(({ state }) => state !== 'acked');
  }

  async start(): Promise<void> {
    const { companyId = COMPANY, userId = 'ann', since } = this.options;
    await this.offline.ready;
    this.sync = createSyncClient({
      url: `${this.app.url}/sync?company=${companyId}&user=${userId}`, companyId, userId, environment: this.environment,
      ...(since !== undefined && { since: since === 'kept' ? this.offline.cursor : since }),
    });
    this.binding = bindQueryClient(this.queries, this.sync, { pathsOf: this.options.pathsOf });
    this.#ends.push(() => this.binding.close());
    await this.offline.start({ client: this.trpc, sync: this.sync });
  }

  async live(): Promise<this> {
    const { sync, offline } = this;
    const isLive = (): boolean => sync.status.state === 'live' && offline.network.verified && offline.status.paused.every((why) => why === 'follower');
    await waitFor(isLive, 'the page to be live');
    return this;
  }

  call(path: string): { mutate: (input: unknown) => Promise<unknown>; query: (input?: unknown) => Promise<unknown> } {
    const [router, name] = path.split('.') as [string, string];
    return this.trpc[router]![name]!;
  }

  /** As `useMutation` does it. */
  mutate(path: string, input: Row, options: Omit<MutationObserverOptions<unknown, unknown, Row, unknown>, 'mutationFn'> = {}): Promise<unknown> {
    const observer = new MutationObserver<unknown, unknown, Row, unknown>(this.queries, { ...options, mutationFn: (given) => this.call(path).mutate(given) });
    const answer = observer.mutate(input);
    answer.catch(() => undefined);
    return answer;
  }

  /** As `useQuery` does it; resolves when it shows something. */
  async shows(queryKey: QueryKey, path = (queryKey[0] as string[]).join('.'), input = (queryKey[1] as { input?: unknown }).input): Promise<QueryObserver> {
    const observer = new QueryObserver(this.queries, { queryKey, queryFn: () => this.call(path).query(input) });
    this.#ends.push(observer.subscribe(() => undefined));
    await waitFor(() => observer.getCurrentResult().status !== 'pending', `${JSON.stringify(queryKey)} to show something`);
    return observer;
  }

  data<T = Row>(queryKey: QueryKey): T | undefined {
    return this.queries.getQueryData<T>(queryKey);
  }

  title(id = 'p1'): unknown {
    return this.data(key('pages.getById', { id }))?.['title'];
  }

  /** The tab is gone without a word, as a browser ends it. */
  kill(): void {
    this.tab.kill();
    for (const end of this.#ends.splice(0)) end();
    this.queries.clear();
  }
}

export class App {
  readonly model = new ModelServer(() => Date.now());
  readonly requests: Request[] = [];
  /** Queries that were asked. */
  readonly queried: string[] = [];
  /** Streams that were opened: by which tab, at which address. */
  readonly streams: { tab: string; url: URL }[] = [];
  readonly sockets = new Set<Socket>();
  readonly reports: unknown[] = [];
  readonly pages: Page[] = [];
  fate: (request: Request, nth: number) => Fate | undefined = () => undefined;
  /** What a mutation waits for before it is done. */
  holds: Promise<void> | undefined;
  /** What a stream waits for before it is answered; all else is answered at once. */
  waits: Promise<void> | undefined;
  /** True: what is done is not told by the stream until `tell()`. */
  quiet = false;
  /** What is asked while it is not `up`; the browser's network is another thing. */
  up = true;
  probes = 0;
  hub!: Hub;
  url = '';
  #server!: Server;
  #told: (() => Promise<unknown>)[] = [];
  browser = this.newBrowser();

  static async start(): Promise<App> {
    const app = new App();
    app.hub = createHub({ engine: 'js', retryMs: 20 });
    const stream = app.hub.handler({
      identify: (request) => {
        const { searchParams } = new URL((request as { url: string }).url, 'http://app');
        return { companyId: searchParams.get('company')!, userId: searchParams.get('user')! };
      },
    });
    const trpc = createHTTPHandler({ router: app.#router(), basePath: '/trpc/', createContext: ({ req }) => ({ req }) });
    app.#server = createServer((request, response) => app.#answer(request, response, stream, trpc));
    app.#server.on('connection', (socket) => {
      app.sockets.add(socket);
      socket.on('close', () => app.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => app.#server.listen(0, '127.0.0.1', resolve));
    app.url = `http://127.0.0.1:${(app.#server.address() as AddressInfo).port}`;
    app.row('p1', { title: 'old', body: 'text' });
    return app;
  }

  async end(): Promise<void> {
    for (const page of this.pages) page.kill();
    await this.hub.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    expect(this.reports).toEqual([]);
  }

  // --- the server ---

  #answer(request: IncomingMessage, response: ServerResponse, stream: Handler, trpc: Handler): void {
    const { pathname } = new URL(request.url!, 'http://app');
    if (!this.up) return void request.socket.destroy();
    if (pathname === '/sync') return void (this.waits ? this.waits.then(() => stream(request, response)) : stream(request, response));
    if (pathname === '/healthz') {
      this.probes += 1;
      return void response.setHeader('content-type', 'application/json').end('{"ok":true}');
    }
    const position = this.hub.position(COMPANY);
    if (position !== undefined) response.setHeader(POSITION_HEADER, position);
    trpc(request, response);
  }

  #router() {
    const t = initTRPC.context<{ req: IncomingMessage }>().create({
      errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...(error.cause as { data?: object } | undefined)?.data } }),
    });
    const given = t.procedure.input((value: unknown) => value as Row);
    return t.router(
      Object.fromEntries(
        ENTITIES.map((entity) => [
          entity,
          t.router({
            getById: given.query(({ input }) => (this.queried.push(`${entity}.getById`), this.answer(entity, String(input['id'])))),
            getAll: t.procedure.query(() => (this.queried.push(`${entity}.getAll`), this.#all(entity))),
            ...Object.fromEntries(KINDS.map((kind) => [kind, given.mutation(({ input, ctx }) => this.#mutate(`${entity}.${kind}`, input, ctx.req))])),
          }),
        ]),
      ),
    );
  }

  answer(entity: string, id: string): Row | null {
    const row = this.model.rows.get(`${entity} ${id}`);
    return row ? { id, ...row, versions: { ...this.model.versions.get(`${entity} ${id}`) } } : null;
  }

  #all(entity: string): Row[] {
    const ids = [...this.model.rows.keys()].filter((name) => name.startsWith(`${entity} `)).map((name) => name.slice(entity.length + 1));
    return ids.map((id) => ({ id, ...this.model.rows.get(`${entity} ${id}`) }));
  }

  async #mutate(path: string, input: Row, http: IncomingMessage): Promise<unknown> {
    const { tx } = input as unknown as { tx: Tx };
    const request: Request = { path, input, tx, reached: this.pages[0]?.sync?.status.cursor };
    const fate = this.fate(request, this.requests.push(request) - 1);
    if (this.holds) await this.holds;
    const [entity, kind] = path.split('.') as [string, string];
    const id = String(input['id']);
    const before = this.model.effects.length;
    try {
      if (fate === 'failed') throw Object.assign(new Error('no disk'), { data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 } });
      this.model.call(path, input);
    } catch (cause) {
      throw new TRPCError({ code: (cause as { data: { code: TRPCError['code'] } }).data.code, cause });
    }
    if (this.model.effects.length > before) {
      // What only a server gives a new row.
      if (kind === 'create') this.model.rows.get(`${entity} ${id}`)!['number'] = this.model.rows.size;
      const fields = kind === 'delete' ? [] : Object.keys(input).filter((field) => field !== 'id' && field !== 'tx');
      await this.#announce(entity, id, kind, fields, tx.transactionId, 'ann', tx.sourceId);
    }
    if (fate === 'lost') http.socket.destroy();
    return this.answer(entity, id);
  }

  async #announce(entity: string, id: string, kind: string, fields: string[], version: string, userId: string, sourceId: string | undefined): Promise<void> {
    const at = this.hub.position(COMPANY);
    const send = (): Promise<unknown> =>
      this.hub.broadcast({
        id: `tx:${version}`, type: kind === 'create' ? 'insert' : (kind as 'update' | 'delete'), module: entity, entityId: id,
        companyId: COMPANY, userId, sourceId,
        queryPaths: [`${entity}.getById`, `${entity}.getAll`],
        tx: { transactionId: version, sourceId, versions: [{ entity, entityId: id, fields }] },
        ...(kind !== 'delete' && { data: this.answer(entity, id) }),
        row: { query: `${entity}.getById`, input: { id }, list: `${entity}.getAll`, whole: true, audience: 'company', ...(at !== undefined && { at }) },
      });
    if (this.quiet) this.#told.push(send);
    else await send();
  }

  /** What was done quietly is told now. */
  async tell(): Promise<void> {
    this.quiet = false;
    for (const send of this.#told.splice(0)) await send();
  }

  // --- somebody else ---

  /** It is there, and nobody was told. */
  row(id: string, fields: Row, entity = 'pages'): void {
    this.model.call(`${entity}.create`, { id, ...fields, tx: { transactionId: `first-${entity}-${id}` } });
  }

  /** Bilal, at another device, changes a field. `quietly`: no stream tells of it. */
  async bilal(field: string, value: unknown, { id = 'p1', version = `bilal-${this.model.written.length}`, quietly = false } = {}): Promise<string> {
    this.model.edit(`pages ${id}`, field, value, version);
    if (!quietly) await this.#announce('pages', id, 'update', [field], version, 'bilal', 'of-bilal');
    return version;
  }

  async bilalDeletes(id: string): Promise<void> {
    this.model.rows.delete(`pages ${id}`);
    await this.#announce('pages', id, 'delete', [], `bilal-deletes-${id}`, 'bilal', 'of-bilal');
  }

  async bilalMakes(id: string, fields: Row): Promise<void> {
    this.row(id, fields);
    await this.#announce('pages', id, 'create', Object.keys(fields), `first-pages-${id}`, 'bilal', 'of-bilal');
  }

  // --- browsers ---

  newBrowser(): Browser & { databases: IDBFactory } {
    const clock = {
      get now() {
        return Date.now();
      },
      // What is off by its own flag is not cancelled: nothing may wait for it.
      after: (ms: number, run: () => void) => void setTimeout(run, ms).unref(),
    };
    const browser = new Browser({ clock: clock as never, server: {} as never, random: Math.random, locks: true, noticesMs: 0 });
    return Object.assign(browser, { databases: new IDBFactory() });
  }

  /** All that the browser itself has kept for somebody, past the library. */
  async kept(companyId = COMPANY, userId = 'ann', browser = this.browser): Promise<{ entries: OutboxEntry[]; cursor: string | undefined }> {
    const asked = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(named('UnknownError')) }));
    const database = await asked(browser.databases.open(`pathcast offline 1 pathcast ${companyId} ${userId}`));
    const all = (store: string): Promise<unknown[]> => asked(database.transaction(store).objectStore(store).getAll());
    const [entries, [meta]] = [await all('entries'), await all('meta')];
    database.close();
    return { entries: entries as OutboxEntry[], cursor: (meta as { cursor?: string } | undefined)?.cursor };
  }

  async open(options: PageOptions = {}, browser = this.browser): Promise<Page> {
    const { companyId = COMPANY, userId = 'ann', started = true, changed } = options;
    const { tab, environment: given } = browser.open();
    const { streams } = this;
    const environment: OfflineEnvironment = {
      ...given,
      report: (thrown) => void (tab.gone || this.reports.push(thrown)),
      warn: () => undefined,
      fetch: (url, init) => this.fetch(tab, url, init),
      EventSource: class extends EventSource {
        constructor(url: string) {
          super(url);
          streams.push({ tab: tab.name, url: new URL(url) });
          tab.sources.add(this as never);
        }
        override close(): void {
          super.close();
          tab.sources.delete(this as never);
        }
      },
      indexedDB: {
        open(name, version) {
          if (tab.gone) throw named('UnknownError');
          const request = browser.databases.open(name, version);
          request.addEventListener('success', () => {
            const begin = request.result.transaction.bind(request.result);
            request.result.transaction = (...asked) => {
              if (tab.gone) throw named('UnknownError');
              return begin(...asked);
            };
          });
          return request;
        },
        deleteDatabase: (name) => browser.databases.deleteDatabase(name),
      },
      ...changed,
    };
    const shows = (entity: string) => ({ query: `${entity}.getById`, list: [`${entity}.getAll`] });
    const offline = createOffline({
      companyId, userId, environment, probe: options.probe ?? `${this.url}/healthz`,
      mutations: options.mutations ?? {
        ...crud('pages', shows('pages')),
        ...crud('files', { ...shows('files'), dependsOn: ({ pageId }: { pageId?: string }) => (pageId ? [{ entity: 'pages', id: pageId }] : []) }),
      },
      versions: Object.fromEntries(
        ENTITIES.map((entity) => [`${entity}.getById`, (row: Shown | null) => row && [{ entity, id: row.id, fields: row.versions }]]),
      ),
    });
    const page = new Page(this, tab, environment, offline, options);
    this.pages.push(page);
    if (!started) return page;
    await page.start();
    return this.up ? page.live() : page;
  }

  /** Of a tab. The answers are of Jest's realm, as all that the page makes is of one realm. */
  async fetch(tab: Tab, url: string, init: RequestInit): Promise<Response> {
    if (tab.gone) return new Promise(() => undefined);
    if (tab.browser.network.state === 'down') throw new TypeError('Failed to fetch');
    const response = await fetch(url, init);
    if (tab.gone) return new Promise(() => undefined);
    const text = await response.text();
    return Object.defineProperty(new Response(text, response), 'json', { value: () => Promise.resolve(JSON.parse(text) as unknown) });
  }

  /** A tunnel: the network is gone, and the browser knows it. */
  async away(): Promise<void> {
    await waitFor(() => this.alive.every(({ queries }) => queries.isFetching() === 0), 'what is on its way');
    this.up = false;
    this.browser.network.state = 'down';
    for (const socket of this.sockets) socket.destroy();
    for (const tab of this.browser.tabs) if (tab.runs) tab.says('offline');
    await waitFor(() => this.alive.every(({ offline, sync }) => !offline.network.verified && sync?.status.state !== 'live'), 'all pages to be away');
  }

  back(): void {
    this.up = true;
    this.browser.network.state = 'up';
    for (const tab of this.browser.tabs) if (tab.runs) tab.says('online');
    for (const { sync } of this.alive) sync?.reconnect();
  }

  get alive(): Page[] {
    return this.pages.filter(({ tab }) => !tab.gone);
  }

  /** Where the log of the company stands. */
  get position(): string {
    return this.hub.position(COMPANY)!;
  }

  /** Both were done while the page was away: a conflict of what waits here, which nobody has sent. */
  async conflict(page: Page, mine: Row = { title: 'mine' }, theirs: Row = { title: 'theirs' }, id = 'p1'): Promise<OutboxEntry> {
    await page.shows(key('pages.getById', { id }));
    await this.away();
    for (const [field, value] of Object.entries(mine)) await page.offline.add('pages.update', { id, [field]: value });
    for (const [field, value] of Object.entries(theirs)) await this.bilal(field, value, { id });
    this.back();
    const found = (): OutboxEntry[] => page.waiting.filter(({ state }) => state === 'conflicted');
    await waitFor(() => found().length === Object.keys(theirs).length, 'the conflict');
    return found()[0]!;
  }

  /** Nothing of this page waits, and the server has had it all. */
  async sent(page: Page): Promise<void> {
    await waitFor(() => page.waiting.length === 0, 'all to be sent');
  }
}

/** A fresh app for each test of a file. */
export function useApp(): { readonly app: App } {
  const held: { app: App } = { app: undefined as never };
  beforeEach(async () => {
    held.app = await App.start();
  });
  afterEach(() => held.app.end());
  return held;
}
