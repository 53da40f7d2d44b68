/** A TCP proxy that cuts connections, as a bad network does: in the middle of whatever is on its way. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class CuttingProxy {
  /** Connections cut so far. */
  cuts = 0;
  /** Connections opened so far. */
  opened = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * `cutAfter` is asked once a connection: bytes of the answer to let through before the cut; undefined: never.
   * Every other cut is a reset. `port`: one that is free, of the test's own choice.
   */
  static async start(targetPort: number, cutAfter: (connection: number) => number | undefined, port = 0): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on('connection', (client) => {
      proxy.#serve(client, targetPort, cutAfter(++proxy.opened));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  #serve(client: Socket, targetPort: number, budget: number | undefined): void {
    const target = connect(targetPort, '127.0.0.1');
    let left = budget ?? Infinity;
    const end = (reset: boolean): void => {
      this.#open.delete(client);
      if (reset && !client.writableEnded) client.resetAndDestroy();
      else client.destroy();
      target.destroy();
    };
    this.#open.add(client);
    client.on('data', (chunk: Buffer) => target.write(chunk));
    target.on('data', (chunk: Buffer) => {
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0 || client.destroyed) return;
      this.cuts++;
      // A reset may overtake what was written; the bytes before it must not depend on that.
      if (this.cuts % 2 === 0) end(true);
      else client.end(() => end(false));
      left = Infinity;
    });
    for (const socket of [client, target]) {
      socket.on('error', () => end(false));
      socket.on('close', () => end(false));
    }
  }

  /** Cuts every open connection now. */
  cutAll(): void {
    for (const socket of [...this.#open]) {
      this.cuts++;
      socket.destroy();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}
