/**
 * A Redis that refuses the seats of one company and is well otherwise (its shard has lost its replicas, an ACL): the limits of that company hold for each node alone, as while
 * Redis is away, and a warning says why. Newcomers were sent away with a drain, each time and in silence, for as long as it lasted; and each refusal made the node come back anew.
 */
import type { EngineKind } from '../support/engines.js';
import type { Hub } from '../../lib/index.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

let redis: RedisServer;

beforeEach(async () => {
  redis = await RedisServer.start({ tcp: true });
});
afterEach(async () => {
  await endHubNodes();
  await redis.end();
});

let users = 0;
async function enters(hub: Hub, companyId: string): Promise<'in' | 'limit'> {
  const stream = hub.stream({ companyId, userId: `u${String((users += 1))}` });
  return within(stream.next(), 'its first event').then(
    () => 'in',
    (thrown: unknown) => {
      expect(thrown).toMatchObject({ code: 'COMPANY_LIMIT' });
      return 'limit';
    },
  );
}

describe.each<EngineKind>(['js', 'native'])('%s', (engine) => {
  test('the limits of a company whose seats Redis refuses hold for this node alone, and Redis is told when it takes them', async () => {
    const limits = { perUser: 0, perCompany: 2 };
    const options = { engine, limits, redis: `redis://127.0.0.1:${String(redis.port)}` };
    const node = await HubNode.start(options);
    const other = await HubNode.start(options);
    const warnings: string[] = [];
    node.hub.on('warning', ({ message }) => warnings.push(message));
    const rights = (...keys: string[]): Promise<unknown> => redis.client().call('ACL', 'SETUSER', 'default', 'resetkeys', ...keys);
    await rights('~pathcast:1:nodes*', '~pathcast:1:ends', '~pathcast:1:{good}*', '~pathcast:1:{acme}:[hli]*');
    const came = [];
    for (let i = 0; i < 4; i += 1) came.push(await enters(node.hub, 'acme'));
    expect(came).toEqual(['in', 'in', 'limit', 'limit']);
    expect(node.hub.metrics().seats).toMatchObject({ admittedLocally: 2, refusedLocally: 2 });
    expect(warnings.filter((message) => message.includes('refuses the seats'))).toEqual([expect.stringMatching(/"acme".*NOPERM/)]);
    // Everybody else is counted there, at once.
    expect(await enters(node.hub, 'good')).toBe('in');
    expect(node.hub.metrics().seats).toMatchObject({ admittedLocally: 2, held: 1 });
    const { restored } = node.hub.metrics().seats!;
    await rights('~*');
    await waitFor(async () => (await enters(node.hub, 'acme')) === 'limit' && node.hub.metrics().seats!.local === 0, 'Redis to be told');
    expect(node.hub.metrics().seats!.restored).toBe(restored + 1);
    expect(await enters(other.hub, 'acme')).toBe('limit');
  });
});
