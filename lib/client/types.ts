/** What an app sees of the browser half. No DOM types: the same declarations serve Node, workers and pages. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { ActionEvent, CloseReason, EphemeralEvent, InvalidateEvent, ResyncEvent } from '../protocol/events.js';
import type { Environment } from './environment.js';

/** What a listener gets. `hello`, `ping` and `server_close` are the connection's own: `status` tells what they mean. */
export type ClientEvent<M extends string = string> = ActionEvent<M> | InvalidateEvent | ResyncEvent | EphemeralEvent;

export type SyncState =
  /** A stream is open, here or in the tab that leads, and its verdict has come. */
  | 'live'
  /** On the way, or waiting for the next attempt; `reason` says why it is not live. */
  | 'connecting'
  /** Nothing answers. Tried again as all the others. */
  | 'offline'
  /** The server said no, and trying again would change nothing: until `reconnect()`. */
  | 'refused'
  | 'closed';

/** Why the state is what it is. One registry; a code is never reused. */
export type StatusReason =
  // live
  | 'open'
  // connecting: the beginning, and a leader that is looked for
  | 'starting'
  | 'electing'
  // connecting: what the server said
  | CloseReason
  | 'unauthorized'
  // connecting: what came in the place of a stream
  | 'bad_gateway'
  | 'server_error'
  | 'unexpected_answer'
  | 'not_a_stream'
  | 'captive_portal'
  | 'buffered'
  | 'malformed'
  | 'cors'
  | 'token_failed'
  // connecting: the stream ended without a word, or said nothing any more; a person asked
  | 'cut'
  | 'silent'
  | 'asked'
  // offline
  | 'no_network'
  | 'unreachable'
  // refused ('revoked' and 'cors' too)
  | 'forbidden'
  | 'not_found'
  // closed
  | 'closed'
  | 'forgotten';

export interface SyncStatus {
  readonly state: SyncState;
  readonly reason: StatusReason;
  /** True in the tab that has the browser's stream. */
  readonly leader: boolean;
  /** Unix ms since when the state is this one. */
  readonly since: number;
  /** The position up to which this tab has heard everything, `"<epoch>.<seq>"`; undefined before the first verdict. */
  readonly cursor: string | undefined;
  /**
   * The head of the log at the last verdict, `"<epoch>.<seq>"`: once `cursor` has reached it, this tab has heard everything that it missed. Undefined before the
   * first verdict, and while a tab of an older version of the page leads.
   */
  readonly head?: string | undefined;
}

/** What a listener hears. Without one: everything. A filter loses nothing that it may concern: a `resync` passes it always. */
export interface SubscribeFilter<M extends string = string> {
  /** Actions of these modules. An `invalidate` passes, for it may hold actions of any. */
  modules?: readonly M[] | undefined;
  /** What has one of these paths, or one that covers it or is covered by it (`guests` and `guests.getAll`, `*`). */
  queryPaths?: readonly string[] | undefined;
  /** Ephemeral events with these topics. With another part of a filter given, and not this one: none. */
  topics?: readonly string[] | undefined;
}

export interface SubscribeOptions<M extends string = string> extends SubscribeFilter<M> {
  /**
   * What the listener's own data already contains, where that is not what the page's other data does: a part of the page that came later. It
   * hears what came since, or one `resync` where that is longer ago than the tab remembers.
   */
  since?: string | number | undefined;
}

/** tRPC's own client for the subscription: `trpc.sync.onSync`. */
export interface TrpcSubscription {
  subscribe(
    input: Record<string, unknown>,
    handlers: {
      onStarted?: (...given: never[]) => void;
      onData?: (data: never) => void;
      onError?: (error: never) => void;
      onStopped?: () => void;
      onComplete?: () => void;
      onConnectionStateChange?: (state: never) => void;
    },
  ): { unsubscribe(): void };
}

export interface SyncClientOptions {
  /** The plain endpoint (`hub.handler()`), absolute or relative to the page. This or `trpc`. */
  url?: string | undefined;
  /** The subscription of a tRPC client, over its own links. This or `url`. All of one company and user are one stream: of several the ids must differ. */
  trpc?: TrpcSubscription | undefined;
  /** Whose data this is. With `userId` it separates the streams of one browser; the server believes neither. */
  companyId: string;
  userId: string;
  /**
   * What the page's data already contains, as the server gave it with the page: a cursor, or Unix ms. The stream begins there; where the page
   * has it already, or its first listener comes later, that one hears what came since (those too that come in the same moment).
   */
  since?: string | number | undefined;
  /**
   * A bearer token, asked for before each attempt; `expired`: the server turned the last one away. It travels in the `authorization` header
   * (by `fetch`), or where `tokenParam` asks for it in the URL.
   */
  getToken?: ((ask: { expired: boolean }) => string | null | undefined | Promise<string | null | undefined>) | undefined;
  /** Put the token into the URL under this name: it will stand in the logs of proxies. */
  tokenParam?: string | undefined;
  /** More headers of each attempt (by `fetch`). */
  headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>) | undefined;
  /** As `fetch` has it. Default: `same-origin`. */
  credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** False: this tab has a stream of its own. Default: true. */
  shared?: boolean | undefined;
  /** For tests: the browser. */
  environment?: Environment | undefined;
}

export interface SyncClient<M extends string = string> {
  readonly status: SyncStatus;
  /** What it was given: the page's data contains everything up to here. */
  readonly since: string | number | undefined;
  /** This tab's own id, new with each page: for `sourceId` of the mutations that it makes. */
  readonly sourceId: string;
  /** Calls `listener` for each event. Gives back what ends that. A listener that throws is reported, and stops no other. */
  subscribe(listener: (event: ClientEvent<M>) => void, options?: SubscribeOptions<M>): () => void;
  /** Calls `listener` at each change of `status` (not at the call). Gives back what ends that. */
  onStatus(listener: (status: SyncStatus) => void): () => void;
  /** Tries anew at once, from whichever tab: after a refusal, or instead of waiting. In place of a leader that cannot get in this tab leads. */
  reconnect(): void;
  /**
   * Ends this handle. The stream ends with the last one of the page, a second later: what unmounts and mounts makes no connection.
   * `forget`: signs out. The stream ends in all tabs of this user, at once, in one that was kept for later when it comes back, and what was
   * stored is wiped; a handle that was closed before can say it, too.
   */
  close(options?: { forget?: boolean | undefined }): void;
  [Symbol.dispose](): void;
}
