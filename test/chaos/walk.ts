/** One client's log, step by step: order, doubles, gaps, crossings, verdicts and resyncs. */
import type { Reason } from '../../lib/protocol/events.js';
import type { Company } from './check-history.js';
import { isNowhere, named, type ClientLog, type Position, type Publish, type Step } from './history.js';

type Of<K extends Step['kind']> = Extract<Step, { kind: K }>;

export interface Covered {
  epoch: string;
  from: number;
  to: number;
  paths: readonly string[];
}

/** A stream, from its verdict to its end. */
export interface Stay {
  node: string;
  from: number;
  until: number;
}

export class Walk {
  /** Actions that came, and when for the first time. */
  readonly actions = new Map<string, number>();
  readonly covered: Covered[] = [];
  readonly resyncs: number[] = [];
  readonly told: { publish: Publish; at: number }[] = [];
  readonly stays: Stay[] = [];
  /** When its first verdict came; Infinity: never. */
  since = Infinity;

  /** Where it is; undefined: it has no position, or a resync is owed. */
  #here: Position | undefined;
  #hereAt = 0;
  /** Actions that came since the last resync. */
  #delivered = new Set<string>();
  #opened: Of<'open'> | undefined;
  /** What a `hello` has announced, until it comes. */
  #owed: { reason: Reason; times: number } | undefined;
  /** It had a position once. */
  #placed = false;

  constructor(
    readonly company: Company,
    readonly log: ClientLog,
    readonly ownerOf: (action: string) => string | undefined,
  ) {}

  run(): void {
    for (const step of this.log.steps) {
      switch (step.kind) {
        case 'open':
          this.#opened = step;
          this.#owed = undefined;
          break;
        case 'hello':
          this.#hello(step);
          break;
        case 'action':
          this.#action(step);
          break;
        case 'invalidate':
          this.#invalidate(step);
          break;
        case 'told':
          this.#told(step);
          break;
        case 'resync':
          this.#resync(step);
          break;
        case 'ping':
          this.#reach(step);
          break;
        case 'end':
          this.#leave(step.at);
          break;
      }
    }
    this.#leave(Infinity);
  }

  passes(module: string): boolean {
    return this.log.modules?.includes(module) ?? true;
  }

