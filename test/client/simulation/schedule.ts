/**
 * One random schedule: tabs come, go, freeze and sleep, the network and the server fail in every way, and all the while things are
 * published. It throws where a promise of SPEC §15 is broken, and is the same for the same seed.
 */
import { createSyncClient, type SyncClient, type SyncStatus } from '../../../lib/client/index.js';
import { makeRandom, type Random } from '../../support/random.js';
import { Browser, type Tab } from './browser.js';
import { Clock } from './clock.js';
import { ModelServer } from './server.js';

/** ms that two streams, none, and a status that is not true may last. */
const BOUND_MS = 10_000;
/** ms in which everything has settled after the last fault. */
const SETTLE_MS = 25_000;
const LOOK_MS = 250;

class Watched {
  readonly client: SyncClient;
  readonly seen = new Map<string, number>();
  readonly resyncs: number[] = [];
  /** Index of the first action that it has to hear. */
  start: number | undefined;
  closed = false;
  live: boolean;
  since: number;

  constructor(
    readonly world: World,
    readonly tab: Tab,
    environment: Parameters<typeof createSyncClient>[0]['environment'],
    readonly asked: string | undefined,
  ) {
    const { clock } = world;
    this.client = createSyncClient({ url: '/sync', companyId: 'acme', userId: 'ann', environment, since: asked });
    this.live = false;
    this.since = clock.now;
    if (asked !== undefined) this.start = world.indexOf(asked);
    this.client.onStatus((status) => this.#changed(status));
    this.client.subscribe((event) => {
      world.say(`${tab.name} hears ${'id' in event ? event.id : event.type}`);
      if (event.type === 'resync') this.resyncs.push(clock.now);
      else if ('id' in event) this.seen.set(event.id, (this.seen.get(event.id) ?? 0) + 1);
    });
  }

  #changed({ state, reason, leader, cursor }: SyncStatus): void {
    this.world.say(`${this.tab.name} is ${state} (${reason})${leader ? ', leads' : ''} at ${cursor}`);
    const live = state === 'live';
    if (live !== this.live) this.since = this.world.clock.now;
    this.live = live;
    if (live && cursor !== undefined) this.start ??= this.world.indexOf(cursor);
  }
}

