/**
 * The first form of the hand-over, for a Node that lacks what the second leans on: the socket is taken before a head is
 * sent, and the engine sends one made of what the app has set so far. `writeHead` before that tells loggers the status and runs
 * what waits for the head (`on-headers`); `finish` does not come.
 */
import { appHeaders, nodeRequest, nodeResponse, type NodeRequest, type NodeResponse } from '../request-parts.js';
import { headerRecord, http1Head, streamHeaders } from '../response-head.js';
import { removeOwnHeaders } from '../response-sink.js';
import type { PlainStreamOptions, StreamOptions } from '../options.js';
import type { StreamHost } from '../stream-host.js';
import type { ServerResponse } from 'node:http';
import type { StreamSpec } from '../../internal/engine.js';
import type { Handle } from './handle.js';
import { isLateNode, type InnerSocket } from './internals.js';

interface Takeable {
  socket: InnerSocket;
  response: ServerResponse;
  fd: number;
}

/** The guards of `lateSocket`, for a response that has not begun. */
function takeableSocket(request: NodeRequest | undefined, response: NodeResponse | undefined): Takeable | undefined {
  if (!request || !response || request.method !== 'GET' || request.httpVersionMajor !== 1) return undefined;
  if (response.headersSent || response.writableEnded || response.destroyed) return undefined;
  const inner: unknown = response.socket;
  const socket = inner as InnerSocket | null;
  const handle = socket?._handle;
  if (!socket?.writable || !handle || socket.destroyed || socket.encrypted === true) return undefined;
  // A pipelined request waits behind another response: the socket is not this response's yet.
  if (socket._httpMessage !== response) return undefined;
  const kind = handle.constructor.name;
  if (kind !== 'TCP' && kind !== 'Pipe') return undefined;
  if (socket.writableLength > 0 || (handle.writeQueueSize ?? 0) > 0) return undefined;
  const { fd } = handle;
  return typeof fd === 'number' && fd >= 0 ? { socket, response: response as ServerResponse, fd } : undefined;
}

/** False where the second form can do it, or where neither can. */
export function takeUnsent(
  host: StreamHost,
  options: StreamOptions<never> | PlainStreamOptions,
  spec: StreamSpec,
  handle: Handle,
): boolean {
  // A socket that waits for its seat would have to wait without a head.
  if (!host.engine.openSocket || host.seating) return false;
  if (spec.transformed && host.codec.form === 'enveloped') return false;
  const request = nodeRequest(options.req);
  const response = nodeResponse(options.res);
  if (isLateNode(response)) return false;
  const taken = takeableSocket(request, response);
  if (!taken) return false;
  const list = streamHeaders(appHeaders(options.res), options.headers, host.warn);
  removeOwnHeaders(taken.response);
  for (const [name, value] of Object.entries(headerRecord(list))) taken.response.setHeader(name, value);
  taken.response.writeHead(200);
  const headers = streamHeaders(taken.response.getHeaders(), undefined, host.warn);
  try {
    const own = { ...spec, connectionId: handle.connectionId, httpHead: http1Head(headers, host.now()) };
    host.engine.openSocket(own, taken.fd);
  } catch (thrown) {
    // No descriptor left, most likely. The JavaScript way needs none.
    host.report(thrown);
    return false;
  }
  handle.opened();
  host.taken();
  taken.socket.destroy();
  return true;
}
