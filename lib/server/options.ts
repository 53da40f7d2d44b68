/** What a user of the hub may set. Validation and defaults are in `validate-options.ts`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { PathcastError } from '../protocol/error.js';
import type { SyncEvent } from '../protocol/events.js';
import type { OnPhantomPath } from './paths/binding.js';
import type { ReauthorizeOptions } from './reauthorize.js';
import type { HubLogger } from './results.js';

/** Where the log lives that several nodes share. */
export interface RedisOptions {
  /** `redis://`, `redis+unix://`, `redis+sentinel://`, and through the package ioredis `rediss://` and `redis+cluster://`. Either this or `client`. */
  url?: string | undefined;
  /**
   * A client of ioredis or node-redis (5 and newer), or a cluster of either: duplicates of it are used, never its own connection,
   * and nothing of it is ended.
   */
  client?: object | undefined;
  /** Keys and channels begin with it; default `pathcast`. Apps with different ones share a Redis without meeting; different databases are not enough, channels belong to all of them. */
  prefix?: string | undefined;
  /** ms that a broadcast waits for its place in the log before it is answered with `queued`; default 250. */
  publishWaitMs?: number | undefined;
  /** Bytes of actions that wait in memory while Redis is away; default 64 MiB. Beyond it a company's become one that covers them. */
  outboxBytes?: number | undefined;
  /** ms between two messages of a node to itself, which show that its subscription is alive: one that is silent is found 3 s later; default 7,000. */
  probeMs?: number | undefined;
  /** ms that a company's first stream waits for its log while Redis is away; default 5,000. */
  openWaitMs?: number | undefined;
  /**
   * Runs over what actions and ephemeral events say before it goes to Redis, and over what comes back; company, action id and place
   * stay in clear. Called on the JavaScript thread: with it a URL is reached through the package ioredis, on either engine.
   */
  seal?:
    | {
        encrypt(bytes: Uint8Array, companyId: string): Uint8Array;
        /** Throws for what `encrypt` never made. */
        decrypt(bytes: Uint8Array, companyId: string): Uint8Array;
      }
    | undefined;
}

/** A tRPC data transformer, or one with an `output` half (superjson fits as it is). */
export interface TransformerLike {
  serialize(value: unknown): unknown;
  deserialize(value: unknown): unknown;
}
export type AnyTransformer = TransformerLike | { input: TransformerLike; output: TransformerLike };

