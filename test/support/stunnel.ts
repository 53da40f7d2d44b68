/** stunnel as docs/redis.md has it, before a TLS port of the test's own: a Unix socket on which the native link speaks to a Redis behind TLS. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { blocksOf } from '../readme/blocks.js';
import { endChild } from './child.js';
import { RedisServer } from './redis.js';
import { TLS_FOLDER } from './tls.js';
import { waitFor } from './wait.js';

export class Stunnel {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'pathcast-stunnel-'));
  readonly socket = path.join(this.#folder, 'redis.sock');
  readonly #child: ChildProcess;
  #said = '';

  private constructor(
    port: number,
    /** Ends with it. */
    readonly server?: RedisServer,
  ) {
    // Debian's takes no other user's folder.
    chmodSync(this.#folder, 0o700);
    const file = path.join(this.#folder, 'stunnel.conf');
    writeFileSync(file, `foreground = yes\npid =\n${this.#config(port)}`);
    this.#child = spawn('stunnel', [file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  /** Before a Redis of its own. */
  static async start(): Promise<Stunnel> {
    const server = await RedisServer.start({ tls: true });
    return await Stunnel.before(server.tlsPort, server);
  }

  /** Before the port, where a certificate of `tls.ts` is shown. Rejects with what it said where it ends. */
  static async before(port: number, server?: RedisServer): Promise<Stunnel> {
    const stunnel = new Stunnel(port, server);
    try {
      await stunnel.#listens();
      return stunnel;
    } catch (error) {
      await stunnel.end();
      throw error;
    }
  }

  get url(): string {
    return `redis+unix://${this.socket}`;
  }

  /** The page's, with the places of the test. */
  #config(port: number): string {
    const page = blocksOf('docs/redis.md').find(({ kind, about }) => kind === 'redis' && about === 'stunnel')?.text ?? '';
    const config = page
      .replace('accept = /run/stunnel4/redis.sock', `accept = ${this.socket}`)
      .replace('connect = redis.internal:6379', `connect = localhost:${port}`)
      .replace('CAfile = /etc/ssl/certs/ca-certificates.crt', `CAfile = ${path.join(TLS_FOLDER, 'cert.pem')}`)
      .replace('checkHost = redis.internal', 'checkHost = localhost');
    if (!config.includes('[redis]') || /internal|\/etc\/ssl|\/run\//.test(config)) throw new Error(`The page's stunnel has other places now:\n${page}`);
    return config;
  }

  async #listens(): Promise<void> {
    const { socket } = this;
    const ended = (): boolean => this.#child.exitCode !== null;
    await waitFor(() => statSync(socket, { throwIfNoEntry: false })?.isSocket() === true || ended(), 'stunnel to listen').catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${this.#said}`);
    });
    if (ended()) throw new Error(`stunnel said:\n${this.#said}`);
  }

  async end(): Promise<void> {
    await endChild(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
    await this.server?.end();
  }
}
