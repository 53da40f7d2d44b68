/** A version of the code base as browsers meet it: the page, a session by cookie, and counters of what browsers ask for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { waitFor } from '../../support/wait.js';
import { FIRST, listen, SECOND, shut, type AppModule } from '../weddingflo/app.js';

/** What one user's browsers asked for, headers of the answers included in their bytes. */
export interface Counted {
  /** Queries; several may come in one request. */
  queries: number;
  requests: number;
  bytes: number;
}

const NOTHING: Counted = { queries: 0, requests: 0, bytes: 0 };
const SESSION = /(?:^|; )session=([\w-]+)/;
const STYLE = `body { font: 14px system-ui; margin: 2rem; background: #f6f5f2 } main { display: flex; flex-wrap: wrap; gap: 1rem }
article { background: #fff; border-radius: 8px; padding: 1rem; width: 22rem; max-height: 18rem; overflow: auto } h2 { font-size: 1rem; margin: 0 0 .5rem }
pre { font-size: 11px; margin: 0 }`;

const userOf = (token: string | undefined): string | undefined => [FIRST, SECOND].find((one) => one.token === token)?.userId;

export class Site {
  #counted: Record<string, Counted> = {};
  #answering = 0;
  readonly #streams = new Map<Socket, string>();

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  /** `script`: of the page. */
  static async start({ createHttpServer }: AppModule, script: string): Promise<Site> {
    // Not listening: what its requests are answered by.
    const app = createHttpServer();
    const server = createServer((request, response) => {
      const [, token] = SESSION.exec(request.headers.cookie ?? '') ?? [];
      const url = new URL(request.url ?? '/', 'http://site');
      if (!url.pathname.startsWith('/api/')) return void page(url, response, script);
      if (token !== undefined) request.headers.authorization = `Bearer ${token}`;
      site.#count(userOf(token), url.pathname, request, response);
      app.emit('request', request, response);
    });
    const site: Site = new Site(await listen(server), server);
    return site;
  }

  #count(user: string | undefined, pathname: string, request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (user === undefined) return;
    if (pathname.startsWith('/api/realtime/')) {
      this.#streams.set(socket, user);
    } else if (request.method === 'GET') {
      const before = socket.bytesWritten;
      const counted = (this.#counted[user] ??= { ...NOTHING });
      counted.queries += pathname.slice('/api/trpc/'.length).split(',').length;
      counted.requests += 1;
      this.#answering += 1;
      response.once('close', () => {
        counted.bytes += socket.bytesWritten - before;
        this.#answering -= 1;
      });
    }
  }

  /** Since `forget`. A browser has an answer before this side has noticed its end: waits for that. */
  async counted(user: string): Promise<Counted> {
    await waitFor(() => this.#answering === 0, 'the answers to end');
    return this.#counted[user] ?? NOTHING;
  }

  /** What Node has written to a user's streams; of those that a native thread writes to, nothing. */
  streamBytes(user: string): number {
    return [...this.#streams].filter(([, whose]) => whose === user).reduce((sum, [{ bytesWritten }]) => sum + bytesWritten, 0);
  }

  forget(): void {
    this.#counted = {};
  }

  close(): Promise<void> {
    return shut(this.server);
  }
}

/** `/?as=TOKEN` signs in. */
function page({ pathname, searchParams }: URL, response: ServerResponse, script: string): void {
  if (pathname === '/page.js') return void response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script);
  if (pathname !== '/') return void response.writeHead(204).end();
  const token = searchParams.get('as') ?? '';
  response.setHeader('set-cookie', `session=${token}; HttpOnly; SameSite=Strict; Path=/`).setHeader('content-type', 'text/html; charset=utf-8');
  response.end(
    `<!doctype html><title>${userOf(token) ?? 'nobody'}</title><style>${STYLE}</style><div id="root"></div><script src="/page.js"></script>`,
  );
}
