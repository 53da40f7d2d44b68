/**
 * Random: writers at once in several companies, clients of the live endpoint that come, filter, are cut off and come back, and listeners inside of the process, on two nodes. The table is
 * the oracle: each hears all of its part of it, in order, once.
 */
import { createServer } from 'node:http';
import { Client } from 'pg';
import type { Activity } from '../../../lib/postgres/index.js';
import type { Hub } from '../../../lib/server/hub.js';
import { ENGINES } from '../../support/engines.js';
import { closeServers, listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { runSeed, withSeed, type Random } from '../../support/random.js';
import { RedisServer } from '../../support/redis.js';
import { waitFor, within } from '../../support/wait.js';
import { LiveClient } from './live-client.js';
import { world, type World } from './set-up.js';

const COMPANIES = ['acme', 'globex', 'initech'];
/** A client that hears one type alone learns by a heartbeat how far it is. */
const OPTIONS = { heartbeatMs: 1_000, limits: { perUser: 0, perCompany: 0 } };

let postgres: PostgresServer;
let redis: RedisServer;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
}, 120_000);
afterAll(async () => {
  await postgres?.end();
  await redis?.end();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  closeServers();
});

/** Some transactions over the companies; how many rows it has changed in each. */
async function writes(url: string, name: string, count: number, random: Random, told: (company: string, id: string) => Promise<unknown>): Promise<Map<string, number>> {
  const changed = new Map(COMPANIES.map((company) => [company, 0]));
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (let n = 0; n < count; n++) {
      const here = new Map<string, number>();
      const id = `${name}-${String(n)}`;
      await client.query('BEGIN');
      const company = random.pick(COMPANIES);
      if (random.chance(0.5)) await client.query(`SELECT pg_logical_emit_message(true, 'pathcast', $1)`, [JSON.stringify({ id, transactionId: id, companyId: company })]);
      for (let rows = 1 + random.below(3); rows > 0; rows--) {
        const to = random.chance(0.7) ? company : random.pick(COMPANIES);
        const { rowCount } = random.chance(0.6)
          ? await client.query('INSERT INTO pages VALUES ($1, $2, $3, $4)', [`${id}-${String(rows)}`, to, id, 'x'])
          : random.chance(0.5)
            ? await client.query('INSERT INTO attachments (company_id, size) VALUES ($1, 1)', [to])
            : await client.query(`UPDATE pages SET title = $1 WHERE company_id = $2 AND id = $3`, [id, to, `${name}-${String(random.below(count))}-1`]);
        here.set(to, (here.get(to) ?? 0) + (rowCount ?? 0));
      }
      if (random.chance(0.1)) {
        await client.query('ROLLBACK');
        continue;
      }
      await client.query('COMMIT');
      // As an app does: its own broadcast comes before the worker's, which is then a duplicate.
      if (random.chance(0.7)) await told(company, id);
      for (const [to, rows] of here) changed.set(to, (changed.get(to) ?? 0) + rows);
    }
  } finally {
    await client.end();
  }
  return changed;
}

/** A client that is cut off again and again, and what it has heard. */
async function restless(port: number, company: string, start: string, types: string, stop: { at?: number }, random: Random): Promise<{ seqs: number[]; resyncs: number }> {
  const seqs: number[] = [];
  let resyncs = 0;
  let last: string | undefined;
  for (;;) {
    const client = await LiveClient.open(port, `/organizations/${company}/live?live=sse&offset=${start}${types && `&entityTypes=${types}`}`, { 'x-user': 'ann', ...(last !== undefined && { 'last-event-id': last }) });
    let read = 0;
    const take = (): void => {
      for (; read < client.events.length; read++) {
        const { event, id } = client.events[read]!;
        if (event === 'change') seqs.push(Number(id?.split('.')[1]));
        if (event === 'resync') resyncs++;
        last = id ?? last;
      }
      if (client.ids.length > 0 && Number(client.ids.at(-1)?.split('.')[1]) > Number(last?.split('.')[1] ?? 0)) last = client.ids.at(-1);
    };
    const patience = 1 + random.below(12);
    const isThere = (): boolean => stop.at !== undefined && Number(last?.split('.')[1] ?? -1) >= stop.at;
    await waitFor(() => (take(), isThere() || (stop.at === undefined && read > patience)), `${company} to hear up to ${String(stop.at)}, it has ${String(last)}`);
    const done = isThere();
    client.close();
    if (done) return { seqs, resyncs };
  }
}

