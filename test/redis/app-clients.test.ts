/** Brokers over the app's own clients, each version that is supported, on the contract of every broker; and what becomes of the app's client. */
import { Redis as Ioredis5 } from 'ioredis';
import { Redis as Ioredis6 } from 'ioredis-6';
import { createClient as createClient5 } from 'redis';
import { createClient as createClient6 } from 'redis-6';
import { ioredisBroker, isIoredis } from '../../lib/redis/brokers/ioredis.js';
import { isNodeRedis, nodeRedisBroker } from '../../lib/redis/brokers/node-redis.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import { describeBroker, type BrokerMaker } from './broker-contract.js';

function overIoredis(name: string, Client: typeof Ioredis5): BrokerMaker {
  return {
    name,
    make: (server) => {
      // With what an app may have set, and none of which may have an effect here.
      const client = new Client({ path: server.socket, keyPrefix: 'app:', enableAutoPipelining: true, stringNumbers: true, retryStrategy: () => 20 });
      client.on('error', () => undefined);
      return {
        broker: ioredisBroker(client),
        end: async () => void client.disconnect(),
      };
    },
  };
}

function overNodeRedis(name: string, create: typeof createClient5): BrokerMaker {
  return {
    name,
    make: (server) => {
      const client = create({ socket: { path: server.socket, tls: false }, pingInterval: 50 });
      client.on('error', () => undefined);
      return { broker: nodeRedisBroker(client), end: async () => undefined };
    },
  };
}

for (const maker of [
  overIoredis('ioredis 5', Ioredis5),
  overIoredis('ioredis 6', Ioredis6 as unknown as typeof Ioredis5),
  overNodeRedis('node-redis 5', createClient5),
  overNodeRedis('node-redis 6', createClient6 as unknown as typeof createClient5),
]) {
  describeBroker(maker);
}

describe("the app's own client", () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(() => server?.end());

  test('of ioredis goes on as it was, before and after the broker is closed', async () => {
    const client = server.client();
    expect([isIoredis(client), isNodeRedis(client)]).toEqual([true, false]);
    const broker = ioredisBroker(client);
    broker.subscribe('c', { subscribed: () => undefined, message: () => undefined });
    await waitFor(() => broker.state.link === 'ready', 'the link to be ready');
    expect(await client.set('k', 'v')).toBe('OK');
    await broker.close();
    expect(await client.get('k')).toBe('v');
    expect(client.listenerCount('messageBuffer')).toBe(0);
  });

  test('of node-redis goes on as it was, before and after the broker is closed', async () => {
    const client = createClient5({ socket: { path: server.socket, tls: false } });
    await client.connect();
    expect([isIoredis(client), isNodeRedis(client)]).toEqual([false, true]);
    const broker = nodeRedisBroker(client);
    broker.subscribe('c', { subscribed: () => undefined, message: () => undefined });
    await waitFor(() => broker.state.link === 'ready', 'the link to be ready');
    expect(await client.set('k', 'v')).toBe('OK');
    await broker.close();
    expect(await client.get('k')).toBe('v');
    client.destroy();
  });

  test('a wrong password is told by its word, and never shown', async () => {
    const locked = await RedisServer.start(['--requirepass', 'right']);
    const ioredis = new Ioredis5({ path: locked.socket, password: 'wrong-one', lazyConnect: true });
    const nodeRedis = createClient5({ socket: { path: locked.socket, tls: false }, password: 'wrong-one' });
    for (const broker of [ioredisBroker(ioredis), nodeRedisBroker(nodeRedis)]) {
      await waitFor(() => broker.state.link === 'lost', 'the link to be refused');
      expect(broker.state.trouble).toMatch(/^WRONGPASS /);
      expect(JSON.stringify([broker.state, broker.url])).not.toContain('wrong-one');
      await broker.close();
    }
    await locked.end();
  });
});
