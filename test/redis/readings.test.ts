/**
 * Readings of a log that take long, are lost, or are of another log: who is there stays where it is.
 *
 * What broke first: a newcomer with a cursor of another log makes its node read the log once more. While it reads, the node holds back what comes.
 * Where more came meanwhile than Redis keeps, the answer began behind it, and every stream was told to read anew (`trimmed`), though the node
 * held each of the actions. Here the reading is held up until the node has published more than is kept.
 *
 * What broke then: the sentinels named a Redis that had its day for some milliseconds. A node read there that a company's log was another one, gave
 * up what it had, and lost the connection before it could read the new one. Back at the former Redis the log was its own again, and every action
 * was there; but the native engine had forgotten where its streams were, and told each of them `epoch_changed` within their epoch. Meanwhile
 * their pings said `0.0`, so that who came back then had no position either.
 * Here the first reading is answered by another log, the second one is lost, the third one is of the former log again.
 */
import { Redis } from 'ioredis';
import { BrokerError, type Broker } from '../../lib/internal/broker.js';
import type { Engine, EngineFactory, EngineOptions } from '../../lib/internal/engine.js';
import { createJsEngine } from '../../lib/jsengine/index.js';
import { createNativeEngine } from '../../lib/native/index.js';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { encodeMany } from '../support/actions.js';
import { brokerLog } from '../support/broker-log.js';
import { SinkClient } from '../support/engine-client.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

let server: RedisServer;
let engine: Engine;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
afterEach(async () => await engine?.close());

const ENGINES: [string, EngineFactory][] = [['js', createJsEngine], ['native', createNativeEngine]];

/** What becomes of a reading: it is of another log, has no answer, or waits for something. */
type Fate = 'other' | 'lost' | (() => Promise<unknown>);

/** An engine on the server's own log, whose readings have these fates, in turn; those after them have none. */
function engineOf(createEngine: EngineFactory, fates: Fate[], options: Partial<EngineOptions> = {}): Engine {
  const straying: Broker = new Proxy<Broker>(ioredisBroker(new Redis({ path: server.socket, lazyConnect: true })), {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'eval') return value.bind(target) as unknown;
      return async (...[script, keys, args]: Parameters<Broker['eval']>) => {
        const fate = script.name === 'read' ? fates.shift() : undefined;
        if (fate === 'other') return await target.eval(script, keys.map((key) => `${key}-of-another`), args);
        if (fate === 'lost') throw new BrokerError('lost', 'the connection is gone');
        await fate?.();
        return await target.eval(script, keys, args);
      };
    },
  });
  return createEngine({ ...DEFAULTS, ...options, broker: { ...brokerLog(), publishWaitMs: 10_000, broker: straying } }, () => undefined);
}

test.each(ENGINES)('who is there gets all that came during a reading that is behind it (%s)', async (_name, createEngine) => {
  const fates: Fate[] = [];
  engine = engineOf(createEngine, fates, { logActions: 10 });
  const there = new SinkClient(engine, SPEC_DEFAULTS);
  await there.untilHello();
  fates.push(async () => await engine.publish(encodeMany(50, 'x')));
  const newcomer = new SinkClient(engine, { ...SPEC_DEFAULTS, lastEventId: 'abcdefabcdef.1' });
  await newcomer.untilHello();
  await engine.publish(encodeMany(1, 'last'));
  await there.untilAction('last1');
  expect(there.trace).toEqual(['hello', ...Array.from({ length: 51 }, (_, i) => `update:${i + 1}`)]);
  await newcomer.untilAction('last1');
  expect(newcomer.trace).toEqual(['hello', 'resync', 'update:51']);
  for (const client of [there, newcomer]) client.cut();
});

test.each(ENGINES)('who is there stays at its place while its log seems to be another one (%s)', async (_name, createEngine) => {
  const fates: Fate[] = [];
  engine = engineOf(createEngine, fates, { heartbeatMs: 1_000 });
  const there = new SinkClient(engine, SPEC_DEFAULTS);
  await there.untilHello();
  await engine.publish(encodeMany(2, 'x'));
  await there.untilAction('x2');
  const epoch = there.hello?.epoch ?? '';
  // The last reading is held until the stream has had a heartbeat.
  const heard = there.everything.length;
  let pinged: string | undefined;
  fates.push('other', 'lost', async () => {
    pinged = await waitFor(() => there.everything.slice(heard).find(({ event }) => event === 'ping')?.id, 'a heartbeat');
  });
  // It makes its node read.
  const stranger = new SinkClient(engine, { ...SPEC_DEFAULTS, userId: 'u2', lastEventId: 'abcdefabcdef.1' });
  await stranger.untilHello();
  expect(fates).toEqual([]);
  await engine.publish(encodeMany(1, 'last'));
  await there.untilAction('last1');
  expect(there.trace).toEqual(['hello', 'update:1', 'update:2', 'update:3']);
  expect(pinged).toBe(`${epoch}.2`);
  for (const client of [there, stranger]) client.cut();
});
