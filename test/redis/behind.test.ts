/**
 * Nodes that are behind: a mirror says nothing of what it does not know. A cursor that it cannot place is judged by Redis, read
 * after the stream came, or not at all; a subscription that delivers nothing is found by the probe, and what it missed is read.
 */
import { change } from '../support/actions.js';
import type { EngineKind } from '../support/engines.js';
import { HubNode, endHubNodes, type NodeStream } from '../support/hub-node.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer, type OldData } from '../support/redis.js';

const OPEN_WAIT_MS = 1_500;
let redis: RedisServer;
const links: LinkProxy[] = [];

beforeEach(async () => {
  redis = await RedisServer.start({ stores: 'each-write', tcp: true });
});
afterEach(async () => {
  for (const link of links) link.heal();
  await endHubNodes();
  await Promise.all(links.splice(0).map((link) => link.close()));
  await redis.end();
});

async function linked(engine: EngineKind): Promise<{ node: HubNode; link: LinkProxy }> {
  const link = await LinkProxy.start(() => ({ host: '127.0.0.1', port: redis.port }));
  links.push(link);
  const node = await HubNode.start({ engine, redis: { url: link.url, openWaitMs: OPEN_WAIT_MS, probeMs: 300 } });
  return { node, link };
}

/** Ports of the connections that listen, as Redis has them. */
async function listening(): Promise<number[]> {
  const list = String(await redis.client().client('LIST'));
  return list.split('\n').flatMap((line) => (/ (s?sub)=[1-9]/.test(line) ? [Number(/ addr=[^ ]*:(\d+)/.exec(line)![1])] : []));
}

const named = (id: string) => ({ ...change, id, queryPaths: [`guests.${id}`] });

describe.each<EngineKind>(['js', 'native'])('%s', (engine) => {
  let ahead: HubNode;
  let behind: HubNode;
  let link: LinkProxy;
  let cursor: string;

  /** `part` takes from a node what it hears; what comes next is known to the other one alone. */
  async function fallBehind(part: (link: LinkProxy) => Promise<void> | void): Promise<NodeStream> {
    ({ node: ahead } = await linked(engine));
    const other = await linked(engine);
    ({ node: behind, link } = other);
    const stays = await behind.stream();
    const moves = await ahead.stream();
    await ahead.hub.broadcast(named('a1'));
    for (const stream of [stays, moves]) await stream.until('a1');
    await part(link);
    await ahead.hub.broadcast(named('a2'));
    await ahead.hub.broadcast(named('a3'));
    await moves.until('a3');
    cursor = moves.lastEventId;
    moves.close();
    return stays;
  }

  test('a cursor beyond what a node knows waits for Redis, and is resumed', async () => {
    const stays = await fallBehind((each) => each.part());
    const came = await behind.ask(cursor);
    // It has what it was asked: another request behind it on the same node is answered.
    await behind.stream();
    expect(came.events).toEqual([]);
    link.heal();
    expect(await came.hello()).toMatchObject({ recovered: true, reason: 'resumed' });
    await ahead.hub.broadcast(named('a4'));
    for (const stream of [stays, came]) await stream.until('a4');
    expect([came.actions, came.resyncs]).toEqual([['a4'], []]);
    expect([stays.actions, stays.resyncs]).toEqual([['a1', 'a2', 'a3', 'a4'], []]);
  });

  test('where Redis stays away the stream opens without a verdict, and has it when Redis is back', async () => {
    await fallBehind((each) => each.part());
    const came = await behind.stream(cursor);
    expect(await came.hello()).toMatchObject({ recovered: false, reason: 'broker_lost' });
    link.heal();
    await ahead.hub.broadcast(named('a4'));
    await came.until('a4');
    expect(new Set(came.resyncs)).toEqual(new Set(['broker_lost']));
    // It goes on from where the resync was: what it had already may come again, and each once.
    expect(came.actions).toEqual([...new Set(came.actions)]);
  });

  const partSubscription = async (each: LinkProxy): Promise<void> => {
    const ports = await listening();
    expect(ports.length).toBeGreaterThanOrEqual(2);
    each.partOnly(ports);
  };

  test('where only the subscription hears nothing Redis is read before the verdict', async () => {
    await fallBehind(partSubscription);
    const came = await behind.stream(cursor);
    expect([await came.hello(), came.actions, came.resyncs]).toMatchObject([{ recovered: true, reason: 'resumed' }, [], []]);
  });

  test('a subscription that hears nothing is found by the probe, and what it missed is read though nothing more is published', async () => {
    const stays = await fallBehind(partSubscription);
    await stays.until('a3');
    expect(behind.hub.metrics().broker?.probesLost).toBeGreaterThan(0);
    expect([stays.actions, stays.resyncs]).toEqual([['a1', 'a2', 'a3'], []]);
  });

  test('a cursor that saw what Redis has forgotten is none of the log that goes on', async () => {
    let old: OldData | undefined;
    const stays = await fallBehind((each) => {
      old = redis.copyData();
      each.part();
    });
    // Who saw it is gone; who did not vouches for what is left.
    await ahead.hub.close();
    await redis.restart(old);
    link.heal();
    await behind.hub.broadcast(named('b2'));
    await stays.until('b2');
    expect([stays.actions, stays.resyncs]).toEqual([['a1', 'b2'], []]);
    const came = await behind.stream(cursor);
    expect([await came.hello(), came.actions]).toMatchObject([{ recovered: false, reason: 'epoch_changed' }, []]);
  });

  test('a node that has an epoch under its former name knows by Redis that the log goes on', async () => {
    await fallBehind(async (each) => {
      each.part();
      await redis.restart('stored');
    });
    const came = await behind.ask(cursor);
    link.heal();
    expect(await came.hello()).toMatchObject({ recovered: true, reason: 'resumed' });
    await ahead.hub.broadcast(named('a4'));
    await came.until('a4');
    expect([came.actions, came.resyncs]).toEqual([['a4'], []]);
  });
});
