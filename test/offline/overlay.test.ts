/**
 * The overlay of a TanStack cache against an oracle, by random steps: fetches that take their time, changes of this person and of others, acks, refusals, hands, undos,
 * cancelled fetches, stores, and the stream's binding beside it. After each step, and whenever an observer is told, every field of a row that this person set shows what he
 * set last, for as long as that is kept or done and nobody else has set it after that; what went without effect is gone; and in the end nothing is laid.
 *
 * PATHCAST_OVERLAYS: how many walks; default 150.
 */
import * as newest from '@tanstack/query-core';
import * as oldest from 'query-core-5-62';
import type { OutboxEntry } from '../../lib/offline/types.js';
import { key } from '../tanstack/support/page.js';
import { makeRandom, runSeed, type Random } from '../support/random.js';
import { Desk } from './support/desk.js';

const WALKS = Number(process.env['PATHCAST_OVERLAYS'] ?? 150);
const STEPS = 60;

interface Row {
  id: string;
  name: number;
  size: number;
}
const FIELDS = ['name', 'size'] as const;
const IDS = ['p1', 'p2', 'p3'];

/** What there is at the server, and what a page may show of it. */
class World {
  readonly desk: Desk;
  readonly rows = new Map<string, Row>();
  seq = 0;
  /** By row and field: each value that anybody set, and when; of this person, its entry. A value is set once. */
  #values = 0;
  /** Unsettled or done entries, by row and field: the value, the newest last. `undone` ones are taken away. */
  readonly mine = new Map<string, { entry: OutboxEntry; value: number; done: boolean }[]>();
  /** The values of others that came after the newest of this person at the server. How new of them a page is, is the stream's affair. */
  readonly theirs = new Map<string, number[]>();
  readonly problems: string[] = [];
  log: string[] = [];
  undos: (() => void)[] = [];

