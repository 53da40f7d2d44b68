/** What workers beside the hub keep, in Redis: whoever takes over finds it. */
import type { Broker } from '../internal/broker.js';
import type { WorkerStates } from '../internal/worker-states.js';
import { workerKey } from './keys.js';
import { KEEP_STATE, TAKE_STATE } from './scripts/worker-state.js';

const TAKE = { name: 'take-state', body: TAKE_STATE };
const KEEP = { name: 'keep-state', body: KEEP_STATE };

/** Its calls reject with BrokerError. */
export function redisStates(broker: Broker, prefix: string): WorkerStates {
  return {
    take: async (name, owner) => {
      const kept = (await broker.eval(TAKE, [workerKey(prefix, name)], [owner])) as readonly Buffer[];
      const fields: [string, string][] = [];
      for (let i = 0; i + 1 < kept.length; i += 2) fields.push([String(kept[i]), String(kept[i + 1])]);
      return Object.fromEntries(fields);
    },
    keep: async (name, owner, fields) => (await broker.eval(KEEP, [workerKey(prefix, name)], [owner, ...Object.entries(fields).flat()])) === 1,
  };
}
