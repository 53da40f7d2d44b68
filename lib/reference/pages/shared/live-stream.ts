/**
 * A pane's stream: `pathcast/client` with the session's token. It hands stale paths to the cache, and remembers what a person wants to see of
 * it. Tabs that show the same person share one stream.
 */
import { createSyncClient, type ClientEvent, type StatusReason, type SyncClient, type SyncStatus } from '../../../client/index.js';
import type { Offline, OutboxEntry } from '../../../offline/index.js';
import { createOutbox } from './outbox.js';
import { Place } from './places.js';
import type { QueryCache } from './query-cache.js';
import { createApi, logIn, type Api, type Person } from './session.js';
import { Switch } from './switch.js';

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
  /** What came of the last beginning. */
  verdict: string | undefined;
  cursor: string | undefined;
  /** Newest first. */
  lines: EventLine[];
  /** From the commit of the last change to its arrival here, ms. */
  latencyMs: number | undefined;
  /** What came of the last return, until the next one. */
  caughtUp: string | undefined;
  /** Why what is shown is older than what the server has. */
  behind: string | undefined;
  /** The server has a PostgreSQL, and with it pages and attachments. */
  hasPages: boolean;
}

const MAX_LINES = 30;
/** Before a login, or a refused stream, is tried again. */
const TRY_AGAIN_MS = 5_000;

/** Why a stream is not live, where that is worth a word. */
const WORDS: Partial<Record<StatusReason, string>> = {
  limit: 'too many streams; waiting for a place',
  drain: 'the server restarts, reconnecting',
  cut: 'connection lost, reconnecting',
  silent: 'connection lost, reconnecting',
  no_network: 'no network',
  unreachable: 'the server does not answer',
  bad_gateway: 'the server does not answer',
  auth_expired: 'session ended, logging in again',
  unauthorized: 'session ended, logging in again',
  token_failed: 'the login does not answer',
  revoked: 'the session was ended',
};

const seqOf = (cursor: string | undefined): number => Number(cursor?.split('.')[1] ?? 0);

export class LiveStream {
  view: StreamView = { status: 'connecting', detail: undefined, verdict: undefined, cursor: undefined, lines: [], latencyMs: undefined, caughtUp: undefined, behind: undefined, hasPages: false };
  readonly api: Api;
  /** What this person does to pages, until the server has it. */
  readonly offline: Offline;
  #kept: readonly OutboxEntry[] = [];
  readonly #sourceId = crypto.randomUUID();
  #token = '';
  #client: SyncClient | undefined;
  readonly #switch = new Switch();
  readonly #place = new Place();
  #waits = false;
  #away = false;
  /** Set while coming back: the cursor from before, and the server's clock then. What is older than that was missed. */
  #return: { cursor: string | undefined; at: number } | undefined;
  #lines = 0;

