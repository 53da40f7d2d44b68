/** One client of the live endpoint: its response, and its place in the hub. It queues nothing: while the client takes nothing, nothing is read for it. */
import type { ServerResponse } from 'node:http';
import { watchClient } from '../../server/client-gone.js';
import type { MessageSink, SinkMessage } from '../../internal/engine.js';
import type { Attendance } from '../../server/attend.js';
import type { HubInternals } from '../../server/internals.js';
import type { RequestLike } from '../../server/options.js';
import { nodeRequest } from '../../server/request-parts.js';
import type { HeaderList } from '../../server/response-head.js';
import { flushEncoded, sendHead, stopIdleTimeout } from '../../server/response-sink.js';
import type { Activity, IsAllowed, ResyncReason } from './activity.js';
import { follow, type Follower } from './follow.js';
import { formatOffset, type Offset, type Start } from './offset.js';
import type { Source } from './source.js';
import type { Tails } from './tails.js';

/** Characters that are asked for and written at once, unless one activity has more. */
const CHUNK = 65_536;

export interface LiveClient<U> {
  readonly companyId: string;
  readonly types: ReadonlySet<string>;
  readonly start: Start;
  readonly user: U;
  readonly isAllowed: IsAllowed<U>;
  readonly seat: { readonly userId: string; readonly expiresAt?: number | Date | null | undefined; readonly clientInstanceId: string | undefined };
  readonly req: RequestLike;
  readonly res: ServerResponse;
  readonly headers: HeaderList;
}

export interface LiveParts {
  readonly internals: HubInternals;
  readonly source: Source;
  readonly tails: Tails;
}

/** As it goes out; made once for all clients. */
const frames = new WeakMap<Activity, string>();

/** What a client is told of an activity. */
export function toldOf({ data, entityType, entityId, action, activityId, changedKeys, createdAt, tx, fetch }: Activity): object {
  return { data, entityType, entityId, action, activityId, changedKeys, createdAt, tx, ...(fetch && { fetch }) };
}

function frameOf(activity: Activity): string {
  let frame = frames.get(activity);
  if (frame === undefined) frames.set(activity, (frame = `event: change\nid: ${activity.activityId}\ndata: ${JSON.stringify(toldOf(activity))}\n\n`));
  return frame;
}

export class LiveStream<U> implements MessageSink, Follower<U> {
  readonly companyId: string;
  readonly types: ReadonlySet<string>;
  readonly start: Start;
  readonly user: U;
  readonly isAllowed: IsAllowed<U>;
  readonly signal: AbortSignal;
  readonly #parts: LiveParts;
  readonly #res: ServerResponse;
  readonly #abort = new AbortController();
  readonly #head: () => void;
  readonly #unwatch: () => void;
  readonly #attendance: Attendance;
  #begun = false;
  #over = false;
  /** While the client takes nothing. */
  #full: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #slow: NodeJS.Timeout | undefined;
  #at: Offset | undefined;
  #isIdle = false;

  /** Writes the head. Throws like `attend`, before a byte is out. */
  constructor(client: LiveClient<U>, parts: LiveParts) {
    const { companyId, types, start, user, isAllowed, seat, req, res, headers } = client;
    this.companyId = companyId;
    this.types = types;
    this.start = start;
    this.user = user;
    this.isAllowed = isAllowed;
    this.signal = this.#abort.signal;
    this.#parts = parts;
    this.#res = res;
    const request = nodeRequest(req);
    // The hub may have something to say before it has answered.
    this.#head = () => sendHead(request, res, headers);
    this.#unwatch = watchClient(request, res, () => this.#gone());
    try {
      this.#attendance = parts.internals.attend({ companyId, ...seat, req, res }, this);
    } catch (thrown) {
      this.#unwatch();
      throw thrown;
    }
    this.#head();
    stopIdleTimeout(request);
    res.on('error', () => this.#gone());
    res.on('drain', () => this.#drained?.());
    if (this.signal.aborted) this.#attendance.abort();
  }

  // --- the hub's side ---

  write(messages: readonly SinkMessage[]): boolean {
    if (!this.#over) this.#head();
    for (const { kind, data, retryMs } of messages) {
      if (this.#over) break;
      const retry = retryMs === undefined ? '' : `retry: ${retryMs}\n`;
      if (kind === 'server_close') this.#put(`${retry}event: server_close\n${this.#id()}data: ${data}\n\n`);
      // Its id moves the client's offset, without an event, over what was not for this client.
      else if (kind === 'ping' && !this.#full) this.#put(`: ping\n${this.#id()}\n`);
      else if (kind === 'message' && !this.#begun) {
        this.#begun = true;
        if (retry !== '') this.#put(`${retry}\n`);
        void this.#follow();
      }
    }
    return true;
  }

  close(): void {
    if (this.#over) return;
    const isFull = this.#full !== undefined;
    this.#end();
    this.#head();
    if (isFull) this.#res.destroy();
    else this.#res.end();
  }

  async #follow(): Promise<void> {
    const { internals, source, tails } = this.#parts;
    try {
      // The constructor is at its end.
      await Promise.resolve();
      await follow(this, source, tails);
    } catch (thrown) {
      if (this.#over) return;
      internals.report('activities', thrown);
      this.#attendance.end('drain');
    }
  }

  #gone(): void {
    this.#end();
    (this.#attendance as Attendance | undefined)?.abort();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#slow);
    this.#unwatch();
    this.#abort.abort();
    this.#drained?.();
  }

  // --- the follower's side ---

  ready(): Promise<void> | undefined {
    return this.#full;
  }

  fit(activities: readonly Activity[]): number {
    let length = 0;
    const beyond = activities.findIndex((activity) => (length += frameOf(activity).length) > CHUNK);
    return beyond < 0 ? activities.length : Math.max(beyond, 1);
  }

  take(activities: readonly Activity[]): void {
    this.#put(activities.map(frameOf).join(''));
  }

  moved(to: Offset): void {
    this.#at = to;
  }

  resync(reason: ResyncReason, at: Offset): void {
    this.#isIdle = false;
    this.#put(`event: resync\nid: ${formatOffset(at)}\ndata: ${JSON.stringify({ reason, offset: formatOffset(at) })}\n\n`);
  }

  idle(at: Offset): void {
    if (this.#isIdle) return;
    this.#isIdle = true;
    this.#put(`event: offset\nid: ${formatOffset(at)}\ndata: ${JSON.stringify({ offset: formatOffset(at) })}\n\n`);
  }

  #id(): string {
    return this.#at ? `id: ${formatOffset(this.#at)}\n` : '';
  }

  #put(text: string): void {
    if (this.#over) return;
    const more = this.#res.write(text);
    flushEncoded(this.#res);
    if (more || this.#full) return;
    this.#slow = setTimeout(() => this.#attendance.end('slow'), this.#attendance.slowMs).unref();
    this.#full = new Promise((resolve) => {
      this.#drained = () => {
        clearTimeout(this.#slow);
        this.#full = undefined;
        this.#drained = undefined;
        resolve();
      };
    });
  }
}
