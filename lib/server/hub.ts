/**
 * The hub: what an app talks to. It checks and encodes what callers give, and leaves the rest to its engine.
 *
 * No call about an action ever throws or rejects: a mutation must not fail because of sync. What went wrong is in
 * the result, in the `error` event and in the metrics. Calls that open a stream do throw: there somebody waits.
 */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { PathcastError } from '../protocol/error.js';
import type { CloseReason, SyncActionInput, SyncEvent } from '../protocol/events.js';
import { describe } from '../internal/describe.js';
import type { ConnectionInfo, LogSlice } from '../internal/engine.js';
import { checkCompanyId, checkIdentifier, checkKeys, checkObject, checkOverMs, checkTime } from './check.js';
import { checkConnectionsQuery, checkDisconnect, type ConnectionMatch, type ConnectionsQuery } from './connections.js';
import { oneOfMany } from './alone.js';
import { encodeEphemeral } from './encode-action.js';
import { giveInternals, hasInternals } from './internals.js';
import { takeSeat, type ConnectionGuard, type Seat } from './lease.js';
import type { SyncStream } from './hand-over/generator.js';
import type { StreamHandle } from './hand-over/handle.js';
import { integer } from './option-values.js';
import { openPlain, openStream } from './open-stream.js';
import { nodeHandler, type HandlerOptions, type NodeHandler } from './node-handler.js';
import type { HubOptions, PlainStreamOptions, StreamOptions } from './options.js';
import { Parts } from './parts.js';
import type { BindRouterOptions, RouterBinding } from './paths/binding.js';
import type { PathUsage } from './paths/path-usage.js';
import type { NodeInfo } from '../redis/hub-node.js';
import type { PresentUser } from './presence/board.js';
import { closedError } from './publisher.js';
import { checkRate, type RateLimitOptions, type RateLimitResult } from './rate-limit.js';
import type { BroadcastResult, EphemeralResult, HubEvents, HubHealth, HubMetrics } from './results.js';

/** Any router of tRPC 11. */
export interface BindableRouter {
  readonly _def: { readonly router: true };
}

/** A hub of whatever modules. */
export type AnyHub = Hub<never>;

/** Names of modules are typed where they were declared: `createHub({ modules: ['guests', 'budget'] })`. */
export class Hub<M extends string = string> {
  readonly #parts: Parts;
  /** Unix ms. */
  readonly startedAt = Date.now();
  #alone: string | undefined;

