/**
 * The seam between the hub's facade (`lib/server`) and an engine (`lib/native`, `lib/jsengine`).
 * The facade has validated and normalised everything that crosses it; an engine owns the log, the
 * matching, the limits, the fan-out, the heartbeats and every byte of a stream after its HTTP head.
 */
import type { CloseReason, SyncAction } from '../protocol/events.js';
import type { Broker, BrokerLogOptions, BrokerState } from './broker.js';

export interface EngineOptions {
  /** Name of this node, first part of each connection id. */
  hubId: string;
  /** 0 means no limit. Counted per (company, user). */
  maxPerUser: number;
  /** 0 means no limit. */
  maxPerCompany: number;
  limitPolicy: 'reject' | 'evict-oldest';
  /** Actions kept per company. */
  logActions: number;
  /** ms an action is kept. */
  logTtlMs: number;
  /** Bytes of action JSON kept per company; the oldest go first. */
  logBytes: number;
  /** Bytes of all logs together; beyond it the companies that hold more than their share lose their oldest. */
  logTotalBytes: number;
  heartbeatMs: number;
  /** Bytes of backlog a slow sink may hold before it is conflated. */
  connectionCapBytes: number;
  /** A sink that took nothing for this long while it had a backlog is closed with `slow`. */
  slowTimeoutMs: number;
  /** 0 means for ever; else each stream lives a random 80–100 % of it and is closed with `drain`. */
  lifetimeMs: number;
  /** A catch-up of more actions than this becomes one `invalidate`. */
  compactAfter: number;
  maxInvalidateBytes: number;
  /** Mean of the `retry:` hint; each stream gets a random 50–150 % of it. */
  retryMs: number;
  /** Up to so many streams of a company, over all nodes, read at once what an event makes stale. */
  spreadFreeStreams: number;
  /** Beyond it they are told to spread over so many ms for each of them. */
  spreadPerStreamMs: number;
  spreadMaxMs: number;
  /** Companies remembered; beyond it the longest idle one without a stream is forgotten (its epoch ends). */
  maxCompanies: number;
  /** What the app's transformer puts around plain JSON: superjson `['{"json":', '}']`; null without one. */
  transformWrap: readonly [prefix: string, suffix: string] | null;
  /** Absent: the log is this process's memory. */
  broker?: BrokerLogOptions;
}

/** An action, checked, stamped and encoded once. The `seq` goes between `head` and `tail`. */
export interface EncodedAction {
  companyId: string;
  /** The action's JSON up to and including `,"seq":`. */
  head: string;
  /** The rest: `}`. */
  tail: string;
  /**
   * The same through the app's transformer where that is more than `transformWrap` around head and tail
   * (dates in `data`, …); absent otherwise.
   */
  transformed?: { head: string; tail: string };
  /** The same without its `data`, for a broker's log that holds none; absent where nothing was left out. */
  stored?: { head: string; tail: string; transformed?: { head: string; tail: string } };
  action: SyncAction;
}

export type PublishOutcome =
  | { ok: true; seq: number; epoch: string; duplicate: boolean; queued?: never }
  /** It waits in this process for the broker, and is lost if the process dies. */
  | { ok: true; queued: true; seq?: never; epoch?: never; duplicate?: never }
  | { ok: false; code: 'HUB_CLOSED' | 'OVERLOADED' | 'NOT_SERIALIZABLE' | 'OUTBOX_FULL'; reason?: never }
  /** The company's keys are not ours, or of a newer format. */
  | { ok: false; code: 'BROKER'; reason: string };

export interface EncodedEphemeral {
  companyId: string;
  /** The whole event's JSON. */
  json: string;
  /** Through the transformer where that is more than `transformWrap` around `json`. */
  transformedJson?: string;
}

/** What a stream lets through. An absent part lets everything through. */
export interface EngineFilter {
  /** Pass if the action has no clientId or one of these. */
  clientIds?: string[];
  /** Pass if the action's module is `*` or one of these. */
  modules?: string[];
  /** Pass if the action's entityId is `*` or one of these. */
  entities?: string[];
  /** Pass if one of the action's query paths meets one of these: equal, one a prefix of the other up to a dot, or `*`. */
  queryPaths?: string[];
  /** Leave out actions with this sourceId. */
  excludeSourceId?: string;
  /** Leave out actions of this user. */
  excludeUserId?: string;
}

