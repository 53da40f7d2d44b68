/** A program of a test's own, in TypeScript, as a process of its own: bundled once, run as often as it is wanted. */
import { buildSync } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endChild } from './child.js';

const MODULES = path.resolve(__dirname, '../../node_modules');

export class Program {
  readonly folder: string;
  readonly #file: string;
  readonly #children: ChildProcess[] = [];

  /** `packages: 'external'`: those of the repository, each as Node loads it; then the program stands in it. */
  constructor(source: string, { packages = 'bundle' }: { packages?: 'bundle' | 'external' } = {}) {
    const base = packages === 'bundle' ? tmpdir() : path.resolve(__dirname, '../../.setup');
    mkdirSync(base, { recursive: true });
    this.folder = mkdtempSync(path.join(base, 'pathcast-program-'));
    this.#file = path.join(this.folder, 'program.cjs');
    // What is loaded by a name in a variable is found from here, where `import()` would look beside the bundle.
    const supported = { 'dynamic-import': false };
    buildSync({ entryPoints: [source], outfile: this.#file, bundle: true, packages, platform: 'node', format: 'cjs', logLevel: 'error', supported });
  }

  /** `line`: the first line that it writes; `next()`: one more each time. Both reject when it ends without one. */
  run(...args: string[]): { child: ChildProcess; line: Promise<string>; next: () => Promise<string> } {
    const child = spawn(process.execPath, [this.#file, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_PATH: MODULES } });
    this.#children.push(child);
    const lines: string[] = [];
    const waiting: { resolve: (line: string) => void; reject: (why: Error) => void }[] = [];
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      const [...whole] = (text + more).split('\n');
      text = whole.pop() ?? '';
      for (const line of whole) {
        const first = waiting.shift();
        if (first) first.resolve(line);
        else lines.push(line);
      }
    });
    // Later than `exit`: what it wrote last has been read.
    child.on('close', (code) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`the program ended with ${String(code)}: ${text}`));
    });
    const next = (): Promise<string> => {
      const line = lines.shift();
      return line === undefined ? new Promise((resolve, reject) => waiting.push({ resolve, reject })) : Promise.resolve(line);
    };
    return { child, line: next(), next };
  }

  async end(): Promise<void> {
    for (const child of this.#children) await endChild(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
