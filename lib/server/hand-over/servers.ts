/**
 * Which server a stream came through. Node does not count taken sockets, so `server.close()` does not wait for
 * them: when the server has closed, the hub ends them, as a deploy does.
 */
import type { EventEmitter } from 'node:events';
import type { NodeRequest } from '../request-parts.js';

let last = 0;

export class Servers {
  readonly #origins = new WeakMap<object, number>();
  readonly #open = new Set<number>();
  readonly #closed: (origin: number) => void;

  /** `closed` is told of each server that has closed. */
  constructor(closed: (origin: number) => void) {
    this.#closed = closed;
  }

  /** A number for the streams of this server, from one `listen` to its `close`; undefined where it is not known. */
  originOf(server: object | undefined): number | undefined {
    if (!server || !('on' in server) || typeof server.on !== 'function') return undefined;
    const known = this.#origins.get(server);
    if (known !== undefined) return known;
    const origin = ++last;
    this.#origins.set(server, origin);
    this.#open.add(origin);
    (server as unknown as EventEmitter).once('close', () => {
      // One that listens again has streams of another number: those are not to end with these.
      this.#origins.delete(server);
      this.#open.delete(origin);
      this.#closed(origin);
    });
    return origin;
  }

  /** Streams have come through another server, which is still open. */
  hasOthers(origin: number): boolean {
    return this.#open.size > (this.#open.has(origin) ? 1 : 0);
  }
}

/** The server of a request. One of Fastify's names its app's, which may listen in several places, and has one in `inject` too. */
export function serverOf(given: unknown, request: NodeRequest | undefined): object | undefined {
  try {
    const { server: app } = Object(given) as { server?: { server?: unknown } };
    const found: unknown = app?.server ?? (request?.socket as { server?: unknown } | null | undefined)?.server;
    return typeof found === 'object' && found !== null ? found : undefined;
  } catch {
    // An HTTP/2 session that is over throws when it is asked for its socket.
    return undefined;
  }
}
