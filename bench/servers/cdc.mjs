/**
 * What reads the changes of a PostgreSQL, as BENCH_CDC says: `worker` (createCdc over a hub: in memory, or with BENCH_REDIS), `library` (pg-logical-replication's loop with its pgoutput
 * plugin, which acknowledges each message) or `polling` (`pg_logical_slot_get_changes` with wal2json, again and again). All count the rows of the table `changes`, and take the time out of
 * their column `at`: the library and the poller when they have the row, the worker when its action is in the log, heard by a stream of the hub.
 */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { LogicalReplicationService, PgoutputPlugin } from 'pg-logical-replication';
import { createHub } from '../../dist/esm/index.js';
import { createCdc } from '../../dist/esm/postgres/index.js';
import { serve } from './control.mjs';

const { BENCH_CDC: kind = 'worker', BENCH_POSTGRES: connection = '{}', BENCH_REDIS: redis, BENCH_POLL_MS: pollMs = '100', BENCH_COMPANIES: companies = '1' } = process.env;
const config = JSON.parse(connection);
const TABLE = 'changes';
const PUBLICATION = 'bench';

/** Rows seen, and how old each was, µs, while `timed`. */
let seen = 0;
let timed = false;
let ages = [];
let wake = () => undefined;

const age = (at) => {
  if (timed) ages.push((performance.timeOrigin + performance.now()) * 1e3 - Number(at));
};
const count = (rows) => {
  seen += rows;
  wake();
};

async function worker(slot) {
  // That everybody reads again, as nobody has been told anything, is right here.
  const logger = { warn: () => undefined, error: (_about, text) => process.stderr.write(`${text}\n`) };
  const hub = createHub({ engine: 'native', logger, limits: { perUser: 0, perCompany: 0 }, ...(redis && { redis: { url: `redis+unix://${redis}`, publishWaitMs: 60_000 } }) });
  await hub.ready();
  const cdc = createCdc({ hub, connection: config, publication: PUBLICATION, slot, map: { [TABLE]: { tenant: 'company_id', paths: ['guests.getAll', 'guests.getStats'], data: ['at'] } } });
  let told = 0;
  cdc.on('written', () => {
    const { changes } = cdc.metrics();
    count(changes - told);
    told = changes;
  });
  // They end with the hub.
  if (timed) for (let n = 0; n < Number(companies); n++) listen(hub, `company-${n}`).catch(() => undefined);
  await cdc.start();
  return async () => {
    await cdc.close();
    await hub.close({ flushMs: 0 });
  };
}

async function listen(hub, companyId) {
  for await (const event of hub.stream({ companyId, userId: 'bench' })) if (event.data?.at !== undefined) age(event.data.at);
}

async function library(slot) {
  const service = new LogicalReplicationService(config);
  service.on('data', (_lsn, message) => {
    if (message.tag !== 'insert') return;
    age(message.new.at);
    count(1);
  });
  const started = new Promise((resolve, reject) => service.once('start', resolve).once('error', reject));
  service.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: [PUBLICATION] }), slot).catch(() => undefined);
  await started;
  return () => service.stop();
}

async function polling(slot) {
  const client = new pg.Client(config);
  await client.connect();
  let over = false;
  const text = "SELECT data FROM pg_logical_slot_get_changes($1, NULL, $2, 'format-version', '2', 'add-tables', 'public.changes', 'include-transaction', 'false')";
  const loop = (async () => {
    while (!over) {
      // As people poll: so many at a time, at once again where there were so many. A transaction is never parted.
      const { rows } = await client.query(text, [slot, 10_000]);
      for (const { data } of rows) age(JSON.parse(data).columns.find(({ name }) => name === 'at').value);
      count(rows.length);
      if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, Number(pollMs)));
    }
  })();
  return async () => {
    over = true;
    await loop;
    await client.end();
  };
}

const KINDS = { worker, library, polling };
let stop = async () => undefined;

const resident = () => Number(/^Rss:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]) * 1_024;
/** ms between two looks at the memory of the process. */
const LOOK_MS = 20;

/** Reads the slot until so many rows were seen. ms, and bytes that the process had more than before, at most. */
async function drain({ slot, rows }) {
  globalThis.gc();
  const before = resident();
  let most = before;
  const look = setInterval(() => (most = Math.max(most, resident())), LOOK_MS);
  seen = 0;
  const from = performance.now();
  stop = await KINDS[kind](slot);
  while (seen < rows) await new Promise((resolve) => (wake = resolve));
  const ms = performance.now() - from;
  clearInterval(look);
  most = Math.max(most, resident());
  await stop();
  if (seen !== rows) throw new Error(`${seen} rows were seen, not ${rows}`);
  return { ms, grown: most - before };
}

/** Begins to read what is written from now on, and to time it. */
async function begin({ slot }) {
  timed = true;
  ages = [];
  seen = 0;
  stop = await KINDS[kind](slot);
}

/** µs, when so many rows were timed. */
async function end({ rows }) {
  while (seen < rows || ages.length < rows) await new Promise((resolve) => setTimeout(resolve, 10));
  await stop();
  if (ages.length !== rows) throw new Error(`${ages.length} rows were timed, not ${rows}`);
  ages.sort((a, b) => a - b);
  return { p50: ages[Math.floor(rows * 0.5)], p99: ages[Math.min(rows - 1, Math.floor(rows * 0.99))] };
}

serve({ port: 0, send: () => undefined, commands: { drain, begin, end } });
