/**
 * What was on its way when its company was erased stays away, and leaves nothing: a first action of a node that knew nothing of the company was placed with its data, one that was made of
 * several by need of room counted as published then, and a refused one began a head that never expired. What is sent again only to say its age is no second attempt.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

const BIG = 'SECRET'.repeat(5_000);
let redis: RedisServer;
let link: LinkProxy;
let node: HubNode;
let away: HubNode;

beforeEach(async () => {
  redis = await RedisServer.start({ tcp: true });
  link = await LinkProxy.start(() => ({ host: '127.0.0.1', port: redis.port }));
});
afterEach(async () => {
  link.heal();
  await endHubNodes();
  await link.close();
  await redis.end();
});

const named = (id: string, companyId = 'acme') => ({ ...change, companyId, id, queryPaths: [`guests.${id}`] });
const ofAcme = (): Promise<string[]> => redis.client().keys('pathcast:1:{acme}:[hli]*');
const waiting = (): number => away.hub.metrics().broker!.outboxActions;

async function unlink(): Promise<void> {
  link.refuse(true);
  link.cut();
  await waitFor(() => away.hub.health().status === 'degraded', 'the link to be lost');
}

describe.each<EngineKind>(['js', 'native'])('%s', (engine) => {
  beforeEach(async () => {
    node = await HubNode.start({ engine, redis: `redis://127.0.0.1:${String(redis.port)}` });
    away = await HubNode.start({ engine, redis: { url: link.url, outboxBytes: 600_000 } });
    await node.hub.broadcast(named('a1'));
  });

  test('a first action that was on its way, of a node that knew nothing', async () => {
    const refused = jest.fn();
    away.hub.on('warning', ({ message }) => refused(message));
    await away.hub.broadcast(named('w1', 'warm'));
    link.part();
    expect(await away.hub.broadcast({ ...named('a2'), data: 'SECRET' })).toMatchObject({ ok: true, queued: true });
    await node.hub.forget('acme');
    link.heal();
    await waitFor(() => waiting() === 0, 'it to be answered');
    expect(refused).toHaveBeenCalledWith(expect.stringContaining('erased'));
    expect(await ofAcme()).toEqual([]);
  });

  test('what became one because another company needed room is as old as its newest part', async () => {
    await away.hub.broadcast(named('w1', 'warm'));
    await unlink();
    for (let i = 0; i < 6; i += 1) await away.hub.broadcast({ ...named(`q${String(i)}`), data: BIG });
    await node.hub.forget('acme');
    const conflated = (): number => away.hub.metrics().broker!.conflated;
    for (let i = 0; conflated() === 0; i += 1) expect(await away.hub.broadcast({ ...named(`o${String(i)}`, `c${String(i)}`), data: BIG })).toMatchObject({ queued: true });
    link.refuse(false);
    await waitFor(() => waiting() === 0, 'all to be answered');
    expect(await ofAcme()).toEqual([]);
  });

  test('while Redis is away what was tried once can become one as well', async () => {
    await unlink();
    for (let round = 0; round < 4; round += 1) {
      for (let i = 0; i < 12; i += 1) expect(await away.hub.broadcast({ ...named(`a${String(round)}.${String(i)}`), data: BIG })).toMatchObject({ ok: true, queued: true });
      const { unsent } = away.hub.metrics().broker!;
      // The native engine tries nothing without a link.
      if (engine === 'js') await waitFor(() => away.hub.metrics().broker!.unsent > unsent, 'an attempt');
    }
  });

  test('an action that another node has placed since is a duplicate', async () => {
    await away.stream();
    await node.hub.forget('acme');
    await node.hub.broadcast(named('x'));
    expect(await away.hub.broadcast(named('x'))).toMatchObject({ ok: true, duplicate: true });
  });

  test('a log that was only read has a life', async () => {
    await redis.client().flushall();
    await away.stream();
    expect(await redis.client().pttl('pathcast:1:{acme}:head')).toBeGreaterThan(0);
  });
});