  #blame(kind: Parameters<Company['blame']>[0], at: number, text: string): void {
    this.company.blame(kind, at, text, this.log.client);
  }

  #hello(step: Of<'hello'>): void {
    const { figures } = this.company;
    const from = this.#opened?.from;
    this.stays.push({ node: this.#opened?.node ?? '', from: step.at, until: Infinity });
    if (this.since === Infinity) this.since = step.at;
    if (from && !isNowhere(from)) figures.returns++;
    if (step.recovered) {
      if (step.reason !== 'resumed') this.#blame('resume', step.at, `recovered, but ${step.reason}`);
      if (!from || isNowhere(from)) return this.#blame('resume', step.at, 'resumed without a position');
      figures.kept++;
      figures.resumed++;
      if (step.cursor.seq < from.seq) this.#blame('resume', step.at, `resumed at ${named(step.cursor)}, before its ${named(from)}`);
      if (step.id && step.id.seq !== from.seq) this.#blame('resume', step.at, `its position ${named(from)} became ${named(step.id)}`);
      // Where it is by what came counts, not what it says.
      if (!this.#here) this.#be(from, step.at);
      return;
    }
    if (step.reason === 'fresh') {
      if (from || this.#placed) this.#blame('resume', step.at, `it had ${from ? named(from) : 'a position'}, and is treated as a newcomer`);
      return this.#be(step.cursor, step.at);
    }
    const excused = this.#excused(step.reason, from, step.cursor, step.at);
    if (from && !isNowhere(from) && !excused) figures.kept++;
    // Nothing is owed twice: the first was judged.
    this.#owed = { reason: step.reason, times: step.reason === 'broker_lost' ? 2 : 1 };
  }

  /** Judges it, and says whether it is excused. */
  #excused(reason: Reason, was: Position | undefined, now: Position, at: number): boolean {
    const { node = '', at: openedAt = 0 } = this.#opened ?? {};
    const why = this.company.causes.blame({ reason, was, wasAt: this.#hereAt, now, at, node, openedAt });
    if (why !== undefined) this.#blame('resync', at, `${reason} at ${named(now)}${was ? `, it was at ${named(was)}` : ''}: ${why}`);
    return why === undefined;
  }

  #resync(step: Of<'resync'>): void {
    const { figures } = this.company;
    figures.resyncs[step.reason] = (figures.resyncs[step.reason] ?? 0) + 1;
    if (this.#owed && this.#owed.reason === step.reason && this.#owed.times > 0) this.#owed.times--;
    else this.#excused(step.reason, this.#here, step.id, step.at);
    this.resyncs.push(step.at);
    // From here on what follows its place comes, also what came before.
    this.#delivered = new Set();
    this.#be(step.id, step.at);
  }

  #action(step: Of<'action'>): void {
    this.company.figures.actions++;
    const publish = this.company.publishes.get(step.action);
    if (!publish || step.company !== this.log.company) {
      const owner = this.ownerOf(step.action);
      return this.#blame('crossing', step.at, `${step.action} is ${owner === undefined ? "nobody's" : `of ${owner}`}`);
    }
    if (!this.passes(publish.module)) this.#blame('crossing', step.at, `${step.action} is of ${publish.module}, which its filter leaves out`);
    if (step.seq !== step.id.seq) this.#blame('order', step.at, `${step.action} says ${step.seq}, its id ${named(step.id)}`);
    const { answer } = publish;
    if (answer && !answer.ok) this.#blame('refused', step.at, `${step.action} was refused (${answer.code})`);
    const again = this.#delivered.has(step.action);
    if (again) this.#blame('double', step.at, `${step.action} at ${named(step.id)} came before`);
    if (!again || step.seq > (this.#here?.seq ?? 0)) this.#advance(step.id, step.seq, step.at, step.action);
    this.#delivered.add(step.action);
    if (!this.actions.has(step.action)) this.actions.set(step.action, step.at);
  }

  #invalidate(step: Of<'invalidate'>): void {
    this.company.figures.invalidates++;
    if (step.to !== step.id.seq || step.from > step.to) this.#blame('order', step.at, `an invalidate ${step.from}..${step.to} with the id ${named(step.id)}`);
    this.#advance(step.id, step.from, step.at, `an invalidate from ${step.from}`);
    let matching = 0;
    let unknown = false;
    for (let seq = step.from; seq <= step.to; seq++) {
      const publish = this.#publishAt(step.id.epoch, seq);
      if (!publish) unknown = true;
      else if (this.passes(publish.module)) {
        matching++;
        const missing = publish.paths.find((path) => !step.paths.some((known) => meets(known, path)));
        if (missing !== undefined) this.#blame('gap', step.at, `an invalidate ${step.from}..${step.to} without ${missing} of ${publish.action}`);
      }
    }
    if (!unknown && matching !== step.count) this.#blame('gap', step.at, `an invalidate ${step.from}..${step.to} counts ${step.count}, not ${matching}`);
    this.#checkPaths(step.paths, step.at);
    this.covered.push({ epoch: step.id.epoch, from: step.from, to: step.to, paths: step.paths });
  }

  #told(step: Of<'told'>): void {
    this.company.figures.told++;
    // Several that wait are told of together.
    const publishes = [...this.company.publishes.values()].filter(({ paths }) => paths.every((path) => step.paths.includes(path)));
    const node = this.#opened?.node ?? '';
    if (!this.#checkPaths(step.paths, step.at)) return;
    if (publishes.length === 0) this.#blame('told', step.at, `nobody has published ${step.paths.join()}`);
    for (const publish of publishes) {
      if (publish.node !== node) this.#blame('told', step.at, `told by ${node} of ${publish.action}, which ${publish.node} has`);
      if (!this.passes(publish.module)) this.#blame('told', step.at, `told of ${publish.action}, which its filter leaves out`);
      this.told.push({ publish, at: step.at });
    }
    if (step.id && this.#here && step.id.seq !== this.#here.seq) this.#reach({ ...step, kind: 'ping' });
  }

  /** Paths that some action of the company has, or that stand above one. */
  #checkPaths(paths: readonly string[], at: number): boolean {
    const known = [...this.company.publishes.values()];
    const strange = paths.find((path) => !known.some((publish) => publish.paths.some((one) => meets(path, one))));
    if (strange !== undefined) this.#blame('crossing', at, `${strange} is no path of ${this.log.company}`);
    return strange === undefined;
  }

  /** A position without an action: what lies before it has come, or does not pass. */
  #reach(step: Of<'ping'>): void {
    if (!step.id || isNowhere(step.id) || !this.#here) return;
    if (step.id.seq < this.#here.seq) this.#blame('order', step.at, `back from ${named(this.#here)} to ${named(step.id)}`);
    else if (step.id.seq > this.#here.seq) this.#advance(step.id, step.id.seq + 1, step.at, `the position ${named(step.id)}`);
    else if (step.id.epoch !== this.#here.epoch) this.#be(step.id, this.#hereAt);
  }

  /** From here on to `id`, of which all from `first` on is told now. */
  #advance(id: Position, first: number, at: number, what: string): void {
    const here = this.#here;
    if (!here) {
      this.#blame('gap', at, `${what} came where a verdict was due`);
      return this.#be(id, at);
    }
    if (first <= here.seq) {
      this.#blame('order', at, `${what} (${named(id)}) after ${named(here)}`);
      return;
    }
    const missing: string[] = [];
    for (let seq = here.seq + 1; seq < first; seq++) {
      const publish = this.#publishAt(id.epoch, seq);
      if (publish ? this.passes(publish.module) : this.log.modules === undefined) missing.push(`${seq}${publish ? ` (${publish.action})` : ''}`);
    }
    if (missing.length > 0) this.#blame('gap', at, `${what} after ${named(here)}: ${missing.slice(0, 5).join()}${missing.length > 5 ? `, … ${missing.length}` : ''} never came`);
    this.#be(id, at);
  }

  #publishAt(epoch: string, seq: number): Publish | undefined {
    return this.company.publishes.get(this.company.places.actionAt(epoch, seq) ?? '');
  }

  #be(where: Position, at: number): void {
    this.#here = where;
    this.#hereAt = at;
    this.#placed = true;
  }

  #leave(at: number): void {
    const stay = this.stays.at(-1);
    if (stay?.until === Infinity) stay.until = at;
  }
}

/** `above` makes `path` stale. */
export function meets(above: string, path: string): boolean {
  return above === '*' || above === path || path.startsWith(`${above}.`);
}
