/** `pathcast/web`: the plain endpoint as `(request: Request) => Promise<Response>`, for Hono, Next.js, Bun and Deno. */
import { defaultHub } from '../server/default-hub.js';
import type { AnyHub } from '../server/hub.js';
import {
  METHOD_NOT_ALLOWED,
  plainOptions,
  refusalOfThrown,
  UNAUTHORIZED,
  type HttpRefusal,
} from '../server/identity.js';
import type { Identity } from '../server/options.js';
import { queryOf } from '../server/request-parts.js';

export interface WebHandlerOptions {
  /** Default: the default hub. */
  hub?: AnyHub;
  /** Who asks, from the session. `null`: 401. A thrown error with a `statusCode` or `status` answers with it, any other with 500. */
  identify(request: Request): Identity | null | Promise<Identity | null>;
  /** More response headers (CORS). */
  headers?: Record<string, string>;
}

/** The same query and the same statuses as `handler()`. The body is pulled: a client that does not read is conflated, not buffered. */
export function webHandler(options: WebHandlerOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(METHOD_NOT_ALLOWED, { ...options.headers, allow: 'GET, HEAD' });
    try {
      const identity = await options.identify(request);
      if (!identity) return answer(UNAUTHORIZED, options.headers);
      const hub = options.hub ?? defaultHub();
      const plain = plainOptions(identity, queryOf(request.url), hub.paths);
      const headers = {
        ...options.headers,
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      };
      if (request.method === 'HEAD') return new Response(null, { headers });
      const body = hub.readable(plain, {
        url: request.url,
        lastEventId: request.headers.get('last-event-id'),
        signal: request.signal,
      });
      return new Response(body, { headers });
    } catch (thrown) {
      return answer(refusalOfThrown(thrown), options.headers);
    }
  };
}

function answer(refused: HttpRefusal, headers: Record<string, string> = {}): Response {
  return Response.json(refused.body, { status: refused.status, headers: { ...headers, 'cache-control': 'no-store' } });
}
