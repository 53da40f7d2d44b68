/** The package as its users get it: packed by npm, unpacked into the node_modules of an empty project. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(__dirname, '../..');

const npm = (args: string[]): string =>
  execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 << 20 });

interface PackReport {
  filename: string;
  files: { path: string; size: number }[];
}

/** What `npm pack` would put in. */
export function listed(): PackReport['files'] {
  const reports = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts'])) as PackReport[];
  return reports[0]?.files ?? [];
}

export interface Consumer {
  readonly dir: string;
  remove(): void;
}

/**
 * A project with the packed pathcast, the addon of this checkout inside it, and the other packages of this checkout
 * beside it (peers and dependencies).
 */
export function consumer(): Consumer {
  const dir = mkdtempSync(path.join(tmpdir(), 'pathcast-consumer-'));
  const modules = path.join(dir, 'node_modules');
  mkdirSync(modules);
  const packed = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', dir])) as PackReport[];
  execFileSync('tar', ['-xzf', path.join(dir, packed[0]?.filename ?? ''), '-C', modules]);
  execFileSync('mv', [path.join(modules, 'package'), path.join(modules, 'pathcast')]);
  const addon = 'build/Release/pathcast.node';
  cpSync(path.join(root, addon), path.join(modules, 'pathcast', addon));
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    const link = path.join(modules, name);
    if (!name.startsWith('.') && !existsSync(link)) symlinkSync(path.join(root, 'node_modules', name), link);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
