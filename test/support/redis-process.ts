/** A program of Redis's (server or sentinel) that a test has started: in a folder of its own, ended by its id. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endChild } from './child.js';
import { waitFor } from './wait.js';

/** What it said last, for the error of one that ends before it is ready. */
const SAID_BYTES = 8_192;

/** What it was asked to listen at was taken meanwhile. */
export class PortTaken extends Error {}

export class RedisProcess {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'pathcast-redis-'));
  #child: ChildProcess | undefined;
  #stopped = false;

  /** `ready`: what it says when it is. */
  constructor(
    readonly program: 'redis-server' | 'redis-sentinel',
    readonly ready: RegExp,
    /** Beside the test's own environment. */
    readonly env: Readonly<Record<string, string>> = {},
  ) {}

  /** Resolves when it is ready; rejects with what it said when it ends before. */
  async spawn(args: readonly string[]): Promise<void> {
    const child = spawn(this.program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...this.env } });
    this.#child = child;
    this.#stopped = false;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-SAID_BYTES);
        if (this.ready.test(said)) resolve();
      });
      child.on('error', reject);
      // Later than `exit`: what it said last has been read.
      child.on('close', () => {
        reject(/address already in use/i.test(said) ? new PortTaken(said) : new Error(`${this.program} ended:\n${said}`));
      });
    });
  }

  /** 0: it does not run. */
  get pid(): number {
    return this.runs ? (this.#child?.pid ?? 0) : 0;
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** SIGSTOP: it answers nobody and keeps its connections. Resolves when the kernel has done it. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGSTOP');
    this.#stopped = true;
    await waitFor(() => / T /.test(readFileSync(`/proc/${this.pid}/stat`, 'utf8')), `process ${this.pid} to stand still`);
  }

  cont(): void {
    this.#child?.kill('SIGCONT');
    this.#stopped = false;
  }

  /** SIGKILL, also of one that is stopped: nothing is written any more. */
  async kill(): Promise<void> {
    if (this.#child) await endChild(this.#child);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
