/** What is published of each query, and what clients have of it. */
import type { PathTable } from '../../internal/path-table.js';

export interface PathUsage {
  path: string;
  /** Actions that made it stale, by its own name or by a prefix, since the router was bound. */
  published: number;
  /** True once a client has reported it (`cached`). */
  cached: boolean;
}

export class UsageCounts {
  #table: PathTable;
  /** By node: actions that named it, covered ones left out. */
  #published: Float64Array;
  #cached: Uint8Array;
  #reported = false;

  constructor(table: PathTable) {
    this.#table = table;
    this.#published = new Float64Array(table.names.length);
    this.#cached = new Uint8Array(table.names.length);
  }

  /** The same router with more in it, or another one: what has the same path keeps its counts. */
  moveTo(table: PathTable): void {
    const { names } = this.#table;
    const published = new Float64Array(table.names.length);
    const cached = new Uint8Array(table.names.length);
    names.forEach((name, node) => {
      const moved = table.find(name);
      if (moved < 0) return;
      published[moved] = this.#published[node] as number;
      cached[moved] = this.#cached[node] as number;
    });
    this.#table = table;
    this.#published = published;
    this.#cached = cached;
  }

  /** One action's nodes, in any order. Changes the list. */
  publish(nodes: number[]): void {
    if (nodes.length > 1) nodes.sort(ascending);
    let end = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as number;
      // Counted once by the path that covers it.
      if (node < end) continue;
      this.#published[node] = (this.#published[node] as number) + 1;
      end = this.#table.ends[node] as number;
    }
  }

  /** A node that a client's cache holds. Only queries count. */
  report(node: number): void {
    this.#reported = true;
    if (this.#table.exact[node] === 1) this.#cached[node] = 1;
  }

  /** Each query, in the router's order of nodes. */
  list(): PathUsage[] {
    const usage: PathUsage[] = [];
    this.#eachQuery((node, published) => {
      usage.push({ path: this.#table.names[node] as string, published, cached: this.#cached[node] === 1 });
    });
    return usage;
  }

  /** Queries that were published and that no client has reported; 0 as long as no client reports. */
  get neverCached(): number {
    if (!this.#reported) return 0;
    let count = 0;
    this.#eachQuery((node, published) => {
      if (published > 0 && this.#cached[node] === 0) count++;
    });
    return count;
  }

  #eachQuery(visit: (node: number, published: number) => void): void {
    const { ends, exact } = this.#table;
    /** The nodes that hold the current one, with what was published of them and above. */
    const open: { end: number; published: number }[] = [];
    for (let node = 0; node < ends.length; node++) {
      while (open.length > 0 && (open.at(-1)?.end as number) <= node) open.pop();
      const published = (open.at(-1)?.published ?? 0) + (this.#published[node] as number);
      if (exact[node] === 1) visit(node, published);
      open.push({ end: ends[node] as number, published });
    }
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
