import type { Disk } from './disk.js';
import { dirname, isBelow, join } from './disk.js';

/** Conditions of `exports` and `imports`, the one nearest to the sources first. */
const CONDITIONS = ['source', 'typescript', '@types/source', 'development', 'types', 'import', 'module', 'node', 'require', 'default'];
/** Folders that a build writes; their sources are looked for in `src` or beside them. */
const OUTPUTS = new Set(['dist', 'build', 'out', 'output', 'lib', 'esm', 'cjs', 'es', 'types', '.build', 'dist-types', 'dts']);
/** How deep `**` of a workspace goes. */
const MAX_GLOB_DEPTH = 4;

/** The packages of the workspace, and what their package.json says about names. */
export class Packages {
  /** Name to folder. */
  readonly byName = new Map<string, string>();
  private readonly disk: Disk;

  constructor(disk: Disk, root: string) {
    this.disk = disk;
    for (let folder = root; ; folder = dirname(folder)) {
      const globs = this.workspaceGlobs(folder);
      if (globs) {
        const members = globs.flatMap((glob) => this.expand(folder, glob.split('/').filter((part) => part !== '' && part !== '.'), 0));
        if (folder === root || members.some((member) => isBelow(root, member))) {
          for (const member of [...members, folder]) this.add(member);
          break;
        }
      }
      if (dirname(folder) === folder) break;
    }
  }

  /** A package that lies among the sources, whether or not a workspace lists it. */
  add(folder: string): void {
    const name = this.disk.readJson(join(folder, 'package.json'))?.name;
    if (typeof name === 'string' && !this.byName.has(name)) this.byName.set(name, folder);
  }

  /** The folder of the nearest package.json at or above `folder`. */
  nearest(folder: string): string | undefined {
    for (let at = folder; ; at = dirname(at)) {
      if (this.disk.isFile(join(at, 'package.json'))) return at;
      if (dirname(at) === at) return undefined;
    }
  }

