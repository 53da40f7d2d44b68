/**
 * One random schedule: tabs come, close, crash and freeze, the lead is stolen, the network and the server fail in every way, the browser's storage too, and all
 * the while a person does things and somebody else edits the same rows. It throws where a promise of SPEC §24 is broken, and is the same for the same seed.
 */
import { crud } from '../../../lib/offline/crud.js';
import type { OutboxEntry } from '../../../lib/offline/types.js';
import { makeRandom, type Random } from '../../support/random.js';
import { ModelServer, trpcError } from '../support/model-server.js';
import { NO_FAULTS, openPage, Stage, type Page } from '../support/stage.js';

const FIELDS = ['title', 'body'];
const MUTATIONS = {
  ...crud('pages'),
  ...crud('files', { dependsOn: ({ pageId }: { pageId?: string }) => (pageId === undefined ? [] : [{ entity: 'pages', id: pageId }]) }),
  'bells.ring': { kind: 'other', once: 'none' } as const,
};

/** What a person did, and what came of it as far as the tab has said. */
interface Intent {
  nth: number;
  path: string;
  row: string;
  input: Record<string, unknown>;
  at: number;
  /** `unknown`: its tab died before it said. `direct`: there was no room, and the server was asked at once. */
  said: 'kept' | 'direct' | 'refused' | 'unknown';
  id: string | undefined;
  keptAt: number;
  answered: 'resolved' | 'rejected' | undefined;
  discarded: boolean;
  /** A person has decided about something of its row. */
  decided: boolean;
}

type Weather = 'fair' | 'away' | 'portal' | 'unauthorized' | 'failing' | 'limited';
const WEATHERS: readonly Weather[] = ['fair', 'fair', 'fair', 'away', 'portal', 'unauthorized', 'failing', 'limited'];

export class World {
  readonly random: Random;
  readonly stage: Stage;
  readonly server: ModelServer;
  readonly log: string[] = [];
  readonly intents: Intent[] = [];
  /** Requests that are sent at this moment, by row. */
  readonly open = new Map<string, number>();
  pages: Page[] = [];
  weather: Weather = 'fair';
  version = 1;
  evictions = 0;
  readonly #all: Page[] = [];
  #edits = 0;
  #rows = 0;
  /** What ids the world has seen in requests, with what they carried. */
  readonly sent = new Map<string, string>();

  constructor(seed: number) {
    this.random = makeRandom(seed);
    this.stage = new Stage(this.random, { locks: this.random.chance(0.75), channel: this.random.chance(0.9) });
    this.server = new ModelServer(() => this.stage.clock.now);
  }

  say(text: string): void {
    this.log.push(`${(this.stage.clock.now - 1_764_000_000_000).toFixed(1).padStart(10)} ${text}`);
  }

  fail(text: string): never {
    throw new Error(text);
  }

  // --- the server, and the way to it ---

