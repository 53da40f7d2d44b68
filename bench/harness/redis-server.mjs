/** A redis-server of a trial: on a Unix socket in a folder of its own, on the load's core, storing nothing. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { LOAD_CORE, pinned } from './child.mjs';

export const sha1 = (text) => createHash('sha1').update(text).digest('hex');

export class RedisServer {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-bench-'));
  socket = path.join(this.folder, 'redis.sock');
  client;
  #child;

  static async start() {
    const server = new RedisServer();
    const args = ['redis-server', '--port', '0', '--unixsocket', server.socket, '--dir', server.folder, '--save', '', '--appendonly', 'no'];
    // What a slow subject has not read yet is to be measured, not cut.
    args.push('--client-output-buffer-limit', 'pubsub 0 0 0');
    const [command, ...rest] = pinned ? ['taskset', '-c', String(LOAD_CORE), ...args] : args;
    server.#child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve, reject) => {
      let said = '';
      server.#child.once('error', reject);
      server.#child.once('exit', () => reject(new Error(`redis-server ended: ${said}`)));
      server.#child.stdout.setEncoding('utf8').on('data', (text) => {
        said += text;
        if (/ready to accept connections/i.test(said)) resolve();
      });
    });
    server.client = new Redis({ path: server.socket });
    return server;
  }

  /** Writes raw commands, and resolves when the last one is answered. */
  async blast(commands, answers) {
    const socket = connect(this.socket);
    await once(socket, 'connect');
    let seen = 0;
    // Each answer is `:<n>` and a line end.
    const done = new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        for (const byte of chunk) if (byte === 0x0a) seen++;
        if (seen >= answers) resolve();
      });
    });
    for (const bytes of commands) if (!socket.write(bytes)) await once(socket, 'drain');
    await done;
    socket.destroy();
  }

  /** Commands that clients sent while `work` ran, by name; of scripts by their SHA. What a script calls is none of them. */
  async watch(work) {
    const monitor = await this.client.monitor();
    const seen = new Map();
    const mark = `mark-${process.hrtime.bigint()}`;
    const over = new Promise((resolve) => {
      monitor.on('monitor', (_time, args, source) => {
        if (source === 'lua') return;
        const name = args[0].toLowerCase();
        if (args[1] === mark) resolve();
        else count(seen, /^(eval|evalsha)$/.test(name) ? (name === 'eval' ? sha1(args[1]) : args[1]) : name);
      });
    });
    await work();
    await this.client.echo(mark);
    await over;
    monitor.disconnect();
    return seen;
  }

  async number(section, name) {
    const text = await this.client.info(section);
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? NaN);
  }

  async end() {
    this.client?.disconnect();
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
