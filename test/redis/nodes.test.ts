/**
 * The log in Redis as two nodes and their streams see it (SPEC §13), with the JavaScript engine: each action once, in order, on each node,
 * whatever becomes of Redis. On real servers.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { JsEngine } from '../../lib/jsengine/engine.js';
import { systemEnvironment } from '../../lib/jsengine/environment.js';
import type { Broker, BrokerLogOptions } from '../../lib/internal/broker.js';
import type { Engine, EngineNotice, EngineOptions, StreamSpec } from '../../lib/internal/engine.js';
import { IoredisConnection, ioredisBroker, ONE_LIFE } from '../../lib/redis/brokers/ioredis.js';
import { PairBroker } from '../../lib/redis/brokers/pair.js';
import { keysOf } from '../../lib/redis/keys.js';
import { PUBLISH } from '../../lib/redis/scripts/publish.js';
import { READ } from '../../lib/redis/scripts/read.js';
import { encode, encodeEphemeral, encodeMany } from '../support/actions.js';
import { SinkClient } from '../support/engine-client.js';
import { coveredSeqs } from '../support/coverage.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { LinkProxy } from '../support/link-proxy.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

interface Node {
  readonly engine: Engine;
  readonly broker: Broker;
  readonly notices: EngineNotice[];
  open(spec?: Partial<StreamSpec>): Promise<SinkClient>;
  connect(spec?: Partial<StreamSpec>): SinkClient;
}

let server: RedisServer;
let redis: Redis;
let nodes: Node[] = [];
let named = 0;
/** ms that the steady clock of the nodes is ahead. */
let aheadMs = 0;
const environment = { ...systemEnvironment, monotonicUs: (): number => systemEnvironment.monotonicUs() + aheadMs * 1_000 };

async function node(options: Partial<BrokerLogOptions> = {}, engineOptions: Partial<EngineOptions> = {}): Promise<Node> {
  const broker = ioredisBroker(server.client());
  const notices: EngineNotice[] = [];
  const log: BrokerLogOptions = {
    prefix: 'pathcast',
    nodeId: `n${String((named += 1))}x`,
    // So long that a busy machine is not taken for a Redis that is away.
    publishWaitMs: 10_000,
    outboxBytes: 64 << 20,
    probeMs: 10_000,
    openWaitMs: 5_000,
    scripts: { publish: { name: 'publish', body: PUBLISH }, read: { name: 'read', body: READ } },
    broker,
    ...options,
  };
  const engine = new JsEngine({ ...DEFAULTS, hubId: `hub${String(named)}`, ...engineOptions, broker: log }, (notice) => notices.push(notice), environment);
  const connect = (spec: Partial<StreamSpec> = {}): SinkClient => new SinkClient(engine, { ...SPEC_DEFAULTS, ...spec });
  const made: Node = {
    engine,
    broker,
    notices,
    connect,
    open: async (spec) => {
      const client = connect(spec);
      await client.untilHello();
      return client;
    },
  };
  nodes.push(made);
  await waitFor(() => broker.state.link === 'ready', 'the link to be ready');
  return made;
}

const ids = (client: SinkClient): string[] => client.actions.map(({ id }) => id);
const metricsOf = ({ engine }: Node): NonNullable<ReturnType<Engine['metrics']>['broker']> => engine.metrics().broker!;

beforeEach(async () => {
  // What it has confirmed it has after a restart.
  server = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always']);
  redis = server.client();
});
afterEach(async () => {
  for (const { engine } of nodes) await within(engine.close(), 'the engine to close');
  nodes = [];
  await server?.end();
});

