/**
 * Two people edit random fields of one row, remove it, resolve conflicts, at once and one after the other, while psql
 * writes past them. No update is lost, and each conflict has the right base, mine, theirs and author. `PATHCAST_EDITS=10000` says how many schedules.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { transactionTables } from '../../../lib/postgres/transactions/index.js';
import { PostgresServer } from '../../support/postgres.js';
import { runSeed, makeRandom, type Random } from '../../support/random.js';
import { STORES, TABLES, txApp, type TxApp } from '../../support/tx-app.js';
import { after, type Edit, type Outcome, type Row, type Told, type Value, type World, type Write } from './oracle.js';

const SCHEDULES = Number(process.env['PATHCAST_EDITS'] ?? 120);
const STEPS = 14;
/** At once, each of a row of its own. */
const LANES = 6;
const TIMEOUT_MS = 120_000 + SCHEDULES * 1_500;

const FIELDS = ['title', 'body', 'size'] as const;
const VALUES: Record<string, readonly Value[]> = { title: ['a', 'b', 'c', null], body: ['x', 'y', 'z', ''], size: [0, 1, 2, null] };
const NOTHING: World = { row: undefined, written: {}, removedBy: undefined };

let server: PostgresServer;
let apps: TxApp[];
beforeAll(async () => {
  server = await PostgresServer.start({ settings: { max_connections: '100' } });
  await server.sql(TABLES);
  await server.sql(transactionTables());
  apps = STORES.map((store) => txApp(server, { store, waitMs: 60_000 }));
  for (const app of apps) await app.bind();
});
afterAll(async () => {
  for (const app of apps) await app.end();
  await server.end();
});

/** What a user has on the screen. */
interface Page {
  user: string;
  app: TxApp;
  row: Row | undefined;
  versions: Record<string, string>;
}

async function read(page: Page, id: string): Promise<void> {
  const { rows } = await page.app.pool.query<Row>('SELECT id, title, body, size FROM pages WHERE id = $1', [id]);
  const versions = await page.app.sync.fieldVersions({ store: page.app.store, companyId: 'acme', entity: 'pages', rows });
  const [row] = rows;
  page.row = row && Object.fromEntries(FIELDS.map((field) => [field, row[field] ?? null]));
  page.versions = versions[id] ?? {};
}

interface Doing {
  edit: Edit;
  run: () => Promise<Outcome>;
}

class Lane {
  readonly #random: Random;
  readonly #id: string;
  readonly #pages: Page[];
  readonly #past: boolean;
  /** Fields that psql has written in this schedule: what it wrote and something else replaced has no version. */
  readonly unrecorded = new Set<string>();

  constructor(random: Random, id: string) {
    this.#random = random;
    this.#id = id;
    this.#past = random.chance(0.5);
    const app = random.pick(apps);
    this.#pages = ['ann', 'bob'].map((user) => ({ user, app: random.chance(0.3) ? random.pick(apps) : app, row: undefined, versions: {} }));
  }

