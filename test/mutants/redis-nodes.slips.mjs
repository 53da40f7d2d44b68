// The log of many nodes in Redis: what one of them must not forget, in the JavaScript engine.
import { jest } from './tests.mjs';

const nodes = (name) => [jest('test/redis/nodes.test.ts', name)];
const behind = (name) => [jest('test/redis/behind.test.ts', name)];
const away = (name) => [jest('test/redis/redis-away.test.ts', name)];

export const slips = [
  {
    name: 'nodes-gap-unread',
    file: 'lib/jsengine/broker/mirror.ts',
    why: 'a doorbell that shows a gap is kept until the gap fills by itself',
    find: 'if (byDoorbell || epoch !== log.epoch) void this.read(true); else this.soon(DOORBELL_GRACE_MS);',
    replace: '',
    tests: nodes('a doorbell that never came is a gap'),
  },
  {
    name: 'nodes-gap-jumped',
    file: 'lib/jsengine/broker/mirror.ts',
    why: 'what comes next is delivered before the gap in front of it is read',
    find: 'const next = this.pending.get(key);',
    replace: 'const next = this.pending.get(key) ?? [...this.pending.values()][0];',
    tests: nodes('a doorbell that never came is a gap'),
  },
  {
    name: 'nodes-reconnect-unread',
    file: 'lib/jsengine/broker/mirror.ts',
    why: 'a subscription that stands again is taken for one that missed nothing',
    find: `    this.live = false;
    void this.read();
  }

  private message`,
    replace: `    if (!this.channel.hasLog) void this.read();
  }

  private message`,
    tests: behind('a subscription that hears nothing is found by the probe'),
  },
  {
    name: 'nodes-probe-forgotten',
    file: 'lib/jsengine/broker/probe.ts',
    why: 'a subscription that delivers nothing is not made again',
    find: 'broker.resubscribe();',
    replace: '',
    tests: behind('a subscription that hears nothing is found by the probe'),
  },
  {
    name: 'nodes-outbox-dropped',
    file: 'lib/jsengine/broker/outbox.ts',
    why: 'what was sent and not answered is not sent again',
    find: `    queue.troubled = false;
    queue.next = 0;`,
    replace: '    queue.troubled = false;',
    tests: away('what Redis has carried out without an answer'),
  },
  {
    name: 'nodes-untold',
    file: 'lib/jsengine/broker/broker-log.ts',
    why: 'local streams are not told of what waits',
    find: 'this.counters.told += this.channels.get(companyId)?.tell(actions) ?? 0;',
    replace: '',
    tests: away('is answered in time'),
  },
  {
    name: 'nodes-epoch-unsaid',
    file: 'lib/jsengine/broker/mirror.ts',
    why: 'a new epoch is taken for the former one under another name',
    find: 'if (name && log.headSeq <= name.last) {',
    replace: 'if (channel.hasLog) {',
    tests: nodes('FLUSHALL: a new epoch'),
  },
  {
    name: 'nodes-cursor-believed',
    file: 'lib/jsengine/action-log.ts',
    why: 'a cursor of a former epoch counts however far it had come',
    find: 'name && cursor.seq <= name.last',
    replace: 'name',
    tests: behind('a cursor that saw what Redis has forgotten'),
  },
  {
    name: 'nodes-behind-judges',
    file: 'lib/jsengine/broker/broker-log.ts',
    why: 'a mirror that is behind judges a cursor that it does not know',
    find: 'if (!cursor || isPlaced(channel, cursor)) return 0;',
    replace: 'return 0;',
    tests: behind('a cursor beyond what a node knows'),
  },
];
