/** The real paths that somebody may have meant by a phantom one (SPEC §8). */
import { editDistance } from './edit-distance.js';
import { meaningOf, spelling, splitPath, type Meaning } from './path-words.js';

export interface Nearest {
  path: string;
  /** In the same module, and the same by convention or hardly misspelled: what `repair` may put in the phantom's place. */
  confident: boolean;
}

export type NearestFinder = (phantom: string, max?: number) => readonly Nearest[];

/** Phantoms, and spellings of modules, that a finder remembers; beyond it the one asked for the longest ago is forgotten. */
const MAX_REMEMBERED = 1_000;
/** Paths given unless the caller says otherwise. */
const DEFAULT_MAX = 3;

interface Query {
  readonly path: string;
  /** Place in the router. */
  readonly order: number;
  /** The last segment in lower case, and what it means; found when the query is first a candidate. */
  lower?: string;
  meaning?: Meaning | undefined;
}

interface Module {
  /** As `spelling` gives it: several real modules may share it. */
  readonly name: string;
  readonly queries: Query[];
}

interface NearModule {
  readonly module: Module;
  /** 0: the same module. */
  readonly distance: number;
}

interface Candidate {
  readonly query: Query;
  readonly distance: number;
  readonly same: boolean;
  readonly edits: number;
}

interface Groups {
  /** By spelling. */
  readonly modules: ReadonlyMap<string, Module>;
  /** Routers of all depths, by spelling. */
  readonly prefixes: ReadonlyMap<string, string>;
}

/** For a single question; who asks often makes a `nearestFinder`. */
export function nearestPaths(phantom: string, queries: readonly string[], max = DEFAULT_MAX): readonly Nearest[] {
  return nearestFinder(queries)(phantom, max);
}

/**
 * Groups the queries at the first question. An answer costs a comparison with each query of the phantom's module, and
 * with the name of each module only where that one has too few; it is remembered.
 */
export function nearestFinder(queries: readonly string[]): NearestFinder {
  let groups: Groups | undefined;
  const answers = new Recent<readonly Nearest[]>(MAX_REMEMBERED);
  const ranked = new Recent<readonly NearModule[]>(MAX_REMEMBERED);

  const find = (phantom: string, max: number): readonly Nearest[] => {
    const { modules, prefixes } = (groups ??= group(queries));
    const [module, last] = splitPath(phantom);
    // A word alone is a router rather than a procedure, unless there are procedures at the root.
    const name = spelling(module === '' && !modules.has('') ? phantom : module);
    const own = modules.get(name);
    const near =
      own && own.queries.length >= max
        ? [{ module: own, distance: 0 }]
        : ranked.get(`${max} ${name}`, () => rankModules(name, modules, max));
    const prefix = prefixes.get(spelling(phantom));
    const found: Nearest[] = prefix === undefined ? [] : [{ path: prefix, confident: true }];
    for (const { query, distance, same, edits } of rankQueries(module, last, near, max)) {
      // A query that is a router's prefix too is there already.
      if (query.path === prefix) continue;
      const confident = distance === 0 && (module !== '' || name === '') && (same || edits <= allowedEdits(last));
      found.push({ path: query.path, confident });
    }
    return found.slice(0, max);
  };
  return (phantom, max = DEFAULT_MAX) => answers.get(`${max} ${phantom}`, () => find(phantom, max));
}

/** A misspelling, not another word. */
function allowedEdits(segment: string): number {
  return segment.length >= 8 ? 2 : 1;
}

function group(queries: readonly string[]): Groups {
  const modules = new Map<string, Module>();
  const prefixes = new Map<string, string>();
  const known = new Map<string, Module>();
  queries.forEach((path, order) => {
    const [own] = splitPath(path);
    let module = known.get(own);
    if (!module) {
      const name = spelling(own);
      module = modules.get(name) ?? { name, queries: [] };
      modules.set(name, module);
      known.set(own, module);
      for (let prefix = own; prefix !== ''; [prefix] = splitPath(prefix)) {
        const key = spelling(prefix);
        if (!prefixes.has(key)) prefixes.set(key, prefix);
      }
    }
    module.queries.push({ path, order });
  });
  return { modules, prefixes };
}

/** The nearest modules by name, as many as it takes to have `max` queries; those as near as the last one included. */
function rankModules(name: string, modules: ReadonlyMap<string, Module>, max: number): NearModule[] {
  const found: NearModule[] = [];
  /** Queries by the distance of their module. */
  const counts: number[] = [];
  /** Queries nearer than the limit. */
  let nearer = 0;
  let limit = Infinity;
  for (const module of modules.values()) {
    const distance = module.name === name ? 0 : editDistance(name, module.name, limit);
    if (distance > limit) continue;
    found.push({ module, distance });
    counts[distance] = (counts[distance] ?? 0) + module.queries.length;
    if (distance < limit) nearer += module.queries.length;
    if (nearer < max) continue;
    if (limit === Infinity) limit = counts.length;
    // Enough of it lies below the limit: that comes down.
    while (nearer >= max) nearer -= counts[--limit] ?? 0;
  }
  return found.filter(({ distance }) => distance <= limit);
}

/** The best `max` of these modules' queries, best first. */
function rankQueries(module: string, last: string, near: readonly NearModule[], max: number): readonly Candidate[] {
  const best: Candidate[] = [];
  const lower = last.toLowerCase();
  const meaning = meaningOf(module, last);
  for (const { module: group, distance } of near) {
    for (const query of group.queries) {
      const worst = best.length === max ? best.at(-1) : undefined;
      if (worst && distance > worst.distance) break;
      const same = meaning !== undefined && meaningIn(query) === meaning;
      let limit = Infinity;
      if (worst?.distance === distance) {
        if (worst.same && !same) continue;
        if (worst.same === same) limit = worst.edits;
      }
      const edits = editDistance(lower, lowerOf(query), limit);
      if (edits > limit) continue;
      const candidate = { query, distance, same, edits };
      if (worst && compare(candidate, worst) >= 0) continue;
      if (worst) best.pop();
      const at = best.findIndex((other) => compare(candidate, other) < 0);
      best.splice(at < 0 ? best.length : at, 0, candidate);
    }
  }
  return best;
}

function compare(a: Candidate, b: Candidate): number {
  return (
    a.distance - b.distance || Number(b.same) - Number(a.same) || a.edits - b.edits || a.query.order - b.query.order
  );
}

function meaningIn(query: Query): Meaning | undefined {
  if (!('meaning' in query)) query.meaning = meaningOf(...splitPath(query.path));
  return query.meaning;
}

function lowerOf(query: Query): string {
  return (query.lower ??= splitPath(query.path)[1].toLowerCase());
}

/** Remembers the answers given last. */
class Recent<T> {
  readonly #answers = new Map<string, T>();

  constructor(readonly max: number) {}

  get(key: string, make: () => T): T {
    let answer = this.#answers.get(key);
    if (answer === undefined) answer = make();
    else this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size > this.max) {
      for (const oldest of this.#answers.keys()) {
        this.#answers.delete(oldest);
        break;
      }
    }
    return answer;
  }
}