  async #send(path: string, given: unknown): Promise<unknown> {
    const { random, stage } = this;
    const { tx, id } = given as { tx?: { transactionId?: string }; id?: string };
    const row = `${path.split('.')[0]} ${id}`;
    const wait = (ms: number): Promise<void> => new Promise((done) => stage.clock.after(ms, done));
    this.say(`-> ${path} ${JSON.stringify(given)}`);
    const key = JSON.stringify([path, { ...(given as object), tx: undefined }]);
    const name = tx?.transactionId ?? '';
    if (this.sent.has(name) && this.sent.get(name) !== key) this.fail(`${name} was sent as ${this.sent.get(name)} and then as ${key}`);
    this.sent.set(name, key);
    await wait(1 + random.next() * 200);
    const weather = this.weather;
    if (weather === 'away') throw new TypeError('Failed to fetch');
    if (weather === 'portal') throw Object.assign(new Error('Unexpected token <'), { meta: { response: { status: 200 } } });
    if (weather === 'unauthorized') throw trpcError(401, 'UNAUTHORIZED');
    if (weather === 'limited') throw trpcError(429, 'TOO_MANY_REQUESTS', { code: 'RATE_LIMIT', retryable: true, retryAfterMs: 2_000 });
    if (weather === 'failing' && random.chance(0.7)) throw trpcError(500, 'INTERNAL_SERVER_ERROR');
    if (random.chance(0.05)) throw new TypeError('Failed to fetch');
    let answer: unknown;
    let thrown: unknown;
    try {
      answer = this.server.call(path, given);
    } catch (error) {
      thrown = error;
    }
    this.say(`   ${path} ${name} at the server: ${thrown ? (thrown as Error).message : 'done'} ${row}`);
    await wait(1 + random.next() * 200);
    if (this.weather === 'away' || random.chance(0.08)) throw new TypeError('the answer was lost');
    if (thrown) throw thrown;
    return answer;
  }

  // --- what happens ---

  async opens(): Promise<void> {
    const { server } = this;
    const page = await openPage(this.stage, {
      mutations: MUTATIONS,
      version: this.version,
      migrate: (entry) => entry,
      sends: (path, input) => this.#send(path, input),
      known: {
        version: ({ entity, id }, field) => (server.rows.has(`${entity} ${id}`) ? (server.versions.get(`${entity} ${id}`)?.[field] ?? null) : undefined),
        row: ({ entity, id }) => server.versions.get(`${entity} ${id}`),
        value: ({ entity, id }, field) => {
          const row = server.rows.get(`${entity} ${id}`);
          return row && { value: row[field] };
        },
      },
    });
    page.outbox.onGone(({ id, path }, gone, into) => this.say(`${page.tab.name}: ${path} ${id} is gone: ${gone} ${into ?? ''}`));
    page.outbox.start();
    this.pages.push(page);
    this.#all.push(page);
    this.say(`${page.tab.name} opens`);
  }

  crashes(page: Page): void {
    this.say(`${page.tab.name} crashes`);
    this.stage.kill(page.tab);
    this.pages = this.pages.filter((one) => one !== page);
  }

  closes(page: Page): void {
    this.say(`${page.tab.name} closes`);
    page.tab.says('hide');
    this.crashes(page);
  }

  wakes(tab: Page['tab']): void {
    if (!tab.frozen) return;
    this.say(`${tab.name} is back`);
    tab.thaw();
    tab.says('show');
  }

  does(page: Page): void {
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
    const intent: Intent = { nth, path, row: of, input, at: this.stage.clock.now, said: 'unknown', id: undefined, keptAt: Infinity, answered: undefined, discarded: false, decided: false };
    intents.push(intent);
    this.say(`${page.tab.name} does ${path} ${JSON.stringify(input)}`);
    page.outbox.add(path, input).then(
      ({ id, answer, kept }) => {
        if (page.tab.gone) return;
        intent.said = kept ? 'kept' : 'direct';
        intent.id = id;
        intent.keptAt = this.stage.clock.now;
        this.say(`${page.tab.name} has ${kept ? 'kept' : 'only sent'} ${id}`);
        answer.then(
          () => (intent.answered = 'resolved'),
          (error: unknown) => {
            intent.answered = 'rejected';
            if (!(error instanceof Error)) this.fail('what a caller gets is no error');
          },
        );
      },
      (error: unknown) => {
        if (page.tab.gone) return;
        // Where there is no room nothing was kept; else nobody knows.
        if ((error as { retryable?: boolean }).retryable) intent.said = 'refused';
        this.say(`${page.tab.name} could not keep it: ${String(error)}`);
      },
    );
  }

  async decides(page: Page): Promise<void> {
    const { random } = this;
    const entry = page.outbox.entries.find(({ state }) => state === 'conflicted' || state === 'rejected' || state === 'dead');
    if (!entry) return;
    const mine = (one: Intent): boolean => one.id === entry.id || entry.squashed.includes(one.id ?? '') || this.#carries(entry, one);
    const decide = (how: string, run: () => Promise<unknown>, discards: boolean): void => {
      this.say(`${page.tab.name} decides ${how} about ${entry.id}`);
      const of = this.intents.filter(mine);
      if (discards) for (const one of of) one.discarded = true;
      // And has seen what is there now: what stands behind it goes on from that.
      for (const one of this.intents) if (one.row === `${entry.entity} ${entry.entityId}` || of.includes(one)) one.decided = true;
      run().catch((error: unknown) => this.say(`  in vain: ${String(error)}`));
    };
    if (entry.state === 'conflicted') {
      this.#checkConflict(entry);
      const how = random.pick(['mine', 'theirs', 'merged'] as const);
      decide(how, () => page.outbox.resolve(entry.id, how === 'merged' ? { merged: entry.kind === 'update' ? { title: `m${entry.id}` } : {} } : how), how !== 'mine');
    } else if (random.chance(0.5)) decide('again', () => page.outbox.retry(entry.id), false);
    else decide('nothing', () => page.outbox.discard(entry.id), true);
    await Promise.resolve();
  }

  #carries(entry: OutboxEntry, { row, input, path }: Intent): boolean {
    if (`${entry.entity} ${entry.entityId}` !== row) return false;
    if (entry.kind === 'delete' || path.endsWith('.delete')) return entry.path === path;
    return Object.entries(entry.fields).some(([field, value]) => input[field] === value);
  }

  #checkConflict({ id, fields, conflicts = [], kind }: OutboxEntry): void {
    for (const { field, mine, theirs, version } of conflicts) {
      if (kind === 'update' && mine !== fields[field]) this.fail(`${id}: mine of ${field} is ${String(mine)}, and was ${String(fields[field])}`);
      const written = this.server.written.find((one) => one.by === version && one.field === field && one.value === theirs);
      if (!written && version !== '~') this.fail(`${id}: nobody has made ${field} ${String(theirs)} as ${version}`);
    }
  }

  edits(): void {
    const { random, server } = this;
    const rows = [...server.rows.keys()];
    if (!rows[0]) return;
    this.#edits += 1;
    const row = random.pick(rows);
    this.say(`somebody else edits ${row}`);
    server.edit(row, random.pick(FIELDS), `x${this.#edits}`, `x${this.#edits}`);
  }

  /** Something else takes the lock, and lets go of it after a while. */
  steals(page: Page): void {
    this.say('the lock is stolen');
    const { locks } = page.environment;
    void locks?.request('pathcast offline 1 test acme ada', { steal: true }, () => new Promise((done) => this.stage.clock.after(500 + this.random.next() * 3_000, done)))?.catch(() => undefined);
  }

  weathers(): void {
    const { random, stage } = this;
    const { faults } = stage;
    if (random.chance(0.5)) {
      this.weather = random.pick(WEATHERS);
      this.say(`weather: ${this.weather}`);
    } else {
      Object.assign(faults, NO_FAULTS);
      const chance = random.next();
      if (chance < 0.2) faults.lost = 0.3;
      else if (chance < 0.35) faults.aborted = 0.2;
      else if (chance < 0.5) faults.unheard = 0.2;
      else if (chance < 0.6) faults.full = true;
      else if (chance < 0.65) faults.shut = true;
      this.say(`storage: ${JSON.stringify(faults)}`);
    }
    if (this.weather !== 'unauthorized') for (const { outbox } of this.pages) outbox.resume('unauthorized');
  }

  async run(): Promise<void> {
    const { random, stage } = this;
    await this.opens();
    for (let steps = 15 + random.below(40); steps > 0; steps -= 1) {
      const live = this.pages.filter(({ tab }) => tab.runs);
      const page = live.length > 0 ? random.pick(live) : undefined;
      const chance = random.next();
      if (!page) {
        for (const { tab } of this.pages) this.wakes(tab);
        if (!this.pages[0]) await this.opens();
      } else if (chance < 0.5) this.does(page);
      else if (chance < 0.56) this.edits();
      else if (chance < 0.6 && this.pages.length < 3) await this.opens();
      else if (chance < 0.64) this.crashes(page);
      else if (chance < 0.67) this.closes(page);
      else if (chance < 0.7) {
        this.say(`${page.tab.name} freezes`);
        if (random.chance(0.5)) page.tab.says('hide');
        page.tab.freeze();
      } else if (chance < 0.73) this.steals(page);
      else if (chance < 0.82) this.weathers();
      else if (chance < 0.88) await this.decides(page);
      else if (chance < 0.9) {
        // The device's clock is set.
        stage.clock.now += random.below(90_000);
      } else if (chance < 0.91) {
        this.version += 1;
        this.closes(page);
        await this.opens();
      } else if (chance < 0.92 && stage.faults.shut === false) {
        this.evictions += 1;
        this.say('the browser throws it all away');
        stage.evict();
      }
      await stage.run(random.chance(0.3) ? 0 : random.next() * (random.chance(0.2) ? 8_000 : 300));
      this.checkSent();
    }
    await this.settles();
    this.check();
  }

  /** Fair weather, one tab that has just come, and a person who wants all of it done. */
  async settles(): Promise<void> {
    const { stage } = this;
    this.weather = 'fair';
    Object.assign(stage.faults, NO_FAULTS);
    this.say('all is well again');
    for (const { tab } of this.pages) {
      this.wakes(tab);
    }
    await this.opens();
    for (const { outbox } of this.pages) outbox.resume('unauthorized');
    const page = this.pages.at(-1)!;
    // What a tab still knows of what was thrown away it keeps anew as soon as it can.
    for (let turn = 0; turn < 2; turn += 1) {
      await stage.run(5_000);
      await stage.done(page.outbox.flush(), 900_000).catch(() => this.fail(`it is not sent: ${JSON.stringify(page.outbox.entries)} ${this.pages.map(({ tab, outbox }) => `${tab.name} ${outbox.paused.join()} ${outbox.leader}`).join('; ')}`));
    }
    await stage.run(5_000);
  }

  // --- what was promised ---

  /** There was more than one outbox: something was thrown away, or a tab could keep nothing, and was told so. Order is kept in each. */
  get #split(): boolean {
    return this.evictions > 0 || this.#all.some(({ problems }) => problems.some(({ code }) => code === 'evicted' || code === 'storage_unavailable'));
  }

  /** Never out of order, never twice. */
  checkSent(): void {
    const last = new Map<string, number>();
    const seen = new Set<string>();
    for (const { path, row, field, value, by } of this.server.written) {
      if (by.startsWith('x')) continue;
      const name = `${row} ${field}`;
      const nth = /^v(\d+)$/.exec(String(value))?.[1];
      if (nth === undefined) continue;
      if (seen.has(`${name} ${nth}`)) this.fail(`${path}: ${name} was made ${String(value)} twice`);
      seen.add(`${name} ${nth}`);
      // Of what is done at the same moment in two tabs either may be the first.
      const after = this.intents[last.get(name) ?? -1];
      if (!this.#split && after && Number(nth) < after.nth && this.intents[Number(nth)]!.keptAt <= after.at) this.fail(`${name}: ${String(value)} came after v${last.get(name)}`);
      last.set(name, Number(nth));
    }
    const rung = this.server.effects.filter(({ path }) => path === 'bells.ring').map(({ input }) => input['nth']);
    // But where a person has said so.
    const twice = rung.find((nth, at) => rung.indexOf(nth) < at && !this.intents[Number(nth)]?.decided);
    if (twice !== undefined) this.fail(`the bell ${String(twice)} was rung twice`);
  }

  check(): void {
    this.checkSent();
    const page = this.pages.at(-1)!;
    const { entries } = page.outbox;
    const told = this.#split;
    const waits = entries.filter(({ state }) => state === 'conflicted' || state === 'rejected' || state === 'dead');
    const held = new Set(waits.map(({ lane }) => lane));
    for (const { state, lane, after, kind, id } of entries) {
      if (state === 'queued' || state === 'sending') {
        const blocked = held.has(lane) || after.some((other) => held.has(other)) || kind === 'delete';
        if (!blocked) this.fail(`${id} was not sent: ${state}; ${this.pages.map(({ tab, outbox }) => `${tab.name} ${outbox.paused.join()} ${outbox.leader}`).join('; ')}`);
        held.add(lane);
      }
    }
    for (const intent of this.intents) if (intent.said === 'kept' && !intent.discarded && !told) this.#checkIntent(intent, entries);
    this.#checkSeen();
  }

  /** It was done, it is shown, or what was done after it covers it. */
  #checkIntent(intent: Intent, entries: readonly OutboxEntry[]): void {
    const { path, row, input, nth, id } = intent;
    if (entries.some((entry) => entry.id === id || entry.squashed.includes(id ?? ''))) return;
    const later = this.intents.filter((one) => one.nth > nth && one.row === row && one.said !== 'refused');
    const created = this.intents.find((one) => one.row === row && one.path.endsWith('.create'));
    // What a person has taken back takes with it what stood upon it.
    if (later.some((one) => one.path.endsWith('.delete')) || created?.discarded) return;
    if (path === 'bells.ring') {
      if (!this.server.effects.some(({ input: rung }) => rung['nth'] === input['nth'])) this.fail(`${path} ${id} was lost`);
    } else if (path.endsWith('.delete')) {
      if (this.server.rows.has(row)) this.fail(`${path} ${row} ${id} was lost`);
    } else {
      for (const [field, value] of Object.entries(input)) {
        if (field === 'id' || field === 'refuse' || field === 'pageId') continue;
        const done = this.server.written.some((one) => one.row === row && one.field === field && (one.value === value || one.by === id));
        if (!done && !later.some((one) => field in one.input)) this.fail(`${path} ${row} ${field} ${String(value)} ${id} was lost`);
      }
    }
  }

  /** Nobody writes over what he cannot have seen, where he said what he has seen. */
  #checkSeen(): void {
    for (const one of this.server.written) {
      if (!one.compared || one.by.startsWith('x') || !one.before?.startsWith('x')) continue;
      const nth = /^v(\d+)$/.exec(String(one.value))?.[1];
      const intent = nth === undefined ? undefined : this.intents[Number(nth)];
      const before = this.server.written.find(({ by }) => by === one.before)!;
      if (intent && !intent.decided && before.at > intent.at) this.fail(`${one.row} ${one.field}: ${String(one.value)} went over ${String(before.value)} unseen`);
    }
  }
}

/** Throws with the story of what happened. */
export async function runSchedule(seed: number): Promise<World> {
  const world = new World(seed);
  try {
    await world.run();
    return world;
  } catch (error) {
    throw new Error(`PATHCAST_SEED=${seed}: ${String(error)}\n${world.log.slice(-400).join('\n')}`, { cause: error });
  }
}
