/** One router, bound: what it has now, and what its lazy routers bring. */
import { Buffer } from 'node:buffer';
import { PathcastError } from '../../protocol/error.js';
import { MAX_QUERY_PATHS } from '../../protocol/limits.js';
import { describe, messageOf } from '../../internal/describe.js';
import { nearestFinder, type Nearest, type NearestFinder } from '../../internal/nearest.js';
import type { PathTable, PathTableFactory } from '../../internal/path-table.js';
import { aliasError, aliasProblems, type Aliases } from './aliases.js';
import type { PathBinding, RouterBinding } from './binding.js';
import { readRouter, type LazyRouter, type RouterPaths } from './read-router.js';

/** Lazy routers loaded for one binding; beyond it (one that holds itself, say) it fails. */
const MAX_LAZY = 10_000;

/** Of JSON, in an action whose `*` gives way to them: its data is to keep its room. Longer ones stay `*`. */
const MAX_HEADS_BYTES = 4_096;

export interface BoundRouterHost {
  createTable: PathTableFactory;
  /** Queries whose names no path can hold. */
  warn: (message: string) => void;
}

export class BoundRouter implements PathBinding {
  table!: PathTable;
  queries!: readonly string[];
  mutations!: ReadonlySet<string>;
  readonly ready: Promise<void>;
  readonly #host: BoundRouterHost;
  readonly #router: unknown;
  readonly #declared: Aliases;
  #paths!: RouterPaths;
  /** The declared ones without those that turned out wrong. */
  #aliases!: Aliases;
  #finder!: NearestFinder;
  #heads: readonly string[] | undefined;
  readonly #listeners = new Set<() => void>();
  /** Prefixes of lazy routers: under way or failed (true), loaded (false). */
  readonly #lazy = new Map<string, boolean>();
  #pending: readonly string[] = [];
  readonly #failures: string[] = [];
  /** How many queries were warned of. */
  #unnameable = 0;
  #loading = 0;
  #refreshing: Promise<void> | undefined;
  #done!: { resolve: () => void; reject: (error: PathcastError) => void };

