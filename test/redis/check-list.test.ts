/**
 * What an app learned with limits of its own in Redis: a pipeline that was not atomic, keys that never went, others that went too early. A test
 * for each row; the rows of its browser half are in `test/client/check-list.test.ts`.
 */
import { createHub, type Hub } from '../../lib/server/hub.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

let server: RedisServer;
const hubs: Hub[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
  for (let nth = 0; nth < 2; nth += 1) {
    const hub = createHub({ engine: 'js', redis: server.client(), limits: { perUser: 3, perCompany: 5 } });
    hubs.push(hub);
    await hub.ready();
  }
  for (const hub of hubs) await waitFor(async () => (await hub.nodes()).length === 2, 'both to know each other');
});
afterAll(async () => {
  for (const hub of hubs) await within(hub.close({ flushMs: 0 }), 'the hub to close');
  await server?.end();
});

test('a pipeline was not atomic: of 40 that race at two nodes for three places three get one', async () => {
  for (let round = 0; round < 5; round += 1) {
    const leases = await Promise.allSettled(Array.from({ length: 40 }, (_, nth) => hubs[nth % 2]!.acquire({ companyId: 'raced', userId: 'ann' })));
    const given = leases.flatMap((lease) => (lease.status === 'fulfilled' ? [lease.value] : []));
    expect(given).toHaveLength(3);
    for (const lease of leases) if (lease.status === 'rejected') expect(lease.reason).toMatchObject({ code: 'USER_LIMIT' });
    await Promise.all(given.map((lease) => lease.release()));
  }
});

test('a value and its expiry were two commands: whatever is kept of streams, seats and presence goes by itself', async () => {
  const [hub] = hubs as [Hub];
  const stream = hub.stream({ companyId: 'kept', userId: 'ann', clientInstanceId: 'tab', presence: {} });
  await stream.next();
  await hub.broadcast({ type: 'insert', module: 'guests', entityId: 'g', companyId: 'kept', userId: 'ann', queryPaths: ['guests.getAll'] });
  const client = server.client();
  const keys = await waitFor(async () => {
    const found = await client.keys('*');
    return ['seats', 'here', 'log'].every((part) => found.some((key) => key.includes(`kept}:${part}`) || key.includes(`kept:${part}`))) ? found : undefined;
  }, 'what is kept of a stream, its seat and its presence');
  const forGood: string[] = [];
  for (const key of keys) if ((await client.pttl(key)) < 0) forGood.push(key);
  expect(forGood).toEqual([]);
  await stream.return(undefined);
});

test('the expiry of an instance was never renewed: a stream that has lived for long still has its place', async () => {
  const [hub, other] = hubs as [Hub, Hub];
  const tab = { companyId: 'old', userId: 'ann', clientInstanceId: 'tab' };
  const first = hub.stream(tab);
  await first.next();
  const client = server.client();
  const seats = (await client.keys('*{old}*seats*')).concat(await client.keys('*:old:*seats*'));
  expect(seats.length).toBeGreaterThan(0);
  // A day without a word has all but passed; then somebody else of the company comes.
  for (const key of seats) await client.pexpire(key, 60_000);
  const lease = await hub.acquire({ companyId: 'old', userId: 'ben' });
  for (const key of seats) expect([key, (await client.pttl(key)) > 3_600_000]).toEqual([key, true]);
  await lease.release();
  const second = other.stream(tab);
  await second.next();
  await expect((async () => {
    for (;;) if ((await within(first.next(), 'its end')).done) return;
  })()).rejects.toMatchObject({ reason: 'replaced' });
  await second.return(undefined);
});
