/**
 * Browsers without ids: each stores the timestamp of the last event it read, of whatever kind, and comes back with it as
 * `lastSyncTimestamp`. Random schedules cut them at any message and within one, while actions, imports and ephemeral events come,
 * readers stall and pings pass. The oracle asks for G2 alone: each action that matches came, lay in an `invalidate` that
 * names its paths, or was published before a `resync` came (an app writes first, publishes then, and a client that resyncs reads again).
 */
import type { ByteSink, EncodedEphemeral, Engine, EngineFilter, EngineOptions, SinkHandle, StreamSpec } from '../../lib/internal/engine.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import { action, encode } from './actions.js';
import { DEFAULTS, SPEC_DEFAULTS } from './engine-options.js';
import { makeRandom, type Random } from './random.js';
import { parseSse, timestampOf } from './sse.js';
import { waitFor } from './wait.js';

const MODULES = ['guests', 'budget', 'hotels'];
const STEPS = 30;
/** Schedules that share an engine, so that passes and turns are shared too. */
const TOGETHER = 125;
const IMPORT = 8;
/** One engine after another has these: what a few hundred schedules meet is not left to chance. */
const BOUNDS: Pick<EngineOptions, 'logActions' | 'connectionCapBytes' | 'maxInvalidateBytes'>[] = [
  { logActions: 1_000, connectionCapBytes: 4_096, maxInvalidateBytes: 8_192 },
  { logActions: 20, connectionCapBytes: 65_536, maxInvalidateBytes: 8_192 },
  { logActions: 200, connectionCapBytes: 1_500, maxInvalidateBytes: 400 },
  { logActions: 1_000, connectionCapBytes: 1_500, maxInvalidateBytes: 1_024 },
];

/** A stream's bytes as they come, and how many actions had been published when each part of them came. */
export interface Pipe {
  stall(): void;
  resume(): void;
  close(): void;
}
export type OpenPipe = (engine: Engine, spec: StreamSpec, take: (chunk: Uint8Array) => void) => Promise<Pipe>;

/** Through `openSink`. */
export const sinkPipe: OpenPipe = async (engine, spec, take) => {
  let stalled = false;
  let full = false;
  const sink: ByteSink = {
    write(chunk) {
      take(chunk);
      full = stalled;
      return !full;
    },
    close: () => undefined,
  };
  const handle: SinkHandle = engine.openSink(spec, sink);
  return {
    stall: () => {
      stalled = true;
    },
    resume: () => {
      stalled = false;
      if (full) handle.ready();
      full = false;
    },
    close: () => handle.abort(),
  };
};

export interface Report {
  schedules: number;
  cuts: number;
  /** Cuts of which all is kept that the browser had not read, and all of its timestamp's millisecond and later, … */
  kept: number;
  /** … those of them that were resumed, … */
  resumed: number;
  /** … and those whose catch-up was longer than one message may be (the bounds are small here on purpose): neither. */
  tooLong: number;
  seen: Record<'actions' | 'invalidates' | 'resyncs' | 'ephemerals' | 'pings' | 'farewells' | 'stalls' | 'midMessage', number>;
}

export interface Setting {
  createEngine: (options: EngineOptions) => Engine;
  open: OpenPipe;
  /** Unix ms: the clock of whoever stamps actions. */
  now: () => number;
}

