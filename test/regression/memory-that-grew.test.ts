/**
 * The JavaScript engine kept iterators over its companies: one stood still for as long as the logs were within their total,
 * one from sweep to sweep. V8 chains each table that a map has outgrown to the next one, and the iterator held the first:
 * each action and each stream left some 300 bytes, for good. Pinned by the heap after a collection.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHub } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const ACTIONS = 30_000;
/** A tenth of what was left of them. */
const MOST_BYTES = ACTIONS * 30;

describe.each(ENGINES)('the %s engine', (engine) => {
  test('nothing is left of actions that the log has let go', async () => {
    const hub = createHub({ engine, log: { maxActions: 10 } });
    const publish = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i++)
        await hub.broadcast({ id: `x${i}`, type: 'update', module: 'm', entityId: '1', companyId: 'acme', userId: 'u', queryPaths: ['m.a'] });
      // A second one: the first may leave what it finalizes.
      collect();
      collect();
      return process.memoryUsage().heapUsed;
    };
    try {
      const before = await publish(ACTIONS / 3);
      expect((await publish(ACTIONS)) - before).toBeLessThan(MOST_BYTES);
    } finally {
      await hub.close();
    }
  });
});
