/**
 * A node meets a company whose log a newer version keeps, or keys that are somebody else's: it leaves the company alone, whole. Publishes are refused, streams are sent
 * away with a hint to come back (to a node that can), and it says so once; other companies go on. The JavaScript engine opened such streams without a log, and nothing ever
 * reached them; a stream that was open when the newer version came heard nothing of it, nor where the node's own broadcast met that version first.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

const HEAD = 'pathcast:1:{acme}:head';
let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  await endHubNodes();
  await redis.client().flushall();
});
afterAll(async () => await redis?.end());

const named = (id: string) => ({ ...change, id, queryPaths: [`guests.${id}`] });

let node: HubNode;
let warnings: string[];

async function begin(engine: EngineKind): Promise<void> {
  node = await HubNode.start({ engine, redis: { url: `redis+unix://${redis.socket}`, openWaitMs: 10_000 } });
  warnings = [];
  node.hub.on('warning', ({ message }) => warnings.push(message));
}

describe.each<EngineKind>(['js', 'native'])('%s', (engine) => {
  /** Sends whoever comes away, at once; and refuses what is published. */
  async function leavesAlone(what: RegExp): Promise<void> {
    const came = await node.ask();
    expect(await came.raw.untilClosed()).toMatch(/"type":"server_close".*"reason":"drain"/);
    expect([came.actions, came.resyncs]).toEqual([[], []]);
    expect(await node.hub.broadcast(named('a9'))).toMatchObject({ ok: false, code: 'BROKER' });
    expect(node.hub.metrics().connections).toBe(0);
    expect(warnings.filter((message) => what.test(message)).length).toBeGreaterThanOrEqual(1);
    // Once, not at each of them.
    const told = warnings.length;
    await (await node.ask()).raw.untilClosed();
    await node.hub.broadcast(named('a10'));
    expect(warnings.length).toBe(told);
    expect(await node.hub.broadcast({ ...named('b1'), companyId: 'other' })).toMatchObject({ ok: true, seq: 1 });
  }

  test('a company of a newer format is left alone', async () => {
    await redis.client().hset(HEAD, { format: '2', epoch: 'abc', seq: '7' });
    await begin(engine);
    await leavesAlone(/format 2/);
    expect(await redis.client().hgetall(HEAD)).toEqual({ format: '2', epoch: 'abc', seq: '7' });
  });

  test('so are keys that are somebody else’s', async () => {
    await redis.client().set(HEAD, 'not ours');
    await begin(engine);
    await leavesAlone(/WRONGTYPE/);
    expect(await redis.client().get(HEAD)).toBe('not ours');
  });

  test('a newer version takes a company over: streams that are open are sent away, and so is who comes later', async () => {
    await begin(engine);
    const stays = await node.stream();
    await node.hub.broadcast(named('a1'));
    await stays.until('a1');
    await redis.client().hset(HEAD, 'format', '2');
    await redis.client().publish('pathcast:1:{acme}:bell', '2 whatever it is\n');
    expect(await stays.raw.untilClosed()).toMatch(/"reason":"drain"/);
    await waitFor(() => warnings.some((message) => /format 2/.test(message)), 'the warning');
    const late = await node.ask(stays.lastEventId);
    const told = await late.raw.untilClosed();
    expect(told).toMatch(/"type":"server_close".*"reason":"drain"/);
    // What the node had before is no place to go on from.
    expect(told).not.toContain('"hello"');
    expect([late.actions, late.resyncs]).toEqual([[], []]);
  });

  test.each([
    ['of a newer format', async () => void (await redis.client().hset(HEAD, 'format', '2'))],
    ['somebody else’s', async () => void (await redis.client().multi().del(HEAD).set(HEAD, 'not ours').exec())],
  ])('nobody rings, and the node’s own broadcast finds a log that is %s: open streams are sent away', async (_what, become) => {
    await begin(engine);
    const stays = await node.stream();
    await node.hub.broadcast(named('a1'));
    await stays.until('a1');
    await become();
    expect(await node.hub.broadcast(named('a2'))).toMatchObject({ ok: false, code: 'BROKER' });
    expect(await stays.raw.untilClosed()).toMatch(/"reason":"drain"/);
    expect(stays.actions).toEqual(['a1']);
  });

  test('what rings is nobody’s, and the log has a newer format: open streams are sent away', async () => {
    await begin(engine);
    const stays = await node.stream();
    await redis.client().hset(HEAD, 'format', '2');
    await redis.client().publish('pathcast:1:{acme}:bell', '2 without its end');
    expect(await stays.raw.untilClosed()).toMatch(/"reason":"drain"/);
  });

  test('who is left alone is looked at again: what was mended goes on without a new link', async () => {
    await redis.client().set(HEAD, 'not ours');
    await begin(engine);
    await (await node.ask()).raw.untilClosed();
    expect(await node.hub.broadcast(named('a1'))).toMatchObject({ ok: false, code: 'BROKER' });
    await redis.client().del(HEAD);
    await waitFor(async () => (await node.hub.broadcast(named('a2'))).ok, 'a publish to be taken');
    const { recovered } = await waitFor(async () => {
      const stream = await node.ask();
      // A hello, or the end of one that is sent away without.
      await waitFor(() => stream.messages.length > 0 || stream.raw.closed || stream.raw.socket.readableEnded, 'a first word');
      return stream.events.find((event) => event.type === 'hello');
    }, 'a stream to open');
    expect(recovered).toBe(false);
    expect(node.hub.metrics().broker!.reconnects).toBe(0);
  });
});
