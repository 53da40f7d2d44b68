/** The worker that writes activities: what it makes of large transactions, lost slots, tables that are cut, times without it, and who may not write. */
import { createServer } from 'node:http';
import { activityTables } from '../../../lib/postgres/index.js';
import { ENGINES } from '../../support/engines.js';
import { closeServers, listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { waitFor, within } from '../../support/wait.js';
import { LiveClient } from './live-client.js';
import { TABLES, world, type World } from './set-up.js';

jest.setTimeout(60_000);

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 120_000);
afterAll(() => postgres?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  closeServers();
});

const until = (w: World, company: string, count: number): Promise<string[]> =>
  waitFor(async () => ((await w.rows(company)).length >= count ? w.rows(company) : undefined), `${String(count)} activities of ${company}`);

test('of a transaction with more rows than maxPerCommit one of each type stands for the others', async () => {
  const w = await world(postgres, closing);
  await w.worker(w.hub(), { activities: { maxPerCommit: 3 } });
  await w.sql(`BEGIN; INSERT INTO pages VALUES ('p1', 'acme'), ('p2', 'acme'), ('o1', 'other'), ('p3', 'acme'), ('p4', 'acme'), ('o2', 'other');
    INSERT INTO attachments (company_id) VALUES ('acme'), ('late'); UPDATE attachments SET size = 1 WHERE company_id = 'acme'; COMMIT`);
  expect(await until(w, 'acme', 4)).toEqual(['create pages p1', 'create pages p2', 'create pages *', 'update attachments *']);
  expect(await until(w, 'other', 2)).toEqual(['create pages o1', 'create pages *']);
  expect(await until(w, 'late', 1)).toEqual(['create attachments *']);
  await w.sql(`INSERT INTO pages VALUES ('p5', 'acme')`);
  expect((await until(w, 'acme', 5)).at(-1)).toBe('create pages p5');
});

test('TRUNCATE and another form of a table are told to every company that has activities; a move is for both', async () => {
  const w = await world(postgres, closing);
  await w.worker(w.hub());
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await w.sql(`INSERT INTO attachments (company_id) VALUES ('other')`);
  await w.sql(`UPDATE pages SET company_id = 'other'`);
  await w.sql('TRUNCATE attachments');
  await w.sql('ALTER TABLE pages ADD COLUMN more text');
  await w.sql(`INSERT INTO pages VALUES ('p2', 'acme')`);
  expect(await until(w, 'acme', 5)).toEqual(['create pages p1', 'delete pages p1', 'delete attachments *', 'create pages p2', 'update pages *']);
  expect(await until(w, 'other', 4)).toEqual(['create attachments 1', 'create pages p1', 'delete attachments *', 'update pages *']);
});

test('with a publication of all tables its own writing is told nobody, and comes to rest', async () => {
  const w = await world(postgres, closing, { tables: TABLES.replace('FOR TABLE pages, attachments', 'FOR ALL TABLES') });
  const hub = w.hub();
  const cdc = await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await until(w, 'acme', 1);
  await waitFor(() => cdc.metrics().commits >= 2, 'its own transaction to be read');
  await waitFor(async () => (await postgres.value(`SELECT confirmed_flush_lsn >= (SELECT max(commit_lsn) FROM pathcast.activities) FROM pg_replication_slots WHERE slot_name = '${w.name}'`, { database: w.name })) === 't', 'the commit to be acknowledged');
  expect(cdc.metrics()).toMatchObject({ changes: 1, actions: 1 });
  expect(await w.rows('acme')).toEqual(['create pages p1']);
});

test('who may not write them is told which right is missing, and a schema of its own has its own tables', async () => {
  const w = await world(postgres, closing, { schema: 'audit' });
  const user = `${w.name}_role`;
  await w.sql(`CREATE ROLE ${user} LOGIN REPLICATION; GRANT SELECT ON pages, attachments TO ${user}`);
  const hub = w.hub();
  const as = { connection: postgres.url(w.name, user), activities: { schema: 'audit' } };
  const why = await w.worker(hub, as).then(() => '', (error: Error) => error.message);
  const [, grants = ''] = /run: (GRANT .*)$/m.exec(why) ?? [];
  await w.sql(grants);
  await w.worker(hub, as);
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await waitFor(async () => (await w.sql('SELECT 1 FROM audit.activities')).length === 1, 'the activity');
  const activities = w.activities(hub, { schema: 'audit' });
  expect(await activities.fetchActivities({ companyId: 'acme' })).toMatchObject({ activities: [{ entityId: 'p1' }] });
  expect(() => activityTables({ schema: 'Bad' })).toThrow('schema must be');
});

