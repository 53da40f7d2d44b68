/** How far the worker is behind, in seconds and bytes, and how long PostgreSQL keeps its slot: honest also where nothing comes. */
import { checkMap } from '../../lib/postgres/changes/mapping.js';
import { createCdc, type Cdc, type CdcOptions } from '../../lib/postgres/index.js';
import { decoderOf } from '../../lib/postgres/server/encodings.js';
import { Acker } from '../../lib/postgres/stream/acker.js';
import { Intake } from '../../lib/postgres/stream/intake.js';
import { Lag } from '../../lib/postgres/worker/lag.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { pgoutput, walData } from '../support/pgoutput-bytes.js';
import { PostgresServer } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';
import { GUESTS, GUEST_TABLE } from './guests.js';

describe('Lag', () => {
  const nothing = { acked: 100n, oldest: undefined };

  test('it is 0 where the WAL is no further than the log, however long nothing comes', () => {
    const lag = new Lag();
    lag.looked(100n, 1_000, 0);
    expect(lag.seconds(nothing, 900_000, 0)).toBe(0);
    lag.looked(100n, 901_000, 0);
    expect(lag.seconds(nothing, 2_000_000, 0)).toBe(0);
  });

  test('what was not read is as old as the first look that saw it, and no older', () => {
    const lag = new Lag();
    lag.looked(90n, 0, 0);
    lag.looked(110n, 10_000, 0);
    lag.looked(120n, 20_000, 0);
    expect(lag.seconds(nothing, 25_000, 0)).toBe(15);
    expect(lag.seconds({ acked: 110n, oldest: undefined }, 26_000, 0)).toBe(6);
    expect(lag.seconds({ acked: 120n, oldest: undefined }, 27_000, 0)).toBe(0);
  });

  test('of a transaction that was read the commit counts, by the clock of PostgreSQL; what waits unread may be older', () => {
    const lag = new Lag();
    // PostgreSQL's clock is an hour ahead.
    lag.looked(110n, 50_000, 3_600_000);
    expect(lag.seconds({ acked: 100n, oldest: 3_600_000 + 996_000 }, 51_000, 1_000_000)).toBe(4);
    expect(lag.seconds({ acked: 100n, oldest: 3_600_000 + 1_000_000 }, 59_000, 1_000_000)).toBe(9);
    // A commit of the future is as young as can be.
    expect(lag.seconds({ acked: 110n, oldest: 3_600_000 + 1_005_000 }, 60_000, 1_000_000)).toBe(0);
  });

  test('after everybody was told that everything may be stale nothing is behind', () => {
    const lag = new Lag();
    lag.looked(110n, 0, 0);
    lag.reset();
    expect(lag.seconds(nothing, 60_000, 0)).toBe(0);
  });

  test('days without an answer keep the oldest look, and no more than an hour of looks', () => {
    const lag = new Lag();
    for (let n = 0; n < 20_000; n++) lag.looked(BigInt(101 + n), n * 10_000, 0);
    expect(lag.seconds(nothing, 200_000_000, 0)).toBe(200_000);
    // It is 101,000 s old; 180 to 360 looks of 200,000 s know it to 1,200 s.
    const half = lag.seconds({ acked: 10_000n, oldest: undefined }, 200_000_000, 0);
    expect(half).toBeGreaterThan(101_000 - 1_200);
    expect(half).toBeLessThanOrEqual(101_000);
  });
});

test('a transaction that is being read is behind since its commit, one that is in the log already is not', () => {
  const acker = new Acker({ acked: 0n, written: 105n, statusEveryMs: 1_000, silenceMs: 1_000, now: 0 });
  const host = { committed: () => undefined, poison: () => undefined, odd: () => undefined };
  const intake = new Intake(acker, { tables: checkMap(GUESTS), forms: new Map(), maxPaths: 100, maxDataBytes: 100, decode: decoderOf('UTF8') }, host, { commits: 0, changes: 0, skipped: 0 });
  const take = (bytes: Buffer): void => intake.take(walData(0n, bytes), 0);
  take(pgoutput.begin(100n, 1_764_345_600_000));
  expect(intake.openSince).toBeUndefined();
  take(pgoutput.commit(100n, 105n, 1_764_345_600_000));
  take(pgoutput.begin(110n, 1_764_345_601_000));
  expect(intake.openSince).toBe(1_764_345_601_000);
  take(pgoutput.commit(110n, 115n, 1_764_345_601_000));
  expect(intake.openSince).toBeUndefined();
});

