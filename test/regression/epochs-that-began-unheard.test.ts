/**
 * A failover lost what Redis had acknowledged, and some streams never heard of it. Found by chaos: a master that was stopped woke up beside
 * its heir, two of three nodes were back at it, and what they wrote there went when it became a replica. They told the heir what they knew,
 * by reading, and a new epoch began: their own streams got a `resync`. The third node's did not: nothing rang. Nor did anything where the one
 * node that knew of a lost action had no streams, for such a node read nothing.
 *
 * So a reading that begins an epoch rings; a node tells a Redis that has become another one what it knows of every company; and what it knows
 * of a former epoch is not given up for an answer that leaves it open. Pinned with nodes of both engines, and by what is known.
 */
import { KnownLogs } from '../../lib/jsengine/broker/known-logs.js';
import { keysOf } from '../../lib/redis/keys.js';
import { change } from '../support/actions.js';
import { HubNode, endHubNodes, type NodeStream } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

const named = (id: string) => ({ ...change, id, queryPaths: [`guests.${id}`] });
const epochOf = (stream: NodeStream): string => stream.lastEventId.split('.')[0]!;
const resynced = (stream: NodeStream): Promise<string[]> => waitFor(() => (stream.resyncs.length > 0 ? stream.resyncs : undefined), 'a resync');

describe.each(['js', 'native'] as const)('%s', (engine) => {
  let redis: RedisServer;
  const links: LinkProxy[] = [];

  beforeEach(async () => {
    redis = await RedisServer.start({ stores: 'each-write' });
  });
  afterEach(async () => {
    for (const link of links) link.heal();
    await endHubNodes();
    await Promise.all(links.splice(0).map((link) => link.close()));
    await redis.end();
  });

  async function linked(): Promise<{ node: HubNode; link: LinkProxy }> {
    const link = await LinkProxy.start(() => ({ path: redis.socket }));
    links.push(link);
    return { node: await HubNode.start({ engine, redis: { url: link.url, probeMs: 60_000 } }), link };
  }

  test('an epoch that begins with a reading is told to the streams of every node', async () => {
    const { node } = await linked();
    const other = await linked();
    const streams = [await node.stream(), await other.node.stream()];
    await node.hub.broadcast(named('a1'));
    for (const stream of streams) await stream.until('a1');
    await redis.client().del(keysOf('pathcast', 'acme').head);
    // Nobody publishes any more: one comes to a node that knows nothing of the company, and reads.
    const newcomer = await (await linked()).node.stream();
    for (const stream of streams) expect(await resynced(stream)).toEqual(['epoch_changed']);
    expect(streams.map(epochOf)).toEqual([epochOf(newcomer), epochOf(newcomer)]);
    await node.hub.broadcast(named('a2'));
    for (const stream of [...streams, newcomer]) await stream.until('a2');
    expect(streams.map(({ resyncs }) => resyncs)).toEqual([['epoch_changed'], ['epoch_changed']]);
    expect(newcomer.resyncs).toEqual([]);
    // What rang was understood, not taken for a stranger's.
    for (const { hub } of [node, other.node]) expect(hub.metrics().broker).toMatchObject({ foreign: 0 });
  });

  test('what Redis has lost is told though the node that knows of it has no streams', async () => {
    const { node: publisher } = await linked();
    const { node, link } = await linked();
    const stream = await node.stream();
    await publisher.hub.broadcast(named('a1'));
    await stream.until('a1');
    const old = redis.copyData();
    link.part();
    expect(await publisher.hub.broadcast(named('lost'))).toMatchObject({ ok: true, seq: 2 });
    await redis.restart(old);
    link.heal();
    expect(await resynced(stream)).toEqual(['epoch_changed']);
    await publisher.hub.broadcast(named('a2'));
    await stream.until('a2');
    expect([stream.actions, stream.resyncs]).toEqual([['a1', 'a2'], ['epoch_changed']]);
  });

  test('a Redis that comes back with all it had costs no resync', async () => {
    const { node: publisher } = await linked();
    const { node } = await linked();
    const stream = await node.stream();
    await publisher.hub.broadcast(named('a1'));
    await stream.until('a1');
    const epoch = epochOf(stream);
    await redis.restart('stored');
    // Both have told it what they know, and it goes on under another name.
    const client = redis.client();
    await waitFor(async () => (await client.hget(keysOf('pathcast', 'acme').head, 'epoch')) !== epoch, 'another name');
    await publisher.hub.broadcast(named('a2'));
    await stream.until('a2');
    expect([stream.actions, stream.resyncs]).toEqual([['a1', 'a2'], []]);
  });
});

describe('what is known of a log', () => {
  const at = (epoch: string, seq: number, id: string) => ({ run: 'r', epoch, seq, id, at: 1 });

  test('stays where an answer leaves it open whether it is lost', () => {
    const known = new KnownLogs(10);
    known.note('acme', at('old', 7, 'x'), []);
    expect(known.note('acme', at('new', 7, 'y'), [{ epoch: 'old', last: 6 }])).toBe(false);
    expect(known.of('acme')).toMatchObject({ epoch: 'old', seq: 7, id: 'x' });
  });

  test('goes where the log has it, or is another one', () => {
    const known = new KnownLogs(10);
    known.note('acme', at('old', 7, 'x'), []);
    expect(known.note('acme', at('new', 7, ''), [{ epoch: 'old', last: 7 }])).toBe(true);
    expect(known.of('acme')).toMatchObject({ epoch: 'new', seq: 7, id: 'x' });
    expect(known.note('acme', at('third', 1, 'y'), [])).toBe(true);
    expect(known.of('acme')).toMatchObject({ epoch: 'third', seq: 1, id: 'y' });
  });
});
