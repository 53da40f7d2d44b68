/**
 * A peer that vanished without a FIN, where the socket stays with Node (JavaScript engine, TLS, HTTP/2).
 *
 * Heartbeats fit into the kernel's send buffer, so `write()` goes on saying that there is room. Only the kernel knows
 * that nothing is acknowledged, and is told to end the connection then, as it is for the sockets of the native engine.
 * Where it cannot be told (no binary, macOS, Windows) its own limit is the bound: on Linux some 15 minutes
 * (tcp_retries2); `lifetimeMs` ends what even that does not see.
 */
import type { Http2ServerResponse } from 'node:http2';
import { setUserTimeout } from '../native/index.js';
import type { NodeRequest, NodeResponse } from './request-parts.js';

/** ms beyond `slowTimeoutMs`, as in src/engine: the kernel counts a client that merely does not read as well, and that one is told `slow`. */
export const SILENCE_AFTER_SLOW_MS = 10_000;

/** What Node's types keep quiet about: TLS has the descriptor of the socket under it. */
interface WithHandle {
  readonly _handle?: { readonly fd?: unknown } | null;
}

/** It holds for the connection, also after the stream: what is under way on it is bounded in the same way. */
export function endWhenVanished(request: NodeRequest | undefined, response: NodeResponse | undefined, ms: number): void {
  const fd = descriptorOf(request, response);
  if (fd !== undefined) setUserTimeout(fd, ms);
}

function descriptorOf(request: NodeRequest | undefined, response: NodeResponse | undefined): number | undefined {
  try {
    // Under HTTP/2 a response's socket is a stand-in without a descriptor; the session knows the connection.
    const session = (response as Partial<Http2ServerResponse> | undefined)?.stream?.session;
    const connection: unknown = session?.socket ?? response?.socket ?? request?.socket;
    const fd = (connection as WithHandle | null | undefined)?._handle?.fd;
    return typeof fd === 'number' && fd >= 0 ? fd : undefined;
  } catch {
    // A session that is over throws when it is asked for its socket.
    return undefined;
  }
}
