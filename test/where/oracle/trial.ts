/** One model, its pages and some rounds of mutations: what changed by SQL, what was left as it was, and what was read again. */
import type * as Core from '@tanstack/query-core';
import type { HubOptions } from '../../../lib/index.js';
import type { ClientEvent } from '../../../lib/client/index.js';
import { makeRandom, type Random } from '../../support/random.js';
import { waitFor, within } from '../../support/wait.js';
import { startNode, type Node } from './app.js';
import { makeModel, type Model, type Mutation, type Wrong } from './mutations.js';
import { Page, type Cached } from './page.js';
import { answer, makeInput, makeQueries, type Query } from './queries.js';
import { makeTables, Tables } from './schema.js';
import { KINDS, type Kind } from './values.js';

export interface TrialOptions {
  readonly core: typeof Core;
  /** One for each node. */
  readonly hubs: readonly HubOptions[];
  readonly sockets: boolean;
  readonly wrong?: Wrong;
  readonly rounds?: number;
}

export interface Tally {
  /** Fresh queries whose path an event named; how many of them were read again or marked; whose answer is another one by SQL. */
  named: number;
  touched: number;
  changed: number;
  mutations: number;
  /** Events that stand for several mutations, and those that say that history is gone. */
  conflated: number;
  resyncs: number;
  /** What should not be. */
  readonly wrongs: string[];
}

const ROWS = 10;
const QUERIES = 14;
const PAGES = 2;

export async function runTrial(seed: number, options: TrialOptions): Promise<Tally> {
  const trial = new Trial(seed, options);
  try {
    await trial.start();
    for (let nth = 0; nth < (options.rounds ?? 4); nth += 1) await trial.round();
    return trial.tally;
  } finally {
    await trial.close();
  }
}

class Trial {
  readonly tally: Tally = { named: 0, touched: 0, changed: 0, mutations: 0, conflated: 0, resyncs: 0, wrongs: [] };
  readonly #random: Random;
  /** What runs beside it, in an order that is nobody's, has its own. */
  readonly #beside: Random;
  readonly #database: Tables;
  readonly #model: Model;
  readonly #queries: ReadonlyMap<string, Query>;
  readonly #nodes: Node[] = [];
  readonly #pages: Page[] = [];
  /** The last answers of all that some page has, and which are others since the round began. */
  readonly #answers = new Map<string, { cached: Cached; answer: string }>();
  readonly #changed = new Set<string>();
  #told: string[] = [];
  /** Mutations of this round. */
  #kinds: readonly Mutation[] = [];

