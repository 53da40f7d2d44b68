/** `pathcast/web`: the plain endpoint as `(request: Request) => Promise<Response>`, for Hono, Next.js, Bun and Deno. */
import { describe, messageOf } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { checkKeys, checkObject } from '../server/check.js';
import { defaultHub } from '../server/default-hub.js';
import { checkHub, type AnyHub } from '../server/hub.js';
import {
  METHOD_NOT_ALLOWED,
  plainOptions,
  refusalOfThrown,
  UNAUTHORIZED,
  type HttpRefusal,
} from '../server/identity.js';
import { internalsOf } from '../server/internals.js';
import type { Identity } from '../server/options.js';
import { queryOf } from '../server/request-parts.js';

export interface WebHandlerOptions {
  /** Default: the default hub. */
  hub?: AnyHub | undefined;
  /**
   * Who asks, from the session. `null`: 401. A thrown error with a `statusCode` or `status` answers with it, any other
   * with 500 and the hub's `error` event.
   */
  identify: (request: Request) => Identity | null | Promise<Identity | null>;
  /** More response headers (CORS). The stream's own (`content-type`, …) win. */
  headers?: Record<string, string> | undefined;
}

/**
 * The same query and the same statuses as `handler()`. The body is pulled: a client that does not read is conflated, not
 * buffered. It ends when `request.signal` aborts and when the hub closes. Throws INVALID_OPTION.
 */
export function webHandler(options: WebHandlerOptions): (request: Request) => Promise<Response> {
  const { identify, headers } = checkOptions(options);
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(METHOD_NOT_ALLOWED, { ...headers, allow: 'GET, HEAD' });
    let hub: AnyHub | undefined;
    try {
      hub = options.hub ?? defaultHub();
      const identity = await identify(request);
      if (!identity) return answer(UNAUTHORIZED, headers);
      const plain = plainOptions(identity, queryOf(request.url), internalsOf(hub).paths);
      // Made before the stream is: a head that cannot be made must not leave one behind.
      const head = new Headers({
        ...headers,
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
      if (request.method === 'HEAD') return new Response(null, { headers: head });
      const body = internalsOf(hub).readable(plain, {
        url: request.url,
        lastEventId: request.headers.get('last-event-id'),
        signal: request.signal,
      });
      return new Response(body, { headers: head });
    } catch (thrown) {
      const refused = refusalOfThrown(thrown);
      if (refused.status >= 500 && hub) internalsOf(hub).report('identify', thrown);
      return answer(refused, headers);
    }
  };
}

/** Throws INVALID_OPTION; with names of headers in lower case, so that the stream's own replace those of the app. */
function checkOptions(options: WebHandlerOptions): Pick<WebHandlerOptions, 'identify'> & {
  headers: Record<string, string>;
} {
  checkKeys('webHandler()', checkObject('webHandler options', options, 'INVALID_OPTION'), ['hub', 'identify', 'headers']);
  checkHub(options.hub);
  const identify: unknown = options.identify;
  if (typeof identify !== 'function') {
    throw new PathcastError(
      'INVALID_OPTION',
      `identify must be a function (request) => identity, got ${describe(identify)}`,
    );
  }
  if (options.headers === undefined) return { identify: options.identify, headers: {} };
  checkObject('headers', options.headers, 'INVALID_OPTION');
  try {
    return { identify: options.identify, headers: Object.fromEntries(new Headers(options.headers)) };
  } catch (thrown) {
    throw new PathcastError('INVALID_OPTION', `headers: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function answer(refused: HttpRefusal, headers: Record<string, string>): Response {
  return Response.json(refused.body, { status: refused.status, headers: { ...headers, 'cache-control': 'no-store' } });
}
