/** What the hub gives to workers beside it: the companies that have a log in Redis, and a state that one worker at a time keeps there. */
import { createHub, type Hub } from '../../lib/server/hub.js';
import { internalsOf } from '../../lib/server/internals.js';
import { workerKey } from '../../lib/redis/keys.js';
import { aclRule, WORKER_COMMANDS } from '../../lib/redis/rights.js';
import { change } from '../support/actions.js';
import { ENGINES } from '../support/engines.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis.js';
import { within } from '../support/wait.js';

const hubs: Hub[] = [];
const servers: { end(): Promise<void> }[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
  for (const server of servers.splice(0)) await server.end();
});

const start = async (setUp?: Parameters<typeof RedisServer.start>[0]): Promise<RedisServer> => {
  const server = await RedisServer.start(setUp);
  servers.push(server);
  return server;
};

async function hubOf(options: Parameters<typeof createHub>[0]): Promise<Hub> {
  const hub = createHub(options);
  hubs.push(hub);
  await within(hub.ready(), 'the hub', 60_000);
  return hub;
}

describe.each(ENGINES)('%s', (engine) => {
  test('the companies that have a log: published for by any node, or looked at; of this prefix alone', async () => {
    const server = await start();
    const prefix = 'an.app';
    const [one, two, other] = (await Promise.all([prefix, prefix, 'an-app'].map((given) => hubOf({ engine, redis: { url: server.unixUrl(), prefix: given } })))) as [Hub, Hub, Hub];
    const names = Array.from({ length: 2_500 }, (_, i) => `Firma ${String(i)} {ü}`);
    const results = await one.broadcastMany(names.map((companyId) => ({ ...change, companyId })));
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(await internalsOf(one).settle(60_000)).toBe(0);
    await other.broadcast({ ...change, companyId: 'theirs' });
    const stream = two.stream({ companyId: 'looks on', userId: 'ann' });
    await within(stream.next(), 'hello');
    expect((await internalsOf(two).companies()).sort()).toEqual([...names, 'looks on'].sort());
    await stream.return(undefined);
  });

  test('a state belongs to the last that took it', async () => {
    const server = await start();
    const [one, two] = (await Promise.all([0, 1].map(() => hubOf({ engine, redis: server.unixUrl() })))).map((hub) => internalsOf(hub).workerStates);
    expect(await one?.take('slot ü', 'first')).toEqual({});
    expect(await one?.keep('slot ü', 'first', { written: 'ff', note: 'é' })).toBe(true);
    expect(await two?.take('slot ü', 'second')).toEqual({ written: 'ff', note: 'é' });
    expect(await one?.keep('slot ü', 'first', { written: '0' })).toBe(false);
    expect(await two?.keep('slot ü', 'second', { more: '' })).toBe(true);
    await server.client().del(workerKey('pathcast', 'slot ü'));
    expect(await two?.keep('slot ü', 'second', { written: '0' })).toBe(false);
    expect(await two?.take('slot ü', 'second')).toEqual({});
  });

  test('without Redis it is kept in the process', async () => {
    const { workerStates, companies } = internalsOf(await hubOf({ engine }));
    expect(await workerStates.take('slot', 'first')).toEqual({});
    expect(await workerStates.keep('slot', 'first', { written: 'ff' })).toBe(true);
    expect(await workerStates.take('slot', 'second')).toEqual({ written: 'ff' });
    expect(await workerStates.keep('slot', 'first', { written: '0' })).toBe(false);
    expect(await companies()).toEqual([]);
  });

  test('a user needs one command more than a node to look for companies', async () => {
    const rule = aclRule('pathcast');
    const acl = [`user node on >password ${rule}`, `user worker on >password ${rule} ${WORKER_COMMANDS.map((name) => `+${name}`).join(' ')}`];
    const server = await start({ acl });
    const [node, worker] = (await Promise.all(['node', 'worker'].map((user) => hubOf({ engine, redis: server.unixUrl(`${user}:password`) })))) as [Hub, Hub];
    expect(await worker.broadcast({ ...change, companyId: 'acme' })).toMatchObject({ ok: true, seq: 1 });
    expect(await internalsOf(worker).companies()).toEqual(['acme']);
    await expect(internalsOf(node).companies()).rejects.toThrow(/NOPERM|No permissions|can't run|not allowed/i);
  });
});

test('in a cluster each master is asked', async () => {
  const cluster = await RedisCluster.start();
  servers.push(cluster);
  const hub = await hubOf({ engine: 'js', redis: cluster.url });
  const names = Array.from({ length: 300 }, (_, i) => `c${String(i)}`);
  for (const result of await hub.broadcastMany(names.map((companyId) => ({ ...change, companyId })))) expect(result).toMatchObject({ ok: true });
  expect(await internalsOf(hub).settle(30_000)).toBe(0);
  expect((await internalsOf(hub).companies()).sort()).toEqual(names.sort());
}, 120_000);
