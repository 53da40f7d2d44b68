/**
 * The client of a page, as SPEC §15 promises it: each action once and in order, or a `resync` in the place of what is gone. The real one is
 * held to that by test/client; here its stream breaks, conflates and comes back as the schedule wants it.
 */
import type { ClientEvent, SyncClient, SyncStatus } from '../../../lib/client/types.js';
import { PATHS, STALE, type LogEntry, type SimulatedServer, type Versions } from './server.js';

/** Between two pings, ms. */
const PING_MS = 5_000;
export const SOURCE = 'this-tab';

export class SimulatedStream {
  status: SyncStatus = { state: 'connecting', reason: 'starting', leader: true, since: 0, cursor: undefined };
  readonly sourceId = SOURCE;
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  readonly #watchers = new Set<(status: SyncStatus) => void>();
  /** Of the connection: what comes of an older one is not heard. */
  #connection = 0;
  #open = false;
  /** Up to here it is on the way. */
  #sent = 0;
  #lastArrival = 0;
  /** What the page has heard, from some position on: for who listens later, `since` a position. */
  #past: { cursor: string | undefined; event: ClientEvent }[] = [];
  #base: string | undefined;
  /** What the page's data contains, where a server rendered it. */
  since: string | undefined;
  /** What the page has heard of. */
  readonly heard = Object.fromEntries(PATHS.map((path) => [path, 0])) as Versions;

