/** The native engine's own link, on the contract of every broker. */
import { createNativeEngine } from '../../lib/native/index.js';
import { DEFAULTS } from '../support/engine-options.js';
import { brokerLog } from '../support/broker-log.js';
import { describeBroker } from './broker-contract.js';

describeBroker({
  name: 'the native link',
  make: (server) => {
    const engine = createNativeEngine({ ...DEFAULTS, broker: { ...brokerLog(), url: `redis+unix://${server.socket}` } }, () => undefined);
    if (!engine.broker) throw new Error('the engine has no broker');
    return { broker: engine.broker, end: async () => await engine.close() };
  },
});
