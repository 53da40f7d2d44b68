/**
 * What waiting does not mend is told at start, with what to do (SPEC §14): `hub.ready()` rejects. Under an ACL that allowed nothing but INFO the link stood,
 * `ready()` resolved, and each use failed by itself: what was published waited for ever, limits were each node's own. The same for an address of the wrong kind.
 */
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { HubFailure } from '../../lib/server/results.js';
import { aclRule, COMMANDS } from '../../lib/redis/rights.js';
import { TRIED } from '../../lib/redis/scripts/rights.js';
import { ENGINES } from '../support/engines.js';
import { RedisServer } from '../support/redis.js';
import { RedisSentinels } from '../support/redis-sentinels.js';
import { waitFor, within } from '../support/wait.js';

const hubs: Hub[] = [];
let server: RedisServer;
let sentinels: RedisSentinels;
beforeAll(async () => {
  server = await RedisServer.start({ tcp: true, tls: true });
  sentinels = await RedisSentinels.start();
});
afterEach(async () => {
  for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
});
afterAll(async () => {
  await sentinels?.end();
  await server?.end();
});

/** Its refusal, which is an `error` event as well. */
async function refused(engine: (typeof ENGINES)[number], redis: string): Promise<{ hub: Hub; message: string }> {
  const hub = createHub({ engine, redis });
  hubs.push(hub);
  const errors: HubFailure[] = [];
  hub.on('error', (failure) => errors.push(failure));
  const thrown = await within(hub.ready(), 'the answer').then(
    () => undefined,
    (error: unknown) => error as { code: string; message: string },
  );
  await waitFor(() => errors.length > 0, 'an error event');
  expect(errors[0]).toMatchObject({ during: 'broker', error: thrown });
  expect(hub.health()).toMatchObject({ status: 'starting' });
  expect(thrown).toMatchObject({ code: 'BROKER' });
  return { hub, message: thrown?.message ?? '' };
}

test('each command that a script calls is tried', () => {
  const outside = ['ping', 'select', 'info', 'role', 'client|setname', 'eval', 'evalsha', 'script|load', 'subscribe', 'unsubscribe'];
  expect([...TRIED, ...outside].sort()).toEqual([...COMMANDS].sort());
});

describe.each(ENGINES)('the %s engine', (engine) => {
  test.each([
    ['no key of ours', ['~other:*', '&*', '+@all'], /keys/],
    ['no channel of ours', ['~*', 'resetchannels', '+@all'], /channels/],
    ['no script', ['~*', '&*', '+@all', '-evalsha', '-eval'], /evalsha/],
    ['no INFO', ['~*', '&*', '+@all', '-info'], /info/],
    ['no sorted sets', ['~*', '&*', '+@all', '-@sortedset'], /\(zadd, zcard, .*zremrangebyscore\)/],
    ['no PUBLISH', ['~*', '&*', '+@all', '-publish'], /\(publish\)/i],
  ] as const)('a user who may touch %s is told the line that is enough, and is served once it has that', async (_, rules, message) => {
    const user = `node-${engine}-${String(hubs.length)}`;
    const setUser = (...given: readonly string[]): Promise<unknown> => server.client().call('ACL', 'SETUSER', user, 'reset', 'on', '>password', ...given);
    await setUser(...rules);
    const { hub, message: told } = await refused(engine, `redis+unix://${user}:password@${server.socket}`);
    expect(told).toMatch(message);
    expect(told).toContain(`ACL SETUSER <user> ${aclRule('pathcast')}`);
    expect(told).not.toContain('>password');
    await setUser(...aclRule('pathcast').split(' '));
    await waitFor(() => hub.health().status === 'ok', 'it is served');
    await within(hub.ready(), 'it is ready');
  });

  test.each([
    ['a cluster that is none', () => `redis+cluster://127.0.0.1:${String(server.port)}`, /it is no cluster: redis:\/\//],
    ['a sentinel that is none', () => `redis+sentinel://127.0.0.1:${String(server.port)}/main`, /it is no sentinel: redis:\/\//],
    ['a Redis that is a sentinel', () => `redis://127.0.0.1:${String(sentinels.ports[0])}`, /it is a sentinel, .* redis\+sentinel:\/\//],
    ['a master that no sentinel knows', () => `redis+sentinel://127.0.0.1:${String(sentinels.ports[0])}/nobody`, /know no master of that name/],
    ['a Redis without TLS', () => `rediss://127.0.0.1:${String(server.port)}`, /speaks no TLS: redis:\/\/ asks for a plain Redis/],
    ['a certificate that nobody vouches for', () => server.tlsUrl(), /certificate is not trusted.*NODE_EXTRA_CA_CERTS/],
  ])('%s is told with what to do', async (_, url, message) => {
    expect((await refused(engine, url())).message).toMatch(message);
  });
});
