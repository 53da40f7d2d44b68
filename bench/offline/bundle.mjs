/** What the comparison needs besides this repository: the other libraries, in a folder of their own, and one script a library for the pages. */
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { root } from '../harness/paths.mjs';

const here = path.join(root, 'bench/offline');
const folder = path.join(root, '.setup/offline-packages');
const LISTS = ['package.json', 'package-lock.json'];

/** `npm ci` into .setup, unless what the lockfile names is there. */
export function installPackages() {
  const same = LISTS.every((name) => existsSync(path.join(folder, name)) && readFileSync(path.join(folder, name), 'utf8') === readFileSync(path.join(here, 'packages', name), 'utf8'));
  if (same && existsSync(path.join(folder, 'node_modules/.package-lock.json'))) return;
  mkdirSync(folder, { recursive: true });
  for (const name of LISTS) copyFileSync(path.join(here, 'packages', name), path.join(folder, name));
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: ['ignore', process.stderr, process.stderr] });
  if (status !== 0) throw new Error('npm ci of bench/offline/packages failed');
}

/** @param {string} name of a package @returns {string} the version that is measured */
export const versionOf = (name) => JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;

/** pathcast's own parts, from their sources. */
const OWN = [
  ['pathcast/offline/link', 'offline/link/index.ts'],
  ['pathcast/offline/tanstack', 'offline/overlay/index.ts'],
  ['pathcast/offline', 'offline/index.ts'],
  ['pathcast/tanstack', 'tanstack/index.ts'],
  ['pathcast/client', 'client/index.ts'],
];

const scripts = new Map();

/** The page's script of a library. @param {string} name of a file in adapters/ @returns {Promise<string>} */
export function scriptOf(name) {
  if (!scripts.has(name)) scripts.set(name, bundle(name));
  return scripts.get(name);
}

async function bundle(name) {
  const own = name === 'pathcast';
  const { outputFiles } = await build({
    entryPoints: [path.join(here, 'adapters', `${name}.mjs`)],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    nodePaths: [own ? path.join(root, 'node_modules') : path.join(folder, 'node_modules')],
    // One copy of TanStack Query: the persister has an older one, and so does this repository.
    alias: own ? Object.fromEntries(OWN.map(([name, file]) => [name, path.join(root, 'lib', file)])) : { '@tanstack/query-core': path.join(folder, 'node_modules/@tanstack/query-core') },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}