export interface HubOptions<M extends string = string> {
  /** `auto` (default): native, else js with one warning. */
  engine?: 'auto' | 'native' | 'js' | undefined;
  /** The app's modules, if it wants them checked: an action of another module is refused. */
  modules?: readonly M[] | undefined;
  limits?:
    | {
        /** Streams per user of a company; default 5; 0 none. */
        perUser?: number | undefined;
        /** Streams per company; default 50; 0 none. */
        perCompany?: number | undefined;
        /** Default `reject`. */
        policy?: 'reject' | 'evict-oldest' | undefined;
      }
    | undefined;
  log?:
    | {
        /** Actions kept per company; default 1,000. */
        maxActions?: number | undefined;
        /** ms; default 24 h. */
        ttlMs?: number | undefined;
        /** Bytes of action JSON kept per company; default 16 MiB. */
        maxBytes?: number | undefined;
        /** The same of all companies together, default 1 GiB: those that hold more than their share lose their oldest. */
        maxTotalBytes?: number | undefined;
        /** A catch-up of more actions becomes one `invalidate`; default 100. */
        compactAfter?: number | undefined;
        /**
         * Default true. False: what stands in Redis has no `data`. It still travels, to those who are there; who catches up from
         * Redis gets the action without it. Of no effect without `redis`.
         */
        data?: boolean | undefined;
      }
    | undefined;
  /** ms; default 15,000. */
  heartbeatMs?: number | undefined;
  /** Bytes; default 65,536; at least 4,096. */
  connectionCapBytes?: number | undefined;
  /** ms; default 90,000. */
  slowTimeoutMs?: number | undefined;
  /** ms; default 4 h: each stream lives a random 80–100 % of it, which ends what a middleman leaks; 0: for ever. */
  lifetimeMs?: number | undefined;
  /** ms; default 2,000. */
  retryMs?: number | undefined;
  /**
   * How a company's browsers spread what one event makes all of them read again: `spreadMs` of the event, of which each waits a random part. Up to
   * `freeStreams` (default 20) streams of the company on all nodes: 0. Beyond: `perStreamMs` (default 5) for each of them, `maxMs` (default
   * 5,000) at most.
   */
  spread?: { freeStreams?: number | undefined; perStreamMs?: number | undefined; maxMs?: number | undefined } | undefined;
  /** Companies remembered; default 100,000. */
  maxCompanies?: number | undefined;
  /** The app's tRPC transformer (`superjson`); tRPC streams carry it. */
  transformer?: AnyTransformer | undefined;
  /** What a broadcast does with a path that no query of the bound router has; default `warn`. See `Hub.bindRouter`. */
  onPhantomPath?: OnPhantomPath | undefined;
  /** Names that stand for real paths: `{ 'guests.list': 'guests.getAll' }`. Checked by `bindRouter`. */
  aliases?: Readonly<Record<string, string>> | undefined;
  /**
   * pino, Fastify's `log`, or what has their `warn(data, text)` and `error(data, text)`: hears every `warning` and `error`.
   * Without it, and without a listener, the first failure and the first warning of a kind are warnings of the process.
   */
  logger?: HubLogger | undefined;
  /** Asks again and again who of those that listen still may; off unless given. */
  reauthorize?: ReauthorizeOptions | undefined;
  /**
   * ms, default 1,000: over it the streams whose sockets were taken from a server end when that server has closed, each with
   * its own hint to come back. 0: all at once.
   */
  drainMs?: number | undefined;
  /**
   * A Redis orders the log and rings all nodes that share it: a URL, `{ url, prefix, … }`, `{ client, … }`, or the app's own client
   * of ioredis or node-redis. Absent: the log is this process's memory, and other processes hear nothing.
   */
  redis?: string | RedisOptions | object | undefined;
}

export interface StreamFilter {
  clientId?: string | readonly string[] | undefined;
  modules?: readonly string[] | undefined;
  entities?: readonly string[] | undefined;
  /** Query paths: passes what makes one of them stale, by its name, by a prefix of it or below it, or by `*`. */
  queryPaths?: readonly string[] | undefined;
  /** Own tab's changes left out. */
  excludeSourceId?: string | undefined;
  /** `true`: own user's changes left out; a string: that user's. */
  excludeUserId?: boolean | string | undefined;
}

/** A Node response, or whatever holds one at `raw` (a Fastify reply) or `outgoing` (Hono's node env). */
export type ResponseLike =
  | ServerResponse
  | Http2ServerResponse
  | { raw: ServerResponse | Http2ServerResponse }
  | { outgoing: ServerResponse | Http2ServerResponse };
/** A Node request, or whatever holds one at `raw` (a Fastify request) or `incoming` (Hono's node env). */
export type RequestLike =
  | IncomingMessage
  | Http2ServerRequest
  | { raw: IncomingMessage | Http2ServerRequest }
  | { incoming: IncomingMessage | Http2ServerRequest };

/** What a stream says of its user as long as it lasts. */
export interface PresenceOption {
  /** What the user looks at: `wedding:42`, …; at most 100. Default: none, the user is there all the same. */
  topics?: readonly string[] | undefined;
  /** Shown with the user: a name, a colour. At most 4 KiB of JSON. */
  data?: unknown;
}

