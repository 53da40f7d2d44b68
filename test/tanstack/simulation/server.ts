/**
 * A server as a page sees it: tables that mutations change, a log that says so (later, and not always one by one), and answers that take
 * their time, fail, come from a replica that is behind, or from a node that knows an older life of the log.
 */
import type { Row } from '../../../lib/protocol/row.js';
import type { Where } from '../../../lib/protocol/where.js';
import type { Clock } from '../../client/simulation/clock.js';
import type { Random } from '../../support/random.js';

export const PATHS = ['guests.getAll', 'guests.getById', 'guests.list', 'budget.total', 'budget.byGuest'] as const;
export type Path = (typeof PATHS)[number];
export type Versions = Record<Path, number>;

/** What a mutation may say is stale, and what that is. */
export const STALE: Readonly<Record<string, readonly Path[]>> = {
  'guests.getAll': ['guests.getAll'],
  'guests.getById': ['guests.getById'],
  'budget.total': ['budget.total'],
  guests: ['guests.getAll', 'guests.getById', 'guests.list'],
  budget: ['budget.total', 'budget.byGuest'],
  '*': PATHS,
};

/** The row that the page's `guests.getById` shows. */
export const ROW = 1;

export interface LogEntry {
  readonly seq: number;
  readonly paths: readonly string[];
  /** All that it and those before it in the log tell of. */
  readonly versions: Versions;
  readonly commit: number;
  readonly sourceId: string | undefined;
  readonly where: Where | undefined;
  /** Of a mutation that says what the guest is now. */
  readonly shown: { readonly row: Row; readonly data: object } | undefined;
}

export interface Answer {
  readonly v: number;
  readonly position: string | undefined;
}

export class SimulatedServer {
  epoch = 'e1';
  log: LogEntry[] = [];
  /** Commits that wait for their place. */
  #waiting: Pick<LogEntry, 'commit' | 'paths' | 'sourceId' | 'where' | 'shown'>[] = [];
  /** After each commit. */
  readonly commits: Versions[] = [Object.fromEntries(PATHS.map((path) => [path, 0])) as Versions];
  /** What the log has told of, its former lives and what was lost with them too. */
  #told: Versions = this.commits[0]!;
  /** The newest commit that the replica has. */
  replica = 0;
  hasHeader = true;
  hasReplica = false;
  failing = 0;
  /** Until then some nodes know the former name of the log. */
  #former: { epoch: string; until: number } | undefined;
  #epochs = 1;
  #lives = 0;
  /** What was committed when this life of the log began, and where the replica was when the former ended. */
  #born = 0;
  #died = '';
  appended: () => void = () => undefined;
  unplaced: (paths: readonly string[], versions: Versions) => void = () => undefined;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  get head(): number {
    return this.log.at(-1)?.seq ?? 0;
  }

  get truth(): Versions {
    return this.commits.at(-1)!;
  }

  /** `row`: of `guests.getById` only the one with this id is another. */
  mutate(paths: readonly string[], sourceId?: string, row?: number): void {
    const where = row === undefined ? undefined : { 'guests.getById': { id: row } };
    const next = { ...this.truth };
    for (const path of paths) {
      // A mutation seldom changes all that it says.
      for (const table of STALE[path]!) if (this.random.chance(0.8) && (row ?? ROW) === ROW) next[table] += 1;
    }
    this.commits.push(next);
    const commit = this.commits.length - 1;
    const shown = (row ?? ROW) === ROW && paths.some((path) => STALE[path]!.includes('guests.getById')) && this.random.chance(0.5) ? this.#rowOf(next) : undefined;
    this.#waiting.push({ commit, paths, sourceId, where, shown });
    if (this.random.chance(0.1)) this.unplaced(paths, next);
    const life = this.#lives;
    const alone = this.random.chance(0.3);
    this.clock.after(this.random.chance(0.5) ? 0 : this.random.below(400), () => life === this.#lives && this.#append(commit, alone));
    if (this.hasReplica) this.clock.after(this.random.below(1_500), () => this.catchUp(commit));
  }

  catchUp(commit: number): void {
    this.replica = Math.max(this.replica, commit);
  }

  /** What the mutation read after its commit, and what was in the log, at least, before it began. */
  #rowOf({ 'guests.getById': v }: Versions): LogEntry['shown'] {
    const { chance, below } = this.random;
    const at = chance(0.8) ? `${this.epoch}.${Math.max(0, this.head - (chance(0.3) ? below(3) : 0))}` : undefined;
    // Seldom it is another thing than what the query answers.
    const data = chance(0.8) ? { v } : { v, more: 1 };
    return { row: { query: 'guests.getById', input: { id: ROW }, whole: true as const, began: this.clock.now, ...(at !== undefined && { at }) }, data };
  }

  /** In the order of their commits, or `alone`: who commits first is not always the first to say so. */
  #append(upTo: number, alone: boolean): void {
    const placed = this.#waiting.filter(({ commit }) => (alone ? commit === upTo : commit <= upTo));
    this.#waiting = this.#waiting.filter((one) => !placed.includes(one));
    for (const one of placed) {
      const [before, after] = [this.commits[one.commit - 1]!, this.commits[one.commit]!];
      this.#told = { ...this.#told };
      for (const path of PATHS) if (after[path] > before[path]) this.#told[path] = Math.max(this.#told[path], after[path]);
      this.log.push({ ...one, seq: this.head + 1, versions: this.#told });
    }
    this.appended();
  }

  /** What the replica has reached. Of this life of the log it knows nothing before it has what was committed in the former. */
  #reached(): string {
    if (this.replica < this.#born) return this.#died;
    const lacking = this.log.find(({ commit }) => commit > this.replica);
    return `${this.epoch}.${lacking ? lacking.seq - 1 : this.head}`;
  }

  /** The log is another one; what was not in it yet never will be. */
  restart(): void {
    if (this.replica >= this.#born) this.#died = this.#reached();
    this.#born = this.commits.length - 1;
    this.#told = this.truth;
    this.epoch = `e${(this.#epochs += 1)}`;
    this.log = [];
    this.#waiting = [];
    this.#lives += 1;
    this.#former = undefined;
  }

  /** The same log under another name: streams are told nothing. */
  rename(): void {
    this.#former = { epoch: this.epoch, until: this.clock.now + 2_000 };
    this.epoch = `e${(this.#epochs += 1)}`;
  }

  /** Calls back with an answer, or with undefined where it failed. */
  ask(path: Path, done: (answer: Answer | undefined) => void): void {
    const { clock, random } = this;
    const way = (): number => (random.chance(0.05) ? random.below(3_000) : random.below(60));
    const life = this.#lives;
    clock.after(way(), () => {
      // The position stands before the first resolver runs.
      const behind = this.hasReplica && random.chance(0.5);
      const former = this.#former && clock.now < this.#former.until && random.chance(0.5) ? this.#former.epoch : undefined;
      const position = !this.hasHeader ? undefined : behind ? this.#reached() : `${former ?? this.epoch}.${this.head}`;
      clock.after(random.below(40), () => {
        const { [path]: v } = this.commits[behind ? this.replica : this.commits.length - 1]!;
        clock.after(way(), () => {
          done(life !== this.#lives || random.chance(this.failing) ? undefined : { v, position });
        });
      });
    });
  }
}
