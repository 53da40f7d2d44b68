/** From a map and a bound router to entries that can be used; everything that is wrong is one error (SPEC §9). */
import { PathcastError } from '../protocol/error.js';
import { describe } from '../internal/describe.js';
import { nearestPaths } from '../internal/nearest.js';
import type { PathBinding } from '../server/paths/binding.js';
import type { Closure } from './closure.js';
import { entryOf, silentEntry, type CompiledMap, type Entry } from './compiled-map.js';
import { readMap, type ReadMap, type ReadMapEntry } from './map-reader.js';
import { moduleOfPath } from './naming.js';
import type { OutputOrder } from './order.js';
import { checkRowRule } from './rows.js';

/**
 * Throws PathcastError INVALID_MAP. `declared`: the hub's modules, if it has a list. `warn` is told what is no error, but
 * surely not meant. `order`: of the mutations' middlewares; `givesData`: a rule is given what they answer.
 */
export function compileMap(
  map: unknown,
  binding: PathBinding,
  warn: (message: string) => void,
  declared?: ReadonlySet<string>,
  order?: OutputOrder,
  givesData = false,
): CompiledMap {
  const problems: string[] = [];
  const read = readMap(map, problems);
  const closure = readCascades(read, binding, problems, warn);
  const mutations = new Map<string, Entry>();
  for (const [name, entry] of read.mutations) {
    if (!binding.mutations.has(name)) {
      problems.push(`mutations[${describe(name)}]: the router has no such mutation${near(name, binding.mutations)}`);
    } else {
      const where = `mutations[${describe(name)}]`;
      const compiled = compileEntry(where, name, entry, closure, problems);
      if (compiled) {
        checkOutput(where, compiled, order, givesData, problems, warn);
        mutations.set(name, compiled);
      }
    }
  }
  for (const name of binding.mutations) {
    if (!read.mutations.has(name) && !problems.some((problem) => problem.startsWith(`mutations[${describe(name)}]`)))
      problems.push(`mutation ${describe(name)} has no entry; one that makes nothing stale is { silent: 'why' }`);
  }
  const tools = new Map<string, Entry>();
  for (const [name, entry] of read.tools) {
    const where = `tools[${describe(name)}]`;
    if (!('mutation' in entry)) {
      const compiled = compileEntry(where, name, entry, closure, problems);
      if (compiled) tools.set(name, withToolModule(compiled, entry, binding));
    } else if (!binding.mutations.has(entry.mutation)) {
      problems.push(
        `${where}: the router has no mutation ${describe(entry.mutation)}${near(entry.mutation, binding.mutations)}`,
      );
    } else {
      const same = mutations.get(entry.mutation);
      if (same) tools.set(name, same);
    }
  }
  if (declared) {
    const undeclared = (where: string, { module, silent }: Entry): void => {
      if (silent === undefined && module !== '*' && !declared.has(module))
        problems.push(
          `${where}: the module of its action, ${describe(module)}, is none of createHub({ modules }): ${[...declared].join(', ')}; declare it, or give the entry a module of these`,
        );
    };
    for (const [name, entry] of mutations) undeclared(`mutations[${describe(name)}]`, entry);
    for (const [name, entry] of tools) {
      if (mutations.get(entry.name) !== entry) undeclared(`tools[${describe(name)}]`, entry);
    }
  }
  if (problems.length > 0) throw invalidMap(problems);
  return { mutations, tools };
}

/** What an output parser takes out of an answer must not go to everybody of the company. */
function checkOutput(where: string, { name, row, silent }: Entry, order: OutputOrder | undefined, givesData: boolean, problems: string[], warn: (message: string) => void): void {
  if (order?.unparsed.has(name)) {
    const inFront = "the procedure's .output() stands in front of sync.middleware(), so";
    if (row) problems.push(`${where}.row: ${inFront} the row would carry to everybody of the company what .output() takes out of the answer; put .output() behind it`);
    else if (givesData && silent === undefined) warn(`${where}: ${inFront} the rule data is given what .output() takes out of the answer; put .output() behind it`);
  } else if (row && order?.unknown.has(name)) {
    warn(`${where}.row: sync.middleware() is not among the procedure's middlewares as it is, so nobody knows whether the row carries to everybody of the company what .output() takes out of the answer; give it to use() itself`);
  }
}

/** `; nearest: a, b`, or nothing. */
export function near(name: string, names: Iterable<string>): string {
  const found = nearestPaths(name, [...names]).map((each) => each.path);
  return found.length === 0 ? '' : `; nearest: ${found.join(', ')}`;
}

