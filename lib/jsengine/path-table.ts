/** Query paths as numbers (SPEC §8), in JavaScript: nodes in pre-order, so that what lies below a node is a range. */
import type { CascadeSpec, Cascades, PathTable, PathTableFactory, PathTableSpec } from '../internal/path-table.js';
import { JsCascades } from './cascades.js';
import { coverOf, sortedNodes } from './node-cover.js';

export const createJsPathTable: PathTableFactory = (spec) => new JsPathTable(spec);

interface Tree {
  readonly path: string;
  query: boolean;
  /** In the order of their first query. */
  readonly children: Map<string, Tree>;
}

class JsPathTable implements PathTable {
  readonly kind = 'js';
  readonly names: readonly string[];
  readonly ends: Uint32Array;
  readonly exact: Uint8Array;
  /** The node of each one's first segment; 0 for the root. */
  readonly #heads: Uint32Array;
  readonly #nodes = new Map<string, number>();
  readonly #maxPaths: number;

  constructor({ queries, maxPaths }: PathTableSpec) {
    if (!Number.isInteger(maxPaths) || maxPaths < 1) {
      throw new RangeError(`maxPaths must be a whole number above 0, got ${maxPaths}`);
    }
    const names: string[] = [];
    const ends: number[] = [];
    const exact: number[] = [];
    const heads: number[] = [];
    // As deep as a path has segments: its bytes are bounded.
    const number = (tree: Tree, head: number): void => {
      const node = names.push(tree.path) - 1;
      const below = head === 0 ? node : head;
      exact.push(tree.query ? 1 : 0);
      heads.push(below);
      ends.push(0);
      for (const child of tree.children.values()) number(child, below);
      ends[node] = names.length;
    };
    number(grow(queries), 0);
    this.names = names;
    this.ends = Uint32Array.from(ends);
    this.exact = Uint8Array.from(exact);
    this.#heads = Uint32Array.from(heads);
    this.#maxPaths = maxPaths;
    names.forEach((name, node) => this.#nodes.set(name, node));
  }

  find(path: string): number {
    return this.#nodes.get(path) ?? -1;
  }

  cover(nodes: readonly number[]): number[] {
    return this.#bounded(coverOf(sortedNodes(nodes, this.names.length), this.ends));
  }

  expand(nodes: readonly number[]): number[] {
    const queries: number[] = [];
    for (const node of coverOf(sortedNodes(nodes, this.names.length), this.ends)) {
      const end = this.ends[node] as number;
      for (let below = node; below < end; below++) if (this.exact[below] === 1) queries.push(below);
    }
    return queries;
  }

  cascades(spec: CascadeSpec): Cascades {
    return new JsCascades(spec, this.ends, (cover) => this.#bounded(cover));
  }

  /** Collapses first segments until the cover fits. */
  #bounded(cover: number[]): number[] {
    if (cover.length <= this.#maxPaths) return cover;
    // A cover is in node order, so the members of a first segment are neighbours.
    const groups: { head: number; members: number[] }[] = [];
    for (const node of cover) {
      const head = this.#heads[node] as number;
      const last = groups.at(-1);
      if (last?.head === head) last.members.push(node);
      else groups.push({ head, members: [node] });
    }
    // Stable: the earliest first among equals.
    let length = cover.length;
    for (const group of [...groups].sort((a, b) => b.members.length - a.members.length)) {
      if (length <= this.#maxPaths || group.members.length === 1) break;
      length -= group.members.length - 1;
      group.members = [group.head];
    }
    return length <= this.#maxPaths ? groups.flatMap(({ members }) => members) : [0];
  }
}

function grow(queries: readonly string[]): Tree {
  const root: Tree = { path: '*', query: false, children: new Map() };
  for (const path of queries) {
    let tree = root;
    let at = 0;
    do {
      const dot = path.indexOf('.', at);
      const end = dot < 0 ? path.length : dot;
      const segment = path.slice(at, end);
      let child = tree.children.get(segment);
      if (!child) tree.children.set(segment, (child = { path: path.slice(0, end), query: false, children: new Map() }));
      tree = child;
      at = end + 1;
    } while (at <= path.length);
    tree.query = true;
  }
  return root;
}