  constructor(
    readonly server: SimulatedServer,
    readonly note: (text: string) => void,
  ) {
    server.appended = () => this.#pump();
    server.unplaced = (paths, versions) => {
      if (this.#open) this.#arrive({ type: 'invalidate', timestamp: 0, queryPaths: [...paths], modules: [] }, undefined, paths, versions);
    };
  }

  get connected(): boolean {
    return this.#connection % 2 === 1;
  }

  client(): SyncClient {
    const add = <T>(all: Set<T>, one: T): (() => void) => {
      all.add(one);
      return () => void all.delete(one);
    };
    return Object.defineProperty(
      {
        sourceId: SOURCE,
        since: this.since,
        subscribe: (listener: (event: ClientEvent) => void, { since }: { since?: string } = {}) => {
          const hear = (event: ClientEvent): void => listener(event);
          const end = add(this.#listeners, hear);
          if (since !== undefined) {
            const missed = this.#after(since);
            queueMicrotask(() => missed.forEach((event) => this.#listeners.has(hear) && hear(event)));
          }
          return end;
        },
        onStatus: (listener: (status: SyncStatus) => void) => add(this.#watchers, listener),
      },
      'status',
      { get: () => this.status },
    ) as unknown as SyncClient;
  }

  /** The page comes from a server that rendered it so. */
  begins(since: string): void {
    this.since = this.#base = since;
    this.status = { ...this.status, cursor: since };
  }

  #after(since: string): ClientEvent[] {
    const [epoch, seq] = since.split('.');
    const covers = (cursor: string | undefined): boolean => cursor?.split('.')[0] === epoch && Number(cursor!.split('.')[1]) <= Number(seq);
    if (since === this.status.cursor) return [];
    const at = this.#past.findLastIndex(({ cursor }) => covers(cursor));
    if (at < 0 && !covers(this.#base)) return [{ type: 'resync', timestamp: 0, queryPaths: ['*'], reason: 'trimmed' }];
    return this.#past.slice(at + 1).map(({ event }) => event);
  }

  connect(): void {
    if (this.connected) return;
    const { server } = this;
    const connection = (this.#connection += 1);
    server.clock.after(server.random.below(100), () => {
      if (connection !== this.#connection) return;
      this.note(`connected after ${this.status.cursor ?? 'nothing'}, the head is ${server.epoch}.${server.head}`);
      const [epoch, seq] = this.status.cursor?.split('.') ?? [];
      this.#open = true;
      this.#sent = server.head;
      if (epoch === undefined) {
        this.#base = `${server.epoch}.${server.head}`;
        return this.#tell(this.#base);
      }
      const lost = epoch !== server.epoch || Number(seq) > server.head || server.random.chance(0.2);
      this.#tell(this.status.cursor);
      if (lost) {
        const event: ClientEvent = { type: 'resync', timestamp: 0, queryPaths: ['*'], reason: 'trimmed' };
        this.#arrive(event, `${server.epoch}.${server.head}`, ['*'], server.log.at(-1)?.versions ?? server.commits[0]!);
      } else {
        this.#sent = Number(seq);
        this.#pump();
      }
    });
    server.clock.after(PING_MS, () => this.#ping(connection));
  }

  /** Says where the stream is, under the name that the log has by then. */
  #ping(connection: number): void {
    if (connection !== this.#connection || !this.#open) return;
    const { clock } = this.server;
    const cursor = `${this.server.epoch}.${this.#sent}`;
    clock.after(this.#lastArrival - clock.now, () => {
      if (connection === this.#connection) this.status = { ...this.status, cursor };
    });
    clock.after(PING_MS, () => this.#ping(connection));
  }

  disconnect(): void {
    if (!this.connected) return;
    this.#connection += 1;
    this.#open = false;
    this.note('disconnected');
    this.status = { ...this.status, state: 'connecting', reason: 'cut' };
    for (const watcher of this.#watchers) watcher(this.status);
  }

  #tell(cursor: string | undefined): void {
    this.status = { ...this.status, state: 'live', reason: 'open', cursor };
    for (const watcher of this.#watchers) watcher(this.status);
  }

  #pump(): void {
    const { server } = this;
    if (!this.#open) return;
    while (this.#sent < server.head) {
      const from = this.#sent + 1;
      const to = server.random.chance(0.3) ? Math.min(server.head, from + server.random.below(5)) : from;
      this.#sent = to;
      const stretch = server.log.filter(({ seq }) => seq >= from && seq <= to);
      const last = stretch.at(-1)!;
      const paths = [...new Set(stretch.flatMap((entry) => entry.paths))];
      const versions = Object.fromEntries(PATHS.map((path) => [path, Math.max(...stretch.map((entry) => entry.versions[path]))])) as Versions;
      this.#arrive(stretch.length > 1 ? conflated(stretch, paths) : action(last), `${server.epoch}.${to}`, paths, versions);
    }
  }

  /** In order, after its way. */
  #arrive(event: ClientEvent, cursor: string | undefined, paths: readonly string[], versions: Versions): void {
    const { clock, random } = this.server;
    const connection = this.#connection;
    this.#lastArrival = Math.max(this.#lastArrival, clock.now + (random.chance(0.1) ? random.below(2_000) : random.below(30)));
    clock.after(this.#lastArrival - clock.now, () => {
      if (connection !== this.#connection) return;
      if (cursor !== undefined) {
        this.status = { ...this.status, cursor };
        this.#past.push({ cursor, event });
      }
      // What has no place yet cannot be asked of a replica, nor by who listens later: its action follows.
      if (cursor !== undefined || (!this.server.hasReplica && this.#listeners.size > 0)) {
        for (const path of paths) for (const table of STALE[path]!) this.heard[table] = Math.max(this.heard[table], versions[table]);
      }
      this.note(`heard ${event.type} ${paths.join()} ${cursor ?? '(no place)'}`);
      for (const listener of this.#listeners) listener(event);
    });
  }
}

const action = ({ seq, paths, sourceId, where, shown }: LogEntry): ClientEvent => ({
  id: String(seq),
  type: 'update',
  module: 'm',
  entityId: '1',
  companyId: 'c',
  userId: 'u',
  timestamp: 0,
  queryPaths: [...paths],
  seq,
  ...(sourceId !== undefined && { sourceId }),
  ...(where !== undefined && { where }),
  ...shown,
});

const conflated = (stretch: readonly LogEntry[], queryPaths: string[]): ClientEvent => ({
  type: 'invalidate',
  timestamp: 0,
  queryPaths,
  from: stretch[0]!.seq,
  to: stretch.at(-1)!.seq,
  count: stretch.length,
  modules: [],
});
