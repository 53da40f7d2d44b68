/** The package as its users get it: packed by npm (`npm run pack:tarball`), unpacked into an empty project's node_modules. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(__dirname, '../..');

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

/** Made by the set-up of `npm test`, and by `npm run pack:tarball`. */
export const TARBALL = path.join(root, '.setup/pack', `pathcast-${version}.tgz`);

/** The paths in it, each without `package/`. */
export function listed(): string[] {
  const lines = execFileSync('tar', ['-tzf', TARBALL], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => line.replace('package/', ''));
}

export interface Consumer {
  readonly dir: string;
  remove(): void;
}

/** A project with the packed pathcast and the other packages of this checkout beside it (peers and dependencies). `below`: where its folder is made. */
export function consumer(below = tmpdir()): Consumer {
  const dir = mkdtempSync(path.join(below, 'pathcast-consumer-'));
  const modules = path.join(dir, 'node_modules');
  mkdirSync(modules);
  execFileSync('tar', ['-xzf', TARBALL, '-C', modules]);
  execFileSync('mv', [path.join(modules, 'package'), path.join(modules, 'pathcast')]);
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    const link = path.join(modules, name);
    if (!name.startsWith('.') && !existsSync(link)) symlinkSync(path.join(root, 'node_modules', name), link);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
