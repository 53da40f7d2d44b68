/** The query paths of one hub: the router it is bound to, what is checked against it, and what is counted. */
import type { SyncAction } from '../../protocol/events.js';
import { isPathcastError, PathcastError } from '../../protocol/error.js';
import { describe, isArray, messageOf } from '../../internal/describe.js';
import type { PathTableFactory } from '../../internal/path-table.js';
import { checkKeys, checkObject } from '../check.js';
import type { HubWarning } from '../results.js';
import { checkAliases, type Aliases } from './aliases.js';
import type { BindRouterOptions, OnPhantomPath, RouterBinding } from './binding.js';
import { BoundRouter } from './bound-router.js';
import { checkPaths, sayPhantom, type CheckedPaths, type PhantomEvent, type PhantomPath } from './path-check.js';
import { UsageCounts, type PathUsage } from './path-usage.js';
import { checkTransformer, type Codec } from '../transformer.js';

/** Phantom paths told of by event and warning; beyond it they are counted, and listed in the results, alone. */
const MAX_TOLD = 1_000;

/** Bytes of a resync's message beyond its paths, a transformer's wrapping included; ample. */
const RESYNC_FRAME_BYTES = 1_024;

const PHANTOM_MODES = ['error', 'warn', 'repair'] as const satisfies readonly OnPhantomPath[];

export interface HubPathsHost {
  createTable: PathTableFactory;
  /** Defaults of `bindRouter`. */
  onPhantomPath: OnPhantomPath;
  aliases: Aliases;
  /** Of the hub: the router's must be the same. */
  codec: Codec;
  /** A resync must fit into it. */
  connectionCapBytes: number;
  setResyncPaths: (paths: readonly string[]) => void;
  warn: (warning: HubWarning, kind: string) => void;
  tell: (event: PhantomEvent) => void;
}

export class HubPaths {
  readonly #host: HubPathsHost;
  #router: BoundRouter | undefined;
  #usage: UsageCounts | undefined;
  #mode: OnPhantomPath;
  readonly #told = new Set<string>();
  /** Phantom paths in actions, each time. */
  phantomPaths = 0;

  constructor(host: HubPathsHost) {
    this.#host = host;
    this.#mode = host.onPhantomPath;
  }

  get router(): BoundRouter | undefined {
    return this.#router;
  }

  /** See `Hub.bindRouter`. Rejects with PathcastError INVALID_OPTION. */
  async bind(given: unknown, options: BindRouterOptions = {}): Promise<RouterBinding> {
    const { binding, install } = this.prepare(given, options);
    install();
    await binding.ready;
    return binding.summary;
  }

