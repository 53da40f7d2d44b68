/** A TypeScript that npm fetches once into its own cache, where neither the project nor pathcast has one that fits. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Compiler } from './compiler.js';

const PACKAGE = 'typescript@5.9';
/** ms; some 9 MB over a slow line. */
const PATIENCE = 180_000;

/**
 * Undefined where npm is missing, or has no network and nothing in its cache. Nothing is written to the project.
 *
 * @param run npm with these arguments; its standard output, or undefined where it failed.
 */
export function fetchedCompiler(run: (args: readonly string[]) => string | undefined = npm): Compiler | undefined {
  // npm puts the folder of the package's programs first on the path of what it runs.
  const told = run(['exec', '--yes', '--prefer-offline', `--package=${PACKAGE}`, '--', 'node', '-p', 'process.env.PATH']);
  for (const folder of (told ?? '').trim().split(path.delimiter)) {
    if (path.basename(folder) !== '.bin') continue;
    try {
      const loaded = createRequire(path.join(path.dirname(folder), 'index.js'))('typescript') as Partial<Compiler>;
      if (typeof loaded.createProgram === 'function' && loaded.version?.startsWith('5.9.')) return loaded;
    } catch {
      // Another folder of the path.
    }
  }
  return undefined;
}

function npm(args: readonly string[]): string | undefined {
  const windows = process.platform === 'win32';
  const { status, stdout } = spawnSync(windows ? 'npm.cmd' : 'npm', [...args], { cwd: tmpdir(), encoding: 'utf8', timeout: PATIENCE, shell: windows, stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : undefined;
}