  #row(): Row {
    return Object.fromEntries(FIELDS.map((field) => [field, this.#random.pick(VALUES[field]!)]));
  }

  async begin(): Promise<World[]> {
    const row = this.#row();
    await this.#psql(row);
    for (const page of this.#pages) await read(page, this.#id);
    return [{ ...NOTHING, row }];
  }

  async #psql(row: Row | undefined): Promise<Outcome> {
    const { pool } = apps[0]!;
    if (!row) await pool.query('DELETE FROM pages WHERE id = $1', [this.#id]);
    else await pool.query('INSERT INTO pages (id, title, body, size) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET title = $2, body = $3, size = $4', [this.#id, row['title'], row['body'], row['size']]);
    return { kind: 'done' };
  }

  /** One or two things that are done at once. Resolves to what may be so now: of two that are done at once nobody sees the order. */
  async step(world: readonly World[]): Promise<World[]> {
    const random = this.#random;
    if (this.#past && random.chance(0.12)) {
      const row = random.chance(0.25) ? undefined : this.#row();
      for (const field of FIELDS) this.unrecorded.add(field);
      return this.#check(world, [{ edit: { kind: 'psql', row }, run: () => this.#psql(row) }]);
    }
    for (const page of this.#pages) if (!page.row || random.chance(0.3)) await read(page, this.#id);
    const who = random.chance(0.5) ? this.#pages : [random.pick(this.#pages)];
    const doings = who.flatMap((page) => (page.row ? [random.chance(0.08) ? this.#remove(page) : this.#edit(page)] : []));
    // Nobody has a row to edit: somebody makes it anew.
    if (doings.length === 0) {
      for (const field of FIELDS) this.unrecorded.add(field);
      const row = this.#row();
      return this.#check(world, [{ edit: { kind: 'psql', row }, run: () => this.#psql(row) }]);
    }
    return this.#check(world, doings);
  }

  #expected(page: Page): Record<string, string | null> {
    // A page that knows no more than the stream says has no version of what nobody has written.
    const onlyHeard = !this.#past && this.unrecorded.size === 0 && this.#random.chance(0.3);
    const known = (version: string | undefined): string | null => (version === undefined || (onlyHeard && version.startsWith('~')) ? null : version);
    return Object.fromEntries(FIELDS.map((field) => [field, known(page.versions[field])]));
  }

  #remove(page: Page): Doing {
    const seen = page.row!;
    const tx = { transactionId: randomUUID(), expected: this.#expected(page) };
    const writes = FIELDS.map((field): Write => ({ field, mine: undefined, seen: seen[field] }));
    return {
      edit: { kind: 'remove', user: page.user, writes },
      run: () => this.#settle(page, page.app.as(page.user).remove({ id: this.#id, tx }), () => ({ kind: 'done' })),
    };
  }

  #edit(page: Page): Doing {
    const random = this.#random;
    const seen = page.row!;
    const whole = random.chance(0.3);
    const fields = whole ? [...FIELDS] : FIELDS.filter(() => random.chance(0.5));
    if (fields.length === 0) fields.push(random.pick(FIELDS));
    const changed = whole && random.chance(0.5) ? FIELDS.filter(() => random.chance(0.5)) : undefined;
    // A whole form has what its user left alone, too.
    const changes = Object.fromEntries(fields.map((field) => [field, whole && random.chance(0.5) ? seen[field]! : random.pick(VALUES[field]!)]));
    const compares = random.chance(0.9);
    const tx = { transactionId: randomUUID(), expected: compares ? this.#expected(page) : undefined, changedFields: changed };
    const writes = fields.filter((field) => changed?.includes(field) ?? true).map((field): Write => ({ field, mine: changes[field]!, seen: seen[field] }));
    const wrote = (answer: { found: boolean; wrote: string[] }): Outcome => {
      if (!answer.found) page.row = undefined;
      else for (const field of answer.wrote) {
        page.row = { ...page.row, [field]: changes[field]! };
        page.versions = { ...page.versions, [field]: tx.transactionId };
      }
      return { kind: 'wrote', fields: answer.wrote };
    };
    return {
      edit: { kind: 'edit', user: page.user, writes, compares, named: changed !== undefined },
      run: () => this.#settle(page, page.app.as(page.user).update({ id: this.#id, changes, tx }), wrote),
    };
  }

  async #settle(page: Page, call: Promise<any>, done: (answer: any) => Outcome): Promise<Outcome> {
    try {
      return done(await call);
    } catch (error) {
      const { conflicts } = (error as { cause?: { conflicts?: (Told & { version: string })[] } }).cause ?? {};
      if (!conflicts) throw error;
      // The user decides about some of them, with what is told alone.
      if (this.#random.chance(0.6) && conflicts.every(({ theirs }) => theirs !== undefined)) {
        for (const { field, theirs, version } of conflicts) {
          page.row = { ...page.row, [field]: theirs! };
          page.versions = { ...page.versions, [field]: version };
        }
      } else page.row = undefined;
      return { kind: 'conflict', told: conflicts };
    }
  }

  async #check(worlds: readonly World[], doings: readonly Doing[]): Promise<World[]> {
    const outcomes = await Promise.all(doings.map(({ run }) => run()));
    const { rows } = await apps[0]!.pool.query<Row>('SELECT title, body, size FROM pages WHERE id = $1', [this.#id]);
    const now = rows[0] && { ...rows[0] };
    const orders = doings.length === 2 ? [[0, 1], [1, 0]] : [[0]];
    const wanted = worlds.flatMap((world) =>
      orders.map((order) => {
        let then = world;
        const all: Outcome[] = [];
        for (const at of order) {
          const { world: next, outcome } = after(then, doings[at]!.edit);
          then = next;
          all[at] = outcome;
        }
        return { then, all };
      }),
    );
    const fitting = wanted.filter(({ then, all }) => isDeepStrictEqual(then.row, now) && all.every((outcome, at) => this.#fits(outcome, outcomes[at]!)));
    if (fitting.length > 0) return [...new Map(fitting.map(({ then }) => [JSON.stringify(then), then])).values()];
    throw new Error(`row ${this.#id}: ${JSON.stringify({ before: worlds, edits: doings.map(({ edit }) => edit), got: outcomes, now, wanted }, null, 1)}`);
  }

  #fits(wanted: Outcome, got: Outcome): boolean {
    if (wanted.kind !== 'conflict' || got.kind !== 'conflict') return isDeepStrictEqual(wanted, got);
    const told = new Map(got.told.map((one) => [one.field, one]));
    return (
      told.size === wanted.told.length &&
      wanted.told.every(({ field, base, mine, theirs, by }) => {
        const one = told.get(field);
        // Of what psql wrote, and something else replaced before anybody wrote through the app, nothing is known.
        const hasBase = one && (one.base === base || (!('base' in one) && this.unrecorded.has(field)));
        return one && hasBase && one.mine === mine && one.theirs === theirs && one.by === by;
      })
    );
  }
}

test(
  'no update is lost, and each conflict is told as it is',
  async () => {
    const seed = runSeed();
    let begun = 0;
    const conflicts = { schedules: 0 };
    const lane = async (): Promise<void> => {
      while (begun < SCHEDULES) {
        const at = begun++;
        const one = new Lane(makeRandom(seed + at), `p${at}`);
        try {
          let worlds = await one.begin();
          for (let step = 0; step < STEPS; step++) worlds = await one.step(worlds);
        } catch (error) {
          throw new Error(`PATHCAST_SEED=${seed + at} PATHCAST_EDITS=1: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
        conflicts.schedules += 1;
      }
    };
    await Promise.all([...Array(LANES).keys()].map(lane));
    expect(conflicts.schedules).toBe(SCHEDULES);
  },
  TIMEOUT_MS,
);
