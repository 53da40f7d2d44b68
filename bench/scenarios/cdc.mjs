/** Committed rows on their way out of PostgreSQL: what one costs the process that reads it, what a huge transaction takes, how late a row is under load. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, SERVER_CORE } from '../harness/child.mjs';
import { root } from '../harness/paths.mjs';
import { PostgresServer } from '../harness/postgres-server.mjs';
import { RedisServer } from '../harness/redis-server.mjs';
import { DELIVERY_MS } from '../harness/trial.mjs';

const READERS = {
  'cdc-worker': { kind: 'worker', plugin: 'pgoutput' },
  'cdc-worker-redis': { kind: 'worker', plugin: 'pgoutput', redis: true },
  'pg-logical-replication': { kind: 'library', plugin: 'pgoutput' },
  'wal2json-polling': { kind: 'polling', plugin: 'wal2json' },
};
const COMPANIES = 10;
const TABLE = `
CREATE TABLE changes (id bigserial, company_id text NOT NULL, name text, note text, at bigint, PRIMARY KEY (company_id, id));
CREATE PUBLICATION bench FOR TABLE changes`;
/** µs, by the clock that all processes of the machine have. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
const row = (i) => `INSERT INTO changes (company_id, name, note, at) VALUES ('company-${i % COMPANIES}', 'Ann Example', 'A guest of the bride, at table twelve', ${NOW})`;
/** Statements that the writer sends in one message. */
const BATCH = 200;

/** Each row a transaction of its own. */
async function oneByOne(postgres, rows) {
  for (let i = 0; i < rows; i += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, rows - i) }, (_, n) => `BEGIN; ${row(i + n)}; COMMIT;`);
    await postgres.client.query(some.join(''));
  }
}

const atOnce = (rows) =>
  `INSERT INTO changes (company_id, name, note, at) SELECT 'company-' || i % ${COMPANIES}, 'Ann Example', 'A guest of the bride, at table twelve', ${NOW} FROM generate_series(1, ${rows}) i`;

/** A slot of its own for each part, so that none reads what another one wrote. */
async function slot(postgres, name, plugin) {
  await postgres.client.query('SELECT pg_create_logical_replication_slot($1, $2)', [name, plugin]);
  return name;
}

async function withReader(subject, postgres, work, env = {}) {
  const { kind, redis: hasRedis } = READERS[subject];
  const redis = hasRedis ? await RedisServer.start() : undefined;
  const reader = new Child(subject, SERVER_CORE, [process.execPath, '--expose-gc', '--max-old-space-size=8192', path.join(root, 'bench/servers/cdc.mjs')], {
    BENCH_CDC: kind, BENCH_POSTGRES: JSON.stringify(postgres.connection), BENCH_COMPANIES: String(COMPANIES), ...(redis && { BENCH_REDIS: redis.socket }), ...env,
  });
  try {
    await reader.ready();
    return await work(reader);
  } finally {
    await reader.end();
    await redis?.end();
  }
}

/** CPU of the reader, all threads, and of PostgreSQL, until the former has so many rows of what stands in the slot. */
const drained = (subject, postgres, name, rows) =>
  withReader(subject, postgres, async (reader) => {
    const [before, postgresBefore] = [await reader.ask('usage'), postgres.cpuUs()];
    const { ms, grown } = await reader.ask('drain', { slot: name, rows }, 4 * DELIVERY_MS);
    const after = await reader.ask('usage');
    await postgres.dropSlot(name);
    const cpu = (after.userUs + after.systemUs - before.userUs - before.systemUs) / rows;
    return { perSecond: (rows * 1e3) / ms, cpu, postgresCpu: (postgres.cpuUs() - postgresBefore) / rows, grown };
  });

export const cdc = {
  name: 'cdc',
  about: 'rows of a PostgreSQL: each its own transaction, all in one, and so many a second; the worker has them in its log, the others have parsed them',
  subjects: Object.keys(READERS),
  trials: 3,
  native: true,
  parameters: { rows: 50_000, bulk: 1_000_000, ratePerSecond: 500, seconds: 20 },
  quick: { rows: 400, bulk: 2_000, ratePerSecond: 100, seconds: 1 },
  metrics: { perSecond: 'rows', cpu: 'us', postgresCpu: 'us', bulkPerSecond: 'rows', bulkCpu: 'us', bulkPostgresCpu: 'us', bulkRss: 'bytes', lagP50: 'us', lagP99: 'us', lagCpu: 'us' },
  trial: async (subject, { rows, bulk, ratePerSecond, seconds }) => {
    const { plugin } = READERS[subject];
    const postgres = await PostgresServer.start();
    try {
      await postgres.client.query(TABLE);
      const many = await slot(postgres, 'many', plugin);
      await oneByOne(postgres, rows);
      const single = await drained(subject, postgres, many, rows);

      const huge = await slot(postgres, 'huge', plugin);
      await postgres.client.query(atOnce(bulk));
      const whole = await drained(subject, postgres, huge, bulk);

      const loaded = await slot(postgres, 'loaded', plugin);
      const load = ratePerSecond * seconds;
      const lag = await withReader(subject, postgres, async (reader) => {
        await reader.ask('begin', { slot: loaded });
        const before = await reader.ask('usage');
        const from = performance.now();
        for (let i = 0; i < load; i++) {
          const wait = from + (i * 1e3) / ratePerSecond - performance.now();
          if (wait > 0) await sleep(wait);
          await postgres.client.query(row(i));
        }
        const times = await reader.ask('end', { rows: load }, DELIVERY_MS);
        const after = await reader.ask('usage');
        return { ...times, cpu: (after.userUs + after.systemUs - before.userUs - before.systemUs) / load };
      });
      return {
        perSecond: single.perSecond, cpu: single.cpu, postgresCpu: single.postgresCpu,
        bulkPerSecond: whole.perSecond, bulkCpu: whole.cpu, bulkPostgresCpu: whole.postgresCpu, bulkRss: whole.grown,
        lagP50: lag.p50, lagP99: lag.p99, lagCpu: lag.cpu,
      };
    } finally {
      await postgres.end();
    }
  },
  ratios: [
    { of: 'cpu', against: 'cdc-worker', metric: 'cpuVsWorker' },
    { of: 'bulkCpu', against: 'cdc-worker', metric: 'bulkCpuVsWorker' },
    { of: 'bulkRss', against: 'cdc-worker', metric: 'bulkRssVsWorker' },
    { of: 'lagP50', against: 'cdc-worker', metric: 'lagVsWorker' },
  ],
  // A million rows cost what their companies and paths cost.
  targets: ['cdc-worker', 'cdc-worker-redis'].map((subject) => ({ subject, metric: 'bulkRss', atMost: 64 * 2 ** 20 })),
};
