/** What a hub is made of, and what its parts know of each other. `Hub` is the door to them. */
import { randomBytes } from 'node:crypto';
import type { CloseReason } from '../protocol/events.js';
import type { DisconnectMatch, Engine } from '../internal/engine.js';
import { Held } from '../internal/held.js';
import { attend } from './attend.js';
import { BrokerWatch } from './broker-watch.js';
import { encodeEphemeral, type EncodeContext } from './encode-action.js';
import { Endings } from './endings.js';
import { Servers } from './hand-over/servers.js';
import type { HubInternals } from './internals.js';
import { openObserver, openReadable } from './open-stream.js';
import type { HubOptions } from './options.js';
import { HubPaths } from './paths/hub-paths.js';
import { closedError, Publisher } from './publisher.js';
import { reauthorize } from './reauthorize.js';
import type { HubFailure, HubHealth } from './results.js';
import { pathTableOf } from './select-engine.js';
import { Sharing } from './sharing.js';
import type { StreamHost } from './stream-host.js';
import type { TransactionCounts } from './results.js';
import { Teller } from './teller.js';
import { SILENCE_AFTER_SLOW_MS } from './vanished-peer.js';
import { validateOptions, type Settings } from './validate-options.js';

export class Parts {
  readonly settings: Settings;
  readonly teller: Teller;
  readonly sharing: Sharing;
  readonly engine: Engine;
  readonly paths: HubPaths;
  readonly publisher: Publisher;
  readonly host: StreamHost;
  readonly endings: Endings;
  readonly internals: HubInternals;
  socketsTaken = 0;
  readonly transactions: TransactionCounts = { done: 0, replayed: 0, inFlight: 0, mismatched: 0, conflicts: 0 };
  /** As the engine has them. */
  #resyncPaths: readonly string[] = ['*'];
  /** Absent where the log is memory. */
  readonly brokerWatch: BrokerWatch | undefined;
  draining = false;
  readonly #stopReauthorizing: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** `hub`: as a mutation's scope knows it. Throws PathcastError INVALID_OPTION, NO_NATIVE. */
  constructor(options: HubOptions<never>, hub: object) {
    this.settings = validateOptions(options, randomBytes(4).toString('hex'));
    const { logger, codec, modules, engineOptions } = this.settings;
    this.teller = new Teller(logger);
    const warn: HubInternals['warn'] = (warning, kind) => this.teller.warn(warning, kind);
    const report = (during: HubFailure['during'], thrown: unknown): void => this.teller.report(during, thrown);
    const isClosed = (): boolean => this.closed;
    this.sharing = new Sharing(this.settings, {
      notice: (notice) => {
        if (notice.type === 'warning') this.brokerWatch?.warned(notice);
        this.teller.notice(notice);
      },
      presence: (companyId, data) => {
        if (!this.closed) this.engine.ephemeral(encodeEphemeral({ companyId, topic: 'presence', data }, codec, Date.now));
      },
      disconnect: (match, reason) => this.disconnect(match, reason),
      warn: (message, kind) => warn({ message }, kind),
    });
    this.engine = this.sharing.engine;
    const { broker } = this.engine;
    this.brokerWatch =
      broker &&
      new BrokerWatch(
        broker,
        {
          warn: (message, kind) => warn({ message }, kind),
          report: (error) => report('broker', error),
          advice: this.settings.redis?.advice,
        },
        this.settings.redis?.log.prefix ?? '',
      );
    this.paths = new HubPaths({
      createTable: pathTableOf(this.engine),
      codec,
      onPhantomPath: this.settings.onPhantomPath,
      aliases: this.settings.aliases,
      connectionCapBytes: engineOptions.connectionCapBytes,
      setResyncPaths: (paths) => {
        this.#resyncPaths = paths;
        if (!this.closed) this.engine.setResyncPaths(paths);
      },
      warn,
      tell: (event) => this.teller.emit('phantom', event),
    });
    const context: EncodeContext = {
      modules,
      codec,
      storesData: this.settings.storesData,
      now: Date.now,
      warn: (field, message, { companyId, id, module }) => warn({ field, message, companyId, actionId: id, module }),
    };
    this.publisher = new Publisher({
      engine: this.engine,
      context,
      paths: this.paths,
      isClosed,
      published: (outcome) => this.brokerWatch?.published(outcome),
      failed: (thrown) => this.teller.failed('broadcast', thrown),
      hub,
    });
    this.endings = new Endings(this.engine);
    this.host = {
      engine: this.engine,
      seating: this.sharing.seated,
      codec,
      router: () => this.paths.router,
      isClosed,
      now: Date.now,
      silenceMs: engineOptions.slowTimeoutMs + SILENCE_AFTER_SLOW_MS,
      warn: (message) => warn({ message }, 'header'),
      report: (error) => report('openSocket', error),
      taken: () => void this.socketsTaken++,
      waiting: new Held(),
      servers: new Servers((origin) => void this.endings.over(this.settings.drainMs, { origin })),
    };
    this.internals = this.#internals(warn, report);
    if (this.settings.reauthorize) {
      this.#stopReauthorizing = reauthorize(this.settings.reauthorize, {
        connections: async (query) => (this.closed ? [] : this.engine.connections(query)),
        revoke: (connectionId) => this.disconnect({ connectionId }, 'revoked'),
        report: (thrown) => report('reauthorize', thrown),
        later: (ms, then) => {
          const timer = setTimeout(then, ms).unref();
          return () => clearTimeout(timer);
        },
      });
    }
  }

  #internals(warn: HubInternals['warn'], report: HubInternals['report']): HubInternals {
    const { paths, settings, teller, host } = this;
    return {
      modules: settings.modules,
      codec: settings.codec,
      get paths() {
        return paths.router;
      },
      resyncPaths: () => this.#resyncPaths,
      prepareRouter: (router, options) => {
        if (this.closed) throw closedError();
        return paths.prepare(router, options);
      },
      readable: (options, request) => openReadable(host, options, request),
      observe: (companyId, from, signal, userId) => openObserver(host, companyId, from, signal, userId),
      attend: (who, sink) => attend(host, who, sink),
      onDisconnect: (listener) => host.waiting.add(listener),
      companies: () => (this.closed ? Promise.reject(closedError()) : this.sharing.companies()),
      settle: async (withinMs) => (await this.engine.flush?.(withinMs)) ?? 0,
      workerStates: this.sharing.workerStates,
      transactions: this.transactions,
      moment: () => (this.closed ? 0 : this.engine.moment()),
      positionAt: (companyId, moment) => (this.closed ? undefined : this.engine.position(companyId, moment)),
      warn,
      report,
      logUnheard: (logger) => teller.logUnheard(logger),
      endStreamsOf: async (server, overMs) => {
        const origin = host.servers.originOf(server);
        const isOnly = origin === undefined || !host.servers.hasOthers(origin);
        if (!this.closed) await this.endings.over(overMs, isOnly ? {} : { origin });
      },
    };
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Ends the streams that match, those too that wait for their head. Resolves to how many. */
  async disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number> {
    let early = 0;
    for (const one of this.host.waiting.all()) if (one.disconnected(match, reason)) early += 1;
    return this.closed ? 0 : early + (await this.engine.disconnect(match, reason));
  }

  health(): HubHealth {
    if (this.closed) return { status: 'closed' };
    if (this.draining) return { status: 'draining' };
    return this.brokerWatch?.health(() => this.engine.metrics().broker?.outboxActions ?? 0) ?? { status: 'ok' };
  }

  /** Idempotent. `flushMs`: for what waits for the broker. */
  close(flushMs: number): Promise<void> {
    this.#stopReauthorizing?.();
    this.endings.stop();
    return (this.#closing ??= this.#end(flushMs));
  }

  async #end(flushMs: number): Promise<void> {
    const left = (await this.engine.flush?.(flushMs)) ?? 0;
    if (left > 0) {
      this.teller.warn({ message: `the hub was closed with ${left} ${left === 1 ? 'action' : 'actions'} that Redis has not got; only this process's own streams heard of them` }, 'outbox');
    }
    await this.sharing.leave();
    this.brokerWatch?.close();
    await this.engine.close();
  }
}
