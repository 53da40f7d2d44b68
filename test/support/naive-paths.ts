/**
 * SPEC §8 word for word, over paths instead of nodes and with sets instead of ranges: slow, and easy to check by eye.
 */
import type { Random } from './random.js';

export interface NaiveModule {
  name: string;
  /** Prefixes, queries or `*`. */
  paths: string[];
}

export class NaivePaths {
  /** Each node's path, in the router's pre-order. */
  readonly names: string[] = [];
  private readonly queries: readonly string[];

  constructor(
    queries: readonly string[],
    private readonly maxPaths: number,
  ) {
    this.queries = queries;
    this.walk('*', queries);
  }

  private walk(path: string, below: readonly string[]): void {
    this.names.push(path);
    const depth = path === '*' ? 0 : path.split('.').length;
    const children = new Map<string, string[]>();
    for (const query of below) {
      const segments = query.split('.');
      if (segments.length <= depth) continue;
      const child = segments.slice(0, depth + 1).join('.');
      children.set(child, [...(children.get(child) ?? []), query]);
    }
    for (const [child, queries] of children) this.walk(child, queries);
  }

  isAncestor(path: string, other: string): boolean {
    return path !== other && (path === '*' || other.startsWith(`${path}.`));
  }

  /** Queries that a set of paths stands for, in node order. */
  expand(paths: readonly string[]): string[] {
    return this.names.filter(
      (name) => this.queries.includes(name) && paths.some((path) => path === name || this.isAncestor(path, name)),
    );
  }

  cover(paths: readonly string[]): string[] {
    let kept = this.withoutCovered(paths);
    while (kept.length > this.maxPaths) {
      const members = new Map<string, number>();
      for (const path of kept) {
        const head = path.split('.')[0]!;
        members.set(head, (members.get(head) ?? 0) + 1);
      }
      let most: string | undefined;
      for (const [head, count] of members) if (count > 1 && count > (most === undefined ? 0 : members.get(most)!)) most = head;
      if (most === undefined) return ['*'];
      kept = this.withoutCovered([...kept, most]);
    }
    return kept;
  }

  private withoutCovered(paths: readonly string[]): string[] {
    return this.names.filter((name) => paths.includes(name) && !paths.some((path) => this.isAncestor(path, name)));
  }

  close(paths: readonly string[], modules: readonly NaiveModule[], edges: readonly (readonly [number, number])[], from?: readonly number[]): string[] {
    const queries = this.expand(paths);
    const starts =
      from ?? [...modules.keys()].filter((module) => this.expand(modules[module]!.paths).some((query) => queries.includes(query)));
    const reached = new Set<number>();
    for (;;) {
      const before = reached.size;
      for (const [source, target] of edges) if (starts.includes(source) || reached.has(source)) reached.add(target);
      if (reached.size === before) break;
    }
    const members = [...reached, ...(from ?? [])].flatMap((module) => modules[module]!.paths);
    return this.cover([...paths, ...members]);
  }
}

const SEGMENTS = ['a', 'b', 'guests', 'getAll', 'list', '__proto__', 'constructor', 'toString', 'é', 'x'.repeat(60)];

/** Distinct paths: trees of some depth, where now and then a query is a prefix of another one. */
export function randomQueries(random: Random, most: number): string[] {
  const queries = new Set<string>();
  const wanted = random.below(most + 1);
  const width = 1 + random.below(SEGMENTS.length);
  for (let i = 0; i < wanted; i++) {
    const depth = 1 + random.below(4);
    const segments = Array.from({ length: depth }, () => SEGMENTS[random.below(width)]!);
    queries.add(segments.join('.'));
  }
  return [...queries];
}

/** Some of the list, in any order, doubles included. */
export function someOf<T>(random: Random, list: readonly T[], most: number): T[] {
  return list.length === 0 ? [] : Array.from({ length: random.below(most + 1) }, () => random.pick(list));
}