  /** The package of a file, and the path below it. */
  ofFile(file: string): { name: string; path: string } | undefined {
    const home = this.nearest(dirname(file));
    const name = home === undefined ? undefined : this.disk.readJson(join(home, 'package.json'))?.name;
    return home !== undefined && typeof name === 'string' ? { name, path: file.slice(join(home, '').length).replace(/^\//, '') } : undefined;
  }

  /** Candidates for what `#name` stands for in the package of `folder`, without extension rules applied. */
  imports(folder: string, request: string): string[] {
    const home = this.nearest(folder);
    if (home === undefined) return [];
    const table = this.disk.readJson(join(home, 'package.json'))?.imports;
    return lookUp(table, request).flatMap((target) => sourcesOf(home, target));
  }

  /** Candidates for a module of a workspace package: `@acme/api`, `@acme/api/router`. */
  module(request: string): string[] {
    const parts = request.split('/');
    const name = parts.splice(0, request.startsWith('@') ? 2 : 1).join('/');
    const home = this.byName.get(name);
    if (home === undefined) return [];
    const manifest = this.disk.readJson(join(home, 'package.json')) ?? {};
    const below = parts.join('/');
    const table = isSubpaths(manifest.exports) ? manifest.exports : { '.': manifest.exports };
    const named = lookUp(table, below === '' ? '.' : `./${below}`);
    if (below === '') {
      for (const field of ['source', 'types', 'typings', 'module', 'main']) {
        const target = manifest[field];
        if (typeof target === 'string') named.push(target);
      }
    }
    const plain = below === '' ? ['src/index', 'index', 'src/main', 'lib/index'] : [below, `src/${below}`];
    return [...named.flatMap((target) => sourcesOf(home, target)), ...plain.map((target) => join(home, target))];
  }

  private workspaceGlobs(folder: string): string[] | undefined {
    const manifest = this.disk.readJson(join(folder, 'package.json'));
    const declared = manifest?.workspaces;
    const list: unknown = Array.isArray(declared) ? declared : (declared as { packages?: unknown } | undefined)?.packages;
    if (Array.isArray(list)) return list.filter((glob): glob is string => typeof glob === 'string');
    for (const name of ['pnpm-workspace.yaml', 'pnpm-workspace.yml']) {
      if (this.disk.isFile(join(folder, name))) return yamlPackages(this.disk.read(join(folder, name)) ?? '');
    }
    const lerna = this.disk.readJson(join(folder, 'lerna.json'))?.packages;
    return Array.isArray(lerna) ? lerna.filter((glob): glob is string => typeof glob === 'string') : undefined;
  }

  private expand(folder: string, parts: string[], depth: number): string[] {
    const [part, ...rest] = parts;
    if (part === undefined) return [folder];
    if (part.startsWith('!')) return [];
    if (!part.includes('*')) return this.expand(join(folder, part), rest, depth);
    const folders = [...this.disk.list(folder)].filter(([name, kind]) => kind === 'folder' && name !== 'node_modules' && !name.startsWith('.'));
    if (part === '**') {
      if (depth > MAX_GLOB_DEPTH) return [];
      const deeper = folders.flatMap(([name]) => this.expand(join(folder, name), parts, depth + 1));
      return [...this.expand(folder, rest, depth), ...deeper];
    }
    const pattern = new RegExp(`^${part.split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
    return folders.filter(([name]) => pattern.test(name)).flatMap(([name]) => this.expand(join(folder, name), rest, depth));
  }
}

/** The list below `packages:` of a pnpm-workspace.yaml, which is all of YAML that matters here. */
function yamlPackages(text: string): string[] {
  const globs: string[] = [];
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    if (/^\S/.test(line) && !line.startsWith('-') && !line.startsWith('#')) inside = /^packages\s*:/.test(line);
    const item = /^\s*-\s*['"]?([^'"#]+?)['"]?\s*(#.*)?$/.exec(line);
    if (inside && item?.[1]) globs.push(item[1]);
    const inline = /^packages\s*:\s*\[(.*)\]/.exec(line);
    if (inline?.[1]) globs.push(...inline[1].split(',').map((glob) => glob.trim().replaceAll(/^['"]|['"]$/g, '')));
  }
  return globs;
}

const isSubpaths = (exports: unknown): exports is Record<string, unknown> =>
  typeof exports === 'object' && exports !== null && !Array.isArray(exports) && Object.keys(exports).some((key) => key.startsWith('.'));

/** The targets of a name in `exports` or `imports`: the exact key, else the pattern with the longest beginning. */
function lookUp(table: unknown, request: string): string[] {
  if (typeof table !== 'object' || table === null) return [];
  const entries: [string, unknown][] = Object.entries(table);
  const exact = entries.find(([key]) => key === request);
  if (exact) return leaves(exact[1]);
  const patterns = entries
    .filter(([key]) => key.includes('*'))
    .map(([key, target]) => ({ parts: key.split('*'), target }))
    .filter(({ parts: [before = '', after = ''] }) => request.startsWith(before) && request.endsWith(after) && request.length >= before.length + after.length)
    .sort((a, b) => (b.parts[0] ?? '').length - (a.parts[0] ?? '').length);
  const best = patterns[0];
  if (!best) return [];
  const [before = '', after = ''] = best.parts;
  const middle = request.slice(before.length, request.length - after.length);
  return leaves(best.target).map((target) => target.replaceAll('*', middle));
}

function leaves(target: unknown): string[] {
  if (typeof target === 'string') return [target];
  if (Array.isArray(target)) return target.flatMap(leaves);
  if (typeof target !== 'object' || target === null) return [];
  const entries = Object.entries(target);
  const rank = (key: string): number => (CONDITIONS.includes(key) ? CONDITIONS.indexOf(key) : CONDITIONS.length);
  return entries.sort(([a], [b]) => rank(a) - rank(b)).flatMap(([, value]) => leaves(value));
}

/** Where the source of a built file may be: `./dist/esm/index.js` is `src/index`, `index` or `src/esm/index`. */
function sourcesOf(home: string, target: string): string[] {
  const plain = target.replace(/^\.\//, '').replace(/\.d\.([cm]?)ts$/, '.$1ts');
  const parts = plain.split('/');
  const candidates: string[] = [];
  for (let rest = parts; OUTPUTS.has(rest[0] ?? '') && rest.length > 1; ) {
    rest = rest.slice(1);
    candidates.push(`src/${rest.join('/')}`, rest.join('/'));
  }
  // The shortest rest is the likeliest: all folders of the build are gone from it.
  return [...candidates.reverse().sort((a, b) => Number(b.startsWith('src/')) - Number(a.startsWith('src/'))), plain].map((file) => join(home, file));
}
