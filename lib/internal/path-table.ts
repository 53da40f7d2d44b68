/**
 * The seam for the query paths of a bound router (SPEC §8): built once when a router is bound, natively or in JavaScript.
 * Paths cross as numbers, so that no string is copied per action: a node's id is its place in `names`.
 */

export interface PathTableSpec {
  /** Paths of the query procedures, in the router's order; well-formed and distinct. */
  readonly queries: readonly string[];
  /** Bound of a cover; beyond it first segments collapse. */
  readonly maxPaths: number;
}

export interface CascadeSpec {
  /** A module's name is for messages; `nodes` may be empty. */
  readonly modules: readonly { readonly name: string; readonly nodes: readonly number[] }[];
  /** Indexes into `modules`. */
  readonly edges: readonly (readonly [from: number, to: number])[];
}

/** The closure of cascades over a path table. Immutable. */
export interface Cascades {
  /**
   * The cover of `nodes` and of all that follows from them. `from`: indexes of modules that take the place of those
   * that `nodes` touch; `[]`: nothing follows. Ids out of range throw RangeError.
   */
  close(nodes: readonly number[], from?: readonly number[]): number[];
}

/** Immutable. */
export interface PathTable {
  readonly kind: 'native' | 'js';
  /** Path of each node, in pre-order; `names[0]` is `*`. */
  readonly names: readonly string[];
  /** Exclusive end of each node's subtree: node `n` holds the nodes `n` to `ends[n] - 1`. */
  readonly ends: Uint32Array;
  /** 1 where the node is itself a query. */
  readonly exact: Uint8Array;
  /** The node of a path; -1 for a phantom. */
  find(path: string): number;
  /** The union as its cover, in node order, at most `maxPaths` long. Ids out of range throw RangeError. */
  cover(nodes: readonly number[]): number[];
  /** The queries that the nodes stand for, each once, in node order. */
  expand(nodes: readonly number[]): number[];
  cascades(spec: CascadeSpec): Cascades;
}

export type PathTableFactory = (spec: PathTableSpec) => PathTable;
