/**
 * The proxies of docs/proxies.md, each with the configuration that the page shows. What a test must change in it is replaced, and a
 * replacement that finds nothing is an error: addresses, certificates, idle timeouts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endChild } from './child.js';
import { blocksOf } from '../readme/blocks.js';
import { tlsFiles } from './tls.js';
import { waitFor } from './wait.js';

/** Where a proxy listens: an address of this process alone, so that no port is anybody else's. */
const HOST = `127.${64 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
const PORT = 8443;
/** Idle timeout in place of the recipe's 60 s. */
export const IDLE_S = 2;

/** Debian keeps servers where only root looks. */
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };

export interface Front {
  host: string;
  port: number;
  /** Whether browsers speak HTTP/2 over TLS to it. */
  tls: boolean;
  stop(): Promise<void>;
}

export type Changes = readonly (readonly [from: string | RegExp, to: string])[];

type Start = (folder: string, backend: number, more: Changes) => { command: string; args: string[]; env?: NodeJS.ProcessEnv };

/** The block of the page, with each of these texts replaced. */
function recipe(name: string, changes: Changes): string {
  let text = blocksOf('docs/proxies.md').find(({ kind, about }) => kind === 'proxy' && about === name)?.text ?? '';
  for (const [from, to] of changes) {
    const changed = text.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'g'), to);
    if (changed === text) throw new Error(`docs/proxies.md, ${name}: ${String(from)} is not there`);
    text = changed;
  }
  return text;
}

const withCertificate = (folder: string): { pem: string; key: string; both: string } => {
  const { cert, key } = tlsFiles();
  const names = { pem: path.join(folder, 'app.pem'), key: path.join(folder, 'app.key'), both: path.join(folder, 'both.pem') };
  writeFileSync(names.pem, cert);
  writeFileSync(names.key, key);
  writeFileSync(names.both, Buffer.concat([cert, key]));
  return names;
};

const STARTS: Record<string, Start> = {
  nginx: (folder, backend, more) => {
    const { pem, key } = withCertificate(folder);
    const server = recipe('nginx', [
      ['listen 443', `listen ${HOST}:${PORT}`],
      ['/etc/ssl/app.pem', pem],
      ['/etc/ssl/app.key', key],
      ['127.0.0.1:3000', `127.0.0.1:${backend}`],
      ['60s', `${IDLE_S}s`],
      ...more,
    ]);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ');
    const main = `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; events { worker_connections 768; }`;
    writeFileSync(path.join(folder, 'nginx.conf'), `${main} http { access_log off; ${paths}\n${server}}`);
    return { command: 'nginx', args: ['-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')] };
  },
  haproxy: (folder, backend, more) => {
    const { both } = withCertificate(folder);
    const text = recipe('haproxy', [
      ['bind :443', `bind ${HOST}:${PORT}`],
      ['/etc/ssl/app.pem', both],
      ['127.0.0.1:3000', `127.0.0.1:${backend}`],
      ['60s', `${IDLE_S}s`],
      ...more,
    ]);
    writeFileSync(path.join(folder, 'haproxy.cfg'), text);
    return { command: 'haproxy', args: ['-db', '-q', '-f', path.join(folder, 'haproxy.cfg')] };
  },
  caddy: (folder, backend, more) => {
    const { pem, key } = withCertificate(folder);
    const site = recipe('caddy', [
      ['app.example {', `https://localhost:${PORT} {\n  bind ${HOST}\n  tls ${pem} ${key}`],
      ['127.0.0.1:3000', `127.0.0.1:${backend}`],
      ...more,
    ]);
    const file = path.join(folder, 'Caddyfile');
    writeFileSync(file, `{\n  admin off\n  auto_https disable_redirects\n  storage file_system ${folder}/storage\n  log {\n    level ERROR\n  }\n}\n${site}`);
    return { command: 'caddy', args: ['run', '--adapter', 'caddyfile', '--config', file], env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } };
  },
  apache: (folder, backend, more) => {
    const { pem, key } = withCertificate(folder);
    const host = recipe('apache', [
      ['*:443', `${HOST}:${PORT}`],
      ['/etc/ssl/app.pem', pem],
      ['/etc/ssl/app.key', key],
      ['/var/www/app', path.join(folder, 'www')],
      ['127.0.0.1:3000', `127.0.0.1:${backend}`],
      ['ProxyTimeout 60', `ProxyTimeout ${IDLE_S}`],
      ...more,
    ]);
    mkdirSync(path.join(folder, 'www'));
    writeFileSync(path.join(folder, 'www/away.asis'), recipe('apache away.asis', []));
    const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb', 'http2', 'proxy', 'proxy_http', 'headers', 'asis', 'deflate', 'filter'];
    const main = [
      `ServerRoot ${folder}`,
      'ServerName localhost',
      `PidFile ${folder}/pid`,
      `DefaultRuntimeDir ${folder}`,
      `Mutex file:${folder} default`,
      `ErrorLog ${folder}/error.log`,
      'LogLevel crit',
      `Listen ${HOST}:${PORT}`,
      ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    ];
    const file = path.join(folder, 'apache.conf');
    writeFileSync(file, `${main.join('\n')}\n${host}`);
    return { command: 'apache2', args: ['-f', file, '-DFOREGROUND'] };
  },
  varnish: (folder, backend, more) => {
    const text = recipe('varnish', [
      ['"3000"', `"${backend}"`],
      ['60s', `${IDLE_S}s`],
      ...more,
    ]);
    const file = path.join(folder, 'default.vcl');
    writeFileSync(file, text);
    return { command: 'varnishd', args: ['-F', '-n', path.join(folder, 'n'), '-a', `${HOST}:${PORT}`, '-f', file, '-s', 'malloc,32m', '-j', 'none'] };
  },
};

export const PROXIES = Object.keys(STARTS);

const isListening = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(PORT, HOST, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });

/** Before a server on this port of 127.0.0.1, with more changes. Rejects with what the proxy says if it does not start. */
export async function startProxy(name: string, backend: number, more: Changes = []): Promise<Front> {
  const folder = mkdtempSync(path.join(tmpdir(), `pathcast-${name}-`));
  const { command, args, env } = (STARTS[name] as Start)(folder, backend, more);
  const child: ChildProcess = spawn(command, args, { env: { ...ENV, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'spawn');
  const stop = async (): Promise<void> => {
    // All of them end their workers then.
    await endChild(child, 'SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
      return isListening();
    }, `${name} to listen`);
  } catch (error) {
    await stop();
    throw new Error(`${String(error)}\n${said}`);
  }
  return { host: HOST, port: PORT, tls: name !== 'varnish', stop };
}
