import type { Disk } from './disk.js';
import { isBelow, join } from './disk.js';
import { isSource } from './resolve.js';

/** Bytes; a larger file is a bundle or data, and is noted instead of read. */
export const MAX_FILE_SIZE = 2 * 1024 * 1024;

const NEVER = new Set(['node_modules', 'bower_components', 'jspm_packages', '__tests__', '__mocks__', '__snapshots__', '__fixtures__']);
/** Left out at the root and beside a package.json, where they are outputs and tests. */
const BESIDE_PACKAGE = new Set(['dist', 'build', 'out', 'output', 'coverage', 'test', 'tests', 'e2e', 'cypress', 'storybook-static']);
const NEVER_FILES = /\.(test|spec|stories|story|cy|bench|min|bundle)\.[cm]?[jt]sx?$|\.d\.([^.]+\.)?[cm]?ts$/;

export interface Scan {
  files: string[];
  /** Folders with a package.json, the root aside. */
  packages: string[];
  tooLarge: string[];
  /** Prisma's schemas and SQL. */
  schemas: string[];
}

/**
 * The sources below a folder: no dependencies, outputs, declaration files, tests or hidden folders.
 * `outputs` are further folders to leave out. What a tsconfig excludes is read all the same: its reasons are the compiler's.
 */
export function scan(disk: Disk, root: string, outputs: readonly string[]): Scan {
  const result: Scan = { files: [], packages: [], tooLarge: [], schemas: [] };
  const visit = (folder: string): void => {
    const listing = disk.list(folder);
    const isPackage = listing.has('package.json') || folder === root;
    if (listing.has('package.json') && folder !== root) result.packages.push(folder);
    for (const [name, kind] of [...listing].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const file = join(folder, name);
      if (kind === 'file') {
        if (/\.(prisma|sql)$/.test(name) && disk.size(file) <= MAX_FILE_SIZE) result.schemas.push(file);
        if (!isSource(name) || NEVER_FILES.test(name)) continue;
        if (disk.size(file) > MAX_FILE_SIZE) result.tooLarge.push(file);
        else result.files.push(file);
      } else if (kind === 'folder') {
        if (NEVER.has(name) || name.startsWith('.') || (isPackage && BESIDE_PACKAGE.has(name))) continue;
        if (outputs.some((output) => output !== root && isBelow(file, output))) continue;
        visit(file);
      }
    }
  };
  visit(root);
  return result;
}