export class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly server: ModelServer;
  readonly browser: Browser;
  readonly watched: Watched[] = [];
  readonly log: string[] = [];
  readonly #verbose: boolean;
  readonly #lives = new Map<string, number>([['e1', 0]]);
  #lost = false;
  #lossy = false;
  #lastFault: number;
  #lastServing: number;
  #oneSince: number;
  #upSince: number;

  constructor(seed: number, verbose = false) {
    this.random = makeRandom(seed);
    this.#verbose = verbose;
    const { clock, random } = this;
    this.server = new ModelServer(clock, random.chance(0.5));
    const locks = random.chance(0.7);
    this.browser = new Browser({ clock, server: this.server, random: () => random.next(), locks, noticesMs: random.chance(0.2) ? 3_000 : 5 });
    this.#lastFault = this.#lastServing = this.#oneSince = this.#upSince = clock.now;
  }

  say(text: string): void {
    if (this.#verbose) this.log.push(`${((this.clock.now - 1_764_000_000_000) / 1_000).toFixed(3)} ${text}`);
  }

  indexOf(cursor: string): number {
    const [epoch = '', seq = ''] = cursor.split('.');
    return (this.#lives.get(epoch) ?? 0) + Number(seq);
  }

  async run(): Promise<void> {
    const { random, clock } = this;
    this.#publish();
    this.#look();
    for (let tabs = 1 + random.below(3); tabs > 0; tabs -= 1) this.#open();
    let pause = 0;
    for (let faults = 1 + random.below(7); faults > 0; faults -= 1) {
      await this.#until(clock.now + pause);
      this.#fault();
      // Often before the one before is mended; sometimes long enough for every bound to be looked at.
      pause = random.chance(0.6) ? random.below(3_000) : random.below(16_000);
    }
    await this.#until(clock.now + pause);
    this.#mend();
    await this.#until(clock.now + SETTLE_MS);
    this.#settled();
  }

  async #until(time: number): Promise<void> {
    const { clock, browser } = this;
    while (clock.next(time)) {
      if (!browser.stirred) continue;
      browser.stirred = false;
      for (let turns = 0; turns < 6; turns += 1) await Promise.resolve();
    }
  }

  #publish(): void {
    this.server.publish();
    this.clock.after(20 + this.random.next() * 900, () => this.#publish());
  }

  #open(): void {
    const { random, server } = this;
    const { tab, environment } = this.browser.open();
    const since = random.chance(0.3) ? server.head : undefined;
    this.say(`${tab.name} opens${since === undefined ? '' : ` since ${since}`}`);
    this.watched.push(new Watched(this, tab, environment, since));
  }

  #pick(which: (one: Watched) => boolean): Watched | undefined {
    const found = this.watched.filter((one) => !one.closed && !one.tab.gone && which(one));
    return found.length === 0 ? undefined : this.random.pick(found);
  }

  #fault(): void {
    const { random, clock, browser, server } = this;
    const later = (most: number, run: () => void): void => {
      const ms = 100 + random.below(most);
      clock.after(ms, () => {
        this.#lastFault = clock.now;
        run();
      });
    };
    const running = this.#pick(({ tab }) => tab.runs);
    const leader = this.#pick(({ tab, client }) => tab.runs && client.status.leader);
    const one = random.chance(0.6) ? (leader ?? running) : running;
    const kind = random.pick(FAULTS);
    this.say(`-- ${kind} ${one?.tab.name ?? ''}`);
    this.#lastFault = clock.now;
    switch (kind) {
      case 'open':
        if (browser.tabs.length < 8) this.#open();
        return;
      case 'kill':
        one?.tab.kill();
        return;
      case 'leave':
        one?.tab.says('hide');
        one?.tab.kill();
        return;
      case 'close':
        if (!one) return;
        one.client.close();
        one.closed = true;
        return;
      case 'freeze':
        one?.tab.freeze();
        return later(25_000, () => one?.tab.thaw());
      case 'cache':
        one?.tab.says('hide');
        one?.tab.freeze();
        return later(15_000, () => {
          one?.tab.thaw();
          if (!one?.tab.gone) one?.tab.says('show');
        });
      case 'slow':
        if (!one) return;
        one.tab.slow = true;
        return later(40_000, () => {
          one.tab.slow = false;
          if (one.tab.runs) one.tab.says('wake');
        });
      case 'cut':
        browser.cutNetwork('down');
        return later(8_000, () => browser.mendNetwork(random.chance(0.5)));
      case 'hole':
        browser.cutNetwork('hole');
        return later(9_000, () => browser.mendNetwork(random.chance(0.5)));
      case 'drain':
        server.drain();
        return;
      case 'restart':
      case 'lost': {
        const lost = kind === 'lost' && random.chance(0.5);
        server.mode = 'down';
        server.restart(lost);
        if (lost) {
          this.#lost = true;
          this.#lives.set(server.head.split('.')[0] as string, server.published.length);
        }
        return later(5_000, () => (server.mode = 'up'));
      }
      case 'bad_gateway':
      case 'limit':
        server.mode = kind;
        server.restart(false);
        return later(6_000, () => (server.mode = 'up'));
      case 'lossy':
        browser.lossy = this.#lossy = true;
        return later(3_000, () => (browser.lossy = false));
      case 'reconnect':
        one?.client.reconnect();
        return;
    }
  }

  #mend(): void {
    this.say('-- all is mended');
    this.#lastFault = this.clock.now;
    this.server.mode = 'up';
    this.browser.lossy = false;
    if (this.browser.network.state !== 'up') this.browser.mendNetwork(false);
    for (const { tab } of this.watched) {
      tab.slow = false;
      const cached = tab.frozen;
      tab.thaw();
      if (cached) tab.says('show');
    }
    if (!this.#pick(() => true)) this.#open();
  }

  /** Looks at what must hold at every time. */
  #look(): void {
    const { clock, server, browser } = this;
    const { now } = clock;
    const open = this.watched.filter(({ closed, tab }) => !closed && tab.runs);
    const streams = server.streams.size;
    if (streams <= 1) this.#oneSince = now;
    else if (now - this.#oneSince > BOUND_MS) throw new Error(`${streams} streams for ${now - this.#oneSince} ms`);
    if (server.mode !== 'up' || browser.network.state !== 'up') this.#upSince = now;
    // One that is closed has its stream for a second more, and longer where its timers wait.
    const serving = this.watched.some(({ tab }) => tab.runs && [...tab.sources].some((source) => source.serves));
    if (serving || open.length === 0) this.#lastServing = now;
    const quiet = now - Math.max(this.#lastFault, this.#upSince);
    if (quiet > BOUND_MS) {
      const running = open.filter(({ tab }) => now - tab.runsSince > BOUND_MS);
      // One that somebody may look at; what the others say has to be true as well, by what that one does.
      const steady = running.some(({ tab }) => !tab.slow && now - tab.fastSince > BOUND_MS) ? running : [];
      if (steady.length > 0 && now - this.#lastServing > BOUND_MS) throw new Error(`no stream for ${now - this.#lastServing} ms, though ${steady.map(({ tab }) => tab.name).join()} could have one`);
      for (const { tab, live, since } of steady) {
        if (now - since <= BOUND_MS) continue;
        if (!live && serving) throw new Error(`${tab.name} has not been live for ${now - since} ms`);
        if (live && now - this.#lastServing > BOUND_MS) throw new Error(`${tab.name} says that it is live, and nobody has a stream`);
      }
    }
    clock.after(LOOK_MS, () => this.#look());
  }

  /** Looks at what must hold in the end. */
  #settled(): void {
    const { server, clock } = this;
    const open = this.watched.filter(({ closed, tab }) => !closed && !tab.gone);
    if (server.streams.size !== 1) throw new Error(`${server.streams.size} streams in the end`);
    const leaders = open.filter(({ client }) => client.status.leader);
    if (leaders.length !== 1) throw new Error(`${leaders.length} tabs lead in the end`);
    for (const { client, tab, start, seen, resyncs, asked } of open) {
      const { state, reason } = client.status;
      if (state !== 'live') throw new Error(`${tab.name} is ${state} (${reason}) in the end`);
      if (start === undefined) throw new Error(`${tab.name} never began`);
      for (const [id, times] of seen) if (times > 1) throw new Error(`${tab.name} heard ${id} ${times} times`);
      const last = resyncs.at(-1) ?? 0;
      for (const { id, at } of server.published.slice(start)) {
        // What was published in this moment is on its way.
        if (seen.has(id) || at <= last || clock.now - at < 500) continue;
        throw new Error(`${tab.name} never heard ${id}`);
      }
      if (!this.#lost && !this.#lossy && asked === undefined && !tab.slept && resyncs.length > 0) throw new Error(`${tab.name} had to read everything again, and nothing was lost`);
    }
  }
}

const FAULTS = [
  'open', 'open', 'open', 'kill', 'kill', 'leave', 'close', 'freeze', 'freeze', 'freeze', 'cache', 'cache', 'slow', 'cut', 'hole', 'drain', 'restart', 'lost',
  'bad_gateway', 'limit', 'reconnect', 'reconnect', 'lossy',
] as const;

/** Runs the schedule of a seed; throws with the seed where a promise is broken. */
export async function runSchedule(seed: number): Promise<void> {
  const world = new World(seed);
  try {
    await world.run();
  } catch (error) {
    throw new Error(`PATHCAST_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
