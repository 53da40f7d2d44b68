/** One page in a test's hand: a real QueryClient, its binding, a stream that says what it is told to, a server that answers when it is told to; the clock is a test's. */
import * as Core from '@tanstack/query-core';
import type { ClientEvent, SyncClient, SyncStatus } from '../../../lib/client/types.js';
import { bindQueryClient, fenceLink, type BindOptions, type CacheEnvironment, type QueryBinding } from '../../../lib/tanstack/index.js';
import { Clock } from '../../client/simulation/clock.js';

/** A call that waits for its answer. */
interface Call {
  readonly path: string;
  readonly input: unknown;
  answer(data: unknown, position?: string): void;
  fail(error?: unknown): void;
}

export const key = (path: string, input?: unknown, type = 'query'): Core.QueryKey => [path.split('.'), { ...(input !== undefined && { input }), type }];

export class Page {
  readonly queries: Core.QueryClient;
  readonly calls: Call[] = [];
  /** Paths of all calls, in their order. */
  readonly asked: string[] = [];
  visible = true;
  /** What each draw of the binding gives. */
  chance = 1 - Number.EPSILON;
  binding!: QueryBinding;
  status: SyncStatus = { state: 'connecting', reason: 'starting', leader: true, since: 0, cursor: undefined };
  readonly sourceId = 'this-tab';
  /** The client's own. */
  since: string | undefined;
  /** What was reported. */
  readonly reports: unknown[] = [];
  readonly #past: { cursor: string; event: ClientEvent }[] = [];
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  readonly #watchers = new Set<(status: SyncStatus) => void>();
  #wake: () => void = () => undefined;
  readonly #link;
  #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: Date.now };

  constructor(
    readonly core: Pick<typeof Core, 'QueryClient' | 'QueryObserver'> = Core,
    /** Several pages live by one; they end in the opposite order. */
    readonly clock = new Clock(),
  ) {
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 0) => this.clock.after(ms, run),
      clearTimeout: (task: { run?: unknown } | undefined) => task && (task.run = undefined),
    });
    Date.now = () => this.clock.now;
    this.queries = new core.QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity, networkMode: 'always' } } });
    this.#link = fenceLink(this.queries)({});
  }

  end(): void {
    this.binding?.close();
    this.queries.clear();
    Object.assign(globalThis, { setTimeout: this.#real.setTimeout, clearTimeout: this.#real.clearTimeout });
    Date.now = this.#real.now;
  }

  client(): SyncClient {
    const add = <T>(all: Set<T>, one: T): (() => void) => {
      all.add(one);
      return () => void all.delete(one);
    };
    const made = {
      sourceId: this.sourceId,
      since: this.since,
      subscribe: (listener: (event: ClientEvent) => void, { since }: { since?: string } = {}) => {
        const hear = (event: ClientEvent): void => listener(event);
        const end = add(this.#listeners, hear);
        const seq = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));
        const missed = since === undefined ? [] : this.#past.filter(({ cursor }) => seq(cursor) > seq(since));
        queueMicrotask(() => missed.forEach(({ event }) => this.#listeners.has(hear) && hear(event)));
        return end;
      },
      onStatus: (listener: (status: SyncStatus) => void) => add(this.#watchers, listener),
    };
    return Object.defineProperty(made, 'status', { get: () => this.status }) as unknown as SyncClient;
  }

  bind(options: Omit<BindOptions, 'environment'> = {}): QueryBinding {
    const environment: CacheEnvironment = {
      now: () => this.clock.now,
      elapsed: () => this.clock.now,
      random: () => this.chance,
      setTimeout: (run, ms) => this.clock.after(Math.ceil(ms), run),
      clearTimeout: (task) => task && ((task as { run?: unknown }).run = undefined),
      visible: () => this.visible,
      listen: (heard) => {
        this.#wake = () => heard('wake');
        return () => undefined;
      },
      report: (thrown) => void this.reports.push(thrown),
    };
    return (this.binding = bindQueryClient(this.queries, this.client(), { ...options, environment }));
  }

  /** Bound and live at this position, and nothing is stale. */
  async live(cursor = 'e.0'): Promise<void> {
    this.tell({ state: 'live', reason: 'open', cursor });
    if (!this.binding) this.bind();
    await this.pass(1_000);
    await this.answerAll({}, cursor);
    await this.pass(2_000);
  }

  tell(changed: Partial<SyncStatus>): void {
    this.status = { ...this.status, ...changed };
    for (const watcher of [...this.#watchers]) watcher(this.status);
  }

  see(): void {
    this.visible = true;
    this.#wake();
  }

  /** An action, of the next place in the log. */
  hear(queryPaths: unknown, more: object = {}): void {
    const [epoch, seq] = this.status.cursor!.split('.');
    const next = Number(seq) + 1;
    this.status = { ...this.status, cursor: `${epoch!}.${next}` };
    const event = { type: 'update', timestamp: this.clock.now, queryPaths, seq: next, ...more };
    this.#past.push({ cursor: this.status.cursor!, event: event as unknown as ClientEvent });
    for (const listener of [...this.#listeners]) listener(event as unknown as ClientEvent);
  }

  async pass(ms: number): Promise<void> {
    const until = this.clock.now + ms;
    for (let more = true; more; ) {
      for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
      more = this.clock.next(until);
    }
  }

  call(path: string, input?: unknown): Promise<unknown> {
    this.asked.push(path);
    return new Promise((resolve, reject) => {
      const source = {
        subscribe: (observer: { next: (value: unknown) => void; error: (thrown: unknown) => void }) => {
          const done = (): void => void this.calls.splice(this.calls.indexOf(call), 1);
          const call: Call = {
            path,
            input,
            answer: (data, position) => {
              done();
              const headers = new Map(position === undefined ? [] : [['x-pathcast-position', position]]);
              observer.next({ result: { data }, context: { response: { headers } } });
            },
            fail: (error = new Error('failed')) => {
              done();
              observer.error(error);
            },
          };
          this.calls.push(call);
        },
      };
      const through = this.#link({ op: { type: 'query', path, input, id: 1, context: {} }, next: () => source }) as typeof source;
      through.subscribe({ next: (value) => resolve((value as { result: { data: unknown } }).result.data), error: reject });
    });
  }

  /** Gives back what unmounts it. */
  mount(path: string, { input, queryKey = key(path, input), ...more }: { input?: unknown; queryKey?: Core.QueryKey } & Record<string, unknown> = {}): () => void {
    const observer = new this.core.QueryObserver(this.queries, { queryKey, queryFn: () => this.call(path, input), ...more });
    return observer.subscribe(() => undefined);
  }

  /** What waits is answered, until nothing waits. */
  async answerAll(data: unknown, position?: string): Promise<void> {
    for (await this.pass(0); this.calls.length > 0; await this.pass(0)) for (const call of [...this.calls]) call.answer(data, position);
  }

  state(path: string, input?: unknown) {
    return this.queries.getQueryState(key(path, input))!;
  }

  /** What was asked since the last look. */
  taken(): string[] {
    return this.asked.splice(0).sort();
  }
}