async function round(random: Random, w: World, worker: Hub, other: Hub): Promise<void> {
  const activities = w.activities(other, { entities: { pages: { rows: async (_company, ids) => ids.map((id) => ({ id })) } } });
  const port = await listen(createServer(activities.live({ identify: () => ({ userId: 'ann' }), organization: (name: string) => name, isAllowed: (_user, changes) => changes.map(() => true) })));
  const stops = new Map<string, { at?: number }>(COMPANIES.map((company) => [company, {}]));
  const clients: { company: string; types: string; from: number; heard: Promise<{ seqs: number[]; resyncs: number }> }[] = [];
  const come = async (): Promise<void> => {
    const company = random.pick(COMPANIES);
    const types = random.chance(0.3) ? 'attachments' : '';
    const { offset } = await activities.fetchActivities({ companyId: company, limit: 1 + random.below(20) });
    const start = random.chance(0.3) ? '-1' : offset;
    clients.push({ company, types, from: start === '-1' || start === '0' ? 0 : Number(offset.split('.')[1]), heard: restless(port, company, start, types, stops.get(company)!, random) });
  };
  const heard: { all: Activity[]; one: Activity[] } = { all: [], one: [] };
  const jobs = [
    activities.subscribe({}, async (activity) => {
      if (random.chance(0.2)) await new Promise((resolve) => setTimeout(resolve, 2));
      heard.all.push(activity);
      if (random.chance(0.05)) throw new Error('a listener that fails');
    }),
    activities.subscribe({ companyId: 'acme', entityTypes: ['pages'] }, (activity) => void heard.one.push(activity)),
  ];
  for (const job of jobs) await within(job.ready, 'its place');
  for (let n = 0; n < 4; n++) await come();
  const told = (company: string, id: string): Promise<unknown> => other.broadcast({ id, type: 'update', module: 'pages', entityId: '*', companyId: company, userId: 'ann', queryPaths: ['pages.getAll', 'attachments.getAll'] });
  const changed = await Promise.all(['w1', 'w2', 'w3'].map((name) => writes(w.url, name, 25, random, told)).concat((async () => (await come(), await come(), new Map<string, number>()))()));
  const total = (company: string): number => changed.reduce((sum, map) => sum + (map.get(company) ?? 0), 0);
  for (const company of COMPANIES) await waitFor(async () => Number((await w.sql(`SELECT count(*) FROM pathcast.activities WHERE company_id = '${company}'`))[0]?.[0]) >= total(company), `the ${String(total(company))} activities of ${company}`);
  // Nothing more is committed, and nothing rings any more: they must have been told already.
  const table = (await w.sql('SELECT company_id, seq, entity_type FROM pathcast.activities ORDER BY 1, 2')).map(([company, seq, type]) => ({ company, seq: Number(seq), type }));
  const of = (company: string, types: string, from: number): number[] => table.filter((row) => row.company === company && row.seq > from && (types === '' || row.type === types)).map(({ seq }) => seq);
  for (const company of COMPANIES) {
    expect(of(company, '', 0)).toEqual(Array.from({ length: total(company) }, (_, i) => i + 1));
    stops.get(company)!.at = total(company);
  }
  for (const { company, types, from, heard: hearing } of clients) {
    const result = await within(hearing, `a client of ${company}`, 60_000);
    expect({ company, types, ...result }).toEqual({ company, types, seqs: of(company, types, from), resyncs: 0 });
  }
  await waitFor(() => heard.all.length >= table.length && heard.one.length >= of('acme', 'pages', 0).length, 'the listeners');
  for (const company of COMPANIES) expect(heard.all.filter(({ companyId }) => companyId === company).map(({ seq }) => seq)).toEqual(of(company, '', 0));
  expect(heard.one.map(({ seq }) => seq)).toEqual(of('acme', 'pages', 0));
  void worker;
}

describe.each(ENGINES)('%s', (engine) => {
  test('in one process', async () => {
    await withSeed(runSeed(), async (random) => {
      const w = await world(postgres, closing);
      const hub = w.hub({ engine, ...OPTIONS });
      await w.worker(hub);
      await round(random, w, hub, hub);
    });
  }, 180_000);

  test('on two nodes that share a Redis: the worker on the one, the clients on the other', async () => {
    await withSeed(runSeed(), async (random) => {
      const w = await world(postgres, closing);
      const nodes = [0, 1].map(() => w.hub({ engine, ...OPTIONS, redis: { url: redis.unixUrl(), prefix: w.name } }));
      for (const node of nodes) await within(node.ready(), 'the node');
      await w.worker(nodes[0]!);
      await round(random, w, nodes[0]!, nodes[1]!);
    });
  }, 180_000);
});