export interface StreamSpec {
  companyId: string;
  userId: string;
  /** `trpc`: `connected` first, refusals as `serialized-error`. `plain`: for EventSource. */
  dialect: 'trpc' | 'plain';
  /** False: no ids at all; resume by timestamp. */
  ids: boolean;
  /** Payloads through the app's transformer (tRPC dialect of an app that has one). */
  transformed: boolean;
  /** As the client gave it, unparsed. Wins over `lastSyncTimestamp`. */
  lastEventId?: string;
  /** Unix ms, inclusive. */
  lastSyncTimestamp?: number;
  filter?: EngineFilter;
  /** A browser instance: a second stream of it replaces the first. Counted per (company, user). */
  instanceId?: string;
  /** Of the instance: a lower one than that of its living stream is turned away with `replaced`. */
  generation?: number;
  /** Who is there: for the facade, an engine passes it over. */
  presence?: { readonly topics: readonly string[]; readonly data: string };
  /** An observer inside the app: takes no place of a client, is counted nowhere. Its userId may be empty. */
  uncounted?: boolean;
  /** Unix ms; then the stream is closed with `auth_expired`. */
  expiresAt?: number;
  /** It was disconnected before it was opened: `hello`, then this, with nothing between them. It takes no seat. */
  endsWith?: CloseReason;
  /** For the `path` of a tRPC refusal. */
  trpcPath?: string;
  /** HTTP response head, sent before the first event; `''` where the HTTP layer is not ours. */
  httpHead: string;
  /**
   * `chunked`: each write is one or more whole HTTP/1.1 chunks, and an ordered end sends the last one: the head said
   * `Transfer-Encoding: chunked` and is out already. Default `raw`. What `openMessages` opens has no text to frame.
   */
  framing?: 'raw' | 'chunked';
  /** Of the client, as the framework gives it; for `connections()`. */
  address?: string;
  /** From `newConnectionId()`; absent: the engine makes one. */
  connectionId?: string;
  /** Of the server that it came through; see `DisconnectMatch.origin`. */
  origin?: number;
}

/** A place for bytes on the JavaScript side (TLS, HTTP/2, inject, generators, web streams). */
export interface ByteSink {
  /**
   * Takes whole SSE messages. False: full; the engine then waits for `SinkHandle.ready()`.
   * One that throws ends its own stream (`gone`) and is told by a `failed` notice. Called on the JavaScript thread.
   */
  write(chunk: Uint8Array): boolean;
  /** The engine is done with this stream; called once, never after `SinkHandle.abort()`. */
  close(): void;
}

/** One message of a stream, in parts: what its SSE text would say. */
export interface SinkMessage {
  /** `message` is an event of the stream; the others are named as on the wire. */
  readonly kind: 'message' | 'connected' | 'ping' | 'server_close' | 'serialized-error';
  readonly id?: string;
  /** The data, through the transformer where the stream is `transformed`. */
  readonly data: string;
  /** The hint that goes out with it. */
  readonly retryMs?: number;
}

/** A place for messages on the JavaScript side: what yields them needs no text. */
export interface MessageSink {
  /** As `ByteSink.write`; at least one message. */
  write(messages: readonly SinkMessage[]): boolean;
  close(): void;
}

export interface SinkHandle {
  readonly connectionId: string;
  /** The sink can take more. */
  ready(): void;
  /** The client is gone. Idempotent. */
  abort(): void;
}

export type LeaseOutcome =
  | { ok: true; leaseId: string }
  | { ok: false; code: 'USER_LIMIT' | 'COMPANY_LIMIT'; limit: number; current: number }
  | { ok: false; code: 'DRAINING' | 'HUB_CLOSED'; limit: 0; current: 0 };

export interface LogSlice {
  epoch: string;
  /** Head of the log: the newest seq, 0 when nothing was ever published. */
  headSeq: number;
  /** JSON of each action, `seq` included, in order. */
  actions: string[];
}

