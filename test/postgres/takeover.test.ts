/** What one worker leaves to another, and what one that was only stopped may still do: nothing. What Redis refuses of one company keeps nobody else back. */
import path from 'node:path';
import { createCdc, type Cdc } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import { keysOf, workerKey } from '../../lib/redis/keys.js';
import { PostgresServer } from '../support/postgres.js';
import { Program } from '../support/program.js';
import { makeRandom, runSeed } from '../support/random.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';
import { GUESTS, GUEST_TABLE } from './guests.js';
import type { WorkerArguments } from './programs/worker.js';
import { heardOf, TENANTS, Writer } from './writer.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let redis: RedisServer;
let postgres: PostgresServer;
beforeEach(async () => {
  [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start({ settings: { wal_sender_timeout: '3s' } })]);
  closing.push(() => redis.end(), () => postgres.end());
  await postgres.sql(GUEST_TABLE);
});

async function node(): Promise<Hub> {
  const hub = createHub({ engine: 'js', log: { maxActions: 100_000 }, redis: { client: redis.client(), prefix: 'p' } });
  for (const kind of ['warning', 'error'] as const) hub.on(kind, () => undefined);
  closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
  await within(hub.ready(), 'the hub');
  return hub;
}

async function worker(hub: Hub): Promise<Cdc> {
  const cdc = createCdc({ hub, connection: postgres.url(), map: GUESTS });
  closing.push(() => within(cdc.close(), 'the worker to close'));
  await within(cdc.start(), 'the worker to start');
  return cdc;
}

const writer = (): Writer => {
  const made = new Writer(postgres.url(), makeRandom(runSeed()));
  closing.push(() => made.end());
  return made;
};

test('a worker that stands still loses its slot to another one; when it goes on it tells nothing twice, and waits', async () => {
  const program = new Program(path.join(__dirname, 'programs', 'worker.ts'));
  closing.push(() => program.end());
  const args: WorkerArguments = { url: postgres.url(), slot: 'pathcast', redis: redis.socket, prefix: 'p' };
  const first = program.run(JSON.stringify(args));
  for (let line = await within(first.line, 'a state'); line !== 'streaming'; ) line = await within(first.next(), 'a state');
  const writing = writer();
  await writing.some(20);
  first.child.kill('SIGSTOP');
  await writing.some(20);
  const hub = await node();
  const second = await worker(hub);
  // PostgreSQL gives up the one that is silent after wal_sender_timeout.
  await waitFor(() => second.status().state === 'streaming', 'the second to read');
  await writing.some(20);
  first.child.kill('SIGCONT');
  for (let line = ''; line !== 'standby'; ) line = await within(first.next(), 'the first to see it');
  await writing.some(20);
  for (const tenant of TENANTS) {
    const expected = writing.committed.get(tenant) ?? [];
    await waitFor(async () => (await heardOf(hub, tenant)).changes.length >= expected.length, `all changes of ${tenant}`);
    expect((await heardOf(hub, tenant)).changes).toEqual(expected);
  }
  expect(second.status().state).toBe('streaming');
  expect(second.metrics().resyncs).toBe(0);
});

test('what is kept of a worker is gone from Redis while it reads: everybody is told to read again', async () => {
  const hub = await node();
  const cdc = await worker(hub);
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme')`);
  await waitFor(async () => (await heardOf(hub, 'acme')).changes.length === 1, 'the change');
  await redis.client().del(workerKey('p', 'pathcast'));
  await postgres.sql(`INSERT INTO guests VALUES ('g2', 'acme')`);
  await waitFor(async () => (await heardOf(hub, 'acme')).resyncs === 1, 'acme to be told');
  await waitFor(() => cdc.status().state === 'streaming', 'the worker to go on');
  expect(cdc.metrics()).toMatchObject({ resyncs: 2 });
});

test('a resync of which it is not known that it has reached all is begun anew', async () => {
  const hub = await node();
  const first = await worker(hub);
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme')`);
  await waitFor(async () => (await heardOf(hub, 'acme')).changes.length === 1, 'the change');
  await first.close();
  expect(await redis.client().hget(workerKey('p', 'pathcast'), 'resync')).toBe('');
  await redis.client().hset(workerKey('p', 'pathcast'), 'resync', '1');
  await worker(hub);
  await waitFor(async () => (await heardOf(hub, 'acme')).resyncs === 1, 'acme to be told');
  expect(await redis.client().hget(workerKey('p', 'pathcast'), 'resync')).toBe('');
});

test('what was kept of another PostgreSQL, or of another time line of it, is nothing: everybody is told to read again', async () => {
  const hub = await node();
  const key = workerKey('p', 'pathcast');
  let resyncs = 0;
  await postgres.sql(`INSERT INTO guests VALUES ('g0', 'acme')`);
  for (const change of [(line: string[]) => [line[0], '9', line[2]], (line: string[]) => ['7', line[1], line[2]]]) {
    const first = await worker(hub);
    await postgres.sql(`INSERT INTO guests VALUES ('g${String((resyncs += 1))}', 'acme')`);
    await waitFor(async () => (await heardOf(hub, 'acme')).changes.includes(`insert g${String(resyncs)}`), 'the change');
    await first.close();
    const epoch = (await redis.client().hget(key, 'epoch')) ?? '';
    await redis.client().hset(key, 'epoch', change(epoch.split('.')).join('.'));
    const second = await worker(hub);
    await waitFor(async () => (await heardOf(hub, 'acme')).resyncs === resyncs, 'acme to be told');
    expect((await redis.client().hget(key, 'epoch'))?.split('.').slice(0, 2)).toEqual(epoch.split('.').slice(0, 2));
    await second.close();
  }
});

test('a company whose keys are somebody else’s: the others go on, and it is told as soon as Redis takes it', async () => {
  const hub = await node();
  const { head } = keysOf('p', 'acme');
  await redis.client().set(head, 'somebody else');
  const cdc = await worker(hub);
  await postgres.sql(`INSERT INTO guests VALUES ('g1', 'acme'), ('g1', 'globex')`);
  await waitFor(async () => (await heardOf(hub, 'globex')).changes.length === 1, 'the other company');
  await postgres.sql(`INSERT INTO guests VALUES ('g2', 'globex')`);
  await waitFor(async () => (await heardOf(hub, 'globex')).changes.length === 2, 'the next change');
  await waitFor(async () => (await redis.client().hget(workerKey('p', 'pathcast'), 'owed')) === '["acme"]', 'the debt to be kept');
  // A worker that comes after it pays.
  await cdc.close();
  await redis.client().del(head);
  await worker(hub);
  await waitFor(async () => (await heardOf(hub, 'acme')).resyncs === 1, 'acme to be told');
  await waitFor(async () => (await redis.client().hget(workerKey('p', 'pathcast'), 'owed')) === '[]', 'the debt to be forgotten');
});
