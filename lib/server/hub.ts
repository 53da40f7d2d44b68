/**
 * The hub: what an app talks to. It checks and encodes what callers give, and leaves the rest to its engine.
 *
 * No call about an action ever throws or rejects: a mutation must not fail because of sync. What went wrong is in
 * the result, in the `error` event and in the metrics. Calls that open a stream do throw: there somebody waits.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { PathcastError } from '../protocol/error.js';
import { CLOSE_REASONS, type CloseReason, type SyncActionInput, type SyncEvent } from '../protocol/events.js';
import { describe } from '../internal/describe.js';
import type { ConnectionInfo, DisconnectMatch, Engine, LogSlice } from '../internal/engine.js';
import {
  checkCompanyId,
  checkIdentifier,
  checkKeys,
  checkObject,
  checkTime,
  checkOptionalIdentifier,
} from './check.js';
import { checkConnectionsQuery, type ConnectionsQuery } from './connections.js';
import { oneOfMany } from './alone.js';
import { encodeEphemeral, type EncodeContext } from './encode-action.js';
import { guardOf, SSEConnectionLimitError, type ConnectionGuard } from './lease.js';
import type { SyncStream } from './hand-over/generator.js';
import type { StreamHandle } from './hand-over/handle.js';
import { Servers } from './hand-over/servers.js';
import { openObserver, openPlain, openReadable, openStream, type Observed } from './open-stream.js';
import type { StreamHost } from './stream-host.js';
import { nodeHandler, type HandlerOptions, type NodeHandler } from './node-handler.js';
import type { HubOptions, PlainStreamOptions, StreamOptions } from './options.js';
import type { BindRouterOptions, PathBinding, RouterBinding } from './paths/binding.js';
import { HubPaths } from './paths/hub-paths.js';
import type { PathUsage } from './paths/path-usage.js';
import { closedError, Publisher } from './publisher.js';
import { reauthorize } from './reauthorize.js';
import { checkQueryPaths } from './query-paths.js';
import type {
  BroadcastResult,
  EphemeralResult,
  HubEvents,
  HubFailure,
  HubLogger,
  HubMetrics,
  HubWarning,
} from './results.js';
import { pathTableOf, selectEngine } from './select-engine.js';
import type { ForeignRequest } from './stream-spec.js';
import { Teller } from './teller.js';
import { SILENCE_AFTER_SLOW_MS } from './vanished-peer.js';
import { validateOptions, type Settings } from './validate-options.js';

/** ms between two steps of `endStreams`. */
const END_STEP_MS = 50;

/** Any router of tRPC 11. */
export interface BindableRouter {
  readonly _def: { readonly router: true };
}

/** A hub of whatever modules. */
export type AnyHub = Hub<never>;

