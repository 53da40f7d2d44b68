/** A hub and those of other nodes: seats, who is there, rates, and what is asked of all. Without a broker it is alone, and all of it is this process's. */
import { hostname } from 'node:os';
import type { DisconnectMatch, ConnectionInfo, ConnectionQuery, Engine, EngineNotice } from '../internal/engine.js';
import type { Rate, RateOutcome } from '../internal/gcra.js';
import type { PresenceStore } from '../internal/presence.js';
import { processStates, type WorkerStates } from '../internal/worker-states.js';
import { connectionNumber } from '../internal/connection-id.js';
import { messageOf } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import type { CloseReason } from '../protocol/events.js';
import { companiesIn } from '../redis/companies.js';
import { HubNode, type NodeInfo } from '../redis/hub-node.js';
import type { SeatMetrics } from '../redis/seats/seats.js';
import { redisStates } from '../redis/worker-states.js';
import { memoryStore, PresenceBoard, type PresenceEvent, type PresentUser } from './presence/board.js';
import { PresentEngine } from './presence/present-engine.js';
import { LocalRates } from './rate-limit.js';
import { SeatedEngine } from './seated/seated-engine.js';
import { selectEngine } from './select-engine.js';
import type { Settings } from './validate-options.js';

export interface SharingHost {
  notice(notice: EngineNotice): void;
  presence(companyId: string, event: PresenceEvent): void;
  /** Of this hub, those too that wait for their head. */
  disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number>;
  warn(message: string, kind: string): void;
}

export class Sharing {
  readonly engine: Engine;
  readonly seated: SeatedEngine | undefined;
  readonly startedAt = Date.now();
  /** Of workers beside the hub. With Redis its calls reject with BrokerError. */
  readonly workerStates: WorkerStates;
  readonly #settings: Settings;
  readonly #host: SharingHost;
  readonly #board: PresenceBoard;
  readonly #node: HubNode | undefined;
  readonly #rates = new LocalRates();
  /** What Redis refuses for good, and was told. */
  readonly #refusals = new Set<string>();

