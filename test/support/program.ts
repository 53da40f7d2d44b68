/** A program of a test's own, in TypeScript, as a process of its own: bundled once, run as often as it is wanted. */
import { buildSync } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endChild } from './child.js';

export class Program {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'pathcast-program-'));
  readonly #file = path.join(this.folder, 'program.cjs');
  readonly #children: ChildProcess[] = [];

  constructor(source: string) {
    buildSync({ entryPoints: [source], outfile: this.#file, bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' });
  }

  /** `line`: the first line that it writes; rejects when it ends without one. */
  run(...args: string[]): { child: ChildProcess; line: Promise<string> } {
    const child = spawn(process.execPath, [this.#file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    const line = new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (more: string) => {
        text += more;
        const end = text.indexOf('\n');
        if (end >= 0) resolve(text.slice(0, end));
      });
      child.on('exit', (code) => reject(new Error(`the program ended with ${String(code)}: ${text}`)));
    });
    return { child, line };
  }

  async end(): Promise<void> {
    for (const child of this.#children) await endChild(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
