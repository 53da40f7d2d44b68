/**
 * Which server a taken stream came through. Node does not count taken sockets, so `server.close()` does not wait for
 * them: when the server has closed, the hub ends them with `drain`, as a deploy does.
 */
import type { EventEmitter } from 'node:events';
import type { Engine } from '../../internal/engine.js';

let last = 0;

export class Servers {
  readonly #origins = new WeakMap<object, number>();
  readonly #engine: Pick<Engine, 'disconnect'>;

  constructor(engine: Pick<Engine, 'disconnect'>) {
    this.#engine = engine;
  }

  /** A number for the streams of this server; undefined where it is not known. */
  originOf(server: object | undefined): number | undefined {
    if (!server || !('on' in server) || typeof server.on !== 'function') return undefined;
    const known = this.#origins.get(server);
    if (known !== undefined) return known;
    const origin = ++last;
    this.#origins.set(server, origin);
    const engine = this.#engine;
    // For each time it closes: a server may listen again.
    (server as unknown as EventEmitter).on('close', () => {
      void engine.disconnect({ origin }, 'drain');
    });
    return origin;
  }
}
