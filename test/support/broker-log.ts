/** How an engine of a test keeps its log in a broker: under a prefix and as a node of its own, unless it shares one. */
import { randomBytes } from 'node:crypto';
import type { BrokerLogOptions } from '../../lib/internal/broker.js';
import { PUBLISH } from '../../lib/redis/scripts/publish.js';
import { READ } from '../../lib/redis/scripts/read.js';

export function brokerLog(prefix = `t${randomBytes(6).toString('hex')}`): Omit<BrokerLogOptions, 'url' | 'broker'> {
  return {
    prefix,
    nodeId: `node${randomBytes(6).toString('hex')}`,
    publishWaitMs: 250,
    outboxBytes: 64 * 1024 * 1024,
    probeMs: 10_000,
    openWaitMs: 5_000,
    scripts: { publish: { name: 'publish', body: PUBLISH }, read: { name: 'read', body: READ } },
  };
}
