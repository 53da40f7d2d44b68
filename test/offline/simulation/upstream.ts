/**
 * The log of what was done, and each tab's stream of it as the client promises it (SPEC §15): each action once and in order, or a `resync` in the place of what is
 * gone. The real client is held to that by test/client; here streams break, lag, come back and are refused as the schedule wants it.
 */
import type { ClientEvent, SyncClient, SyncStatus } from '../../../lib/client/types.js';
import type { Tab } from '../../client/simulation/browser.js';
import type { Clock } from '../../client/simulation/clock.js';
import type { Random } from '../../support/random.js';
import type { ModelServer, Told } from '../support/model-server.js';

export type Rows = ReadonlyMap<string, Readonly<Record<string, unknown>>>;
export type Versions = ReadonlyMap<string, Readonly<Record<string, string>>>;

const seqOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));

export class Upstream {
  readonly log: { event: ClientEvent; told: Told }[] = [];
  /** What was so after each action, for answers of a node that lags. */
  readonly past: { rows: Rows; versions: Versions }[];
  /** Whether a stream gets through now; `flows`: whether what is open brings anything. */
  reachable: () => boolean = () => true;
  flows: () => boolean = () => true;
  readonly #streams = new Set<TabStream>();

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly server: ModelServer,
  ) {
    this.past = [this.#now()];
    server.tells = (told) => this.#append(told);
  }

  #now(): { rows: Rows; versions: Versions } {
    return { rows: new Map(this.server.rows), versions: new Map([...this.server.versions].map(([row, versions]) => [row, { ...versions }])) };
  }

  get head(): string {
    return `e.${this.log.length}`;
  }

  #append(told: Told): void {
    const { row, kind, by, fields, data, sourceId } = told;
    const [entity, entityId] = row.split(' ') as [string, string];
    const foreign = by.startsWith('x');
    this.past.push(this.#now());
    this.log.push({
      told,
      event: {
        id: `tx:${by}`,
        type: kind === 'create' ? 'insert' : kind,
        module: entity,
        entityId,
        companyId: 'acme',
        userId: foreign ? 'bob' : 'ada',
        timestamp: this.clock.now,
        queryPaths: [entity],
        seq: this.log.length + 1,
        // Not each action has the row.
        ...(data && this.random.chance(0.7) && { data: { id: entityId, ...data } }),
        ...(sourceId !== undefined && { sourceId }),
        tx: { transactionId: by, versions: [{ entity, entityId, fields }] },
      } as unknown as ClientEvent,
    });
    this.flow();
  }

  open(tab: Tab, since: string | undefined): TabStream {
    const stream = new TabStream(this, tab, since);
    this.#streams.add(stream);
    return stream;
  }

  /** What could not flow may flow again. */
  flow(): void {
    for (const stream of this.#streams) stream.flow();
  }

  left(stream: TabStream): void {
    this.#streams.delete(stream);
  }
}

/** How far a listener may look back. */
const REMEMBERED = 40;

export class TabStream {
  status: SyncStatus;
  readonly sourceId: string;
  /** Changes of `status`, and of what was heard. */
  moved: () => void = () => undefined;
  /** By row and field: who wrote it last, as this tab has heard it. */
  readonly heard = new Map<string, { by: string; value: unknown; known: boolean; at: number }>();
  /** By whom it has told of something: ids of changes, too. */
  readonly told = new Set<string>();
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  readonly #watchers = new Set<(status: SyncStatus) => void>();
  /** Who looks back further than the first verdict. */
  #later: (() => void)[] = [];
  #connection = 0;
  #flowing = false;
  /** Of what this tab has heard, the oldest that it remembers. */
  #base: number;

  constructor(
    readonly upstream: Upstream,
    readonly tab: Tab,
    readonly since: string | undefined,
  ) {
    this.sourceId = `source-${tab.name}`;
    this.status = { state: 'connecting', reason: 'starting', leader: true, since: upstream.clock.now, cursor: since };
    this.#base = since === undefined ? Infinity : seqOf(since);
  }

