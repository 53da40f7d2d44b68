/** The files of the repository, as git has them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(__dirname, '../..');

/** Paths below the root that git tracks or would track, in order. Files that are removed but still listed are left out. */
export function trackedFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 }).split('\0');
  return [...new Set(listed)].filter((file) => file !== '' && existsSync(path.join(root, file))).sort();
}

export const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
