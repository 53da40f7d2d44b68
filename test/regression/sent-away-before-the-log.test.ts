/**
 * What broke: a node that is cut off for long, or that drains, ends its streams. One that still waited for its company's log was told a `hello`
 * with `broker_lost` first, and with it the id `0.0`: it came back without the position that it had, and read everything again, though nothing
 * was lost. So was one that came with a right that was over. Pinned here: whoever ends before its log is known gets a `server_close` without an
 * id, as one that is not let in, and so keeps its position; a time that it came with is repeated.
 */
import { Redis } from 'ioredis';
import type { Broker } from '../../lib/internal/broker.js';
import type { Engine, EngineFactory } from '../../lib/internal/engine.js';
import { createJsEngine } from '../../lib/jsengine/index.js';
import { createNativeEngine } from '../../lib/native/index.js';
import type { CloseReason } from '../../lib/protocol/events.js';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { brokerLog } from '../support/broker-log.js';
import { SinkClient } from '../support/engine-client.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { RedisServer } from '../support/redis.js';

let server: RedisServer;
let engine: Engine;
let letGo: () => void;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
afterEach(async () => {
  letGo();
  await engine.close();
});

const ENGINES: [string, EngineFactory][] = [['js', createJsEngine], ['native', createNativeEngine]];

/** Its readings are carried out when the test is over. */
function withoutReadings(broker: Broker): Broker {
  const over = new Promise<void>((resolve) => (letGo = resolve));
  return new Proxy(broker, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'eval') return value.bind(target) as unknown;
      return async (...args: Parameters<Broker['eval']>) => {
        if (args[0].name === 'read') await over;
        return await target.eval(...args);
      };
    },
  });
}

function start(createEngine: EngineFactory, openWaitMs = 60_000): void {
  const broker = withoutReadings(ioredisBroker(new Redis({ path: server.socket, lazyConnect: true })));
  engine = createEngine({ ...DEFAULTS, broker: { ...brokerLog(), openWaitMs, broker } }, () => undefined);
}

function farewell(client: SinkClient): { ids: (string | undefined)[]; closes: { reason: CloseReason; timestamp: number }[]; events: number } {
  const { everything } = client;
  const closes = everything.filter(({ event }) => event === 'server_close').map(({ data }) => JSON.parse(data) as { reason: CloseReason; timestamp: number });
  return { ids: everything.map(({ id }) => id), closes, events: client.events.length };
}

test.each(ENGINES)('who is sent away while it waits for its log keeps its position (%s)', async (_name, createEngine) => {
  start(createEngine);
  const client = new SinkClient(engine, { ...SPEC_DEFAULTS, lastEventId: 'abcdefabcdef.7' });
  await engine.disconnect({ companyId: SPEC_DEFAULTS.companyId }, 'drain');
  await client.untilEnd();
  expect(farewell(client)).toMatchObject({ ids: [undefined], closes: [{ reason: 'drain' }], events: 0 });
  expect(engine.metrics()).toMatchObject({ connections: 0, leases: 0, closes: { drain: 1 } });
});

test.each(ENGINES)('so does who waits while the hub closes (%s)', async (_name, createEngine) => {
  start(createEngine);
  const client = new SinkClient(engine, { ...SPEC_DEFAULTS, lastEventId: 'abcdefabcdef.7' });
  await engine.connections({ limit: 1 });
  await engine.close();
  await client.untilEnd();
  expect(farewell(client)).toMatchObject({ ids: [undefined], closes: [{ reason: 'drain' }], events: 0 });
});

test.each(ENGINES)('a stream without ids keeps its time (%s)', async (_name, createEngine) => {
  start(createEngine);
  const client = new SinkClient(engine, { ...SPEC_DEFAULTS, ids: false, lastSyncTimestamp: 1_000 });
  await engine.disconnect({ userId: SPEC_DEFAULTS.userId }, 'revoked');
  await client.untilEnd();
  expect(farewell(client)).toMatchObject({ closes: [{ reason: 'revoked', timestamp: 1_000 }], events: 0 });
});

test.each(ENGINES)("a tRPC client's ids stay as they are (%s)", async (_name, createEngine) => {
  start(createEngine);
  const client = new SinkClient(engine, { ...SPEC_DEFAULTS, dialect: 'trpc', lastEventId: 'abcdefabcdef.7' });
  await engine.disconnect({ companyId: SPEC_DEFAULTS.companyId }, 'drain');
  await client.untilEnd();
  expect(client.everything.map(({ event, id }) => [event, id])).toEqual([['connected', undefined], ['server_close', undefined]]);
});

test.each(ENGINES)('so does who comes with a right that is over (%s)', async (_name, createEngine) => {
  start(createEngine, 100);
  const client = new SinkClient(engine, { ...SPEC_DEFAULTS, lastEventId: 'abcdefabcdef.7', endsWith: 'auth_expired' });
  await client.untilEnd();
  expect(farewell(client)).toMatchObject({ ids: [undefined], closes: [{ reason: 'auth_expired' }], events: 0 });
});
