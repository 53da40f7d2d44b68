/** `createSync<AppRouter>()`: broadcasts whose query paths the compiler checks, the invalidation map, and the middleware. */
import type { AnyTRPCRouter } from '@trpc/server';
import type { ActionType, RowInput, SyncActionInput } from '../protocol/events.js';
import { PathcastError } from '../protocol/error.js';
import { describe, describeThrown } from '../internal/describe.js';
import { guarded } from '../internal/guarded.js';
import { AfterCommit } from './after-commit.js';
import { checkKeys, checkObject } from '../server/check.js';
import { defaultHub } from '../server/default-hub.js';
import { checkHub, type AnyHub } from '../server/hub.js';
import { internalsOf, type HubInternals } from '../server/internals.js';
import type { BindRouterOptions } from '../server/paths/binding.js';
import type { BroadcastResult, Failure, HubFailure } from '../server/results.js';
import { coveredRest, entryOf } from '../server/shared-id.js';
import { compileMap, near } from './compile-map.js';
import type { CompiledMap, Entry } from './compiled-map.js';
import { createFence, type Fence, type FenceOptions } from './fence.js';
import { ON_ERROR, type InvalidationMap, type OnError } from './invalidation-map.js';
import { createMiddleware, type SyncMiddleware } from './middleware.js';
import type { SyncObserver } from './observer.js';
import { outputOrder } from './order.js';
import type { MutationPath, QueryPath, StalePath } from './paths.js';
import { rowOf } from './rows.js';
import { compileRules, type SyncRules } from './rules.js';
import { checkTransactionOptions, type TransactionOptions } from './transactions/options.js';
import { createTransaction, type TransactionHost, type TransactionMiddleware } from './transactions/transaction.js';
import { versionsOf, type FieldVersionsOptions } from './transactions/versions.js';

export interface SyncOptions<C = unknown> {
  /** Default: the default hub, from the first use on. */
  hub?: AnyHub | undefined;
  rules?: SyncRules<C> | undefined;
  /** What is done after a mutation that failed and may have written before, where its entry does not say; default `warn`. */
  onError?: OnError | undefined;
}

/** An action whose query paths are those of the router. */
export type RouterAction<R> = Omit<SyncActionInput, 'queryPaths' | 'row'> & {
  queryPaths: readonly StalePath<R>[];
  row?: RowInput<QueryPath<R>> | null | undefined;
};

/** What is announced by name: the paths, and unless given `module`, `type` and `entityId`, come from the map and the rules. */
export interface Announcement {
  companyId: string;
  userId?: string | null | undefined;
  clientId?: string | null | undefined;
  sourceId?: string | null | undefined;
  /** What the mutation or tool was given: for functions of the map, `clientId` and `entityId`. */
  input?: unknown;
  /** What it answered. */
  result?: unknown;
  entityId?: string | undefined;
  module?: string | undefined;
  type?: ActionType | undefined;
  data?: unknown;
  /** Idempotency key of the action. */
  id?: string | undefined;
  /** Unix ms. */
  timestamp?: number | undefined;
}

/** `silent`: nothing was sent, rightly, and this is why. `afterCommit`: it goes out once the transaction around it has committed. */
export type AnnounceResult = BroadcastResult | { ok: true; silent: string } | { ok: true; afterCommit: true };

export interface Sync<R = AnyTRPCRouter> {
  /** The hub that it broadcasts on. */
  readonly hub: AnyHub;

  /**
   * Hands the action to the hub. A statement: it gives nothing, throws nothing, waits for nothing; what goes wrong is in
   * the hub's events. Inside a transaction of `transaction` or `transactional` it goes out after the commit, never after a
   * rollback. (A mutation whose answer is made of a call that knows the router would make the router's type
   * circular; hence no `() => sync.broadcast(…)` in the router itself.)
   */
  broadcast(this: void, action: RouterAction<R>): void;

  /**
   * The same sync for a router: `createSync<Context>({ rules })` where the base procedure is made, with its `middleware()`, and
   * `export const sync = core.for<AppRouter>()`, without an annotation, wherever paths are to be checked. What has
   * AppRouter in its type cannot stand in a router's own declaration, which its middleware does.
   */
  for<Router>(this: void): Sync<Router>;