describe('while all is well', () => {
  test('what one node publishes the streams of both get, once and in order', async () => {
    const [a, b] = [await node(), await node()];
    const [one, two] = [await a.open(), await b.open()];
    expect(one.hello).toMatchObject({ reason: 'fresh', cursor: two.hello?.cursor });
    const outcomes = await Promise.all([...encodeMany(50, 'a'), ...encodeMany(50, 'b')].map((each, i) => (i < 50 ? a : b).engine.publish([each])));
    expect(outcomes.flat().map((outcome) => outcome.ok && outcome.seq).sort((x, y) => Number(x) - Number(y))).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    await waitFor(() => one.actions.length === 100 && two.actions.length === 100, 'all to come');
    for (const client of [one, two]) expect(client.actions.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(ids(one)).toEqual(ids(two));
    // A company's own order is that of its node.
    expect(ids(one).filter((id) => id.startsWith('a'))).toEqual(Array.from({ length: 50 }, (_, i) => `a${String(i + 1)}`));
    expect([metricsOf(a), metricsOf(b)]).toEqual([expect.objectContaining({ gapsFound: 0, foreign: 0, queued: 0 }), expect.objectContaining({ gapsFound: 0, foreign: 0, queued: 0 })]);
  });

  test('a cursor of one node resumes on the other; a thousand that come at once read Redis once', async () => {
    const [a, b] = [await node(), await node()];
    const one = await a.open();
    await a.engine.publish(encodeMany(5, 'a'));
    await one.untilAction('a5');
    const cursor = one.everything.find(({ data }) => data.includes('"id":"a2"'))?.id;
    expect(cursor).toBeDefined();
    const many = Array.from({ length: 1_000 }, () => b.connect({ lastEventId: cursor! }));
    for (const client of many) await client.untilAction('a5');
    expect(many.map(ids)).toEqual(many.map(() => ['a3', 'a4', 'a5']));
    expect(new Set(many.map((client) => client.hello?.reason))).toEqual(new Set(['resumed']));
    expect(metricsOf(b).reads).toBe(1);
  });

  test('a repeated id is a duplicate, whoever repeats it', async () => {
    const [a, b] = [await node(), await node()];
    const [first] = await a.engine.publish([encode({ id: 'same' })]);
    expect(await b.engine.publish([encode({ id: 'same' })])).toEqual([{ ...first, duplicate: true }]);
    expect(b.engine.metrics()).toMatchObject({ duplicates: 1, publishes: 0 });
  });

  test('an import is one invalidate on its own node, and ephemeral events cross', async () => {
    const [a, b] = [await node(), await node()];
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish(encodeMany(150, 'i'));
    await waitFor(() => one.invalidates.length === 1, 'the import');
    expect(one.invalidates[0]).toMatchObject({ from: 1, to: 150, count: 150 });
    await two.untilAction('i150');
    a.engine.ephemeral(encodeEphemeral('acme', 'typing', { who: 'ann' }));
    for (const client of [one, two]) await waitFor(() => client.trace.filter((kind) => kind === 'ephemeral').length === 1, 'the ephemeral event');
  });

  test('readLog is that of Redis, on a node that has no stream', async () => {
    const [a, b] = [await node(), await node()];
    await a.engine.publish(encodeMany(3, 'a'));
    const slice = await b.engine.readLog('acme');
    expect(slice).toMatchObject({ headSeq: 3, epoch: expect.stringMatching(/^[0-9a-f]{12}$/) });
    expect(slice.actions.map((text) => (JSON.parse(text) as { seq: number }).seq)).toEqual([1, 2, 3]);
  });

  test('tenants called anything are apart', async () => {
    const [a, b] = [await node(), await node()];
    const names = ['a}b', '{a}', '*', 'a b', '\u0000', 'ä'.repeat(128), 'a%7Db'];
    const clients = await Promise.all(names.map((companyId) => b.open({ companyId })));
    for (const companyId of names) await a.engine.publish([encode({ companyId, entityId: companyId.slice(0, 8) })]);
    for (const client of clients) await waitFor(() => client.actions.length > 0, 'its action');
    expect(clients.map((client) => client.actions.map(({ companyId }) => companyId))).toEqual(names.map((name) => [name]));
  });
});

describe('faults', () => {
  test('the subscriber is killed, while actions go on: gaps are read before anything newer', async () => {
    const [a, b] = [await node(), await node()];
    const two = await b.open();
    for (let i = 1; i <= 200; i += 1) {
      if (i % 80 === 40) await redis.client('KILL', 'TYPE', 'PUBSUB');
      await a.engine.publish([encode({ id: `k${String(i)}` })]);
    }
    // What was missed while it connected again may be more than a catch-up holds one by one: then an invalidate covers it.
    await waitFor(() => coveredSeqs(two.events).at(-1) === 200, 'the last action');
    expect(coveredSeqs(two.events)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(two.resyncs).toEqual([]);
  });

  test('a doorbell that never came is a gap: found by the next one, and healed', async () => {
    const [a, b] = [await node(), await node()];
    const two = await b.open();
    await a.engine.publish([encode({ id: 'x1' })]);
    await two.untilAction('x1');
    // As if its message had been lost: the script rings another channel.
    const { head, log, ids: idsKey } = keysOf('pathcast', 'acme');
    const [epoch, run] = (await redis.hmget(head, 'epoch', 'run')) as [string, string];
    const stored = encode({ id: 'x2' });
    const bytes = `${String(Buffer.byteLength(stored.head))} 1 0 0\n${stored.head}}`;
    await redis.eval(PUBLISH, 3, head, log, idsKey, 'elsewhere', 'PUBLISH', run, run, epoch, 1, 'x1', 0, 'fresh', 1000, 86_400_000, 1 << 24, 1000, 'x2', 0, bytes, '');
    await a.engine.publish([encode({ id: 'x3' })]);
    await two.untilAction('x3');
    expect(ids(two)).toEqual(['x1', 'x2', 'x3']);
    expect(metricsOf(b)).toMatchObject({ gapsFound: 1, gapsHealed: 1 });
  });

  test('Redis is killed: answers in time, local streams told, all of it in order when it is back', async () => {
    const [a, b] = [await node(), await node()];
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish([encode({ id: 'before' })]);
    await two.untilAction('before');
    await server.kill();
    const start = Date.now();
    const outcomes = await a.engine.publish(encodeMany(10, 'q'));
    // Nobody waited for a place until publishWaitMs was over.
    expect(Date.now() - start).toBeLessThan(8_000);
    expect(outcomes).toEqual(outcomes.map(() => ({ ok: true, queued: true })));
    await waitFor(() => one.invalidates.length === 10, 'the local stream to be told');
    const [told] = one.invalidates;
    expect(Object.keys(told!)).toEqual(['type', 'timestamp', 'queryPaths', 'modules']);
    expect(one.lastEventId).toBe(one.everything.find(({ data }) => data.includes('"id":"before"'))?.id);
    expect(two.invalidates).toEqual([]);
    expect(metricsOf(a)).toMatchObject({ queued: 10, told: 10, outboxActions: 10 });
    await server.up();
    for (const client of [one, two]) {
      await client.untilAction('q10');
      expect(ids(client).slice(1)).toEqual(Array.from({ length: 10 }, (_, i) => `q${String(i + 1)}`));
    }
    expect(await a.engine.flush!(10_000)).toBe(0);
    expect(await redis.xlen(keysOf('pathcast', 'acme').log)).toBe(11);
  });

  test('Redis is stopped: an answer within publishWaitMs, each action once afterwards', async () => {
    const [a, b] = [await node({ publishWaitMs: 250 }), await node()];
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish([encode({ id: 'before' })]);
    await server.stop();
    const start = Date.now();
    expect(await a.engine.publish([encode({ id: 'during' })])).toEqual([{ ok: true, queued: true }]);
    expect(Date.now() - start).toBeLessThan(3_000);
    await waitFor(() => one.invalidates.length === 1, 'the local stream to be told');
    server.cont();
    for (const client of [one, two]) {
      await client.untilAction('during');
      expect(ids(client)).toEqual(['before', 'during']);
    }
  });

  test('FLUSHALL: a new epoch, every stream is told so in place, and goes on', async () => {
    const [a, b] = [await node(), await node()];
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish(encodeMany(3, 'old'));
    await two.untilAction('old3');
    await redis.flushall();
    expect(await a.engine.publish([encode({ id: 'new1' })])).toEqual([expect.objectContaining({ ok: true, seq: 1 })]);
    for (const client of [one, two]) {
      await client.untilAction('new1').catch(() => undefined);
      await waitFor(() => client.resyncs.length === 1, 'the resync');
      expect(client.resyncs[0]).toMatchObject({ reason: 'epoch_changed', queryPaths: ['*'] });
      expect(client.ended).toBe(false);
    }
    await b.engine.publish([encode({ id: 'new2' })]);
    for (const client of [one, two]) {
      await client.untilAction('new2');
      expect(client.resyncs).toHaveLength(1);
      // The id goes on from the new log.
      const again = await a.open({ lastEventId: client.lastEventId! });
      expect(again.hello).toMatchObject({ reason: 'resumed', recovered: true });
    }
    expect(metricsOf(a).epochs.lost).toBe(1);
  });

  test('an old dump: no seq twice; streams that saw more read anew', async () => {
    const [a, b] = [await node(), await node()];
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish([encode({ id: 'kept' })]);
    await waitFor(() => one.actions.length + two.actions.length === 2, 'the first to come');
    const kept = mkdtempSync(path.join(tmpdir(), 'pathcast-old-'));
    cpSync(path.join(server.folder, 'appendonlydir'), kept, { recursive: true });
    await a.engine.publish([encode({ id: 'forgotten' })]);
    for (const client of [one, two]) await client.untilAction('forgotten');
    await server.kill();
    cpSync(kept, path.join(server.folder, 'appendonlydir'), { recursive: true });
    rmSync(kept, { recursive: true });
    await server.up();
    await a.engine.publish([encode({ id: 'after' })]);
    for (const client of [one, two]) {
      await waitFor(() => client.resyncs.length >= 1, 'the resync');
      expect(client.resyncs.map(({ reason }) => reason)).toEqual(['epoch_changed']);
    }
  });

  test('restarted with all it had: the log goes on under another name, nobody is told, old cursors hold', async () => {
    const [a, b] = [await node(), await node()];
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish(encodeMany(3, 'k'));
    for (const client of [one, two]) await client.untilAction('k3');
    const old = one.lastEventId!;
    await server.kill();
    await server.up();
    await a.engine.publish([encode({ id: 'k4' })]);
    for (const client of [one, two]) {
      await client.untilAction('k4');
      expect([ids(client), client.resyncs]).toEqual([['k1', 'k2', 'k3', 'k4'], []]);
      expect(client.lastEventId?.split('.')[0]).not.toBe(old.split('.')[0]);
    }
    const back = await b.open({ lastEventId: old });
    await back.untilAction('k4');
    expect([back.hello?.reason, ids(back)]).toEqual(['resumed', ['k4']]);
  });

  test('SCRIPT FLUSH and keys evicted: no seq twice, nothing silent', async () => {
    const [a, b] = [await node(), await node()];
    const two = await b.open();
    await a.engine.publish([encode({ id: 's1' })]);
    await redis.script('FLUSH');
    await a.engine.publish([encode({ id: 's2' })]);
    await two.untilAction('s2');
    await redis.del(keysOf('pathcast', 'acme').head);
    await a.engine.publish([encode({ id: 's3' })]);
    await waitFor(() => two.resyncs.length === 1, 'the resync');
    await redis.del(keysOf('pathcast', 'acme').log);
    await a.engine.publish([encode({ id: 's4' })]);
    await two.untilAction('s4');
    expect(two.resyncs).toHaveLength(1);
  });

  test('OOM: it waits, is said once, and goes out when there is room', async () => {
    const a = await node();
    const one = await a.open();
    await a.engine.publish([encode({ id: 'o0' })]);
    await redis.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
    expect(await a.engine.publish([encode({ id: 'o1' })])).toEqual([{ ok: true, queued: true }]);
    expect(await a.engine.publish([encode({ id: 'o2' })])).toEqual([{ ok: true, queued: true }]);
    await redis.config('SET', 'maxmemory', '0');
    await one.untilAction('o2');
    expect(ids(one)).toEqual(['o0', 'o1', 'o2']);
    expect(one.resyncs).toEqual([]);
    expect(a.notices.filter(({ type }) => type === 'warning')).toEqual([expect.objectContaining({ kind: 'broker-refused OOM', message: expect.stringContaining('OOM') })]);
  });

  test("somebody else's keys and messages: refused, counted, never in a stream", async () => {
    const [a, b] = [await node(), await node()];
    const one = await a.open({ companyId: 'well' });
    await redis.set(keysOf('pathcast', 'acme').head, "somebody's");
    expect(await b.engine.publish([encode()])).toEqual([{ ok: false, code: 'BROKER', reason: expect.stringContaining('WRONGTYPE') }]);
    const { doorbell } = keysOf('pathcast', 'well');
    for (const text of ['hello', '', '1 x 1 1 1\na{}', '1e n 2 0\n', '9 x']) await redis.publish(doorbell, text);
    await b.engine.publish([encode({ companyId: 'well', id: 'w1' })]);
    await one.untilAction('w1');
    const epoch = one.lastEventId!.split('.')[0]!;
    await redis.publish(doorbell, `1 ${epoch} 2 1 2\nw2{"id":"w2"}`);
    await b.engine.publish([encode({ companyId: 'well', id: 'w3' })]);
    await one.untilAction('w3');
    expect(one.trace).toEqual(['hello', 'update:1', 'update:2']);
    expect(metricsOf(a).foreign).toBeGreaterThanOrEqual(4);
    expect(await redis.get(keysOf('pathcast', 'acme').head)).toBe("somebody's");
  });


  test('a subscription that is dead and does not know it is found by the probe, and what it missed is read', async () => {
    const proxy = await LinkProxy.start(() => ({ path: server.socket }));
    const client = server.client();
    const broker = new PairBroker({
      kind: 'ioredis',
      url: 'redis://test',
      dialCommands: (events) => new IoredisConnection(() => client.duplicate(ONE_LIFE as object), events),
      dialSubscriptions: (events) => new IoredisConnection(() => new Redis({ ...(ONE_LIFE as object), port: proxy.port }), events),
    });
    const [a, b] = [await node({ probeMs: 100, broker }), await node()];
    const one = await a.open();
    await waitFor(() => metricsOf(a).probes >= 2, 'probes to come back');
    proxy.part();
    await b.engine.publish([encode({ id: 'p1' })]);
    await waitFor(() => metricsOf(a).probesLost >= 1, 'the probe to be missed');
    proxy.heal();
    await one.untilAction('p1');
    expect([one.trace, metricsOf(a).resubscribes]).toEqual([['hello', 'update:1'], 1]);
    await proxy.close();
  });
});

describe('streams while Redis is away', () => {
  test('of a company that has its log here open at once; of another one after openWaitMs, and are told when it is read', async () => {
    const a = await node({ openWaitMs: 300 });
    const one = await a.open();
    await a.engine.publish([encode({ id: 'known' })]);
    await one.untilAction('known');
    await server.kill();
    await waitFor(() => a.broker.state.link === 'lost', 'the link to be lost');
    const again = await a.open({ lastEventId: one.lastEventId! });
    expect(again.hello).toMatchObject({ reason: 'resumed', recovered: true });
    const other = a.connect({ companyId: 'other' });
    await other.untilHello();
    expect(other.hello).toMatchObject({ reason: 'broker_lost', recovered: false, cursor: '0.0' });
    await waitFor(() => other.resyncs.length === 1, 'the first resync');
    const left = a.connect({ companyId: 'third' });
    left.cut();
    await server.up();
    await waitFor(() => other.resyncs.length === 2, 'the second resync');
    expect(other.resyncs.map(({ reason }) => reason)).toEqual(['broker_lost', 'broker_lost']);
    await a.engine.publish([encode({ companyId: 'other', id: 'o1' })]);
    await other.untilAction('o1');
    const back = await a.open({ companyId: 'other', lastEventId: other.lastEventId! });
    expect(back.hello?.reason).toBe('resumed');
  });
});

describe('the outbox', () => {
  test('beyond its bound each company is one action that covers all; nothing is refused', async () => {
    const a = await node({ outboxBytes: 200_000 });
    const b = await node();
    const [one, two] = [await a.open(), await b.open()];
    await a.engine.publish([encode({ id: 'first' })]);
    await two.untilAction('first');
    await server.kill();
    await waitFor(() => a.broker.state.link === 'lost', 'the link to be lost');
    const outcomes = await a.engine.publish(
      Array.from({ length: 500 }, (_, i) => encode({ id: `c${String(i)}`, data: 'x'.repeat(500), module: i % 2 ? 'a' : 'b', queryPaths: [i % 2 ? 'a.list' : 'b.list'] })),
    );
    expect(outcomes).toEqual(outcomes.map(() => ({ ok: true, queued: true })));
    expect(metricsOf(a).outboxBytes).toBeLessThanOrEqual(200_000);
    expect(metricsOf(a).conflated).toBeGreaterThan(100);
    await server.up();
    expect(await a.engine.flush!(10_000)).toBe(0);
    await waitFor(() => two.lastEventId === one.lastEventId && two.actions.length > 1, 'both to be at the same place');
    const covered = two.actions.find(({ module }) => module === '*');
    expect(covered).toMatchObject({ entityId: 'g1', queryPaths: expect.arrayContaining(['a.list', 'b.list']) });
    expect(covered).not.toHaveProperty('data');
  });
});

describe('a mirror that is behind', () => {
  test('judges no cursor that it does not know: the log is read, or the stream is told that it could not be', async () => {
    const [a, b] = [await node(), await node({ openWaitMs: 500 })];
    const [one] = [await a.open(), await b.open()];
    await a.engine.publish(encodeMany(2, 'x'));
    await one.untilAction('x2');
    await waitFor(() => b.engine.metrics().logActions === 2, 'the other node to have both');
    // As if these doorbells had been lost.
    const { doorbell } = keysOf('pathcast', 'acme');
    const [channel, ...kept] = [`${doorbell}-elsewhere`, 'x3', 'x4'];
    const { head, log, ids: idsKey } = keysOf('pathcast', 'acme');
    const [epoch, run] = (await redis.hmget(head, 'epoch', 'run')) as [string, string];
    for (const id of kept) {
      const encoded = encode({ id });
      const bytes = `${String(Buffer.byteLength(encoded.head))} 1 0 0\n${encoded.head}}`;
      await redis.eval(PUBLISH, 3, head, log, idsKey, channel, 'PUBLISH', run, run, epoch, 2, 'x2', 0, 'fresh', 1000, 86_400_000, 1 << 24, 1000, id, 0, bytes, '');
    }
    const back = await b.open({ lastEventId: `${epoch}.3` });
    await back.untilAction('x4');
    expect([back.hello?.reason, ids(back), back.resyncs]).toEqual(['resumed', ['x4'], []]);
    for (const lastEventId of [`${epoch}.5`, '0123456789ab.1']) {
      const lost = await b.open({ lastEventId });
      expect(lost.hello?.reason).toBe(lastEventId.startsWith(epoch) ? 'ahead_of_log' : 'epoch_changed');
    }
    await server.kill();
    await waitFor(() => b.broker.state.link === 'lost', 'the link to be lost');
    const away = await b.open({ lastEventId: `${epoch}.9` });
    expect(away.hello).toMatchObject({ reason: 'broker_lost', cursor: `${epoch}.4` });
    const known = await b.open({ lastEventId: `${epoch}.4` });
    expect(known.hello?.reason).toBe('resumed');
  });
});

test('a company that nobody has listened to for half a minute takes no place of a node, and is there again for who comes', async () => {
  const a = await node();
  const cursors = await Promise.all(
    ['acme', 'other'].map(async (companyId) => {
      const client = await a.open({ companyId });
      await a.engine.publish([encode({ companyId, id: `${companyId}-1` })]);
      await client.untilAction(`${companyId}-1`);
      return client;
    }),
  );
  expect(a.engine.metrics().companies).toBe(2);
  for (const client of cursors) client.cut();
  await waitFor(() => a.engine.metrics().connections === 0, 'both have left');
  aheadMs += 31_000;
  await waitFor(() => a.engine.metrics().companies === 0, 'both to be forgotten');
  const back = await a.open({ lastEventId: String(cursors[0]!.hello?.cursor) });
  await back.untilAction('acme-1');
  expect([back.hello?.reason, ids(back)]).toEqual(['resumed', ['acme-1']]);
});