/** Throws, naming the seed of the schedule, at the first gap. */
export async function runSchedules(setting: Setting, count: number, seed: number): Promise<Report> {
  const seen = { actions: 0, invalidates: 0, resyncs: 0, ephemerals: 0, pings: 0, farewells: 0, stalls: 0, midMessage: 0 };
  const report: Report = { schedules: 0, cuts: 0, kept: 0, resumed: 0, tooLong: 0, seen };
  for (let done = 0; done < count; done += TOGETHER) {
    const random = makeRandom(seed + done);
    const options: EngineOptions = {
      ...DEFAULTS,
      heartbeatMs: 120,
      compactAfter: IMPORT - 1,
      ...BOUNDS[(done / TOGETHER) % BOUNDS.length],
    };
    const engine = setting.createEngine(options);
    try {
      const schedules = Array.from({ length: Math.min(TOGETHER, count - done) }, (_, i) => new Schedule(setting, engine, options, random, `s${i}`, report));
      for (let step = 0; step < STEPS; step++) {
        for (const schedule of schedules) await schedule.step();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const ends = await Promise.allSettled(schedules.map((schedule) => schedule.settle()));
      for (const end of ends) if (end.status === 'rejected') throw end.reason as Error;
      report.schedules += schedules.length;
    } catch (error) {
      throw new Error(`Failed with PATHCAST_SEED=${seed + done}: ${String(error)}`, { cause: error });
    } finally {
      await engine.close();
    }
  }
  return report;
}

/** One company's life. */
class Schedule {
  /** The action with seq n is at n - 1. */
  readonly log: SyncAction[] = [];
  /** By when the action had arrived at the hub, for sure; Infinity while that is not known. */
  readonly arrivedBy: number[] = [];
  private readonly browsers: Browser[];

  constructor(
    readonly setting: Setting,
    readonly engine: Engine,
    readonly options: EngineOptions,
    readonly random: Random,
    readonly companyId: string,
    readonly report: Report,
  ) {
    // More than a pass serves in one turn, now and then.
    const count = random.chance(0.01) ? 150 : 3;
    this.browsers = Array.from({ length: count }, (_, i) => new Browser(this, i));
  }

  async step(): Promise<void> {
    const { random } = this;
    const browser = random.pick(this.browsers);
    const dice = random.next();
    if (dice < 0.5) this.publish(1 + random.below(3));
    else if (dice < 0.55) this.publish(IMPORT + random.below(8));
    else if (dice < 0.63) this.engine.ephemeral(this.typing());
    else if (dice < 0.78) await browser.reconnect();
    else if (dice < 0.86) browser.stall();
    else if (dice < 0.94) browser.resume();
    else if (dice < 0.96) await this.revoke(browser);
    else await new Promise((resolve) => setImmediate(resolve));
    // An import and one more in the same turn, a reader that drains in front of it, …
    if (random.chance(0.2)) this.publish(1);
    for (const each of this.browsers) if (!each.connected) await each.reconnect();
  }

  /** Of two, one has its farewell before anything else happens; the other is in a race with what comes next. */
  private async revoke({ userId }: Browser): Promise<void> {
    const ended = this.engine.disconnect({ companyId: this.companyId, userId }, 'revoked');
    if (this.random.chance(0.5)) await ended;
  }

  /** All come back; nothing more is published. */
  async settle(): Promise<void> {
    for (const browser of this.browsers) {
      browser.resume();
      await browser.reconnect();
    }
    const end = this.setting.now();
    for (const browser of this.browsers) await waitFor(() => browser.isPingedSince(end), `a ping to ${browser.userId} of ${this.companyId}`);
    for (const browser of this.browsers) {
      browser.leave(Infinity);
      browser.checkAll();
    }
  }

  private publish(count: number): void {
    const actions = Array.from({ length: count }, () => this.some());
    const from = this.log.length;
    this.log.push(...actions);
    for (let at = from; at < this.log.length; at++) this.arrivedBy[at] = Infinity;
    void this.engine.publish(actions.map((one) => encode(one))).then(() => {
      const now = this.setting.now();
      actions.forEach((one, i) => (this.arrivedBy[from + i] = Math.max(one.timestamp, now)));
    });
  }

  private some(): SyncAction {
    const { random, companyId, setting } = this;
    const module = random.pick(MODULES);
    const queryPaths = Array.from({ length: 1 + random.below(2) }, () => `${module}.p${random.below(12)}`);
    if (random.chance(0.3)) queryPaths.push(`rare${random.below(100)}.${'long'.repeat(random.below(10))}`);
    // An app's own stamps may lie behind, and a little ahead.
    const shift = random.chance(0.1) ? random.below(40) - 20 : 0;
    const data = 'x'.repeat(random.chance(0.2) ? random.below(1_500) : random.below(60));
    return action({ companyId, module, userId: random.pick(['u1', 'u2']), timestamp: setting.now() + shift, queryPaths: [...new Set(queryPaths)], data });
  }

  private typing(): EncodedEphemeral {
    const json = JSON.stringify({ type: 'ephemeral', timestamp: this.setting.now(), queryPaths: [], topic: 'typing', data: null });
    return { companyId: this.companyId, json };
  }
}

class Browser {
  readonly userId: string;
  private readonly spec: StreamSpec;
  private pipe: Pipe | null = null;
  private connection = 0;
  private chunks: { bytes: Buffer; published: number }[] = [];
  /** What it would come back with. */
  private since: number | undefined;
  /** Its page was loaded after this seq. */
  private loadedAt: number | undefined;
  private readonly covered = new Set<number>();
  /** Published when what it read last came. */
  private readAt = 0;
  private expectation: { kept: boolean } | undefined;

  constructor(
    private readonly schedule: Schedule,
    index: number,
  ) {
    const { random, companyId } = schedule;
    this.userId = `b${index}`;
    const dialect = random.pick(['plain', 'trpc'] as const);
    const filter = randomFilter(random);
    const transformed = dialect === 'trpc' && random.chance(0.3);
    this.spec = { ...SPEC_DEFAULTS, companyId, userId: this.userId, ids: false, dialect, transformed, ...(filter ? { filter } : {}) };
  }

  get connected(): boolean {
    return this.pipe !== null;
  }

  stall(): void {
    this.schedule.report.seen.stalls++;
    this.pipe?.stall();
  }

  resume(): void {
    this.pipe?.resume();
  }

  async reconnect(): Promise<void> {
    const { schedule } = this;
    if (this.pipe) this.cut();
    const { options, log, engine, setting, report } = schedule;
    const mine = ++this.connection;
    if (this.since !== undefined) {
      const oldest = log.length - options.logActions + 1;
      const firstMissing = this.missing(log.length)[0] ?? Infinity;
      const since = this.since;
      const gone = schedule.arrivedBy.slice(0, Math.max(0, oldest - 1));
      this.expectation = { kept: oldest <= Math.min(this.readAt + 1, firstMissing) && gone.every((by) => by < since) };
      report.cuts++;
    }
    const position = this.since === undefined ? {} : { lastSyncTimestamp: this.since };
    this.pipe = await setting.open(engine, { ...this.spec, ...position }, (chunk) => {
      if (mine === this.connection) this.chunks.push({ bytes: Buffer.from(chunk), published: log.length });
    });
  }

  /** Anywhere: of what came, the last part was still under way. */
  private cut(): void {
    const { random } = this.schedule;
    const bytes = this.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    const lost = random.pick([0, random.below(300), random.below(3_000), random.below(bytes + 1)]);
    this.leave(Math.max(0, bytes - lost));
  }

  /** Reads the first `length` bytes of what came, and goes. */
  leave(length: number): void {
    this.pipe?.close();
    this.pipe = null;
    this.connection++;
    const all = Buffer.concat(this.chunks.map(({ bytes }) => bytes));
    const text = all.subarray(0, Math.min(length, all.length));
    let end = 0;
    for (let next = text.indexOf('\n\n'); next >= 0; next = text.indexOf('\n\n', end)) {
      const whole = text.subarray(end, next + 2);
      end = next + 2;
      this.read(whole, this.publishedWhen(end));
    }
    if (end < text.length) this.schedule.report.seen.midMessage++;
    this.chunks = [];
    this.expectation = undefined;
  }

  isPingedSince(end: number): boolean {
    const last = this.chunks.at(-1)?.bytes.toString() ?? '';
    const match = /event: ping\ndata: {"type":"ping","timestamp":(\d+)/.exec(last);
    return match !== null && Number(match[1]) >= end;
  }

  /** No gap. */
  checkAll(): void {
    const { log, companyId } = this.schedule;
    const missing = this.missing(log.length);
    if (missing.length === 0) return;
    throw new Error(`A silent gap: ${this.userId} of ${companyId} never heard of ${missing.slice(0, 5).join()} (of ${log.length}); ${JSON.stringify(this.spec)}`);
  }

  private missing(upTo: number): number[] {
    const missing: number[] = [];
    for (let seq = (this.loadedAt ?? upTo) + 1; seq <= upTo; seq++) {
      if (!this.covered.has(seq) && this.passes(seq)) missing.push(seq);
    }
    return missing;
  }

  private publishedWhen(byte: number): number {
    let at = 0;
    for (const { bytes, published } of this.chunks) {
      at += bytes.length;
      if (at >= byte) return published;
    }
    throw new Error('a byte that never came');
  }

  private read(raw: Uint8Array, published: number): void {
    const message = parseSse(raw)[0]!;
    const { report, log } = this.schedule;
    if (message.id !== undefined) throw new Error('an id on a stream without ids');
    if (message.event === 'connected') return;
    this.since = timestampOf(message);
    this.readAt = published;
    const parsed = JSON.parse(message.data) as { json?: object };
    const event = (parsed.json ?? parsed) as { type: string } & Record<string, unknown>;
    switch (event.type) {
      case 'hello': {
        const head = seqOf(event.cursor as string);
        if (event.reason === 'fresh') this.loadedAt ??= head;
        if (this.expectation?.kept) {
          if (event.reason === 'overflow') report.tooLong++;
          else report.kept++;
          if (event.reason === 'resumed') report.resumed++;
        }
        // Before its catch-up has come it is where it was.
        this.readAt = Math.min(published, event.reason === 'fresh' ? published : (this.missing(head)[0] ?? Infinity) - 1);
        return;
      }
      case 'ping':
        report.seen.pings++;
        return;
      case 'server_close':
        report.seen.farewells++;
        return;
      case 'ephemeral':
        report.seen.ephemerals++;
        return;
      case 'resync':
        report.seen.resyncs++;
        for (let seq = 1; seq <= published; seq++) this.covered.add(seq);
        return;
      case 'invalidate':
        report.seen.invalidates++;
        this.take(event as unknown as { from: number; to: number; count: number; queryPaths: string[] });
        return;
      default: {
        report.seen.actions++;
        const seq = event.seq as number;
        if (log[seq - 1]?.id !== event.id) throw new Error(`action ${String(event.id)} at ${seq}`);
        this.covered.add(seq);
      }
    }
  }

  private take({ from, to, count, queryPaths }: { from: number; to: number; count: number; queryPaths: string[] }): void {
    let inside = 0;
    for (let seq = from; seq <= to; seq++) {
      if (!this.passes(seq)) continue;
      inside++;
      for (const path of this.schedule.log[seq - 1]!.queryPaths) {
        if (!queryPaths.some((known) => meets(known, path))) throw new Error(`invalidate ${from}..${to} without ${path}`);
      }
      this.covered.add(seq);
    }
    if (inside !== count) throw new Error(`invalidate ${from}..${to} says ${count}, not ${inside}`);
  }

  private passes(seq: number): boolean {
    const one = this.schedule.log[seq - 1]!;
    const { filter } = this.spec;
    if (filter?.modules && !filter.modules.includes(one.module)) return false;
    if (filter?.excludeUserId !== undefined && one.userId === filter.excludeUserId) return false;
    return !filter?.queryPaths || one.queryPaths.some((path) => filter.queryPaths!.some((asked) => meets(asked, path) || meets(path, asked)));
  }
}

function meets(above: string, path: string): boolean {
  return above === '*' || above === path || path.startsWith(`${above}.`);
}

function seqOf(cursor: string): number {
  return Number(cursor.split('.')[1]);
}

function randomFilter(random: Random): EngineFilter | undefined {
  const filter: EngineFilter = {};
  if (random.chance(0.3)) filter.modules = MODULES.filter(() => random.chance(0.6));
  if (random.chance(0.2)) filter.excludeUserId = 'u1';
  if (random.chance(0.2)) filter.queryPaths = [random.pick(MODULES), `${random.pick(MODULES)}.p1`];
  return Object.keys(filter).length > 0 ? filter : undefined;
}
