/**
 * Ports of a test's own choice: for what must know its place before it listens, comes back to it, or is to be found by nobody. The system
 * hands out others, to whoever listens at 0 and to each connection: between an end and a new start nobody gets one of these by chance.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 10_000;
const HANDED_OUT_FROM = Number(/^\d+/.exec(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'))?.[0]);
/** Where the system hands out nearly all there are, these are as good as any. */
const BEYOND = HANDED_OUT_FROM > LOWEST + 1_000 ? HANDED_OUT_FROM : 65_536;

/** A port that is this process's from now on: no other test is given it, whether anything listens there or not. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (BEYOND - LOWEST));
    if ((await reserve(port)) && (await isFree(port))) return port;
  }
}

/** The same number of UDP says whose it is: the system forgets that when the process ends. */
function reserve(port: number): Promise<boolean> {
  const socket: Socket = createSocket('udp4').unref();
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => {
      void once(server, 'close').then(() => resolve(true));
      server.close();
    });
  });
}
