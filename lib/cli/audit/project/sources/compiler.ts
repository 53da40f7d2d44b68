import { createRequire } from 'node:module';
import path from 'node:path';
import type ts from 'typescript';
import { AuditError } from '../../errors.js';

/** The compiler API, whichever version it comes from. */
export type Compiler = typeof ts;

const OLDEST_MAJOR = 5;

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
 * `typescript-5`. `own` is where pathcast looks for what is beside it. Throws where none has the compiler API: there is none, or TypeScript 7, which has no such API, stands alone.
 */
export function loadCompiler(root: string, own: NodeJS.Require = createRequire(import.meta.url)): Compiler {
  const unfit = new Set<string>();
  for (const [require, name] of places(root, own)) {
    let loaded: Partial<Compiler>;
    try {
      loaded = require(name) as Partial<Compiler>;
    } catch {
      continue;
    }
    const version = loaded.version ?? versionOf(require, name);
    if (typeof loaded.createProgram === 'function' && Number.parseInt(version, 10) >= OLDEST_MAJOR) return loaded as Compiler;
    unfit.add(version);
  }
  const found = unfit.size === 0 ? 'none is installed' : `TypeScript ${[...unfit].join(' and ')} has no such API`;
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
