/** HAProxy as Debian sets it up, before one server. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Debian's defaults, timeouts included; it takes the socket that it is handed. */
const configuration = (backend: number): string => `defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend front
  bind fd@3
  default_backend app
backend app
  server one 127.0.0.1:${backend}
`;

export interface Proxy {
  port: number;
  stop(): Promise<void>;
}

/** The kernel listens before HAProxy runs: whoever connects meanwhile waits in its queue. */
export async function startHaproxy(backend: number): Promise<Proxy> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-haproxy-'));
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(backend));
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  // Debian keeps it where only root looks.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const child: ChildProcess = spawn('haproxy', ['-db', '-f', file], { env, stdio: ['ignore', 'ignore', 'inherit', fd] });
  await once(child, 'spawn');
  listener.close();
  return {
    port,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
