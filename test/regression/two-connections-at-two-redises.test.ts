/**
 * What broke: a failover left a node's two connections at two servers, commands at the former master and subscriptions at its heir: each had
 * asked the sentinels at another moment, and the former master became a replica without cutting its clients. A PUBLISH is allowed there, and
 * rings at nobody but its own subscribers, so that no message to itself came back; the node made its subscriptions anew, three times in a row,
 * and they were well where they were. Newcomers waited for a channel that carries, in vain (`broker_lost`). What is written would have found
 * READONLY, but for some seconds nothing was: all waited.
 * Pinned here: a sentinel that names another master between the two, and a replica that takes what is written, so that only the message to
 * itself can tell.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { change } from '../support/actions.js';
import { freePort } from '../support/free-port.js';
import { endHubNodes, HubNode } from '../support/hub-node.js';
import { RedisProcess } from '../support/redis-process.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

const started: { end(): Promise<unknown> }[] = [];
afterEach(async () => {
  await endHubNodes();
  await Promise.all(started.splice(0).map((each) => each.end()));
});

/** A sentinel that names whom the test says. */
async function startSentinel(): Promise<{ url: string; name: (port: number) => Promise<void> }> {
  const sentinel = new RedisProcess('redis-sentinel', /Sentinel ID is/);
  started.push({ end: () => sentinel.remove() });
  const port = await freePort();
  const file = path.join(sentinel.folder, 'sentinel.conf');
  writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${sentinel.folder}\n`);
  await sentinel.spawn([file]);
  const client = new Redis({ host: '127.0.0.1', port });
  client.on('error', () => undefined);
  started.push({ end: () => Promise.resolve(client.disconnect()) });
  return {
    url: `redis+sentinel://127.0.0.1:${port}/m`,
    name: async (master) => {
      await client.call('SENTINEL', 'REMOVE', 'm').catch(() => undefined);
      // Nobody else votes, so that nobody is promoted.
      await client.call('SENTINEL', 'MONITOR', 'm', '127.0.0.1', master, 9);
    },
  };
}

async function startRedis(): Promise<{ port: number; client: Redis }> {
  const server = await RedisServer.start({ tcp: true, settings: ['--repl-diskless-sync-delay', '0'] });
  const client = server.client();
  started.push({ end: () => Promise.resolve(client.disconnect()) }, server);
  return { port: server.port, client };
}

const list = async (client: Redis): Promise<string> => String(await client.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));

test.each(['native', 'js'] as const)('commands at what is a replica now, subscriptions at its master: whoever comes is served (%s)', async (engine) => {
  const [former, heir, sentinel] = [await startRedis(), await startRedis(), await startSentinel()];
  await sentinel.name(former.port);
  const node = await HubNode.start({ engine, redis: { url: sentinel.url } });
  const there = await node.stream();
  await waitFor(async () => (await list(former.client)).includes('cmd=subscribe'), 'subscriptions at the former master');

  await heir.client.replicaof('127.0.0.1', former.port);
  await waitFor(async () => (await heir.client.info('replication')).includes('master_link_status:up'), 'a replica that has what its master has');
  await heir.client.call('REPLICAOF', 'NO', 'ONE');
  await sentinel.name(heir.port);
  await former.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await waitFor(async () => (await list(heir.client)).includes('cmd=subscribe'), 'subscriptions at the heir');
  // No client of it is cut, as where an operator does it, or it could not run while the sentinels would have cut them.
  await former.client.config('SET', 'replica-read-only', 'no');
  await former.client.replicaof('127.0.0.1', heir.port);

  const newcomer = await node.ask(there.lastEventId);
  // What was written at the replica is lost, where anything was: it may have to read anew, and knows.
  expect((await newcomer.hello()).reason).not.toBe('broker_lost');
  expect(await node.hub.broadcast({ ...change, id: 'a1' })).toMatchObject({ ok: true, seq: 1 });
  await waitFor(() => newcomer.actions.includes('a1'), 'the action');
}, 60_000);