  /** A binding that is not in force before `install()`. Throws INVALID_OPTION. */
  prepare(given: unknown, options: BindRouterOptions = {}): { binding: BoundRouter; install: () => void } {
    const { mode, aliases } = this.#read(options);
    const { createTable, warn, codec } = this.#host;
    const router = new BoundRouter(given, aliases, { createTable, warn: (message) => warn({ message }, 'router') });
    checkTransformer(given, codec);
    const install = (): void => {
      this.#warnOfLost(router);
      this.#mode = mode;
      this.#router = router;
      router.onChange(() => {
        if (this.#router === router) this.#follow(router);
      });
      this.#follow(router);
    };
    return { binding: router, install };
  }

  /** The action's paths as they go out. REQUIRES: a bound router. */
  check({ queryPaths, module }: SyncAction, router: BoundRouter): CheckedPaths {
    const checked = checkPaths(queryPaths, module, router, this.#mode);
    if (!checked.paths.includes('*')) return checked;
    const heads = router.withoutStar(['*']);
    const paths = router.withoutStar(checked.paths);
    return { ...checked, paths, standIns: new Set([...checked.standIns, ...heads]) };
  }

  /** A hub has one router. Another one in its place is fine where it has the same queries, as after a reload. */
  #warnOfLost(next: BoundRouter): void {
    if (!next.complete) return;
    const lost = (this.#router?.queries ?? []).filter((path) => next.find(path) < 0);
    if (lost.length === 0) return;
    const named = lost.slice(0, 3).join(', ') + (lost.length > 3 ? ` and ${lost.length - 3} more` : '');
    const message = `a second router takes the place of the first: ${named} ${lost.length === 1 ? 'is' : 'are'} phantom from now on; bind one router that has them all, or give each its own hub`;
    this.#host.warn({ message }, 'second router');
  }

  /** Counts what goes out and what is phantom, and tells the latter. Call it once an action is certain to be sent, or not to be. */
  settle(action: SyncAction, { nodes, phantoms }: CheckedPaths): void {
    this.#usage?.publish(nodes, action.companyId);
    for (const phantom of phantoms) {
      this.phantomPaths++;
      this.#tellOnce(phantom, action);
    }
  }

  /** See `Hub.cached`. */
  cached(paths: unknown, companyId: string | undefined): void {
    if (!isArray(paths)) {
      throw new PathcastError('INVALID_FIELD', `cached() takes an array of query paths, got ${describe(paths)}`);
    }
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (typeof path !== 'string') {
        throw new PathcastError('INVALID_QUERY_PATH', `cached(): paths[${i}] must be a string, got ${describe(path)}`);
      }
      // What a client has of other routers, or of an older release, is none of ours.
      const node = this.#router?.table.find(path) ?? -1;
      if (node >= 0) {
        this.#usage?.report(node);
        this.#usage?.heard(companyId);
      }
    }
  }

  usage(): PathUsage[] {
    return this.#usage?.list() ?? [];
  }

  get neverCached(): number {
    return this.#usage?.neverCached ?? 0;
  }

  /** Throws INVALID_OPTION. */
  #read(options: unknown): { mode: OnPhantomPath; aliases: Aliases } {
    try {
      const raw = checkObject('options', options, 'INVALID_OPTION');
      checkKeys('bindRouter()', raw, ['onPhantomPath', 'aliases']);
      return {
        mode: checkMode(raw['onPhantomPath'] ?? this.#host.onPhantomPath),
        aliases: new Map([...this.#host.aliases, ...checkAliases(raw['aliases'])]),
      };
    } catch (thrown) {
      if (isPathcastError(thrown)) throw thrown;
      throw new PathcastError('INVALID_OPTION', `the options of bindRouter() could not be read: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  #follow(router: BoundRouter): void {
    if (this.#usage) this.#usage.moveTo(router.table);
    else this.#usage = new UsageCounts(router.table);
    this.#host.setResyncPaths(router.resyncPaths(this.#host.connectionCapBytes - RESYNC_FRAME_BYTES));
  }

  #tellOnce(phantom: PhantomPath, { id, companyId, module }: SyncAction): void {
    if (this.#told.has(phantom.path) || this.#told.size > MAX_TOLD) return;
    this.#told.add(phantom.path);
    const { warn, tell } = this.#host;
    const about = { field: 'queryPaths', companyId, actionId: id, module };
    if (this.#told.size > MAX_TOLD) {
      const message = `more than ${MAX_TOLD} different phantom paths: further ones are counted, but not told. Are they made of ids?`;
      warn({ message, ...about }, 'many phantoms');
      return;
    }
    tell({ ...phantom, actionId: id, companyId, module });
    warn({ message: sayPhantom(phantom), ...about }, 'phantom');
  }
}

/** Throws INVALID_OPTION. */
function checkMode(value: unknown): OnPhantomPath {
  if (PHANTOM_MODES.includes(value as OnPhantomPath)) return value as OnPhantomPath;
  throw new PathcastError(
    'INVALID_OPTION',
    `onPhantomPath must be one of ${PHANTOM_MODES.join(', ')}, got ${describe(value)}`,
  );
}
