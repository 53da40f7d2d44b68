/**
 * G1, G2, G3 as one property. Random publishes, imports, filters, cuts, stalls, resumes and restarts of the hub;
 * the oracle walks what each browser got, connection after connection: each action that matches its filter came
 * exactly once and in order, or lay inside exactly one `invalidate`, or before a `resync`.
 */
import type { Engine, EngineFilter, EngineOptions, StreamSpec } from '../../lib/internal/engine.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import type { EngineClient } from '../support/engine-client.js';
import { action, encode } from '../support/actions.js';
import { runSeed, withSeed, type Random } from '../support/random.js';
import { waitFor } from '../support/wait.js';
import { conformance, framings, type Bench } from './targets.js';

const COMPANIES = ['acme', '__proto__', 'a:b'];
const MODULES = ['guests', 'budget', 'hotels'];
const RUNS = 6;
const STEPS = 120;
const BROWSERS = 6;

function passes(filter: EngineFilter | undefined, one: SyncAction): boolean {
  if (!filter) return true;
  if (filter.modules && !filter.modules.includes(one.module)) return false;
  if (filter.entities && one.entityId !== '*' && !filter.entities.includes(one.entityId)) return false;
  if (filter.clientIds && one.clientId !== undefined && !filter.clientIds.includes(one.clientId)) return false;
  if (filter.excludeUserId !== undefined && one.userId === filter.excludeUserId) return false;
  return filter.excludeSourceId === undefined || one.sourceId !== filter.excludeSourceId;
}

function covers(paths: readonly string[], path: string): boolean {
  return paths.some((known) => known === '*' || known === path || path.startsWith(`${known}.`));
}

/** One life of the hub, and the truth about it. */
class World {
  engine: Engine;
  /** By company; the action with seq n is at n - 1. */
  private logs = new Map<string, SyncAction[]>();

  constructor(
    private readonly bench: Bench,
    private readonly options: Partial<EngineOptions>,
  ) {
    this.engine = bench.engine(options);
  }

  log(companyId: string): SyncAction[] {
    let log = this.logs.get(companyId);
    if (!log) this.logs.set(companyId, (log = []));
    return log;
  }

  publish(actions: SyncAction[]): Promise<unknown> {
    for (const one of actions) this.log(one.companyId).push(one);
    return this.engine.publish(actions.map((one) => encode(one)));
  }

  /** The browsers have seen the end of the old life. */
  restart(): void {
    this.logs = new Map();
    this.engine = this.bench.engine(this.options);
  }
}

/** A browser tab over all its connections, and how far it got. */
class Browser {
  client: EngineClient | null = null;
  stalled = false;
  private checked = 0;
  /** Everything up to this seq was accounted for; null: nothing is known yet. */
  private at: number | null = null;
  private lastEventId: string | undefined;
  private resyncDue = false;
  readonly seen = { actions: 0, invalidates: 0, resyncs: 0, resumes: 0 };

  constructor(
    private readonly bench: Bench,
    private readonly world: World,
    readonly spec: Partial<StreamSpec> & { companyId: string },
  ) {}

  async connect(): Promise<void> {
    this.client = await this.bench.connect(this.world.engine, { ...this.spec, lastEventId: this.lastEventId ?? '' });
    this.checked = 0;
  }

  cut(): void {
    this.client?.cut();
    this.leave();
  }

  /** After a cut, or an end from the hub's side. */
  leave(): void {
    if (!this.client) return;
    this.check();
    this.client = null;
    this.stalled = false;
    this.resyncDue = false;
  }

  stall(): void {
    this.client?.stall();
    this.stalled = true;
  }

  resume(): void {
    this.client?.resume();
    this.stalled = false;
  }

  get isCaughtUp(): boolean {
    this.check();
    return this.at === this.world.log(this.spec.companyId).length;
  }

  get position(): string {
    return `at ${this.at} of ${this.world.log(this.spec.companyId).length}, ${this.client?.fullTrace.slice(-6).join(' ')}`;
  }

