/**
 * Whatever dies, every committed change is told once, none that was rolled back is, in the order of the commits; or everybody is told to read again. A real PostgreSQL, a real Redis, and
 * workers that are killed.
 */
import path from 'node:path';
import { createCdc, type Cdc, type CdcOptions } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { endChild } from '../support/child.js';
import { PostgresServer } from '../support/postgres.js';
import { Program } from '../support/program.js';
import { makeRandom, runSeed, type Random } from '../support/random.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';
import { GUESTS, GUEST_TABLE } from './guests.js';
import type { WorkerArguments } from './programs/worker.js';
import { heardOf, TENANTS, Writer } from './writer.js';

/** Deaths of a worker in one run; issue 12 shows 500 of them. */
const KILLS = Number(process.env['PATHCAST_CDC_KILLS'] ?? 12);
const LOG = { maxActions: 100_000 };

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const seed = runSeed();
let benches = 0;

class Bench {
  readonly prefix = `faults${String((benches += 1))}`;
  readonly random: Random = makeRandom(seed);
  readonly writer: Writer;
  readonly hub: Hub;

  private constructor(readonly postgres: PostgresServer, log: 'memory' | 'Redis') {
    this.writer = new Writer(postgres.url(), this.random);
    closing.push(() => this.writer.end());
    this.hub = this.node(log);
  }

  static async start(settings: Record<string, string> = {}, log: 'memory' | 'Redis' = 'Redis'): Promise<Bench> {
    const postgres = await PostgresServer.start({ settings });
    closing.push(() => postgres.end());
    await postgres.sql(GUEST_TABLE);
    const bench = new Bench(postgres, log);
    await within(bench.hub.ready(), 'the hub');
    return bench;
  }

  node(log: 'memory' | 'Redis' = 'Redis', server: RedisServer = redis): Hub {
    const hub = createHub({ engine: 'js', log: LOG, ...(log === 'Redis' && { redis: { client: server.client(), prefix: this.prefix } }) });
    // What is told here is looked at where it is meant.
    for (const kind of ['warning', 'error'] as const) hub.on(kind, () => undefined);
    closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
    return hub;
  }

  async worker(hub = this.hub, more: Partial<CdcOptions> = {}): Promise<Cdc> {
    const cdc = createCdc({ hub, connection: this.postgres.url(), map: GUESTS, ...more });
    closing.push(() => within(cdc.close(), 'the worker to close'));
    await within(cdc.start(), 'the worker to start');
    return cdc;
  }

  /** All that was committed is in the log, once and in order. `resyncs`: of each tenant. */
  async check(resyncs?: number): Promise<void> {
    for (const tenant of TENANTS) {
      const expected = this.writer.committed.get(tenant) ?? [];
      let heard = await heardOf(this.hub, tenant);
      const isWhole = async (): Promise<boolean> => (heard = await heardOf(this.hub, tenant)).changes.length >= expected.length;
      await waitFor(isWhole, `all changes of ${tenant} (seed ${String(seed)})`).catch(() => undefined);
      expect(heard.changes).toEqual(expected);
      if (resyncs !== undefined) expect(heard.resyncs).toBe(resyncs);
    }
  }

  async toldAll(resyncs: number): Promise<void> {
    for (const tenant of TENANTS) await waitFor(async () => (await heardOf(this.hub, tenant)).resyncs >= resyncs, `${tenant} to be told that everything may be stale`);
  }
}

test(`a worker that is killed ${String(KILLS)} times, at any moment, loses nothing, tells nothing twice, and needs no resync`, async () => {
  const bench = await Bench.start();
  const program = new Program(path.join(__dirname, 'programs', 'worker.ts'));
  closing.push(() => program.end());
  const args: WorkerArguments = { url: bench.postgres.url(), slot: 'pathcast', redis: redis.socket, prefix: bench.prefix };
  let writing = true;
  let kills = 0;
  const first = program.run(JSON.stringify(args));
  for (let line = await within(first.line, 'a state'); line !== 'streaming'; ) line = await within(first.next(), 'a state');
  const written = (async () => {
    // A log that is full would forget the first.
    while (writing) {
      await bench.writer.write();
      await new Promise((resolve) => setTimeout(resolve, bench.random.below(20)));
    }
  })();
  let { child } = first;
  for (; kills < KILLS; kills++) {
    await new Promise((resolve) => setTimeout(resolve, bench.random.below(250)));
    await endChild(child);
    const next = program.run(JSON.stringify(args));
    // Half of them die before they read.
    if (bench.random.chance(0.5)) for (let line = await within(next.line, 'a state'); line !== 'streaming'; ) line = await within(next.next(), 'a state');
    else next.line.catch(() => undefined);
    ({ child } = next);
  }
  writing = false;
  await written;
  await bench.check(0);
  expect([...bench.writer.committed.values()].flat().length).toBeGreaterThan(KILLS);
}, 120_000 + KILLS * 2_000);