  constructor(
    readonly person: Person,
    readonly cache: QueryCache,
    private readonly changed: () => void,
  ) {
    this.offline = createOutbox(person);
    this.api = createApi(() => this.#token, this.#sourceId, this.offline);
    this.offline.onEntries((entries) => this.#look(entries));
    cache.onBehind = () => {
      if (cache.behind !== this.view.behind) this.#show({ behind: cache.behind });
    };
  }

  /** The stream first, the reads after it: nothing that changes in between is missed. */
  async start(): Promise<void> {
    try {
      this.#token = await logIn(this.person);
      // The server's clock before this page read anything: what changes from there on is told.
      const { serverTime, hasPages } = await this.api.sync.getStatus.query();
      this.#show({ hasPages });
      const sync = this.#open(serverTime);
      if (hasPages) await this.offline.start({ client: this.api, sync });
    } catch (error) {
      this.#show({ status: 'refused', detail: error instanceof Error ? error.message : String(error) });
      setTimeout(() => void this.start(), TRY_AGAIN_MS);
      return;
    }
    this.cache.resume();
  }

  goOffline(): void {
    this.#away = true;
    this.offline.pause();
    this.#switch.off();
    this.#place.giveBack();
    this.cache.pause();
    this.#show({ status: 'offline', detail: undefined, verdict: undefined, caughtUp: undefined });
  }

  async comeBack(): Promise<void> {
    this.#show({ status: 'connecting', detail: undefined });
    const at = await this.api.sync.getStatus.query().then(({ serverTime }) => serverTime, () => Date.now());
    this.#return = { cursor: this.view.cursor, at };
    this.#away = false;
    this.#switch.on();
    this.offline.resume();
    this.cache.resume();
  }

  /** What went without effect may be in what was answered meanwhile: it is read again. */
  #look(entries: readonly OutboxEntry[]): void {
    const there = new Set(entries.flatMap(({ id, squashed }) => [id, ...squashed]));
    const gone = this.#kept.some(({ id, state }) => state !== 'acked' && !there.has(id));
    this.#kept = entries;
    if (gone) this.cache.invalidate(['pages', 'attachments']);
  }

  #open(since: number): SyncClient {
    const { companyId, userId } = this.person;
    const client = createSyncClient({
      url: '/sync/stream',
      companyId,
      userId,
      since,
      getToken: (ask) => this.#tokenOf(ask),
      environment: this.#switch.environment,
    });
    this.#client = client;
    client.onStatus((status) => this.#statusIs(status));
    client.subscribe((event) => this.#receive(event));
    return client;
  }

  /** Asked for before each attempt, so that none is made while this browser has no place for a stream. */
  async #tokenOf({ expired }: { expired: boolean }): Promise<string> {
    await this.#place.take(() => {
      this.#waits = true;
      this.#show({ detail: 'other tabs hold the streams that this browser may have' });
    });
    if (this.#waits) {
      this.#waits = false;
      // The attempt that waited may be over.
      this.#client?.reconnect();
    }
    if (expired) {
      this.#token = await logIn(this.person);
      this.offline.signedIn();
    }
    return this.#token;
  }

  #statusIs({ state, reason, leader, cursor }: SyncStatus): void {
    if (!leader) {
      this.#place.giveBack();
      this.#waits = false;
    }
    if (this.#away) return;
    const status = state === 'live' || state === 'refused' ? state : 'connecting';
    const next: Partial<StreamView> = { status };
    if (!this.#waits) next.detail = status === 'live' ? undefined : WORDS[reason];
    if (state === 'live') {
      next.cursor = cursor;
      next.verdict = 'resumed ✓';
      this.#line('verdict', 'resumed, nothing lost', 0);
      if (this.#return) next.caughtUp = 'Nothing was missed';
    } else if (state === 'refused') {
      setTimeout(() => this.#client?.reconnect(), TRY_AGAIN_MS);
    }
    this.#show(next);
  }

  #receive(event: ClientEvent): void {
    if (event.queryPaths.length > 0) this.cache.invalidate(event.queryPaths);
    const cursor = this.#client?.status.cursor;
    const next: Partial<StreamView> = { cursor };
    switch (event.type) {
      case 'invalidate':
        this.#line('summary', event.count === undefined ? `a change that waits for Redis: ${event.modules.join(', ')}` : `${event.count} changes in one event: ${event.modules.join(', ')}`, event.queryPaths.length);
        break;
      case 'resync':
        next.verdict = event.reason;
        this.#line('resync', `everything may be stale (${event.reason})`, event.queryPaths.length);
        break;
      case 'ephemeral':
        // Nothing that a person would want to see.
        break;
      default:
        this.#line('action', `${event.type} in ${event.module} by ${event.userId}`, event.queryPaths.length);
        // What is caught up on is old by nature.
        if (!this.#return || event.timestamp > this.#return.at) {
          next.latencyMs = Math.max(0, Date.now() - event.timestamp);
          next.caughtUp = undefined;
          this.#return = undefined;
        }
    }
    if (this.#return) next.caughtUp = this.#missed(event, cursor);
    this.#show(next);
  }

  #missed(event: ClientEvent, cursor: string | undefined): string | undefined {
    if (event.type === 'resync') {
      this.#return = undefined;
      return 'The log no longer reached back: everything was fetched again';
    }
    const missed = seqOf(cursor) - seqOf(this.#return?.cursor);
    return `Caught up on ${missed} ${missed === 1 ? 'change' : 'changes'}`;
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
