/** pathcast's own declarations in the audited code: aliases and the invalidation map, checked and closed as the hub does it (SPEC §8, §9). */
import { MAX_QUERY_PATHS } from '../../../protocol/limits.js';
import type { PathTable, PathTableFactory } from '../../../internal/path-table.js';
import type { RawEntry, RawInvalidationMap, RawPath, RawSyncConfig } from '../effects/types.js';
import type { Place } from '../report.js';
import { placeOf, type Found } from './fingerprint.js';
import { covers, type PathJudge } from './paths.js';
import { listed } from './words.js';

export interface Entry {
  place: Place;
  /** The entry's own paths, then what follows from them. Empty where it is silent. */
  paths: RawPath[];
  /** False where a function computes them and could not be followed. */
  complete: boolean;
  silent?: string;
  module?: string;
}

/** Aliases that point at a real path, and a finding for each that does not. */
export function readAliases(
  sync: RawSyncConfig,
  queries: readonly string[],
  nearest: (path: string) => readonly string[],
): { aliases: Map<string, string>; found: Found[] } {
  const real = new Set(['*', ...queries]);
  for (const query of queries) {
    for (let dot = query.indexOf('.'); dot >= 0; dot = query.indexOf('.', dot + 1)) real.add(query.slice(0, dot));
  }
  const aliases = new Map<string, string>();
  const found: Found[] = [];
  for (const hub of sync.hubs) {
    for (const alias of hub.aliases) {
      const problem = real.has(alias.from)
        ? `the alias ${alias.from} has the name of a real path`
        : real.has(alias.to)
          ? undefined
          : `the alias ${alias.from} points at ${alias.to}, which no query has${hint(nearest(alias.to))}`;
      if (problem === undefined) aliases.set(alias.from, alias.to);
      else
        found.push({
          rule: 'invalid-map',
          place: placeOf(alias),
          message: problem,
          subject: alias.from,
          detail: alias.to,
        });
    }
  }
  return { aliases, found };
}

const hint = (nearest: readonly string[]): string => (nearest.length > 0 ? `; nearest: ${nearest.join(', ')}` : '');

export class SyncMap {
  readonly #mutations = new Map<string, Entry>();
  readonly #tools = new Map<string, Entry & { sameAs?: string }>();
  readonly found: Found[] = [];
  /** Whether the code declares a map at all. */
  readonly declared: boolean;
  /** Whether every part of it could be read. */
  readonly complete: boolean;

  constructor(
    sync: RawSyncConfig,
    queries: readonly string[],
    mutations: readonly string[],
    judge: PathJudge,
    pathTable: PathTableFactory,
  ) {
    this.declared = sync.maps.length > 0;
    this.complete = sync.maps.every((map) => map.complete);
    if (!this.declared) return;
    const known = new Set(mutations);
    const table = pathTable({ queries, maxPaths: MAX_QUERY_PATHS });
    for (const map of sync.maps) {
      const closure = new Closure(map, table, judge, this.found);
      for (const entry of map.mutations) {
        if (known.has(entry.name)) this.#mutations.set(entry.name, closure.entry(entry, `map ${entry.name}`));
        else this.#unknown(entry, `${map.name} has an entry for ${entry.name}, which no router has`);
      }
      for (const tool of map.tools) {
        if (tool.sameAs !== undefined && !known.has(tool.sameAs)) {
          this.#unknown(
            tool,
            `${map.name} gives the tool ${tool.name} the paths of ${tool.sameAs}, which no router has`,
          );
          continue;
        }
        const entry = tool.sameAs === undefined ? undefined : this.#mutations.get(tool.sameAs);
        this.#tools.set(tool.name, {
          ...(entry ?? closure.entry(tool, `map tool ${tool.name}`)),
          place: placeOf(tool),
          ...(tool.sameAs === undefined ? {} : { sameAs: tool.sameAs }),
        });
      }
    }
    if (this.complete) this.#missing(sync.maps[0], mutations);
  }

  mutation(path: string): Entry | undefined {
    return this.#mutations.get(path);
  }

  tool(name: string): (Entry & { sameAs?: string }) | undefined {
    return this.#tools.get(name);
  }

  tools(): ReadonlyMap<string, Entry & { sameAs?: string }> {
    return this.#tools;
  }

  #unknown(place: Place & { name: string }, message: string): void {
    this.found.push({ rule: 'invalid-map', place: placeOf(place), message, subject: place.name, detail: 'unknown' });
  }

  #missing(map: RawInvalidationMap | undefined, mutations: readonly string[]): void {
    const missing = mutations.filter((mutation) => !this.#mutations.has(mutation));
    if (!map || missing.length === 0) return;
    for (const mutation of missing) {
      const message = `${map.name} has no entry for ${mutation}`;
      this.found.push({ rule: 'invalid-map', place: placeOf(map), message, subject: mutation, detail: 'missing' });
    }
  }
}