export interface StreamOptions<T = SyncEvent> {
  /** From the session, never from the client. */
  companyId: string;
  /** From the session. */
  userId: string;
  req?: RequestLike | undefined;
  res?: ResponseLike | undefined;
  /** The subscription's input; `lastEventId`, `lastSyncTimestamp`, `since` and `clientInstanceId` are read from it. */
  input?: unknown;
  lastEventId?: string | null | undefined;
  /** Unix ms. */
  lastSyncTimestamp?: number | null | undefined;
  /**
   * What the page's data already contains: a cursor, or Unix ms (inclusive). Used only where the client gives no other
   * position. Read from `input.since` and `?since=` as well. A bad one throws INVALID_FIELD.
   */
  since?: string | number | null | undefined;
  /**
   * That of the request, as tRPC gives it to a resolver: it ends a stream that is not handed over. Once it is, the signal counts no
   * more: tRPC aborts it when the response is complete. What ends such a stream is `close()` of its handle, and a signal of
   * the app's own that the `stream` of `syncSubscription` gives in the place of tRPC's.
   */
  signal?: AbortSignal | undefined;
  /** Default `trpc`: this is called inside a subscription resolver. `handler()` and the plugins use `plain`. */
  dialect?: 'trpc' | 'plain' | undefined;
  /** Default true. False: bare events, no ids, resume by `lastSyncTimestamp`. */
  ids?: boolean | undefined;
  filter?: StreamFilter | undefined;
  /** A browser instance; a second stream of it replaces the first. Else `input.clientInstanceId`, else `?clientInstanceId=`. */
  clientInstanceId?: string | null | undefined;
  /**
   * Of the instance: a whole number that grows with each of its lives (a reload, a page restored from the back button). A stream with a lower one than
   * the living stream of its instance is turned away with `replaced`. Else `input.clientGeneration`, else `?clientGeneration=`.
   */
  clientGeneration?: number | null | undefined;
  /** Who it shows as being there, and where (`hub.presence`). From the session, never from the client. */
  presence?: PresenceOption | undefined;
  /** Unix ms or a Date; then the stream is closed with `auth_expired`. */
  expiresAt?: number | Date | null | undefined;
  /** More response headers; those already set on `res` are kept. */
  headers?: Record<string, string | readonly string[]> | undefined;
  /**
   * Default false: for the app's HTTP stack the response is complete when the stream has been handed over. True: its `close`, and
   * tRPC's `signal`, wait for the stream's end; that keeps the request in memory.
   */
  holdResponse?: boolean | undefined;
  /**
   * Default true: the stream goes to its client past the generator that `stream()` returns. What a generator of the app does with
   * the events of that one (leave some out, change them, add its own) then has no effect; a filter is `filter`. False: the
   * events are yielded, and go by way of the app's generator, of tRPC and of JavaScript; so do the pings, and a close is an error.
   */
  handOver?: boolean | undefined;
  /** The procedure's path, for a refusal's `data.path`; default: from the request's URL. */
  path?: string | undefined;
  /** tRPC's `tracked`; used where the socket cannot be taken, so that events carry their id. */
  tracked?: ((id: string, event: SyncEvent) => T) | undefined;
  /**
   * What the generator throws for a refusal or a close, where the socket cannot be taken; default: the
   * PathcastError itself. `pathcast/trpc` gives tRPC's own errors here.
   */
  toError?: ((error: PathcastError) => unknown) | undefined;
}

/** For `serve()`: the plain dialect, where there is nothing to yield. */
export type PlainStreamOptions = Omit<StreamOptions, 'dialect' | 'ids' | 'tracked' | 'toError' | 'path' | 'signal' | 'handOver'>;

/** What `handler()` and the Fastify plugin ask of the app for each request. */
export interface Identity {
  companyId: string;
  userId: string;
  clientInstanceId?: string | null | undefined;
  clientGeneration?: number | null | undefined;
  presence?: PresenceOption | undefined;
  expiresAt?: number | Date | null | undefined;
  filter?: StreamFilter | undefined;
}
