/** What stands in the way: a company that cannot be read, one that never stops, erasing in mid-write, an app's function that does what it should not, a client that reads late. */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Activity } from '../../../lib/postgres/index.js';
import { ENGINES } from '../../support/engines.js';
import { closeServers, listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { waitFor, within } from '../../support/wait.js';
import { LiveClient } from './live-client.js';
import { world } from './set-up.js';

jest.setTimeout(120_000);

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

const everything = (_user: unknown, changes: readonly Activity[]): boolean[] => changes.map(() => true);
const ann = (): { userId: string; companyId: string } => ({ userId: 'ann', companyId: 'acme' });

test('a company whose rows cannot be read holds up no other one; when they can, all of it comes in order', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.worker(hub);
  const companies = [...Array.from({ length: 40 }, (_, i) => `a${String(i)}`), 'e'];
  const errors: string[] = [];
  hub.on('error', ({ error }) => void errors.push(error.message));
  let broken = true;
  const rows = (companyId: string, ids: readonly string[]): { id: string }[] => {
    if (broken && companyId !== 'e') throw new Error('no rows today');
    return ids.map((id) => ({ id }));
  };
  const heard: string[] = [];
  await within(w.activities(hub, { entities: { pages: { rows } } }).subscribe({}, ({ companyId, entityId }) => void heard.push(`${companyId} ${entityId}`)).ready, 'its place');
  await w.sql(companies.map((company) => `INSERT INTO pages VALUES ('p1', '${company}')`).join(';'));
  await waitFor(() => heard.includes('e p1'), 'the one that can be read');
  await w.sql(`INSERT INTO pages VALUES ('p2', 'e'); INSERT INTO pages VALUES ('p2', 'a0')`);
  await waitFor(() => heard.includes('e p2'), 'its next one');
  expect(heard).toEqual(['e p1', 'e p2']);
  expect(errors[0]).toBe('no rows today');
  broken = false;
  await waitFor(() => heard.length === 43, 'the others');
  expect(heard.filter((one) => one.startsWith('a0 '))).toEqual(['a0 p1', 'a0 p2']);
});

test('a company with many changes takes turns with the others', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.worker(hub);
  await w.sql(`INSERT INTO pages SELECT 'p' || i, 'big' FROM generate_series(1, 1000) i`);
  await waitFor(async () => (await w.rows('big')).length === 1000, 'the many');
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const heard: string[] = [];
  w.activities(hub).subscribe({ after: {} }, async ({ companyId }) => {
    heard.push(companyId);
    await released;
  });
  await waitFor(() => heard.length === 1, 'the first one');
  await w.sql(`INSERT INTO pages VALUES ('p', 'small')`);
  const rung: string[] = [];
  await within(w.activities(hub).subscribe({ companyId: 'small', after: '-1' }, ({ companyId }) => void rung.push(companyId)).ready, 'its place');
  await waitFor(() => rung.length === 1, 'the bell of the small one');
  release();
  await waitFor(() => heard.length === 1001, 'all');
  expect(heard.indexOf('small')).toBeLessThan(200);
});

test('a company is erased while a commit of it is written: nothing of before stays, and what comes is counted from 1', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.worker(hub);
  const activities = w.activities(hub);
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the first one');
  // As the worker writes: the head is locked, and rows are there that nobody else sees yet.
  const writer = await w.pool.connect();
  closing.push(async () => writer.release());
  await writer.query('BEGIN');
  await writer.query(`UPDATE pathcast.activity_heads SET seq = 2 WHERE company_id = 'acme'`);
  await writer.query(`INSERT INTO pathcast.activities (company_id, seq, source, n, entity_type, entity_id, action, created_at) VALUES ('acme', 2, 'x', 0, 'pages', 'secret', 'create', now())`);
  const forgotten = activities.forget('acme');
  await waitFor(async () => (await w.sql(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)).length > 0, 'it to wait');
  await writer.query('COMMIT');
  await within(forgotten, 'it to be erased');
  expect(await w.rows('acme')).toEqual([]);
  await w.sql(`INSERT INTO pages VALUES ('p2', 'acme'); INSERT INTO pages VALUES ('p3', 'acme')`);
  await waitFor(async () => (await w.rows('acme')).length === 2, 'what comes after');
  expect((await activities.fetchActivities({ companyId: 'acme' })).activities.map(({ seq, entityId }) => [seq, entityId])).toEqual([[1, 'p2'], [2, 'p3']]);
  await activities.forget(`o'\\b`);
});

