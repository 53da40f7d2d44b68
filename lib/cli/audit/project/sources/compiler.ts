import { createRequire } from 'node:module';
import path from 'node:path';
import type ts from 'typescript';
import { AuditError } from '../../errors.js';

/** The compiler API, whichever version it comes from. */
export type Compiler = typeof ts;

/** 5.7 and newer are read, up to the last with the API. */
const OLDEST: readonly [major: number, minor: number] = [5, 7];

function isFit({ version = '', createProgram }: Partial<Compiler>): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return typeof createProgram === 'function' && (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]));
}

/** Where a compiler may be, in the order of trust: the audited project's, pathcast's own, the alias for TypeScript 7. */
function* places(root: string, own: NodeJS.Require): Generator<[require: NodeJS.Require, name: string]> {
  const audited = createRequire(path.join(path.resolve(root), 'package.json'));
  yield [audited, 'typescript'];
  yield [own, 'typescript'];
  yield [audited, 'typescript-5'];
  yield [own, 'typescript-5'];
}

/**
 * The TypeScript compiler that reads the code below `root`: the project's own, else the one beside pathcast, else the package
 * `typescript-5`, else what `fetch` brings. `own` is where pathcast looks for what is beside it. Throws where none fits: there is none, it is
 * older than 5.7, or TypeScript 7, which has no such API, stands alone.
 */
export function loadCompiler(root: string, own: NodeJS.Require = createRequire(import.meta.url), fetch?: () => Compiler | undefined): Compiler {
  const unfit = new Set<string>();
  for (const [require, name] of places(root, own)) {
    let loaded: Partial<Compiler>;
    try {
      loaded = require(name) as Partial<Compiler>;
    } catch {
      continue;
    }
    const version = loaded.version ?? versionOf(require, name);
    if (isFit(loaded)) return loaded as Compiler;
    unfit.add(typeof loaded.createProgram === 'function' ? `${version} (too old)` : version);
  }
  const fetched = fetch?.();
  if (fetched && isFit(fetched)) return fetched;
  const found = unfit.size === 0 ? 'none is installed' : `TypeScript ${[...unfit].join(' and ')} ${[...unfit].every((one) => one.includes('too old')) ? 'is older than 5.7' : 'has no such API'}`;
  throw new AuditError(
    `The audit reads code with the compiler API of TypeScript 5 or 6, and ${found}. ` +
      'Install one beside what is there: npm install -D typescript-5@npm:typescript@5.9',
  );
}

function versionOf(require: NodeJS.Require, name: string): string {
  try {
    return (require(`${name}/package.json`) as { version: string }).version;
  } catch {
    return 'of an unknown version';
  }
}
