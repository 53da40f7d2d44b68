/** What is published of each query, and what clients have of it. */
import type { PathTable } from '../../internal/path-table.js';

export interface PathUsage {
  path: string;
  /** Actions that made it stale, by its own name or by a prefix, since the router was bound. */
  published: number;
  /** True once a client has reported it (`cached`). */
  cached: boolean;
}

/** Companies that are known to report. */
const MAX_REPORTERS = 10_000;

export class UsageCounts {
  #table: PathTable;
  /** By node: actions that named it, covered ones left out. */
  #published: Float64Array;
  /** The same, of the companies whose clients report. */
  #told: Float64Array;
  #cached: Uint8Array;
  readonly #reporters = new Set<string>();
  /** A client has reported, of whatever company. */
  #anybody = false;

  constructor(table: PathTable) {
    this.#table = table;
    this.#published = new Float64Array(table.names.length);
    this.#told = new Float64Array(table.names.length);
    this.#cached = new Uint8Array(table.names.length);
  }

  /** The same router with more in it, or another one: what has the same path keeps its counts. */
  moveTo(table: PathTable): void {
    const { names } = this.#table;
    const published = new Float64Array(table.names.length);
    const told = new Float64Array(table.names.length);
    const cached = new Uint8Array(table.names.length);
    names.forEach((name, node) => {
      const moved = table.find(name);
      if (moved < 0) return;
      published[moved] = this.#published[node] as number;
      told[moved] = this.#told[node] as number;
      cached[moved] = this.#cached[node] as number;
    });
    this.#table = table;
    this.#published = published;
    this.#told = told;
    this.#cached = cached;
  }

  /** One action's nodes, in any order. Changes the list. */
  publish(nodes: number[], companyId: string): void {
    const isTold = this.#reporters.has(companyId);
    if (nodes.length > 1) nodes.sort(ascending);
    let end = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as number;
      // Counted once by the path that covers it.
      if (node < end) continue;
      this.#published[node] = (this.#published[node] as number) + 1;
      if (isTold) this.#told[node] = (this.#told[node] as number) + 1;
      end = this.#table.ends[node] as number;
    }
  }

  /** A client of this company has reported; undefined: of any. Beyond the bound the one that reported first is forgotten. */
  heard(companyId: string | undefined): void {
    if (companyId === undefined) {
      this.#anybody = true;
      return;
    }
    this.#reporters.add(companyId);
    const [first] = this.#reporters;
    if (this.#reporters.size > MAX_REPORTERS && first !== undefined) this.#reporters.delete(first);
  }

  /** A node that a client's cache holds. Only queries count. */
  report(node: number): void {
    if (this.#table.exact[node] === 1) this.#cached[node] = 1;
  }

  /** Each query, in the router's order of nodes. */
  list(): PathUsage[] {
    const usage: PathUsage[] = [];
    this.#eachQuery(this.#published, (node, published) => {
      usage.push({ path: this.#table.names[node] as string, published, cached: this.#cached[node] === 1 });
    });
    return usage;
  }

  /** Queries that were published where clients report, and that none has reported; 0 as long as no client reports. */
  get neverCached(): number {
    let count = 0;
    this.#eachQuery(this.#anybody ? this.#published : this.#told, (node, published) => {
      if (published > 0 && this.#cached[node] === 0) count++;
    });
    return count;
  }

  #eachQuery(counts: Float64Array, visit: (node: number, published: number) => void): void {
    const { ends, exact } = this.#table;
    /** The nodes that hold the current one, with what was published of them and above. */
    const open: { end: number; published: number }[] = [];
    for (let node = 0; node < ends.length; node++) {
      while (open.length > 0 && (open.at(-1)?.end as number) <= node) open.pop();
      const published = (open.at(-1)?.published ?? 0) + (counts[node] as number);
      if (exact[node] === 1) visit(node, published);
      open.push({ end: ends[node] as number, published });
    }
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
