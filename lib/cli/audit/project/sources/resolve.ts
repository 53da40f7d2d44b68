import type { Config, Configs } from './configs.js';
import type { Disk } from './disk.js';
import { dirname, join } from './disk.js';
import type { Packages } from './packages.js';

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];
/** What a source is called that is imported by the name of its output. */
const BEHIND: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx', '.js', '.jsx'],
  '.jsx': ['.tsx', '.jsx'],
  '.mjs': ['.mts', '.mjs'],
  '.cjs': ['.cts', '.cjs'],
};
/** Aliases that frameworks set up by themselves, tried where no tsconfig names them. */
const CUSTOMARY = /^[@~]\//;

export const isSource = (file: string): boolean => /\.[cm]?[jt]sx?$/.test(file) && !/\.d\.([^.]+\.)?[cm]?ts$/.test(file);

/** Finds the source that an import names, in the project and its workspace only: what is installed is never looked at. */
export class Modules {
  private readonly found = new Map<string, string | undefined>();

  constructor(
    private readonly disk: Disk,
    private readonly configs: Configs,
    private readonly packages: Packages,
    private readonly root: string,
    /** A configuration that was asked for by name: its paths come first. */
    private readonly chosen: readonly Config[],
  ) {}

  /** The absolute file, or undefined where the import leaves the sources. */
  resolve(request: string, from: string): string | undefined {
    // tRPC is known by its names, also where its sources lie in the same workspace.
    if (request.startsWith('@trpc/')) return undefined;
    const folder = dirname(from);
    const key = `${folder}\0${request}`;
    if (!this.found.has(key)) this.found.set(key, this.search(request, folder));
    return this.found.get(key);
  }

  private search(request: string, folder: string): string | undefined {
    for (const candidate of this.candidates(request, folder)) {
      const file = this.source(candidate);
      if (file !== undefined && !file.includes('/node_modules/')) return file;
    }
    return undefined;
  }

  private *candidates(request: string, folder: string): Generator<string> {
    if (/^\.{0,2}\//.test(request) || request === '.' || request === '..') {
      yield request.startsWith('/') ? request : join(folder, request);
      return;
    }
    const configs = [...this.chosen, ...this.configs.governingOf(folder)];
    if (request.startsWith('#')) yield* this.packages.imports(folder, request);
    for (const config of configs) yield* matches(config, request);
    for (const config of configs) if (config.baseUrl !== undefined) yield join(config.baseUrl, request);
    yield* this.packages.module(request);
    yield* this.linked(request, folder);
    if (CUSTOMARY.test(request)) {
      const home = this.packages.nearest(folder) ?? this.root;
      for (const base of [home, this.root]) {
        yield join(base, 'src', request.slice(2));
        yield join(base, request.slice(2));
      }
    }
  }

  /** A package that node_modules only links to: its sources are somewhere among ours. */
  private *linked(request: string, folder: string): Generator<string> {
    const parts = request.split('/');
    const name = parts.slice(0, request.startsWith('@') ? 2 : 1).join('/');
    for (let at = folder; ; at = dirname(at)) {
      const place = join(at, 'node_modules', name);
      if (this.disk.isFolder(place)) {
        const real = this.disk.real(place);
        if (real.includes('/node_modules/')) return;
        this.packages.add(real);
        yield* this.packages.module(request);
        return;
      }
      if (dirname(at) === at) return;
    }
  }

  private source(candidate: string): string | undefined {
    const extension = /\.[cm]?[jt]sx?$/.exec(candidate)?.[0];
    if (extension !== undefined) {
      const stem = candidate.slice(0, -extension.length);
      for (const name of BEHIND[extension] ?? [extension]) {
        if (isSource(stem + name) && this.disk.isFile(stem + name)) return stem + name;
      }
    }
    for (const name of EXTENSIONS) if (this.disk.isFile(candidate + name)) return candidate + name;
    if (!this.disk.isFolder(candidate)) return undefined;
    const main = this.disk.readJson(join(candidate, 'package.json'))?.main;
    if (typeof main === 'string' && main !== '.' && main !== './') {
      const file = this.source(join(candidate, main));
      if (file !== undefined) return file;
    }
    return EXTENSIONS.map((name) => join(candidate, `index${name}`)).find((file) => this.disk.isFile(file));
  }
}

function* matches(config: Config, request: string): Generator<string> {
  const fitting = config.paths
    .filter(({ before, after, exact }) => (exact ? request === before : request.length >= before.length + after.length && request.startsWith(before) && request.endsWith(after)))
    .sort((a, b) => Number(b.exact) - Number(a.exact) || b.before.length - a.before.length);
  const [best] = fitting;
  if (!best) return;
  const middle = best.exact ? '' : request.slice(best.before.length, request.length - best.after.length);
  for (const target of best.targets) yield target.replace('*', middle);
}
