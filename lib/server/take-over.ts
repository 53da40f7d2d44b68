/** May the socket of a response be taken from Node? The guards, each of which was once a way to break a connection. */
import type { Socket } from 'node:net';
import type { NodeRequest, NodeResponse } from './request-parts.js';

/** What Node's types keep quiet about. */
interface InnerSocket extends Socket {
  /** Its class tells a plain socket from one that only looks like it. */
  readonly _handle?: { readonly fd?: number; readonly writeQueueSize?: number } | null;
  /** The response whose turn it is. */
  readonly _httpMessage?: unknown;
  readonly encrypted?: boolean;
}

export interface TakeableSocket {
  socket: Socket;
  fd: number;
}

/**
 * The socket and its descriptor, or why it must stay with Node. Not takeable: TLS (its handle has a descriptor,
 * but the bytes on it are encrypted), HTTP/2 (the descriptor is shared by all streams), `inject` (no handle),
 * Windows (no descriptor), a response that has begun, a socket with bytes still to be written.
 */
export function takeableSocket(
  request: NodeRequest | undefined,
  response: NodeResponse | undefined,
): TakeableSocket | undefined {
  if (!request || !response || request.method !== 'GET' || request.httpVersionMajor !== 1) return undefined;
  if (response.headersSent || response.writableEnded || response.destroyed) return undefined;
  const inner: unknown = response.socket;
  const socket = inner as InnerSocket | null;
  const handle = socket?._handle;
  if (!socket || !handle || socket.destroyed || socket.encrypted === true || !socket.writable) return undefined;
  // A pipelined request waits behind another response: the socket is not this response's yet.
  if (socket._httpMessage !== response) return undefined;
  const kind = handle.constructor.name;
  if (kind !== 'TCP' && kind !== 'Pipe') return undefined;
  if (socket.writableLength > 0 || (handle.writeQueueSize ?? 0) > 0) return undefined;
  const { fd } = handle;
  return typeof fd === 'number' && fd >= 0 ? { socket, fd } : undefined;
}
