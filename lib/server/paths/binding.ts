/**
 * What a bound router gives to the hub itself and to the invalidation map. Not part of the public surface: read it
 * from the hub's internals.
 */
import type { Nearest } from '../../internal/nearest.js';
import type { PathTable } from '../../internal/path-table.js';

/**
 * One `bindRouter` call, live: its fields change when lazy routers have loaded. A second `bindRouter` puts another
 * object in its place. What is compiled against `table` holds as long as the bound `table` is the same object.
 */
export interface PathBinding {
  /** The queries that are bound now; another object after lazy routers have loaded. */
  readonly table: PathTable;
  /** Paths of the queries, in the router's order (the order that `table` was made of). */
  readonly queries: readonly string[];
  /** Full paths of the mutations that are bound now. */
  readonly mutations: ReadonlySet<string>;
  /** False while a lazy router is not loaded: still loading, or failed. */
  readonly complete: boolean;
  /** When every lazy router is loaded; rejects like `bindRouter`. Handled already: nobody has to listen. */
  readonly ready: Promise<void>;
  /** The node of a path in `table`, aliases applied; -1 for a phantom, and for a path that is `isPending`. */
  find(path: string): number;
  /** True for what may lie in a lazy router that is not loaded: nothing can be said about it yet. */
  isPending(path: string): boolean;
  /** Where an alias leads; undefined for what is none. */
  aliasOf(path: string): string | undefined;
  /**
   * The router's own name for a path of a filter, aliases applied: the path where it is one, else its longest real
   * prefix (that of a lazy router which is not loaded is one), else `*`. Never stands for less.
   */
  widen(path: string): string;
  /** The nearest real paths, best first; at most 3. Remembered, so cheap the second time. */
  nearest(path: string): readonly Nearest[];
  /** Calls `listener` after `table` has changed. Returns the way to stop it. */
  onChange(listener: () => void): () => void;
}

/** What `bindRouter` resolves to. */
export interface RouterBinding {
  /** Full paths, in the router's order. */
  readonly queries: readonly string[];
  readonly mutations: readonly string[];
  readonly subscriptions: readonly string[];
}

/** What a broadcast does with a path that no query has. Default `warn`. */
export type OnPhantomPath = 'error' | 'warn' | 'repair';

export interface BindRouterOptions {
  /** Default: the hub's `onPhantomPath`. */
  onPhantomPath?: OnPhantomPath | undefined;
  /** From a name that no query has to a real path: `{ 'guests.list': 'guests.getAll' }`. Over the hub's `aliases`. */
  aliases?: Readonly<Record<string, string>> | undefined;
}
