/**
 * How a client finds the end of a stream: by the end of the connection, not by HTTP chunks.
 *
 * HAProxy holds what it has of a chunked answer back for 200 ms, for it counts on more to send along (measured with Debian's 2.6
 * and its defaults; `option http-no-delay` ends that). An answer that ends with the connection it passes on at once. Varnish
 * wants the opposite: without chunks, what it reads together with the head waits for what comes after (7.1); it names
 * itself in the request.
 */
import type { ServerResponse } from 'node:http';
import type { NodeRequest, NodeResponse } from './request-parts.js';

/** A taken connection ends with its stream, in chunks too: who were told that it lasts would send the next request into its end. */
const CHOSEN_IN_CHUNKS: ReadonlySet<string> = new Set(['connection']);
const CHOSEN: ReadonlySet<string> = new Set(['connection', 'transfer-encoding']);

/** Before the head is written, with what goes to `writeHead`; returns what goes there now. Leaves HTTP/2 alone, which has frames of its own. */
export function endWithConnection<T>(request: NodeRequest | undefined, response: NodeResponse, args: T[] = []): T[] {
  const res = response as ServerResponse;
  if (request?.httpVersionMajor !== 1 || res.headersSent) return args;
  const inChunks = comesThroughVarnish(request);
  res.shouldKeepAlive = false;
  // tRPC announces chunks, and a connection that lasts.
  if (res.hasHeader('connection')) res.setHeader('connection', 'close');
  if (!inChunks) {
    if (res.hasHeader('transfer-encoding')) res.removeHeader('transfer-encoding');
    res.useChunkedEncodingByDefault = false;
  }
  const chosen = inChunks ? CHOSEN_IN_CHUNKS : CHOSEN;
  return args.map((argument) => (typeof argument === 'object' && argument !== null ? without(chosen, argument) : argument));
}

/** Headers in either form of `writeHead`: by name, or names and values in turn. */
function without<T extends object>(chosen: ReadonlySet<string>, headers: T): T {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !chosen.has(name.toLowerCase()))) as T;
  }
  const list = headers as unknown[];
  return list.filter((_, index) => !chosen.has(String(list[index - (index % 2)]).toLowerCase())) as unknown as T;
}

function comesThroughVarnish({ headers }: NodeRequest): boolean {
  return headers['x-varnish'] !== undefined || headers.via?.toLowerCase().includes('varnish') === true;
}
