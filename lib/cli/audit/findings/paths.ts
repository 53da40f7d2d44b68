/** Judges query paths against the queries of the root, and remembers every phantom with its uses. */
import type { RawPath } from '../effects/types.js';
import type { PathUse, PathVerdict, PhantomReport, Place } from '../report.js';
import { placeKey, placeOf } from './fingerprint.js';

/** Real paths nearest to a phantom, best first. */
export type Nearest = (path: string) => readonly string[];

export interface PathJudgeOptions {
  /** Paths of the root's queries, in the router's order. */
  queries: readonly string[];
  nearest: Nearest;
  /** The one that alone can be meant. */
  certain?: (path: string) => string | undefined;
  /** Of the audited code: those that point at a real path. */
  aliases?: ReadonlyMap<string, string>;
}

export interface JudgeOptions {
  more?: ReadonlySet<string> | undefined;
  as?: PhantomUse['as'];
}

/** One place and one user of a phantom path. */
export interface PhantomUse {
  path: string;
  place: Place;
  within: string;
  as: 'phantom' | 'invalid-map';
}

export class PathJudge {
  readonly #queries: ReadonlySet<string>;
  readonly #prefixes = new Set<string>(['*']);
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #nearest: Nearest;
  readonly #certain: (path: string) => string | undefined;
  readonly #phantoms = new Map<string, PhantomReport & { seen: Set<string> }>();
  readonly #uses: PhantomUse[] = [];

  constructor({ queries, nearest, certain, aliases }: PathJudgeOptions) {
    this.#queries = new Set(queries);
    for (const query of queries) {
      for (let dot = query.indexOf('.'); dot >= 0; dot = query.indexOf('.', dot + 1))
        this.#prefixes.add(query.slice(0, dot));
    }
    this.#aliases = aliases ?? new Map();
    this.#nearest = nearest;
    this.#certain = certain ?? (() => undefined);
  }

  verdict(path: string, more?: ReadonlySet<string>): PathVerdict {
    if (this.#queries.has(path) || more?.has(path)) return 'exact';
    return this.#prefixes.has(path) ? 'prefix' : 'phantom';
  }

  nearest(path: string): string[] {
    return [...this.#nearest(path)];
  }

  /**
   * @param within Who uses it: a procedure's path, `tool add_guest`.
   * @param more Queries of the router it is used in, where that is not the root.
   * @param as The rule that a phantom here breaks.
   */
  judge(raw: RawPath, within: string, { more, as = 'phantom' }: JudgeOptions = {}): PathUse {
    const place = placeOf(raw);
    const verdict = this.verdict(raw.path, more);
    if (verdict !== 'phantom') return { path: raw.path, verdict, ...place };
    const phantom = this.#remember(raw.path, place, within, as);
    return {
      path: raw.path,
      verdict,
      nearest: phantom.nearest,
      ...(phantom.alias === undefined ? {} : { alias: phantom.alias }),
      ...place,
    };
  }

  /** The path that reaches the clients: its alias where there is one. */
  effective(path: string): string {
    return this.#aliases.get(path) ?? path;
  }

  /** In order of first appearance. */
  phantoms(): PhantomReport[] {
    return [...this.#phantoms.values()].map(({ seen: _, ...phantom }) => phantom);
  }

  uses(): readonly PhantomUse[] {
    return this.#uses;
  }

  #remember(path: string, place: Place, within: string, as: PhantomUse['as']): PhantomReport {
    let phantom = this.#phantoms.get(path);
    if (!phantom) {
      const alias = this.#aliases.get(path);
      const certain = this.#certain(path);
      phantom = {
        path,
        nearest: this.nearest(path),
        ...(certain === undefined ? {} : { certain }),
        ...(alias === undefined ? {} : { alias }),
        uses: [],
        seen: new Set(),
      };
      this.#phantoms.set(path, phantom);
    }
    const key = `${placeKey(place)} ${within}`;
    if (!phantom.seen.has(key)) {
      phantom.seen.add(key);
      phantom.uses.push({ ...place, in: within });
      this.#uses.push({ path, place, within, as });
    }
    return phantom;
  }
}

/** Whether a broadcast of `path` makes all of `wanted` stale, or a part of it where `wanted` is a prefix. */
export function covers(path: string, wanted: string): boolean {
  return path === '*' || path === wanted || wanted.startsWith(`${path}.`);
}

/** Whether a path tells anything of a module: the module, something above it or below it. A phantom counts, it is reported as such. */
export function tellsOf(path: string, module: string): boolean {
  return covers(path, module) || path.startsWith(`${module}.`);
}

/** Path of the module that a query belongs to: up to its last dot; '' at the root. */
export const moduleOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));
/** First segment of a procedure's path; '' at the root. */
export const routerOf = (path: string): string => path.slice(0, Math.max(0, path.indexOf('.')));
export const lastSegment = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
