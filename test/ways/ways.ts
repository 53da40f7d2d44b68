/**
 * The ways that a stream takes to its client, each behind a real server: what `claims.ts` says holds on all of them, or
 * names there why it cannot.
 */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, createSecureServer } from 'node:http2';
import { createServer as createTlsServer, get as getTls } from 'node:https';
import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { initTRPC } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { Hub, Identity } from '../../lib/index.js';
import type { RequestLike, ResponseLike } from '../../lib/server/options.js';
import { syncInput, syncSubscription } from '../../lib/trpc/index.js';
import { webHandler } from '../../lib/web/index.js';
import type { EngineKind } from '../support/engines.js';
import { tlsFiles } from '../support/tls.js';
import { WayClient } from './way-client.js';

export const DIALECTS = ['plain', 'trpc'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Whose stream, and where it begins. */
export interface Opening {
  user?: string;
  lastEventId?: string;
  lastSyncTimestamp?: number;
  since?: string | number;
  expiresAt?: number;
}

/** One way, ready for streams of one hub. */
export interface Gate {
  open: (opening?: Opening) => Promise<WayClient>;
  /** What tRPC reported as an error. */
  errors: string[];
  close: () => Promise<void>;
}

export interface Way {
  name: string;
  /** The events are yielded, and tRPC writes them: no bytes of the hub's on the wire. */
  yields: (dialect: Dialect) => boolean;
  /** Why there is no such way. */
  cannot?: (engine: EngineKind, dialect: Dialect) => string | undefined;
  start: (hub: Hub, dialect: Dialect) => Promise<Gate>;
}

interface Context {
  headers: Record<string, string>;
  req?: RequestLike | undefined;
  res?: ResponseLike | undefined;
}

const sessionOf = (headers: Context['headers']): Identity => ({
  companyId: 'acme',
  userId: headers['x-user'] ?? 'ann',
  ...(headers['x-expires'] === undefined ? {} : { expiresAt: Number(headers['x-expires']) }),
});

function routerFor(hub: Hub) {
  const t = initTRPC.context<Context>().create({ isDev: false });
  const stream = ({ ctx }: { ctx: Context }) => ({
    ...(ctx.req ? { req: ctx.req } : {}),
    ...(ctx.res ? { res: ctx.res } : {}),
    ...sessionOf(ctx.headers),
  });
  return t.router({ onSync: t.procedure.input(syncInput).subscription(syncSubscription({ hub, stream })) });
}

/** What a request of either dialect says. */
function requestOf(dialect: Dialect, opening: Opening): { path: string; headers: Record<string, string> } {
  const { user, lastEventId, lastSyncTimestamp, since, expiresAt } = opening;
  const headers = {
    ...(user === undefined ? {} : { 'x-user': user }),
    ...(expiresAt === undefined ? {} : { 'x-expires': String(expiresAt) }),
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const position = Object.entries({ lastSyncTimestamp, since }).filter(([, value]) => value !== undefined);
  if (dialect === 'trpc') {
    const input = position.length === 0 ? '' : `?input=${encodeURIComponent(JSON.stringify(Object.fromEntries(position)))}`;
    return { path: `/onSync${input}`, headers };
  }
  const query = new URLSearchParams(position.map(([name, value]) => [name, String(value)]));
  return { path: `/?${query}`, headers };
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

function listenerFor(hub: Hub, dialect: Dialect, errors: string[], withResponse = true): Listener {
  if (dialect === 'plain') return hub.handler({ identify: (req) => sessionOf(req.headers as Context['headers']) });
  return createHTTPHandler({
    router: routerFor(hub),
    onError: ({ error }) => errors.push(error.message),
    createContext: ({ req, res }) => ({
      headers: req.headers as Context['headers'],
      ...(withResponse ? { req, res: res } : {}),
    }),
  });
}

async function listening(server: { listen: (port: number, host: string) => unknown; address: () => unknown }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as never, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A client of HTTP/1, plain or over TLS. */
async function openHttp(secure: boolean, port: number, dialect: Dialect, opening: Opening): Promise<WayClient> {
  const client = new WayClient();
  const options = { port, host: '127.0.0.1', agent: false as const, ...requestOf(dialect, opening) };
  const sent = secure ? getTls({ ...options, ca: tlsFiles().cert, servername: 'localhost' }) : get(options);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  client.status = response.statusCode ?? 0;
  client.headers = response.headers as Record<string, string>;
  client.attach({ pause: () => response.pause(), resume: () => response.resume(), cut: () => sent.destroy() });
  for (const stream of [sent, response]) stream.on('error', () => undefined);
  response.on('data', (chunk: Buffer) => client.feed(chunk));
  response.on('close', () => (client.ended = true));
  return client;
}

function overHttp(secure: boolean, makeServer: (listener: Listener) => { server: Server; port: Promise<number> }): Way['start'] {
  return async (hub, dialect) => {
    const errors: string[] = [];
    const { server, port } = makeServer(listenerFor(hub, dialect, errors));
    const at = await port;
    return {
      errors,
      open: (opening = {}) => openHttp(secure, at, dialect, opening),
      close: async () => {
        server.close();
        server.closeAllConnections();
      },
    };
  };
}

const plainServer = (listener: Listener): { server: Server; port: Promise<number> } => {
  const server = createServer(listener);
  return { server, port: listening(server) };
};

/** Node's HTTP over a stream that is no socket, as behind a tunnel: there is nothing to take. */
const tunnelled = (listener: Listener): { server: Server; port: Promise<number> } => {
  const server = createServer(listener);
  const tunnel = createNetServer((socket) => {
    socket.on('error', () => undefined);
    server.emit('connection', Duplex.from({ readable: socket, writable: socket }).on('error', () => undefined));
  });
  server.close = (() => tunnel.close()) as never;
  return { server, port: listening(tunnel) };
};

const secureServer = (listener: Listener): { server: Server; port: Promise<number> } => {
  const server = createTlsServer(tlsFiles(), listener);
  return { server, port: listening(server) };
};

async function startHttp2(hub: Hub, dialect: Dialect): Promise<Gate> {
  const errors: string[] = [];
  const server = createSecureServer(tlsFiles(), listenerFor(hub, dialect, errors) as never);
  const port = await listening(server);
  const sessions: { destroy(): void }[] = [];
  const open = async (opening: Opening = {}): Promise<WayClient> => {
    const client = new WayClient();
    const session = connect(`https://127.0.0.1:${port}`, { ca: tlsFiles().cert, servername: 'localhost' });
    sessions.push(session);
    session.on('error', () => undefined);
    const { path, headers } = requestOf(dialect, opening);
    const stream = session.request({ ':path': path, ...headers });
    stream.on('error', () => undefined);
    const [head] = (await once(stream, 'response')) as [Record<string, string>];
    client.status = Number(head[':status']);
    client.headers = head;
    client.attach({
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      cut: () => stream.close(),
    });
    stream.on('data', (chunk: Buffer) => client.feed(chunk));
    stream.on('close', () => (client.ended = true));
    return client;
  };
  return {
    errors,
    open,
    close: async () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

/** Pulls one after another while it may. */
function pump(client: WayClient, next: () => Promise<boolean>, cut: () => void): void {
  let paused = false;
  let running = false;
  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      while (!paused && !client.ended) if (!(await next())) client.ended = true;
    } catch (thrown) {
      client.thrown ??= thrown;
      client.ended = true;
    }
    running = false;
  };
  client.attach({
    pause: () => (paused = true),
    resume: () => {
      paused = false;
      void run();
    },
    cut,
  });
  void run();
}

async function startGenerator(hub: Hub, dialect: Dialect): Promise<Gate> {
  const router = routerFor(hub);
  const open = async (opening: Opening = {}): Promise<WayClient> => {
    const client = new WayClient();
    const { user, expiresAt, ...position } = opening;
    const headers = {
      ...(user === undefined ? {} : { 'x-user': user }),
      ...(expiresAt === undefined ? {} : { 'x-expires': String(expiresAt) }),
    };
    const stream =
      dialect === 'trpc'
        ? ((await router.createCaller({ headers }).onSync(position)) as AsyncGenerator<unknown>)
        : hub.stream<unknown>({
            dialect,
            ...sessionOf(headers),
            input: position,
            tracked: (id, event) => [id, event],
          });
    const iterator = stream[Symbol.asyncIterator]();
    pump(
      client,
      async () => {
        const { done, value } = await iterator.next();
        if (!done) client.take(value);
        return !done;
      },
      () => void iterator.return?.(undefined),
    );
    return client;
  };
  return { errors: [], open, close: async () => undefined };
}

async function startWeb(hub: Hub, dialect: Dialect): Promise<Gate> {
  const errors: string[] = [];
  const router = routerFor(hub);
  const plain = webHandler({ hub, identify: (request) => sessionOf(Object.fromEntries(request.headers)) });
  const answer = (req: Request): Promise<Response> =>
    dialect === 'plain'
      ? plain(req)
      : fetchRequestHandler({
          req,
          router,
          endpoint: '/',
          createContext: () => ({ headers: Object.fromEntries(req.headers) }),
          onError: ({ error }) => errors.push(error.message),
        });
  const open = async (opening: Opening = {}): Promise<WayClient> => {
    const client = new WayClient();
    const leaving = new AbortController();
    const { path, headers } = requestOf(dialect, opening);
    const response = await answer(new Request(`http://localhost${path}`, { headers, signal: leaving.signal }));
    client.status = response.status;
    client.headers = Object.fromEntries(response.headers);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    pump(
      client,
      async () => {
        const { done, value } = await reader.read();
        if (value) client.feed(value);
        return !done;
      },
      () => {
        leaving.abort();
        reader.cancel().catch(() => undefined);
      },
    );
    return client;
  };
  return { errors, open, close: async () => undefined };
}

const never = (): boolean => false;
const inTrpc = (dialect: Dialect): boolean => dialect === 'trpc';

export const WAYS: readonly Way[] = [
  {
    name: 'socket',
    yields: never,
    cannot: (engine) => (engine === 'js' ? 'the JavaScript engine holds no sockets' : undefined),
    start: overHttp(false, plainServer),
  },
  {
    name: 'http',
    yields: never,
    start: (hub, dialect) => overHttp(false, hub.engine === 'native' ? tunnelled : plainServer)(hub, dialect),
  },
  { name: 'tls', yields: never, start: overHttp(true, secureServer) },
  { name: 'http2', yields: never, start: startHttp2 },
  { name: 'generator', yields: () => true, start: startGenerator },
  { name: 'web', yields: inTrpc, start: startWeb },
];
