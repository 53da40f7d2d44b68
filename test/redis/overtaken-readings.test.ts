/**
 * What broke: a newcomer with a cursor of another log makes its node read the log once more. While it reads, the node holds back what comes.
 * Where more came meanwhile than Redis keeps, the answer began behind it, and every stream was told to read anew (`trimmed`), though the node
 * held each of the actions. Here the reading is held up until the node has published more than is kept.
 */
import { Redis } from 'ioredis';
import type { Broker } from '../../lib/internal/broker.js';
import type { Engine, EngineFactory } from '../../lib/internal/engine.js';
import { createJsEngine } from '../../lib/jsengine/index.js';
import { createNativeEngine } from '../../lib/native/index.js';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { encodeMany } from '../support/actions.js';
import { brokerLog } from '../support/broker-log.js';
import { SinkClient } from '../support/engine-client.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { RedisServer } from '../support/redis.js';

let server: RedisServer;
let engine: Engine;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
afterEach(async () => await engine?.close());

const ENGINES: [string, EngineFactory][] = [['js', createJsEngine], ['native', createNativeEngine]];

/** `before` is awaited before each reading but the first. */
function holdingReadings(broker: Broker, before: () => Promise<unknown>): Broker {
  let readings = 0;
  return new Proxy(broker, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'eval') return value.bind(target) as unknown;
      return async (...args: Parameters<Broker['eval']>) => {
        if (args[0].name === 'read' && ++readings > 1) await before();
        return await target.eval(...args);
      };
    },
  });
}

test.each(ENGINES)('who is there gets all that came during a reading that is behind it (%s)', async (_name, createEngine) => {
  const overtake = async (): Promise<unknown> => await engine.publish(encodeMany(50, 'x'));
  const broker = holdingReadings(ioredisBroker(new Redis({ path: server.socket, lazyConnect: true })), overtake);
  engine = createEngine({ ...DEFAULTS, logActions: 10, broker: { ...brokerLog(), publishWaitMs: 10_000, broker } }, () => undefined);
  const there = new SinkClient(engine, SPEC_DEFAULTS);
  await there.untilHello();
  const newcomer = new SinkClient(engine, { ...SPEC_DEFAULTS, lastEventId: 'abcdefabcdef.1' });
  await newcomer.untilHello();
  await engine.publish(encodeMany(1, 'last'));
  await there.untilAction('last1');
  expect(there.trace).toEqual(['hello', ...Array.from({ length: 51 }, (_, i) => `update:${i + 1}`)]);
  await newcomer.untilAction('last1');
  expect(newcomer.trace).toEqual(['hello', 'resync', 'update:51']);
  for (const client of [there, newcomer]) client.cut();
});
