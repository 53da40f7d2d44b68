/** `handler()` of the module: that of a hub, by default of the default hub, which starts at the first request. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { checkObject } from './check.js';
import { defaultHub } from './default-hub.js';
import { checkHub, type AnyHub } from './hub.js';
import { checkHandlerOptions, type HandlerOptions, type NodeHandler } from './node-handler.js';

/** `app.get('/sync/stream', handler({ identify }))`. See `Hub.handler`. Throws INVALID_OPTION. */
export function handler<Req extends IncomingMessage | Http2ServerRequest = IncomingMessage>(
  options: HandlerOptions<Req> & { hub?: AnyHub | undefined },
): NodeHandler<Req> {
  const { hub, ...rest } = checkObject('handler options', options, 'INVALID_OPTION') as unknown as typeof options;
  checkHub(hub);
  if (hub) return hub.handler(rest);
  // What is wrong shows when the app is put together, not at its first request.
  checkHandlerOptions(rest);
  return (request, response) => defaultHub().handler(rest)(request, response);
}