export interface DisconnectMatch {
  companyId?: string;
  userId?: string;
  connectionId?: string;
  /** A number above 0 that streams of one server share. */
  origin?: number;
}

/** Why a stream ended: what `server_close` said; `gone`: the client left; `hub_closed`. */
export type StreamEnd = CloseReason | 'gone' | 'hub_closed';

export interface ConnectionQuery {
  companyId?: string;
  userId?: string;
  /** See `DisconnectMatch.origin`. */
  origin?: number;
  /** At most so many. */
  limit: number;
  /** Those that opened after this one. */
  after?: string;
}

/** One open stream. */
export interface ConnectionInfo {
  id: string;
  companyId: string;
  userId: string;
  /** Unix ms. */
  since: number;
  /** Null: everything passes. */
  filter: EngineFilter | null;
  backlogBytes: number;
  /** The cursor that it has reached; null while a backlog waits. */
  position: string | null;
  /** Of the client: as the framework gives it behind a proxy, else the peer of its socket; null where there is none to ask. */
  address: string | null;
}

/** What an engine tells: never an exception, never a log line. */
export type EngineNotice =
  | { type: 'conflated'; companyId: string; connectionId: string; count: number }
  | { type: 'resync'; companyId: string; connectionId: string; reason: string }
  | { type: 'closed'; companyId: string; userId: string; connectionId: string; reason: StreamEnd }
  /** The `write` of its sink threw this. */
  | { type: 'failed'; companyId: string; connectionId: string; error: unknown }
  | { type: 'refused'; companyId: string; userId: string; code: 'USER_LIMIT' | 'COMPANY_LIMIT' | 'DRAINING' }
  /** Something of the broker's is odd. Once a kind and company, as long as it stays so. */
  | { type: 'warning'; kind: string; message: string; companyId?: string };

/** Counters since the hub's start, and gauges; all finite numbers. */
export interface EngineMetrics {
  /** Gauges. */
  connections: number;
  /** Of these, streams whose bytes go through JavaScript. */
  sinkConnections: number;
  /** Held rights to a connection: streams and acquired leases together. */
  leases: number;
  companies: number;
  logActions: number;
  logBytes: number;
  /** Sinks that have a backlog right now. */
  slowSinks: number;
  backlogBytes: number;
  /** Counters. */
  opened: number;
  publishes: number;
  duplicates: number;
  ephemerals: number;
  ephemeralsDropped: number;
  /** Actions written to a stream, one by one (not those inside an `invalidate`). */
  deliveries: number;
  bytes: number;
  /** Write calls made. */
  writes: number;
  heartbeats: number;
  heartbeatsSkipped: number;
  conflations: number;
  compactions: number;
  /** By `Reason`. */
  resyncs: Record<string, number>;
  /** By `USER_LIMIT`, `COMPANY_LIMIT`, `DRAINING`. */
  refusals: Record<string, number>;
  /** By close reason, `gone` and `hub_closed`. */
  closes: Record<string, number>;
  evictions: number;
  replacements: number;
  /** Publish (hand-over) → written to the last ready socket of its fan-out. */
  publishToWritten: TimeHistogram;
  /** Absent where the log is memory. */
  broker?: BrokerMetrics;
}

/** `counts[i]` is at most `boundsUs[i]`; the last is +Inf. */
export interface TimeHistogram {
  boundsUs: number[];
  counts: number[];
  sumUs: number;
}

/** Of the log in a broker, as this node sees it. */
export interface BrokerMetrics {
  link: BrokerState['link'];
  /** Gauges: channels of companies that are subscribed to, and logs that are mirrored here. */
  subscriptions: number;
  companies: number;
  /** Readings of a log, and actions that they gave. */
  reads: number;
  readActions: number;
  gapsFound: number;
  gapsHealed: number;
  /** Actions that came through a channel. */
  doorbells: number;
  /** From Redis's clock to this node's: the clocks' difference is in it. */
  doorbellLagUs: TimeHistogram;
  /** From a script's hand-over to its answer. */
  scriptUs: TimeHistogram;
  /** Epochs that began in answer to this node, by why (SPEC §13). */
  epochs: { new: number; lost: number; rewound: number; unvouched: number; vouched: number };
  /** Messages and entries that nobody of ours wrote; none of them reached a stream. */
  foreign: number;
  /** Gauges: what waits for the broker. */
  outboxActions: number;
  outboxBytes: number;
  /** Publishes that were answered before they had a place in the log. */
  queued: number;
  /** Waiting actions that became part of one. */
  conflated: number;
  outboxFull: number;
  /** Streams told of an action before it had its place. */
  told: number;
  probes: number;
  probesLost: number;
  resubscribes: number;
  /** Times that the link was ready again. */
  reconnects: number;
  /** Commands that were never sent, and such without an answer. */
  unsent: number;
  lost: number;
}

