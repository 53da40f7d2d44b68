/**
 * Connections that would keep a closing server waiting: those on which no request has begun (browsers
 * open some in advance; Node waits for them) are ended at once, requests under way get a while.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export class Connections {
  readonly #server: Server;
  /** Accepted, and nothing asked yet. */
  readonly #unused = new Set<Socket>();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#unused.add(socket);
      socket.once('close', () => this.#unused.delete(socket));
    });
    server.on('request', ({ socket }) => this.#unused.delete(socket));
  }

  /** Call it as the server begins to close. Requests that are not answered after `graceMs` are cut off. */
  endWithin(graceMs: number): void {
    for (const socket of this.#unused) socket.destroy();
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs).unref();
    this.#server.once('close', () => clearTimeout(cut));
  }
}
