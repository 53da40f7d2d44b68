/**
 * How a client finds the end of a stream: with the end of the connection, not by HTTP chunks.
 *
 * HAProxy holds what it has of a chunked answer back for 200 ms, for it counts on more to send along (measured with Debian's 2.6
 * and its defaults; `option http-no-delay` ends that). An answer that ends with the connection it passes on at once. Varnish
 * wants the opposite: without chunks, what it reads together with the head waits for what comes after (7.1); it names
 * itself in the request.
 */
import type { ServerResponse } from 'node:http';
import type { NodeRequest, NodeResponse } from './request-parts.js';

const CHOSEN_HERE = new Set(['connection', 'transfer-encoding']);

/** Before the head is written, with what goes to `writeHead`; returns what goes there now. Leaves HTTP/2 alone, which has frames of its own. */
export function endWithConnection<T>(request: NodeRequest | undefined, response: NodeResponse, args: T[] = []): T[] {
  const res = response as ServerResponse;
  if (request?.httpVersionMajor !== 1 || res.headersSent) return args;
  res.shouldKeepAlive = false;
  if (comesThroughVarnish(request)) return args;
  // tRPC announces chunks, and a connection that lasts.
  if (res.hasHeader('transfer-encoding')) res.removeHeader('transfer-encoding');
  if (res.hasHeader('connection')) res.setHeader('connection', 'close');
  res.useChunkedEncodingByDefault = false;
  return args.map((argument) => (typeof argument === 'object' && argument !== null ? withoutChosen(argument) : argument));
}

/** Headers in either form of `writeHead`: by name, or names and values in turn. */
function withoutChosen<T extends object>(headers: T): T {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !CHOSEN_HERE.has(name.toLowerCase()))) as T;
  }
  const list = headers as unknown[];
  return list.filter((_, index) => !CHOSEN_HERE.has(String(list[index - (index % 2)]).toLowerCase())) as unknown as T;
}

function comesThroughVarnish({ headers }: NodeRequest): boolean {
  return headers['x-varnish'] !== undefined || headers.via?.toLowerCase().includes('varnish') === true;
}
