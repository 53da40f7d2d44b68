/**
 * The events of a stream and the action that a mutation announces.
 *
 * Every event is one JSON object with `type`, `timestamp` (Unix ms) and `queryPaths`, so that a
 * client that only ever invalidates `event.queryPaths` is always correct.
 */

import type { Row } from './row.js';
import type { Where } from './where.js';

/** The kinds of change an action announces. */
export const ACTION_TYPES = ['insert', 'update', 'delete'] as const;
export type ActionType = (typeof ACTION_TYPES)[number];

/** One change announced. Field names are those of the systems that move to pathcast (`SyncAction`). */
export interface SyncAction<M extends string = string> {
  /** Idempotency key; a UUID unless the caller gave one. At most 256 UTF-8 bytes. */
  id: string;
  type: ActionType;
  /** The app's own module name: `guests`, `budget`, … */
  module: M;
  /** The row that changed; `*` for many rows at once (passes every `entities` filter). */
  entityId: string;
  /** Anything JSON can hold; the whole action stays under 64 KiB. */
  data?: unknown;
  /** The tenant. */
  companyId: string;
  /** Narrower scope inside the tenant. An action without one reaches every `clientId` filter. */
  clientId?: string;
  /** Who did it; `''` when the caller did not say (reported as a warning, never a reason to skip). */
  userId: string;
  /** The tab or process that did it, for leaving the originator out. */
  sourceId?: string;
  /** Unix ms. */
  timestamp: number;
  /** Query paths now stale: `router.procedure`, a prefix (`guests`) or `*`. */
  queryPaths: string[];
  /** Set by chatbot tools. */
  toolName?: string;
  /** Transaction metadata, passed through. */
  tx?: unknown;
  /** What some of `queryPaths` are narrowed to; the others concern any input. */
  where?: Where;
}

/** What a caller gives: `id`, `timestamp` and `userId` are filled in when absent. */
export type SyncActionInput<M extends string = string> = Omit<
  SyncAction<M>,
  'id' | 'timestamp' | 'userId' | 'queryPaths' | 'clientId' | 'sourceId' | 'toolName' | 'entityId' | 'where'
> & {
  id?: string | undefined;
  /** A number goes out as its digits. */
  entityId: string | number | bigint;
  timestamp?: number | Date | undefined;
  userId?: string | null | undefined;
  clientId?: string | null | undefined;
  sourceId?: string | null | undefined;
  toolName?: string | null | undefined;
  queryPaths: readonly string[];
  /** By a path of `queryPaths`: keys of the query's input, and the value, or the values, that the change concerns. Dates and bigints too. */
  where?: WhereInput | null | undefined;
  /** `data` is a row that pages may show before they have read it again. */
  row?: RowInput | null | undefined;
};

/** Where the `data` of an action belongs in a cache. `Q`: paths of queries. */
export interface RowInput<Q extends string = string> {
  /** The query whose answer the row is, whole or in part: `guests.getById`. */
  query: Q;
  /** Its input, as a page gives it; absent: it takes none. */
  input?: unknown;
  /** Queries in whose arrays the row stands: `guests.getAll`. At most 8. */
  list?: Q | readonly Q[] | undefined;
  /** Tells the rows of a list apart. Default `id`. */
  idKey?: string | undefined;
  /** The row is all that the query answers, whatever a page shows now. Default: where it has the same keys as what is shown. */
  whole?: boolean | undefined;
  /** `hub.position(companyId)` of before the row was read: a page that knows of nothing later need not read the query again. */
  at?: string | undefined;
  /** When what made the row began, Unix ms. */
  began?: number | undefined;
  /** Written out, because the row goes to everybody of the company who hears the action. */
  audience: 'company';
}

export type WhereValue = string | number | bigint | boolean | Date;
export type WhereInput = Readonly<Record<string, Readonly<Record<string, WhereValue | readonly WhereValue[] | null | undefined>> | undefined>>;

/** Why a stream starts, or breaks, where it does. One registry; a code is never reused. */
export const REASONS = [
  'fresh',
  'resumed',
  'epoch_changed',
  'trimmed',
  'unknown_cursor',
  'ahead_of_log',
  'overflow',
  'broker_lost',
] as const;
export type Reason = (typeof REASONS)[number];

/** Why the server ended a stream (`event: server_close`). */
export const CLOSE_REASONS = ['replaced', 'evicted', 'limit', 'drain', 'revoked', 'auth_expired', 'slow'] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** First on each stream: the verdict. */
export interface HelloEvent {
  type: 'hello';
  timestamp: number;
  queryPaths: never[];
  /** True only if every matching action after the client's cursor follows (or one `invalidate` that covers them). */
  recovered: boolean;
  reason: Reason;
  /** Where the stream starts, `"<epoch>.<seq>"`. */
  cursor: string;
  epoch: string;
  /** Unix ms. */
  serverTime: number;
  heartbeatMs: number;
  connectionId: string;
}

/** On what makes a client read again. */
export interface Spread {
  /** ms over which the company's clients are to spread their reading: each waits a random part of it. Absent: 0. */
  spreadMs?: number;
}

/** An action as it travels: with its place in the tenant's log. */
export type ActionEvent<M extends string = string> = SyncAction<M> & {
  seq: number;
  /** Which cached queries `data` is an answer of. */
  row?: Row;
} & Spread;

/**
 * A conflated stretch of actions `from`..`to` (seqs, both inclusive). Without `from`, `to` and `count`: an action that has no place
 * in the log yet, because the broker is away; its id repeats the cursor, and the action itself may follow.
 */
export interface InvalidateEvent extends Spread {
  type: 'invalidate';
  timestamp: number;
  queryPaths: string[];
  from?: number;
  to?: number;
  /** How many matching actions it stands for. */
  count?: number;
  modules: string[];
  /** As of an action. */
  where?: Where;
}

/** History from the cursor on is gone: everything may be stale. */
export interface ResyncEvent extends Spread {
  type: 'resync';
  timestamp: number;
  queryPaths: string[];
  reason: Reason;
}

/** Typing, presence: delivered to who is there; never in the log. */
export interface EphemeralEvent {
  type: 'ephemeral';
  timestamp: number;
  queryPaths: never[];
  topic: string;
  data: unknown;
}

/** `event: ping`, the heartbeat; in the plain and the tRPC dialect alike. */
export interface PingEvent {
  type: 'ping';
  /** From here on nothing is lost by a client that comes back with it. */
  timestamp: number;
  queryPaths: never[];
}

/** `event: server_close`: the last message of a stream that the server ends. */
export interface ServerCloseEvent {
  type: 'server_close';
  /** As a ping's. */
  timestamp: number;
  queryPaths: never[];
  reason: CloseReason;
  /** When to come back, ms. */
  retryMs: number;
}

export type SyncEvent<M extends string = string> =
  | HelloEvent
  | ActionEvent<M>
  | InvalidateEvent
  | ResyncEvent
  | EphemeralEvent
  /** Where the events are yielded (no response to write to); on the wire a ping has a name of its own. */
  | PingEvent;
