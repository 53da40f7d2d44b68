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
  path: string;
  last: string;
  lower: string;
  meaning: Meaning | undefined;
  /** Place in the router. */
  order: number;
}

interface Module {
  /** As `spelling` gives it: several real modules may share it. */
  name: string;
  queries: Query[];
}

interface Candidate {
  query: Query;
  /** 0: the same module. */
  distance: number;
  same: boolean;
  edits: number;
}

/** For a single question; who asks often makes a `nearestFinder`. */
export function nearestPaths(phantom: string, queries: readonly string[], max = DEFAULT_MAX): readonly Nearest[] {
  return nearestFinder(queries)(phantom, max);
}

/**
 * Groups the queries once. An answer costs a comparison with each query of the phantom's module, and with the name of
 * each module only where that one has too few; it is remembered.
 */
export function nearestFinder(queries: readonly string[]): NearestFinder {
  const { modules, prefixes } = group(queries);
  const answers = new Recent<readonly Nearest[]>(MAX_REMEMBERED);
  const byModule = new Recent<readonly { module: Module; distance: number }[]>(MAX_REMEMBERED);

  const ranked = (name: string, max: number): readonly { module: Module; distance: number }[] =>
    byModule.get(`${max} ${name}`, () => rankModules(name, modules, max));

  const find = (phantom: string, max: number): readonly Nearest[] => {
    const [module, last] = splitPath(phantom);
    const prefix = prefixes.get(spelling(phantom));
    const found: Nearest[] = prefix === undefined ? [] : [{ path: prefix, confident: true }];
    // A word alone is a module rather than a procedure, unless the router has procedures at its root.
    const name = spelling(module === '' && !modules.has('') ? phantom : module);
    const lower = last.toLowerCase();
    const meaning = meaningOf(module, last);
    const own = modules.get(name);
    const near = own && own.queries.length >= max ? [{ module: own, distance: 0 }] : ranked(name, max);
    const candidates = near
      .flatMap(({ module: { queries: members }, distance }) =>
        members.map((query): Candidate => {
          const same = meaning !== undefined && query.meaning === meaning;
          return { query, distance, same, edits: editDistance(lower, query.lower) };
        }),
      )
      .sort(
        (a, b) =>
          a.distance - b.distance ||
          Number(b.same) - Number(a.same) ||
          a.edits - b.edits ||
          a.query.order - b.query.order,
      );
    for (const { query, distance, same, edits } of candidates) {
      if (found.length >= max) break;
      const confident = distance === 0 && (module !== '' || name === '') && (same || edits <= (last.length >= 8 ? 2 : 1));
      found.push({ path: query.path, confident });
    }
    return found.slice(0, max);
  };
  return (phantom, max = DEFAULT_MAX) => answers.get(`${max} ${phantom}`, () => find(phantom, max));
}

function group(queries: readonly string[]): { modules: Map<string, Module>; prefixes: Map<string, string> } {
  const modules = new Map<string, Module>();
  const prefixes = new Map<string, string>();
  const seen = new Set<string>();
  queries.forEach((path, order) => {
    const [own, last] = splitPath(path);
    if (!seen.has(own)) {
      seen.add(own);
      for (let prefix = own; prefix !== ''; [prefix] = splitPath(prefix)) {
        const key = spelling(prefix);
        if (!prefixes.has(key)) prefixes.set(key, prefix);
      }
    }
    const name = spelling(own);
    let module = modules.get(name);
    if (!module) modules.set(name, (module = { name, queries: [] }));
    module.queries.push({ path, last, lower: last.toLowerCase(), meaning: meaningOf(own, last), order });
  });
  return { modules, prefixes };
}

/** The nearest modules by name, as many as it takes to have `max` queries; those as near as the last one included. */
function rankModules(name: string, modules: Map<string, Module>, max: number): { module: Module; distance: number }[] {
  const found: { module: Module; distance: number }[] = [];
  /** Queries by the distance of their module. */
  const counts: number[] = [];
  let nearer = 0;
  let limit = Infinity;
  for (const module of modules.values()) {
    const distance = module.name === name ? 0 : Math.max(1, editDistance(name, module.name, limit));
    if (distance > limit) continue;
    found.push({ module, distance });
    counts[distance] = (counts[distance] ?? 0) + module.queries.length;
    nearer += module.queries.length;
    if (limit === Infinity && nearer >= max) {
      limit = counts.length - 1;
      nearer -= counts[limit] ?? 0;
    } else if (limit !== Infinity && distance === limit) {
      nearer -= module.queries.length;
    }
    // `nearer` is what lies below the limit: enough of it, and the limit comes down.
    while (nearer >= max) nearer -= counts[--limit] ?? 0;
  }
  return found.filter(({ distance }) => distance <= limit);
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
