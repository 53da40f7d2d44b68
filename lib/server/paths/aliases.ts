/** `aliases: { 'guests.list': 'guests.getAll' }`: their shape, and whether they fit a router. */
import { PathcastError } from '../../protocol/error.js';
import { describe } from '../../internal/describe.js';
import { checkObject } from '../check.js';
import { checkQueryPath } from '../query-paths.js';

export type Aliases = ReadonlyMap<string, string>;

/** Problems named in one error; the rest is counted. */
const MAX_NAMED = 20;

/** A copy, from name to path. Throws INVALID_OPTION. */
export function checkAliases(value: unknown): Aliases {
  if (value === undefined) return new Map();
  const aliases = new Map<string, string>();
  const raw = checkObject('aliases', value, 'INVALID_OPTION');
  for (const name of Object.keys(raw)) {
    aliases.set(path(`aliases: the name`, name), path(`aliases[${describe(name)}]`, raw[name]));
  }
  return aliases;
}

function path(field: string, value: unknown): string {
  try {
    return checkQueryPath(field, value);
  } catch (thrown) {
    throw new PathcastError('INVALID_OPTION', (thrown as Error).message, { cause: thrown });
  }
}

export interface KnownPaths {
  /** A query, a prefix or `*`. */
  isReal(path: string): boolean;
  /** May be in a lazy router that is not loaded. */
  isPending(path: string): boolean;
  nearest(path: string): readonly string[];
}

/** What is wrong with the aliases, one sentence each, by the name of the alias; nothing about what is still pending. */
export function aliasProblems(aliases: Aliases, known: KnownPaths): Map<string, string> {
  const problems = new Map<string, string>();
  for (const [name, target] of aliases) {
    const quoted = describe(name);
    if (known.isReal(name)) {
      problems.set(name, `${quoted} is a real path: an alias would hide it`);
    } else if (aliases.has(target)) {
      problems.set(name, `${quoted} leads to ${describe(target)}, which is an alias itself`);
    } else if (!known.isReal(target) && !known.isPending(target)) {
      const near = known.nearest(target);
      const hint = near.length > 0 ? `; nearest: ${near.join(', ')}` : '';
      problems.set(name, `${quoted} leads to ${describe(target)}, which is no query of the router${hint}`);
    }
  }
  return problems;
}

/** One error for all problems. */
export function aliasError(problems: ReadonlyMap<string, string>): PathcastError {
  const named = [...problems.values()].slice(0, MAX_NAMED);
  const more = problems.size - named.length;
  return new PathcastError('INVALID_OPTION', `aliases: ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`);
}
