/**
 * A history as a system without a fault of its own would leave it, at random: three nodes, a few companies, clients with and without
 * filters that come and go, a Redis that is away, flushed, trimmed, or another one. For the checker's own tests.
 */
import { makeRandom, type Random } from '../support/random.js';
import type { ClientLog, Fault, History, Position, Publish, Settings, Step } from './history.js';

const SETTINGS: Settings = { logActions: 40, publishWaitMs: 250, openWaitMs: 5_000, slackMs: 500, reconnectMs: 1_000 };
const NODES = ['n0', 'n1', 'n2'];
const MODULES = ['guests', 'budget'];
const COMPANIES = 3;
const CLIENTS = 4;
const STEPS = 400;

interface Model {
  name: string;
  epoch: string;
  /** Of this epoch and those that it goes on with; index: seq - 1. */
  log: Publish[];
  oldest: number;
  /** Former epochs and up to where they count. */
  former: Map<string, number>;
  clients: Client[];
  /** What waits at a node. */
  waiting: Publish[];
}

/** Mutable while it is made. */
export type Made = Omit<History, 'clients'> & { clients: (Omit<ClientLog, 'steps'> & { steps: Step[] })[]; publishes: Publish[]; faults: Fault[] };

class Client {
  readonly steps: Step[] = [];
  node: string | undefined;
  id: Position | undefined;

  constructor(
    readonly company: Model,
    readonly name: string,
    readonly modules: readonly string[] | undefined,
  ) {}

  passes(publish: Publish): boolean {
    return this.modules?.includes(publish.module) ?? true;
  }
}

export function perfectRun(seed: number): Made {
  const random = makeRandom(seed);
  return new Run(random).make();
}

class Run {
  #now = 1_000;
  #made = 0;
  #epochs = 0;
  #away = false;
  readonly publishes: Publish[] = [];
  readonly faults: Fault[] = [];
  readonly companies: Model[];