  /** Walks over what came since the last look. */
  check(): void {
    if (!this.client) return;
    const { faults, everything, fullTrace } = this.client;
    if (faults.length > 0) throw new Error(faults[0]);
    for (; this.checked < everything.length; this.checked++) {
      const message = everything[this.checked]!;
      if (message.id !== undefined) this.lastEventId = message.id;
      if (message.event === 'connected') continue;
      try {
        if (message.event === undefined) this.take(JSON.parse(message.data) as Record<string, unknown>, message.id!);
        else if (message.id !== undefined) this.skipTo(message.id);
      } catch (error) {
        throw new Error(`${String(error)} at message ${this.checked} of ${fullTrace.join(' ')}; the filter: ${JSON.stringify(this.spec.filter)}`);
      }
    }
  }

  private take(event: Record<string, unknown>, id: string): void {
    if (event.type === 'hello') this.takeHello(event, id);
    else if (this.resyncDue !== (event.type === 'resync') && this.resyncDue) throw new Error(`${String(event.type)} before the resync`);
    else if (event.type === 'resync') this.takeResync(event, id);
    else if (event.type === 'invalidate') this.takeInvalidate(event, id);
    else this.takeAction(event, id);
  }

  private takeHello(event: Record<string, unknown>, id: string): void {
    if (this.checked > 1) throw new Error('a second hello');
    if (event.reason === 'fresh') {
      if (this.at !== null) throw new Error('fresh, though it gave a cursor');
      this.at = seqOf(id);
    } else if (event.recovered === true) {
      this.seen.resumes++;
      if (id !== `${String(event.epoch)}.${this.at}`) throw new Error(`resumed at ${id}, not at ${this.at}`);
    } else {
      if (id !== '0.0') throw new Error(`not recovered, but its id is ${id}`);
      this.resyncDue = true;
    }
  }

  private takeResync(event: Record<string, unknown>, id: string): void {
    if (!this.resyncDue && event.reason !== 'overflow') throw new Error(`a resync for ${String(event.reason)} in the middle`);
    this.resyncDue = false;
    this.seen.resyncs++;
    this.at = seqOf(id);
  }

  private takeAction(event: Record<string, unknown>, id: string): void {
    const next = this.matching().next().value;
    if (next === undefined || event.seq !== next.seq || event.id !== next.one.id) {
      throw new Error(`action ${String(event.seq)} where ${next?.seq} was due`);
    }
    if (seqOf(id) !== next.seq) throw new Error(`the id ${id} on action ${next.seq}`);
    this.seen.actions++;
    this.at = next.seq;
  }

  private takeInvalidate(event: Record<string, unknown>, id: string): void {
    const { from, to, count, queryPaths } = event as { from: number; to: number; count: number; queryPaths: string[] };
    const inside = [...this.matching()].filter(({ seq }) => seq <= to);
    if (inside[0]?.seq !== from || inside.at(-1)?.seq !== to || inside.length !== count || seqOf(id) !== to) {
      throw new Error(`invalidate ${from}..${to} (${count}), id ${id}, where ${inside[0]?.seq}..${inside.at(-1)?.seq} (${inside.length}) was due`);
    }
    for (const { one } of inside) {
      for (const path of one.queryPaths) if (!covers(queryPaths, path)) throw new Error(`invalidate ${from}..${to} without ${path}`);
    }
    this.seen.invalidates++;
    this.at = to;
  }

  /** The position of a ping or of the end: it passes over what does not match, and over nothing else. */
  private skipTo(id: string): void {
    if (this.resyncDue) {
      if (id !== '0.0') throw new Error(`the position ${id} before the resync`);
      return;
    }
    const seq = seqOf(id);
    if (seq < this.at!) throw new Error(`a position that goes back to ${seq}`);
    const next = this.matching().next().value;
    if (next && next.seq <= seq) throw new Error(`the position ${seq}, but ${next.seq} never came`);
    this.at = seq;
  }

  private *matching(): Generator<{ seq: number; one: SyncAction }, undefined> {
    const log = this.world.log(this.spec.companyId);
    for (let seq = this.at! + 1; seq <= log.length; seq++) {
      const one = log[seq - 1]!;
      if (passes(this.spec.filter, one)) yield { seq, one };
    }
    return undefined;
  }
}

function seqOf(id: string): number {
  return Number(id.split('.')[1]);
}

