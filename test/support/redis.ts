/** A redis-server of the test's own: on a Unix socket in a folder of its own, or on a free port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { endChild } from './child.js';

export class RedisServer {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'pathcast-redis-'));
  readonly socket = path.join(this.folder, 'redis.sock');
  #child: ChildProcess | undefined;
  readonly #clients: Redis[] = [];
  readonly #settings: string[];

  private constructor(settings: string[]) {
    this.#settings = settings;
  }

  /** `settings`: as on the command line of redis-server, after those of a server that stores nothing. */
  static async start(settings: string[] = []): Promise<RedisServer> {
    const server = new RedisServer(settings);
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const settings = ['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', '', '--appendonly', 'no'];
    this.#child = spawn('redis-server', [...settings, ...this.#settings], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ready = new Promise<void>((resolve, reject) => {
      let said = '';
      this.#child?.stdout?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('ready to accept connections')) resolve();
      });
      this.#child?.on('exit', () => reject(new Error(`redis-server ended:\n${said}`)));
    });
    await ready;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** SIGKILL: nothing is written any more. */
  async kill(): Promise<void> {
    if (this.#child) await endChild(this.#child);
  }

  /** A client that ends with the server. */
  client(): Redis {
    const client = new Redis({ path: this.socket, retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    this.#clients.push(client);
    return client;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