  constructor(readonly random: Random, readonly core: typeof newest, readonly bound: boolean) {
    this.desk = new Desk(core);
    for (const id of IDS.slice(0, 2)) this.rows.set(id, { id, name: this.#next(), size: this.#next() });
  }

  #next(): number {
    return (this.#values += 1);
  }

  answer(path: string, input: unknown): unknown {
    return path === 'pages.getAll' ? { items: structuredClone([...this.rows.values()]), total: this.rows.size } : structuredClone(this.rows.get((input as { id: string }).id) ?? null);
  }

  /** Looks at what is shown of every row. */
  check(when: string): void {
    for (const query of this.desk.page.queries.getQueryCache().getAll()) this.checkData(query.state.data, when, query.queryHash);
  }

  checkData(data: unknown, when: string, hash: string): void {
    const rows = ((data as { items?: Row[] } | undefined)?.items ?? [data]) as (Row | null | undefined)[];
    for (const row of rows) {
      if (!row) continue;
      for (const field of FIELDS) {
        const own = this.mine.get(`${row.id} ${field}`)?.at(-1);
        if (!own) continue;
        const theirs = this.theirs.get(`${row.id} ${field}`);
        if (row[field] === own.value || (own.done && theirs?.includes(row[field]))) continue;
        this.problems.push(`${when}: ${hash} shows ${row.id}.${field} = ${row[field]}, this person set ${own.value}${own.done ? ' (done)' : ''}, others ${theirs?.join()}`);
      }
    }
  }

  set(id: string, field: string, value: number, entry?: OutboxEntry): void {
    const name = `${id} ${field}`;
    if (!entry) this.theirs.set(name, [...(this.theirs.get(name) ?? []), value]);
    else this.mine.set(name, [...(this.mine.get(name) ?? []), { entry, value, done: false }]);
  }

  undo(entry: OutboxEntry): void {
    for (const [name, all] of this.mine) this.mine.set(name, all.filter((one) => one.entry.seq !== entry.seq));
  }

  hear(entry: OutboxEntry | undefined, id: string): void {
    if (!this.bound) return;
    const row = this.rows.get(id);
    const more = this.random.chance(0.5) && row ? { data: structuredClone(row), row: { query: 'pages.getById', input: { id }, lists: ['pages.getAll'], whole: true, at: `e.${this.seq - 1}`, began: this.desk.page.clock.now } } : {};
    this.desk.page.hear(['pages'], { id: entry ? `tx:${entry.id}` : `other-${this.seq}`, ...more });
  }

  async step(): Promise<void> {
    const { random, desk } = this;
    const { page } = desk;
    const queued = desk.entries.filter(({ state }) => state === 'queued' || state === 'sending' || state === 'conflicted');
    const id = random.pick(IDS);
    const what = random.pick(['keep', 'keep', 'ack', 'ack', 'discard', 'refuse', 'theirs', 'answer', 'answer', 'fail', 'refetch', 'cancel', 'hand', 'undo', 'pass', 'clean', 'store']);
    this.log.push(`${what} ${id}`);
    switch (what) {
      case 'keep': {
        const fields = FIELDS.filter(() => random.chance(0.6));
        if (!this.rows.has(id) || fields.length === 0) return;
        const input = { id, ...Object.fromEntries(fields.map((field) => [field, this.#next()])) } as Record<string, unknown>;
        const base = Object.fromEntries(fields.map((field) => [field, { ...desk.seen({ entity: 'pages', id }, field), version: null }]));
        // What an app puts back from before it, when it is done, is older than it.
        this.undos = [];
        // First known, for observers are told at once.
        for (const field of fields) this.set(id, field, input[field] as number, { seq: this.desk.nextSeq } as OutboxEntry);
        desk.keep('pages.update', input as { id: string }, { base });
        return;
      }
      case 'ack': {
        // A lane is sent in its order.
        const entry = queued.find((one) => one.entityId === id);
        if (!entry) return;
        this.seq += 1;
        Object.assign(this.rows.get(id)!, entry.fields);
        for (const field of Object.keys(entry.fields)) this.theirs.delete(`${id} ${field}`);
        for (const all of this.mine.values()) for (const one of all) if (one.entry.seq === entry.seq) one.done = true;
        const first = random.chance(0.5);
        if (first) this.hear(entry, id);
        desk.ack(entry);
        if (!first) this.hear(entry, id);
        return;
      }
      case 'discard': case 'refuse': {
        const entry = queued.findLast((one) => one.entityId === id);
        if (!entry) return;
        this.undo(entry);
        if (what === 'discard') desk.drop(entry);
        else desk.change(entry, { state: 'rejected' });
        return;
      }
      case 'theirs': {
        const row = this.rows.get(id);
        if (!row) return;
        this.seq += 1;
        const field = random.pick(FIELDS);
        this.set(id, field, (row[field] = this.#next()));
        this.hear(undefined, id);
        return;
      }
      case 'answer': {
        const call = page.calls.length > 0 ? random.pick(page.calls) : undefined;
        // As it was when it was asked, or a moment later.
        call?.answer(...((call as { made?: [unknown, string] }).made ?? [this.answer(call.path, call.input), `e.${this.seq}`]));
        break;
      }
      case 'fail':
        if (page.calls.length > 0) random.pick(page.calls).fail();
        break;
      case 'refetch':
        void page.queries.refetchQueries({}, { cancelRefetch: random.chance(0.5) });
        break;
      case 'cancel':
        void page.queries.cancelQueries();
        break;
      case 'hand': {
        // An app that writes what it hopes for over what it sees, and undoes that some time.
        const queryKey = random.pick([key('pages.getById', { id }), key('pages.getAll')]);
        const before = page.queries.getQueryData(queryKey);
        if (before === undefined || before === null) return;
        page.queries.setQueryData(queryKey, (old: object | undefined) => ({ ...old, seen: this.#next() }));
        this.undos.push(() => page.queries.setQueryData(queryKey, before));
        break;
      }
      case 'undo':
        this.undos.pop()?.();
        break;
      case 'store': {
        const dehydrated = this.core.dehydrate(page.queries);
        page.queries.removeQueries({ type: 'inactive' });
        this.core.hydrate(page.queries, structuredClone(dehydrated));
        break;
      }
      case 'clean':
        for (const entry of desk.entries) if ((entry.state === 'acked' || entry.state === 'rejected') && random.chance(0.5)) desk.drop(entry, entry.state === 'acked' ? 'acked' : 'discarded');
        return;
      default:
        await page.pass(random.pick([50, 500, 11_000]));
    }
    await page.pass(0);
  }
}

async function walk(seed: number, core: typeof newest): Promise<void> {
  const random = makeRandom(seed);
  const world = new World(random, core, random.chance(0.6));
  const { desk } = world;
  const { page } = desk;
  const call = page.call.bind(page);
  // What is read is what was there when it was asked.
  page.call = (path, input) => {
    const answered = call(path, input);
    if (random.chance(0.7)) (page.calls.at(-1) as { made?: unknown }).made = [world.answer(path, input), `e.${world.seq}`];
    return answered;
  };
  const unmount: (() => void)[] = [];
  try {
    desk.bind();
    const mount = (path: string, input?: unknown): void => {
      const observer = new core.QueryObserver(page.queries, { queryKey: key(path, input), queryFn: () => page.call(path, input) });
      unmount.push(observer.subscribe(({ data }) => world.checkData(data, `told, after ${world.log.at(-1)}`, path)));
    };
    mount('pages.getAll');
    for (const id of IDS.filter(() => random.chance(0.7))) mount('pages.getById', { id });
    if (world.bound) {
      desk.start();
      page.tell({ state: 'live', reason: 'open', cursor: 'e.0' });
      page.bind();
    }
    const answers = async (): Promise<void> => {
      for (await page.pass(0); page.calls.length > 0; await page.pass(0)) for (const one of [...page.calls]) one.answer(world.answer(one.path, one.input), `e.${world.seq}`);
    };
    await answers();
    for (let step = 0; step < STEPS; step += 1) {
      await world.step();
      world.check(`after ${world.log.at(-1)}`);
    }
    // Everything comes to its end.
    for (const entry of desk.entries) {
      if (entry.state === 'acked') continue;
      world.undo(entry);
      desk.drop(entry);
    }
    for (let turn = 0; turn < 6; turn += 1) {
      await answers();
      await page.pass(11_000);
    }
    await answers();
    await page.pass(1_000);
    if (desk.overlay.items.length > 0) world.problems.push(`laid for ever: ${JSON.stringify(desk.overlay.items.map(({ entry }) => entry))}`);
    void page.queries.refetchQueries();
    await answers();
    const { data } = page.state('pages.getAll');
    const said = JSON.stringify((data as { items: Row[] }).items);
    if (said !== JSON.stringify([...world.rows.values()])) world.problems.push(`in the end ${said}, the server has ${JSON.stringify([...world.rows.values()])}`);
    for (const report of page.reports) world.problems.push(`reported: ${String(report)}`);
    if (world.problems.length > 0) throw new Error(`PATHCAST_SEED=${seed}: ${world.problems.slice(0, 3).join('\n')}\nsteps: ${world.log.join(', ')}`);
  } finally {
    for (const end of unmount) end();
    desk.end();
  }
}

const CORES: [string, typeof newest][] = [['newest', newest], ['5.62', oldest as unknown as typeof newest]];

/** Walks that failed once. 283053: a fetch was cancelled after an undo, and the library put back its own copy of what was undone to. */
const FAILED = [283_053];

test.each(CORES)('query-core %s: walks that failed once', async (_, core) => {
  for (const seed of FAILED) await walk(seed, core);
});

test.each(CORES)('query-core %s: what a person set is shown until somebody else sets it, whatever happens', async (_, core) => {
  const given = process.env['PATHCAST_SEED'];
  const seed = runSeed();
  for (let nth = 0; nth < (given ? 1 : WALKS); nth += 1) await walk((seed + nth) >>> 0, core);
});
