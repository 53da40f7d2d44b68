/** The closure of cascades (SPEC §8): what follows from each module is found once, and remembered as a cover. */
import type { CascadeSpec, Cascades } from '../internal/path-table.js';
import { checkIndex, coverOf, sortedNodes } from './node-cover.js';

/** Nodes remembered over all modules; beyond it what follows from a module is found anew each time. */
const MAX_REMEMBERED = 1_000_000;

/** Modules whose remembered covers are merged one by one; what follows from more of them is found together. */
const MAX_MERGED = 8;

export class JsCascades implements Cascades {
  readonly #ends: Uint32Array;
  readonly #bounded: (cover: number[]) => number[];
  /** The cover of each module's own nodes. */
  readonly #own: readonly (readonly number[])[];
  readonly #next: readonly number[][];
  /** Each (node, module) once, in node order: the modules at and below a node are neighbours. */
  readonly #atNodes: Uint32Array;
  readonly #atModules: Uint32Array;
  /** The nearest node above each entry's node, as the place of its first entry; -1: none. */
  readonly #outer: Int32Array;
  readonly #follows: (readonly number[] | undefined)[] = [];
  #remembered = 0;
  /** Modules seen in the current call carry its number. */
  readonly #seen: Uint32Array;
  #call = 0;

  constructor(spec: CascadeSpec, ends: Uint32Array, bounded: (cover: number[]) => number[]) {
    this.#ends = ends;
    this.#bounded = bounded;
    const { modules, edges } = spec;
    this.#own = modules.map(({ nodes }) => coverOf(sortedNodes(nodes, ends.length), ends));
    this.#next = modules.map(() => []);
    for (const [from, to] of edges) {
      const source = checkIndex('edge from module', from, modules.length);
      (this.#next[source] as number[]).push(checkIndex('edge to module', to, modules.length));
    }
    const entries = this.#own
      .flatMap((nodes, module) => nodes.map((node): [number, number] => [node, module]))
      .sort((a, b) => a[0] - b[0]);
    this.#atNodes = Uint32Array.from(entries, ([node]) => node);
    this.#atModules = Uint32Array.from(entries, ([, module]) => module);
    this.#outer = this.#findOuter();
    this.#seen = new Uint32Array(modules.length);
  }

  close(nodes: readonly number[], from?: readonly number[]): number[] {
    const cover = coverOf(sortedNodes(nodes, this.#ends.length), this.#ends);
    const sources = from
      ? from.map((module) => checkIndex('module', module, this.#own.length))
      : this.#touchedBy(cover);
    let all = cover;
    if (from) for (const module of sources) all = merged(all, this.#own[module] as readonly number[]);
    if (sources.length > MAX_MERGED) all = merged(all, this.#reachedFrom(sources));
    else for (const module of sources) all = merged(all, this.#followsFrom(module));
    return this.#bounded(all === cover ? cover : coverOf(all, this.#ends));
  }

  /** Modules that share a query with the cover: those with a node above or below one of its nodes, for each holds a query. */
  #touchedBy(cover: readonly number[]): number[] {
    const touched: number[] = [];
    const call = this.#nextCall();
    const add = (entry: number): void => {
      const module = this.#atModules[entry] as number;
      if (this.#seen[module] === call) return;
      this.#seen[module] = call;
      touched.push(module);
    };
    for (const node of cover) {
      const end = this.#ends[node] as number;
      const first = this.#firstAt(node);
      for (let entry = first; entry < this.#atNodes.length && (this.#atNodes[entry] as number) < end; entry++)
        add(entry);
      // Above: the entry before is the one above, or it leads there.
      let above = first - 1;
      while (above >= 0 && (this.#ends[this.#atNodes[above] as number] as number) < end)
        above = this.#outer[above] as number;
      for (; above >= 0; above = this.#outer[above] as number) {
        const holder = this.#atNodes[above];
        for (let entry = this.#firstAt(holder as number); this.#atNodes[entry] === holder; entry++) add(entry);
      }
    }
    return touched;
  }

  #followsFrom(module: number): readonly number[] {
    const known = this.#follows[module];
    if (known) return known;
    const cover = this.#reachedFrom([module]);
    if (this.#remembered + cover.length <= MAX_REMEMBERED) {
      this.#follows[module] = cover;
      this.#remembered += cover.length;
    }
    return cover;
  }

  /** The cover of all modules that are reached from these by at least one edge. */
  #reachedFrom(sources: readonly number[]): number[] {
    const reached: number[] = [];
    const call = this.#nextCall();
    const follow = (module: number): void => {
      for (const next of this.#next[module] as number[]) {
        if (this.#seen[next] === call) continue;
        this.#seen[next] = call;
        reached.push(next);
      }
    };
    for (const module of sources) follow(module);
    for (let i = 0; i < reached.length; i++) follow(reached[i] as number);
    const all: number[] = [];
    for (const module of reached) for (const node of this.#own[module] as readonly number[]) all.push(node);
    all.sort((a, b) => a - b);
    return coverOf(all, this.#ends);
  }

  #nextCall(): number {
    if (this.#call === 0xffff_ffff) {
      this.#seen.fill(0);
      this.#call = 0;
    }
    return ++this.#call;
  }

  /** The first entry at this node or after it. */
  #firstAt(node: number): number {
    let low = 0;
    let high = this.#atNodes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#atNodes[middle] as number) < node) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #findOuter(): Int32Array {
    const outer = new Int32Array(this.#atNodes.length).fill(-1);
    const open: number[] = [];
    this.#atNodes.forEach((node, entry) => {
      while (open.length > 0) {
        const top = open.at(-1) as number;
        const holder = this.#atNodes[top] as number;
        if (holder !== node && (this.#ends[holder] as number) > node) break;
        if (holder === node) {
          outer[entry] = outer[top] as number;
          return;
        }
        open.pop();
      }
      outer[entry] = open.at(-1) ?? -1;
      open.push(entry);
    });
    return outer;
  }
}

/** Both in node order, and so is the result; the first itself where the second is empty. */
function merged(a: number[], b: readonly number[]): number[] {
  if (b.length === 0) return a;
  const all = new Array<number>(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < all.length; at++) {
    const first = i < a.length ? (a[i] as number) : Infinity;
    const second = j < b.length ? (b[j] as number) : Infinity;
    if (first <= second) {
      all[at] = first;
      i++;
    } else {
      all[at] = second;
      j++;
    }
  }
  return all;
}
