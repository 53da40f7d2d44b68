/** Has the client of a response left, and who is told when it does. */
import type { IncomingMessage } from 'node:http';
import type { NodeRequest, NodeResponse } from './request-parts.js';

/** The connection under HTTP/1; HTTP/2 has many streams on one, and its response says all there is to know. */
function connectionOf(request: NodeRequest | undefined): IncomingMessage['socket'] | undefined {
  if (request?.httpVersionMajor !== 1) return undefined;
  return (request as IncomingMessage).socket;
}

/** It has closed, or has said that it will send nothing more: Node treats a half-closed request as aborted, so do we. */
export function isGone(request: NodeRequest | undefined, response: NodeResponse | undefined): boolean {
  const connection = connectionOf(request);
  return response?.destroyed === true || connection?.destroyed === true || connection?.readableEnded === true;
}

/**
 * Calls `onGone` at most once, when the response or the connection under it closes. A response that waits behind
 * another one of its connection (pipelining) never hears of the close itself. Returns the way to stop watching.
 */
export function watchClient(
  request: NodeRequest | undefined,
  response: NodeResponse | undefined,
  onGone: () => void,
): () => void {
  const connection = connectionOf(request);
  const stop = (): void => {
    response?.removeListener('close', gone);
    connection?.removeListener('close', gone);
  };
  const gone = (): void => {
    stop();
    onGone();
  };
  response?.once('close', gone);
  connection?.once('close', gone);
  return stop;
}
