/**
 * A pane's stream: subscribes with the unmodified tRPC client, keeps the cursor, hands stale paths
 * to the cache, and remembers what a person wants to see of it. Going offline ends the
 * subscription; coming back subscribes with the cursor.
 */
import type { TRPCClientError } from '@trpc/client';
import type { HelloEvent, SyncEvent } from '../../../protocol/events.js';
import type { AppRouter } from '../../routers/index.js';
import type { QueryCache } from './query-cache.js';
import { createApi, logIn, type Api, type Person } from './session.js';

export type Status = 'connecting' | 'live' | 'offline' | 'refused';

export interface EventLine {
  /** Counts the lines, for keys. */
  nth: number;
  at: number;
  text: string;
  /** Query paths called stale. */
  paths: number;
  kind: 'verdict' | 'action' | 'summary' | 'resync';
}

export interface StreamView {
  status: Status;
  /** Why it is not live. */
  detail: string | undefined;
  verdict: HelloEvent | undefined;
  cursor: string | undefined;
  /** Newest first. */
  lines: EventLine[];
  /** From the commit of the last change to its arrival here, ms. */
  latencyMs: number | undefined;
  /** What came of the last return, until the next one. */
  caughtUp: string | undefined;
}

const MAX_LINES = 30;
/** Before a refused stream tries again; a place may have become free. */
const TRY_AGAIN_MS = 5_000;

const seqOf = (cursor: string | undefined): number => Number(cursor?.split('.')[1] ?? 0);

export class LiveStream {
  view: StreamView = { status: 'connecting', detail: undefined, verdict: undefined, cursor: undefined, lines: [], latencyMs: undefined, caughtUp: undefined };
  readonly api: Api;
  readonly #sourceId = crypto.randomUUID();
  #token = '';
  #subscription: { unsubscribe(): void } | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Set while coming back: the cursor from before. */
  #awayAt: string | undefined;
  #lines = 0;

  constructor(
    readonly person: Person,
    readonly cache: QueryCache,
    private readonly changed: () => void,
  ) {
    this.api = createApi(() => this.#token, this.#sourceId);
  }

  async start(): Promise<void> {
    this.#show({ status: 'connecting', detail: undefined });
    try {
      this.#token = await logIn(this.person);
    } catch (error) {
      this.#refused(error instanceof Error ? error.message : String(error));
      return;
    }
    this.cache.resume();
    this.#subscribe();
  }

  goOffline(): void {
    clearTimeout(this.#retry);
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.cache.pause();
    this.#awayAt = this.view.cursor;
    this.#show({ status: 'offline', detail: undefined, verdict: undefined, caughtUp: undefined });
  }

  comeBack(): void {
    this.cache.resume();
    this.#subscribe();
  }

  #subscribe(): void {
    clearTimeout(this.#retry);
    this.#show({ status: 'connecting', detail: undefined });
    const { cursor } = this.view;
    this.#subscription = this.api.sync.onSync.subscribe(
      { clientInstanceId: this.#sourceId, ...(cursor !== undefined && { lastEventId: cursor }) },
      {
        onStarted: () => this.#show({ status: 'live', detail: undefined }),
        // tRPC's types make `data: unknown` of an ephemeral event optional.
        onData: ({ id, data }) => this.#receive(id, data as SyncEvent),
        onConnectionStateChange: ({ state, error }) => {
          if (state === 'connecting' && error && this.#subscription) this.#show({ status: 'connecting', detail: 'connection lost, reconnecting' });
          if (state === 'pending') this.#show({ status: 'live', detail: undefined });
        },
        onError: (error) => void this.#failed(error),
      },
    );
  }

  async #failed(error: TRPCClientError<AppRouter>): Promise<void> {
    this.#subscription = undefined;
    if (error.data?.code === 'UNAUTHORIZED') {
      this.#show({ status: 'connecting', detail: 'session ended, logging in again' });
      await this.start();
      return;
    }
    this.#refused(error.message);
  }

  #refused(detail: string): void {
    this.#show({ status: 'refused', detail });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.start(), TRY_AGAIN_MS);
  }

  #receive(id: string, event: SyncEvent): void {
    if (event.queryPaths.length > 0) this.cache.invalidate(event.queryPaths);
    const next: Partial<StreamView> = { cursor: id };
    switch (event.type) {
      case 'hello':
        Object.assign(next, this.#verdict(event));
        break;
      case 'invalidate':
        this.#line('summary', `${event.count} changes in one event: ${event.modules.join(', ')}`, event.queryPaths.length);
        break;
      case 'resync':
        this.#line('resync', `everything may be stale (${event.reason})`, event.queryPaths.length);
        break;
      case 'ephemeral':
        break;
      default:
        // What is caught up on is old by nature.
        if (event.seq > seqOf(this.view.verdict?.cursor)) {
          next.latencyMs = Math.max(0, Date.now() - event.timestamp);
          next.caughtUp = undefined;
        }
        this.#line('action', `${event.type} in ${event.module} by ${event.userId}`, event.queryPaths.length);
    }
    this.#show(next);
  }

  #verdict(hello: HelloEvent): Partial<StreamView> {
    const missed = seqOf(hello.cursor) - seqOf(this.#awayAt);
    const caughtUp =
      this.#awayAt === undefined ? undefined
      : !hello.recovered ? 'The log no longer reached back: everything was fetched again'
      : missed === 0 ? 'Nothing was missed'
      : `Caught up on ${missed} ${missed === 1 ? 'change' : 'changes'}`;
    this.#awayAt = undefined;
    this.#line('verdict', `${hello.reason}${hello.recovered ? ', nothing lost' : ''}`, 0);
    return { verdict: hello, ...(caughtUp !== undefined && { caughtUp }) };
  }

  #line(kind: EventLine['kind'], text: string, paths: number): void {
    this.#lines += 1;
    const line: EventLine = { nth: this.#lines, at: Date.now(), kind, text, paths };
    this.view = { ...this.view, lines: [line, ...this.view.lines].slice(0, MAX_LINES) };
  }

  #show(part: Partial<StreamView>): void {
    this.view = { ...this.view, ...part };
    this.changed();
  }
}
