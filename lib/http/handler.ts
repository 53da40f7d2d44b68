/** The plain endpoint for Node, Express and Connect. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { defaultHub } from '../server/default-hub.js';
import type { AnyHub } from '../server/hub.js';
import { METHOD_NOT_ALLOWED, plainOptions, refusalOfThrown, UNAUTHORIZED, type HttpRefusal } from '../server/identity.js';
import type { Identity } from '../server/options.js';
import { originalUrl, queryOf } from '../server/request-parts.js';

export interface HandlerOptions<Req> {
  /** Default: the default hub. */
  hub?: AnyHub;
  /**
   * Who asks, from the session. `null`: 401. A thrown error with a `statusCode` (403, …) answers with it, any other
   * with 500.
   */
  identify(request: Req): Identity | null | Promise<Identity | null>;
  /** More response headers. */
  headers?: Record<string, string | readonly string[]>;
}

/**
 * `app.get('/sync/stream', handler({ identify }))`. Answers GET with a stream, HEAD with its head, anything else
 * with 405; OPTIONS is for the app's CORS middleware to answer before. Query: `lastEventId`, `modules`, `entities`,
 * `clientId`, `excludeSourceId` (they narrow, never widen), `clientInstanceId`.
 */
export function handler<Req extends IncomingMessage | Http2ServerRequest = IncomingMessage>(
  options: HandlerOptions<Req>,
): (request: Req, response: ServerResponse | Http2ServerResponse) => Promise<void> {
  return async (request, response) => {
    const res = response as ServerResponse;
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(res, METHOD_NOT_ALLOWED, { allow: 'GET, HEAD' });
    try {
      const identity = await options.identify(request);
      if (!identity) return answer(res, UNAUTHORIZED);
      const plain = plainOptions(identity, queryOf(originalUrl(request)));
      if (request.method === 'HEAD') {
        res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }).end();
        return;
      }
      const hub = options.hub ?? defaultHub();
      hub.serve({ ...plain, req: request, res: response, ...(options.headers ? { headers: options.headers } : undefined) });
    } catch (thrown) {
      answer(res, refusalOfThrown(thrown));
    }
  };
}

function answer(res: ServerResponse, refused: HttpRefusal, headers: Record<string, string> = {}): void {
  if (res.headersSent || res.destroyed) return;
  const body = JSON.stringify(refused.body);
  res.writeHead(refused.status, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), 'cache-control': 'no-store', ...headers });
  res.end(body);
}