function invalidMap(problems: readonly string[]): PathcastError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new PathcastError(
    'INVALID_MAP',
    `the invalidation map has ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** The cascades of the map. Names that nothing stands behind are problems. */
function readCascades(
  read: ReadMap,
  binding: PathBinding,
  problems: string[],
  warn: (message: string) => void,
): Closure {
  const { table } = binding;
  const indexes = new Map<string, number>();
  const modules: { name: string; nodes: number[] }[] = [];
  const isModule = (name: string): boolean =>
    read.modules.has(name) || read.cascades.has(name) || table.find(name) >= 0;
  const indexOf = (name: string): number => {
    let index = indexes.get(name);
    if (index !== undefined) return index;
    index = modules.length;
    indexes.set(name, index);
    const own = read.modules.get(name);
    const prefix = table.find(name);
    const nodes = own ? nodesOf(`modules[${describe(name)}]`, own, binding, problems) : prefix >= 0 ? [prefix] : [];
    modules.push({ name, nodes });
    return index;
  };
  const known = (): string[] => [
    ...new Set([...read.modules.keys(), ...read.cascades.keys(), ...prefixesOf(table.names, table.exact)]),
  ];
  const check = (where: string, name: string): boolean => {
    if (isModule(name)) return true;
    problems.push(
      `${where}: ${describe(name)} is no router with a query, nor a module of the map${near(name, known())}`,
    );
    return false;
  };

  for (const name of read.modules.keys()) indexOf(name);
  const edges: [number, number][] = [];
  const reached = new Set<string>();
  for (const [from, targets] of read.cascades) {
    for (const to of targets) {
      if (!check(`cascades[${describe(from)}]`, to)) continue;
      edges.push([indexOf(from), indexOf(to)]);
      reached.add(to);
    }
  }
  for (const [name, entry] of [...read.mutations, ...read.tools]) {
    if (!('cascade' in entry) || !entry.cascade) continue;
    const part = read.mutations.get(name) === entry ? 'mutations' : 'tools';
    for (const module of entry.cascade) {
      if (!check(`${part}[${describe(name)}].cascade`, module)) continue;
      indexOf(module);
      reached.add(module);
    }
  }
  for (const name of read.cascades.keys()) {
    if (!read.modules.has(name) && table.find(name) < 0 && !reached.has(name))
      warn(
        `cascades[${describe(name)}] has no effect: no router has the name, modules gives it no paths, and nothing leads to it${near(
          name,
          known().filter((each) => each !== name),
        )}`,
      );
  }
  return {
    binding,
    modules: indexes,
    cascades: table.cascades({ modules, edges }),
    following: (nodes) => {
      const stale = new Set(table.expand(nodes));
      const touched = modules.map((module) => table.expand(module.nodes).some((query) => stale.has(query)));
      return [...new Set(edges.filter(([from]) => touched[from]).map(([, to]) => to))];
    },
  };
}

function prefixesOf(names: readonly string[], exact: Uint8Array): string[] {
  return names.filter((_name, node) => node > 0 && exact[node] === 0);
}

function nodesOf(where: string, paths: readonly string[], binding: PathBinding, problems: string[]): number[] {
  const nodes: number[] = [];
  for (const path of paths) {
    const node = binding.find(path);
    if (node >= 0) {
      nodes.push(node);
      continue;
    }
    const nearest = binding.nearest(path).map((each) => each.path);
    const kind = binding.mutations.has(path) ? 'is a mutation' : 'is no query path';
    problems.push(
      `${where}: ${describe(path)} ${kind}${nearest.length === 0 ? '' : `; nearest: ${nearest.join(', ')}`}`,
    );
  }
  return nodes;
}

function compileEntry(
  where: string,
  name: string,
  entry: ReadMapEntry,
  closure: Closure,
  problems: string[],
): Entry | undefined {
  if ('silent' in entry) return silentEntry(name, entry.silent);
  const before = problems.length;
  const nodes = typeof entry.stale === 'function' ? [] : nodesOf(where, entry.stale, closure.binding, problems);
  if (problems.length > before) return undefined;
  const compiled = entryOf(name, entry, nodes, closure);
  const stale = typeof entry.stale === 'function' ? undefined : compiled.pathsOf({ input: undefined, result: undefined }, () => undefined);
  checkRowRule(`${where}.row`, entry.row, closure.binding, stale?.map((path) => closure.binding.find(path)), problems);
  return problems.length > before ? undefined : compiled;
}

/** A tool's name tells no module: its first path does. */
function withToolModule(entry: Entry, read: ReadMapEntry, binding: PathBinding): Entry {
  if ('silent' in read || read.module !== undefined || typeof read.stale === 'function') return entry;
  const { table } = binding;
  const node = binding.find(read.stale[0] ?? '');
  const path = table.names[node];
  if (path === undefined || node === 0) return entry;
  return { ...entry, module: table.exact[node] === 1 ? moduleOfPath(path) : path };
}
