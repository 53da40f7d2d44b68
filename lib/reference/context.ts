/** From an HTTP request to the context of its procedures: who asks, and what they may reach. */
import type { CreateFastifyContextOptions } from '@trpc/server/adapters/fastify';
import type { FastifyRequest } from 'fastify';
import { MAX_ID_BYTES } from '../protocol/limits.js';
import type { SessionCheck, Sessions } from './auth/session.js';
import { SESSION_COOKIE } from './http/login.js';
import type { Context, Services } from './trpc.js';

/** Names the tab that sends a mutation. One that no action can carry (too long) is ignored: the change must be announced. */
export const SOURCE_HEADER = 'x-source-id';

export function checkSession(sessions: Sessions, request: FastifyRequest, connectionToken?: string): Promise<SessionCheck> {
  return sessions.check({
    authorization: request.headers.authorization,
    connectionToken,
    cookie: request.cookies[SESSION_COOKIE],
  });
}

export function contextFactory(sessions: Sessions, services: Services) {
  return async ({ req, res, info }: CreateFastifyContextOptions): Promise<Context> => {
    const source = req.headers[SOURCE_HEADER];
    return {
      check: await checkSession(sessions, req, info.connectionParams?.['token']),
      req,
      res,
      sourceId: typeof source === 'string' && Buffer.byteLength(source) <= MAX_ID_BYTES ? source : undefined,
      services,
    };
  };
}
