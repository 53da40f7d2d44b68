/** One page with a real QueryClient, its binding, a server and a stream, under a fake clock; `run` wanders, lets all settle, and looks. */
import type * as Core from '@tanstack/query-core';
import { bindQueryClient, fenceLink, type CacheEnvironment, type QueryBinding, type QueryLike } from '../../../lib/tanstack/index.js';
import { Clock } from '../../client/simulation/clock.js';
import { makeRandom, type Random } from '../../support/random.js';
import { PATHS, ROW, SimulatedServer, STALE, type Path } from './server.js';
import { SimulatedStream, SOURCE } from './stream.js';
import { keepTime, turn } from './time.js';

interface Page {
  readonly v: number;
  readonly next: number | undefined;
}
interface Data {
  readonly v?: number;
  readonly pages?: readonly Page[];
}

const STEPS = 25;
const PAGES = 3;

type Observer = Core.QueryObserver<Data> | Core.InfiniteQueryObserver<Page>;

export class World {
  readonly log: string[] = [];
  readonly #clock = new Clock();
  readonly #random: Random;
  readonly #server: SimulatedServer;
  readonly #stream: SimulatedStream;
  readonly #queries: Core.QueryClient;
  readonly #mounted: { observer: Observer; end: () => void; path: Path }[] = [];
  #binding: QueryBinding | undefined;
  /** The next page is refused: an answer, and no failure. */
  #refuses = false;
  #visible = true;
  #wake: () => void = () => undefined;
  readonly #link: (path: Path, input: unknown) => Promise<number>;

