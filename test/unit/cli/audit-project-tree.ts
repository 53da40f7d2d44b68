/** Source trees for the audit, written to a temporary folder. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import { openProject, type OpenedProject, type ProjectOptions } from '../../../lib/cli/audit/project/index.js';
import type { RouterRoot } from '../../../lib/cli/audit/model.js';

const folders: string[] = [];

/** Writes the files below a new folder; `links` are symbolic links to folders, relative to it. */
export function writeTree(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'pathcast-audit-')));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    symlinkSync(path.join(root, target), path.join(root, name));
  }
  return root;
}

export function removeTrees(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function openTree(files: Readonly<Record<string, string>>, options: ProjectOptions = {}): OpenedProject {
  return openProject(writeTree(files), options);
}

/** The roots of a tree of sources. */
export function rootsOf(files: Readonly<Record<string, string>>, router?: string): RouterRoot[] {
  return findRoots(openTree(files), router === undefined ? {} : { router });
}

/** `mutation guests.create src/guests.ts:5 resolver`, in the order of the router. */
export function listOf(root: RouterRoot | undefined): string[] {
  return (root?.procedures ?? []).map(({ path: name, kind, place, resolver }) => `${kind} ${name} ${place.file}:${place.line}${resolver ? '' : ' (no resolver)'}`);
}

/** `what: why`, with its place. */
export function unseenOf(root: RouterRoot | undefined): string[] {
  return (root?.unseen ?? []).map(({ file, line, what, why }) => `${file}:${line} ${what}: ${why}`);
}

/** A module with a tRPC instance, for the trees. */
export const TRPC = `import { initTRPC } from '@trpc/server';
const t = initTRPC.context<{ db: unknown }>().create({ isDev: true });
export const router = t.router;
export const publicProcedure = t.procedure;
export const protectedProcedure = t.procedure.use(async ({ next }) => next());
export const mergeRouters = t.mergeRouters;
`;
