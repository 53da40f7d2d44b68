/** nginx before one server, with what a test writes into its location. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endChild } from './child.js';
import type { Proxy } from './haproxy.js';

export interface NginxOptions {
  /** Lines of `server { location / { … } }`. */
  location?: string;
  /** Lines of `http { … }`. */
  http?: string;
  /** More words behind `listen 127.0.0.1:port`: `ssl http2`. */
  listen?: string;
  /** Ports; they take turns. */
  backends: readonly number[];
}

const configuration = (port: number, { location = '', http = '', listen = 'backlog=16384', backends }: NginxOptions): string => `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log error;
events { worker_connections 1024; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join('\n  ')}
  upstream app {
    ${backends.map((backend) => `server 127.0.0.1:${backend};`).join('\n    ')}
  }
  ${http}
  server {
    listen 127.0.0.1:${port} ${listen};
    location / {
      proxy_pass http://app;
      proxy_set_header Host $host;
      ${location}
    }
  }
}
`;

/** The kernel listens before nginx runs: whoever connects meanwhile waits in its queue. */
export async function startNginx(options: NginxOptions): Promise<Proxy> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-nginx-'));
  const listener = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 16_384 });
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  writeFileSync(path.join(folder, 'nginx.conf'), configuration(port, options));
  // Debian keeps it where only root looks. NGINX names the sockets that it takes over from who started it.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`, NGINX: '3;' };
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const child: ChildProcess = spawn('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], { env, stdio: ['ignore', 'ignore', 'ignore', fd] });
  await once(child, 'spawn');
  listener.close();
  return {
    port,
    stop: async () => {
      // Killed outright it would leave its worker behind.
      await endChild(child, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
