/**
 * Limits over several nodes right after Redis was away, or has forgotten: what each node holds stays and counts, and nobody new comes until the count is under the limit (SPEC §13).
 * A node that was back first found its own seats alone in Redis, and let newcomers in for those that the others were about to put back.
 */
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { HubOptions } from '../../lib/server/options.js';
import type { SyncEvent } from '../../lib/index.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

const PER_COMPANY = 6;
let redis: RedisServer;
let hubs: Hub[] = [];
let link: LinkProxy;
const streams: AsyncGenerator<SyncEvent, undefined, undefined>[] = [];

afterEach(async () => {
  for (const stream of streams.splice(0)) await stream.return(undefined);
  for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
  await link?.close();
  await redis?.end();
});

/** Whether somebody is let in. */
async function enters(hub: Hub): Promise<boolean> {
  const stream = hub.stream({ companyId: 'acme', userId: `u${String(streams.length)}` });
  try {
    await within(stream.next(), 'its first event');
    streams.push(stream);
    return true;
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'COMPANY_LIMIT' });
    return false;
  }
}

/** Three nodes, the first two over the link; all seats of the company are taken. */
async function full(engine: 'js' | 'native'): Promise<void> {
  redis = await RedisServer.start({ tcp: true });
  link = await LinkProxy.start(() => ({ host: '127.0.0.1', port: redis.port }));
  const over = (url: string): HubOptions => ({ engine, limits: { perUser: 0, perCompany: PER_COMPANY }, redis: url });
  hubs = [link.url, link.url, `redis://127.0.0.1:${String(redis.port)}`].map((url) => createHub(over(url)));
  for (const hub of hubs) await hub.ready();
  await waitFor(async () => (await hubs[0]!.nodes()).length === 3, 'all to know each other');
  for (let i = 0; i < PER_COMPANY; i++) expect(await enters(hubs[i % 3]!)).toBe(true);
}

/** Redis begins anew, and only the third node reaches it: it has told what it holds. Until then it decides by itself. */
async function beginAnew(): Promise<void> {
  const told = hubs[2]!.metrics().seats!.restored;
  link.refuse(true);
  await redis.restart();
  await waitFor(() => hubs[2]!.metrics().seats!.restored > told, 'the first to be back');
}

const held = (): number => hubs.reduce((sum, hub) => sum + hub.metrics().connections, 0);

describe.each(['js', 'native'] as const)('%s', (engine) => {
  test('Redis has forgotten: nobody is let in for a seat that another node still holds', async () => {
    await full(engine);
    await redis.client().flushall();
    expect(await Promise.all(Array.from({ length: 6 }, () => enters(hubs[0]!)))).toEqual(Array.from({ length: 6 }, () => false));
    expect(held()).toBe(PER_COMPANY);
  });

  test('Redis begins anew, empty, and two of three nodes reach it later', async () => {
    await full(engine);
    await beginAnew();
    const came = Promise.all(Array.from({ length: 6 }, () => enters(hubs[2]!)));
    link.refuse(false);
    expect(await came).toEqual(Array.from({ length: 6 }, () => false));
    expect(held()).toBe(PER_COMPANY);
  });

  test('a link that is cut is waited for: it is back at once, and nobody is let in meanwhile', async () => {
    await full(engine);
    for (let round = 0; round < 5; round += 1) {
      if (round % 2 === 0) link.cut();
      else await redis.client().client('KILL', 'TYPE', round === 1 ? 'normal' : 'pubsub');
      expect(await Promise.all(hubs.map((hub) => enters(hub)))).toEqual([false, false, false]);
    }
    expect(held()).toBe(PER_COMPANY);
    expect(hubs.map((hub) => hub.metrics().seats!.admittedLocally)).toEqual([0, 0, 0]);
  });

  test('a link that flaps opens no limit, however long an attempt takes: who comes is sent away with a drain', async () => {
    await full(engine);
    for (let cuts = 0; cuts < 3; cuts += 1) {
      link.refuse(true);
      link.cut();
      await waitFor(() => hubs.slice(0, 2).every((hub) => hub.health().status === 'degraded'), 'the link to be lost');
      link.refuse(cuts === 2);
      if (cuts < 2) await waitFor(() => hubs.every((hub) => hub.health().status === 'ok'), 'the link to be back');
    }
    const toItsEnd = async (hub: Hub): Promise<void> => {
      const stream = hub.stream({ companyId: 'acme', userId: 'late' });
      while (!(await within(stream.next(), 'its end')).done);
    };
    await Promise.all(hubs.slice(0, 2).map((hub) => expect(toItsEnd(hub)).rejects.toMatchObject({ reason: 'drain' })));
    expect(held()).toBe(PER_COMPANY);
    expect(hubs.map((hub) => hub.metrics().seats!.admittedLocally)).toEqual([0, 0, 0]);
  });

  test('who does not come back holds up nobody for long', async () => {
    await full(engine);
    await beginAnew();
    expect(await enters(hubs[2]!)).toBe(true);
  });
});