/** Names of modules are typed where they were declared: `createHub({ modules: ['guests', 'budget'] })`. */
export class Hub<M extends string = string> {
  readonly #settings: Settings;
  readonly #engine: Engine;
  readonly #teller: Teller;
  readonly #paths: HubPaths;
  readonly #publisher: Publisher;
  readonly #host: StreamHost;
  /** Unix ms. */
  readonly startedAt = Date.now();
  readonly #onDisconnect = new Set<(match: DisconnectMatch, reason: CloseReason) => void>();
  #socketsTaken = 0;
  #alone = oneOfMany();
  #stopReauthorizing: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** Use `createHub`. Throws PathcastError INVALID_OPTION, NO_NATIVE. */
  constructor(options: HubOptions<M> = {}) {
    this.#settings = validateOptions(options, randomBytes(4).toString('hex'));
    this.#teller = new Teller(this.#settings.logger);
    const context: EncodeContext = {
      modules: this.#settings.modules,
      codec: this.#settings.codec,
      now: Date.now,
      warn: (field, message, action) =>
        this.warn({
          field,
          message,
          companyId: action.companyId,
          actionId: action.id,
          module: action.module,
        }),
    };
    this.#engine = selectEngine(this.#settings, (notice) => this.#teller.notice(notice));
    this.#paths = new HubPaths({
      createTable: pathTableOf(this.#engine),
      codec: this.#settings.codec,
      onPhantomPath: this.#settings.onPhantomPath,
      aliases: this.#settings.aliases,
      connectionCapBytes: this.#settings.engineOptions.connectionCapBytes,
      setResyncPaths: (paths) => {
        if (!this.closed) this.#engine.setResyncPaths(paths);
      },
      warn: (warning) => this.warn(warning),
      tell: (event) => this.#teller.emit('phantom', event),
    });
    this.#publisher = new Publisher({
      engine: this.#engine,
      context,
      paths: this.#paths,
      isClosed: () => this.closed,
      failed: (thrown) => this.#teller.failed('broadcast', thrown),
      hub: this,
    });
    this.#host = {
      engine: this.#engine,
      codec: this.#settings.codec,
      router: () => this.paths,
      isClosed: () => this.closed,
      now: Date.now,
      silenceMs: this.#settings.engineOptions.slowTimeoutMs + SILENCE_AFTER_SLOW_MS,
      warn: (message) => this.warn({ message }),
      report: (error) => this.report('openSocket', error),
      taken: () => void this.#socketsTaken++,
      servers: new Servers(this.#engine),
    };
    if (this.#settings.reauthorize) {
      this.#stopReauthorizing = reauthorize(this.#settings.reauthorize, {
        connections: (query) => this.connections(query),
        revoke: (connectionId) => this.disconnect({ connectionId }, 'revoked'),
        report: (thrown) => this.report('reauthorize', thrown),
        later: (ms, then) => {
          const timer = setTimeout(then, ms).unref();
          return () => clearTimeout(timer);
        },
      });
    }
  }

  /** Which engine runs: `native`, or `js` where no binary loads or `engine: 'js'` was asked for. */
  get engine(): 'native' | 'js' {
    return this.#engine.kind;
  }

  /** Name of this hub, first part of each connection id. */
  get id(): string {
    return this.#settings.engineOptions.hubId;
  }

  /** True from the call of `close()` on. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  // --- actions ---

  /**
   * Announces one change to every stream of its company. Call it after the commit. Resolves once the action has
   * its place in the log, never waits for a client, never rejects. A repeated `id` is a duplicate, not an error.
   */
  readonly broadcast = (action: SyncActionInput<M>): Promise<BroadcastResult> => {
    this.#sayAlone();
    return this.#publisher.send(action);
  };

  /** The same as `broadcast`, under the name that moving systems know. */
  readonly broadcastSync = (action: SyncActionInput<M>): Promise<BroadcastResult> => this.broadcast(action);

  /**
   * Many changes, in order: an import. Results by index; what is refused keeps nothing else back. More than
   * `log.compactAfter` of one company reach its streams as one `invalidate`.
   */
  readonly broadcastMany = (actions: readonly SyncActionInput<M>[]): Promise<BroadcastResult[]> => {
    this.#sayAlone();
    return this.#publisher.sendMany(actions);
  };

  /** Tells who is there, and keeps nothing: typing, presence, progress. Never throws. */
  readonly ephemeral = (event: { companyId: string; topic: string; data?: unknown }): EphemeralResult => {
    try {
      if (this.closed) throw closedError();
      const taken = this.#engine.ephemeral(encodeEphemeral(event, this.#settings.codec, Date.now));
      if (!taken) throw new PathcastError('OVERLOADED', 'too much is waiting to be sent; the event was dropped');
      return { ok: true };
    } catch (thrown) {
      return this.#teller.failed('ephemeral', thrown);
    }
  };

  // --- query paths ---

  /**
   * From now on each path of each broadcast is checked against the queries of a tRPC router: a path that no query has
   * (a phantom) is told by the `phantom` event, counted, and named in the result, with the nearest real ones.
   * `onPhantomPath`: it goes out as it stands (`warn`, the default), is left out (`error`), or gives way to the real path
   * that was meant (`repair`). `aliases` are names that stand for real paths. A `resync` names the router's queries.
   *
   * What is loaded is bound when this returns; the promise waits for lazy routers. Rejects with INVALID_OPTION: what was
   * given is no router, an alias leads nowhere, a lazy router does not load (what is loaded stays bound). A second call
   * replaces the first.
   */
  bindRouter(router: BindableRouter, options?: BindRouterOptions): Promise<RouterBinding> {
    return this.closed ? Promise.reject(closedError()) : this.#paths.bind(router, options);
  }

  /** For what is built on the hub: a binding that is in force from `install()` on. Throws like `bindRouter`, HUB_CLOSED too. */
  prepareRouter(router: unknown, options?: BindRouterOptions): { binding: PathBinding; install: () => void } {
    if (this.closed) throw closedError();
    return this.#paths.prepare(router, options);
  }

  /** For what is built on the hub: the declared modules; undefined where any is allowed. */
  get modules(): ReadonlySet<string> | undefined {
    return this.#settings.modules;
  }

  /** The bound router; undefined without one. For what is built on the hub. */
  get paths(): PathBinding | undefined {
    return this.#paths.router;
  }

  /**
   * What a client's cache holds, as the client reports it: with it `pathUsage()` and the metric `neverCached` tell
   * which paths are published for nobody. What is no query of the bound router is passed over. Throws INVALID_FIELD,
   * INVALID_QUERY_PATH for what is no array of strings.
   */
  cached(paths: readonly string[]): void {
    this.#paths.cached(paths);
  }

  /** Each query of the bound router: how many actions made it stale, and whether a client ever had it. */
  pathUsage(): PathUsage[] {
    return this.#paths.usage();
  }

  // --- streams ---

  /**
   * The one way in for a browser. Inside a tRPC subscription resolver with `req` and `res` of the context it takes
   * the socket, and the generator it returns is at its end: return it. Where the socket cannot be taken (HTTPS in
   * Node, HTTP/2, `inject`, Windows) the generator yields the same events.
   * Throws PathcastError (INVALID_COMPANY_ID, INVALID_FIELD, INVALID_OPTION, HUB_CLOSED); the generator throws
   * USER_LIMIT, COMPANY_LIMIT, DRAINING (not admitted) and STREAM_CLOSED (ended by the hub; `reason` says why).
   */
  readonly stream = <T = SyncEvent>(options: StreamOptions<T>): SyncStream<T> =>
    openStream(this.#host, options);

  /**
   * Answers a plain EventSource request: takes the socket, or writes to the response. `handler()` and the Fastify
   * plugin end here. Throws like `stream`, before anything is written.
   */
  readonly serve = (options: PlainStreamOptions): StreamHandle => openPlain(this.#host, options);

  /** A plain stream as bytes, for a web `Response`. Throws like `stream`. */
  readonly readable = (options: PlainStreamOptions, request: ForeignRequest): ReadableStream<Uint8Array<ArrayBuffer>> =>
    openReadable(this.#host, options, request);

  /**
   * A company's events for this process itself (the drop-in's subscriber, a job): counted against no limit. `from`: a
   * cursor as in an event's id, or Unix ms (inclusive); without one it starts now. `userId`: whom `disconnect` finds it
   * by. Throws like `stream`.
   */
  readonly observe = (
    companyId: string,
    from?: string | number,
    signal?: AbortSignal,
    userId?: string,
  ): AsyncGenerator<Observed, undefined, undefined> => openObserver(this.#host, companyId, from, signal, userId);

  /**
   * `app.get('/sync/stream', hub.handler({ identify }))` for Node, Express and Connect. Answers GET with a stream, HEAD
   * with its head, anything else with 405; OPTIONS is for the app's CORS middleware to answer before. Query:
   * `lastEventId`, `lastSyncTimestamp`, `modules`, `entities`, `queryPaths`, `clientId`, `excludeSourceId` (they narrow,
   * never widen), `clientInstanceId`. Throws INVALID_OPTION.
   */
  handler<Req extends IncomingMessage | Http2ServerRequest = IncomingMessage>(
    options: HandlerOptions<Req>,
  ): NodeHandler<Req> {
    return nodeHandler(
      {
        serve: this.serve,
        router: () => this.paths,
        report: (thrown) => {
          this.report('identify', thrown);
        },
      },
      options,
    );
  }

  // --- connections ---

  /** Counts one connection that is not a stream of this hub. Throws SSEConnectionLimitError, or PathcastError. */
  async acquire(companyId: string, userId: string): Promise<ConnectionGuard> {
    checkCompanyId(companyId);
    checkIdentifier('userId', userId);
    if (this.closed) throw closedError();
    let outcome;
    try {
      outcome = await this.#engine.acquire(companyId, userId);
    } catch (thrown) {
      // Sync must not lock users out: without a count the connection is allowed, and the failure is told.
      this.report('acquire', thrown);
      return guardOf(() => Promise.resolve());
    }
    if (outcome.ok) {
      const { leaseId } = outcome;
      return guardOf(() => this.#engine.release(leaseId).catch((thrown: unknown) => this.report('acquire', thrown)));
    }
    switch (outcome.code) {
      case 'USER_LIMIT':
      case 'COMPANY_LIMIT':
        throw new SSEConnectionLimitError(outcome.code, outcome.limit, outcome.current);
      case 'DRAINING':
        throw new PathcastError('DRAINING', 'The server is draining; reconnect');
      default:
        throw closedError();
    }
  }

  /**
   * Open streams, those that opened first before the others, at most `limit` (default 100) of those that opened after
   * the one of the id `after`. Throws INVALID_FIELD.
   */
  async connections(query: ConnectionsQuery = {}): Promise<ConnectionInfo[]> {
    const checked = checkConnectionsQuery(query);
    return this.closed ? [] : this.#engine.connections(checked);
  }

  /** Ends the streams that match all given parts; resolves to how many. At least one part is needed. */
  async disconnect(match: DisconnectMatch, reason: CloseReason = 'revoked'): Promise<number> {
    const raw = checkObject('match', match);
    checkKeys('disconnect()', raw, ['userId', 'companyId', 'connectionId']);
    const checked: DisconnectMatch = {};
    for (const part of ['userId', 'companyId', 'connectionId'] as const) {
      const value = checkOptionalIdentifier(part, raw[part]);
      if (value !== undefined) checked[part] = value;
      // A part that was meant but is empty must not widen the match to everybody.
      else if (part in raw)
        throw new PathcastError('INVALID_FIELD', `${part} must not be empty, got ${describe(raw[part])}`);
    }
    if (Object.keys(checked).length === 0) {
      throw new PathcastError('INVALID_FIELD', 'disconnect() needs at least one of userId, companyId, connectionId');
    }
    if (!CLOSE_REASONS.includes(reason)) {
      throw new PathcastError(
        'INVALID_FIELD',
        `reason must be one of ${CLOSE_REASONS.join(', ')}, got ${describe(reason)}`,
      );
    }
    for (const listener of [...this.#onDisconnect]) listener(checked, reason);
    return this.closed ? 0 : this.#engine.disconnect(checked, reason);
  }

  /** For what is built on the hub: tells of each `disconnect`. The returned function stops it. */
  onDisconnect(listener: (match: DisconnectMatch, reason: CloseReason) => void): () => void {
    const own: typeof listener = (match, reason) => listener(match, reason);
    this.#onDisconnect.add(own);
    return () => void this.#onDisconnect.delete(own);
  }

  /**
   * Before a deploy: refuses newcomers and ends the streams evenly over `overMs` (default 10,000; 0: at once), each
   * with a jittered hint to come back. Resolves when none is left.
   */
  async drain(options: { overMs?: number } = {}): Promise<void> {
    checkKeys('drain()', checkObject('options', options), ['overMs']);
    const { overMs = 10_000 } = options;
    if (typeof overMs !== 'number' || !(overMs >= 0 && overMs <= 3_600_000)) {
      throw new PathcastError('INVALID_OPTION', `overMs must be a number from 0 to 3600000, got ${describe(overMs)}`);
    }
    if (!this.closed) await this.#engine.drain(overMs);
  }

  /**
   * Ends every stream evenly over `overMs`, each with a jittered hint to come back, and goes on admitting: for a server that
   * stops while the hub lives on.
   */
  async endStreams(overMs: number): Promise<void> {
    const ids: string[] = [];
    for (
      let page = overMs > 0 ? await this.#pageOfIds() : [];
      page.length > 0;
      page = await this.#pageOfIds(ids.at(-1))
    )
      ids.push(...page);
    const steps = Math.ceil(overMs / END_STEP_MS);
    for (let step = 1, done = 0; done < ids.length && !this.closed; step++) {
      const due = Math.ceil((ids.length * step) / steps);
      for (; done < due; done++) await this.#engine.disconnect({ connectionId: ids[done] as string }, 'drain');
      if (done < ids.length) await new Promise((resolve) => setTimeout(resolve, END_STEP_MS));
    }
    // Those who came meanwhile, too.
    if (!this.closed) await this.#engine.disconnect({}, 'drain');
  }

  async #pageOfIds(after?: string): Promise<string[]> {
    return (await this.connections({ limit: 1_000, after })).map(({ id }) => id);
  }

  /** Ends everything at once; afterwards no thread, timer or descriptor is left. Listeners go on hearing of calls that fail then. Idempotent. */
  close(): Promise<void> {
    this.#stopReauthorizing?.();
    return (this.#closing ??= this.#engine.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- the log, metrics, events ---

  /** Actions from `sinceMs` on (Unix ms, inclusive), as JSON; all that are kept when absent. Rejects after `close()`. */
  async readLog(companyId: string, sinceMs?: number): Promise<LogSlice> {
    checkCompanyId(companyId);
    if (this.closed) throw closedError();
    if (sinceMs === undefined) return this.#engine.readLog(companyId);
    return this.#engine.readLog(companyId, checkTime('sinceMs', sinceMs));
  }

  /** What a `resync` calls stale: every query path of the app's router. `['*']` until set. Throws INVALID_QUERY_PATH. */
  setResyncPaths(paths: readonly string[]): void {
    const checked = checkQueryPaths(paths);
    if (!this.closed) this.#engine.setResyncPaths(checked);
  }

  metrics(): HubMetrics {
    return {
      ...this.#engine.metrics(),
      engine: this.engine,
      hubId: this.id,
      failures: { ...this.#teller.failures },
      errors: { ...this.#teller.errors },
      warnings: this.#teller.warnings,
      phantomPaths: this.#paths.phantomPaths,
      neverCached: this.#paths.neverCached,
      socketsTaken: this.#socketsTaken,
    };
  }

  /**
   * Listens; the returned function stops it. A listener that throws stops no other. Listening keeps no process alive.
   * Throws INVALID_OPTION for an event that there is not.
   */
  on<K extends keyof HubEvents>(event: K, listener: (payload: HubEvents[K]) => void): () => void {
    return this.#teller.on(event, listener);
  }

  /** Once, at the first broadcast: by then somebody may listen. */
  #sayAlone(): void {
    if (this.#alone === undefined) return;
    const what = this.#alone;
    this.#alone = undefined;
    this.#teller.warn(
      {
        message: `the hub runs in ${what}: only streams of this very one hear its broadcasts, the others' do not (the hub's broker is this process's memory)`,
      },
      true,
    );
  }

  /** For what is built on the hub: tells what is odd, and counts it. */
  readonly warn = (warning: HubWarning): void => this.#teller.warn(warning);

  /** For what is built on the hub: tells what failed without a caller to tell. */
  readonly report = (during: HubFailure['during'], thrown: unknown): void => this.#teller.report(during, thrown);

  /** For what is built on the hub: a logger for what nobody else hears. Returns the way to stop it. */
  logUnheard(logger: HubLogger): () => void {
    return this.#teller.logUnheard(logger);
  }
}

/** Whether `value` is a hub, of this copy of the package or of another one. */
export function isHub(value: unknown): value is AnyHub {
  const hub = value as Partial<Record<keyof Hub, unknown>> | null | undefined;
  return typeof hub === 'object' && hub !== null && typeof hub.serve === 'function' && typeof hub.drain === 'function';
}

/** A hub of one's own. Throws PathcastError INVALID_OPTION, NO_NATIVE. */
export function createHub<const M extends string = string>(options: HubOptions<M> = {}): Hub<M> {
  return new Hub<M>(options);
}