/** Closes entries over the cascades of one map. */
class Closure {
  readonly #index = new Map<string, number>();
  readonly #cascades: ReturnType<PathTable['cascades']>;

  constructor(
    map: RawInvalidationMap,
    readonly table: PathTable,
    readonly judge: PathJudge,
    readonly found: Found[],
  ) {
    const given = new Map(map.modules.map((module) => [module.name, module.queryPaths]));
    const sources = new Set(map.cascades.map((cascade) => cascade.from));
    for (const { name, queryPaths } of map.modules) this.#nodes(queryPaths, `map module ${name}`);
    const modules: { name: string; nodes: number[] }[] = [];
    const add = (name: string, place: Place): number => {
      const known = this.#index.get(name);
      if (known !== undefined) return known;
      const prefix = table.find(name);
      const own = given.get(name);
      if (!own && prefix < 0 && !sources.has(name)) {
        const message = `${map.name} cascades to ${name}, which is no module: no query is below it and 'modules' does not say what it is`;
        this.found.push({ rule: 'invalid-map', place: placeOf(place), message, subject: name, detail: 'module' });
      }
      const nodes = own
        ? own.map((path) => table.find(judge.effective(path.path))).filter((node) => node >= 0)
        : prefix < 0
          ? []
          : [prefix];
      this.#index.set(name, modules.length);
      return modules.push({ name, nodes }) - 1;
    };
    for (const { name, ...place } of map.modules) add(name, place);
    const edges = map.cascades.flatMap((cascade) => {
      const from = add(cascade.from, cascade);
      return cascade.to.map((target): [number, number] => [from, add(target.path, target)]);
    });
    for (const entry of [...map.mutations, ...map.tools]) {
      for (const target of entry.cascade === undefined || entry.cascade === false ? [] : entry.cascade)
        add(target.path, target);
    }
    this.#cascades = table.cascades({ modules, edges });
  }

  entry(raw: RawEntry, within: string): Entry {
    const place = placeOf(raw);
    if (raw.silent !== undefined) return { place, paths: [], complete: true, silent: raw.silent };
    const nodes = this.#nodes(raw.queryPaths, within);
    const closed =
      raw.cascade === false
        ? this.table.cover(nodes)
        : raw.cascade === undefined
          ? this.#cascades.close(nodes)
          : this.#cascades.close(
              nodes,
              raw.cascade.map((target) => this.#index.get(target.path)).filter((index) => index !== undefined),
            );
    const own = raw.queryPaths.map((path) => this.judge.effective(path.path));
    const more = closed
      .map((node) => this.table.names[node] ?? '*')
      .filter((path) => !own.some((one) => covers(one, path)))
      .map((path): RawPath => ({ path, ...place }));
    const paths = [...raw.queryPaths, ...more];
    return { place, paths, complete: raw.complete, ...(raw.module === undefined ? {} : { module: raw.module }) };
  }

  /** Numbers of the real paths; each phantom is a finding. */
  #nodes(paths: readonly RawPath[], within: string): number[] {
    const nodes: number[] = [];
    for (const raw of paths) {
      const node = this.table.find(this.judge.effective(raw.path));
      if (node >= 0) {
        nodes.push(node);
        continue;
      }
      const { nearest = [] } = this.judge.judge(raw, within, { as: 'invalid-map' });
      const message = `${within}: ${raw.path} is no query${nearest.length > 0 ? `; nearest: ${listed(nearest)}` : ''}`;
      this.found.push({
        rule: 'invalid-map',
        place: placeOf(raw),
        message,
        subject: within.replace(/^map /, ''),
        detail: raw.path,
      });
    }
    return nodes;
  }
}
