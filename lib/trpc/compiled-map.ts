/** A map as it is used: every static entry closed once, every function closed over the same cascades when it is called. */
import type { ActionType } from '../protocol/events.js';
import { PathcastError } from '../protocol/error.js';
import { MAX_QUERY_PATHS } from '../protocol/limits.js';
import { describe, describeType, describeThrown, isArray } from '../internal/describe.js';
import type { PathBinding } from '../server/paths/binding.js';
import type { CallValues, Closure } from './closure.js';
import { hush } from './hush.js';
import type { OnError } from './invalidation-map.js';
import type { ReadEntry, StaleFunction } from './map-reader.js';
import { moduleOfPath, typeOfName } from './naming.js';
import { narrow, type Stale } from './narrow.js';
import type { RowRule } from './rows.js';

export interface Entry {
  /** Of the mutation or tool. */
  readonly name: string;
  readonly module: string;
  readonly type: ActionType;
  /** Set if it rightly broadcasts nothing. */
  readonly silent: string | undefined;
  /** Undefined: as the sync says. */
  readonly onError: OnError | undefined;
  readonly row: RowRule | undefined;
  /** What is stale after this call. `failed` is told what a function did wrong; what goes out then is safe, if broad. */
  pathsOf(call: CallValues, failed: (error: PathcastError) => void): string[];
  /** The same, and what of it is narrowed to some inputs. */
  staleOf(call: CallValues, failed: (error: PathcastError) => void): Stale;
}

export interface CompiledMap {
  readonly mutations: ReadonlyMap<string, Entry>;
  readonly tools: ReadonlyMap<string, Entry>;
}

export function silentEntry(name: string, why: string): Entry {
  return {
    name,
    module: moduleOfPath(name),
    type: typeOfName(name),
    silent: why,
    onError: undefined,
    row: undefined,
    pathsOf: () => [],
    staleOf: () => ({ paths: [] }),
  };
}

type Failed = (error: PathcastError) => void;

/** REQUIRES: the paths and modules of `read` are known to be real. `nodes`: those of a static entry. */
export function entryOf(name: string, read: ReadEntry, nodes: readonly number[], closure: Closure): Entry {
  const { cascade, stale } = read;
  const from =
    cascade === undefined
      ? undefined
      : (cascade || []).map((module) => closure.modules.get(module)).filter((index) => index !== undefined);
  const common = { name, type: read.type ?? typeOfName(name), silent: undefined, onError: read.onError, row: read.row };
  if (typeof stale === 'function') {
    const module = read.module ?? moduleOfPath(name);
    const own = read.module === undefined ? -1 : closure.binding.table.find(read.module);
    const instead = own >= 0 ? module : prefixOf(name, closure.binding);
    const nodesOf = (call: CallValues, failed: Failed) => callEntry(name, stale, instead, closure, call, failed);
    return {
      ...common,
      module,
      pathsOf: (call, failed) => {
        const given = nodesOf(call, failed);
        return [...close(given.nodes, from, closure), ...given.pending];
      },
      staleOf: (call, failed) => {
        const { nodes: named, pending } = nodesOf(call, failed);
        const all = (): string[] => [...close(named, from, closure), ...pending];
        return pending.length > 0 ? { paths: all() } : narrow(name, read.where, named, from, closure, call, failed, all);
      },
    };
  }
  const paths = close(nodes, from, closure);
  const module = read.module ?? moduleOfPath(name);
  return {
    ...common,
    module,
    pathsOf: () => [...paths],
    staleOf: (call, failed) => narrow(name, read.where, nodes, from, closure, call, failed, () => [...paths]),
  };
}

/** The prefix of a procedure's router, or of the nearest one around it that has a query; `*` where none has. */
export function prefixOf(path: string, binding: PathBinding | undefined): string {
  let prefix = path;
  for (let dot = prefix.lastIndexOf('.'); dot > 0; dot = prefix.lastIndexOf('.')) {
    prefix = prefix.slice(0, dot);
    if (!binding || binding.table.find(prefix) >= 0 || binding.isPending(prefix)) return prefix;
  }
  return '*';
}

/** Each path once, in as few as cover them where a router is bound. */
export function unionOf(paths: Iterable<string>, binding: PathBinding | undefined): string[] {
  const distinct = [...new Set(paths)];
  if (!binding || distinct.length < 2) return distinct;
  const nodes = distinct.map((path) => binding.find(path));
  if (nodes.includes(-1)) return distinct.length > MAX_QUERY_PATHS ? ['*'] : distinct;
  return namesOf(binding.table.cover(nodes), binding);
}

/** What of `paths` is not covered by `sent`. */
export function leftOut(
  paths: readonly string[],
  sent: ReadonlySet<string>,
  binding: PathBinding | undefined,
): string[] {
  const covered = (path: string): boolean => {
    if (sent.has('*') || sent.has(path)) return true;
    for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
      if (sent.has(path.slice(0, dot))) return true;
    }
    return false;
  };
  return paths.filter((path) => {
    if (covered(path)) return false;
    const node = binding ? binding.find(path) : -1;
    // A prefix is covered where each of its queries is.
    return !binding || node < 0 || !namesOf(binding.table.expand([node]), binding).every(covered);
  });
}

function close(nodes: readonly number[], from: readonly number[] | undefined, closure: Closure): string[] {
  if (nodes.length === 0) return [];
  const { cascades, binding } = closure;
  return namesOf(from === undefined ? cascades.close(nodes) : cascades.close(nodes, from), binding);
}

function namesOf(nodes: readonly number[], binding: PathBinding): string[] {
  return nodes.map((node) => binding.table.names[node] as string);
}

function callEntry(
  name: string,
  stale: StaleFunction,
  instead: string,
  closure: Closure,
  call: CallValues,
  failed: Failed,
): { nodes: number[]; pending: string[] } {
  const { binding } = closure;
  // Nothing of what it threw or gave is quoted: it has seen the input.
  const say = (what: string): void =>
    failed(
      new PathcastError(
        'INVALID_MAP',
        `the function of ${describe(name)} in the invalidation map ${what}; '${instead}' goes out in its place`,
      ),
    );
  let given: unknown;
  try {
    given = stale(call);
  } catch (thrown) {
    say(`threw ${describeThrown(thrown)}`);
    given = [instead];
  }
  const isPromise = hush(given);
  if (!isArray(given)) {
    say(`gave ${isPromise ? 'a promise' : describeType(given)} and not a list of query paths${isPromise ? ': it must not be async' : ''}`);
    given = [instead];
  }
  const nodes: number[] = [];
  const pending: string[] = [];
  const phantoms: unknown[] = [];
  for (const path of given as readonly unknown[]) {
    const node = typeof path === 'string' ? binding.find(path) : -1;
    if (node >= 0) nodes.push(node);
    else if (typeof path === 'string' && binding.isPending(path)) pending.push(path);
    else phantoms.push(path);
  }
  if (phantoms.length > 0) {
    const [path] = phantoms;
    const near = typeof path === 'string' ? binding.nearest(path).map((each) => each.path) : [];
    // An input may have made them: they must not fill a log.
    const more = phantoms.length > 1 ? ` (and ${phantoms.length - 1} more)` : '';
    say(`named a path, ${describeType(path)}, which no query has${near.length > 0 ? ` (nearest: ${near.join(', ')})` : ''}${more}`);
    nodes.push(Math.max(0, binding.table.find(instead)));
  }
  return { nodes, pending };
}