  get client(): SyncClient {
    const stream = this; // eslint-disable-line @typescript-eslint/no-this-alias -- its getters are asked later
    return {
      sourceId: this.sourceId,
      since: this.since,
      get status() {
        return stream.status;
      },
      subscribe(listener: (event: ClientEvent) => void, { since }: { since?: string | number } = {}) {
        const hear = (event: ClientEvent): void => listener(event);
        stream.#listeners.add(hear);
        if (typeof since === 'string') {
          if (stream.status.cursor === undefined) stream.#later.push(() => stream.#makeUp(hear, seqOf(since)));
          else queueMicrotask(() => stream.#makeUp(hear, seqOf(since)));
        }
        return () => void stream.#listeners.delete(hear);
      },
      onStatus(listener: (status: SyncStatus) => void) {
        const watch = (status: SyncStatus): void => listener(status);
        stream.#watchers.add(watch);
        return () => void stream.#watchers.delete(watch);
      },
    } as unknown as SyncClient;
  }

  /** Everything up to the head of its last verdict was heard. */
  get isWhole(): boolean {
    const { state, cursor, head } = this.status;
    return state === 'live' && cursor !== undefined && head !== undefined && seqOf(cursor) >= seqOf(head);
  }

  get isOnTheWay(): boolean {
    return this.status.state === 'connecting' || this.status.state === 'offline';
  }

  /** To who listens from then on what the others have heard meanwhile. */
  #makeUp(hear: (event: ClientEvent) => void, since: number): void {
    const { cursor } = this.status;
    if (cursor === undefined || !this.#listeners.has(hear)) return;
    if (since < this.#base) return hear(this.#resync());
    for (const { event } of this.upstream.log.slice(since, seqOf(cursor))) if (this.#listeners.has(hear)) hear(event);
  }

  #resync(): ClientEvent {
    return { type: 'resync', reason: 'gap', timestamp: this.upstream.clock.now, queryPaths: ['*'] } as unknown as ClientEvent;
  }

  #tell(changed: Partial<SyncStatus>): void {
    this.status = { ...this.status, ...changed };
    this.moved();
    for (const watch of [...this.#watchers]) watch(this.status);
  }

  #say(event: ClientEvent): void {
    this.moved();
    for (const hear of [...this.#listeners]) hear(event);
  }

  /** It is on the way, and arrives after a while. */
  connect(): void {
    const { clock, random, log } = this.upstream;
    const own = (this.#connection += 1);
    if (this.status.state !== 'connecting') this.#tell({ state: 'connecting', reason: 'cut' });
    clock.after(20 + random.next() * 300, () => {
      this.tab.browser.later(this.tab, 0, () => {
        if (own !== this.#connection) return;
        if (!this.upstream.reachable()) return void clock.after(1_000 + random.next() * 4_000, () => own === this.#connection && this.connect());
        const head = log.length;
        const { cursor } = this.status;
        // What was missed may be longer ago than the log goes back.
        const lost = cursor !== undefined && (head - seqOf(cursor) > REMEMBERED || random.chance(0.05));
        if (cursor === undefined || lost) this.#base = head;
        this.#tell({ state: 'live', reason: 'open', head: `e.${head}`, cursor: cursor === undefined || lost ? `e.${head}` : cursor });
        for (const makeUp of this.#later.splice(0)) makeUp();
        if (lost) {
          this.heard.clear();
          this.#say(this.#resync());
        }
        this.flow();
      });
    });
  }

  /** The next action comes a little later. */
  flow(): void {
    const { clock, random, log } = this.upstream;
    if (this.#flowing || this.status.state !== 'live' || !this.upstream.flows() || seqOf(this.status.cursor!) >= log.length) return;
    this.#flowing = true;
    const own = this.#connection;
    clock.after(1 + random.next() * (random.chance(0.1) ? 2_000 : 80), () => {
      this.tab.browser.later(this.tab, 0, () => {
        this.#flowing = false;
        // What is swallowed comes when the line is there again.
        if (own !== this.#connection || !this.upstream.flows()) return this.flow();
        const at = seqOf(this.status.cursor!);
        const { event, told } = log[at]!;
        this.status = { ...this.status, cursor: `e.${at + 1}` };
        this.told.add(told.by);
        for (const field of told.fields) this.heard.set(`${told.row} ${field}`, { by: told.by, value: told.data?.[field], known: 'data' in event, at: clock.now });
        this.#say(event);
        this.flow();
      });
    });
  }

  /** It breaks, and the tab hears of it. */
  cut(state: 'offline' | 'refused' | 'connecting'): void {
    this.#connection += 1;
    if (this.status.state !== state) this.#tell({ state, reason: state === 'refused' ? 'forbidden' : state === 'offline' ? 'unreachable' : 'cut' });
  }

  close(): void {
    this.#connection += 1;
    this.upstream.left(this);
  }
}