export interface Engine {
  readonly kind: 'native' | 'js';
  /** What `options.broker` says, for other uses than the log; the engine closes it. Undefined where the log is memory. */
  readonly broker?: Broker | undefined;
  /** In order; one hand-over. Never rejects. More than `compactAfter` new actions of one company are an import: one `invalidate`. */
  publish(actions: EncodedAction[]): Promise<PublishOutcome[]>;
  /** False: too much is waiting, and the event is dropped. */
  ephemeral(event: EncodedEphemeral): boolean;
  /**
   * Native only: takes a dup of the descriptor. The caller then destroys the JavaScript socket.
   * Returns the connection id. Admission and all that follows happen off this thread.
   */
  openSocket?(spec: StreamSpec, fd: number): string;
  openSink(spec: StreamSpec, sink: ByteSink): SinkHandle;
  /** The same messages in parts; `spec.httpHead` and `spec.framing` do not matter. */
  openMessages(spec: StreamSpec, sink: MessageSink): SinkHandle;
  acquire(companyId: string, userId: string): Promise<LeaseOutcome>;
  /** Idempotent. Resolves when the count is down. */
  release(leaseId: string): Promise<void>;
  /** Actions whose timestamp or arrival is at or after `sinceMs` (inclusive), from the first such one on; all when absent. */
  readLog(companyId: string, sinceMs?: number): Promise<LogSlice>;
  /**
   * The cursor of the newest action of the company's log that this node has; undefined where it has no such log. At once. With a moment: as it
   * was then, or somewhat older; undefined where the log has begun since.
   */
  position(companyId: string, moment?: number): string | undefined;
  /** Those that this node has a log of, in no order: with a broker those of its streams, and no longer than 30 s after. At once; none after `close()`. */
  companies(): string[];
  /** Now, for `position`: how much all logs here have got. */
  moment(): number;
  /** An id that a stream may be opened with. */
  newConnectionId(): string;
  /** Resolves when the stream ends, or at once if it has; `gone` for one that ended long ago or never was. */
  watch(connectionId: string): Promise<StreamEnd>;
  /** Open streams in the order in which they got their ids; observers without a user are left out. */
  connections(query: ConnectionQuery): Promise<ConnectionInfo[]>;
  /** Closes what matches all given parts. Resolves to how many. */
  disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number>;
  /** Refuses newcomers, closes the rest evenly over `overMs` with a jittered retry. Resolves when none is left. */
  drain(overMs: number): Promise<void>;
  /** Waits until nothing waits for the broker any more, `withinMs` at most. Resolves to how many actions still do. Absent: memory only. */
  flush?(withinMs: number): Promise<number>;
  /** What is remembered of the company goes, its log too; nothing happens while streams of it are there. Absent: the engine cannot. */
  forget?(companyId: string): Promise<void>;
  /** Writes a heartbeat to the quietest streams of the user: one whose client is gone shows it. Absent: the engine cannot. */
  ping?(companyId: string, userId: string): void;
  /** Ends everything at once; afterwards no descriptor, thread or timer is left. Idempotent. */
  close(): Promise<void>;
  metrics(): EngineMetrics;
  /** How many nodes live, this one among them; 1 until it is set. */
  setNodes(count: number): void;
  /** The `queryPaths` of a `resync`; `['*']` until set. */
  setResyncPaths(paths: readonly string[]): void;
}

export type EngineFactory = (options: EngineOptions, notify: (notice: EngineNotice) => void) => Engine;