test('a PostgreSQL that crashes again and again, with its slot back where its last checkpoint was', async () => {
  const bench = await Bench.start();
  const cdc = await bench.worker();
  for (let crash = 0; crash < 4; crash++) {
    await bench.writer.some(40);
    if (crash % 2 === 0) await bench.postgres.sql('CHECKPOINT');
    await bench.writer.some(10 + bench.random.below(30));
    await bench.writer.end();
    await bench.postgres.crash();
    await waitFor(() => cdc.status().state === 'connecting' && cdc.status().reason !== undefined, 'the worker to see it');
    await bench.postgres.up();
  }
  await bench.writer.some(20);
  await bench.check(0);
  expect(cdc.metrics()).toMatchObject({ resyncs: 1, poison: 0 });
});

test('a second worker waits, and goes on where the first one ended: nothing is missing, nothing comes twice', async () => {
  const bench = await Bench.start();
  const first = await bench.worker();
  const other = bench.node();
  await within(other.ready(), 'the other hub');
  const second = await bench.worker(other);
  expect(second.status().state).toBe('standby');
  await bench.writer.some(50);
  const both = (async () => {
    for (let n = 0; n < 60; n++) await bench.writer.write();
  })();
  await first.close();
  await both;
  await waitFor(() => second.status().state === 'streaming', 'the second to read');
  await bench.writer.some(10);
  await bench.check(0);
  expect(second.metrics()).toMatchObject({ resyncs: 0 });
});

test('a slot that was dropped is made anew, and everybody is told to read again', async () => {
  const bench = await Bench.start();
  const first = await bench.worker();
  await bench.writer.some(30);
  await bench.check(0);
  await first.close();
  await bench.writer.some(5);
  await bench.postgres.sql(`SELECT pg_drop_replication_slot('pathcast')`);
  await bench.writer.some(5);
  const second = await bench.worker();
  await bench.toldAll(1);
  expect(second.metrics()).toMatchObject({ resyncs: 1 });
  // By hand, with the same name, by somebody else: nothing in it says so.
  await second.close();
  await bench.postgres.sql(`SELECT pg_drop_replication_slot('pathcast')`);
  await bench.writer.some(5);
  await bench.postgres.sql(`SELECT pg_create_logical_replication_slot('pathcast', 'pgoutput')`);
  const third = await bench.worker();
  await bench.toldAll(2);
  expect(third.metrics()).toMatchObject({ resyncs: 1 });
  await third.close();
  // And one that somebody else has read from.
  await bench.writer.some(5);
  await bench.postgres.sql(`SELECT count(*) FROM pg_logical_slot_get_binary_changes('pathcast', NULL, NULL, 'proto_version', '1', 'publication_names', 'pathcast')`);
  await bench.worker();
  await bench.toldAll(3);
});

/** Fills the WAL until a slot that nobody reads is given up. */
async function fillWal(bench: Bench): Promise<void> {
  for (let n = 0; n < 40; n++) {
    await bench.postgres.sql(`INSERT INTO noise (text) SELECT repeat('x', 1000) FROM generate_series(1, 2000); SELECT pg_switch_wal(); CHECKPOINT`);
    if ((await bench.postgres.value(`SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'pathcast'`)) === 'lost') return;
  }
  throw new Error('the slot was not given up');
}

