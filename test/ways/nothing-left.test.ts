/** By default no JavaScript object is left of a stream whose socket is taken: not its request, its response, its socket, nor its handle. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import fastify from 'fastify';
import { pathcastPlugin } from '../../lib/fastify/index.js';
import { createHub, type Hub } from '../../lib/index.js';
import { syncStream } from '../../lib/trpc/index.js';
import { waitFor } from '../support/wait.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const STREAMS = 300;
const who = { companyId: 'acme', userId: 'u' };

/** Starts a server that tells `note` of each request; resolves to its port and its end. */
type Start = (hub: Hub, note: (...objects: object[]) => void) => Promise<{ path: string; port: number; stop: () => Promise<void> }>;

async function plain(listener: RequestListener, path = '/'): ReturnType<Start> {
  const server = createServer(listener);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 });
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    server.close();
    await once(server, 'close');
  };
  return { path, port: (server.address() as AddressInfo).port, stop };
}

const WAYS: Record<string, Start> = {
  'plain Node': async (hub, note) =>
    await plain((req, res) => {
      note(req, res, req.socket, hub.serve({ req, res, ...who }));
    }),
  Fastify: async (hub, note) => {
    const app = fastify();
    await app.register(pathcastPlugin, {
      hub,
      closeHub: false,
      identify: (request) => {
        note(request.raw, request, request.raw.socket);
        return who;
      },
    });
    await app.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 });
    return { path: '/sync/stream', port: (app.server.address() as AddressInfo).port, stop: () => app.close() };
  },
  tRPC: async (hub, note) => {
    const t = initTRPC.context<{ req: IncomingMessage; res: ServerResponse }>().create();
    const router = t.router({
      onSync: t.procedure.subscription(({ ctx, signal }) => {
        const stream = syncStream({ hub, ...ctx, ...who, signal });
        note(ctx.req, ctx.res, ctx.req.socket, stream);
        return stream;
      }),
    });
    return await plain(createHTTPHandler({ router, createContext: ({ req, res }) => ({ req, res }) }), '/onSync');
  },
};

test.each(Object.keys(WAYS))('%s: three hundred open streams leave nothing behind', async (name) => {
  const hub = createHub({ engine: 'native', limits: { perUser: 0, perCompany: 0 } });
  const refs: WeakRef<object>[] = [];
  const { path, port, stop } = await WAYS[name]!(hub, (...objects) => {
    for (const object of objects) refs.push(new WeakRef(object));
  });
  const sockets: Socket[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    sockets.push(socket);
    if (i % 50 === 49) await waitFor(() => hub.metrics().opened > i - 10, 'the streams to open');
  }
  await waitFor(() => hub.metrics().connections === STREAMS, 'all streams to be open');
  const left = (): number => refs.filter((ref) => ref.deref() !== undefined).length;
  // Node keeps the request that it parsed last for each parser that it keeps.
  await waitFor(() => {
    collect();
    return left() <= 6;
  }, `the rest of ${refs.length} objects to go`);
  expect(refs.length).toBeGreaterThanOrEqual(3 * STREAMS);
  expect(hub.metrics()).toMatchObject({ connections: STREAMS, socketsTaken: STREAMS });
  for (const socket of sockets) socket.destroy();
  await hub.close();
  await stop();
}, 120_000);