  constructor(
    readonly core: typeof Core,
    readonly seed: number,
  ) {
    this.#random = makeRandom(seed);
    const { chance, pick } = this.#random;
    this.#server = new SimulatedServer(this.#clock, this.#random);
    this.#server.hasHeader = chance(0.8);
    const fenced = chance(0.9);
    // What lags without a word cannot be told from what does not.
    this.#server.hasReplica = this.#server.hasHeader && fenced && chance(0.4);
    this.#stream = new SimulatedStream(this.#server, (text) => this.#note(text));
    this.#queries = new core.QueryClient({
      defaultOptions: { queries: { retry: pick([0, 1]), retryDelay: 50, staleTime: pick([0, 1_000, Infinity]), gcTime: pick([Infinity, 500]), networkMode: 'always' } },
    });
    this.#link = this.#caller(fenced);
  }

  async run(): Promise<void> {
    const ended = keepTime(this.#clock);
    try {
      this.#queries.mount();
      if (this.#random.chance(0.5)) this.#mount();
      await this.#pass(this.#random.below(50));
      // A cache may be bound long after its stream is there; a page may come from a server.
      const late = this.#random.chance(0.3) ? this.#random.below(STEPS) : 0;
      if (late === 0 && this.#random.chance(0.3)) this.#render();
      for (let nth = 0; nth < STEPS; nth += 1) {
        if (nth === late) this.#bind();
        this.#step();
        await this.#pass(this.#random.chance(0.2) ? this.#random.below(2_000) : this.#random.below(80));
        this.#look(false);
      }
      await this.#settle();
      this.#look(true);
    } finally {
      this.#binding?.close();
      for (const { end } of this.#mounted) end();
      this.#queries.clear();
      this.#queries.unmount();
      ended();
    }
  }

  #bind(): void {
    this.#note('bind');
    this.#binding ??= bindQueryClient(this.#queries, this.#stream.client(), { environment: this.#environment() });
  }

  /** As where a component unmounts, and another one mounts at once or later. */
  #unbind(): void {
    if (!this.#binding) return;
    this.#note('unbind');
    this.#binding.close();
    this.#binding = undefined;
    if (this.#random.chance(0.5)) this.#bind();
    else this.#clock.after(this.#random.below(3_000), () => this.#bind());
  }

  /** What a server that rendered the page has read; something changes before the page's stream is there. */
  #render(): void {
    const server = this.#server;
    for (let nth = this.#random.below(3); nth > 0; nth -= 1) this.#mutate();
    this.#stream.begins(`${server.epoch}.${server.head}`);
    for (const path of ['guests.getAll', 'budget.total'] as const) if (this.#random.chance(0.5)) this.#hydrate(path, { v: server.truth[path] });
    for (let nth = this.#random.below(3); nth > 0; nth -= 1) this.#mutate();
  }

  /** Data, or what a server has begun to read. */
  #hydrate(path: Path, data?: Data): void {
    const queryKey = this.#key(path);
    const { now } = this.#clock;
    const promise = data ? undefined : this.#begun(path);
    this.#note(`hydrate ${path} ${JSON.stringify(data) ?? ''}`);
    const state = {
      data,
      dataUpdateCount: data ? 1 : 0,
      dataUpdatedAt: data ? now : 0,
      error: null,
      errorUpdateCount: 0,
      errorUpdatedAt: 0,
      fetchFailureCount: 0,
      fetchFailureReason: null,
      fetchMeta: null,
      isInvalidated: false,
      status: data ? 'success' : 'pending',
      fetchStatus: data ? 'idle' : 'fetching',
    };
    const query = { queryKey, queryHash: this.core.hashKey(queryKey), state, dehydratedAt: now, ...(promise && { promise }) };
    this.core.hydrate(this.#queries, { mutations: [], queries: [query] } as never);
  }

  /** It asks until it has an answer: 5.62 lets a promise that is rejected go unhandled. */
  #begun(path: Path): Promise<Data> {
    return new Promise((resolve) => {
      const ask = (): void =>
        this.#server.ask(path, (answer) => {
          this.#note(`a server's answer ${path} ${JSON.stringify(answer)}`);
          if (answer) resolve({ v: answer.v });
          else this.#clock.after(100, ask);
        });
      ask();
    });
  }

  #note(text: string): void {
    this.log.push(`${String(this.#clock.now % 10_000_000).padStart(7)} ${text}`);
  }

  #environment(): CacheEnvironment {
    return {
      now: () => this.#clock.now,
      elapsed: () => this.#clock.now,
      random: this.#random.next,
      // Whole ms, as a browser's: sums of others are in no order.
      setTimeout: (run, ms) => this.#clock.after(Math.ceil(ms), run),
      clearTimeout: (task) => task && ((task as { run?: unknown }).run = undefined),
      visible: () => this.#visible,
      listen: (heard) => {
        this.#wake = () => heard('wake');
        return () => undefined;
      },
      report: (thrown) => {
        throw thrown;
      },
    };
  }

  /** Time goes on, a task at a time, with all that it leads to. */
  async #pass(ms: number): Promise<void> {
    const until = this.#clock.now + ms;
    for (let more = true; more; ) {
      await turn();
      more = this.#clock.next(until);
    }
  }

  // --- the page ---

  /** A call as by tRPC's client: through the link, or past it. */
  #caller(through: boolean): (path: Path, input: unknown) => Promise<number> {
    const run = fenceLink(this.#queries)({});
    return (path, input) =>
      new Promise((resolve, reject) => {
        const source = {
          subscribe: (observer: { next: (value: unknown) => void; error: (thrown: unknown) => void; complete: () => void }) => {
            if (this.#refuses) {
              const no = Object.assign(new Error('no'), { data: { httpStatus: 400 } });
              return void this.#clock.after(this.#random.below(60), () => observer.error(no));
            }
            this.#server.ask(path, (answer) => {
              this.#note(`answer ${path} ${JSON.stringify(answer)}`);
              if (!answer) return observer.error(new Error('failed'));
              const headers = new Map(answer.position === undefined ? [] : [['x-pathcast-position', answer.position]]);
              observer.next({ result: { data: answer.v }, context: { response: { headers } } });
              observer.complete();
            });
          },
        };
        const op = { type: 'query', path, input, id: 1, context: {}, signal: null };
        const asked = through ? run({ op: op as never, next: () => source as never }) : source;
        (asked as typeof source).subscribe({
          next: (value) => resolve((value as { result: { data: number } }).result.data),
          error: reject,
          complete: () => undefined,
        });
      });
  }

  #key(path: Path): readonly unknown[] {
    const words = path.split('.');
    if (path === 'guests.list') return [words, { input: { size: 10 }, type: 'infinite' }];
    if (path === 'guests.getById') return [['hotel'], words, { input: { id: ROW }, type: 'query' }];
    return [words, { type: 'query' }];
  }

  #mount(): void {
    const { core } = this;
    const path = this.#random.pick(PATHS);
    const queryKey = this.#key(path);
    const input = path === 'guests.getById' ? { id: ROW } : undefined;
    const refetchOnMount = this.#random.chance(0.7);
    const observer: Observer =
      path === 'guests.list'
        ? new core.InfiniteQueryObserver<Page>(this.#queries, {
            queryKey,
            queryFn: async ({ pageParam, direction }: { pageParam: unknown; direction: unknown }): Promise<Page> => {
              const cursor = pageParam as number;
              const v = await this.#link(path, { size: 10, direction, ...(cursor > 0 && { cursor }) });
              return { v, next: cursor + 1 < PAGES ? cursor + 1 : undefined };
            },
            initialPageParam: 0,
            getNextPageParam: (last: Page) => last.next,
            refetchOnMount,
          })
        : new core.QueryObserver<Data>(this.#queries, { queryKey, queryFn: async () => ({ v: await this.#link(path, input) }), refetchOnMount });
    const end = (observer as Core.QueryObserver<Data>).subscribe(() => undefined);
    this.#mounted.push({ observer, end, path });
    this.#note(`mount ${path}`);
  }

  #unmount(): void {
    const at = this.#random.below(this.#mounted.length);
    const [gone] = this.#mounted.splice(at, 1);
    this.#note(`unmount ${gone?.path ?? ''}`);
    gone?.end();
  }

  #patch(path: Path): void {
    this.#queries.setQueryData(this.#key(path), (data: Data | undefined) => data && { ...data });
  }

  /** Optimistic as the library's documentation writes it. Its answer may never come. */
  #optimistic(): void {
    const random = this.#random;
    const path = random.pick(['guests.getAll', 'guests.getById', 'budget.total'] as const);
    const stale = random.pick(Object.keys(STALE).filter((name) => name === '*' || path.startsWith(name)));
    const [silent, invalidates] = [random.chance(0.1), random.chance(0.6)];
    this.#note(`optimistic ${path} ${stale}${silent ? ', never answered' : ''}`);
    const mutation = new this.core.MutationObserver(this.#queries, {
      mutationKey: [[path.split('.')[0], 'edit']],
      networkMode: 'always',
      mutationFn: () =>
        new Promise<void>((resolve, reject) => {
          this.#clock.after(random.below(500), () => {
            if (random.chance(0.8)) this.#server.mutate([stale], SOURCE);
            if (silent) return;
            this.#clock.after(random.below(500), () => (random.chance(0.8) ? resolve() : reject(new Error('failed'))));
          });
        }),
      onMutate: async () => {
        await this.#queries.cancelQueries({ queryKey: this.#key(path) });
        this.#patch(path);
      },
      ...(invalidates && { onSettled: () => this.#queries.invalidateQueries({ queryKey: this.#key(path) }) }),
    });
    mutation.mutate().catch(() => undefined);
  }

  #step(): void {
    const { pick, chance, below } = this.#random;
    const path = pick(PATHS);
    const queryKey = this.#key(path);
    const steps: [weight: number, run: () => unknown][] = [
      [20, () => this.#mutate()],
      [10, () => this.#mount()],
      [5, () => this.#unmount()],
      [8, () => this.#stream.connect()],
      [4, () => this.#stream.disconnect()],
      [1, () => this.#restart()],
      [1, () => this.#server.rename()],
      [6, () => void (this.#server.failing = pick([0, 0, 0.3, 1]))],
      [4, () => void this.#queries.refetchQueries({ queryKey }, { cancelRefetch: chance(0.5) })],
      [4, () => void this.#queries.invalidateQueries({ queryKey }, { cancelRefetch: chance(0.5) })],
      [3, () => void this.#queries.cancelQueries({ queryKey })],
      [3, () => this.#patch(path)],
      [6, () => this.#optimistic()],
      [5, () => this.#more()],
      [3, () => this.#unbind()],
      [2, () => path !== 'guests.list' && this.#hydrate(path)],
      [2, () => this.#see(!this.#visible)],
      [3, () => this.#toggle()],
    ];
    let at = below(steps.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, run] of steps) {
      if ((at -= weight) >= 0) continue;
      run();
      return;
    }
  }

  #mutate(): void {
    if (this.#random.chance(0.2)) {
      const row = this.#random.pick([ROW, ROW + 1]);
      this.#note(`mutate the guest ${row}`);
      return this.#server.mutate(['guests.getById'], undefined, row);
    }
    const paths = [this.#random.pick(Object.keys(STALE))];
    if (this.#random.chance(0.3)) paths.push(this.#random.pick(Object.keys(STALE)));
    this.#note(`mutate ${paths.join()}`);
    this.#server.mutate(paths);
  }

  #more(): void {
    const list = this.#mounted.find(({ path }) => path === 'guests.list');
    this.#note('next page');
    this.#refuses = this.#random.chance(0.3);
    if (list) void (list.observer as Core.InfiniteQueryObserver<Page>).fetchNextPage({ cancelRefetch: this.#random.chance(0.5) }).catch(() => undefined);
    this.#refuses = false;
  }

  #toggle(): void {
    if (this.#mounted.length === 0) return;
    const { observer, path } = this.#random.pick(this.#mounted);
    const enabled = !(observer.options.enabled ?? true);
    this.#note(`${path} ${enabled ? 'enabled' : 'disabled'}`);
    (observer as Core.QueryObserver<Data>).setOptions({ ...observer.options, enabled } as never);
  }

  #see(visible: boolean): void {
    this.#visible = visible;
    if (visible) this.#wake();
  }

  #restart(): void {
    this.#note('restart');
    this.#stream.disconnect();
    this.#server.restart();
  }

  // --- what is promised ---

  async #settle(): Promise<void> {
    this.#note('settle');
    this.#server.failing = 0;
    this.#bind();
    this.#stream.connect();
    await this.#pass(5_000);
    this.#server.catchUp(this.#server.commits.length - 1);
    await this.#pass(120_000);
  }

  /** No active query shows what is older than what was heard of, where the binding says so; in the end, none at all. */
  #look(settled: boolean): void {
    if (!this.#binding) return;
    const { status } = this.#binding;
    if (settled && status.state !== 'current') this.#fail(`the status is ${JSON.stringify(status)}`);
    if (status.state !== 'current') return;
    const least = settled ? this.#server.truth : this.#stream.heard;
    for (const query of this.#queries.getQueryCache().getAll()) {
      const data = query.state.data as Data | undefined;
      if (!query.isActive() || !data) continue;
      const path = this.#pathOf(query);
      const shown = Math.min(...(data.pages ? data.pages.map(({ v }) => v) : [data.v ?? Infinity]));
      if (shown < least[path]) this.#fail(`${path} shows ${shown}, and ${least[path]} is ${settled ? 'true' : 'heard of'}`);
    }
  }

  #pathOf({ queryKey }: QueryLike): Path {
    return PATHS.find((path) => JSON.stringify(this.#key(path)) === JSON.stringify(queryKey))!;
  }

  #fail(why: string): never {
    throw new Error(`PATHCAST_SEED=${this.seed}: ${why}`);
  }
}
