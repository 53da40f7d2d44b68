/**
 * What an app's HTTP stack sees of a stream whose socket is taken (SPEC §11): one completed response with its own
 * headers, and nothing of it after that. It saw a lost connection: no `finish`, `aborted` on the request, cookies that
 * were due at the head left out.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import cookieSession from 'cookie-session';
import express from 'express';
import session from 'express-session';
import fastify, { type FastifyInstance } from 'fastify';
import fastifyCookie from '@fastify/cookie';
import fastifyCors from '@fastify/cors';
import fastifyHelmet from '@fastify/helmet';
import { createHub, type Hub } from '../../lib/index.js';
import { pathcastPlugin } from '../../lib/fastify/index.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { Dechunker } from '../support/chunks.js';
import { SseParser } from '../support/sse.js';
import { waitFor, within } from '../support/wait.js';

const ACTION = { type: 'update', module: 'm', entityId: 'e', companyId: 'acme', userId: 'u', queryPaths: ['m.all'] } as const;

/** A browser's end of a connection, read to the byte. */
class Raw {
  head = '';
  ended = false;
  readonly #sse = new SseParser();
  readonly #chunks = new Dechunker();
  #bytes = Buffer.alloc(0);
  readonly faults: string[] = [];

  constructor(readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => undefined);
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.ended = true));
  }

  #take(bytes: Buffer): void {
    let body = bytes;
    if (this.head === '') {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#bytes.toString('latin1', 0, end);
      body = this.#bytes.subarray(end + 4);
    }
    try {
      this.#sse.feed(this.isChunked ? this.#chunks.feed(body) : body);
    } catch (error) {
      this.faults.push(String(error));
    }
  }

  get isChunked(): boolean {
    return /^transfer-encoding: chunked$/im.test(this.head);
  }
  get lastChunk(): boolean {
    return this.#chunks.ended;
  }
  get messages() {
    return this.#sse.messages;
  }
  get trace(): string[] {
    return this.messages.map(({ event, data }) => event ?? (JSON.parse(data) as { type: string }).type);
  }
}

