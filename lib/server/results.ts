/** What the hub answers and what it tells its listeners. */
import type { ErrorCode } from '../protocol/codes.js';
import type { SeatMetrics } from '../redis/seats/seats.js';
import type { PathcastError } from '../protocol/error.js';
import type { EngineMetrics, EngineNotice } from '../internal/engine.js';
import type { PhantomEvent, PhantomPath } from './paths/path-check.js';

export interface Failure {
  ok: false;
  code: ErrorCode;
  message: string;
}

/** Where an action stands. `duplicate`: one of this id is in the log already; `seq` is that of the first one. */
export type BroadcastPlace =
  | { seq: number; epoch: string; duplicate?: true; queued?: never }
  /** Nowhere yet: it waits in this process's memory for the broker, and is lost if the process dies before. */
  | { queued: true; seq?: never; epoch?: never; duplicate?: never };

export type BroadcastSuccess = BroadcastPlace & {
  ok: true;
  /** Paths that no query of the bound router has, and what became of each; absent where there is none. */
  phantomPaths?: readonly PhantomPath[];
};

export interface BroadcastFailure extends Failure {
  phantomPaths?: readonly PhantomPath[];
  /**
   * The rest of the action, which went out all the same: with PHANTOM_PATH the real paths of it, with ACTION_TOO_LARGE and
   * NOT_SERIALIZABLE all but its `data` and `tx`. Absent where nothing was left of it.
   */
  sent?: BroadcastPlace & { queryPaths: readonly string[] };
}

export type BroadcastResult = BroadcastSuccess | BroadcastFailure;

export type EphemeralResult = { ok: true } | Failure;

type NoticeOf<T extends EngineNotice['type']> = Omit<Extract<EngineNotice, { type: T }>, 'type'>;

export interface HubWarning {
  /** What is odd, in a sentence. */
  message: string;
  field?: string;
  companyId?: string;
  /** Id and module of the action, if one is concerned. */
  actionId?: string;
  module?: string;
}

export interface HubFailure {
  /** Which call; `listener` for a listener that threw, `stream` for a response that threw at what was written to it. */
  during:
    | 'broadcast'
    | 'ephemeral'
    | 'acquire'
    | 'readLog'
    | 'openSocket'
    | 'stream'
    | 'listener'
    | 'identify'
    | 'reauthorize'
    | 'middleware'
    | 'fence'
    | 'afterCommit'
    /** The CDC worker: PostgreSQL, or a change of which its map could make nothing. */
    | 'cdc'
    /** Reading activities, or a function of the app that was asked of them. */
    | 'activities'
    /** What stands in the database of mutations that are over. */
    | 'transaction'
    /** The link to Redis: it cannot be used as it is set up. */
    | 'broker';
  error: PathcastError | Error;
}

export interface HubEvents {
  /** Done, but something is odd: an action without a userId, a response header that HTTP does not allow. */
  warning: HubWarning;
  /** Something failed that by contract throws at nobody. */
  error: HubFailure;
  /** An action named a path that no query of the bound router has. Once a path, for the first 1,000 of them. */
  phantom: PhantomEvent;
  /** A stream was not admitted. */
  refused: NoticeOf<'refused'>;
  /** A stream is over. */
  closed: NoticeOf<'closed'>;
  /** A slow stream's backlog became one `invalidate`. */
  conflated: NoticeOf<'conflated'>;
  /** A stream was told to resync. */
  resync: NoticeOf<'resync'>;
}

export const HUB_EVENTS = [
  'warning',
  'error',
  'phantom',
  'refused',
  'closed',
  'conflated',
  'resync',
] as const satisfies readonly (keyof HubEvents)[];

/** As pino has it, and with it Fastify's `log`. */
export interface HubLogger {
  warn(data: object, text: string): void;
  error(data: object, text: string): void;
}

/** For a load balancer: `starting` has never been ready, `draining` and `closed` take nobody; `degraded` works, without its broker. */
export interface HubHealth {
  status: 'ok' | 'degraded' | 'starting' | 'draining' | 'closed';
  /** Why it is not `ok`, for people. */
  reason?: string;
}

/**
 * Mutations behind `sync.transaction()`: that were committed; that were sent again, and got the answer of the first time; that were told that the first one still runs; whose id was another
 * mutation's; that were rolled back for a conflict of fields. One that is called inside of another one is that one's.
 */
export type TransactionCounts = Record<'done' | 'replayed' | 'inFlight' | 'mismatched' | 'conflicts', number>;

export interface HubMetrics extends EngineMetrics {
  engine: 'native' | 'js';
  hubId: string;
  /** Actions and ephemeral events that were not sent, by error code. */
  failures: Record<string, number>;
  /** What the `error` event told, by what it happened in; `failures` included. */
  errors: Partial<Record<HubFailure['during'], number>>;
  warnings: number;
  /** Phantom paths in actions, each time. */
  phantomPaths: number;
  /** Queries that were published for companies whose clients report (`hub.cached`), but that none ever had; 0 as long as no client reports. */
  neverCached: number;
  /** Of mutations behind `sync.transaction()`, since the hub was made. */
  transactions: TransactionCounts;
  /** Streams whose socket was taken from Node. */
  socketsTaken: number;
  /** Of the limits over all nodes, as this one sees them; absent without Redis. */
  seats?: SeatMetrics;
}
