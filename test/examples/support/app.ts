/** An app in a folder of its own, with the packed pathcast and the packages of this checkout beside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { consumer, root, type Consumer } from '../../package/packed.js';
import { freePort } from '../../support/free-port.js';
import { DEADLINE_MS, waitFor, within } from '../../support/wait.js';

export interface Done {
  code: number | null;
  output: string;
}

/** Node's resolution finds the packages in the folder above the apps. */
export class Workspace {
  readonly #consumer: Consumer;
  readonly #running = new Set<ChildProcess>();

  constructor(below?: string) {
    this.#consumer = consumer(below);
  }

  get dir(): string {
    return this.#consumer.dir;
  }

  /** As somebody would who takes the example out of the repository. */
  copyOf(example: string): string {
    const folder = path.join(this.dir, example);
    cpSync(path.join(root, 'examples', example), folder, { recursive: true });
    return folder;
  }

  /** The program of a package that was installed. */
  bin(name: string): string {
    return path.join(this.dir, 'node_modules/.bin', name);
  }

  run(folder: string, command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Done> {
    const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#running.delete(child);
        resolve({ code, output });
      });
    });
  }

  /** What `npm run build` does, with the programs of this checkout. */
  async build(folder: string, env: Record<string, string> = {}): Promise<void> {
    const { scripts } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { scripts: { build: string } };
    const own = path.join(folder, 'node_modules/.bin');
    const PATH = `${own}${path.delimiter}${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env['PATH'] ?? ''}`;
    const { code, output } = await this.run(folder, 'sh', ['-c', scripts.build], { PATH, ...env });
    if (code !== 0) throw new Error(`${path.basename(folder)} does not build:\n${output}`);
  }

  /** Resolves once it listens. `port` 0: any to which it can come back. */
  async serve(folder: string, port = 0, command = ['dist/server.js'], env: Record<string, string> = {}): Promise<RunningApp> {
    const child = spawn(process.execPath, command, {
      cwd: folder,
      env: { ...process.env, PORT: String(port || (await freePort())), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    const app = new RunningApp(child);
    child.once('exit', () => this.#running.delete(child));
    await app.said(/http:\/\/localhost:\d+/);
    return app;
  }

  async remove(): Promise<void> {
    for (const child of this.#running) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    this.#consumer.remove();
  }
}

export class RunningApp {
  output = '';

  constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  said(pattern: RegExp): Promise<RegExpExecArray> {
    return waitFor(
      () => {
        if (this.child.exitCode !== null) throw new Error(`the app ended with ${this.child.exitCode}; it said:\n${this.output}`);
        return pattern.exec(this.output);
      },
      `the app to say ${String(pattern)}; it said:\n${this.output}`,
      2 * DEADLINE_MS,
    );
  }

  get port(): number {
    return Number(/http:\/\/localhost:(\d+)/.exec(this.output)?.[1]);
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** A connection that carries no request, as browsers open them ahead. */
  async connectAhead(): Promise<Socket> {
    const socket = connect({ port: this.port, host: 'localhost' });
    await once(socket, 'connect');
    return socket;
  }

  /** By the signal that a process manager sends. Resolves to the exit code; null where a signal ended it. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await within(exit, 'the app to end after SIGTERM');
    return this.child.exitCode;
  }
}

let copies = 0;

/** A copy of an app of test/fixtures/existing, which has no pathcast in it. */
export function existingApp(parent: string, name: string): string {
  const folder = path.join(parent, `${name}-${++copies}`);
  cpSync(path.join(root, 'test/fixtures/existing', name), folder, { recursive: true });
  return folder;
}

/** Files of a folder, with `/`, without what a build makes. */
export function filesIn(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const read = (below: string): void => {
    for (const entry of readdirSync(path.join(folder, below), { withFileTypes: true })) {
      if (['node_modules', 'dist', '.next'].includes(entry.name)) continue;
      const file = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) read(file);
      else files.set(file, readFileSync(path.join(folder, file), 'utf8'));
    }
  };
  read('');
  return files;
}
