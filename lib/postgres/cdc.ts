/** The door to the CDC worker. */
import { Emitter } from '../internal/emitter.js';
import { describe } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { internalsOf } from '../server/internals.js';
import type { BindableRouter } from '../server/hub.js';
import { formatLsn } from './stream/lsn.js';
import type { CdcOptions } from './options.js';
import { checkCdcOptions } from './worker/settings.js';
import { pgConnections } from './server/pg.js';
import type { SlotHealth } from './slot-health.js';
import type { CdcEvents, CdcState } from './events.js';
import { Worker } from './worker/worker.js';

const EVENTS = ['state', 'written', 'resync', 'poison'] as const satisfies readonly (keyof CdcEvents)[];

export interface CdcStatus {
  readonly state: CdcState;
  /** Why it is not `streaming`; absent where there is nothing to say. */
  readonly reason?: string;
  /** Up to where everything is in the log for all tenants, `16/B374D848`; absent before the first commit. */
  readonly written?: string;
  /** Up to where PostgreSQL may forget; absent where it is not streaming. */
  readonly acked?: string;
}

/** Counters since the worker was made, and gauges. */
export interface CdcMetrics {
  readonly state: CdcState;
  /** Transactions that were read to their end, changes of mapped tables in them, and what they became. */
  readonly commits: number;
  readonly changes: number;
  readonly actions: number;
  /** Transactions that were in the log already, and were told nobody again. */
  readonly skipped: number;
  /** Times that every company was told that everything may be stale. */
  readonly resyncs: number;
  /** Changes of which the map could make nothing. */
  readonly poison: number;
  /** Streams that were begun. */
  readonly connections: number;
  /** Gauge: transactions that were read and are not in the log. */
  readonly waiting: number;
  /** Gauge: companies whose actions Redis refused, and who are to be told that everything may be stale. */
  readonly owed: number;
  /**
   * Gauge: how old the oldest committed change is that is not in the log, s; 0 when all are. Of what was not read from PostgreSQL it is too small by the 10 s between two looks at most.
   * Null: this worker does not have the slot (`standby`, `connecting`), and knows nothing.
   */
  readonly lagSeconds: number | null;
  /** How old the last commit was when it was in the log, by both clocks, ms; null before the first. */
  readonly lastDelayMs: number | null;
  /** As of the last look, at most 10 s ago while it streams; null where the slot is not known. */
  readonly slot: SlotHealth | null;
}

export class Cdc {
  readonly #worker: Worker;
  readonly #events: Emitter<CdcEvents>;

  /** Use `createCdc`. Throws PathcastError INVALID_OPTION. */
  constructor(options: object) {
    const settings = checkCdcOptions(options);
    this.#events = new Emitter((thrown) => internalsOf(settings.hub).report('listener', thrown));
    this.#worker = new Worker(settings, pgConnections(settings.connection), (event, payload) => this.#events.emit(event, payload));
  }

  /**
   * Begins. Resolves when it reads, or waits for another worker that does; as long as PostgreSQL is not there it is waited for. Rejects with POSTGRES or INVALID_MAP where the first
   * look finds what has to be mended (each with the SQL for it), with HUB_CLOSED where it is closed before. Later faults are told as the hub's `error`, and it goes on when they are
   * mended.
   */
  start(): Promise<void> {
    return this.#worker.start();
  }

  status(): CdcStatus {
    const { state, reason, written, acked } = this.#worker;
    return {
      state,
      ...(reason !== undefined && { reason }),
      ...(written && { written: formatLsn(written.lsn) }),
      ...(acked !== undefined && { acked: formatLsn(acked) }),
    };
  }

  metrics(): CdcMetrics {
    const { state, counters, waiting, owed, lagSeconds, written, slotHealth } = this.#worker;
    return { state, ...counters, waiting, owed, lagSeconds, lastDelayMs: written ? written.at - written.committedAt : null, slot: slotHealth ?? null };
  }

  /** Listens; the returned function stops it. A listener that throws stops no other. Throws INVALID_OPTION for an event that there is not. */
  on<K extends keyof CdcEvents>(event: K, listener: (payload: CdcEvents[K]) => void): () => void {
    if (!EVENTS.includes(event)) throw new PathcastError('INVALID_OPTION', `the worker has no event ${describe(event)}; it has: ${EVENTS.join(', ')}`);
    return this.#events.on(event, listener);
  }

  /** Ends it; the slot stays, and PostgreSQL keeps its WAL for the next worker. The hub stays too. Idempotent. */
  close(): Promise<void> {
    return this.#worker.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * A worker that tells a hub of what is committed in PostgreSQL 14 or newer. `createCdc<AppRouter>({ hub, connection, map })`; then `start()`. At least once out of the WAL, in effect once a commit
 * and tenant in the log, in the order of the commits. Throws PathcastError INVALID_OPTION.
 */
export function createCdc<R = BindableRouter>(options: CdcOptions<R>): Cdc {
  return new Cdc(options);
}