function request(port: number, { path = '/', version = '1.1', headers = '', method = 'GET' } = {}): Raw {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${method} ${path} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`);
  return new Raw(socket);
}

/** What a response and its request tell, in order. */
function witness(req: IncomingMessage, res: ServerResponse): string[] {
  const seen: string[] = [];
  for (const event of ['finish', 'close', 'error']) res.on(event, () => seen.push(`res.${event}`));
  for (const event of ['aborted', 'error']) req.on(event, () => seen.push(`req.${event}`));
  return seen;
}

describe.each(ENGINES)('The hand-over (%s)', (engine) => {
  let hub: Hub;
  const apps: FastifyInstance[] = [];
  const clients: Raw[] = [];

  beforeEach(() => {
    hub = createHub({ engine, heartbeatMs: 600_000, limits: { perUser: 0, perCompany: 0 } });
  });
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await hub.close();
    await Promise.all(apps.splice(0).map((app) => app.close()));
    closeServers();
  });

  const serve = (listener: RequestListener): Promise<number> => listen(createServer(listener));
  function open(port: number, options?: Parameters<typeof request>[1]): Raw {
    const raw = request(port, options);
    clients.push(raw);
    return raw;
  }
  async function hello(raw: Raw): Promise<Raw> {
    await waitFor(() => raw.trace.includes('hello') || raw.faults.length > 0, 'hello');
    expect(raw.faults).toEqual([]);
    return raw;
  }
  const identify = (): { companyId: string; userId: string } => ({ companyId: 'acme', userId: 'u' });
  const taken = engine === 'native' ? 1 : 0;

  test.each([
    ['to the end of the connection', '', false],
    ['through Varnish, chunk by chunk to its last', 'X-Varnish: 32770\r\n', true],
    ['through a Varnish that another proxy hides, chunk by chunk to its last', 'Via: 1.1 varnish (Varnish/7.1), 1.1 front\r\n', true],
  ])('plain Node: finish, then close, with status 200; the stream goes on %s', async (_how, headers, chunked) => {
    let seen: string[] = [];
    let status = 0;
    const handler = hub.handler({ identify });
    const port = await serve((req, res) => {
      seen = witness(req, res);
      res.on('finish', () => (status = res.statusCode));
      res.setHeader('x-app', 'mine');
      res.setHeader('set-cookie', ['a=1', 'b=2']);
      handler(req, res);
    });
    const raw = await hello(open(port, { headers }));
    if (engine === 'native') await waitFor(() => seen.length === 2, 'the response to be complete');
    expect(hub.metrics().socketsTaken).toBe(taken);
    await hub.broadcast(ACTION);
    await waitFor(() => raw.trace.includes('update'), 'the action');
    expect(raw.head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    for (const line of ['x-app: mine', 'set-cookie: a=1', 'set-cookie: b=2', 'Content-Type: text/event-stream'])
      expect(raw.head).toContain(line);
    expect(raw.head).toMatch(/^Date: /im);
    expect(raw.head).toMatch(/^Connection: close$/im);
    expect(raw.isChunked).toBe(chunked);
    await hub.disconnect({ companyId: 'acme' }, 'revoked');
    await waitFor(() => raw.ended, 'the end');
    expect(raw.trace).toEqual(['hello', 'update', 'server_close']);
    expect([raw.lastChunk, raw.faults]).toEqual([chunked, []]);
    await waitFor(() => seen.length === 2, 'the response to be complete');
    expect([seen, status]).toEqual([['res.finish', 'res.close'], 200]);
  });

  test.each([
    ['HTTP/1.0', { version: '1.0' }, false],
    ['HTTP/1.0 with keep-alive', { version: '1.0', headers: 'Connection: keep-alive\r\n' }, false],
    ['HTTP/1.0 through Varnish', { version: '1.0', headers: 'X-Varnish: 1\r\n' }, false],
    ['Connection: close', { headers: 'Connection: close\r\n' }, false],
    ['Connection: close through Varnish', { headers: 'Connection: close\r\nX-Varnish: 1\r\n' }, true],
  ])('%s: what the head says is what follows', async (_name, options, chunked) => {
    const port = await serve(hub.handler({ identify }));
    const raw = await hello(open(port, options));
    await hub.broadcast(ACTION);
    await waitFor(() => raw.trace.includes('update'), 'the action');
    expect([raw.isChunked, raw.faults]).toEqual([chunked, []]);
    expect(hub.metrics().socketsTaken).toBe(taken);
  });

  test('HEAD takes no seat, a pipelined request waits its turn and is served by Node', async () => {
    const port = await serve(hub.handler({ identify }));
    const head = open(port, { method: 'HEAD' });
    await waitFor(() => head.head !== '', 'the head');
    expect(hub.metrics().connections).toBe(0);
    const socket = connect(port, '127.0.0.1');
    const raw = new Raw(socket);
    clients.push(raw);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n');
    await hello(raw);
    expect(hub.metrics().connections).toBe(engine === 'native' ? 1 : hub.metrics().connections);
  });

  test('a client that leaves at any moment leaves no seat and no descriptor behind', async () => {
    const port = await serve(hub.handler({ identify }));
    for (let round = 0; round < 40; round++) {
      const raw = open(port);
      if (round % 4 === 0) raw.socket.end();
      if (round % 4 === 1) raw.socket.once('connect', () => raw.socket.destroy());
      if (round % 4 === 2) raw.socket.once('connect', () => raw.socket.resetAndDestroy());
      if (round % 4 === 3) raw.socket.once('data', () => raw.socket.destroy());
    }
    const raw = await hello(open(port));
    for (const client of clients) client.socket.destroy();
    await waitFor(() => hub.metrics().connections === 0 && hub.metrics().leases === 0, 'all seats to be free');
    expect(raw.trace[0]).toBe('hello');
  });

  test('bytes that Node still has to write go out before the stream does', async () => {
    // As much as no socket takes at once.
    const padding = `: ${'x'.repeat(8 * 1024 * 1024)}\n`;
    const port = await serve((req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(padding);
      hub.serve({ req, res, companyId: 'acme', userId: 'u' });
    });
    const socket = connect(port, '127.0.0.1');
    clients.push(new Raw(socket));
    let text = '';
    socket.on('data', (bytes) => (text += bytes.toString('latin1')));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await waitFor(() => text.includes('"type":"hello"'), 'hello');
    const first = text.indexOf('retry: ');
    expect(text.lastIndexOf('xxxx')).toBeLessThan(first);
    expect(text.split('x'.repeat(1024)).length - 1).toBeGreaterThanOrEqual(8 * 1024);
    socket.destroy();
  });

  test('a hundred at once are each one completed response', async () => {
    const all: string[][] = [];
    const handler = hub.handler({ identify });
    const port = await serve((req, res) => {
      all.push(witness(req, res));
      handler(req, res);
    });
    const raws = Array.from({ length: 100 }, (_, nth) => open(port, { headers: nth % 2 === 0 ? '' : 'X-Varnish: 1\r\n' }));
    for (const raw of raws) await hello(raw);
    await hub.disconnect({ companyId: 'acme' }, 'drain');
    await waitFor(() => raws.every((raw) => raw.ended), 'all to end');
    expect(new Set(all.map((seen) => seen.join()))).toEqual(new Set(['res.finish,res.close']));
    expect(raws.every((raw) => raw.lastChunk === raw.isChunked && raw.faults.length === 0)).toBe(true);
    expect(raws.filter((raw) => raw.isChunked)).toHaveLength(50);
    expect(hub.metrics().socketsTaken).toBe(100 * taken);
  });

  test('Express: sessions that roll and cookies that are due at the head are on it, and the session is saved', async () => {
    const app = express();
    let touched = 0;
    const store = new session.MemoryStore();
    const touch = store.touch.bind(store);
    store.touch = (...args) => {
      touched++;
      touch(...args);
    };
    app.use('/rolling', session({ secret: 's', resave: false, saveUninitialized: true, rolling: true, store, name: 'rolling' }));
    app.use('/kept', cookieSession({ name: 'kept', secret: 'c' }), (req, _res, next) => {
      (req as unknown as { session: { visits: number } }).session.visits = 1;
      next();
    });
    app.get('/rolling/in', (_req, res) => void res.end('in'));
    app.get('/{*any}', hub.handler({ identify }));
    const port = await serve(app);
    const login = open(port, { path: '/rolling/in', headers: 'Connection: close\r\n' });
    await waitFor(() => login.ended, 'the login');
    const cookie = /^set-cookie: (rolling=[^;]+)/im.exec(login.head)![1]!;
    const before = touched;
    const raw = await hello(open(port, { path: '/rolling', headers: `Cookie: ${cookie}\r\n` }));
    expect(raw.head).toMatch(/^set-cookie: rolling=/im);
    if (engine === 'native') await waitFor(() => touched > before, 'the session to be saved');
    const kept = await hello(open(port, { path: '/kept' }));
    expect(kept.head).toMatch(/^set-cookie: kept=/im);
    expect(hub.metrics().socketsTaken).toBe(2 * taken);
  });

  test('Fastify: onSend, cookies, CORS and helmet are on the head; onResponse comes once, with 200, and nothing is aborted', async () => {
    const seen: string[] = [];
    const lines: string[] = [];
    const app = fastify({ logger: { stream: { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) } } });
    apps.push(app);
    app.addHook('onSend', async (_request, reply) => void reply.header('x-onsend', '1'));
    app.addHook('onResponse', async (_request, reply) => void seen.push(`onResponse ${reply.statusCode}`));
    app.addHook('onRequestAbort', async (_request) => void seen.push('onRequestAbort'));
    await app.register(fastifyCookie);
    await app.register(fastifyCors, { origin: 'https://app.example' });
    await app.register(fastifyHelmet);
    await app.register(pathcastPlugin, {
      hub,
      identify,
    });
    app.addHook('onRequest', async (_request, reply) => void reply.setCookie('rolls', 'on'));
    await app.listen({ port: 0, host: '127.0.0.1' });
    const raw = await hello(open((app.server.address() as AddressInfo).port, { path: '/sync/stream' }));
    for (const line of ['x-onsend: 1', 'access-control-allow-origin: https://app.example', 'x-frame-options:'])
      expect(raw.head.toLowerCase()).toContain(line);
    if (engine === 'native') await waitFor(() => seen.length > 0, 'onResponse');
    await hub.broadcast(ACTION);
    await waitFor(() => raw.trace.includes('update'), 'the action');
    await hub.disconnect({ companyId: 'acme' }, 'drain');
    await waitFor(() => raw.ended, 'the end');
    await waitFor(() => seen.length > 0, 'onResponse');
    expect(seen).toEqual(['onResponse 200']);
    expect(raw.trace).toEqual(['hello', 'update', 'server_close']);
    expect(lines.filter((line) => !line.startsWith('Server listening'))).toEqual(['incoming request', 'request completed']);
    expect(hub.metrics().socketsTaken).toBe(taken);
  });

  test('a handle names the stream, hears of its end, and ends it', async () => {
    const handles: ReturnType<Hub['serve']>[] = [];
    const port = await serve((req, res) => void handles.push(hub.serve({ req, res, companyId: 'acme', userId: 'u' })));
    const [one, two] = [await hello(open(port)), await hello(open(port))];
    const ids = [one, two].map((raw) => (JSON.parse(raw.messages[0]!.data) as { connectionId: string }).connectionId);
    expect(handles.map(({ connectionId }) => connectionId)).toEqual(ids);
    const ends = Promise.all(handles.map((handle) => handle.closed));
    await handles[0]!.close('evicted');
    two.socket.destroy();
    expect(await within(ends, 'both ends')).toEqual([{ reason: 'evicted' }, { reason: 'gone' }]);
    await waitFor(() => one.ended, 'the end');
    expect(one.trace).toEqual(['hello', 'server_close']);
  });

  test('holdResponse: the response closes with the stream', async () => {
    let seen: string[] = [];
    const port = await serve((req, res) => {
      seen = witness(req, res);
      hub.serve({ req, res, companyId: 'acme', userId: 'u', holdResponse: true });
    });
    const raw = await hello(open(port));
    await hub.broadcast(ACTION);
    await waitFor(() => raw.trace.includes('update'), 'the action');
    expect(seen).toEqual([]);
    await hub.disconnect({ companyId: 'acme' }, 'drain');
    await waitFor(() => seen.length === 2, 'the response to be complete');
    expect(seen).toEqual(['res.finish', 'res.close']);
    const gone = await hello(open(port));
    gone.socket.destroy();
    await waitFor(() => seen.includes('res.close'), 'the response to close');
  });
});

describe('The hand-over (native)', () => {
  let hub: Hub;
  const raws: Raw[] = [];
  afterEach(async () => {
    for (const { socket } of raws.splice(0)) socket.destroy();
    await hub.close();
    closeServers();
  });

  const serverOf = async (): Promise<Server> => {
    const server = createServer(hub.handler({ identify: () => ({ companyId: 'acme', userId: 'u' }) }));
    await listen(server);
    return server;
  };
  const openAt = async (server: Server): Promise<Raw> => {
    const raw = request((server.address() as AddressInfo).port);
    raws.push(raw);
    await waitFor(() => raw.trace.includes('hello'), 'hello');
    return raw;
  };
  const untilEnded = (some: Raw[]): Promise<unknown> => waitFor(() => some.every(({ ended }) => ended), 'the ends');

  test('server.close() ends what was taken from it, and nothing else', async () => {
    hub = createHub({ engine: 'native' });
    const [one, two] = [await serverOf(), await serverOf()];
    const [ours, others] = [await openAt(one), await openAt(two)];
    one.close();
    await untilEnded([ours]);
    expect(ours.trace).toEqual(['hello', 'server_close']);
    expect(others.ended).toBe(false);
    two.close();
    await untilEnded([others]);
  });

  test('server.close() spreads the ends over drainMs; one that listens again keeps those who come then', async () => {
    hub = createHub({ engine: 'native', drainMs: 1_500, limits: { perUser: 0 } });
    const server = await serverOf();
    const old = [await openAt(server), await openAt(server), await openAt(server)];
    server.close();
    await once(server, 'close');
    await listen(server);
    const later = await openAt(server);
    await untilEnded(old);
    const ends = old.map(({ messages }) => JSON.parse(messages.at(-1)!.data) as { reason: string; timestamp: number });
    expect(ends.map(({ reason }) => reason)).toEqual(['drain', 'drain', 'drain']);
    // One at once, one after 500 ms, one after 1,000; a timer comes late, never early.
    const times = ends.map(({ timestamp }) => timestamp);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(600);
    await hub.broadcast({ type: 'update', module: 'm', entityId: 'e', companyId: 'acme', userId: 'w', queryPaths: ['*'] });
    await waitFor(() => later.trace.includes('update') || later.ended, 'the action');
    expect(later.trace).toEqual(['hello', 'update']);
  });

  test('server.close() with drainMs 0 ends all at once', async () => {
    hub = createHub({ engine: 'native', drainMs: 0, limits: { perUser: 0 } });
    const server = await serverOf();
    const old = [await openAt(server), await openAt(server)];
    server.close();
    await untilEnded(old);
    expect(old.map(({ trace }) => trace)).toEqual([['hello', 'server_close'], ['hello', 'server_close']]);
  });

  test('where Node lacks what the second form leans on, the first serves: with the head that the app made', async () => {
    hub = createHub({ engine: 'native' });
    const server = createServer((req, res) => {
      Object.defineProperty(res.socket!, 'destroySoon', { value: undefined, configurable: true });
      res.setHeader('x-app', 'mine');
      hub.serve({ req, res, companyId: 'acme', userId: 'u' });
    });
    await listen(server);
    const raw = await openAt(server);
    expect(raw.head).toContain('x-app: mine');
    expect(raw.isChunked).toBe(false);
    expect(hub.metrics().socketsTaken).toBe(1);
  });
});