  constructor(
    readonly seed: number,
    readonly options: TrialOptions,
  ) {
    this.#random = makeRandom(seed);
    this.#beside = makeRandom(seed + 1);
    const tables = makeTables(this.#random, options.wrong === 'lossy' ? [KINDS.whole, KINDS.slug] : Object.values<Kind>(KINDS));
    this.#database = new Tables(tables);
    const queries = makeQueries(tables, this.#random);
    this.#queries = new Map(queries.map((query) => [query.path, query]));
    this.#model = makeModel(tables, queries, this.#database, this.#random, options.wrong);
    for (const table of tables) {
      for (let nth = 0; nth < ROWS; nth += 1) {
        try {
          this.#database.insert(table, {}, this.#random);
        } catch {
          // A parent is missing.
        }
      }
    }
  }

  async start(): Promise<void> {
    const company = `c${this.seed}`;
    const { hubs, sockets, core } = this.options;
    // Of some the log is short: who was away for long hears that its history is gone.
    const log = this.seed % 4 === 0 && !this.options.wrong ? { maxActions: 2 } : {};
    for (const hub of hubs) this.#nodes.push(await startNode(this.#model, this.#database, this.#beside, { hub: { ...hub, log: { ...hub.log, ...log } }, sockets, company }));
    for (let nth = 0; nth < PAGES; nth += 1) this.#pages.push(new Page(core, this.#nodes[nth % this.#nodes.length]!, company, `user${nth}`));
    await Promise.all(this.#pages.map((page) => waitFor(() => page.sync.status.state === 'live', 'a stream')));
    for (const page of this.#pages) {
      const reads: Promise<void>[] = [];
      for (let nth = 0; nth < QUERIES; nth += 1) {
        const query = this.#random.pick(this.#model.queries);
        reads.push(page.read(query.path, makeInput(query, this.#database, this.#random), this.#random.chance(0.5)));
      }
      await Promise.all(reads);
      for (const cached of page.cached.values()) this.#answers.set(cached.hash, { cached, answer: this.#truth(cached) });
    }
    this.#database.written = () => this.#look();
    await this.#settle();
  }

  #truth({ path, input }: Cached): string {
    return answer(this.#queries.get(path)!, input, this.#database);
  }

  /** After each change of a table: the oracle. */
  #look(): void {
    for (const [hash, known] of this.#answers) {
      const now = this.#truth(known.cached);
      if (now === known.answer) continue;
      known.answer = now;
      this.#changed.add(hash);
    }
  }

  async round(): Promise<void> {
    const { chance, below } = this.#random;
    await Promise.all(this.#pages.map((page) => page.refresh()));
    await this.#settle();
    this.#changed.clear();
    this.#told = [];
    let apart = false;
    const fresh = this.#pages.map((page) => {
      page.heard = [];
      page.touched = new Set();
      const stalls = chance(0.25);
      const leaves = !stalls && chance(0.25);
      if (stalls) page.network.stall();
      if (leaves) page.network.leave();
      apart ||= stalls || leaves;
      return new Set([...page.cached.values()].filter((cached) => !page.state(cached).isInvalidated).map(({ hash }) => hash));
    });
    // What comes as one event tells most where it is of few kinds of mutations: each path is said of several times, in one way and in another.
    const one = apart && !this.options.wrong && chance(0.7);
    this.#kinds = one ? this.#few() : this.#model.mutations;
    const count = one ? 3 + below(3) : chance(0.6) ? 1 : 1 + below(8);
    for (let nth = 0; nth < count; ) {
      // Some at once.
      const together = Array.from({ length: chance(0.7) ? 1 : 1 + below(3) }, () => this.#draw());
      nth += together.length;
      await within(Promise.all(together.map((run) => run())), 'the mutations');
    }
    await this.#settle();
    this.#pages.forEach((page, nth) => this.#judge(page, fresh[nth]!));
  }

  /** Two or three that share a path. */
  #few(): readonly Mutation[] {
    const { pick, below } = this.#random;
    const first = pick(this.#model.mutations);
    const others = this.#model.mutations.filter((one) => one !== first && one.stale.some((path) => first.stale.includes(path)));
    return [first, ...(others.length === 0 ? [] : Array.from({ length: 1 + below(2) }, () => pick(others)))];
  }

  #call(): { path: string; given: object } {
    const mutation = this.#random.pick(this.#kinds);
    return { path: mutation.path, given: mutation.make(this.#random) };
  }

  #draw(): () => Promise<void> {
    const page = this.#random.pick(this.#pages);
    const calls = Array.from({ length: this.#random.chance(0.15) ? 2 : 1 }, () => this.#call());
    this.tally.mutations += calls.length;
    const [first] = calls as [{ path: string; given: object }];
    this.#told.push(calls.map(({ path, given }) => `${path} ${text(given)}`).join(' and '));
    return async () => {
      const asked = calls.length > 1 ? page.trpc.mutation('both', calls) : page.trpc.mutation(first.path, first.given);
      // Some are refused by the database.
      await asked.catch(() => undefined);
    };
  }

  /** Everything that was announced has been heard, and what is looked at has been read. */
  async #settle(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.settled()));
    const company = `c${this.seed}`;
    const heads = this.#nodes.map(({ hub }) => hub.position(company));
    const seqOf = (position: string | undefined): number => Number(position?.split('.')[1] ?? 0);
    const head = Math.max(...heads.map(seqOf));
    for (const page of this.#pages) {
      page.network.back();
      await waitFor(() => page.sync.status.state === 'live' && seqOf(page.sync.status.cursor) >= head, `a page to have heard ${head}, it is at ${page.sync.status.cursor ?? ''} ${page.sync.status.state}`);
      await waitFor(() => page.binding.status.state === 'current', 'nothing to be stale');
    }
  }

  #judge(page: Page, fresh: ReadonlySet<string>): void {
    const { tally } = this;
    tally.conflated += page.heard.filter(({ type }) => type === 'invalidate').length;
    tally.resyncs += page.heard.filter(({ type }) => type === 'resync').length;
    for (const cached of page.cached.values()) {
      const { hash, active, path, input } = cached;
      const state = page.state(cached);
      const isChanged = this.#changed.has(hash);
      const isTouched = page.touched.has(hash);
      const shows = `user ${page.user} has ${path} ${text(input)}`;
      const story = (): string => `${shows}\n  after ${this.#told.join('\n    ')}\n  heard ${page.heard.map((event) => text(event)).join('\n    ')}`;
      if (fresh.has(hash) && isChanged && !isTouched) tally.wrongs.push(`spared: ${story()}`);
      else if (active ? state.data !== this.#answers.get(hash)!.answer : !state.isInvalidated && state.data !== this.#answers.get(hash)!.answer) tally.wrongs.push(`stale: ${story()}`);
      if (!fresh.has(hash) || !page.heard.some((event) => names(event, path))) continue;
      tally.named += 1;
      if (isTouched) tally.touched += 1;
      if (isChanged) tally.changed += 1;
    }
  }

  async close(): Promise<void> {
    this.#database.written = () => undefined;
    for (const page of this.#pages) page.close();
    for (const node of this.#nodes) await within(node.close(), 'a node to close');
    this.#database.close();
  }
}

const text = (value: unknown): string => JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one)) ?? 'undefined';

/** As a client reads it that knows of no `where`. */
const names = ({ queryPaths }: ClientEvent, path: string): boolean => queryPaths.some((name) => name === '*' || name === path || path.startsWith(`${name}.`));
