/**
 * Whoever was told to end while its node heard nothing of Redis hears nothing of what it missed: revocations are read and carried out before the
 * streams of a node that comes back are given anything. A node read its logs and `P:1:ends` beside each other, and whichever came first decided. The list is
 * made long here and the link slow, so that the log would come first.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes, type NodeStream } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

const ENDS = 'pathcast:1:ends';
const OPEN_WAIT_MS = 1_500;
let redis: RedisServer;
const links: LinkProxy[] = [];

beforeEach(async () => {
  redis = await RedisServer.start({ tcp: true });
});
afterEach(async () => {
  for (const link of links) link.heal();
  await endHubNodes();
  await Promise.all(links.splice(0).map((link) => link.close()));
  await redis.end();
});

async function linkOf(): Promise<LinkProxy> {
  const link = await LinkProxy.start(() => ({ host: '127.0.0.1', port: redis.port }));
  links.push(link);
  return link;
}

const named = (id: string) => ({ ...change, id, queryPaths: [`guests.${id}`] });
const ended = (stream: NodeStream): Promise<string> => stream.raw.untilClosed();

/** Of people that are nowhere, on several pages. */
async function endOthers(): Promise<void> {
  const pipeline = redis.client().pipeline();
  for (let i = 0; i < 2_200; i++) pipeline.xadd(ENDS, '*', 'm', JSON.stringify({ match: { companyId: 'acme', userId: `u${String(i)}` }, reason: 'revoked' }));
  await pipeline.exec();
}

describe.each<EngineKind>(['native', 'js'])('%s', (engine) => {
  let ahead: HubNode;
  let away: HubNode;
  let link: LinkProxy;
  const warnings: string[] = [];

  beforeEach(async () => {
    ahead = await HubNode.start({ engine, redis: { url: `redis://127.0.0.1:${String(redis.port)}` } });
    link = await linkOf();
    away = await HubNode.start({ engine, redis: { url: link.url, openWaitMs: OPEN_WAIT_MS } });
    warnings.length = 0;
    away.hub.on('warning', ({ message }) => warnings.push(message));
  });

  /** What it misses, and that ann may hear no more of it. */
  async function missed(): Promise<void> {
    await ahead.hub.disconnect({ companyId: 'acme', userId: 'ann' });
    await ahead.hub.broadcast(named('a2'));
  }

  test('a stream that was revoked while its node was cut off hears nothing of what it missed, nor does one that came meanwhile', async () => {
    const stays = await away.stream();
    await ahead.hub.broadcast(named('a1'));
    await stays.until('a1');
    link.part();
    const came = await away.stream(stays.lastEventId);
    await endOthers();
    await missed();
    link.cut();
    link.slow(15);
    link.heal();
    for (const stream of [stays, came]) {
      expect(await ended(stream)).toMatch(/"type":"server_close".*"reason":"revoked"/);
      expect(stream.actions.filter((id) => id !== 'a1')).toEqual([]);
    }
    link.slow(0);
    // Whoever comes back is asked by the app, and misses nothing.
    const back = await away.stream(stays.lastEventId);
    await back.until('a2');
  });

  test('what is published while they are read waits for that', async () => {
    const stays = await away.stream();
    link.part();
    await endOthers();
    await missed();
    link.cut();
    link.slow(15);
    link.heal();
    let own = 0;
    while (own < 300 && !stays.raw.closed && !stays.raw.socket.readableEnded) {
      await Promise.all([ahead.hub.broadcast(named(`b${String((own += 1))}`)), away.hub.broadcast(named(`c${String(own)}`))]);
    }
    expect(await ended(stays)).toMatch(/"reason":"revoked"/);
    // Its own node's word while Redis is away is an `invalidate` that names no data.
    expect(stays.actions).toEqual([]);
  });

  test('a stream that opened at a node which has not yet heard of anybody, and was revoked meanwhile, ends when it does', async () => {
    link = await linkOf();
    link.part();
    const young = await HubNode.begin({ engine, redis: { url: link.url, openWaitMs: 100 } });
    const came = await young.stream();
    await endOthers();
    await missed();
    link.slow(15);
    link.heal();
    expect(await ended(came)).toMatch(/"reason":"revoked"/);
    expect(came.actions).toEqual([]);
  });

  test.each(['before it', 'never'])('the Redis that it comes back to has a clock that is a minute behind; somebody was ended %s', async (before) => {
    if (before !== 'never') await ahead.hub.disconnect({ companyId: 'acme', userId: 'bob' });
    const stays = await away.stream();
    link.part();
    // As `XADD *` of a promoted replica names it that has none of the former ones.
    await redis.client().del(ENDS);
    await redis.client().xadd(ENDS, `${String(Date.now() - 60_000)}-0`, 'm', JSON.stringify({ match: { companyId: 'acme', userId: 'ann' }, reason: 'revoked' }));
    link.cut();
    link.heal();
    expect(await ended(stays)).toMatch(/"reason":"revoked"/);
    // Who comes later is no concern of what was read once.
    const back = await away.stream();
    link.cut();
    await ahead.hub.broadcast(named('a3'));
    await back.until('a3');
  });

  test('who was ended and came back stays, however many are ended then, and though the newest of them is lost', async () => {
    await waitFor(async () => (await ahead.hub.nodes()).length === 2, 'both know each other');
    const first = await away.stream();
    expect(await ahead.hub.disconnect({ companyId: 'acme', userId: 'ann' })).toBe(1);
    expect(await ended(first)).toMatch(/"reason":"revoked"/);
    const back = await away.stream();
    for (let i = 0; i < 2_100; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, k) => ahead.hub.disconnect({ companyId: 'acme', userId: `u${String(i + k)}` })));
    }
    link.cut();
    await ahead.hub.broadcast(named('a1'));
    await back.until('a1');
    // As after a failover without the last write: all is read again.
    const [[newest] = ['']] = await redis.client().xrevrange(ENDS, '+', '-', 'COUNT', 1);
    await redis.client().xdel(ENDS, newest);
    link.cut();
    await ahead.hub.broadcast(named('a2'));
    await back.until('a2');
    expect(back.raw.text).not.toContain('server_close');
  });

  test('where Redis answers, and not who was to end, all streams end and come back', async () => {
    const stays = await away.stream();
    await ahead.hub.broadcast(named('a1'));
    await stays.until('a1');
    link.part();
    await redis.client().set(ENDS, 'somebody else');
    await ahead.hub.broadcast(named('a2'));
    link.cut();
    link.heal();
    expect(await ended(stays)).toMatch(/"reason":"drain"/);
    expect(stays.actions).toEqual(['a1']);
    expect(warnings).toContainEqual(expect.stringContaining('who was told to end while this node heard nothing'));
    const back = await away.stream(stays.lastEventId);
    await back.until('a2');
    expect(back.resyncs).toEqual([]);
  });
});
