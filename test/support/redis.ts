/**
 * A redis-server of the test's own: on a Unix socket in a folder of its own, and, where asked for, on free ports with and without
 * TLS, behind passwords. Several that work together are in `redis-sentinels.ts` and `redis-cluster.ts`.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { freePort } from './free-port.js';
import { PortTaken, RedisProcess } from './redis-process.js';
import { tlsFiles, TLS_FOLDER } from './tls.js';

export interface RedisSetUp {
  /** As on the command line, after all others. */
  settings?: readonly string[];
  /** A TCP port as well. */
  tcp?: boolean;
  /** A TLS port as well, with the certificate of `tls.ts`; clients need none. */
  tls?: boolean;
  /** Of the default user. */
  password?: string;
  /** Lines of an ACL file: `user app on >secret ~app:* &app:* +@all`. Without a line for it the default user may do all. */
  acl?: readonly string[];
  /** `nothing`: a restart finds nothing. `each-write`: an append-only file, so that SIGKILL loses nothing that was answered. */
  stores?: 'nothing' | 'each-write';
  /** Beside the test's own environment. */
  env?: Readonly<Record<string, string>>;
}

/** Data that a server had at some time. */
export interface OldData {
  readonly folder: string;
}

/** What a server stores, by its name in the folder. */
const DATA = ['dump.rdb', 'appendonlydir'];
/** Another process may take a port between our look and the server's. */
const PORT_TRIES = 3;

export class RedisServer {
  readonly #process: RedisProcess;
  readonly socket: string;
  readonly #clients: Redis[] = [];
  readonly #setUp: RedisSetUp;
  readonly #more: string[] = [];
  /** 0: it has none. */
  port = 0;
  tlsPort = 0;

  private constructor(setUp: RedisSetUp) {
    this.#setUp = setUp;
    this.#process = new RedisProcess('redis-server', /ready to accept connections/i, setUp.env);
    this.socket = path.join(this.#process.folder, 'redis.sock');
  }

  /** A list is `settings` alone. */
  static async start(given: readonly string[] | RedisSetUp = {}): Promise<RedisServer> {
    const setUp = 'length' in given ? { settings: given } : given;
    const server = new RedisServer(setUp);
    for (let left = PORT_TRIES; ; left--) {
      if (setUp.tcp) server.port = await freePort();
      if (setUp.tls) server.tlsPort = await freePort();
      try {
        await server.up();
        return server;
      } catch (error) {
        if (!(error instanceof PortTaken) || left === 1) {
          await server.end();
          throw error;
        }
      }
    }
  }

  /** Starts it, again at the same places, with what it finds in its folder. */
  async up(): Promise<void> {
    await this.#process.spawn([...this.#settings(), ...(this.#setUp.settings ?? []), ...this.#more]);
  }

  #settings(): string[] {
    const { password, acl, tls, stores = 'nothing' } = this.#setUp;
    const settings = ['--port', String(this.port), '--unixsocket', this.socket, '--dir', this.folder, '--save', ''];
    // `everysec` keeps a write back while the sync before it is under way, and SIGKILL takes it along.
    settings.push('--appendonly', stores === 'each-write' ? 'yes' : 'no', '--appendfsync', 'always');
    if (this.port > 0) settings.push('--bind', '127.0.0.1');
    if (password !== undefined) settings.push('--requirepass', password);
    if (acl) {
      const file = path.join(this.folder, 'users.acl');
      writeFileSync(file, `${acl.join('\n')}\n`);
      settings.push('--aclfile', file);
    }
    if (tls) {
      const [cert, key] = [path.join(TLS_FOLDER, 'cert.pem'), path.join(TLS_FOLDER, 'key.pem')];
      settings.push('--tls-port', String(this.tlsPort), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert);
      settings.push('--tls-auth-clients', 'no', '--bind', '127.0.0.1');
    }
    return settings;
  }

  /** Settings of each start from now on. */
  set(...settings: string[]): void {
    this.#more.push(...settings);
  }

  get folder(): string {
    return this.#process.folder;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get runs(): boolean {
    return this.#process.runs;
  }

  /** `user`: `name:password`, as a URL has it; by default the one of the set-up. */
  url(user?: string): string {
    return `redis://${this.#login(user)}127.0.0.1:${String(this.port)}`;
  }

  unixUrl(user?: string): string {
    return `redis+unix://${this.#login(user)}${this.socket}`;
  }

  tlsUrl(user?: string): string {
    return `rediss://${this.#login(user)}localhost:${String(this.tlsPort)}`;
  }

  #login(user?: string): string {
    const { password } = this.#setUp;
    if (user !== undefined) return `${user}@`;
    return password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  }

  /** SIGSTOP, until `cont()`. */
  async stop(): Promise<void> {
    await this.#process.stop();
  }

  cont(): void {
    this.#process.cont();
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  /** Kills and starts it: with what it has stored, with nothing, or with old data. Its `run_id` is another one in any case. */
  async restart(data: 'stored' | 'nothing' | OldData = 'stored'): Promise<void> {
    await this.kill();
    if (data !== 'stored') for (const name of DATA) rmSync(path.join(this.folder, name), { recursive: true, force: true });
    if (typeof data === 'object') cpSync(data.folder, this.folder, { recursive: true });
    await this.up();
  }

  /** A copy of what it has stored by now; it may run meanwhile. */
  copyData(): OldData {
    const folder = mkdtempSync(path.join(this.folder, 'old-'));
    for (const name of DATA) if (existsSync(path.join(this.folder, name))) cpSync(path.join(this.folder, name), path.join(folder, name), { recursive: true });
    return { folder };
  }

  /** A client that ends with the server. */
  client(options: RedisOptions = {}): Redis {
    const { password } = this.#setUp;
    const client = new Redis({ path: this.socket, retryStrategy: () => 20, maxRetriesPerRequest: null, ...(password === undefined ? {} : { password }), ...options });
    client.on('error', () => undefined);
    this.#clients.push(client);
    return client;
  }

  /** The same through TLS. */
  tlsClient(options: RedisOptions = {}): Redis {
    const where: RedisOptions = { host: 'localhost', port: this.tlsPort, tls: { ca: tlsFiles().cert } };
    return this.client({ ...where, ...options, path: undefined as never });
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.#process.remove();
  }
}
