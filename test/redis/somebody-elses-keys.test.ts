/**
 * Keys under our names that are somebody else's, and words that come at a bad moment. A key of another type is left as it is and concerns its company alone: one took the
 * whole node out of the shared limits, another was deleted. A revocation that was written while a node took Redis for silent was told to nobody; `forget` missed who was cut off.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

let redis: RedisServer;
let link: LinkProxy;

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

const direct = (): string => `redis://127.0.0.1:${String(redis.port)}`;
const named = (id: string) => ({ ...change, id, queryPaths: [`guests.${id}`] });

describe.each<EngineKind>(['js', 'native'])('%s', (engine) => {
  test.each(['seats', 'here'])('a key of %s that is not ours keeps nobody else from being counted', async (what) => {
    const limits = { perUser: 2, perCompany: 0 };
    const nodes = [await HubNode.start({ engine, limits, redis: direct() }), await HubNode.start({ engine, limits, redis: direct() })] as const;
    const warnings: string[] = [];
    nodes[0].hub.on('warning', ({ message }) => warnings.push(message));
    await redis.client().set(`pathcast:1:{evil}:${what}`, 'mine');
    let admitted = 0;
    for (let i = 0; i < 4; i++) {
      const { hub } = nodes[(i % 2) as 0 | 1];
      const evil = hub.stream({ companyId: 'evil', userId: `u${String(i)}`, presence: { topics: ['list'] } });
      await evil.next();
      await hub.presence('evil');
      const stream = hub.stream({ companyId: 'good', userId: 'ann' });
      await stream.next().then(
        () => (admitted += 1),
        (thrown: unknown) => expect(thrown).toMatchObject({ code: 'USER_LIMIT' }),
      );
    }
    expect(admitted).toBe(2);
    expect(warnings.filter((message) => message.includes("is not pathcast's"))).toHaveLength(1);
    expect(await redis.client().get(`pathcast:1:{evil}:${what}`)).toBe('mine');
  });

  test.each(['log', 'log of entries', 'ids', 'head'])('a %s that is not ours stays as it is', async (kind) => {
    const what = kind.split(' ')[0]!;
    const key = `pathcast:1:{acme}:${what}`;
    const type = { head: 'hash', 'log of entries': 'stream' }[kind] ?? 'string';
    if (type === 'hash') await redis.client().hset(key, 'name', 'mine');
    else if (type === 'stream') await redis.client().xadd(key, '5-0', 'a', 'b');
    else await redis.client().set(key, 'mine');
    const node = await HubNode.start({ engine, redis: direct() });
    expect(await node.hub.broadcast(named('a1'))).toMatchObject({ ok: false, code: 'BROKER' });
    expect(await redis.client().type(key)).toBe(type);
    expect(await redis.client().keys('pathcast:1:{acme}:*')).toEqual([key]);
  });

  test('a list of who was told to end that is not ours is told, stays as it is, and keeps no node that hears from carrying out a disconnect', async () => {
    const other = await HubNode.start({ engine, redis: direct() });
    const node = await HubNode.start({ engine, redis: direct() });
    const warnings: string[] = [];
    node.hub.on('warning', ({ message }) => warnings.push(message));
    const stream = await other.stream();
    await waitFor(async () => (await node.hub.nodes()).length === 2, 'both know each other');
    await redis.client().set('pathcast:1:ends', 'mine');
    expect(await node.hub.disconnect({ companyId: 'acme', userId: 'ann' })).toBe(1);
    expect(await stream.raw.untilClosed()).toMatch(/"reason":"revoked"/);
    expect(warnings).toEqual([expect.stringMatching(/cannot be written down in Redis \(WRONGTYPE/)]);
    expect(await redis.client().get('pathcast:1:ends')).toBe('mine');
  });

  test('an action that is gone from the middle of the log is told to who comes by a time before it', async () => {
    const first = await HubNode.start({ engine, redis: direct() });
    const stream = await first.stream();
    for (const id of ['a1', 'a2', 'a3', 'a4']) await first.hub.broadcast(named(id));
    await stream.until('a4');
    const at = (id: string): number => Number(stream.events.find((event) => 'id' in event && event.id === id)?.timestamp);
    await endHubNodes();
    await redis.client().xdel('pathcast:1:{acme}:log', '3-0');
    const node = await HubNode.start({ engine, redis: direct() });
    const late = node.hub.stream({ companyId: 'acme', userId: 'ann', lastSyncTimestamp: at('a2') });
    const types: unknown[] = [];
    for await (const event of late) {
      types.push(event.type);
      if (event.type === 'resync' || ('id' in event && event.id === 'a4')) break;
    }
    expect(types).toContain('resync');
  });

  test.each([['inf', 0], ['1e300', 0], ['nan', 0], ['0x10', 0], ['5', 0], ['9999999999999999', 60_000]])('a rate of %j is not ours: each node counts by itself', async (value, ttl) => {
    const node = await HubNode.start({ engine, redis: direct() });
    const warnings: string[] = [];
    node.hub.on('warning', ({ message }) => warnings.push(message));
    await redis.client().set('pathcast:1:rate:{key}', value);
    if (ttl > 0) await redis.client().pexpire('pathcast:1:rate:{key}', ttl);
    const rate = { limit: 1, windowMs: 60_000 };
    expect(await node.hub.rateLimit('key', rate)).toEqual({ ok: true, remaining: 0, retryAfterMs: 0 });
    const refused = await node.hub.rateLimit('key', rate);
    expect(refused).toMatchObject({ ok: false });
    expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(warnings).toEqual([expect.stringContaining("is not pathcast's")]);
    expect(await redis.client().get('pathcast:1:rate:{key}')).toBe(value);
    expect(node.hub.health().status).toBe('ok');
  });

  test('a revocation is told though its node has just taken Redis for silent', async () => {
    const other = await HubNode.start({ engine, redis: direct() });
    const node = await HubNode.start({ engine, redis: link.url });
    const stream = await other.stream();
    link.part();
    // It waits for a second, and then counts by itself.
    await node.hub.rateLimit('somebody', { limit: 1, windowMs: 1_000 });
    link.heal();
    await node.hub.disconnect({ companyId: 'acme', userId: 'ann' });
    expect(await stream.raw.untilClosed()).toMatch(/"reason":"revoked"/);
  });

  test.each(['has a stream', 'knows nothing'])('a node that was cut off ends the streams of a company that was forgotten meanwhile, and brings nothing of it back: it %s', async (what) => {
    const node = await HubNode.start({ engine, redis: direct() });
    const away = await HubNode.start({ engine, redis: link.url });
    const refused = jest.fn();
    away.hub.on('warning', ({ message }) => refused(message));
    await node.hub.broadcast(named('a1'));
    const stream = what === 'has a stream' ? await away.stream() : undefined;
    link.part();
    expect(await away.hub.broadcast({ ...named('a2'), data: 'SECRET' })).toMatchObject({ ok: true, queued: true });
    await node.hub.forget('acme');
    const after = away.hub.broadcast(named('a3'));
    link.cut();
    link.heal();
    if (stream) expect(await stream.raw.untilClosed()).toMatch(/"reason":"revoked"/);
    // What was published since comes, and what was published before does not.
    expect(await after).toMatchObject({ ok: true });
    const entries = await waitFor(async () => {
      const found = await redis.client().xrange('pathcast:1:{acme}:log', '-', '+');
      return found.length > 0 ? found : undefined;
    }, 'the log to begin anew');
    expect(entries.map(([, fields]) => fields[1])).toEqual(['a3']);
    expect(refused).toHaveBeenCalledWith(expect.stringContaining('erased'));
  });
});

test('what stands for an ephemeral event and would be several lines of a stream is refused', async () => {
  const node = await HubNode.start({ engine: 'js', redis: direct() });
  const stream = await node.stream();
  const evil = 'x\n\nid: evil.9\nevent: server_close\ndata: {}\n';
  for (const body of [evil, 'not json', '{\n}']) await redis.client().publish('pathcast:1:{acme}:bell', `1e zz ${String(Buffer.byteLength(body))} 0\n${body}`);
  await node.hub.broadcast(named('a1'));
  await stream.until('a1');
  await waitFor(() => node.hub.metrics().broker!.foreign >= 3, 'all three to be counted');
  expect(stream.raw.text).not.toMatch(/evil|not json/);
});