test.each(ENGINES)('%s: a follower whose first page is older than that of another one misses nothing', async (engine) => {
  const w = await world(postgres, closing);
  const hub = w.hub({ engine });
  const cdc = await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the first one');
  let holding = false;
  let held = 0;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const database = {
    query: async (text: string, values: unknown[]): Promise<unknown> => {
      const answer: unknown = await w.pool.query(text, values);
      if (holding && text.includes('LATERAL')) {
        held++;
        await released;
      }
      return answer;
    },
  };
  const activities = w.activities(hub, { database });
  const port = await listen(createServer(activities.live({ identify: ann, isAllowed: everything, organization: (name) => name })));
  const { offset } = await w.activities(hub).fetchActivities({ companyId: 'acme' });
  // The doorbell is heard already: it says hello once.
  const other = await LiveClient.open(port, '/organizations/other/live?live=sse');
  closing.push(async () => other.close());
  await waitFor(() => hub.metrics().connections === 2, 'the doorbell');
  await other.until(({ events }) => events.at(-1)?.event === 'offset', 'to be live');
  const open = async (): Promise<LiveClient> => {
    const client = await LiveClient.open(port, `/organizations/acme/live?live=sse&offset=${offset}`);
    closing.push(async () => client.close());
    return client;
  };
  await cdc.close();
  holding = true;
  const late = await open();
  await waitFor(() => held === 1, 'its page');
  holding = false;
  // It is in the table, and nobody has rung yet.
  await w.sql(`UPDATE pathcast.activity_heads SET seq = 2; INSERT INTO pathcast.activities (company_id, seq, source, n, entity_type, entity_id, action, created_at) VALUES ('acme', 2, 'x', 0, 'pages', 'p2', 'create', now())`);
  const early = await open();
  await early.until(({ events }) => events.at(-1)?.event === 'offset', 'to be live');
  expect(early.changes).toEqual(['create p2']);
  release();
  await late.until(({ events }) => events.some(({ event }) => event === 'offset'), 'its first page');
  await hub.broadcast({ id: 'ring', type: 'update', module: '*', entityId: '*', companyId: 'pathcast:activities', userId: 'x', queryPaths: ['*'], data: { heads: { acme: 2 } } });
  await late.until(({ changes }) => changes.length === 1, 'what it missed');
  expect(late.changes).toEqual(['create p2']);
});

