/**
 * What lies between a node and its Redis, in a test's hand: slow, cut, dripping, or parted. Parted is the worst, as a cable that was pulled:
 * connections stay, new ones are taken, and no byte passes either way.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Server, type Socket } from 'node:net';

/** On its way, each way of a connection; beyond it the sender is not read, as a kernel does it. Bytes. */
const HELD_BYTES = 1 << 20;

/** A byte of what drips. ms */
const DRIP_MS = 100;

export class LinkProxy {
  /** Connections opened so far. */
  opened = 0;
  #delayMs = 0;
  #parted = false;
  #refuses = false;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `target` is asked at each connection. */
  static async start(target: () => NetConnectOpts): Promise<LinkProxy> {
    const server = createServer();
    const proxy = new LinkProxy(server);
    server.on('connection', (client) => {
      proxy.opened += 1;
      client.on('error', () => undefined);
      if (proxy.#refuses) reset(client);
      else proxy.#serve(client, connect(target()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** ms that each byte takes longer, each way. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  part(): void {
    this.#parted = true;
    for (const pair of this.#pairs) pair.forEach((way) => way.hold());
  }

  /** Parts those that are open now, and no new one. */
  partOpen(): void {
    for (const pair of this.#pairs) pair.forEach((way) => way.hold());
  }

  /** Parts those connections that Redis knows under these ports (`addr` in CLIENT LIST), and no new one. */
  partOnly(ports: readonly number[]): void {
    for (const pair of this.#pairs) if (ports.includes(pair[0].to.localPort ?? 0)) pair.forEach((way) => way.hold());
  }

  /** Of connections that are open now what Redis says comes byte by byte, for good. */
  drip(): void {
    for (const [, toClient] of this.#pairs) toClient.drip();
  }

  /** What was held arrives. */
  heal(): void {
    this.#parted = false;
    for (const pair of this.#pairs) pair.forEach((way) => way.release());
  }

  /** Resets what is open; what was on its way is lost. */
  cut(): void {
    for (const [toServer, toClient] of [...this.#pairs]) {
      reset(toServer.from);
      toClient.from.destroy();
    }
  }

  /** From now on, or no more: connections are reset as soon as they are open. */
  refuse(refuses: boolean): void {
    this.#refuses = refuses;
    if (refuses) this.cut();
  }

  #serve(client: Socket, server: Socket): void {
    const delayMs = (): number => this.#delayMs;
    const pair: Pair = [new Way(client, server, delayMs), new Way(server, client, delayMs)];
    this.#pairs.add(pair);
    if (this.#parted) pair.forEach((way) => way.hold());
    server.on('error', () => undefined);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }
}

/** One that is being ended cannot be reset, and Node would keep it for ever. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

type Pair = [Way, Way];

/** One direction of a connection. Bytes and the end keep their order whatever the delay becomes. */
class Way {
  #isHeld = false;
  #drips = false;
  readonly #queue: { chunk: Buffer | null; due: number }[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly from: Socket,
    readonly to: Socket,
    readonly delayMs: () => number,
  ) {
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take(null));
    to.on('close', () => clearTimeout(this.#timer));
  }

  hold(): void {
    this.#isHeld = true;
    clearTimeout(this.#timer);
  }

  drip(): void {
    this.#drips = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#pass();
  }

  #take(chunk: Buffer | null): void {
    this.#queue.push({ chunk, due: performance.now() + this.delayMs() });
    this.#queuedBytes += chunk?.length ?? 0;
    if (this.#queuedBytes > HELD_BYTES) this.from.pause();
    this.#pass();
  }

  /** Whatever is due, in its order; the rest when it is. */
  #pass(): void {
    clearTimeout(this.#timer);
    if (this.#isHeld) return;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const left = next.due - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => this.#pass(), left);
        return;
      }
      this.#queue.shift();
      if (this.#drips && next.chunk) {
        const rest = next.chunk.subarray(1);
        this.#queuedBytes -= 1;
        this.#write(next.chunk.subarray(0, 1));
        if (rest.length > 0) this.#queue.unshift({ chunk: rest, due: 0 });
        this.#timer = setTimeout(() => this.#pass(), DRIP_MS);
        return;
      }
      this.#queuedBytes -= next.chunk?.length ?? 0;
      this.#write(next.chunk);
    }
    this.from.resume();
  }

  #write(chunk: Buffer | null): void {
    if (this.to.destroyed) return;
    if (chunk === null) this.to.end();
    else this.to.write(chunk);
  }
}
