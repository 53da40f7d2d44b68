/** `where` of the map: which inputs of what is stale a change concerns (SPEC §19). */
import { PathcastError } from '../protocol/error.js';
import { MAX_QUERY_PATHS } from '../protocol/limits.js';
import { isPlain, joinRestrictions, restrictionAt, restrictionOf, WHERE_LOOKED, WHERE_PATHS, type Restriction, type Where } from '../protocol/where.js';
import { describe, describeThrown, describeType, isArray } from '../internal/describe.js';
import type { PathBinding } from '../server/paths/binding.js';
import type { CallValues, Closure } from './closure.js';
import { hush } from './hush.js';
import type { WhereFunction } from './map-reader.js';

/** What goes out. A path without an entry in `where` concerns any input. */
export interface Stale {
  paths: string[];
  where?: Where | undefined;
}

/** What is said of one path. A key without a value may be anything, whatever is said of it above. */
type Said = Readonly<Record<string, Restriction[string] | undefined>>;

/**
 * `all`: the paths without a `where`; what goes out wherever there is nothing to narrow. What a cascade reaches is never narrowed: it changes by
 * another rule.
 */
export function narrow(
  name: string,
  where: WhereFunction | undefined,
  nodes: readonly number[],
  from: readonly number[] | undefined,
  closure: Closure,
  call: CallValues,
  failed: (error: PathcastError) => void,
  all: () => string[],
): Stale {
  const given = where && nodes.length > 0 ? restrictionsOf(name, where, closure.binding, call, failed) : undefined;
  if (!given || given.size === 0) return { paths: all() };
  const { binding, cascades } = closure;
  const { table } = binding;
  const { names } = table;
  const follows = from ?? closure.following(nodes);
  const cascaded = follows.length === 0 ? [] : cascades.close([], follows);
  const byCascade = new Set(table.expand(cascaded));
  const wide: number[] = [...cascaded];
  const kept: [string, Restriction][] = [];
  const take = (node: number): void => {
    const queries = table.expand([node]);
    // Something below it is narrowed further.
    if (table.exact[node] !== 1 && [...given.keys()].some((other) => other > node && other < (table.ends[node] as number))) {
      for (const query of queries) take(query);
      return;
    }
    let said: Said = {};
    // From above to below: what is nearer has the last word.
    for (const [above, own] of given) {
      if (above <= node && node < (table.ends[above] as number)) said = { ...said, ...own };
    }
    const restriction = Object.entries(said).filter((one): one is [string, Restriction[string]] => one[1] !== undefined);
    const isNarrowed = restriction.length > 0 && node !== 0 && kept.length < WHERE_PATHS && !queries.some((query) => byCascade.has(query));
    if (isNarrowed) kept.push([names[node] as string, Object.fromEntries(restriction)]);
    else wide.push(node);
  };
  for (const node of table.cover(nodes)) take(node);
  if (kept.length === 0) return { paths: all() };
  const paths = wide.length === 0 ? [] : table.cover(wide).map((node) => names[node] as string);
  const stale = [...new Set([...paths, ...kept.map(([path]) => path)])];
  return stale.length > MAX_QUERY_PATHS ? { paths: all() } : { paths: stale, where: Object.fromEntries(kept) };
}

/** Of a list that is longer than what is looked at nothing is used. */
function holdsPromise(value: unknown): boolean {
  return isArray(value) ? value.length <= WHERE_LOOKED && value.some(hush) : hush(value);
}

/** By node, in pre-order. Nothing of what the function threw or gave is quoted: it has seen the input. */
function restrictionsOf(
  name: string,
  where: WhereFunction,
  binding: PathBinding,
  call: CallValues,
  failed: (error: PathcastError) => void,
): Map<number, Said> {
  const say = (what: string): void =>
    failed(new PathcastError('INVALID_MAP', `the where of ${describe(name)} in the invalidation map ${what}; it narrows nothing`));
  const found: [number, Said][] = [];
  const wrong: string[] = [];
  try {
    const given = where(call);
    if (hush(given)) say('gave a promise and not { path: { key: value } }: it must not be async');
    else if (isPlain(given)) {
      for (const [path, value] of Object.entries(given)) {
        if (value === undefined || value === null) continue;
        const node = binding.find(path);
        if (node < 0) wrong.push(`names a path, ${describeType(path)}, which no query has`);
        else if (!isPlain(value)) wrong.push(`gave ${describeType(value)} for a path and not { key: value }`);
        else if (Object.values(value).some(holdsPromise)) wrong.push('gave a promise for a value');
        if (node < 0 || !isPlain(value)) continue;
        const open = Object.fromEntries(Object.keys(value).map((key) => [key, undefined]));
        found.push([node, { ...open, ...restrictionOf(value) }]);
      }
      // An input may have made its keys: they must not fill a log.
      if (wrong.length > 0) say(`${wrong[0]}${wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : ''}`);
    } else if (given !== undefined && given !== null) say(`gave ${describeType(given)} and not { path: { key: value } }`);
  } catch (thrown) {
    say(`threw ${describeThrown(thrown)}`);
    return new Map();
  }
  return new Map(found.sort(([a], [b]) => a - b));
}

/** Of several mutations that go out as one: a path is narrowed where each of them that names it narrows it, to all that these concern. */
export function joinStale(parts: readonly { paths: readonly string[]; where?: Where | undefined }[]): Map<string, Restriction | undefined> {
  const joined = new Map<string, Restriction | undefined>();
  for (const { paths, where } of parts) {
    for (const path of paths) {
      const own = restrictionAt(where, path);
      const known = joined.get(path);
      joined.set(path, joined.has(path) ? known && own && joinRestrictions(known, own) : own);
    }
  }
  return joined;
}