test('what waited for a slow client is read again: it gets no row as it was when it still might see it', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub({ slowTimeoutMs: 60_000 });
  await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('p0', 'acme', 'public')`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the first one');
  const isPublic = (_user: unknown, changes: readonly Activity[]): boolean[] => changes.map(({ data }) => data?.['title'] === 'public');
  const entities = { pages: { table: 'pages', tenant: 'company_id', columns: ['id', 'title', 'body'] } };
  const port = await listen(createServer(w.activities(hub, { entities, maxDataBytes: 1_000_000 }).live({ identify: ann, isAllowed: isPublic })));
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  closing.push(async () => socket.destroy());
  let read = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (read = (read + chunk).replaceAll(/x{100,}/g, '')));
  socket.write('GET /organizations/acme/live?live=sse HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => read.includes('event: offset'), 'to be live');
  socket.pause();
  const COUNT = 90;
  const last = `p${String(COUNT)}`;
  await w.sql(`INSERT INTO pages SELECT 'p' || i, 'acme', 'public', repeat('x', 900000) FROM generate_series(1, ${String(COUNT)}) i`);
  const heard: string[] = [];
  w.activities(hub).subscribe({ companyId: 'acme', after: '-1' }, ({ entityId }) => void heard.push(entityId));
  await waitFor(() => heard.includes(last), 'the changes');
  await w.sql(`UPDATE pages SET title = 'secret' WHERE id = '${last}'`);
  const since = Date.now();
  await waitFor(() => Date.now() > since + 1_500, 'it to be old');
  socket.resume();
  await w.sql(`INSERT INTO pages VALUES ('end', 'acme', 'public')`);
  await waitFor(() => read.includes('"entityId":"end"'), 'the last one');
  expect(read).toContain(`"entityId":"p${String(COUNT - 1)}"`);
  expect(read).not.toContain(`"entityId":"${last}"`);
});

test('isAllowed cannot change what is asked of, or in which order it goes out', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.worker(hub);
  await w.sql(`INSERT INTO pages SELECT 'p' || i, 'acme' FROM generate_series(1, 3) i`);
  await waitFor(async () => (await w.rows('acme')).length === 3, 'the activities');
  const backwards = (_user: unknown, changes: readonly Activity[]): boolean[] => {
    const answers = changes.map(({ entityId }) => entityId !== 'p3');
    (changes as Activity[]).reverse();
    return answers;
  };
  const activities = w.activities(hub);
  const page = await activities.fetchActivities({ companyId: 'acme', user: 'ann', isAllowed: backwards });
  expect(page.activities.map(({ entityId }) => entityId)).toEqual(['p1', 'p2']);
  const port = await listen(createServer(activities.live({ identify: ann, isAllowed: backwards })));
  const client = await LiveClient.open(port, '/organizations/acme/live?live=sse&offset=-1');
  closing.push(async () => client.close());
  await client.until(({ events }) => events.at(-1)?.event === 'offset', 'to be live');
  expect(client.changes).toEqual(['create p1', 'create p2']);
});

test('rows without their id are an error of the app, and no row that is gone', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the activity');
  const activities = w.activities(hub, { entities: { pages: { rows: () => [{ title: 'One' }] } } });
  await expect(activities.fetchActivities({ companyId: 'acme' })).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('id') as string });
  const port = await listen(createServer(activities.live({ identify: ann, isAllowed: everything })));
  expect((await LiveClient.open(port, '/organizations/acme/live')).response.statusCode).toBe(500);
});

test.each([
  ['char(10)', 'ab'],
  ['boolean', 'true'],
  ['numeric(8, 2)', '7'],
])('an id of type %s is the same in the WAL and in a query: its row is there', async (type, id) => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.sql(`ALTER TABLE pages ALTER COLUMN id TYPE ${type} USING id::${type}`);
  await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('${id}', 'acme', 'One')`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the activity');
  const { activities } = await w.activities(hub).fetchActivities({ companyId: 'acme' });
  expect(activities).toMatchObject([{ action: 'create', data: { title: 'One' } }]);
});

