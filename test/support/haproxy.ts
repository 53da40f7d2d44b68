/** HAProxy as Debian sets it up, before one server, or before several that come and go. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endChild } from './child.js';

/** Debian's defaults, timeouts included unless a test has others; it takes the socket that it is handed. */
const configuration = (backends: readonly number[], timeout: string): string => `defaults
  mode http
  timeout connect 5s
  timeout client ${timeout}
  timeout server ${timeout}
frontend front
  bind fd@3
  default_backend app
backend app
${backends.length === 1 ? `  server one 127.0.0.1:${backends[0]}` : several(backends)}
`;

/** The first that answers gets everything; who does not is passed over, within a second. */
const several = (backends: readonly number[]): string =>
  ['  balance first', '  option redispatch', ...backends.map((port, i) => `  server node${i} 127.0.0.1:${port} check inter 300ms fall 1 rise 1`)].join('\n');

export interface Proxy {
  port: number;
  stop(): Promise<void>;
}

/** The kernel listens before HAProxy runs: whoever connects meanwhile waits in its queue. */
export async function startHaproxy(backend: number | readonly number[], { timeout = '50s' } = {}): Promise<Proxy> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-haproxy-'));
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(typeof backend === 'number' ? [backend] : backend, timeout));
  const listener = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 16_384 });
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  // Debian keeps it where only root looks.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const child: ChildProcess = spawn('haproxy', ['-db', ...(typeof backend === 'number' ? [] : ['-q']), '-f', file], { env, stdio: ['ignore', 'ignore', 'inherit', fd] });
  await once(child, 'spawn');
  listener.close();
  return {
    port,
    stop: async () => {
      await endChild(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
