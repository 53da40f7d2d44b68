/** What the hub answers and what it tells its listeners. */
import type { ErrorCode } from '../protocol/codes.js';
import type { PathcastError } from '../protocol/error.js';
import type { EngineMetrics, EngineNotice } from '../internal/engine.js';

export interface Failure {
  ok: false;
  code: ErrorCode;
  message: string;
}

/** `duplicate`: an action of this id is in the log already; `seq` is that of the first one. */
export type BroadcastResult = { ok: true; seq: number; epoch: string; duplicate?: true } | Failure;

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
  /** Which call, or `listener` for a listener that threw. */
  during:
    | 'broadcast'
    | 'ephemeral'
    | 'acquire'
    | 'readLog'
    | 'openSocket'
    | 'listener'
    | 'identify'
    | 'middleware'
    | 'afterCommit';
  error: PathcastError | Error;
}

export interface HubEvents {
  /** Done, but something is odd: an action without a userId, a response header that HTTP does not allow. */
  warning: HubWarning;
  /** Something failed that by contract throws at nobody. */
  error: HubFailure;
  /** A stream was not admitted. */
  refused: NoticeOf<'refused'>;
  /** A stream is over. */
  closed: NoticeOf<'closed'>;
  /** A slow stream's backlog became one `invalidate`. */
  conflated: NoticeOf<'conflated'>;
  /** A stream was told to resync. */
  resync: NoticeOf<'resync'>;
}

export interface HubMetrics extends EngineMetrics {
  engine: 'native' | 'js';
  hubId: string;
  /** Actions and ephemeral events that were not sent, by error code. */
  failures: Record<string, number>;
  warnings: number;
  /** Streams whose socket was taken from Node. */
  socketsTaken: number;
}