  /**
   * Binds the hub to the router and reads the map. Await it before the server listens. Rejects with PathcastError
   * INVALID_MAP, which lists all that is wrong at once, with the nearest real names; INVALID_OPTION for a bad alias; with
   * whatever a lazy router was rejected with. A second call replaces the first once it has succeeded; one that fails changes
   * nothing.
   */
  bind(this: void, router: R, map: InvalidationMap<R>, options?: BindRouterOptions): Promise<void>;

  /**
   * What the map calls stale after a mutation or tool, cascades included; `[]` where it is silent. For tests, and tools
   * that send on their own. Throws PathcastError UNKNOWN_MUTATION with the nearest names; INVALID_MAP before `bind`.
   */
  queryPathsOf(
    this: void,
    name: MutationPath<R> | (string & {}),
    call?: { input?: unknown; result?: unknown },
  ): string[];

  /**
   * Broadcasts for a mutation that was not called: an import, a job. Never rejects; UNKNOWN_MUTATION is a result and an event.
   * Inside a known transaction it resolves at once, and goes out after the commit.
   */
  announce(this: void, mutation: MutationPath<R>, call: Announcement): Promise<AnnounceResult>;

  /**
   * Broadcasts after a tool has done its work, with its name as `toolName`. Never rejects; a tool that the map does not
   * know is UNKNOWN_TOOL, with the nearest names, as result and as the hub's `error` event. Nothing is guessed for it.
   */
  announceTool(this: void, tool: string, call: Announcement): Promise<AnnounceResult>;

  /**
   * For the base procedure, outermost: `t.procedure.use(sync.middleware())`. After a mutation that succeeded it sends one
   * action. A middleware around it that holds a transaction of its own commits after that; put it inside, or open
   * the transaction by `transaction` or `transactional`, which this waits for.
   */
  middleware(this: void): SyncMiddleware;

  /**
   * `trpcOptions: { router, ...sync.fence({ createContext }) }`, for every adapter: answers of queries and mutations carry
   * `x-pathcast-position`, what of the company's log their data contains at least. A client keeps an answer that is older than an
   * invalidation from counting as fresh. Throws INVALID_OPTION.
   */
  fence<O = unknown, Ctx = undefined>(this: void, options?: FenceOptions<O, Ctx>): Fence<O, Ctx>;

  /**
   * Broadcasts once `tx` has committed, in order, and never after its rollback. `tx`: what `transaction` or
   * `transactional` gave. Another one counts as committed when the mutation that is running has succeeded; outside of
   * any the action goes out at once, and the hub's `error` event tells.
   */
  afterCommit(this: void, tx: object, action: RouterAction<R>): void;

  /**
   * `sync.transaction((body) => db.transaction(body), async (tx) => { …; sync.afterCommit(tx, action); })`: for any
   * database. Gives and throws what `run` does. Inside another one it is a savepoint: its actions wait for the outer commit.
   */
  transaction<Tx extends object, T>(
    this: void,
    run: (body: (tx: Tx) => Promise<T>) => Promise<T>,
    work: (tx: Tx) => Promise<T>,
  ): Promise<T>;
  transaction<Tx extends object, T>(this: void, run: (body: (tx: Tx) => T) => T, work: (tx: Tx) => T): T;

  /**
   * `base.use(sync.middleware()).input(txInput).input(…).use(sync.transaction({ store: pgStore(pool) }))`: the mutation runs in one transaction of
   * the database, `ctx.tx`. A client that sends `tx: { transactionId }` beside its input may send the same again: it is done once, and
   * each gets the same answer. `ctx.transaction.fields()` finds fields that two people change. Stands behind what knows the company, and behind
   * what refuses callers: an answer that is kept is given again without asking what stands behind. Throws INVALID_OPTION.
   */
  transaction<Tx extends object>(this: void, options: TransactionOptions<Tx>): TransactionMiddleware<Tx>;

  /**
   * For queries whose rows are edited: by id, then by field, the version that `expected` of a mutation names. A query gives them beside its
   * rows; only who has them is told of what was written past `sync.transaction()`, by psql say. Rejects with PathcastError INVALID_OPTION, INVALID_FIELD.
   */
  fieldVersions<Tx>(this: void, options: FieldVersionsOptions<Tx>): Promise<Record<string, Record<string, string>>>;

