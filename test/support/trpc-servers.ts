/** One tRPC app with a sync subscription, behind each server that people run it on. */
import { once } from 'node:events';
import { createServer as createSecureServer } from 'node:https';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { initTRPC, TRPCError, type AnyTRPCRouter } from '@trpc/server';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import type { AnyHub } from '../../lib/index.js';
import { syncInput, syncSubscription } from '../../lib/trpc/index.js';
import type { RequestLike, ResponseLike, TransformerLike } from '../../lib/server/options.js';
import { tlsFiles } from './tls.js';

export const FRAMEWORKS = ['standalone', 'express', 'fastify', 'hono'] as const;
export type Framework = (typeof FRAMEWORKS)[number];
export const ORIGIN = 'https://app.example';

export interface Context {
  req?: RequestLike;
  res?: ResponseLike;
  /** From connectionParams `{ token: 'company/user' }`. */
  session: { companyId: string; userId: string } | null;
}

export function sessionOf(params: Record<string, unknown> | null | undefined): Context['session'] {
  const [companyId = '', userId = ''] = String(params?.['token'] ?? '').split('/');
  return userId === '' ? null : { companyId, userId };
}

/** `ids: false` for clients that want the bare event. */
export function appRouter(hub: AnyHub, options: { transformer?: TransformerLike; withoutSocket?: boolean; handOver?: boolean } = {}) {
  const t = options.transformer
    ? initTRPC.context<Context>().create({ transformer: options.transformer, isDev: false })
    : initTRPC.context<Context>().create({ isDev: false });
  const authed = t.procedure.use(({ ctx, next }) => {
    if (!ctx.session) throw new TRPCError({ code: 'UNAUTHORIZED' });
    return next({ ctx: { ...ctx, session: ctx.session } });
  });
  return t.router({
    sync: t.router({
      onSync: authed.input(syncInput).subscription(
        syncSubscription({
          hub,
          stream: ({ ctx, input }) => ({
            ...(options.withoutSocket ? {} : { req: ctx.req, res: ctx.res }),
            handOver: options.handOver,
            headers: { 'X-Mine': 'yes' },
            companyId: ctx.session.companyId,
            userId: ctx.session.userId,
            filter: input?.modules ? { modules: input.modules } : undefined,
          }),
        }),
      ),
      bare: authed
        .input(syncInput)
        .subscription(
          syncSubscription({ hub, ids: false, stream: ({ ctx }) => ({ req: ctx.req, res: ctx.res, ...ctx.session }) }),
        ),
    }),
  });
}
export type AppRouter = ReturnType<typeof appRouter>;

export interface TestServer {
  url: string;
  port: number;
  /** What the framework or tRPC reported as an error. */
  errors: string[];
  close(): Promise<void>;
}

interface Info {
  connectionParams: Record<string, unknown> | null;
}

const cors = { 'access-control-allow-origin': ORIGIN, 'access-control-allow-credentials': 'true' };

export async function startTrpc(framework: Framework | 'https', router: AnyTRPCRouter): Promise<TestServer> {
  const errors: string[] = [];
  const onError = ({ error }: { error: Error }): void => void errors.push(error.message);
  const context = (req: RequestLike, res: ResponseLike, info: Info): Context => ({
    req,
    res,
    session: sessionOf(info.connectionParams),
  });
  const nodeContext = (o: { req: IncomingMessage; res: ServerResponse; info: Info }): Context =>
    context(o.req, o.res, o.info);

  switch (framework) {
    case 'standalone':
    case 'https': {
      const handle = createHTTPHandler({
        router,
        basePath: '/trpc/',
        onError,
        createContext: nodeContext,
        middleware: (_req, res, next) => {
          for (const [name, value] of Object.entries(cors)) res.setHeader(name, value);
          next();
        },
      });
      const server = framework === 'https' ? createSecureServer(tlsFiles(), handle) : createServer(handle);
      return listening(server, errors);
    }
    case 'express': {
      const app = express();
      app.use((_req, res, next) => {
        res.set(cors);
        next();
      });
      app.use('/trpc', createExpressMiddleware({ router, onError, createContext: nodeContext }));
      return listening(createServer(app), errors);
    }
    case 'fastify': {
      // A client in this process keeps connections open that never carry a request.
      const app = fastify({ forceCloseConnections: true });
      app.addHook('onRequest', async (_request, reply) => {
        reply.headers(cors);
      });
      await app.register(fastifyTRPCPlugin, {
        prefix: '/trpc',
        trpcOptions: {
          router,
          onError,
          createContext: ({ req, res, info }: { req: RequestLike; res: ResponseLike; info: Info }) =>
            context(req, res, info),
        },
      });
      const url = await app.listen({ port: 0, host: '127.0.0.1', backlog: 16_384 });
      return { url: `${url}/trpc`, port: Number(new URL(url).port), errors, close: () => app.close() };
    }
    case 'hono': {
      const app = new Hono<{ Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } }>();
      app.use('/trpc/*', (c) => {
        for (const [name, value] of Object.entries(cors)) c.env.outgoing.setHeader(name, value);
        return fetchRequestHandler({
          endpoint: '/trpc',
          req: c.req.raw,
          router,
          onError,
          createContext: ({ info }) => context(c.env, c.env, info as never),
        });
      });
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
      if (!server.listening) await once(server, 'listening');
      return describeServer(server, errors);
    }
  }
}

async function listening(server: Server, errors: string[]): Promise<TestServer> {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 16_384 });
  await once(server, 'listening');
  return describeServer(server, errors);
}

function describeServer(server: Server, errors: string[]): TestServer {
  const { port } = server.address() as AddressInfo;
  const scheme = 'setSecureContext' in server ? 'https' : 'http';
  return {
    url: `${scheme}://127.0.0.1:${port}/trpc`,
    port,
    errors,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
