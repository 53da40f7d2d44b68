/**
 * The hand-over: the framework has written the response's head itself; the drained socket is taken after that.
 *
 * The app sees one completed response (200, `finish`, `close`), the client its head and then, chunked where the head says
 * so, the stream. By default nothing of it is left in JavaScript. Where the socket cannot be taken (TLS, HTTP/2, `inject`, the
 * JavaScript engine) the same moment gives the stream to a JavaScript sink over the response.
 */
import type { ServerResponse } from 'node:http';
import type { StreamSpec } from '../../internal/engine.js';
import { isGone } from '../client-gone.js';
import { removeOwnHeaders } from '../response-sink.js';
import type { StreamHost } from '../stream-host.js';
import type { NodeRequest, NodeResponse } from '../request-parts.js';
import type { Handle } from './handle.js';
import { hasDrained, lateSocket, leaveSocket, type LateSocket } from './internals.js';
import { complete, silence } from './silence.js';

/** ms that a head may take to leave for the kernel. A client that does not read it by then is served by JavaScript. */
const MAX_DRAIN_MS = 10_000;

export interface HandOver {
  host: StreamHost;
  request: NodeRequest | undefined;
  response: NodeResponse;
  spec: StreamSpec;
  handle: Handle;
  /** What Node has written of the head and the engine sends. */
  head?: string | undefined;
  /** Text in front of the first message. */
  preamble: string;
  /** The response stays open for the app until the stream's end. */
  hold: boolean;
  /** Completes the response through its framework; absent: through the response itself, and what the framework still writes is swallowed. */
  complete?: () => void;
  /** The socket is taken. */
  taken: () => void;
  /** It cannot be: the stream goes by way of JavaScript. */
  script: () => void;
  /** The client has left, or the app has ended the stream. */
  gone: () => void;
}

/** Before the head is written: may it go this way? What the app set is not decided yet where a framework writes the head. */
export function canTakeLate(
  host: StreamHost,
  request: NodeRequest | undefined,
  response: NodeResponse,
): LateSocket | undefined {
  if (!host.engine.openSocket) return undefined;
  if (!response.headersSent) {
    removeOwnHeaders(response as ServerResponse);
    response.statusCode = 200;
  }
  return lateSocket(request, response);
}

/** REQUIRES: the head is written. It need not have left. */
export function handOver(over: HandOver): void {
  const { host, request, response, handle } = over;
  if (isGone(request, response) || handle.isCancelled) return leave(over);
  // A hub that has closed meanwhile takes no socket, and ends the response.
  const late = host.engine.openSocket && !host.isClosed() ? lateSocket(request, response) : undefined;
  if (!late) return script(over);
  late.response.flushHeaders();
  if (hasDrained(late)) seat(over, late);
  else {
    handle.waits(over.spec, host.waiting, response);
    whenDrained(late, (drained) => (drained ? handOver(over) : script(over)));
  }
}

/** The socket waits for the seat, which is asked for over all nodes; who is refused is told by JavaScript. */
function seat(over: HandOver, late: LateSocket): void {
  const { handle, host, response } = over;
  const spec = handle.specOf(over.spec);
  switch (host.seating?.seatOf(spec) ?? 'open') {
    case 'open':
      return take(over, late);
    case 'refused':
      return script(over);
    case 'ask':
      handle.waits(over.spec, host.waiting, response);
      void host.seating?.ask(spec).then(() => handOver(over));
  }
}

function script(over: HandOver): void {
  sendCaught(over);
  over.script();
}

function leave(over: HandOver): void {
  sendCaught(over);
  over.handle.cancel();
  over.gone();
}

/** The head goes its usual way after all. */
function sendCaught({ head, response }: HandOver): void {
  if (head !== undefined) (response as ServerResponse).socket?.write(head, 'latin1');
}

function take(over: HandOver, late: LateSocket): void {
  const { host, spec, handle, hold, preamble, response } = over;
  const chunked = late.response.chunkedEncoding;
  const taken: StreamSpec = {
    ...handle.specOf(spec),
    framing: chunked ? 'chunked' : 'raw',
    httpHead:
      (over.head ?? '') +
      (preamble === '' || !chunked ? preamble : `${preamble.length.toString(16)}\r\n${preamble}\r\n`),
  };
  try {
    host.engine.openSocket?.(taken, late.fd);
  } catch (thrown) {
    // No descriptor left, most likely. The JavaScript way needs none.
    host.report(thrown);
    return script(over);
  }
  host.taken();
  handle.opened();
  leaveSocket(late);
  const end = over.complete ?? (hold ? silence(response).end : () => complete(response));
  if (hold) void handle.closed.then(() => end());
  else end();
  over.taken();
}

/** Calls back once, when all bytes have left, the connection has closed, or it takes too long (`false`). */
function whenDrained({ socket }: LateSocket, tell: (drained: boolean) => void): void {
  const done = (drained: boolean): void => {
    clearTimeout(timer);
    socket.removeListener('close', onClose);
    tell(drained);
  };
  // What is written now is written behind all the rest.
  let over = false;
  const once = (drained: boolean): void => {
    if (over) return;
    over = true;
    done(drained);
  };
  const onClose = (): void => once(true);
  const timer = setTimeout(once, MAX_DRAIN_MS, false).unref();
  socket.once('close', onClose);
  socket.write('', () => setImmediate(once, true));
}