function randomFilter(random: Random): EngineFilter | undefined {
  if (random.chance(0.4)) return undefined;
  const filter: EngineFilter = {};
  if (random.chance(0.5)) filter.modules = MODULES.filter(() => random.chance(0.6));
  if (random.chance(0.3)) filter.entities = ['e1'];
  if (random.chance(0.3)) filter.clientIds = ['c1'];
  if (random.chance(0.3)) filter.excludeUserId = 'u1';
  if (random.chance(0.3)) filter.excludeSourceId = 's1';
  return filter;
}

function randomAction(random: Random): SyncAction {
  const module = random.pick(MODULES);
  return action({
    companyId: random.pick(COMPANIES),
    module,
    entityId: random.pick(['e1', 'e2', '*']),
    userId: random.pick(['u1', 'u2']),
    ...(random.chance(0.5) ? { clientId: random.pick(['c1', 'c2']) } : {}),
    ...(random.chance(0.5) ? { sourceId: random.pick(['s1', 's2']) } : {}),
    queryPaths: [`${module}.p${random.below(40)}`, ...(random.chance(0.05) ? [`rare${random.below(200)}.x`] : [])],
    data: 'x'.repeat(random.chance(0.05) ? random.below(60_000) : random.below(400)),
  });
}

async function step(random: Random, world: World, browsers: Browser[]): Promise<void> {
  const browser = random.pick(browsers);
  const dice = random.next();
  if (dice < 0.45) {
    const publishing = world.publish(Array.from({ length: 1 + random.below(8) }, () => randomAction(random)));
    if (random.chance(0.5)) await publishing;
  } else if (dice < 0.48) {
    await world.publish(Array.from({ length: 150 }, () => ({ ...randomAction(random), companyId: 'acme' })));
  } else if (dice < 0.6) {
    browser.cut();
    if (random.chance(0.7)) await browser.connect();
  } else if (dice < 0.7) {
    browser.stall();
  } else if (dice < 0.8) {
    browser.resume();
  } else if (dice < 0.83) {
    if (browser.client) {
      await world.engine.disconnect({ connectionId: browser.client.connectionId }, 'revoked');
      browser.resume();
      await browser.client.untilEnd();
      browser.leave();
    }
  } else if (dice < 0.84) {
    await world.engine.close();
    for (const each of browsers) {
      if (each.client) {
        each.resume();
        await each.client.untilEnd();
      }
      each.leave();
    }
    world.restart();
  } else {
    if (!browser.client) await browser.connect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const each of browsers) each.check();
}

conformance('Exactly once', framings, (bench) => {
  test(`G1, G2, G3: ${RUNS} random lives of a hub and its browsers`, async () => {
    const seen = { actions: 0, invalidates: 0, resyncs: 0, resumes: 0 };
    for (let run = 0; run < RUNS; run++) {
      await withSeed(run === 0 ? runSeed() : Math.floor(Math.random() * 2 ** 32), async (random) => {
        const world = new World(bench(), {
          heartbeatMs: 25,
          logActions: random.pick([30, 1_000]),
          connectionCapBytes: random.pick([4_096, 65_536]),
          compactAfter: random.pick([5, 100]),
          maxInvalidateBytes: random.pick([1_024, 8_192]),
        });
        const browsers = Array.from(
          { length: BROWSERS },
          (_, i) =>
            new Browser(bench(), world, {
              companyId: COMPANIES[i % COMPANIES.length]!,
              userId: `u${i}`,
              dialect: random.pick(['plain', 'trpc']),
              ...withFilter(randomFilter(random)),
            }),
        );
        for (const browser of browsers) await browser.connect();
        for (let i = 0; i < STEPS; i++) await step(random, world, browsers);
        for (const browser of browsers) {
          browser.resume();
          if (!browser.client) await browser.connect();
        }
        for (const browser of browsers) {
          try {
            await waitFor(() => browser.isCaughtUp, 'a ping at the head');
          } catch (error) {
            throw new Error(`${String(error)}: ${browser.position}`, { cause: error });
          }
          for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += browser.seen[key];
          browser.cut();
        }
      });
    }
    // The walk went everywhere.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  }, 120_000);
});

function withFilter(filter: EngineFilter | undefined): { filter?: EngineFilter } {
  return filter ? { filter } : {};
}
