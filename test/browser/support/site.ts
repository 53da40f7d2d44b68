/**
 * A small app of its own: a hub, its plain endpoint, and a page that opens the browser's stream and keeps a log. Its position is in
 * the page, as a server-rendered page has it, so that a tab owes every action from its rendering on.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHub, type Hub } from '../../../lib/index.js';
import { waitFor } from '../../support/wait.js';
import { bundle } from './bundle.js';

export const COMPANY = 'acme';

export interface SiteOptions {
  /** Scripts by name; `/client.js` is the one of the page. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Answers in the place of the stream; true: it has. */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** True: each user is there (`hub.presence`). */
  readonly presence?: boolean;
  readonly hub?: Partial<Parameters<typeof createHub>[0]>;
  /** Where it listened before. */
  readonly port?: number;
}

/** What the page runs. */
export const CLIENT_PAGE = `
  import { createSyncClient } from './lib/client/index.js';
  const query = new URLSearchParams(location.search);
  const user = query.get('user') ?? 'ada';
  const say = (...what: unknown[]) => { page.log.push(what); (globalThis as any).report?.(what); };
  const page = ((globalThis as any).page = { log: [] as unknown[][], client: undefined as any, late: 0, ticked: performance.now() });
  // How late the machine is: what a chain of timers has lost beyond the second that a hidden page's may wait.
  (function tick() {
    const now = performance.now();
    page.late += Math.max(0, now - page.ticked - 1_050);
    page.ticked = now;
    setTimeout(tick, 500);
  })();
  addEventListener('pagehide', ({ persisted }) => say('pagehide', persisted));
  addEventListener('pageshow', ({ persisted }) => say('pageshow', persisted));
  document.addEventListener('freeze', () => say('freeze'));
  let current = 'first';
  const getToken = ({ expired }: { expired: boolean }) => {
    if (expired) current = 'second';
    say('token', current);
    return current;
  };
  const token = query.has('token') ? { getToken } : {};
  // A stream of another server knows nothing of the position in this page.
  const where = query.has('stream') ? { url: query.get('stream') } : { url: '/sync/stream?user=' + user, since: (globalThis as any).SINCE };
  page.client = createSyncClient({ ...where, companyId: '${COMPANY}', userId: user, ...token });
  page.client.onStatus(({ state, reason, leader }) => say('status', state, reason, leader));
  page.client.subscribe((event) => say('event', event.type, event.entityId ?? event.reason ?? event.topic));
`;

export class Site {
  /** Requests of streams: how often a browser connected. */
  connects = 0;
  /** The most streams that were open at a time, since it was set to 0. */
  mostStreams = 0;
  published = 0;

  readonly #sampling = setInterval(() => (this.mostStreams = Math.max(this.mostStreams, this.streams)), 5);

  private constructor(
    readonly hub: Hub,
    private readonly server: Server,
    private readonly options: SiteOptions,
    private readonly script: string,
  ) {}

  static async start(options: SiteOptions = {}): Promise<Site> {
    const hub = createHub({ heartbeatMs: 1_000, retryMs: 200, ...options.hub });
    const server = createServer();
    const site = new Site(hub, server, options, options.scripts?.['/client.js'] ?? (await bundle(CLIENT_PAGE)));
    const stream = hub.handler({
      identify: (request: IncomingMessage) => ({ companyId: COMPANY, userId: userOf(request), ...(options.presence && { presence: {} }) }),
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (options.before?.(request, response)) return;
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
      if (pathname === '/sync/stream') {
        site.connects += 1;
        stream(request, response);
      } else {
        // Only a hub that has closed refuses: the test is over.
        site.#answer(pathname, searchParams.get('script') ?? '/client.js', response).catch(() => response.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    // A log without an action has no name yet, and a page no position.
    await site.publish();
    return site;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get streams(): number {
    return this.hub.metrics().connections;
  }

  async streamsOf(userId: string): Promise<number> {
    return (await this.hub.connections()).filter((one) => one.userId === userId).length;
  }

  /** Announces the next action; its `entityId` is its number, from 1. */
  async publish(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      const entityId = String(++this.published);
      await this.hub.broadcast({ type: 'insert', module: 'guests', entityId, companyId: COMPANY, userId: 'server', queryPaths: ['guests.getAll'] });
    }
  }

  async settled(userId = 'ada', streams = 1): Promise<void> {
    await waitFor(async () => (await this.streamsOf(userId)) === streams, `${streams} streams of ${userId}`);
  }

  async #answer(pathname: string, page: string, response: ServerResponse): Promise<void> {
    const script = pathname === '/client.js' ? this.script : this.options.scripts?.[pathname];
    if (pathname === '/favicon.ico') {
      response.writeHead(204).end();
      return;
    }
    if (script !== undefined) {
      response.setHeader('content-type', 'text/javascript').end(script);
      return;
    }
    response.setHeader('content-type', 'text/html');
    if (pathname === '/blank') {
      response.end('<!doctype html><title>blank</title>');
      return;
    }
    const { epoch, headSeq } = await this.hub.readLog(COMPANY, Date.now());
    response.end(
      `<!doctype html><title>site</title><script>SINCE = '${epoch}.${headSeq}'; BORN = ${headSeq};</script><div id=root></div><script src=${page}></script>`,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#sampling);
    await this.hub.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const userOf = (request: IncomingMessage): string => new URL(request.url ?? '/', 'http://site').searchParams.get('user') ?? 'ada';