test('a row that is too large is not fetched to be measured; one whose JSON is small enough is, however long PostgreSQL writes it', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  await w.sql('ALTER TABLE pages ADD COLUMN doc jsonb, ADD COLUMN "odd ""name" int');
  await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('large', 'acme', 'Large', repeat('x', 5000000), NULL), ('small', 'acme', 'Small', 'y', NULL), ('blanks', 'acme', 'Blanks', NULL, (SELECT jsonb_agg(1) FROM generate_series(1, 300)))`);
  await w.sql(`INSERT INTO pages VALUES ('beyond', 'acme', 'Beyond', repeat('x', 760))`);
  await waitFor(async () => (await w.rows('acme')).length === 4, 'the activities');
  let bytes = 0;
  const database = {
    query: async (text: string, values: unknown[]): Promise<unknown> => {
      const result = await w.pool.query(text, values);
      bytes += JSON.stringify(result.rows).length;
      return result;
    },
  };
  // The blanks: 900 bytes of text, 601 of JSON.
  const entities = { pages: { table: 'pages', tenant: 'company_id', columns: ['title', 'body', 'doc', 'odd "name'] } };
  const { activities } = await w.activities(hub, { database, entities, maxDataBytes: 750 }).fetchActivities({ companyId: 'acme' });
  expect(activities.map(({ entityId, data, fetch }) => [entityId, data?.['title'], fetch])).toEqual([
    ['large', undefined, true],
    ['small', 'Small', false],
    ['blanks', 'Blanks', false],
    ['beyond', undefined, true],
  ]);
  expect(activities[1]?.data).toEqual({ title: 'Small', body: 'y', doc: null, 'odd "name': null });
  expect(bytes).toBeLessThan(10_000);
});

test('in a database of another encoding than UTF-8 a transaction says who it was all the same', async () => {
  const w = await world(postgres, closing, { encoding: 'LATIN1' });
  const hub = w.hub();
  await w.worker(hub);
  await w.pool.query(`BEGIN; INSERT INTO pages VALUES ('p1', 'acme', 'Grüße'); SELECT pg_logical_emit_message(true, 'pathcast', '{"userId": "Jürg", "why": "müde"}'); COMMIT`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the activity');
  const { activities } = await w.activities(hub).fetchActivities({ companyId: 'acme' });
  expect(activities).toMatchObject([{ userId: 'Jürg', tx: { why: 'müde' }, data: { title: 'Grüße' } }]);
});

test('a row that is no JSON is an error of the app, which it hears of', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  const errors: string[] = [];
  hub.on('error', ({ error }) => void errors.push((error as { code?: string }).code ?? ''));
  await w.worker(hub);
  await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
  await waitFor(async () => (await w.rows('acme')).length === 1, 'the activity');
  const activities = w.activities(hub, { entities: { pages: { rows: () => [{ id: 'p1', size: 1n }] } } });
  const port = await listen(createServer(activities.live({ identify: ann, isAllowed: everything })));
  expect((await LiveClient.open(port, '/organizations/acme/live')).response.statusCode).toBe(500);
  await waitFor(() => errors.length > 0, 'the error');
  expect(errors).toEqual(['NOT_SERIALIZABLE']);
});

test('texts that PostgreSQL cannot hold are wrong fields, and no fault of the server', async () => {
  const w = await world(postgres, closing);
  const hub = w.hub();
  const errors: string[] = [];
  hub.on('error', ({ error }) => void errors.push(error.message));
  await w.worker(hub);
  const activities = w.activities(hub);
  const asked: string[] = [];
  const organization = (name: string): string => (asked.push(name), 'acme');
  const port = await listen(createServer(activities.live({ identify: ann, isAllowed: everything, organization })));
  for (const live of ['', '&live=sse']) {
    const client = await LiveClient.open(port, `/organizations/acme/live?entityTypes=pages,%00${live}`);
    expect([client.response.statusCode, ((await client.body()) as { error: { code: string } }).error.code]).toEqual([400, 'INVALID_FIELD']);
  }
  expect((await LiveClient.open(port, '/organizations/ac%00me/live')).response.statusCode).toBe(404);
  expect(asked).toEqual(['acme', 'acme']);
  await expect(activities.fetchActivities({ companyId: 'acme', entityTypes: ['\0'] })).rejects.toMatchObject({ code: 'INVALID_FIELD' });
  expect(() => activities.subscribe({ entityTypes: ['\0'] }, () => undefined)).toThrow(expect.objectContaining({ code: 'INVALID_FIELD' }) as Error);
  expect(errors).toEqual([]);
});
