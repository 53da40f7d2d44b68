/** A stream over Node's own response: HTTPS, HTTP/2, `inject`, wherever the socket cannot be taken. */
import type { ServerResponse } from 'node:http';
import type { ByteSink, SinkHandle } from '../internal/engine.js';
import { headerRecord, type HeaderList } from './response-head.js';
import type { NodeResponse } from './request-parts.js';

/**
 * Writes the head, opens the sink, and passes bytes on. `res.write() === false` makes the engine wait for
 * `drain`, so a client that does not read costs Node's high-water mark and one write, no more.
 */
export function streamToResponse(
  response: NodeResponse,
  headers: HeaderList,
  open: (sink: ByteSink) => SinkHandle,
): void {
  // The compat response of HTTP/2 has the same methods; its types share no ancestor with HTTP/1's.
  const res = response as ServerResponse;
  const state: { handle?: SinkHandle; gone: boolean } = { gone: false };
  const abort = (): void => {
    state.gone = true;
    state.handle?.abort();
  };
  // A write to a client that has gone may fail with an error before `close` says so.
  res.on('error', abort);
  res.once('close', abort);
  res.on('drain', () => state.handle?.ready());
  // An idle timeout of the server counts JavaScript's activity on the socket; a quiet stream is no idle request.
  res.setTimeout(0);
  res.writeHead(200, headerRecord(headers));
  res.flushHeaders();
  state.handle = open({
    write: (chunk) => !state.gone && res.write(chunk),
    close: () => {
      res.removeListener('close', abort);
      res.end();
    },
  });
  if (state.gone) state.handle.abort();
}
