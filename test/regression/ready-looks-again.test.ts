/**
 * What broke: a hub over a cluster was never ready in one start of three. Its look at the server (INFO) went to one of the cluster's many
 * connections, which the client closed just then; the link as a whole stayed ready, no state came that would have brought another look, and
 * `hub.ready()` waited for ever. Pinned over a real server: the first look gets no answer, and the link says nothing of it.
 *
 * And a Redis that a slow script of somebody held up at that moment (BUSY) was taken for one that is of no use: an `error`, `ready()`
 * rejected, and nothing looked again. A word that passes is waited for; one that stays (a user who may not ask) still rejects.
 */
import { BrokerError, type Broker } from '../../lib/internal/broker.js';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { BrokerWatch } from '../../lib/server/broker-watch.js';
import { RedisServer } from '../support/redis.js';
import { within } from '../support/wait.js';

test.each([
  ['lost', 'Connection is closed.'],
  ['unsent', 'Connection is closed.'],
  ['refused', 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'],
] as const)('a look that was %s while the link stands is made again', async (failure, words) => {
  const server = await RedisServer.start();
  const broker = ioredisBroker(server.client());
  let looks = 0;
  const losing = new Proxy(broker, {
    get(target, name) {
      if (name === 'command') {
        return (args: Parameters<Broker['command']>[0]) =>
          ++looks === 1 ? Promise.reject(new BrokerError(failure, words)) : target.command(args);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const watch = new BrokerWatch(losing, { warn: () => undefined, report: () => undefined }, 'pathcast');
  try {
    await within(watch.ready(), 'the broker to be found good');
    expect(looks).toBe(2);
    expect(watch.health(() => 0)).toEqual({ status: 'ok' });
  } finally {
    watch.close();
    await broker.close();
    await server.end();
  }
});
