/**
 * PostgreSQL sends a commit to who reads its WAL as soon as it is written there. Other connections see its rows a moment later; with a synchronous standby, when that
 * has answered. The worker told at once: a browser that read again in between got the rows of before, was never told again, and showed them for ever (two browsers
 * beside a busy machine found it). Pinned by a synchronous standby that does not answer: the row is in the WAL, seen by nobody, and told to nobody until it is.
 */
import { spawn } from 'node:child_process';
import { createCdc } from '../../lib/postgres/index.js';
import { createHub } from '../../lib/server/hub.js';
import { GUEST_TABLE, GUESTS } from '../postgres/guests.js';
import { endChild } from '../support/child.js';
import { PostgresServer } from '../support/postgres.js';
import { actionsOf } from '../support/sync-app.js';
import { waitFor } from '../support/wait.js';

test('a commit is told when its rows can be seen, and not before', async () => {
  const postgres = await PostgresServer.start();
  await postgres.sql(GUEST_TABLE);
  const hub = createHub({ engine: 'js' });
  const warnings: string[] = [];
  hub.on('warning', ({ message }) => warnings.push(message));
  const cdc = createCdc({ hub, connection: postgres.url(), map: GUESTS });
  const count = (): Promise<string> => postgres.value('SELECT count(*) FROM guests');
  let writer: ReturnType<typeof spawn> | undefined;
  try {
    await cdc.start();
    await postgres.sql("INSERT INTO guests VALUES ('g1', 'acme', 'Ada')");
    await waitFor(async () => (await actionsOf(hub)).length === 1, 'the first');

    await postgres.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    await postgres.sql('SELECT pg_reload_conf()');
    await waitFor(async () => (await postgres.value('SHOW synchronous_standby_names')) === 'nobody', 'the setting');
    writer = spawn('psql', ['-X', '-q', postgres.url(), '-c', "INSERT INTO guests VALUES ('g2', 'acme', 'Bob')"], { stdio: 'ignore' });
    await waitFor(async () => (await postgres.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")) === '1', 'the commit to wait for its standby');
    // The worker has read it, and whoever was told would see nothing.
    await waitFor(() => cdc.metrics().waiting === 1 || cdc.metrics().commits > 1, 'the worker to have read it');
    await waitFor(() => warnings.some((text) => text.includes('synchronous')), 'the worker to say what it waits for');
    expect([await count(), (await actionsOf(hub)).length]).toEqual(['1', 1]);

    await postgres.sql("ALTER SYSTEM RESET synchronous_standby_names");
    await postgres.sql('SELECT pg_reload_conf()');
    await waitFor(async () => (await actionsOf(hub)).length === 2, 'it to be told');
    expect(await count()).toBe('2');
  } finally {
    if (writer) await endChild(writer);
    await cdc.close();
    await hub.close();
    await postgres.end();
  }
});
