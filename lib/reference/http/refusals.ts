/**
 * Refusals that happen before a procedure runs (a body or query too large, a broken body, a rate
 * limit), in the words of whoever asked: tRPC clients get tRPC's error shape, a tRPC subscription gets
 * it as an event on a 200 stream (EventSource can read no other status), everyone else plain JSON.
 */
import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import { TRPCError } from '@trpc/server';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Characters of a URL. Above it: 414. Catch-up never needs more; batches of reads stay far below. */
export const MAX_URL_CHARS = 16_384;
/** Bytes of a request head. Above it Node itself answers 431 and closes. */
export const MAX_HEAD_BYTES = 32_768;
/** Bytes of a body. Above it: 413. An import of 2,000 guests with all fields fits. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** Calls in one batch. Above it: BAD_REQUEST. */
export const MAX_BATCH_CALLS = 50;

const TRPC_PREFIX = '/trpc/';
const SUBSCRIPTION = 'sync.onSync';

type TrpcCode = TRPCError['code'];

const CODE_OF_STATUS: Record<number, TrpcCode> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_SUPPORTED',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
};

/** Answers `status` in the form that the caller can read. */
export function refuse(request: FastifyRequest, reply: FastifyReply, status: number, message: string): FastifyReply {
  const path = trpcPath(request.url);
  const code = CODE_OF_STATUS[status] ?? 'INTERNAL_SERVER_ERROR';
  if (path === undefined) return reply.code(status).send({ error: { code, message } });
  const httpStatus = getHTTPStatusCodeFromError(new TRPCError({ code }));
  const error = { message, code: TRPC_ERROR_CODES_BY_KEY[code], data: { code, httpStatus, path } };
  if (path !== SUBSCRIPTION) return reply.code(status).send({ error });
  return reply
    .code(200)
    .header('content-type', 'text/event-stream')
    .header('cache-control', 'no-cache, no-transform')
    .header('x-accel-buffering', 'no')
    .send(`event: connected\ndata: {}\n\nevent: serialized-error\ndata: ${JSON.stringify(error)}\n\n`);
}

/** The procedure that a URL names; undefined outside `/trpc/`. */
function trpcPath(url: string): string | undefined {
  if (!url.startsWith(TRPC_PREFIX)) return undefined;
  const path = url.slice(TRPC_PREFIX.length).split('?', 1)[0] ?? '';
  return path.slice(0, 200);
}

/** URL bound, error handler and 404 for the whole server. */
export function installRefusals(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.url.length > MAX_URL_CHARS) {
      refuse(request, reply, 414, `The URL has ${request.url.length} characters; allowed are ${MAX_URL_CHARS}`);
      return;
    }
    done();
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) {
      request.log.error({ err: error }, 'request failed');
      return refuse(request, reply, status, 'Internal server error');
    }
    return refuse(request, reply, status, error.message);
  });
  app.setNotFoundHandler((request, reply) => refuse(request, reply, 404, `Nothing at ${request.url.split('?', 1)[0]}`));
}
