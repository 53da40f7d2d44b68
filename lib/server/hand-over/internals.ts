/**
 * What of Node the hand-over leans on beyond its documented parts, each looked for before it is used. Where one is
 * missing the stream takes another way (SPEC §11), so that a new Node can cost speed and never a stream.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NodeRequest, NodeResponse } from '../request-parts.js';

type Done = (error?: Error | null) => void;

export interface InnerSocket extends Omit<Socket, '_writev'> {
  /** Its class tells a plain socket from one that only looks like it. */
  readonly _handle?: { readonly fd?: number; readonly writeQueueSize?: number; readStop?: () => unknown } | null;
  /** The response whose turn it is. */
  readonly _httpMessage?: unknown;
  readonly encrypted?: boolean;
  /** The server that accepted it. */
  readonly server?: object;
  /** How `Writable` hands bytes to the handle. */
  _write: (chunk: unknown, encoding: string, done: Done) => void;
  _writev?: ((chunks: unknown, done: Done) => void) | null;
  /** How Node's HTTP ends the socket after the last response: it shuts the connection down, which no duplicate outlives. */
  destroySoon: () => void;
}

export interface InnerResponse extends ServerResponse {
  /** After this response the socket is ended. */
  _last: boolean;
  chunkedEncoding: boolean;
}

export interface LateSocket {
  socket: InnerSocket;
  response: InnerResponse;
  fd: number;
}

/**
 * The socket under a response that Node writes, if it can be taken once the response's head has left. Not: TLS (its
 * handle has a descriptor, but the bytes on it are encrypted), HTTP/2 (all streams share the descriptor), `inject` (no
 * handle), Windows (no descriptor), a pipelined response whose turn has not come, a body that something encodes or whose
 * length is announced.
 */
export function lateSocket(request: NodeRequest | undefined, response: NodeResponse | undefined): LateSocket | undefined {
  if (request?.method !== 'GET' || request.httpVersionMajor !== 1) return undefined;
  const inner = response as InnerResponse | undefined;
  if (!isLateNode(inner)) return undefined;
  if (!inner || inner.statusCode !== 200 || inner.writableEnded || inner.destroyed) return undefined;
  if (inner.hasHeader('content-length') || inner.hasHeader('trailer') || isEncoded(inner)) return undefined;
  const socket = inner.socket as InnerSocket | null;
  const handle = socket?._handle;
  if (!socket || !handle || socket.destroyed || socket.encrypted === true || !socket.writable) return undefined;
  if (socket._httpMessage !== inner) return undefined;
  const kind = handle.constructor.name;
  if (kind !== 'TCP' && kind !== 'Pipe') return undefined;
  const { fd } = handle;
  return typeof fd === 'number' && fd >= 0 ? { socket, response: inner, fd } : undefined;
}

/** Are the undocumented parts there that the second form leans on? */
export function isLateNode(response: NodeResponse | undefined): boolean {
  const inner = response as Partial<InnerResponse> | undefined;
  const socket = inner?.socket as Partial<InnerSocket> | null | undefined;
  return (
    typeof inner?._last === 'boolean' &&
    typeof inner.chunkedEncoding === 'boolean' &&
    typeof socket?._write === 'function' &&
    typeof socket._writev === 'function' &&
    typeof socket.destroySoon === 'function'
  );
}

/** Compression holds what it is given, and what it gives is no text. */
function isEncoded(response: ServerResponse): boolean {
  const encoding = response.getHeader('content-encoding');
  return encoding !== undefined && encoding !== 'identity';
}

/** All that Node was given has left for the kernel. */
export function hasDrained({ socket, response }: LateSocket): boolean {
  return response.writableLength === 0 && socket.writableLength === 0 && (socket._handle?.writeQueueSize ?? 0) === 0;
}

function swallow(_chunk: unknown, _encoding: string, done: Done): void {
  done();
}

function swallowMany(_chunks: unknown, done: Done): void {
  done();
}

/**
 * Not within the write whose callback says that the response has finished: Node would make an error, stack and all, for
 * whoever waits for that socket's end, and nobody does. It costs more than the rest of the hand-over.
 */
function destroyLater(this: InnerSocket): void {
  process.nextTick(destroy, this);
}

function destroy(socket: InnerSocket): void {
  socket.destroy();
}

/**
 * Runs `send`, which has Node write a head, and gives what it wrote in place of sending it: the engine sends it together
 * with the first event, in one system call of its own thread. Undefined, and the head has gone its usual way, where
 * something else waits for the socket, and where the body goes out in chunks: that is for Varnish, which holds what comes with a head.
 */
export function catchHead(late: LateSocket, send: () => void): string | undefined {
  const { socket } = late;
  if (!hasDrained(late) || Object.hasOwn(socket, '_write') || Object.hasOwn(socket, '_writev')) {
    send();
    return undefined;
  }
  let head = '';
  socket._write = (chunk, _encoding, done) => {
    // A head has a byte a character, whatever encoding Node names when it flushes it.
    head += typeof chunk === 'string' ? chunk : Buffer.from(chunk as Buffer).toString('latin1');
    done();
  };
  try {
    send();
  } finally {
    delete (socket as { _write?: unknown })._write;
  }
  if (late.response.chunkedEncoding) {
    socket.write(head, 'latin1');
    return undefined;
  }
  return head === '' ? undefined : head;
}

/** From now on Node reads and writes nothing here, and ends the socket without a word to the client. */
export function leaveSocket({ socket, response }: LateSocket): void {
  socket._handle?.readStop?.();
  socket._write = swallow;
  socket._writev = swallowMany;
  socket.destroySoon = destroyLater;
  response._last = true;
}