describe('on a server', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await PostgresServer.start({ settings: { max_slot_wal_keep_size: '64MB' } });
    await postgres.sql(GUEST_TABLE);
  }, 120_000);
  afterAll(() => postgres?.end());

  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function node(redis?: RedisServer): Hub {
    const hub = createHub({ engine: 'js', ...(redis && { redis: { client: redis.client() } }) });
    for (const kind of ['warning', 'error'] as const) hub.on(kind, () => undefined);
    closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
    return hub;
  }

  function workerOf(hub: Hub, slot: string, more: Partial<CdcOptions> = {}): Cdc {
    const cdc = createCdc({ hub, connection: postgres.url(), map: GUESTS, slot, ...more });
    closing.push(() => within(cdc.close(), 'the worker to close'));
    return cdc;
  }

  /** The next look after what the test has done. */
  async function looked(cdc: Cdc): Promise<void> {
    const before = cdc.metrics().slot;
    await waitFor(() => cdc.metrics().slot !== before, 'the next look');
  }

  const lagOf = (cdc: Cdc): number => cdc.metrics().lagSeconds ?? NaN;

  test('an idle database, and one in which other tables alone are written, are no lag; without the slot nothing is known', async () => {
    const cdc = workerOf(node(), 'idle');
    expect(cdc.metrics()).toMatchObject({ lagSeconds: null, slot: null });
    await within(cdc.start(), 'the worker to start');
    await waitFor(() => cdc.metrics().slot !== null, 'the first look');
    await waitFor(() => lagOf(cdc) === 0, 'no lag');
    await postgres.sql(`INSERT INTO noise (text) SELECT repeat('x', 1000) FROM generate_series(1, 5000)`);
    await looked(cdc);
    await waitFor(() => lagOf(cdc) === 0, 'no lag of what is not mapped');
    const second = workerOf(node(), 'idle');
    await within(second.start(), 'the second to wait');
    expect(second.metrics()).toMatchObject({ state: 'standby', lagSeconds: null });
    await cdc.close();
    expect(cdc.metrics().lagSeconds).toBe(null);
  }, 90_000);

  test('while Redis stands still the lag grows with the time, in seconds and in bytes; it is 0 when all is in the log', async () => {
    const redis = await RedisServer.start();
    closing.push(() => redis.end());
    const hub = node(redis);
    await within(hub.ready(), 'the hub');
    const cdc = workerOf(hub, 'stalled', { maxWaiting: 1 });
    await within(cdc.start(), 'the worker to start');
    await postgres.sql(`INSERT INTO guests VALUES ('before', 'acme')`);
    await waitFor(() => cdc.metrics().commits === 1 && lagOf(cdc) === 0, 'it to be in the log');
    await redis.stop();
    const from = performance.now();
    await postgres.sql(`INSERT INTO guests VALUES ('first', 'acme')`);
    const committed = performance.now();
    await waitFor(() => cdc.metrics().waiting > 0, 'it to be read');
    for (const seconds of [1, 2, 4]) {
      await waitFor(() => lagOf(cdc) >= seconds, `a lag of ${String(seconds)} s`);
      expect(performance.now() - from).toBeGreaterThan(seconds * 1_000 - 100);
    }
    // It is as old as its commit: not older than the wait for it, and not younger than since then.
    const [least, lag, most] = [performance.now() - committed, lagOf(cdc) * 1_000, performance.now() - from];
    expect(lag).toBeGreaterThan(least - 500);
    expect(lag).toBeLessThan(most + 500);
    for (let n = 0; n < 3; n++) await postgres.sql(`INSERT INTO noise (text) SELECT repeat('x', 1000) FROM generate_series(1, 5000); SELECT pg_switch_wal()`);
    await looked(cdc);
    await waitFor(() => (cdc.metrics().slot?.secondsUntilLost ?? null) !== null, 'an estimate');
    const { slot } = cdc.metrics();
    expect(slot?.lagBytes).toBeGreaterThan(15_000_000);
    expect(slot?.retainedBytes).toBeGreaterThanOrEqual(slot?.lagBytes ?? NaN);
    expect(slot?.safeBytes).toBeGreaterThan(0);
    expect(slot?.safeBytes).toBeLessThan(128 << 20);
    redis.cont();
    await waitFor(() => lagOf(cdc) === 0, 'all to be in the log');
    await waitFor(async () => (await hub.readLog('acme')).actions.some((action) => action.includes('"first"')), 'the change');
    await waitFor(() => (cdc.metrics().slot?.lagBytes ?? Infinity) < 1_000_000, 'the slot to follow');
  }, 120_000);

  test('what PostgreSQL does not send is seen by the looks: they grow too, and so where Redis stood still before the start', async () => {
    const redis = await RedisServer.start();
    closing.push(() => redis.end());
    const hub = node(redis);
    await within(hub.ready(), 'the hub');
    const first = workerOf(hub, 'unread');
    await within(first.start(), 'the worker to start');
    await first.close();
    await redis.stop();
    await postgres.sql(`INSERT INTO guests VALUES ('unread', 'acme')`);
    const second = workerOf(hub, 'unread');
    const started = second.start();
    await waitFor(() => lagOf(second) > 2, 'a lag of what nobody has read');
    expect(second.metrics()).toMatchObject({ commits: 0, waiting: 0, state: 'checking' });
    redis.cont();
    await within(started, 'the worker to start');
    await waitFor(() => lagOf(second) === 0, 'all to be in the log');
    expect(second.metrics().commits).toBe(1);
  }, 90_000);
});
