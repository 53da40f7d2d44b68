/** What an app is made of, by its package.json. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from '../../errors.js';
import { DATA, FRAMEWORKS, type Data, type Framework } from '../choices.js';
import type { InitOptions } from '../options.js';

export interface Manifest {
  type?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

export interface Detected {
  text: string;
  manifest: Manifest;
  framework: Framework;
  data: Data;
  hasTrpc: boolean;
  hasPathcast: boolean;
}

/** The package that tells; of `node` none does. In the order in which one may stand behind another: Next apps have others too. */
const PACKAGE_OF: Readonly<Record<Exclude<Framework, 'node'> | Exclude<Data, 'none'>, string>> = {
  next: 'next',
  fastify: 'fastify',
  hono: 'hono',
  express: 'express',
  drizzle: 'drizzle-orm',
  prisma: '@prisma/client',
};

/** @throws CommandError where it cannot be told, or is not what the options say. */
export function detect(folder: string, options: InitOptions): Detected {
  const { text, manifest } = readManifest(path.join(folder, 'package.json'));
  const packages = { ...manifest.devDependencies, ...manifest.dependencies };
  const has = (name: string): boolean => Object.hasOwn(packages, name);
  const isThere = (name: Framework | Data): boolean => name === 'node' || name === 'none' || has(PACKAGE_OF[name]);
  const pick = <T extends Framework | Data>(option: string, given: T | undefined, all: readonly T[], otherwise: T): T => {
    const found = all.filter((name) => name !== otherwise && isThere(name));
    if (given !== undefined) {
      if (isThere(given)) return given;
      throw new CommandError(
        `--${option} ${given}: package.json has no ${PACKAGE_OF[given as keyof typeof PACKAGE_OF]}; found ${found.join(', ') || otherwise}`,
      );
    }
    if (found.length > 1) throw new CommandError(`package.json has ${found.join(' and ')}; say which by --${option}`);
    return found[0] ?? otherwise;
  };
  return {
    text,
    manifest,
    framework: pick('framework', options.framework, FRAMEWORKS, 'node'),
    data: pick('data', options.data, DATA, 'none'),
    hasTrpc: has('@trpc/server'),
    hasPathcast: has('pathcast'),
  };
}

/** A mark that editors on Windows put first. npm takes it off; JSON does not know it. */
const BOM = '\uFEFF';

/** @throws CommandError where it is none. */
function readManifest(file: string): { text: string; manifest: Manifest } {
  let text: string;
  let manifest: unknown;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    manifest = JSON.parse(text.replace(BOM, ''));
  } catch (error) {
    throw new CommandError(`package.json is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof manifest !== 'object' || manifest === null || Array.isArray(manifest)) {
    throw new CommandError(`package.json must hold an object, got ${Array.isArray(manifest) ? 'a list' : String(manifest)}`);
  }
  return { text, manifest: manifest };
}

/** With one more dependency, laid out as it was. */
export function withDependency(text: string, name: string, range: string): string {
  const manifest = JSON.parse(text.replace(BOM, '')) as Record<string, unknown>;
  const all = { ...(manifest['dependencies'] as Record<string, string> | undefined), [name]: range };
  const dependencies = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  const after = `${text.startsWith(BOM) ? BOM : ''}${JSON.stringify({ ...manifest, dependencies }, null, indent)}${text.endsWith('\n') ? '\n' : ''}`;
  return text.includes('\r\n') ? after.replaceAll('\n', '\r\n') : after;
}
