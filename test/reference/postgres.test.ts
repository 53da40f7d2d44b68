/** The reference server with a PostgreSQL: what it makes there, what it refuses, its pages and attachments, and who hears of them. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fieldConflicts } from '../../lib/link/index.js';
import { endChild } from '../support/child.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait.js';
import { onlooker } from './support/clients.js';
import { databaseOf, dropSlot, pagesApi, SLOT, tx, type PagesApi } from './support/postgres.js';
import { pathsOfKind } from './support/procedures.js';
import { login, startServer, type TestServer } from './support/server.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres?.end());

const failure = (env: Record<string, string>): Promise<string> =>
  startServer(env).then(
    async (server) => {
      await server.close();
      return 'it started';
    },
    (error: Error) => error.message,
  );

describe('what it refuses at start, in one line that says what mends it', () => {
  test('an address at which nobody answers', async () => {
    expect(await failure({ PATHCAST_POSTGRES_URL: 'postgresql://ann:secret@127.0.0.1:1/app' })).toBe(
      'PATHCAST_POSTGRES_URL: PostgreSQL at postgresql://ann:***@127.0.0.1:1/app cannot be used (connect ECONNREFUSED 127.0.0.1:1): start it, or set another address',
    );
  });

  test('a database that is not there', async () => {
    expect(await failure({ PATHCAST_POSTGRES_URL: postgres.url('nowhere') })).toMatch(/cannot be used \(database "nowhere" does not exist\): run CREATE DATABASE$/);
  });

  test('a database whose tables are those of another app: they stay as they are', async () => {
    const { url, sql, value } = await databaseOf(postgres, 'taken');
    await sql('CREATE TABLE pages (id int, chapter text)');
    expect(await failure({ PATHCAST_POSTGRES_URL: url })).toMatch(/relation "pages" already exists\): its tables are those of another app: give this server a database of its own$/);
    expect(await value("SELECT string_agg(table_schema || '.' || table_name, ' ') FROM information_schema.tables WHERE table_schema IN ('public', 'pathcast')")).toBe('public.pages');
  });

  test('a role that may make no tables', async () => {
    await postgres.sql('CREATE ROLE guest LOGIN REPLICATION');
    const { url } = await databaseOf(postgres, 'foreign_db');
    expect(await failure({ PATHCAST_POSTGRES_URL: url.replace('postgres@', 'guest@') })).toMatch(/permission denied for database foreign_db\): let its user own the database/);
  });

  test('a role that may not read the changes: with the SQL for it', async () => {
    const { url, sql } = await databaseOf(postgres, 'no_replication');
    await sql('CREATE ROLE clerk LOGIN; ALTER DATABASE no_replication OWNER TO clerk');
    expect(await failure({ PATHCAST_POSTGRES_URL: url.replace('postgres@', 'clerk@') })).toMatch(/ALTER ROLE .*REPLICATION/);
  });

  test('wal_level below logical: before anything is made', async () => {
    const low = await PostgresServer.start({ settings: { wal_level: 'replica' } });
    try {
      expect(await failure({ PATHCAST_POSTGRES_URL: low.url() })).toMatch(/has wal_level 'replica'; run ALTER SYSTEM SET wal_level = 'logical', and restart PostgreSQL$/);
      expect(await low.value("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")).toBe('0');
    } finally {
      await low.end();
    }
  });
});

test('two that start at once make the tables once; each of its companies has its demo pages once', async () => {
  const { url, value } = await databaseOf(postgres, 'two_servers');
  const env = { PATHCAST_POSTGRES_URL: url, PATHCAST_DEMO_DATA: '1' };
  const servers = await Promise.all([startServer(env), startServer(env)]);
  try {
    const tokens = await Promise.all(servers.map((server) => login(server, 'acme')));
    for (const [at, server] of servers.entries()) {
      const rows = await pagesApi(server.url, tokens[at] ?? '').pages.getAll.query();
      expect(rows.map(({ title }) => title).sort()).toEqual(['If it rains', 'Music', 'Speeches']);
      expect(rows.map(({ updatedBy }) => updatedBy)).toEqual(Array(3).fill('demo data'));
      expect(await pagesApi(server.url, tokens[at] ?? '').sync.getStatus.query()).toMatchObject({ hasPages: true });
    }
    // One reads. Without a Redis the other one would never hear of anything.
    await waitFor(() => servers.map((server) => server.postgres?.cdc.status().state).sort().join() === 'standby,streaming', 'one worker to read and one to wait');
    expect(await value('SELECT count(*) FROM pages')).toBe('3');
  } finally {
    for (const server of servers) await server.close();
    await dropSlot(postgres);
  }
  // The next start finds all of it.
  const again = await startServer({ PATHCAST_POSTGRES_URL: url });
  await again.close();
  await dropSlot(postgres);
});

test('without it there are no pages, and the page is told so', async () => {
  const server = await startServer();
  try {
    expect(server.postgres).toBeUndefined();
    expect(pathsOfKind(server.router, 'query').filter((path) => /pages|attachments/.test(path))).toEqual([]);
    expect(await pagesApi(server.url, await login(server, 'acme')).sync.getStatus.query()).toMatchObject({ hasPages: false });
  } finally {
    await server.close();
  }
});

describe('pages and attachments', () => {
  let server: TestServer;
  let sql: (text: string) => Promise<string[][]>;
  let ann: PagesApi;
  let bob: PagesApi;
  beforeAll(async () => {
    const database = await databaseOf(postgres, 'pages');
    sql = database.sql;
    server = await startServer({ PATHCAST_POSTGRES_URL: database.url });
    ann = pagesApi(server.url, await login(server, 'acme', 'ann'), { 'x-source-id': 'tab-of-ann' });
    bob = pagesApi(server.url, await login(server, 'acme', 'bob'));
  });
  afterAll(() => server?.close());

  test('a mutation that is sent three times is done once, and is told once with its author', async () => {
    const stream = await onlooker(server, 'acme');
    const input = { id: 'once', title: 'Once', tx: tx() };
    const answers = await Promise.all([ann, ann, ann].map((api) => api.pages.create.mutate(input)));
    expect(answers).toEqual(Array(3).fill({ id: 'once', title: 'Once', body: '' }));
    await sql("INSERT INTO pages (company_id, id, title) VALUES ('acme', 'fence', 'Fence')");
    await stream.action(({ entityId }) => entityId === 'fence', 'what psql has written');
    const told = stream.actions.filter(({ entityId }) => entityId === 'once');
    for (const { userId, sourceId } of told) expect([userId, sourceId]).toEqual(['ann', 'tab-of-ann']);
    // Whichever was first, the mutation or the worker, whose map has one path more: no path is told twice.
    expect(told.flatMap(({ queryPaths }) => queryPaths).sort()).toEqual(['pages.getAll', 'pages.getById']);
    expect((await ann.pages.getAll.query()).map(({ id, updatedBy }) => [id, updatedBy])).toEqual([['fence', 'postgres'], ['once', 'ann']]);
    await stream.close();
  });

  test('of two who change one field the second gets both values; another field merges', async () => {
    await ann.pages.create.mutate({ id: 'conflict', title: 'Plan', body: 'Text', tx: tx() });
    const seen = await bob.pages.getById.query({ id: 'conflict' });
    await ann.pages.update.mutate({ id: 'conflict', title: "Ann's", tx: tx(seen?.versions) });
    const conflict = await bob.pages.update.mutate({ id: 'conflict', title: "Bob's", body: 'New', tx: tx(seen?.versions) }).catch((error: unknown) => fieldConflicts(error));
    expect(conflict).toMatchObject([{ field: 'title', base: 'Plan', mine: "Bob's", theirs: "Ann's", by: 'ann' }]);
    expect((await ann.pages.getById.query({ id: 'conflict' }))?.page).toMatchObject({ title: "Ann's", body: 'Text', updatedBy: 'ann' });
    await bob.pages.update.mutate({ id: 'conflict', body: 'New', tx: tx(seen?.versions) });
    expect((await ann.pages.getById.query({ id: 'conflict' }))?.page).toMatchObject({ title: "Ann's", body: 'New', updatedBy: 'bob' });
    // psql's has no version, and is told by its value.
    const read = await bob.pages.getById.query({ id: 'conflict' });
    await sql("UPDATE pages SET title = 'By hand' WHERE id = 'conflict'");
    const byHand = await bob.pages.update.mutate({ id: 'conflict', title: 'Mine', tx: tx(read?.versions) }).catch((error: unknown) => fieldConflicts(error));
    expect(byHand).toMatchObject([{ base: "Ann's", mine: 'Mine', theirs: 'By hand', by: null }]);
  });

  test('a page that is deleted takes its attachments along, and those who look at them hear it with its author', async () => {
    await ann.pages.create.mutate({ id: 'cascade', title: 'With files', tx: tx() });
    const [file] = await Promise.all(['a.txt', 'b.txt'].map((name) => bob.attachments.create.mutate({ pageId: 'cascade', name, size: 10, tx: tx() })));
    expect((await ann.attachments.getAll.query({ pageId: 'cascade' })).map(({ name }) => name).sort()).toEqual(['a.txt', 'b.txt']);
    expect((await ann.pages.getAll.query()).find(({ id }) => id === 'cascade')).toMatchObject({ attachments: 2, updatedBy: 'bob' });
    const stream = await onlooker(server, 'acme');
    await bob.attachments.delete.mutate({ id: file?.id ?? '', tx: tx() });
    await stream.action(({ queryPaths }) => queryPaths.includes('attachments'), 'the attachment that was deleted');
    await ann.pages.delete.mutate({ id: 'cascade', tx: tx(undefined, 'tab-of-ann') });
    // The map names pages alone: it is the database that has deleted the others.
    const { userId, sourceId } = await stream.action(({ queryPaths, userId: by }) => by === 'ann' && queryPaths.includes('attachments.getAll'), 'the cascade');
    expect([userId, sourceId]).toEqual(['ann', 'tab-of-ann']);
    expect(await ann.attachments.getAll.query({ pageId: 'cascade' })).toEqual([]);
    expect(await ann.pages.getById.query({ id: 'cascade' })).toBeNull();
    await stream.close();
  });

  test('an attachment that psql writes and deletes says of which page it was', async () => {
    await ann.pages.create.mutate({ id: 'narrow', title: 'Narrow', tx: tx() });
    const stream = await onlooker(server, 'acme');
    await sql("INSERT INTO attachments (company_id, page_id, id, name) VALUES ('acme', 'narrow', 'n', 'n.txt')");
    await sql("DELETE FROM attachments WHERE id = 'n'");
    const told = await waitFor(() => {
      const found = stream.actions.filter(({ queryPaths }) => queryPaths.includes('attachments.getAll'));
      return found.length === 2 ? found : undefined;
    }, 'both');
    for (const { where, queryPaths, userId } of told) {
      expect(userId).toBe('external');
      // The trigger's change of the page is of the same transaction.
      expect([...queryPaths].sort()).toEqual(['attachments.getAll', 'pages.getAll', 'pages.getById']);
      expect(where).toMatchObject({ 'attachments.getAll': { pageId: 'narrow' }, 'pages.getById': { id: 'narrow' } });
    }
    await stream.close();
  });

  test('what is not there, what is there already, and who may not write', async () => {
    const code = (mutation: Promise<unknown>): Promise<unknown> =>
      mutation.then(
        () => 'done',
        (error: { data?: { code?: string } }) => error.data?.code,
      );
    await ann.pages.create.mutate({ id: 'there', title: 'There', tx: tx() });
    expect(await code(ann.pages.create.mutate({ id: 'there', title: 'Again', tx: tx() }))).toBe('CONFLICT');
    expect(await code(ann.pages.update.mutate({ id: 'nowhere', title: 'X', tx: tx() }))).toBe('NOT_FOUND');
    expect(await code(ann.pages.delete.mutate({ id: 'nowhere', tx: tx() }))).toBe('NOT_FOUND');
    expect(await code(ann.attachments.create.mutate({ pageId: 'nowhere', name: 'x', tx: tx() }))).toBe('NOT_FOUND');
    expect(await code(ann.attachments.delete.mutate({ id: randomUUID(), tx: tx() }))).toBe('NOT_FOUND');
    expect(await code(ann.pages.create.mutate({ title: ' ', tx: tx() }))).toBe('BAD_REQUEST');
    const viewer = pagesApi(server.url, await login(server, 'acme', 'eve', 'viewer'));
    expect(await code(viewer.pages.create.mutate({ title: 'Mine', tx: tx() }))).toBe('FORBIDDEN');
  });

  test('what fails in the database is for the log: the browser hears neither the statement nor its values', async () => {
    await sql(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'at 10.0.0.7'; END $$; CREATE TRIGGER broken BEFORE INSERT ON attachments FOR EACH ROW WHEN (NEW.name = 'broken') EXECUTE FUNCTION broken()`);
    await ann.pages.create.mutate({ id: 'whole', title: 'Whole', tx: tx() });
    const error = await ann.attachments.create.mutate({ pageId: 'whole', name: 'broken', tx: tx() }).catch((thrown: unknown) => thrown as Error & { data?: unknown });
    expect(error).toMatchObject({ message: 'The server failed at this; its log says why', data: { code: 'INTERNAL_SERVER_ERROR' } });
    expect(JSON.stringify([error, (error as Error).message])).not.toMatch(/10\.0\.0\.7|insert into|broken/i);
  });

  test('another company has other pages, under the same ids too, and hears nothing', async () => {
    const other = pagesApi(server.url, await login(server, 'other', 'chen'));
    const stream = await onlooker(server, 'other');
    await ann.pages.create.mutate({ id: 'same', title: 'Of Acme', tx: tx() });
    expect(await other.pages.getById.query({ id: 'same' })).toBeNull();
    await expect(other.pages.update.mutate({ id: 'same', title: 'Stolen', tx: tx() })).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
    await expect(other.attachments.create.mutate({ pageId: 'same', name: 'x', tx: tx() })).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
    await other.pages.create.mutate({ id: 'same', title: 'Of the other', tx: tx() });
    await other.pages.delete.mutate({ id: 'same', tx: tx() });
    await stream.action(({ type }) => type === 'delete', 'its own');
    expect(stream.actions.map(({ userId }) => userId).filter((who) => who !== 'chen')).toEqual([]);
    expect((await ann.pages.getById.query({ id: 'same' }))?.page.title).toBe('Of Acme');
    await stream.close();
  });

  test('the live endpoint by curl: what was missed, and what psql writes; of its own company alone', async () => {
    const where = (company: string, query = ''): string => `${server.url}/organizations/${company}/live${query}`;
    const authorization = `Bearer ${await login(server, 'acme', 'eve', 'viewer')}`;
    expect((await fetch(where('acme'))).status).toBe(401);
    expect((await fetch(where('other'), { headers: { authorization } })).status).toBe(404);
    await ann.pages.create.mutate({ id: 'live', title: 'Before', tx: tx() });
    const curl = spawn('curl', ['-sN', '-H', `authorization: ${authorization}`, where('acme', '?live=sse&offset=-1')], { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    curl.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const changes = () => [...said.matchAll(/^event: change\nid: .+\ndata: (.+)$/gm)].map(([, json = '']) => JSON.parse(json) as { entityId: string; action: string; data: { title?: string } | null });
    try {
      await waitFor(() => changes().some(({ entityId, action }) => entityId === 'live' && action === 'create'), 'what was missed');
      await sql("UPDATE pages SET title = 'After' WHERE id = 'live'");
      await waitFor(() => changes().some(({ entityId, action, data }) => entityId === 'live' && action === 'update' && data?.title === 'After'), 'what psql has written');
    } finally {
      await endChild(curl);
    }
  });

  test('the slot is its own, and stays when the server ends', async () => {
    expect((await sql(`SELECT plugin, active FROM pg_replication_slots WHERE slot_name = '${SLOT}'`))).toEqual([['pgoutput', 't']]);
    await server.close();
    await server.close();
    await waitFor(async () => (await sql(`SELECT active FROM pg_replication_slots WHERE slot_name = '${SLOT}'`))[0]?.[0] === 'f', 'the slot to be free');
  });
});
