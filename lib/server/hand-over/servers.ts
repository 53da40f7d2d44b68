/**
 * Which server a taken stream came through. Node does not count taken sockets, so `server.close()` does not wait for
 * them: when the server has closed, the hub ends them, as a deploy does.
 */
import type { EventEmitter } from 'node:events';

let last = 0;

export class Servers {
  readonly #origins = new WeakMap<object, number>();
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
    (server as unknown as EventEmitter).once('close', () => {
      // One that listens again has streams of another number: those are not to end with these.
      this.#origins.delete(server);
      this.#closed(origin);
    });
    return origin;
  }
}