  /** Use `createHub`. Throws PathcastError INVALID_OPTION, NO_NATIVE. */
  constructor(options: HubOptions<M> = {}) {
    this.#parts = new Parts(options as HubOptions<never>, this);
    giveInternals(this, this.#parts.internals);
    // With a broker it does not matter how many there are.
    if (!this.#parts.settings.redis) this.#alone = oneOfMany();
  }

  /** Which engine runs: `native`, or `js` where no binary loads or `engine: 'js'` was asked for. */
  get engine(): 'native' | 'js' {
    return this.#parts.engine.kind;
  }

  /** Name of this hub, first part of each connection id. */
  get id(): string {
    return this.#parts.settings.engineOptions.hubId;
  }

  /** True from the call of `close()` on. */
  get closed(): boolean {
    return this.#parts.closed;
  }

  // --- actions ---

  /**
   * Announces one change to every stream of its company. Call it after the commit. Resolves once the action has
   * its place in the log, never waits for a client, never rejects. A repeated `id` is a duplicate, not an error.
   */
  readonly broadcast = (action: SyncActionInput<M>): Promise<BroadcastResult> => {
    this.#sayAlone();
    return this.#parts.publisher.send(action);
  };

  /** The same as `broadcast`, under the name that moving systems know. */
  readonly broadcastSync = (action: SyncActionInput<M>): Promise<BroadcastResult> => this.broadcast(action);

  /**
   * Many changes, in order: an import. Results by index; what is refused keeps nothing else back. More than
   * `log.compactAfter` of one company reach its streams as one `invalidate`.
   */
  readonly broadcastMany = (actions: readonly SyncActionInput<M>[]): Promise<BroadcastResult[]> => {
    this.#sayAlone();
    return this.#parts.publisher.sendMany(actions);
  };

  /** Tells who is there, and keeps nothing: typing, presence, progress. Never throws. */
  readonly ephemeral = (event: { companyId: string; topic: string; data?: unknown }): EphemeralResult => {
    try {
      if (this.closed) throw closedError();
      const taken = this.#parts.engine.ephemeral(encodeEphemeral(event, this.#parts.settings.codec, Date.now));
      if (!taken) throw new PathcastError('OVERLOADED', 'too much is waiting to be sent; the event was dropped');
      return { ok: true };
    } catch (thrown) {
      return this.#parts.teller.failed('ephemeral', thrown);
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
    return this.closed ? Promise.reject(closedError()) : this.#parts.paths.bind(router, options);
  }

  /**
   * What a client's cache holds, as the client reports it: with it `pathUsage()` and the metric `neverCached` tell
   * which paths are published for nobody. `companyId`: whose client it is; then what is published for companies of which no client
   * reports is not held against them. What is no query of the bound router is passed over. Throws INVALID_FIELD, INVALID_QUERY_PATH for what is no
   * array of strings, INVALID_COMPANY_ID.
   */
  cached(paths: readonly string[], companyId?: string): void {
    this.#parts.paths.cached(paths, companyId === undefined ? undefined : checkCompanyId(companyId));
  }

  /** Each query of the bound router: how many actions made it stale, and whether a client ever had it. */
  pathUsage(): PathUsage[] {
    return this.#parts.paths.usage();
  }

  // --- streams ---

  /**
   * The one way in for a browser. Inside a tRPC subscription resolver with `req` and `res` of the context it takes
   * the socket, and the generator it returns is at its end: return it. Where the socket cannot be taken (HTTPS in
   * Node, HTTP/2, `inject`, Windows) the generator yields the same events.
   * Throws PathcastError (INVALID_COMPANY_ID, INVALID_FIELD, INVALID_OPTION, HUB_CLOSED); the generator throws
   * USER_LIMIT, COMPANY_LIMIT, DRAINING (not admitted) and STREAM_CLOSED (ended by the hub; `reason` says why).
   */
  readonly stream = <T = SyncEvent>(options: StreamOptions<T>): SyncStream<T> => openStream(this.#parts.host, options);

  /**
   * Answers a plain EventSource request: takes the socket, or writes to the response. `handler()` and the Fastify
   * plugin end here. Throws like `stream`, before anything is written.
   */
  readonly serve = (options: PlainStreamOptions): StreamHandle => openPlain(this.#parts.host, options);

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
        router: () => this.#parts.paths.router,
        report: (thrown) => this.#parts.teller.report('identify', thrown),
      },
      options,
    );
  }

  /**
   * How much of a company's log this node has, as a cursor; undefined where it has none of it: nobody of the company has had a stream here, or
   * published, of late. Read before a query reads its data, it says what the answer contains at least: `sync.fence()` puts it into a
   * header. Throws INVALID_COMPANY_ID.
   */
  position(companyId: string): string | undefined {
    checkCompanyId(companyId);
    return this.closed ? undefined : this.#parts.engine.position(companyId);
  }

  // --- connections ---

  /**
   * Counts one connection that is not a stream of this hub, for as long as its guard is held. Throws
   * SSEConnectionLimitError at a limit; PathcastError (INVALID_COMPANY_ID, INVALID_FIELD, DRAINING, HUB_CLOSED).
   */
  acquire(who: Seat): Promise<ConnectionGuard>;
  /** @deprecated Two texts are easily swapped: the drop-in's `acquire` has them the other way round. */
  acquire(companyId: string, userId: string): Promise<ConnectionGuard>;
  acquire(who: Seat | string, userId?: string): Promise<ConnectionGuard> {
    return takeSeat(this.#parts, typeof who === 'string' ? { companyId: who, userId: userId as string } : who);
  }

  /**
   * Open streams, those that opened first before the others, at most `limit` (default 100) of those that opened after
   * the one of the id `after`. With Redis those of all nodes, node by node. Throws INVALID_FIELD.
   */
  async connections(query: ConnectionsQuery = {}): Promise<ConnectionInfo[]> {
    const checked = checkConnectionsQuery(query);
    return this.closed ? [] : this.#parts.sharing.connections(checked);
  }

  /**
   * Ends the streams that match all given parts, those too whose response waits for its head; resolves to how many. At least one part is needed. With
   * Redis at all nodes; one that is cut off does it when it is back, before it is asked for anything else. Who does not answer within 1 s is a `warning`.
   */
  async disconnect(match: ConnectionMatch, reason: CloseReason = 'revoked'): Promise<number> {
    const checked = checkDisconnect(match, reason);
    return this.closed ? 0 : this.#parts.sharing.disconnect(checked, reason);
  }

  /**
   * Who is there, by what the app said of their streams (`presence`): a user once, whatever the tabs and the nodes. `topic`: only who is there. Joins, leaves and
   * changes are ephemeral events of the topic `presence`, with `{ event: 'join' | 'update' | 'leave', userId, topics, data, since }`; a leave comes 5 s after the last
   * stream's end, unless the user is back. Throws INVALID_COMPANY_ID, INVALID_FIELD.
   */
  async presence(companyId: string, topic?: string): Promise<PresentUser[]> {
    checkCompanyId(companyId);
    if (topic !== undefined) checkIdentifier('topic', topic);
    return this.closed ? [] : this.#parts.sharing.presence(companyId, topic);
  }

  /**
   * Lets `limit` calls of a key through in `windowMs`, evenly, and `burst` of them at once after a rest. With Redis over all nodes; while
   * it is away each node counts by itself. Never waits for more than a second. Throws INVALID_FIELD, HUB_CLOSED.
   */
  async rateLimit(key: string, options: RateLimitOptions): Promise<RateLimitResult> {
    const checked = checkRate(key, options);
    if (this.closed) throw closedError();
    return this.#parts.sharing.rateLimit(checked.key, checked.rate);
  }

  /** The nodes that share this hub's Redis and live, this one among them; without Redis it alone. The oldest first. */
  async nodes(): Promise<NodeInfo[]> {
    if (this.closed) throw closedError();
    return this.#parts.sharing.nodes();
  }

  /**
   * Erases a company: ends its streams at all nodes with `revoked`, and what Redis has of it goes: its log, its seats, who is there. Who comes
   * back starts anew. Rejects with HUB_CLOSED, and with BROKER while Redis is away: then it is to be called again.
   */
  async forget(companyId: string): Promise<void> {
    checkCompanyId(companyId);
    if (this.closed) throw closedError();
    await this.#parts.sharing.forget(companyId);
  }

  /**
   * Before a deploy: refuses newcomers and ends the streams evenly over `overMs` (default 10,000; 0: at once), each
   * with a jittered hint to come back. Resolves when none is left.
   */
  async drain(options: { overMs?: number | undefined } = {}): Promise<void> {
    checkKeys('drain()', checkObject('options', options), ['overMs']);
    const { overMs = 10_000 } = options;
    checkOverMs(overMs);
    if (this.closed) return;
    this.#parts.draining = true;
    await this.#parts.engine.drain(overMs);
  }

  /**
   * Ends every stream evenly over `overMs`, each with a jittered hint to come back, and goes on admitting: for a server that
   * stops while the hub lives on. Rejects with INVALID_OPTION.
   */
  async endStreams(overMs: number): Promise<void> {
    checkOverMs(overMs);
    if (!this.closed) await this.#parts.endings.over(overMs);
  }

  /**
   * Ends everything at once; afterwards no thread, timer or descriptor is left. Listeners go on hearing of calls that fail then. Idempotent.
   * With Redis: what waits for it is sent before, `flushMs` at most (default 5,000); what is left then is told by a warning. Rejects with INVALID_OPTION.
   */
  async close(options: { flushMs?: number | undefined } = {}): Promise<void> {
    checkKeys('close()', checkObject('options', options), ['flushMs']);
    await this.#parts.close(integer('flushMs', options.flushMs, 5_000, 0, 3_600_000));
  }

  /**
   * Resolves when the hub can do all its work: at once without Redis, else when Redis is there. Rejects with BROKER where waiting does not
   * mend it (a wrong password, a version before 6.2, no Redis at all), HUB_CLOSED.
   */
  async ready(): Promise<void> {
    if (this.closed) throw closedError();
    await this.#parts.brokerWatch?.ready();
  }

  /** What a load balancer asks: `ok`; `degraded`: it serves its streams without Redis; `starting`: Redis was never there yet; `draining`; `closed`. */
  health(): HubHealth {
    return this.#parts.health();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- the log, metrics, events ---

  /** Actions from `sinceMs` on (Unix ms, inclusive), as JSON; all that are kept when absent. Rejects after `close()`. */
  async readLog(companyId: string, sinceMs?: number): Promise<LogSlice> {
    checkCompanyId(companyId);
    if (this.closed) throw closedError();
    if (sinceMs === undefined) return this.#parts.engine.readLog(companyId);
    return this.#parts.engine.readLog(companyId, checkTime('sinceMs', sinceMs));
  }

  metrics(): HubMetrics {
    const seats = this.#parts.sharing.seatMetrics();
    return {
      ...this.#parts.engine.metrics(),
      engine: this.engine,
      hubId: this.id,
      failures: { ...this.#parts.teller.failures },
      errors: { ...this.#parts.teller.errors },
      warnings: this.#parts.teller.warnings,
      phantomPaths: this.#parts.paths.phantomPaths,
      neverCached: this.#parts.paths.neverCached,
      transactions: { ...this.#parts.transactions },
      socketsTaken: this.#parts.socketsTaken,
      ...(seats && { seats }),
    };
  }

  /**
   * Listens; the returned function stops it. A listener that throws stops no other. Listening keeps no process alive.
   * Throws INVALID_OPTION for an event that there is not.
   */
  on<K extends keyof HubEvents>(event: K, listener: (payload: HubEvents[K]) => void): () => void {
    return this.#parts.teller.on(event, listener);
  }

  /** Once, at the first broadcast: by then somebody may listen. */
  #sayAlone(): void {
    if (this.#alone === undefined) return;
    const what = this.#alone;
    this.#alone = undefined;
    this.#parts.teller.warn(
      {
        message: `the hub runs in ${what}: only streams of this very one hear its broadcasts, the others' do not (the hub's broker is this process's memory)`,
      },
      'alone',
    );
  }
}

/** Whether `value` is a hub, of this copy of the package or of another one. */
export function isHub(value: unknown): value is AnyHub {
  return hasInternals(value);
}

/** Throws INVALID_OPTION for what is neither a hub nor absent. */
export function checkHub(value: unknown): void {
  if (value === undefined || isHub(value)) return;
  throw new PathcastError('INVALID_OPTION', `hub must be a hub of createHub(), got ${describe(value)}`);
}

/** A hub of one's own. Throws PathcastError INVALID_OPTION, NO_NATIVE. */
export function createHub<const M extends string = string>(options: HubOptions<M> = {}): Hub<M> {
  return new Hub<M>(options);
}
