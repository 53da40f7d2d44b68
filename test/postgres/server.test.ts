/** `test/support/postgres.ts`: a server of a test's own does what the tests of the CDC worker lean on. */
import { existsSync } from 'node:fs';
import { PostgresServer } from '../support/postgres.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
}, 120_000);
afterAll(() => server.end());

test('it is 14 or newer, decodes its WAL, and takes prepared transactions', async () => {
  expect(Number(await server.value('SHOW server_version_num'))).toBeGreaterThanOrEqual(140_000);
  expect(await server.value('SHOW wal_level')).toBe('logical');
  await server.sql(`CREATE TABLE one (id int PRIMARY KEY)`);
  await server.sql(`BEGIN; INSERT INTO one VALUES (1); PREPARE TRANSACTION 'a'`);
  await server.sql(`COMMIT PREPARED 'a'`);
  expect(await server.sql('SELECT id, NULL FROM one')).toEqual([['1', '']]);
});

test('a mistake in a statement is told with what psql said', async () => {
  await expect(server.sql('SELECT nothing')).rejects.toThrow(/column "nothing" does not exist/);
});

test('what was committed before a crash is there after the next start, with new settings', async () => {
  await server.sql('CREATE TABLE two (id int PRIMARY KEY); INSERT INTO two VALUES (7)');
  await server.crash();
  expect(server.runs).toBe(false);
  await server.up({ wal_sender_timeout: '5s' });
  expect(await server.value('SELECT id FROM two')).toBe('7');
  expect(await server.value('SHOW wal_sender_timeout')).toBe('5s');
});

test('a standby follows it, and takes writes when it is promoted: a new time line', async () => {
  await server.sql('CREATE TABLE three (id int PRIMARY KEY)');
  const standby = await server.standby();
  try {
    expect(await standby.value('SELECT pg_is_in_recovery()')).toBe('t');
    await standby.promote();
    await standby.sql('INSERT INTO three VALUES (1)');
    expect(await standby.value('SELECT pg_walfile_name(pg_current_wal_lsn())')).toMatch(/^00000002/);
  } finally {
    await standby.end();
  }
  expect(existsSync(standby.folder)).toBe(false);
});