  /** Throws PathcastError NO_NATIVE. */
  constructor(settings: Settings, host: SharingHost) {
    this.#settings = settings;
    this.#host = host;
    const inner = selectEngine(settings, {
      notify: (notice) => {
        this.seated?.noticed(notice);
        host.notice(notice);
      },
      revocations: async () => {
        // An engine may ask while it is made.
        await Promise.resolve();
        await this.#node?.revocations();
      },
    });
    const store: PresenceStore = {
      enter: (...args) => (this.#node?.presence ?? memoryStore).enter(...args),
      leave: (...args) => (this.#node?.presence ?? memoryStore).leave(...args),
      list: (companyId) => (this.#node?.presence ?? memoryStore).list(companyId),
    };
    this.#board = new PresenceBoard({
      store,
      tell: (companyId, event) => host.presence(companyId, event),
      now: Date.now,
      later: (ms, then) => {
        const timer = setTimeout(then, ms).unref();
        return () => clearTimeout(timer);
      },
    });
    this.engine = new PresentEngine(inner, this.#board);
    const { broker } = inner;
    this.workerStates = settings.redis && broker ? redisStates(broker, settings.redis.log.prefix) : processStates();
    if (!settings.redis || !broker) return;
    const { engineOptions, redis } = settings;
    const { maxPerUser, maxPerCompany, limitPolicy, lifetimeMs } = engineOptions;
    const limits = { perUser: maxPerUser, perCompany: maxPerCompany, policy: limitPolicy };
    const node = new HubNode(
      broker,
      { prefix: redis.log.prefix, nodeId: redis.log.nodeId, limits, lifetimeMs, openWaitMs: redis.log.openWaitMs },
      {
        hubId: engineOptions.hubId,
        presence: this.#board,
        ended: (_company, id, reason) => {
          void host.disconnect({ connectionId: id }, reason).then((count) => {
            this.seated?.lost(reason, count > 0);
            // It is told to the engine; one that is nowhere has ended already.
            if (count === 0) node.seats.release(id);
          });
        },
        disconnect: (match, reason) => host.disconnect(match, reason),
        connections: (query) => inner.connections(query),
        forget: (companyId) => this.#forgetHere(companyId),
        ping: (companyId, userId) => inner.ping?.(companyId, userId),
        info: () => this.#info(),
        silent: (what, nodes) => {
          host.warn(`${what}: these nodes did not answer within 1 s: ${nodes.join(', ')}`, 'silent-node');
        },
        counted: (nodes) => this.engine.setNodes(nodes),
        refused: (why) => {
          if (this.#refusals.has(why)) return;
          this.#refusals.add(why);
          host.warn(`a key under this hub's prefix is not pathcast's, and stays as it is; what stands there holds for this node alone: ${why}`, 'foreign-key');
        },
        uncounted: (companyId, why) => {
          const whose = JSON.stringify(companyId);
          host.warn(`Redis refuses the seats of the company ${whose}, and perhaps of others (${why}); until it takes them each node keeps their limits by its own count`, 'seats-refused');
        },
        unwritten: (why) => {
          host.warn(`a disconnect cannot be written down in Redis (${why}); the nodes that hear it now carry it out, one that is cut off does not before it can be`, 'revocations-unwritten');
        },
        unread: (why) => {
          host.warn(`who was told to end while this node heard nothing of Redis cannot be read (${why}); all streams of this node end, and come back through the app's own checks`, 'revocations');
          void host.disconnect({}, 'drain');
        },
      },
    );
    this.#node = node;
    this.seated = new SeatedEngine(this.engine, {
      options: engineOptions,
      seats: node.seats,
      notify: (notice) => host.notice(notice),
      pingElsewhere: (companyId, userId) => node.ping(companyId, userId),
    });
    this.engine = this.seated;
  }

  /** At all nodes; Resolves to how many. */
  async disconnect(match: Pick<DisconnectMatch, 'companyId' | 'userId' | 'connectionId'>, reason: CloseReason): Promise<number> {
    const here = this.#host.disconnect(match, reason);
    const { connectionId } = match;
    const isOwn = connectionId !== undefined && connectionNumber(this.#settings.engineOptions.hubId, connectionId) !== undefined;
    if (!this.#node || isOwn) return here;
    const [own, others] = await Promise.all([here, this.#node.disconnect(match, reason)]);
    return own + others;
  }

  connections(query: ConnectionQuery): Promise<ConnectionInfo[]> {
    return this.#node?.connections(query) ?? this.engine.connections(query);
  }

  presence(companyId: string, topic: string | undefined): Promise<PresentUser[]> {
    return this.#board.list(companyId, topic);
  }

  async rateLimit(key: string, rate: Rate): Promise<RateOutcome> {
    // While Redis is away each node holds the rate by itself.
    return (await this.#node?.rates.take(key, rate)) ?? this.#rates.take(key, rate);
  }

  async forget(companyId: string): Promise<void> {
    await this.#forgetHere(companyId);
    try {
      await this.#node?.forget(companyId);
    } catch (cause) {
      throw new PathcastError('BROKER', `the company is not forgotten: ${messageOf(cause)}`, { cause, retryable: true });
    }
  }

  async #forgetHere(companyId: string): Promise<void> {
    await this.#host.disconnect({ companyId }, 'revoked');
    await this.engine.forget?.(companyId);
  }

  /** Those whose clients may hold something: with Redis all that have a log there. Rejects with BrokerError. */
  async companies(): Promise<string[]> {
    const own = this.engine.companies();
    const { broker } = this.engine;
    const { redis } = this.#settings;
    return redis && broker ? [...new Set([...own, ...(await companiesIn(broker, redis.log.prefix))])] : own;
  }

  async nodes(): Promise<NodeInfo[]> {
    if (this.#node) return this.#node.nodes();
    return [{ id: this.#settings.engineOptions.hubId, ...this.#info() }];
  }

  #info(): Omit<NodeInfo, 'id'> {
    const { hubId } = this.#settings.engineOptions;
    const { connections } = this.engine.metrics();
    return { hubId, startedAt: this.startedAt, pid: process.pid, host: hostname(), engine: this.engine.kind, connections };
  }

  /** Nothing of it counts at other nodes from now on. Never rejects. */
  async leave(): Promise<void> {
    await this.#node?.leave();
  }

  seatMetrics(): SeatMetrics | undefined {
    return this.#node?.seats.metrics();
  }
}