  /**
   * `const db = sync.transactional(drizzle(…))`, or a Prisma client: each `db.transaction(fn, …)`, `db.$transaction(fn, …)`
   * is one that `afterCommit` knows; `tx.transaction(fn)` is its savepoint. Where `db.transaction(fn)` gives a function, as
   * better-sqlite3's does, each call of that is one, and `db` is its `tx`. Everything else is passed on.
   */
  transactional<Db extends object>(this: void, db: Db): Db;

  /** Tells of mutations that ended and broadcasts that were handed over; the returned function stops it. For tests. Throws INVALID_OPTION. */
  observe(this: void, observer: SyncObserver): () => void;

  /** When all that mutations have set off so far is in the log, or has failed. Never rejects. For tests, and before `hub.close()`. */
  settled(this: void): Promise<void>;
}

/** The router that `T` is; any where it is a context. Not distributed: `never` stays what it is. */
type RouterOf<T> = [T] extends [AnyTRPCRouter] ? T : AnyTRPCRouter;
/** The context that `T` is; unknown where it is a router. */
type ContextOf<T> = [T] extends [AnyTRPCRouter] ? unknown : T;

/**
 * `createSync<Context>({ rules: { companyId: ({ ctx }) => ctx.session.companyId } })` for the base procedure;
 * `createSync<AppRouter>()` where paths are to be checked and no router is made of it; `createSync<AppRouter, Context>` for
 * both. Without a router any path fits. Throws PathcastError INVALID_OPTION.
 */
export function createSync<T = AnyTRPCRouter, C = ContextOf<T>>(options: SyncOptions<C> = {}): Sync<RouterOf<T>> {
  checkKeys('createSync()', checkObject('options', options, 'INVALID_OPTION'), ['hub', 'rules', 'onError']);
  const { hub, onError = 'warn' } = options;
  checkHub(hub);
  if (!ON_ERROR.includes(onError))
    throw new PathcastError(
      'INVALID_OPTION',
      `onError must be one of ${ON_ERROR.join(', ')}, got ${describe(onError)}`,
    );
  return new SyncCore(options).typed as unknown as Sync<RouterOf<T>>;
}

/** What an action cannot be without. */
type Action = SyncActionInput;

class SyncCore {
  readonly typed: Sync;
  readonly #given: AnyHub | undefined;
  readonly #rules: ReturnType<typeof compileRules>;
  readonly #onError: OnError;
  readonly #afterCommit: AfterCommit;
  readonly #observers = new Set<SyncObserver>();
  readonly #pending = new Set<Promise<unknown>>();
  #map: CompiledMap | undefined;
  /** Calls of `bind`, and the latest that has succeeded. */
  #binds = 0;
  #bound = 0;
  #middleware: SyncMiddleware | undefined;