const TINY = { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB', wal_keep_size: '0' };

test('a slot that PostgreSQL gave up while no worker ran is made anew, and everybody is told to read again', async () => {
  const bench = await Bench.start(TINY);
  const first = await bench.worker();
  await bench.writer.some(30);
  await bench.check(0);
  await first.close();
  await fillWal(bench);
  await bench.worker();
  await bench.toldAll(1);
  const before = await heardOf(bench.hub, 'acme');
  await bench.postgres.sql(`INSERT INTO guests VALUES ('later', 'acme')`);
  await waitFor(async () => (await heardOf(bench.hub, 'acme')).changes.length > before.changes.length, 'the next change');
});

test('a slot that PostgreSQL gives up under a worker whose Redis stands still: everybody is told when Redis is back', async () => {
  const bench = await Bench.start({ ...TINY, wal_sender_timeout: '5s' });
  const stalled = await RedisServer.start();
  closing.push(() => stalled.end());
  const hub = bench.node('Redis', stalled);
  await within(hub.ready(), 'the hub');
  const cdc = await bench.worker(hub);
  await hub.broadcast({ companyId: 'acme', type: 'insert', module: 'm', entityId: 'x', queryPaths: ['guests'], userId: 'ann' });
  await stalled.stop();
  await bench.writer.some(5);
  await fillWal(bench);
  await waitFor(() => cdc.status().state !== 'streaming', 'the worker to lose its stream');
  stalled.cont();
  await waitFor(() => cdc.metrics().resyncs === 2, 'everybody to be told');
  expect((await heardOf(hub, 'acme')).resyncs).toBe(1);
});

test('a Redis that stands still for longer than wal_sender_timeout: the connection stays, and all of it comes when Redis is back', async () => {
  const bench = await Bench.start({ wal_sender_timeout: '5s' });
  const stalled = await RedisServer.start();
  closing.push(() => stalled.end());
  const hub = bench.node('Redis', stalled);
  await within(hub.ready(), 'the hub');
  const cdc = await bench.worker(hub, { maxWaiting: 4 });
  await bench.writer.some(20);
  await stalled.stop();
  const from = Date.now();
  for (const tenant of TENANTS) await bench.writer.some(20 + tenant.length);
  await waitFor(() => Date.now() - from > 11_000, 'more than two times the timeout');
  expect(cdc.metrics().waiting).toBeGreaterThan(0);
  stalled.cont();
  for (const tenant of TENANTS) {
    const expected = bench.writer.committed.get(tenant) ?? [];
    await waitFor(async () => (await heardOf(hub, tenant)).changes.length >= expected.length, `all changes of ${tenant}`);
    expect((await heardOf(hub, tenant)).changes).toEqual(expected);
  }
  expect(cdc.metrics()).toMatchObject({ connections: 1, resyncs: 1 });
});

test('a standby that became the primary is another time line: everybody is told to read again, and it goes on', async () => {
  const bench = await Bench.start();
  const first = await bench.worker();
  await bench.writer.some(20);
  await bench.check(0);
  const standby = await bench.postgres.standby();
  closing.push(() => standby.end());
  await first.close();
  await expect(createCdc({ hub: bench.hub, connection: standby.url(), map: GUESTS }).start()).rejects.toThrow(/standby/);
  await bench.postgres.crash();
  await standby.promote();
  const cdc = createCdc({ hub: bench.hub, connection: standby.url(), map: GUESTS });
  closing.push(() => cdc.close());
  await within(cdc.start(), 'the worker to start');
  await bench.toldAll(1);
  const before = await heardOf(bench.hub, 'acme');
  await standby.sql(`INSERT INTO guests VALUES ('later', 'acme')`);
  await waitFor(async () => (await heardOf(bench.hub, 'acme')).changes.length > before.changes.length, 'the next change');
});

test('while nothing of the map changes, PostgreSQL keeps no WAL of other tables for the slot', async () => {
  const bench = await Bench.start();
  const cdc = await bench.worker();
  await bench.postgres.sql(`INSERT INTO noise (text) SELECT repeat('x', 1000) FROM generate_series(1, 5000)`);
  const reached = await bench.postgres.value('SELECT pg_current_wal_lsn()');
  const behind = `SELECT confirmed_flush_lsn >= '${reached}'::pg_lsn FROM pg_replication_slots`;
  await waitFor(async () => (await bench.postgres.value(behind)) === 't', 'the slot to go on');
  expect(cdc.metrics().actions).toBe(0);
});

test('a worker in the process of a hub in memory goes on after its connection is lost, and after it was closed and made anew', async () => {
  const bench = await Bench.start({}, 'memory');
  const first = await bench.worker();
  await bench.writer.some(20);
  // What listens to the worker's stop must not grow with its connections.
  const [added, removed] = (['addEventListener', 'removeEventListener'] as const).map((name) => jest.spyOn(EventTarget.prototype, name));
  for (let n = 0; n < 5; n++) {
    await bench.postgres.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
    await bench.writer.some(20);
    await waitFor(() => first.metrics().connections >= n + 2 && first.status().state === 'streaming', 'the connection to be lost, and another one');
  }
  const [adds, removes] = [added, removed].map((spy) => spy?.mock.calls.filter(([type]) => type === 'abort').length ?? 0);
  for (const spy of [added, removed]) spy?.mockRestore();
  expect(adds).toBeGreaterThan(0);
  expect(removes).toBe(adds);
  await bench.check(0);
  await first.close();
  await bench.writer.some(20);
  await bench.worker();
  await bench.check(0);
});