  constructor(readonly random: Random) {
    this.companies = Array.from({ length: COMPANIES }, (_, i) => {
      const model: Model = { name: `c${i}`, epoch: this.#epoch(), log: [], oldest: 1, former: new Map(), clients: [], waiting: [] };
      for (let n = 0; n < CLIENTS; n++) model.clients.push(new Client(model, `c${i}-${n}`, n === CLIENTS - 1 ? ['guests'] : undefined));
      return model;
    });
  }

  make(): Made {
    const { random } = this;
    for (const client of this.companies.flatMap(({ clients }) => clients)) this.#open(client);
    for (let step = 0; step < STEPS; step++) {
      this.#now += 1 + random.below(50);
      const company = random.pick(this.companies);
      const client = random.pick(company.clients);
      const dice = random.next();
      if (dice < 0.5) this.#publish(company);
      else if (dice < 0.65) this.#leave(client);
      else if (dice < 0.9) this.#open(client);
      else if (dice < 0.93) this.#toggleAway();
      else if (dice < 0.95) this.#flush(company);
      else if (dice < 0.97) this.#trim(company);
      else if (!this.#away) this.#rename();
    }
    if (this.#away) this.#toggleAway();
    for (const company of this.companies) {
      for (const client of company.clients) this.#open(client);
      for (const module of MODULES) this.#publish(company, module);
    }
    const clients = this.companies.flatMap((company) =>
      company.clients.map(({ name, modules, steps }) => ({ client: name, company: company.name, steps, ...(modules ? { modules } : {}) })),
    );
    return { clients, publishes: this.publishes, faults: this.faults, settings: SETTINGS };
  }

  #epoch(): string {
    this.#epochs += 1;
    return `e${this.#epochs}`;
  }

  #head(company: Model): Position {
    return { epoch: company.epoch, seq: company.log.length };
  }

  #publish(company: Model, module = this.random.pick(MODULES)): void {
    const action = `a${(this.#made += 1)}`;
    const publish: Publish = { action, company: company.name, module, paths: [`${module}.${action}`], node: this.random.pick(NODES), at: this.#now };
    this.publishes.push(publish);
    if (this.#away) {
      publish.answer = { at: this.#now + 250, ok: true, queued: true };
      company.waiting.push(publish);
      for (const client of company.clients) {
        if (client.node !== publish.node || !client.passes(publish)) continue;
        client.steps.push({ kind: 'told', at: this.#now + 1, id: client.id, paths: publish.paths });
      }
      return;
    }
    this.#append(company, publish);
    publish.answer = { at: this.#now + 2, ok: true, place: this.#head(company) };
  }

  #append(company: Model, publish: Publish): void {
    company.log.push(publish);
    for (const client of company.clients) if (client.node !== undefined) this.#send(client, [publish], company.log.length);
    this.#keep(company, company.log.length - SETTINGS.logActions + 1);
  }

  #keep(company: Model, oldest: number): void {
    company.oldest = Math.max(company.oldest, oldest);
  }

  /** Actions that end at `upTo`. */
  #send(client: Client, actions: readonly Publish[], upTo: number): void {
    const { epoch } = client.company;
    const first = upTo - actions.length + 1;
    const matching = actions.map((publish, i) => ({ publish, seq: first + i })).filter(({ publish }) => client.passes(publish));
    if (matching.length > 5) {
      const to = matching.at(-1)!.seq;
      client.id = { epoch, seq: to };
      const paths = matching.flatMap(({ publish }) => publish.paths);
      client.steps.push({ kind: 'invalidate', at: this.#now + 1, id: client.id, from: matching[0]!.seq, to, count: matching.length, paths });
      return;
    }
    for (const { publish, seq } of matching) {
      client.id = { epoch, seq };
      client.steps.push({ kind: 'action', at: this.#now + 1, id: client.id, action: publish.action, seq, company: publish.company });
    }
  }

  #leave(client: Client): void {
    if (client.node === undefined) return;
    if (this.random.chance(0.5)) {
      client.id = this.#head(client.company);
      client.steps.push({ kind: 'ping', at: this.#now, id: client.id });
    }
    client.steps.push({ kind: 'end', at: this.#now });
    client.node = undefined;
  }

  #open(client: Client): void {
    this.#leave(client);
    const { company, id: from, steps } = client;
    client.node = this.random.pick(NODES);
    steps.push({ kind: 'open', at: this.#now, node: client.node, from });
    const cursor = this.#head(company);
    const hello = (recovered: boolean, reason: 'fresh' | 'resumed' | 'epoch_changed' | 'trimmed', id: Position | undefined): void => {
      steps.push({ kind: 'hello', at: this.#now + 1, recovered, reason, cursor, id });
    };
    if (from === undefined) {
      client.id = cursor;
      return hello(false, 'fresh', cursor);
    }
    const upTo = from.epoch === company.epoch ? Infinity : (company.former.get(from.epoch) ?? -1);
    if (from.seq > upTo) return this.#resync(client, 'epoch_changed', hello);
    if (from.seq + 1 < company.oldest && from.seq < cursor.seq) return this.#resync(client, 'trimmed', hello);
    hello(true, 'resumed', from);
    this.#send(client, company.log.slice(from.seq), cursor.seq);
  }

  #resync(client: Client, reason: 'epoch_changed' | 'trimmed', hello?: (recovered: boolean, reason: 'epoch_changed' | 'trimmed', id: Position) => void): void {
    hello?.(false, reason, { epoch: '0', seq: 0 });
    client.id = this.#head(client.company);
    client.steps.push({ kind: 'resync', at: this.#now + 2, id: client.id, reason });
  }

  /** Redis is away, or back with all it had: under the same name, or as another one, with new epochs that go on. */
  #toggleAway(): void {
    this.#away = !this.#away;
    if (this.#away) {
      this.faults.push({ what: 'away', at: this.#now, until: this.#now, excuses: ['outage'] });
      return;
    }
    (this.faults.at(-1) as { until: number }).until = this.#now;
    for (const company of this.companies) for (const publish of company.waiting.splice(0)) this.#append(company, publish);
  }

  #flush(company: Model): void {
    if (this.#away) return;
    this.faults.push({ what: 'its keys are gone', at: this.#now, until: this.#now, excuses: ['loss'], companies: [company.name] });
    Object.assign(company, { epoch: this.#epoch(), log: [], oldest: 1, former: new Map() });
    for (const client of company.clients) if (client.node !== undefined) this.#resync(client, 'epoch_changed');
  }

  #trim(company: Model): void {
    this.faults.push({ what: 'its log is gone', at: this.#now, until: this.#now, excuses: ['trimmed'], companies: [company.name] });
    this.#keep(company, company.log.length + 1);
  }

  #rename(): void {
    this.faults.push({ what: 'another Redis', at: this.#now, until: this.#now, excuses: ['another-redis'] });
    for (const company of this.companies) {
      const head = this.#head(company);
      for (const [epoch, upTo] of company.former) company.former.set(epoch, Math.min(upTo, head.seq));
      company.former.set(company.epoch, head.seq);
      company.epoch = this.#epoch();
    }
  }
}
