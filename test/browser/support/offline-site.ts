/** A server with the rules of `sync.transaction()`, for pages that keep things: what it answers, when, and whether at all is the test's to say. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ModelServer } from '../../offline/support/model-server.js';

/** What becomes of a call: `lost` is done and its answer lost, `held` waits until the test lets it go on, `held-after` is done at once and its answer waits. */
export type Fate = 'lost' | 'refused' | 'held' | 'held-after' | 'unauthorized';

/** In the page: by `fetch`, as a tRPC client would fail. */
export const SEND = `
  const send = async (path, input, { signal } = {}) => {
    const response = await fetch('/rpc', { method: 'POST', body: JSON.stringify({ path, input }), signal });
    const { result, error, message } = await response.json();
    if (error) throw Object.assign(new Error(message), { data: error });
    return result;
  };
`;

export class OfflineSite {
  readonly model = new ModelServer(() => Date.now());
  /** Each call that came, in order. */
  readonly calls: { path: string; id: string; key: string }[] = [];
  /** False: nothing answers. */
  up = true;
  /** Asked for each call, in order. */
  fate: (path: string, nth: number) => Fate | undefined = () => undefined;
  /** HTML of the page's root. */
  html = '';
  /** A script of the page's, before its own. */
  before = '';
  #held: (() => void)[] = [];

  private constructor(
    private readonly server: Server,
    private readonly scripts: Readonly<Record<string, string>>,
  ) {}

  /** By path; `/client.js` is the page's own. */
  static async start(scripts: Readonly<Record<string, string>>): Promise<OfflineSite> {
    const server = createServer();
    const site = new OfflineSite(server, scripts);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      site.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get held(): number {
    return this.#held.length;
  }

  /** What was held goes on. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  #hold(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    if (pathname === '/favicon.ico') return void response.writeHead(204).end();
    const script = this.scripts[pathname];
    if (script !== undefined) return void response.setHeader('content-type', pathname.endsWith('.css') ? 'text/css' : 'text/javascript').end(script);
    if (pathname === '/healthz') return void (this.up ? response.setHeader('content-type', 'application/json').end('{"ok":true}') : request.socket.destroy());
    if (pathname !== '/rpc') {
      response.setHeader('content-security-policy', "default-src 'self'; object-src 'none'; base-uri 'none'");
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<!doctype html><html lang=en><meta name=viewport content="width=device-width"><title>offline</title><link rel=stylesheet href=/page.css><div id=root>${this.html}</div><script src=/client.js></script>`);
      return;
    }
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { path, input } = JSON.parse(body) as { path: string; input: { id?: unknown; tx?: { transactionId?: string } } };
    const nth = this.calls.length;
    this.calls.push({ path, id: input.tx?.transactionId ?? '', key: String(input.id) });
    const fate = this.up ? this.fate(path, nth) : 'refused';
    if (fate === 'refused') return void request.socket.destroy();
    if (fate === 'held') await this.#hold();
    const answer = fate === 'unauthorized' ? { error: { code: 'UNAUTHORIZED', httpStatus: 401 }, message: 'Sign in' } : this.#call(path, input);
    if (fate === 'lost') return void request.socket.destroy();
    if (fate === 'held-after') await this.#hold();
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  }

  #call(path: string, input: unknown): object {
    try {
      return { result: this.model.call(path, input) };
    } catch (thrown) {
      const { message, data } = thrown as Error & { data?: object };
      if (!data) throw thrown;
      return { error: data, message };
    }
  }

  async close(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
