/** The plain endpoint for Node, Express and Connect. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { PathcastError } from '../protocol/error.js';
import { describe } from '../internal/describe.js';
import { checkKeys, checkObject } from './check.js';
import { METHOD_NOT_ALLOWED, plainOptions, refusalOfThrown, UNAUTHORIZED, type HttpRefusal } from './identity.js';
import type { Identity, PlainStreamOptions } from './options.js';
import type { PathBinding } from './paths/binding.js';
import { originalUrl, queryOf } from './request-parts.js';
import { checkHeaders } from './response-head.js';

export interface HandlerOptions<Req> {
  /**
   * Who asks, from the session. `null`: 401. A thrown error with a `statusCode` (403, …) answers with it, any other
   * with 500.
   */
  identify: (request: Req) => Identity | null | Promise<Identity | null>;
  /** More response headers. */
  headers?: Record<string, string | readonly string[]> | undefined;
}

export type NodeHandler<Req> = (request: Req, response: ServerResponse | Http2ServerResponse) => void;

/** What the handler needs of its hub. */
export interface HandlerHost {
  serve: (options: PlainStreamOptions) => unknown;
  /** The bound one. */
  router: () => PathBinding | undefined;
  report: (thrown: unknown) => void;
}

/** See `Hub.handler`. */
export function nodeHandler<Req extends IncomingMessage | Http2ServerRequest>(
  host: HandlerHost,
  options: HandlerOptions<Req>,
): NodeHandler<Req> {
  checkHandlerOptions(options);
  return (request, response) => {
    // The compat response of HTTP/2 has the same methods; its types share no ancestor with HTTP/1's.
    void respond(host, options, request, response as ServerResponse);
  };
}

/** Throws INVALID_OPTION. */
export function checkHandlerOptions<Req>(options: HandlerOptions<Req>): void {
  checkKeys('handler()', checkObject('handler options', options, 'INVALID_OPTION'), ['identify', 'headers']);
  const identify: unknown = options.identify;
  if (typeof identify !== 'function') {
    throw new PathcastError(
      'INVALID_OPTION',
      `identify must be a function (request) => identity, got ${describe(identify)}`,
    );
  }
  checkHeaders(options.headers, 'INVALID_OPTION');
}

/** Never rejects. */
async function respond<Req extends IncomingMessage | Http2ServerRequest>(
  host: HandlerHost,
  { identify, headers }: HandlerOptions<Req>,
  request: Req,
  res: ServerResponse,
): Promise<void> {
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    answer(res, METHOD_NOT_ALLOWED, { allow: 'GET, HEAD' });
    return;
  }
  try {
    const identity = await identify(request);
    if (!identity) {
      answer(res, UNAUTHORIZED);
      return;
    }
    const plain = plainOptions(identity, queryOf(originalUrl(request)), host.router());
    if (method === 'HEAD') {
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }).end();
      return;
    }
    host.serve({ ...plain, req: request, res, ...(headers ? { headers } : undefined) });
  } catch (thrown) {
    const refused = refusalOfThrown(thrown);
    if (refused.status >= 500) host.report(thrown);
    answer(res, refused);
  }
}

function answer(res: ServerResponse, refused: HttpRefusal, headers: Record<string, string> = {}): void {
  if (res.headersSent || res.destroyed) return;
  const body = JSON.stringify(refused.body);
  res.writeHead(refused.status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    ...headers,
  });
  res.end(body);
}
