/** A redis-server of a trial: on a Unix socket in a folder of its own, on the load's core, storing nothing. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
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

  /**
   * Writes raw commands, each answered by one line, and resolves when the last one is answered. Never more than `ahead` of them are unread by subscribers:
   * a node that is far behind would take its subscription for dead.
   */
  async blast(commands, ahead) {
    const socket = connect(this.socket);
    await once(socket, 'connect');
    let answered = 0;
    let wake = () => undefined;
    socket.on('data', (chunk) => {
      for (const byte of chunk) if (byte === 0x0a) answered++;
      wake();
    });
    for (let at = 0; at < commands.length; at += ahead) {
      const slice = commands.slice(at, at + ahead);
      socket.write(Buffer.concat(slice));
      while (answered < at + slice.length) await new Promise((resolve) => (wake = resolve));
      while (await this.#unread()) await sleep(1);
    }
    socket.destroy();
  }

  /** Whether a subscriber has not taken all that is for it. */
  async #unread() {
    const list = await this.client.client('LIST', 'TYPE', 'pubsub');
    return /\b(omem|obl|oll)=[1-9]/.test(list);
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

  /** CPU that the server has used, µs. */
  async cpuUs() {
    const text = await this.client.info('cpu');
    return ['user', 'sys'].reduce((sum, kind) => sum + Number(new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(text)?.[1] ?? NaN), 0) * 1e6;
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
