/** What is committed becomes a row of the table of activities, in order, once; and what fetchActivities() makes of it. */
import { PostgresServer } from '../../support/postgres.js';
import { waitFor, within } from '../../support/wait.js';
import { MAP, world, type World } from './set-up.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 120_000);
afterAll(() => postgres?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const until = (w: World, company: string, count: number): Promise<string[]> =>
  waitFor(async () => ((await w.rows(company)).length >= count ? w.rows(company) : undefined), `${String(count)} activities of ${company}`);

test('a row is an activity: what, of whom, in which transaction; its row as it is now', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.worker(hub);
  await w.sql(`BEGIN; SELECT pg_logical_emit_message(true, 'pathcast', '{"userId": "ann", "sourceId": "tab", "companyId": "acme", "transactionId": "t1"}');
    INSERT INTO pages VALUES ('p1', 'acme', 'Plan', 'x'), ('p2', 'acme', 'Two', 'y'), ('p3', 'other', 'Theirs', 'z'); COMMIT`);
  await w.sql(`INSERT INTO attachments (company_id, page_id, size) VALUES ('acme', 'p1', 5)`);
  await w.sql(`UPDATE attachments SET size = 6`);
  await w.sql(`UPDATE pages SET title = 'Plans' WHERE id = 'p1'`);
  await w.sql(`UPDATE pages SET id = 'p9' WHERE id = 'p2'`);
  await w.sql(`DELETE FROM attachments`);
  expect(await until(w, 'acme', 8)).toEqual([
    'create pages p1', 'create pages p2', 'create attachments 1', 'update attachments 1', 'update pages p1', 'delete pages p2', 'create pages p9', 'delete attachments 1',
  ]);
  const activities = w.activities(hub);
  const first = await activities.fetchActivities({ companyId: 'acme', limit: 5 });
  expect(first).toMatchObject({ complete: false });
  expect(first.activities).toMatchObject([
    { seq: 1, entityType: 'pages', entityId: 'p1', action: 'create', changedKeys: null, userId: 'ann', tx: { transactionId: 't1', sourceId: 'tab' }, data: { id: 'p1', title: 'Plans' }, fetch: false },
    { seq: 2, data: null, fetch: false, userId: 'ann' },
    { seq: 3, entityType: 'attachments', entityId: '1', action: 'create', data: null, userId: null, tx: null, fetch: false },
    { seq: 4, action: 'update', changedKeys: ['size'] },
    { seq: 5, action: 'update', changedKeys: null },
  ]);
  expect(first.offset).toBe(first.activities.at(-1)?.activityId);
  const second = await activities.fetchActivities({ companyId: 'acme', after: first.offset });
  expect(second).toMatchObject({ complete: true, activities: [{ seq: 6, data: null, fetch: false }, { seq: 7, entityId: 'p9', data: { id: 'p9', title: 'Two' } }, { seq: 8 }] });
  expect(await activities.fetchActivities({ companyId: 'acme', after: second.offset })).toEqual({ activities: [], offset: second.offset, complete: true });
  expect((await activities.fetchActivities({ companyId: 'other' })).activities).toMatchObject([{ seq: 1, entityId: 'p3', userId: null, tx: null }]);
  expect(await activities.fetchActivities({ companyId: 'nobody' })).toEqual({ activities: [], offset: '0', complete: true });
  const some = await activities.fetchActivities({ companyId: 'acme', entityTypes: ['attachments'], user: 'bob', isAllowed: (user, changes) => changes.map(({ action }) => user === 'bob' && action !== 'delete') });
  expect(some.activities.map(({ seq }) => seq)).toEqual([3, 4]);
  expect(some).toMatchObject({ complete: true, offset: second.offset });
});

test('start says which SQL is missing', async () => {
  const w = await world(postgres, closing);
  await w.sql('DROP SCHEMA pathcast CASCADE');
  const hub = w.hub();
  await expect(w.worker(hub)).rejects.toThrow(/no table pathcast.activities, pathcast.activity_heads.*CREATE TABLE IF NOT EXISTS "pathcast".activities/s);
  await expect(within(w.worker(hub, { map: { ...MAP, 'pathcast.activities': { tenant: 'company_id', paths: ['x'] } } }), 'it')).rejects.toThrow('map has pathcast.activities, which the worker writes itself');
});
