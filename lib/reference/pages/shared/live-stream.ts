/**
 * A pane's stream: subscribes with the unmodified tRPC client, keeps the cursor, hands stale paths
 * to the cache, and remembers what a person wants to see of it. Going offline ends the
 * subscription; coming back subscribes with the cursor. Tabs that show the same person share one stream.
 */
import type { TRPCClientError } from '@trpc/client';
import type { HelloEvent, SyncEvent } from '../../../protocol/events.js';
import type { AppRouter } from '../../routers/index.js';
import type { QueryCache } from './query-cache.js';
import { createApi, logIn, type Api, type Person } from './session.js';
import { SharedStream, type LineState, type SubscriptionHandlers } from './shared-stream.js';

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
  /** Why what is shown is older than what the server has. */
  behind: string | undefined;
}

const MAX_LINES = 30;
/** Before a refused stream tries again; a place may have become free. */
const TRY_AGAIN_MS = 5_000;

const seqOf = (cursor: string | undefined): number => Number(cursor?.split('.')[1] ?? 0);

export class LiveStream {
  view: StreamView = { status: 'connecting', detail: undefined, verdict: undefined, cursor: undefined, lines: [], latencyMs: undefined, caughtUp: undefined, behind: undefined };
  readonly api: Api;
  readonly #sourceId = crypto.randomUUID();
  #token = '';
  readonly #shared: SharedStream;
  /** The server's clock before this page read anything: what changes from there on is told. */
  #since: number | undefined;
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
    cache.onBehind = () => {
      if (cache.behind !== this.view.behind) this.#show({ behind: cache.behind });
    };
    this.#shared = new SharedStream({
      key: `${person.companyId} ${person.userId}`,
      open: (cursor, handlers) => this.#open(cursor, handlers),
      onState: (state, detail) => this.#stateIs(state, detail),
      onData: (id, event, relayed) => this.#receive(id, event, relayed),
    });
  }

  async start(): Promise<void> {
    this.#show({ status: 'connecting', detail: undefined });
    try {
      this.#token = await logIn(this.person);
      this.#since ??= (await this.api.sync.getStatus.query()).serverTime;
    } catch (error) {
      this.#refused(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#listen();
  }

  goOffline(): void {
    clearTimeout(this.#retry);
    this.#shared.stop();
    this.cache.pause();
    this.#awayAt = this.view.cursor;
    this.#show({ status: 'offline', detail: undefined, verdict: undefined, caughtUp: undefined });
  }

  comeBack(): void {
    this.#listen();
  }

  /** The stream first, the reads after it: nothing that changes in between is missed. */
  #listen(): void {
    clearTimeout(this.#retry);
    this.#show({ status: 'connecting', detail: undefined });
    this.#shared.start(this.view.cursor);
    this.cache.resume();
  }

  /** In the one tab that has the stream. */
  #open(cursor: string | undefined, { onState, onData }: SubscriptionHandlers): () => void {
    const since = cursor ?? this.#since;
    const subscription = this.api.sync.onSync.subscribe(
      { clientInstanceId: this.#sourceId, ...(since !== undefined && { since }) },
      {
        onStarted: () => onState('live'),
        // tRPC's types make `data: unknown` of an ephemeral event optional.
        onData: ({ id, data }) => onData(id, data as SyncEvent),
        onConnectionStateChange: ({ state, error }) => {
          if (state === 'connecting' && error) onState('connecting', 'connection lost, reconnecting');
          if (state === 'pending') onState('live');
        },
        onError: (error) => void this.#failed(error),
      },
    );
    return () => subscription.unsubscribe();
  }

  #stateIs(state: LineState, detail: string | undefined): void {
    this.#show({ status: state === 'live' ? 'live' : 'connecting', detail });
  }

  async #failed(error: TRPCClientError<AppRouter>): Promise<void> {
    this.#shared.stop();
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

  #receive(id: string, event: SyncEvent, relayed: boolean): void {
    if (event.queryPaths.length > 0) this.cache.invalidate(event.queryPaths);
    const next: Partial<StreamView> = { cursor: id };
    switch (event.type) {
      case 'hello':
        if (relayed) next.verdict = event;
        else Object.assign(next, this.#verdict(event));
        break;
      case 'invalidate':
        this.#line('summary', event.count === undefined ? `a change that waits for Redis: ${event.modules.join(', ')}` : `${event.count} changes in one event: ${event.modules.join(', ')}`, event.queryPaths.length);
        break;
      case 'resync':
        this.#line('resync', `everything may be stale (${event.reason})`, event.queryPaths.length);
        break;
      case 'ephemeral':
      case 'ping':
        // Nothing that a person would want to see.
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
