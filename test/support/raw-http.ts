/** An HTTP/1 client made of one socket: says what it is told to say, shows what comes. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitFor } from './wait.js';

/** A server that has ended leaves the half of ours open: a test file that is over ends it, or its process would not. */
const open = new Set<Socket>();
afterAll(() => {
  for (const socket of open) socket.destroy();
});

export class RawHttp {
  text = '';
  closed = false;
  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (this.text += chunk));
    socket.on('error', () => undefined);
    open.add(socket);
    socket.on('close', () => {
      this.closed = true;
      open.delete(socket);
    });
  }

  static async open(port: number, request = ''): Promise<RawHttp> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    const client = new RawHttp(socket);
    client.send(request);
    return client;
  }

  send(text: string): void {
    this.socket.write(text);
  }

  async until(text: string): Promise<string> {
    await waitFor(
      () => this.text.includes(text),
      `${JSON.stringify(text)} in ${JSON.stringify(this.text.slice(-600))}`,
    );
    return this.text;
  }

  async untilClosed(): Promise<string> {
    await waitFor(() => this.closed || this.socket.readableEnded, 'the connection to close');
    this.socket.destroy();
    return this.text;
  }
}

export const GET = (path: string, headers: Record<string, string> = {}): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