  constructor(options: SyncOptions) {
    this.#given = options.hub;
    this.#rules = compileRules(options.rules);
    this.#onError = options.onError ?? 'warn';
    this.#afterCommit = new AfterCommit({
      unknownTransaction: () =>
        this.#report(
          'afterCommit',
          new Error(
            'afterCommit() was given a transaction that no sync.transaction() or sync.transactional() opened, outside of a mutation; its action was sent at once',
          ),
        ),
      tooLate: () =>
        this.#internals.warn(
          { message: 'afterCommit() was called after its transaction had been rolled back; the action was dropped' },
          'afterCommit',
        ),
    });
    this.typed = this.#facade();
  }

  get #hub(): AnyHub {
    return this.#given ?? defaultHub();
  }

  get #internals(): HubInternals {
    return internalsOf(this.#hub);
  }

  #facade(): Sync {
    const hubOf = (): AnyHub => this.#hub;
    const typed: Sync = {
      get hub() {
        return hubOf();
      },
      broadcast: (action) => {
        const open = this.#afterCommit.current();
        if (open) open.add(() => void this.#send(action));
        else void this.#send(action);
      },
      for: <Router>() => typed as unknown as Sync<Router>,
      bind: async (router, map, options = {}) => {
        const hub = this.#hub;
        const internals = internalsOf(hub);
        const turn = ++this.#binds;
        const prepared = internals.prepareRouter(router, options);
        await prepared.binding.ready;
        if (hub.closed) throw new PathcastError('HUB_CLOSED', 'the hub was closed while the lazy routers loaded');
        // A rule has the last word on the module; what it says is held against the hub's when it is known.
        const declared = this.#rules.decidesModule ? undefined : internals.modules;
        const warn = (message: string): void => internals.warn({ message }, 'map');
        const compiled = compileMap(map, prepared.binding, warn, declared, outputOrder(router), this.#rules.givesData);
        // Another call may have replaced this one while the lazy routers loaded.
        if (turn < this.#bound) return;
        this.#bound = turn;
        prepared.install();
        this.#map = compiled;
      },
      queryPathsOf: (name, { input, result } = {}) => {
        const map = this.#mapOrThrow();
        const entry = map.mutations.get(name) ?? map.tools.get(name);
        if (!entry) {
          const names = [...map.mutations.keys(), ...map.tools.keys()];
          throw new PathcastError(
            'UNKNOWN_MUTATION',
            `the invalidation map has no mutation or tool ${describe(name)}${near(name, names)}`,
          );
        }
        return entry.pathsOf({ input, result }, (error) => this.#report('middleware', error));
      },
      announce: (name, call) =>
        this.#announce(
          call,
          (map) => map.mutations.get(name) ?? unknown('UNKNOWN_MUTATION', 'mutation', name, map.mutations),
        ),
      announceTool: (tool, call) =>
        this.#announce(call, (map) => map.tools.get(tool) ?? unknown('UNKNOWN_TOOL', 'tool', tool, map.tools), tool),
      middleware: () => (this.#middleware ??= this.#createMiddleware()),
      fence: (options) =>
        createFence(
          {
            moment: () => this.#internals.moment(),
            position: (companyId, moment) => this.#internals.positionAt(companyId, moment),
            companyIdOf: (ctx) => this.#rules.companyIdOf(ctx),
            report: (thrown) => this.#report('fence', thrown),
          },
          options,
        ),
      afterCommit: (tx, action) => this.#afterCommit.after(tx, () => void this.#send(action)),
      transaction: (<Tx extends object, T>(first: TransactionOptions<Tx> | ((body: (tx: Tx) => T) => T), work?: (tx: Tx) => T) =>
        typeof first === 'object' && first !== null
          ? createTransaction(this.#transactions(), checkTransactionOptions(first))
          : this.#afterCommit.transaction(first, work as (tx: Tx) => T)),
      fieldVersions: async (options) => versionsOf(options, this.#internals.codec),
      transactional: (db) => this.#afterCommit.transactional(db),
      observe: (observer) => {
        checkObject('observer', observer, 'INVALID_OPTION');
        this.#observers.add(observer);
        return () => void this.#observers.delete(observer);
      },
      settled: async () => {
        while (this.#pending.size > 0) await Promise.allSettled([...this.#pending]);
      },
    };
    return typed;
  }

  #mapOrThrow(): CompiledMap {
    if (this.#map) return this.#map;
    throw new PathcastError('INVALID_MAP', 'there is no invalidation map yet: await sync.bind(router, map) first');
  }

  #createMiddleware(): SyncMiddleware {
    return createMiddleware({
      rules: this.#rules,
      binding: () => this.#internals.paths,
      entry: (path) => this.#map?.mutations.get(path),
      isBound: () => this.#map !== undefined,
      onError: this.#onError,
      declaredModules: () => this.#internals.modules,
      isOwnHub: (hub) => hub === this.#hub,
      commit: () => this.#afterCommit.current(),
      broadcast: (action, path, commit) => {
        const send = (): void => {
          const outcome = this.#send(action);
          const { id } = action;
          if (id !== undefined) this.#track(this.#tellRest({ ...action, id }, outcome));
          const { queryPaths } = action;
          this.#tell((observer) => observer.handed?.({ path, byHand: false, queryPaths, action, outcome }));
        };
        if (commit) commit.add(send);
        else send();
      },
      warn: (warning, kind) => this.#internals.warn(warning, kind),
      fail: (error) => this.#report('middleware', error),
      moment: () => this.#internals.moment(),
      position: (companyId, moment) => this.#internals.positionAt(companyId, moment),
      ended: (end) => this.#tell((observer) => observer.mutationEnded?.(end)),
      noted: (path, action) =>
        this.#tell((observer) => {
          const { queryPaths } = action;
          return observer.handed?.({ path, byHand: true, queryPaths, action, outcome: undefined });
        }),
      track: (work) => this.#track(work.catch((thrown: unknown) => this.#report('middleware', thrown))),
    });
  }

  #transactions(): TransactionHost {
    return {
      codec: () => (this.#map ? this.#internals.codec : undefined),
      callerOf: (ctx, path, input) => this.#rules.callerOf({ ctx, path, input, result: undefined }),
      transaction: (run, work) => this.#afterCommit.transaction(run, work),
      warn: (warning) => this.#internals.warn(warning, 'answer not kept'),
      report: (thrown) => this.#report('transaction', thrown),
      count: (outcome) => void this.#internals.transactions[outcome]++,
      track: (work) => this.#track(work),
    };
  }

  async #announce(call: Announcement, find: (map: CompiledMap) => Entry, toolName?: string): Promise<AnnounceResult> {
    try {
      const entry = find(this.#mapOrThrow());
      if (entry.silent !== undefined) return { ok: true, silent: entry.silent };
      const { input, result, companyId, ...given } = checkObject('the announcement', call) as unknown as Announcement;
      const values = { input, result };
      const { paths: queryPaths, where } = entry.staleOf(values, (error) => this.#report('broadcast', error));
      if (queryPaths.length === 0) return { ok: true, silent: 'the function of the map gave no path' };
      // There is no context: rules that need one give nothing here.
      const fields = this.#rules.fieldsOf({ ctx: undefined, path: entry.name, ...values }, entry, () => undefined);
      const action: Action = {
        id: given.id,
        timestamp: given.timestamp,
        type: given.type ?? fields.type,
        module: given.module ?? fields.module,
        entityId: given.entityId ?? fields.entityId,
        companyId,
        userId: given.userId,
        clientId: given.clientId ?? fields.clientId,
        sourceId: given.sourceId,
        toolName,
        queryPaths,
        where,
        ...(given.data === undefined ? undefined : { data: given.data }),
      };
      const shown = entry.row && rowOf(entry.name, entry.row, values, action.type === 'delete', (error) => this.#report('broadcast', error));
      if (shown) Object.assign(action, shown.data === undefined ? { row: shown.row } : shown);
      const open = this.#afterCommit.current();
      if (!open) return await this.#send(action);
      // Whoever waited for the commit inside of the transaction would wait for ever.
      open.add(() => void this.#send(action));
      return { ok: true, afterCommit: true };
    } catch (thrown) {
      const error =
        thrown instanceof PathcastError
          ? thrown
          : new PathcastError('INVALID_FIELD', `the announcement could not be read: ${describeThrown(thrown)}`);
      this.#report('broadcast', error);
      const failure: Failure = { ok: false, code: error.code, message: error.message };
      return failure;
    }
  }

  #send(action: Action): Promise<BroadcastResult> {
    const sent = this.#hub.broadcast(action as never);
    this.#track(sent);
    return sent;
  }

  /**
   * Who reads the database's log (`pathcast cdc`) tells of the same commit under the same id, with what its own map says; whoever of the two is second
   * is a duplicate. What the first has left out goes out all the same.
   */
  async #tellRest(action: Action & { id: string }, outcome: Promise<BroadcastResult>): Promise<void> {
    const result = await outcome;
    if (!result.ok || !('duplicate' in result)) return;
    try {
      const { actions } = await this.#hub.readLog(action.companyId);
      const rest = coveredRest(action, entryOf(actions, action.id));
      // Told once more it is a duplicate, too. No transaction's action has such an id: a client chooses what stands behind `tx:`.
      if (rest) await this.#send({ ...rest, row: undefined, id: `more:${action.id}` });
    } catch (thrown) {
      this.#report('middleware', thrown);
    }
  }

  #track(work: Promise<unknown>): void {
    const watched = work.finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  }

  #report(during: HubFailure['during'], thrown: unknown): void {
    this.#internals.report(during, thrown);
  }

  #tell(call: (observer: SyncObserver) => unknown): void {
    for (const observer of [...this.#observers]) {
      guarded(
        () => call(observer),
        (thrown) => this.#report('listener', thrown),
      );
    }
  }
}

function unknown(
  code: 'UNKNOWN_MUTATION' | 'UNKNOWN_TOOL',
  kind: string,
  name: string,
  known: ReadonlyMap<string, Entry>,
): never {
  throw new PathcastError(code, `the invalidation map has no ${kind} ${describe(name)}${near(name, known.keys())}`);
}
