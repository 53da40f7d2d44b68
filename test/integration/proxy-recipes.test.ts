/**
 * The recipes of docs/proxies.md, taken from the page, before a server: what the page says that they do, they do. Browsers speak HTTP/2 over
 * TLS to them, and HTTP/1.1 to Varnish.
 */
import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { createHub, type Hub } from '../../lib/index.js';
import { freePort } from '../support/free-port.js';
import { closeServers, listenAt } from '../support/listen.js';
import { IDLE_S, PROXIES, startProxy, type Changes, type Front } from '../support/proxies.js';
import { parseSse, type SseMessage } from '../support/sse.js';
import { tlsFiles } from '../support/tls.js';
import { waitFor } from '../support/wait.js';

/** Quiet streams get one each 250 ms: eight within the idle timeout of a recipe as it is run here. */
const HEARTBEAT_MS = 250;
/** What a recipe may add to an event; what buffers adds a heartbeat, or all of the rest. */
const AT_ONCE_MS = 150;
const EVENTS = 9;

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: () => string;
  messages: () => SseMessage[];
  until: (pattern: RegExp) => Promise<RegExpExecArray>;
  leave: () => void;
}

/** Where an operator has every answer compressed. */
const COMPRESSED: Record<string, Changes> = {
  nginx: [[/gzip_types [^;]*/, 'gzip_types *']],
  apache: [[/AddOutputFilterByType DEFLATE .*/, 'SetOutputFilter DEFLATE']],
};

const asPrinted = PROXIES.map((name) => ({ title: name, name, changes: [] as Changes, encoding: undefined as string | undefined }));
const compressed = Object.entries(COMPRESSED).map(([name, changes]) => ({ title: `${name}, where everything is compressed`, name, changes, encoding: 'gzip' }));

describe.each([...asPrinted, ...compressed])('$title', ({ name, changes, encoding }) => {
  let hub: Hub;
  let server: Server;
  let port: number;
  let front: Front;
  let session: ClientHttp2Session | undefined;

  beforeAll(async () => {
    hub = createHub({ engine: 'native', heartbeatMs: HEARTBEAT_MS, limits: { perUser: 0 } });
    server = createServer(hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) }));
    // It comes back there.
    port = await freePort();
    await listenAt(server, { port, host: '127.0.0.1' });
    front = await startProxy(name, port, changes);
  });
  afterAll(async () => {
    session?.destroy();
    await front?.stop();
    await hub?.close();
    closeServers();
  });
  afterEach(async () => {
    session?.destroy();
    session = undefined;
    await waitFor(() => hub.metrics().connections === 0, 'the place of a browser that left to be free');
  });

  async function get(path: string, more: Record<string, string> = {}): Promise<Answer> {
    const headers = { accept: 'text/event-stream', 'accept-encoding': 'gzip', ...more };
    let text = '';
    // As a browser does. A flush of the compressor comes out at once.
    const read = (body: Readable, encoding: unknown): void => {
      const plain = encoding === 'gzip' ? body.pipe(createGunzip()) : body;
      plain.on('error', () => undefined).setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    };
    const rest = {
      text: () => text,
      messages: () => parseSse(text.slice(0, text.lastIndexOf('\n\n') + 2)),
      until: (pattern: RegExp) => waitFor(() => pattern.exec(text), `${String(pattern)}, through ${name}`),
    };
    if (!front.tls) {
      return new Promise((resolve, reject) => {
        const sent = httpRequest({ host: front.host, port: front.port, path, headers, agent: false }, (response) => {
          read(response, response.headers['content-encoding']);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, ...rest, leave: () => sent.destroy() });
        });
        sent.on('error', reject).end();
      });
    }
    session ??= connect(`https://localhost:${front.port}`, {
      ca: tlsFiles().cert,
      // The name that the certificate has, at the address of this proxy.
      lookup: (_host: string, _options: unknown, found: (error: null, all: object[]) => void) => found(null, [{ address: front.host, family: 4 }]),
    } as Parameters<typeof connect>[1]).on('error', () => undefined);
    const stream = session.request({ ...headers, ':path': path });
    return new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.on('response', (head) => {
        read(stream, head['content-encoding']);
        resolve({ status: head[':status'] ?? 0, headers: head, ...rest, leave: () => stream.close(constants.NGHTTP2_CANCEL) });
      });
      stream.end();
    });
  }

  const change = (nth: number): Promise<unknown> =>
    hub.broadcast({ type: 'update', module: 'guests', entityId: `g${nth}`, companyId: 'acme', userId: 'bob', queryPaths: ['guests.getAll'] });

  test('passes each event on at once', async () => {
    const stream = await get('/sync/stream');
    await stream.until(/"type":"hello"/);
    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(stream.headers['content-encoding']).toBe(encoding);
    const took: number[] = [];
    for (let nth = 0; nth < EVENTS; nth++) {
      const start = performance.now();
      await change(nth);
      await stream.until(new RegExp(`"entityId":"g${nth}"`));
      took.push(performance.now() - start);
    }
    stream.leave();
    // What buffers holds each of them, a busy machine some.
    expect(took.sort((a, b) => a - b)[EVENTS >> 2]).toBeLessThan(AT_ONCE_MS);
  });

  test('holds a quiet stream for longer than its idle timeout', async () => {
    const stream = await get('/sync/stream');
    await stream.until(/"type":"hello"/);
    const pings = (2 * IDLE_S * 1_000) / HEARTBEAT_MS + 1;
    await waitFor(() => stream.messages().filter(({ event }) => event === 'ping').length >= pings, `${pings} heartbeats through ${name}`);
    await change(100);
    await stream.until(/"entityId":"g100"/);
    stream.leave();
  });

  test('who comes back with its position has missed nothing', async () => {
    const first = await get('/sync/stream');
    await change(200);
    await first.until(/"entityId":"g200"/);
    const position = first.messages().findLast(({ id }) => id !== undefined)?.id ?? '';
    first.leave();
    await change(201);
    const second = await get('/sync/stream', { 'last-event-id': position });
    await second.until(/"entityId":"g201"/);
    expect(second.text()).toContain('"recovered":true');
    expect(second.text()).not.toContain('"entityId":"g200"');
    second.leave();
  });

  test('while the server is away an EventSource is told to come back', async () => {
    server.close();
    const away = await get('/sync/stream');
    await away.until(/^retry: 3000\n\n$/);
    expect(away.status).toBe(200);
    expect(away.headers['content-type']).toMatch(/^text\/event-stream/);
    away.leave();
    await listenAt(server, { port, host: '127.0.0.1' });
  });
});
