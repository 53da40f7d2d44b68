/** The path table behind the seam of `lib/internal/path-table.ts`: C++ does the sets, numbers are all that crosses. */
import type { Cascades, CascadeSpec, PathTable, PathTableFactory } from '../internal/path-table.js';
import { loadNative, type NativeCascades, type NativePathTable } from './binding.js';

/** Throws what `loadNative` reports when there is no addon. */
export const createNativePathTable: PathTableFactory = ({ queries, maxPaths }) => {
  const loaded = loadNative();
  if (!loaded.ok) throw loaded.error;
  if (!Number.isInteger(maxPaths) || maxPaths < 1 || maxPaths >= 0xffffffff) {
    throw new RangeError(`maxPaths is ${maxPaths}; it must be a whole number above 0`);
  }
  return new NativeTable(loaded.binding.createPathTable(queries, maxPaths));
};

class NativeTable implements PathTable {
  readonly kind = 'native';
  readonly names: readonly string[];
  readonly ends: Uint32Array;
  readonly exact: Uint8Array;
  readonly #native: NativePathTable;
  /** The strings are here already, with their hashes: asking C++ would copy each one first. */
  readonly #nodes: ReadonlyMap<string, number>;

  constructor(native: NativePathTable) {
    this.#native = native;
    this.names = native.names;
    this.ends = native.ends;
    this.exact = native.exact;
    this.#nodes = new Map(this.names.map((name, node) => [name, node]));
  }

  find(path: string): number {
    return this.#nodes.get(path) ?? -1;
  }

  cover(nodes: readonly number[]): number[] {
    const count = put(this.#native.io, 0, distinct(nodes, this.names.length), this.names.length, 'node');
    return take(this.#native.io, this.#native.cover(count));
  }

  expand(nodes: readonly number[]): number[] {
    const count = put(this.#native.io, 0, distinct(nodes, this.names.length), this.names.length, 'node');
    return take(this.#native.io, this.#native.expand(count));
  }

  cascades({ modules, edges }: CascadeSpec): Cascades {
    const sizes = Uint32Array.from(modules, ({ nodes }) => nodes.length);
    const all = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (const { nodes } of modules) at += put(all, at, nodes, this.names.length, 'node');
    const pairs = new Uint32Array(edges.length * 2);
    edges.forEach((edge, i) => put(pairs, i * 2, edge, modules.length, 'module'));
    return new NativeClosure(this.#native.cascades(sizes, all, pairs), this.names.length, modules.length);
  }
}

class NativeClosure implements Cascades {
  readonly #native: NativeCascades;
  readonly #nodes: number;
  readonly #modules: number;

  constructor(native: NativeCascades, nodes: number, modules: number) {
    this.#native = native;
    this.#nodes = nodes;
    this.#modules = modules;
  }

  close(nodes: readonly number[], from?: readonly number[]): number[] {
    const count = put(this.#native.io, 0, distinct(nodes, this.#nodes), this.#nodes, 'node');
    if (!from) return take(this.#native.io, this.#native.close(count));
    const fromCount = put(this.#native.io, count, distinct(from, this.#modules), this.#modules, 'module');
    return take(this.#native.io, this.#native.closeFrom(count, fromCount));
  }
}

/** The block has room for every id once; a list that repeats some may be longer. */
function distinct(ids: readonly number[], bound: number): readonly number[] {
  return ids.length > bound ? [...new Set(ids)] : ids;
}

/** Writes `ids` from `at` on. Returns how many. */
function put(block: Uint32Array, at: number, ids: readonly number[], bound: number, what: 'node' | 'module'): number {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    block[at + i] = id;
    // What is no whole number below 2^32 does not come back as it was.
    if (block[at + i] !== id || id >= bound) {
      throw new RangeError(`${what} ${id} is out of range; there are ${bound}, counted from 0`);
    }
  }
  return ids.length;
}

function take(block: Uint32Array, count: number): number[] {
  const ids = new Array<number>(count);
  for (let i = 0; i < count; i++) ids[i] = block[i] as number;
  return ids;
}
