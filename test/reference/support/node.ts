/** A reference server as a process of its own, as `npm start` runs it: one node of several. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { endChild } from '../../support/child.js';
import { waitFor } from '../../support/wait.js';
import { TEST_SECRET } from './server.js';

const MAIN = path.join(__dirname, '../../../dist/esm/reference/main.js');
/** ms that a start may take on a busy machine. */
const STARTS_WITHIN_MS = 90_000;

export class NodeProcess {
  readonly #child: ChildProcess;
  #output = '';
  url = '';

  private constructor(env: Record<string, string>) {
    this.#child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', SESSION_SECRET: TEST_SECRET, PATHCAST_DB: ':memory:', PATHCAST_DRAIN_MS: '0', PATHCAST_ENGINE: process.env['PATHCAST_ENGINE'] ?? 'auto', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Resolves when it listens. */
  static async start(env: Record<string, string>): Promise<NodeProcess> {
    const node = new NodeProcess(env);
    try {
      [, node.url = ''] = await node.says(/reference server on (http:\/\/[^"]+)/);
      return node;
    } catch (error) {
      await node.kill();
      throw error;
    }
  }

  /** What it has written. */
  get output(): string {
    return this.#output;
  }

  /** Where its worker stands, as it said last. */
  get worker(): string | undefined {
    return [...this.#output.matchAll(/"state":"(\w+)"[^\n]*"msg":"PostgreSQL: worker"/g)].at(-1)?.[1];
  }

  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const found = await waitFor(() => pattern.exec(this.#output) ?? (this.#child.exitCode === null ? undefined : 'ended'), `it to say ${String(pattern)}; it said:\n${this.#output}`, STARTS_WITHIN_MS);
    if (found === 'ended') throw new Error(`the server ended with ${String(this.#child.exitCode)}:\n${this.#output}`);
    return found;
  }

  /** SIGKILL: nothing is said goodbye to. */
  async kill(): Promise<void> {
    await endChild(this.#child);
  }
}
