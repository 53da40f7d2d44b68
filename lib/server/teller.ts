/**
 * What a hub tells: to its listeners, to its logger, and where there is neither, once a kind of failure, to the process.
 * Nothing here throws.
 */
import type { ErrorCode } from '../protocol/codes.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { describe, describeThrown, messageOf } from '../internal/describe.js';
import { Emitter } from '../internal/emitter.js';
import { guarded } from '../internal/guarded.js';
import type { EngineNotice } from '../internal/engine.js';
import {
  HUB_EVENTS,
  type Failure,
  type HubEvents,
  type HubFailure,
  type HubLogger,
  type HubWarning,
} from './results.js';

/** Kinds of failure told to the process; an app that makes up more of them has heard enough. */
const MAX_KINDS = 100;

export class Teller {
  readonly #events: Emitter<HubEvents>;
  readonly #logger: HubLogger | undefined;
  /** Of servers that the hub is in; the latest is asked, where there is no logger and nobody listens. */
  readonly #fallbacks: { logger: HubLogger }[] = [];
  /** What the process has been told of already. */
  readonly #kinds = new Set<string>();
  /** Actions and ephemeral events that were not sent, by error code. */
  readonly failures: Record<string, number> = {};
  /** Everything told as `error`, by what it happened in. */
  readonly errors: Partial<Record<HubFailure['during'], number>> = {};
  warnings = 0;

  constructor(logger: HubLogger | undefined) {
    this.#logger = logger;
    this.#events = new Emitter((thrown, event) => {
      // A listener of `error` that throws has no one else to be told to.
      if (event !== 'error') this.report('listener', thrown);
    });
  }

  /** Throws INVALID_OPTION for what is no event: nobody would ever be called. */
  on<K extends keyof HubEvents>(event: K, listener: (payload: HubEvents[K]) => void): () => void {
    if (!HUB_EVENTS.includes(event)) {
      throw new PathcastError(
        'INVALID_OPTION',
        `the hub has no event ${describe(event)}; it has: ${HUB_EVENTS.join(', ')}`,
      );
    }
    if (typeof listener !== 'function') {
      throw new PathcastError(
        'INVALID_OPTION',
        `a listener of '${event}' must be a function, got ${describe(listener)}`,
      );
    }
    return this.#events.on(event, listener);
  }

  /** From now on `logger` hears what neither a listener nor a logger of the hub's own does. Returns the way to stop it. */
  logUnheard(logger: HubLogger): () => void {
    const own = { logger };
    this.#fallbacks.push(own);
    return () => {
      const at = this.#fallbacks.indexOf(own);
      if (at >= 0) this.#fallbacks.splice(at, 1);
    };
  }

  emit<K extends keyof HubEvents>(event: K, payload: HubEvents[K]): void {
    this.#events.emit(event, payload);
  }

  notice(notice: EngineNotice): void {
    if (notice.type === 'failed') {
      this.report('stream', notice.error);
      return;
    }
    if (notice.type === 'warning') {
      const { kind, message, companyId } = notice;
      this.warn({ message, ...(companyId !== undefined && { companyId }) }, kind);
      return;
    }
    const { type, ...payload } = notice;
    this.#events.emit(type, payload);
  }

  /** `kind`: of each the first is told to the process, where nobody else is there to hear it. */
  warn(warning: HubWarning, kind = warning.field ?? 'other'): void {
    this.warnings++;
    const { message, ...about } = warning;
    const logger = this.#loggerFor('warning');
    if (logger) attempt(() => logger.warn(about, `pathcast: ${message}`));
    else if (!this.#events.has('warning')) {
      this.#tellProcess(
        `${message} (nobody listens to the hub's 'warning' event, and it has no logger; of further warnings of this kind nothing is said here)`,
        'PATHCAST_WARNING',
        `warning ${kind}`,
      );
    }
    this.#events.emit('warning', warning);
  }

  report(during: HubFailure['during'], thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
    this.errors[during] = (this.errors[during] ?? 0) + 1;
    const code = isPathcastError(error) ? error.code : undefined;
    const logger = this.#loggerFor('error');
    if (logger) {
      attempt(() =>
        logger.error({ err: error, during, ...(code && { code }) }, `pathcast: ${during} failed: ${error.message}`),
      );
    } else if (!this.#events.has('error') && code !== 'HUB_CLOSED') {
      // A process that ends says nothing of what comes too late for a hub that it has closed itself.
      this.#tellProcess(
        `${during} failed: ${error.message} (nobody listens to the hub's 'error' event, and it has no logger; of further failures of this kind nothing is said here)`,
        'PATHCAST_UNHEARD',
        `${during} ${code ?? error.name}`,
      );
    }
    this.#events.emit('error', { during, error });
  }

  /** Counts and tells a failure, and makes a result of it. */
  failed(during: 'broadcast' | 'ephemeral', thrown: unknown): Failure {
    const error = isPathcastError(thrown)
      ? thrown
      : // Code of the input threw it, and may quote it.
        new PathcastError('INVALID_FIELD', `the input could not be read: ${describeThrown(thrown)}`);
    const code: ErrorCode = error.code;
    this.failures[code] = (this.failures[code] ?? 0) + 1;
    this.report(during, error);
    return { ok: false, code, message: error.message };
  }

  #loggerFor(event: 'error' | 'warning'): HubLogger | undefined {
    if (this.#logger || this.#events.has(event)) return this.#logger;
    return this.#fallbacks.findLast(({ logger }) => !isDeaf(logger))?.logger;
  }

  #tellProcess(message: string, code: string, kind: string): void {
    if (this.#kinds.has(kind) || this.#kinds.size >= MAX_KINDS) return;
    this.#kinds.add(kind);
    process.emitWarning(`pathcast: ${message}`, {
      type: 'PathcastWarning',
      code,
    });
  }
}

/** A logger that throws must not make a broadcast fail, nor one that rejects end the process. There is nobody left to tell. */
function attempt(call: () => unknown): void {
  guarded(call, () => undefined);
}

/** What Fastify has where no logger was asked for, and pino where its level is above `error`: one empty function for everything. */
function isDeaf(logger: HubLogger): boolean {
  const error: unknown = Reflect.get(logger, 'error');
  return (
    typeof error === 'function' &&
    error === Reflect.get(logger, 'warn') &&
    /\{\s*\}$/.test(Function.prototype.toString.call(error))
  );
}
