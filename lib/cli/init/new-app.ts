/** The files of a new app: layers of `templates`, one over the other, and a package.json. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Data, Framework } from './choices.js';
import { manifestOf } from './packages.js';

/** Text by the file's path, with `/`, from the app's folder. */
export type Files = Map<string, string>;

const IGNORED = ['node_modules/', 'dist/', '.next/', 'next-env.d.ts', 'src/generated/', '*.sqlite*'];

export interface NewApp {
  name: string;
  framework: Framework;
  data: Data;
  /** Of pathcast. */
  version: string;
}

export function filesOf({ name, framework, data, version }: NewApp): Files {
  const files: Files = new Map();
  for (const layer of layersOf(framework, data)) readLayer(path.join(templatesFolder(), layer), '', files);
  if (framework === 'next') {
    files.set('app/style.css', readFileSync(path.join(templatesFolder(), 'shared/public/style.css'), 'utf8'));
  }
  files.set('package.json', manifestOf(name, framework, data, version));
  files.set('.gitignore', `${IGNORED.join('\n')}\n`);
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Later ones win. The store of a tRPC app makes its transactions known to the sync; that of another has none. */
function layersOf(framework: Framework, data: Data): string[] {
  if (framework === 'next') return ['next'];
  const family = framework === 'fastify' ? 'trpc' : 'plain';
  const store = data === 'none' ? ['data-none'] : [`data-${data}/${family}`];
  if (data === 'prisma') store.push('data-prisma/shared');
  return ['shared', ...(family === 'plain' ? ['plain'] : []), ...store, framework];
}

function readLayer(folder: string, below: string, files: Files): void {
  for (const entry of readdirSync(path.join(folder, below), { withFileTypes: true })) {
    const file = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) readLayer(folder, file, files);
    else files.set(file, readFileSync(path.join(folder, file), 'utf8'));
  }
}

/** In the package's folder, which is that of the first package.json above this file that has its name. */
function templatesFolder(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'pathcast')
      return path.join(folder, 'templates');
    if (path.dirname(folder) === folder) throw new Error('the folder templates of pathcast is missing; install the package again');
  }
}

/** A name that npm takes, out of that of a folder. */
export function packageNameOf(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|[-]+$/g, '')
    .slice(0, 100);
  return name === '' ? 'app' : name;
}
