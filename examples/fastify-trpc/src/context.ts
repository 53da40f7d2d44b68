// context.ts: who asks.
import type { CreateFastifyContextOptions } from '@trpc/server/adapters/fastify';
import type { FastifyRequest } from 'fastify';

/** From a cookie or a token, never from what the client says of itself. Until then everyone is Ann of Acme. */
export function sessionOf(_request: FastifyRequest) {
  return { companyId: 'acme', userId: 'ann' };
}

export function createContext({ req, res }: CreateFastifyContextOptions) {
  return { req, res, ...sessionOf(req) };
}
export type Context = ReturnType<typeof createContext>;
