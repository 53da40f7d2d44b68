/**
 * One random schedule: tabs come, close, crash and freeze, the lead is stolen, the network, the stream, the server and the browser's storage fail in every way, and
 * all the while a person does things, looks at them, decides and signs out, and somebody else changes the same rows. It throws where a promise (checker.ts) is
 * broken, and is the same for the same seed.
 */
import { notifyManager } from '@tanstack/query-core';
import { overlayOf } from '../../../lib/offline/overlay/overlay.js';
import { makeRandom, type Random } from '../../support/random.js';
import { NO_FAULTS } from '../support/databases.js';
import { ModelServer, trpcError } from '../support/model-server.js';
import { Stage } from '../support/stage.js';
import { Checker, FIELDS, rowOf, type Intent } from './checker.js';
import { NAME, SimulatedPage, type PageHost } from './page.js';
import { Upstream, type Rows, type Versions } from './upstream.js';

/** `hole`: a Wi-Fi without a line. What is sent is swallowed, and nobody is told. */
type Weather = 'fair' | 'away' | 'hole' | 'portal' | 'unauthorized' | 'failing' | 'limited';
const WEATHERS: readonly Weather[] = ['fair', 'fair', 'fair', 'away', 'away', 'hole', 'portal', 'unauthorized', 'failing', 'limited'];
/** After which a browser gives up a call that nobody answers, ms. */
const GIVES_UP_MS = 20_000;

export class World {
  readonly random: Random;
  readonly stage: Stage;
  readonly server: ModelServer;
  readonly upstream: Upstream;
  readonly checker: Checker;
  readonly log: string[] = [];
  pages: SimulatedPage[] = [];
  weather: Weather = 'fair';
  version = 1;
  evictions = 0;
  /** Answers say which position of the log they have reached. */
  readonly #hasPositions: boolean;
  /** Nodes may be behind. */
  readonly #lags: boolean;
  /** By page and query: the last position. */
  readonly #reached = new WeakMap<SimulatedPage, Map<string, number>>();
  readonly #all: SimulatedPage[] = [];
  #edits = 0;
  #rows = 0;
  #stormyUntil = 0;
  #perfect = false;

  constructor(seed: number) {
    const random = (this.random = makeRandom(seed));
    this.stage = new Stage(random, { locks: random.chance(0.75), channel: random.chance(0.9) });
    this.server = new ModelServer(() => this.stage.clock.now);
    this.upstream = new Upstream(this.stage.clock, random, this.server);
    this.upstream.reachable = () => !['away', 'hole', 'portal', 'unauthorized'].includes(this.weather);
    this.upstream.flows = () => this.weather !== 'hole';
    this.#hasPositions = random.chance(0.7);
    // Where tabs say nothing to each other, one hears of an action before it knows of the change, and so does not know its place.
    this.#lags = this.#hasPositions && random.chance(0.5) && this.stage.hasChannel;
    this.checker = new Checker(this.server, () => this.evictions > 0 || this.#all.some(({ problems }) => problems.some(({ code }) => code === 'evicted' || code === 'storage_unavailable')));
  }

  get intents(): Intent[] {
    return this.checker.intents;
  }

  say(text: string): void {
    this.log.push(`${(this.stage.clock.now - 1_764_000_000_000).toFixed(1).padStart(10)} ${text}`);
  }

  // --- the server, and the way to it ---

  #wait(ms: number): Promise<void> {
    return new Promise((done) => this.stage.clock.after(ms, done));
  }

  /** What comes in the place of an answer, on the way there. */
  async #way(): Promise<void> {
    const { random } = this;
    await this.#wait(1 + random.next() * 200);
    const { weather } = this;
    if (weather === 'away') throw new TypeError('Failed to fetch');
    if (weather === 'portal') throw Object.assign(new Error('Unexpected token <'), { meta: { response: { status: 200 } } });
    if (weather === 'unauthorized') throw trpcError(401, 'UNAUTHORIZED');
    if (weather === 'limited') throw trpcError(429, 'TOO_MANY_REQUESTS', { code: 'RATE_LIMIT', retryable: true, retryAfterMs: 2_000 });
    if (weather === 'failing' && random.chance(0.7)) throw trpcError(500, 'INTERNAL_SERVER_ERROR');
    if (!this.#perfect && random.chance(0.05)) throw new TypeError('Failed to fetch');
  }

