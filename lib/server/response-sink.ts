/** A stream over Node's own response: HTTPS, HTTP/2, `inject`, wherever the socket cannot be taken. */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { ByteSink, SinkHandle } from '../internal/engine.js';
import { headerRecord, STREAM_OWN_HEADERS, type HeaderList } from './response-head.js';
import { endWithConnection } from './body-end.js';
import { watchClient } from './client-gone.js';
import type { NodeRequest, NodeResponse } from './request-parts.js';

/** A quiet stream is no idle request. HTTP/2 has no timeout of its own; `inject` has no socket to speak of. */
export function stopIdleTimeout(request: NodeRequest | undefined): void {
  if (request?.httpVersionMajor !== 1) return;
  const socket = request.socket as Partial<IncomingMessage['socket']> | null;
  socket?.setTimeout?.(0);
}

/** Node sends a Date of its own, but no more once that header was removed. An app's own Date stays. */
const REMOVED = [...STREAM_OWN_HEADERS].filter((name) => name !== 'date');

/** One that is not there is not removed: Node would then send no `Connection` and no chunks of its own. */
export function removeOwnHeaders(res: ServerResponse): void {
  for (const name of REMOVED) if (res.hasHeader(name)) res.removeHeader(name);
}

/** Node's own, in versions that still have it, is another name of `flushHeaders` and warns. */
const NODES_FLUSH = (ServerResponse.prototype as { flush?: unknown }).flush;

/** What encodes a response (`compression`) keeps what it is given until there is enough of it, or until it is told. */
export function flushEncoded(response: NodeResponse): void {
  const { flush } = response as { flush?: unknown };
  if (typeof flush === 'function' && flush !== NODES_FLUSH && response.hasHeader('content-encoding')) {
    Reflect.apply(flush, response, []);
  }
}

/** Sends the head, and closes the connection with the stream. Nothing if it is out. */
export function sendHead(request: NodeRequest | undefined, response: NodeResponse, headers: HeaderList): void {
  const res = response as ServerResponse;
  if (res.headersSent) return;
  removeOwnHeaders(res);
  endWithConnection(request, res);
  res.writeHead(200, headerRecord(headers));
  res.flushHeaders();
}

/**
 * Opens the sink, writes the head, and passes bytes on. `res.write() === false` makes the engine wait for
 * `drain`, so a client that does not read costs Node's high-water mark and one write, no more.
 * What `open` throws is thrown before a byte of the head is out: the caller can still answer.
 */
export function streamToResponse(
  request: NodeRequest | undefined,
  response: NodeResponse,
  headers: HeaderList,
  open: (sink: ByteSink) => SinkHandle,
): void {
  // The compat response of HTTP/2 has the same methods; its types share no ancestor with HTTP/1's.
  const res = response as ServerResponse;
  const state: { handle?: SinkHandle; gone: boolean; headOut: boolean } = { gone: false, headOut: false };
  const abort = (): void => {
    state.gone = true;
    state.handle?.abort();
  };
  const headOnce = (): void => {
    if (state.headOut) return;
    state.headOut = true;
    sendHead(request, response, headers);
  };
  const stopWatching = watchClient(request, response, abort);
  try {
    state.handle = open({
      write: (chunk) => {
        if (state.gone) return false;
        headOnce();
        const more = res.write(chunk);
        flushEncoded(response);
        return more;
      },
      close: () => {
        stopWatching();
        res.end();
      },
    });
    headOnce();
  } catch (thrown) {
    stopWatching();
    state.handle?.abort();
    throw thrown;
  }
  // A write to a client that has gone may fail with an error before `close` says so.
  res.on('error', abort);
  res.on('drain', () => state.handle?.ready());
  stopIdleTimeout(request);
  if (state.gone) state.handle.abort();
}