  /** Binds what is loaded, and begins to load the rest. Throws INVALID_OPTION. */
  constructor(router: unknown, aliases: Aliases, host: BoundRouterHost) {
    this.#host = host;
    this.#router = router;
    this.#declared = aliases;
    const paths = readRouter(router);
    this.#begin(paths.lazy);
    this.#bind(paths);
    const problems = aliasProblems(aliases, this.#known());
    if (problems.size > 0) throw aliasError(problems);
    this.ready = new Promise<void>((resolve, reject) => {
      this.#done = { resolve, reject };
    });
    // The caller of bindRouter() has the same rejection; this one is for whoever wants it.
    this.ready.catch(() => undefined);
    this.#load(paths.lazy);
  }

  get complete(): boolean {
    return this.#pending.length === 0;
  }

  get summary(): RouterBinding {
    const { mutations, subscriptions } = this.#paths;
    return { queries: this.queries, mutations, subscriptions };
  }

  find(path: string): number {
    const node = this.table.find(path);
    if (node >= 0) return node;
    const target = this.#aliases.get(path);
    return target === undefined ? -1 : this.table.find(target);
  }

  /** True for a query, and for what may be one: a lazy router that is not loaded has queries too. */
  isQuery(path: string): boolean {
    return this.table.exact[this.table.find(path)] === 1 || this.isPending(path);
  }

  /** True for a query, a prefix and `*`. */
  isReal(path: string): boolean {
    return this.table.find(path) >= 0;
  }

  aliasOf(path: string): string | undefined {
    return this.#aliases.get(path);
  }

  isPending(path: string): boolean {
    for (const prefix of this.#pending) {
      if (path === prefix || path.startsWith(`${prefix}.`) || prefix.startsWith(`${path}.`)) return true;
    }
    return false;
  }

  widen(path: string): string {
    for (let wide = this.aliasOf(path) ?? path; ; wide = wide.slice(0, wide.lastIndexOf('.'))) {
      if (this.isReal(wide) || this.#pending.some((prefix) => prefix === wide || prefix.startsWith(`${wide}.`)))
        return wide;
      if (!wide.includes('.')) return '*';
    }
  }

  nearest(path: string): readonly Nearest[] {
    return this.#finder(path);
  }

  onChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * What a `resync` names: the queries; their cover where they are more than a message should hold, first segments or
   * `*` where even that is longer than `maxBytes` of JSON.
   */
  resyncPaths(maxBytes: number): readonly string[] {
    const { names, exact } = this.table;
    const fits = (paths: readonly string[]): boolean =>
      paths.length > 0 && paths.length <= MAX_QUERY_PATHS && Buffer.byteLength(JSON.stringify(paths)) <= maxBytes;
    // A lazy router that is not loaded has queries too.
    if (!this.complete) return ['*'];
    if (fits(this.queries)) return this.queries;
    const all = [...names.keys()].filter((node) => exact[node] === 1);
    const cover = this.table.cover(all).map((node) => names[node] as string);
    if (!cover.includes('*') && fits(cover)) return cover;
    const { heads } = this;
    return heads && fits(heads) ? heads : ['*'];
  }

  /**
   * The first segments, which together stand for all that `*` does: clients that compare segment by segment match nothing
   * with `*`. Undefined where they do not stand for all: a lazy router is not loaded, or a query cannot be named.
   */
  get heads(): readonly string[] | undefined {
    if (!this.complete || this.#unnameable > 0) return undefined;
    this.#heads ??= this.table.names.filter((name) => name !== '*' && !name.includes('.'));
    return this.#heads.length === 0 ? undefined : this.#heads;
  }

  /** The same paths with the first segments in the place of `*`, where they fit. */
  withoutStar(paths: string[]): string[] {
    const { heads } = this;
    if (!heads || Buffer.byteLength(JSON.stringify(heads)) > MAX_HEADS_BYTES) return paths;
    const given = paths.flatMap((path) => (path === '*' ? heads : path));
    return given.length > MAX_QUERY_PATHS ? paths : given;
  }

  #begin(lazy: readonly LazyRouter[]): void {
    for (const { prefix } of lazy) if (!this.#lazy.has(prefix)) this.#lazy.set(prefix, true);
    this.#pending = [...this.#lazy.keys()].filter((prefix) => this.#lazy.get(prefix));
  }

  #bind(paths: RouterPaths): void {
    const table = this.#host.createTable({ queries: paths.queries, maxPaths: MAX_QUERY_PATHS });
    this.#paths = paths;
    this.table = table;
    this.queries = paths.queries;
    this.mutations = new Set(paths.mutations);
    this.#finder = nearestFinder(paths.queries);
    this.#heads = undefined;
    const problems = aliasProblems(this.#declared, this.#known());
    this.#aliases = new Map([...this.#declared].filter(([name]) => !problems.has(name)));
    if (paths.unnameable.length > this.#unnameable) {
      this.#unnameable = paths.unnameable.length;
      this.#host.warn(
        `bindRouter(): no query path can name ${paths.unnameable.slice(0, 3).map(describe).join(', ')}${
          paths.unnameable.length > 3 ? ` and ${paths.unnameable.length - 3} more` : ''
        }: only a prefix or '*' makes them stale`,
      );
    }
  }

  #known(): Parameters<typeof aliasProblems>[1] {
    return {
      isReal: (path) => this.isReal(path),
      isPending: (path) => this.isPending(path),
      nearest: (path) => this.nearest(path).map((one) => one.path),
    };
  }

  #load(lazy: readonly LazyRouter[]): void {
    this.#loading += lazy.length;
    for (const one of lazy) void this.#loadOne(one);
    if (this.#loading === 0) this.#finish();
  }

  async #loadOne({ prefix, load }: LazyRouter): Promise<void> {
    try {
      await load();
      this.#lazy.set(prefix, false);
    } catch (thrown) {
      this.#failures.push(`${describe(prefix)}: ${messageOf(thrown)}`);
    }
    await this.#refreshSoon();
    this.#loading--;
    if (this.#loading === 0) this.#finish();
  }

  /** Routers that load together are bound together: a table is built anew each time. */
  #refreshSoon(): Promise<void> {
    return (this.#refreshing ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#refreshing = undefined;
        this.#refresh();
        resolve();
      });
    }));
  }

  #refresh(): void {
    let paths: RouterPaths;
    try {
      paths = readRouter(this.#router);
    } catch (thrown) {
      this.#failures.push(messageOf(thrown));
      return;
    }
    const fresh = paths.lazy.filter(({ prefix }) => !this.#lazy.has(prefix));
    if (fresh.length > 0 && this.#lazy.size + fresh.length > MAX_LAZY) {
      this.#failures.push(`more than ${MAX_LAZY} lazy routers; the last is ${describe(fresh.at(-1)?.prefix)}`);
      return;
    }
    this.#begin(paths.lazy);
    this.#bind(paths);
    this.#load(fresh);
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (thrown) {
        this.#host.warn(`bindRouter(): a listener of the binding threw: ${messageOf(thrown)}`);
      }
    }
  }

  #finish(): void {
    if (this.#failures.length > 0) {
      const named = this.#failures.slice(0, 20).join('; ');
      this.#done.reject(
        new PathcastError('INVALID_OPTION', `bindRouter(): not all lazy routers could be loaded: ${named}`),
      );
      return;
    }
    const problems = aliasProblems(this.#declared, this.#known());
    if (problems.size > 0) this.#done.reject(aliasError(problems));
    else this.#done.resolve();
  }
}
