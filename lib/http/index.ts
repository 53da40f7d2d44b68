/** The plain endpoint for Node, Express and Connect, on any hub. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { defaultHub } from '../server/default-hub.js';
import type { AnyHub } from '../server/hub.js';
import type { HandlerOptions, NodeHandler } from '../server/node-handler.js';

/**
 * `app.get('/sync/stream', handler({ identify }))`: the `handler` of a hub, by default of the default hub, which
 * starts at the first request.
 */
export function handler<Req extends IncomingMessage | Http2ServerRequest = IncomingMessage>(
  options: HandlerOptions<Req> & { hub?: AnyHub },
): NodeHandler<Req> {
  const { hub, ...rest } = options;
  if (hub) return hub.handler(rest);
  let own: NodeHandler<Req> | undefined;
  return (request, response) => (own ??= defaultHub().handler(rest))(request, response);
}
