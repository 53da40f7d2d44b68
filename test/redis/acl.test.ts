/** The Redis user of README.md and docs/redis.md is enough for all that hubs do, on both engines; Redis itself says whether something was refused. In a cluster the doctor tries it. */
import { endHubNodes, HubNode } from '../support/hub-node.js';
import { ENGINES } from '../support/engines.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import { blocksOf } from '../readme/blocks.js';
import type { Hub } from '../../lib/index.js';
import type { Redis } from 'ioredis';

jest.setTimeout(120_000);
afterEach(endHubNodes);

const line = blocksOf('README.md').find(({ kind, about }) => kind === 'redis' && about === 'acl')?.text.trim() ?? '';

/** What Redis refused somebody, as its log of refusals has it. */
async function refusals(client: Redis): Promise<unknown> {
  return client.call('ACL', 'LOG');
}

/** Each thing that a hub may ask of Redis. */
async function useAll(a: HubNode, b: HubNode): Promise<void> {
  const action = { type: 'update', module: 'guests', entityId: '1', companyId: 'acme', userId: 'ann', queryPaths: ['guests'] } as const;
  const stream = await b.stream();
  expect(await a.hub.broadcast(action)).toMatchObject({ ok: true, seq: 1 });
  expect(await a.hub.broadcastMany([action, action])).toMatchObject([{ ok: true }, { ok: true }]);
  await waitFor(() => stream.events.length >= 4, 'the actions');
  a.hub.ephemeral({ companyId: 'acme', topic: 'typing', data: 1 });
  await waitFor(() => stream.events.some(({ type }) => type === 'ephemeral'), 'the ephemeral event');
  expect(await a.hub.rateLimit('ann', { limit: 1, windowMs: 60_000 })).toMatchObject({ ok: true });
  const present = await b.present();
  await waitFor(async () => (await a.hub.presence('acme')).length === 1, 'who is there');
  expect(await a.hub.connections({ companyId: 'acme' })).toHaveLength(2);
  await nodesOf(a.hub, 2);
  const guard = await a.hub.acquire({ companyId: 'acme', userId: 'bob' });
  await guard.release();
  expect((await a.hub.readLog('acme')).actions).toHaveLength(3);
  expect(await a.hub.disconnect({ companyId: 'acme', userId: 'ann' })).toBe(2);
  await a.hub.forget('acme');
  present.raw.socket.destroy();
}

async function nodesOf(hub: Hub, count: number): Promise<void> {
  await waitFor(async () => (await hub.nodes()).length === count, `${count} nodes`);
}

describe.each(ENGINES)('the %s engine', (engine) => {
  test('under the line of the README', async () => {
    const server = await RedisServer.start();
    try {
      const [word = '', ...args] = line.split(' ');
      await server.client().call(word, ...args);
      const options = { engine, redis: `redis+unix://node:password@${server.socket}` };
      await useAll(await HubNode.start(options), await HubNode.start(options));
      await endHubNodes();
      expect(await refusals(server.client())).toEqual([]);
    } finally {
      await server.end();
    }
  });
});
