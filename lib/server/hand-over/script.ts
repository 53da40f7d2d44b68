/** A stream over a response whose head is written: where the socket stays with Node. */
import type { ServerResponse } from 'node:http';
import { watchClient } from '../client-gone.js';
import type { StreamHost } from '../stream-host.js';
import type { NodeRequest, NodeResponse } from '../request-parts.js';
import { flushEncoded, stopIdleTimeout } from '../response-sink.js';
import { endWhenVanished } from '../vanished-peer.js';
import type { StreamSpec } from '../../internal/engine.js';
import type { Handle } from './handle.js';
import { silence } from './silence.js';

export interface Scripted {
  host: StreamHost;
  request: NodeRequest | undefined;
  response: NodeResponse;
  spec: StreamSpec;
  handle: Handle;
  preamble: string;
}

/** What a listener on `::` puts before the address of an IPv4 client. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** The address of the client where the framework gives none, as the native engine gives it. */
export function withPeer(spec: StreamSpec, request: NodeRequest | undefined): StreamSpec {
  const address = spec.address ?? (request?.socket as { remoteAddress?: string } | null | undefined)?.remoteAddress;
  return address === undefined ? spec : { ...spec, address: address.replace(MAPPED, '') };
}

/**
 * `res.write() === false` makes the engine wait for `drain`, so a client that does not read costs Node's high-water
 * mark and one write, no more. What the framework writes from now on is swallowed.
 */
export function writeToResponse({ host, request, response, spec, handle, preamble }: Scripted): void {
  // The compat response of HTTP/2 has the same methods; its types share no ancestor with HTTP/1's.
  const res = response as ServerResponse;
  const voice = silence(response);
  stopIdleTimeout(request);
  endWhenVanished(request, response, host.silenceMs);
  res.flushHeaders();
  const write = (chunk: Uint8Array): boolean => {
    const more = voice.write(chunk);
    flushEncoded(response);
    return more;
  };
  if (preamble !== '') write(Buffer.from(preamble));
  let over = false;
  const sink = host.engine.openSink(
    handle.specOf(withPeer(spec, request)),
    {
      write: (chunk) => !over && write(chunk),
      close: () => {
        over = true;
        stopWatching();
        voice.end();
      },
    },
  );
  handle.opened();
  const abort = (): void => {
    over = true;
    sink.abort();
  };
  const stopWatching = watchClient(request, response, abort);
  // A write to a client that has gone may fail with an error before `close` says so.
  res.on('error', abort);
  res.on('drain', () => sink.ready());
}