  async #send(page: SimulatedPage, path: string, given: unknown): Promise<unknown> {
    const { random } = this;
    const calm = this.stage.clock.now > this.#stormyUntil;
    this.say(`${page.tab.name} -> ${path} ${JSON.stringify(given)}`);
    this.checker.sends(page, path, given as object, calm);
    await this.#way();
    // It may have got through before the line went.
    const swallowed = this.weather === 'hole';
    if (swallowed && random.chance(0.5)) return new Promise(() => undefined);
    let answer: unknown;
    let thrown: unknown;
    try {
      answer = this.server.call(path, given);
    } catch (error) {
      thrown = error;
    }
    this.say(`   ${path} ${(given as { tx?: { transactionId?: string } }).tx?.transactionId ?? ''} at the server: ${thrown ? (thrown as Error).message : 'done'}`);
    if (swallowed) return new Promise(() => undefined);
    await this.#wait(1 + random.next() * 200);
    await this.#reaches(page);
    if (this.weather === 'away' || random.chance(0.08)) throw new TypeError('the answer was lost');
    if (thrown) throw thrown;
    return answer;
  }

  /** The tab can hear it. */
  #reaches({ tab }: SimulatedPage): Promise<void> {
    return new Promise((done) => this.stage.browser.later(tab, 0, done));
  }

  async #probe(page: SimulatedPage): Promise<boolean> {
    await this.#wait(1 + this.random.next() * 100);
    if (this.weather === 'hole') return new Promise(() => undefined);
    await this.#reaches(page);
    return this.weather !== 'away' && this.weather !== 'portal';
  }

  async #answers(page: SimulatedPage, path: string, input: unknown): Promise<{ data: unknown; position: string | undefined }> {
    const { random, upstream } = this;
    const [entity, query] = path.split('.') as [string, string];
    if (this.weather === 'hole') {
      await this.#wait(GIVES_UP_MS);
      await this.#reaches(page);
      throw new TypeError('Failed to fetch');
    }
    let thrown: unknown;
    await this.#way().catch((error: unknown) => (thrown = error));
    const head = upstream.log.length;
    const key = JSON.stringify([path, input]);
    const reached = this.#reached.get(page) ?? new Map<string, number>();
    this.#reached.set(page, reached);
    // A node may be behind only what this tab can know: of what it knows the place in the log, and has not waited for too long.
    const knows = this.#lags && !this.#perfect && !page.problems.some(({ code }) => code === 'overlay_timeout') && page.stream.isWhole && page.stream.status.cursor === upstream.head && overlayOf(page.inside).items.every(({ acked, position }) => !acked || position !== undefined);
    const at = knows && random.chance(0.4) ? Math.max(reached.get(key) ?? head, head - random.below(4)) : head;
    const { rows, versions }: { rows: Rows; versions: Versions } = at === head ? this.server : upstream.past[at]!;
    reached.set(key, at);
    const shown = (name: string): object => ({ id: name.split(' ')[1]!, ...rows.get(name), versions: Object.fromEntries(FIELDS.map((field) => [field, versions.get(name)?.[field] ?? null])) });
    const one = `${entity} ${(input as { id?: string } | undefined)?.id}`;
    const data = query === 'getAll' ? [...rows.keys()].filter((name) => name.startsWith(entity)).map(shown) : rows.has(one) ? shown(one) : null;
    await this.#wait(1 + random.next() * (random.chance(0.1) ? 3_000 : 100));
    await this.#reaches(page);
    if (thrown || this.weather === 'away') throw thrown ?? new TypeError('the answer was lost');
    return { data, position: this.#hasPositions ? `e.${at}` : undefined };
  }

  // --- what happens ---

  readonly #host = (): PageHost => ({
    stage: this.stage,
    upstream: this.upstream,
    version: this.version,
    sends: (page, path, input) => this.#send(page, path, input),
    probe: (page) => this.#probe(page),
    answers: (page, path, input) => this.#answers(page, path, input),
    shows: (page, view) => {
      if (process.env.PATHCAST_SEED) this.say(`${page.tab.name} shows ${view.path} ${JSON.stringify(view.data, (key, value: unknown) => (key === 'versions' ? undefined : value))}`);
      this.checker.shows(page, view);
    },
    changed: (page, entries) => {
      if (process.env.PATHCAST_SEED) this.say(`${page.tab.name} finds ${entries.map(({ id, state }) => `${id.slice(6, 19)} ${state}`).join(', ')}`);
      this.checker.changed(entries);
    },
    gone: (page, entry, gone, into) => {
      this.say(`${page.tab.name}: ${entry.path} ${entry.id} is gone: ${gone} ${into ?? ''}`);
      if (gone === 'discarded') this.checker.takesBack(entry);
    },
  });

  async opens(): Promise<SimulatedPage> {
    const page = new SimulatedPage(this.#host());
    this.say(`${page.tab.name} opens`);
    page.looks('pages.getAll');
    if (this.random.chance(0.3)) page.looks('files.getAll');
    await this.stage.done(page.offline.ready);
    page.start();
    this.pages.push(page);
    this.#all.push(page);
    return page;
  }

  #leaves(page: SimulatedPage): void {
    page.leave();
    this.pages = this.pages.filter((one) => one !== page);
  }

  crashes(page: SimulatedPage): void {
    this.say(`${page.tab.name} crashes`);
    this.#leaves(page);
  }

  closes(page: SimulatedPage): void {
    this.say(`${page.tab.name} closes`);
    page.tab.says('hide');
    this.#leaves(page);
  }

  wakes({ tab }: SimulatedPage): void {
    if (!tab.frozen) return;
    this.say(`${tab.name} is back`);
    tab.thaw();
    tab.says('show');
  }

  freezes({ tab }: SimulatedPage): void {
    this.say(`${tab.name} freezes`);
    if (this.random.chance(0.5)) tab.says('hide');
    tab.freeze();
  }

  looks(page: SimulatedPage): void {
    const { random, server } = this;
    const view = page.views.length > 2 && random.chance(0.5) ? random.pick(page.views) : undefined;
    if (view) return page.looksAway(view);
    const row = server.rows.size > 0 && random.chance(0.8) ? random.pick([...server.rows.keys()]) : undefined;
    if (row === undefined) return page.looks(random.pick(['pages.getAll', 'files.getAll']));
    const [entity, id] = row.split(' ') as [string, string];
    page.looks(`${entity}.getById`, id);
  }

  does(page: SimulatedPage): void {
    const { random, server, intents } = this;
    const made = intents.filter(({ path, said }) => path.endsWith('.create') && said !== 'refused').map(({ row }) => row);
    const gone = new Set(intents.filter(({ path }) => path.endsWith('.delete')).map(({ row }) => row));
    const rows = [...new Set([...server.rows.keys(), ...made])].filter((row) => !gone.has(row));
    const row = rows.length > 0 ? random.pick(rows) : undefined;
    const nth = intents.length;
    let path: string;
    let input: Record<string, unknown>;
    let of = row ?? '';
    const chance = random.next();
    if (chance < 0.05) {
      path = 'bells.ring';
      input = { id: `b${nth}`, nth };
      of = `bells b${nth}`;
    } else if (row === undefined || chance < 0.25) {
      const parent = rows.find((one) => one.startsWith('pages'));
      const entity = parent !== undefined && random.chance(0.4) ? 'files' : 'pages';
      this.#rows += 1;
      path = `${entity}.create`;
      of = `${entity} r${this.#rows}`;
      input = { id: `r${this.#rows}`, title: `v${nth}`, ...(entity === 'files' && { pageId: parent!.split(' ')[1] }) };
    } else {
      const [entity, id] = row.split(' ') as [string, string];
      if (chance < 0.35) {
        path = `${entity}.delete`;
        input = { id };
      } else {
        path = `${entity}.update`;
        const fields = FIELDS.filter(() => random.chance(0.6));
        input = { id, ...Object.fromEntries((fields.length > 0 ? fields : ['title']).map((field) => [field, `v${nth}`])), ...(random.chance(0.04) && { refuse: true }) };
      }
    }
    const intent: Intent = { nth, path, row: of, tab: page.tab.name, input, at: this.stage.clock.now, said: 'unknown', id: undefined, keptAt: Infinity, volatile: false, discarded: false, decided: false };
    intents.push(intent);
    this.say(`${page.tab.name} does ${path} ${JSON.stringify(input)}`);
    page.offline.add(path, input).then(
      ({ id, answer, kept }) => {
        if (page.tab.gone) return;
        intent.said = kept ? 'kept' : 'direct';
        intent.id = id;
        intent.keptAt = this.stage.clock.now;
        intent.volatile = !page.inside.storage.kept;
        this.say(`${page.tab.name} has ${kept ? 'kept' : 'only sent'} ${id}`);
        answer.catch((error: unknown) => {
          if (!(error instanceof Error)) this.checker.fail('true', 'what a caller gets is no error');
        });
      },
      (error: unknown) => {
        if (page.tab.gone) return;
        // Where there is no room nothing was kept; else nobody knows.
        if ((error as { retryable?: boolean }).retryable) intent.said = 'refused';
        this.say(`${page.tab.name} could not keep it: ${String(error)}`);
      },
    );
  }

  decides(page: SimulatedPage): void {
    const { random, checker } = this;
    const entry = page.entries.find(({ state }) => state === 'conflicted' || state === 'rejected' || state === 'dead');
    if (!entry) return;
    const of = this.intents.filter((one) => checker.isOf(entry, one));
    const decide = (how: string, run: () => Promise<unknown>, discards: boolean): void => {
      this.say(`${page.tab.name} decides ${how} about ${entry.id}`);
      checker.decidedAt.set(rowOf(entry), this.stage.clock.now);
      if (discards) for (const one of of) one.discarded = true;
      // And has seen what is there now: what stands behind it goes on from that.
      for (const one of this.intents) if (one.row === rowOf(entry) || of.includes(one)) one.decided = true;
      run().catch((error: unknown) => this.say(`  in vain: ${String(error)}`));
    };
    if (entry.state === 'conflicted') {
      checker.conflict(entry);
      const how = random.pick(['mine', 'theirs', 'merged'] as const);
      decide(how, () => page.offline.resolve(entry.id, how === 'merged' ? { merged: entry.kind === 'update' ? { title: `m${entry.id}` } : {} } : how), how !== 'mine');
    } else if (random.chance(0.5)) decide('again', () => page.offline.retry(entry.id), false);
    else decide('nothing', () => page.offline.discard(entry.id).then((done) => done && checker.dropped.add(entry.id)), true);
  }

  /** Of what was not sent yet. */
  takesBack(page: SimulatedPage): void {
    const queued = page.entries.filter(({ state }) => state === 'queued');
    if (!queued[0]) return;
    const entry = this.random.pick(queued);
    this.say(`${page.tab.name} takes ${entry.id} back`);
    const of = this.intents.filter((one) => this.checker.isOf(entry, one));
    for (const one of of) one.discarded = true;
    page.offline.discard(entry.id).then(
      (done) => {
        if (page.tab.gone) return;
        this.say(`  ${entry.id} is ${done ? 'taken back' : 'gone already'}`);
        if (done) this.checker.dropped.add(entry.id);
      },
      (error: unknown) => this.say(`  in vain: ${String(error)}`),
    );
  }

  signsOut(page: SimulatedPage): void {
    const unsent = this.random.pick(['ask', 'keep', 'discard', 'send'] as const);
    this.say(`${page.tab.name} signs out: ${unsent}`);
    const given = (): void => {
      if (unsent === 'discard') for (const one of this.intents) one.discarded = true;
    };
    given();
    page.offline.signOut({ unsent }).then(
      ({ done, unsent: left }) => {
        if (page.tab.gone) return;
        this.say(`${page.tab.name} has ${done ? '' : 'not '}signed out, ${left} left`);
        if (done) given();
      },
      (error: unknown) => {
        given();
        this.say(`${page.tab.name} could not sign out: ${String(error)}`);
      },
    );
  }

  edits(): void {
    const { random, server } = this;
    const rows = [...server.rows.keys()];
    if (!rows[0]) return;
    this.#edits += 1;
    const row = random.pick(rows);
    const by = `x${this.#edits}`;
    if (random.chance(0.08)) {
      this.say(`somebody else deletes ${row} as ${by}`);
      return server.remove(row, by);
    }
    const field = random.pick(FIELDS);
    this.say(`somebody else sets ${field} of ${row} to ${by}`);
    server.edit(row, field, by, by);
  }

  /** Something else takes the lock, and lets go of it after a while. */
  steals({ inside }: SimulatedPage): void {
    this.say('the lock is stolen');
    const held = (): Promise<void> => this.#wait(500 + this.random.next() * 3_000);
    void inside.environment.locks?.request(NAME, { steal: true }, held)?.catch(() => undefined);
  }

  weathers(weather: Weather): void {
    const { random, stage } = this;
    const { browser } = stage;
    this.weather = weather;
    this.say(`weather: ${weather}`);
    const down = weather === 'away' && random.chance(0.5);
    if (down !== (browser.network.state === 'down')) {
      browser.network.state = down ? 'down' : 'up';
      for (const { tab } of this.pages) if (tab.runs) tab.says(down ? 'offline' : 'online');
    }
    for (const { stream } of this.pages) {
      const is = stream.status.state;
      if (!this.upstream.reachable()) {
        if (weather === 'unauthorized' && random.chance(0.5)) stream.cut('refused');
        else if (weather !== 'hole' || random.chance(0.5)) {
          stage.clock.after(random.next() * (weather === 'hole' ? 20_000 : 500), () => {
            stage.browser.later(stream.tab, 0, () => {
              if (this.weather === weather && stream.status.state === 'live') stream.cut(weather === 'away' ? 'offline' : 'connecting');
              if (stream.isOnTheWay) stream.connect();
            });
          });
        }
      } else if (is === 'refused' || is === 'offline' || (is === 'connecting' && random.chance(0.7))) stream.connect();
    }
    this.upstream.flow();
    if (weather !== 'unauthorized') for (const { offline } of this.pages) offline.signedIn();
  }

  breaks(): void {
    const { random, stage } = this;
    const { faults } = stage;
    Object.assign(faults, NO_FAULTS);
    const chance = random.next();
    if (chance < 0.2) faults.lost = 0.3;
    else if (chance < 0.35) faults.aborted = 0.2;
    else if (chance < 0.5) faults.unheard = 0.2;
    else if (chance < 0.6) faults.full = true;
    else if (chance < 0.65) faults.shut = true;
    this.#stormyUntil = chance < 0.65 ? Infinity : stage.clock.now + 120_000;
    this.say(`storage: ${JSON.stringify(faults)}`);
    if (this.weather !== 'unauthorized') for (const { offline } of this.pages) offline.signedIn();
  }

  async happens(page: SimulatedPage): Promise<void> {
    const { random, stage } = this;
    const chance = random.next();
    if (chance < 0.46) this.does(page);
    else if (chance < 0.52) this.edits();
    else if (chance < 0.56) await (this.pages.length < 3 ? this.opens() : undefined);
    else if (chance < 0.6) this.crashes(page);
    else if (chance < 0.63) this.closes(page);
    else if (chance < 0.66) this.freezes(page);
    else if (chance < 0.69) this.steals(page);
    else if (chance < 0.74) this.weathers(random.pick(WEATHERS));
    else if (chance < 0.785) this.breaks();
    else if (chance < 0.845) this.decides(page);
    // The device's clock is set.
    else if (chance < 0.86) stage.clock.now += random.below(90_000);
    else if (chance < 0.87) {
      this.version += 1;
      this.closes(page);
      await this.opens();
    } else if (chance < 0.88) {
      if (stage.faults.shut) return;
      this.evictions += 1;
      this.say('the browser throws it all away');
      stage.evict();
    } else if (chance < 0.92) this.looks(page);
    else if (chance < 0.95) {
      this.say(`the stream of ${page.tab.name} breaks`);
      if (page.stream.status.state === 'live') page.stream.connect();
    } else if (chance < 0.965) this.takesBack(page);
    else if (chance < 0.972) this.signsOut(page);
    else for (const one of this.pages) this.wakes(one);
  }

  /** Who has signed out is no more in the app. */
  #out(): void {
    for (const page of this.pages) {
      if (!page.offline.status.paused.includes('signed_out')) continue;
      page.ended = true;
      if (page.tab.runs) this.closes(page);
    }
  }

  async run(): Promise<void> {
    const { random, stage, checker } = this;
    await this.opens();
    for (let steps = 15 + random.below(40); steps > 0; steps -= 1) {
      const live = this.pages.filter(({ tab }) => tab.runs);
      if (live[0]) await this.happens(random.pick(live));
      else {
        for (const page of this.pages) this.wakes(page);
        if (!this.pages[0]) await this.opens();
      }
      await stage.run(random.chance(0.3) ? 0 : random.next() * (random.chance(0.2) ? 8_000 : 300));
      this.#out();
      checker.looks();
      checker.flickers();
      for (const page of this.pages) checker.laid(page);
      if (checker.broken) throw checker.broken;
    }
    await this.settles();
    if (checker.broken) throw checker.broken;
  }

  /** One tab that has just come, and a person who wants all of it done. */
  async #drains(): Promise<SimulatedPage> {
    const { stage, checker } = this;
    const page = await this.opens();
    // What a tab still knows of what was thrown away it keeps anew as soon as it can.
    for (let turn = 0; turn < 2; turn += 1) {
      await stage.run(5_000);
      await stage.done(page.offline.flush(), 900_000).catch(() => checker.fail('sent', checker.broken?.message ?? `it does not end: ${JSON.stringify(page.entries.filter(({ state }) => state !== 'acked'))} ${this.pages.map(({ tab, outbox }) => `${tab.name} ${outbox.paused.join()} ${outbox.leader}`).join('; ')}`));
    }
    this.#out();
    return page;
  }

  /** Fair weather, and nothing fails. */
  async settles(): Promise<void> {
    const { stage, checker } = this;
    Object.assign(stage.faults, NO_FAULTS);
    this.say('all is well again');
    for (const page of this.pages) this.wakes(page);
    this.weathers('fair');
    this.#out();
    let page = await this.#drains();
    // A sign-out that waited for all of it to be sent has ended this one, too.
    for (let turn = 0; page.ended && turn < 3; turn += 1) page = await this.#drains();
    await stage.run(30_000);
    // Somebody comes back to the page. Nothing fails any more.
    this.#perfect = true;
    await Promise.all([page.queries.refetchQueries(), stage.run(10_000)]);
    this.#out();
    const evicted = this.#all.flatMap(({ problems }) => problems.map(({ code, count = 0 }) => (code === 'evicted' ? count : 0))).reduce((sum, count) => sum + count, 0);
    checker.ends(page, this.pages, evicted);
    checker.flickers();
    for (const each of this.pages) {
      checker.laid(each);
      if (each === page) checker.settled(each);
    }
  }
}

/** query-core takes the time from the page. */
function withClock(stage: Stage): () => void {
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = Date;
  Object.assign(globalThis, {
    setTimeout: (run: () => void, ms = 0) => stage.clock.after(ms, run),
    clearTimeout: (task: { run?: unknown } | undefined) => task && (task.run = undefined),
  });
  Date.now = () => stage.clock.now;
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Date.now = now;
  };
}

/** Throws with the story of what happened. */
export async function runSchedule(seed: number): Promise<World> {
  notifyManager.setScheduler(queueMicrotask);
  const world = new World(seed);
  const end = withClock(world.stage);
  // Errors are made by the thousand, and nobody reads where.
  const { stackTraceLimit } = Error;
  if (!process.env.PATHCAST_SEED) Error.stackTraceLimit = 0;
  try {
    await world.run();
    return world;
  } catch (thrown) {
    const error = world.checker.broken ?? thrown;
    throw new Error(`PATHCAST_SEED=${seed}: ${(error as Error).stack ?? String(error)}\n${world.log.slice(-400).join('\n')}`, { cause: error });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    end();
  }
}