describe.each(ENGINES)('%s', (engine) => {
  test('the app has broadcast the same transaction before: the doorbell rings all the same', async () => {
    const w = await world(postgres, closing);
    const hub = w.hub({ engine });
    await w.worker(hub);
    const port = await listen(createServer(w.activities(hub).live({ identify: () => ({ userId: 'ann', companyId: 'acme' }), isAllowed: (_user, changes) => changes.map(() => true) })));
    const client = await LiveClient.open(port, '/organizations/acme/live?live=sse');
    closing.push(async () => client.close());
    await client.until(({ events }) => events.length === 1, 'to be live');
    for (let n = 1; n <= 3; n++) {
      const id = `tx:${String(n)}`;
      await hub.broadcast({ id, type: 'insert', module: 'pages', entityId: '*', companyId: 'acme', userId: 'ann', queryPaths: ['pages.getAll'] });
      await w.sql(`BEGIN; SELECT pg_logical_emit_message(true, 'pathcast', '{"id": "${id}", "transactionId": "${String(n)}"}'); INSERT INTO pages VALUES ('p${String(n)}', 'acme'); COMMIT`);
      await client.until(({ changes }) => changes.length === n, 'the change');
    }
    expect((await hub.readLog('acme')).actions).toHaveLength(3);
  });

  test('a slot that is lost, and a time without activities: who follows is told to read all again, in the stream and by the offset', async () => {
    const w = await world(postgres, closing);
    const hub = w.hub({ engine });
    const first = await w.worker(hub);
    const activities = w.activities(hub);
    const port = await listen(createServer(activities.live({ identify: () => ({ userId: 'ann', companyId: 'acme' }), isAllowed: (_user, changes) => changes.map(() => true) })));
    const client = await LiveClient.open(port, '/organizations/acme/live?live=sse');
    closing.push(async () => client.close());
    const heard: string[] = [];
    const job = activities.subscribe({ companyId: 'acme' }, ({ entityType, entityId }) => void heard.push(`${entityType} ${entityId}`));
    await within(job.ready, 'its place');
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
    await client.until(({ changes }) => changes.length === 1, 'the change');
    const { offset } = await activities.fetchActivities({ companyId: 'acme' });
    await first.close();
    await w.sql(`SELECT pg_drop_replication_slot('${w.name}')`);
    await w.sql(`INSERT INTO pages VALUES ('missed', 'acme')`);
    const second = await w.worker(hub);
    await client.until(({ events }) => events.some(({ event }) => event === 'resync'), 'to be told');
    expect(client.events.find(({ event }) => event === 'resync')?.data).toMatchObject({ reason: 'life_changed' });
    await waitFor(() => heard.includes('* *'), 'the listener to be told');
    expect(await activities.fetchActivities({ companyId: 'acme', after: offset })).toMatchObject({ activities: [], resync: 'life_changed' });
    await w.sql(`INSERT INTO pages VALUES ('p2', 'acme')`);
    await client.until(({ changes }) => changes.includes('create p2'), 'what comes then');
    await second.close();
    // Without them for a while: the slot goes on, the table has a gap.
    const without = await w.worker(hub, { activities: false });
    await w.sql(`INSERT INTO pages VALUES ('unrecorded', 'acme')`);
    await waitFor(() => without.metrics().actions === 1, 'it to be told');
    await without.close();
    const resyncs = (): number => client.events.filter(({ event }) => event === 'resync').length;
    const before = resyncs();
    await w.worker(hub);
    await client.until(() => resyncs() > before, 'to be told again');
    await w.sql(`INSERT INTO pages VALUES ('p3', 'acme')`);
    await client.until(({ changes }) => changes.includes('create p3'), 'what comes then');
    expect(client.changes).toEqual(['create p1', 'create p2', 'create p3']);
    expect(await w.rows('acme')).toEqual(['create pages p1', 'update * *', 'create pages p2', 'update * *', 'create pages p3']);
  });
});
