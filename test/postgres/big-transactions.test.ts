/**
 * A transaction of very many rows is one action a tenant, and costs what its tenants and paths cost, not its rows. `PATHCAST_CDC_ROWS=1000000` is the size that issue 12 shows.
 */
import { createCdc } from '../../lib/postgres/index.js';
import { createHub } from '../../lib/server/hub.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';
import { GUEST_TABLE } from './guests.js';

const ROWS = Number(process.env['PATHCAST_CDC_ROWS'] ?? 100_000);

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start({ settings: { wal_sender_timeout: '5s', max_wal_size: '4GB', max_slot_wal_keep_size: '8GB' } });
  await postgres.sql(GUEST_TABLE);
}, 120_000);
afterAll(() => postgres?.end());

test(`${String(ROWS)} rows of three tenants in one transaction, with paths that are the same and with paths of their own`, async () => {
  const hub = createHub({ engine: 'js' });
  const told: unknown[] = [];
  for (const kind of ['warning', 'error'] as const) hub.on(kind, (what) => told.push(what));
  let calls = 0;
  const cdc = createCdc({
    hub,
    connection: postgres.url(),
    map: { guests: { tenant: 'company_id', paths: ({ op, entityId, value }) => (op === 'insert' ? ['guests.getAll'] : ((calls += 1), [`rooms${String(Number(entityId) % 20_000)}.${value('name') ?? ''}`])) } },
  });
  try {
    await within(cdc.start(), 'the worker to start');
    const actions = async (companyId: string): Promise<SyncAction[]> => (await hub.readLog(companyId)).actions.map((text) => JSON.parse(text) as SyncAction);
    const fill = `INSERT INTO guests SELECT i::text, 'c' || i % 3, 'n' || i FROM generate_series(1, ${String(ROWS)}) i`;
    const from = performance.now();
    await postgres.sql(fill);
    await waitFor(async () => (await actions('c0')).length === 1, 'the action', 180_000);
    const insertMs = performance.now() - from;
    for (const companyId of ['c0', 'c1', 'c2']) expect(await actions(companyId)).toMatchObject([{ type: 'insert', module: 'guests', entityId: '*', queryPaths: ['guests.getAll'] }]);
    // As many paths as rows: first segments are too many for one action as well.
    global.gc?.();
    await postgres.sql(`UPDATE guests SET name = name || 'x'`);
    await waitFor(async () => (await actions('c0')).length === 2, 'the action', 180_000);
    for (const companyId of ['c0', 'c1', 'c2']) expect((await actions(companyId)).at(-1)).toMatchObject({ type: 'update', queryPaths: ['*'] });
    // Beyond the bound nobody asks the map any more.
    expect(calls).toBeLessThan(ROWS);
    expect(cdc.metrics()).toMatchObject({ commits: 2, changes: 2 * ROWS, actions: 6, connections: 1, poison: 0 });
    process.stdout.write(`${String(ROWS)} rows: insert to log ${insertMs.toFixed(0)} ms; rss ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB\n`);
  } finally {
    await within(cdc.close(), 'the worker to close');
    await hub.close();
  }
}, 600_000);
