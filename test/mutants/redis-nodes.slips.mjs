// The log of many nodes in Redis: what one of them must not forget, in the JavaScript engine.
import { jest } from './tests.mjs';

const nodes = (name) => [jest('test/redis/nodes.test.ts', name)];
const behind = (name) => [jest('test/redis/behind.test.ts', name)];
const unheard = (name) => [jest('test/regression/epochs-that-began-unheard.test.ts', name)];
const away = (name) => [jest('test/redis/redis-away.test.ts', name)];
const order = (name) => [jest('test/redis/order-of-publishes.test.ts', name)];

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
    file: 'lib/jsengine/broker/publishing.ts',
    why: 'what was sent and not answered is not sent again',
    find: 'this.outbox.rewind(queue);',
    replace: '',
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
    find: 'if (!waits && (!cursor || isPlaced(channel, cursor))) return 0;',
    replace: 'return 0;',
    tests: behind('a cursor beyond what a node knows'),
  },
  {
    name: 'nodes-epoch-unrung',
    file: 'lib/redis/scripts/read.ts',
    why: 'an epoch that a reading begins is told to nobody: streams of other nodes hear of it with the next publish',
    find: "redis.call(ARGV[11], ARGV[10], FORMAT .. 'b ' .. head.epoch .. '\\\\n')",
    replace: '',
    tests: unheard('an epoch that begins with a reading'),
  },
  {
    name: 'nodes-begun-unheard',
    file: 'lib/jsengine/broker/mirror.ts',
    why: 'what rings for an epoch that has begun is passed over',
    find: "this.arrive({ epoch: rung.epoch, seq: 0, at: 0, id: '', encoded: undefined, bytes: 0, readings: this.readings }, true);",
    replace: '',
    tests: unheard('an epoch that begins with a reading'),
  },
  {
    name: 'nodes-knowledge-kept',
    file: 'lib/jsengine/broker/broker-log.ts',
    why: 'a node without streams keeps to itself what a Redis has lost',
    find: 'this.witness.linked();',
    replace: '',
    tests: unheard('what Redis has lost is told'),
  },
  {
    name: 'nodes-knowledge-forgotten',
    file: 'lib/jsengine/broker/known-logs.ts',
    why: 'an answer of a Redis that went back replaces what the node knew beyond it',
    find: 'if (known && name && name.last < known.seq) return false;',
    replace: '',
    tests: unheard('stays where an answer leaves it open'),
  },
  {
    name: 'nodes-life-ignored',
    file: 'lib/redis/scripts/head.ts',
    why: 'a master that was a replica in between counts as the Redis that it was: a seq is given twice',
    find: "return head.run == process and (head.life == '' or head.life == life)",
    replace: 'return head.run == process',
    tests: [jest('test/redis/log-scripts.test.ts', 'a master that was a replica in between')],
  },
  {
    name: 'nodes-name-untrusted',
    file: 'lib/redis/scripts/head.ts',
    why: 'what a connection was told once is believed for ever: two nodes take the log from each other with each publish',
    find: "if not here and told ~= '' then",
    replace: 'if false then',
    tests: [jest('test/redis/log-scripts.test.ts', 'a name of its replication that has changed')],
  },
  {
    name: 'native-knowledge-kept',
    file: 'src/broker/broker_log.cc',
    why: 'a native node without streams keeps to itself what a Redis has lost',
    find: 'witness_.OnConnected();',
    replace: '',
    tests: unheard('what Redis has lost is told'),
  },
  {
    name: 'native-begun-unheard',
    file: 'src/broker/mirrors.cc',
    why: 'what rings for an epoch that has begun is passed over by a native node',
    find: 'if (ring == Ring::kAction || ring == Ring::kBegun) {',
    replace: 'if (ring == Ring::kAction) {',
    tests: unheard('an epoch that begins with a reading'),
  },
  {
    name: 'order-unsaid',
    file: 'lib/jsengine/broker/publishing.ts',
    why: 'a publish does not name the one that is on its way before it: where that is refused it passes it',
    find: "before && !before.done ? before.encoded.action.id : ''",
    replace: "''",
    tests: order('js over ioredis'),
  },
  {
    name: 'order-impatient',
    file: 'lib/jsengine/broker/publishing.ts',
    why: 'what waits behind a refusal is sent again at once, and the refused one with it, as often as Redis answers',
    find: 'if (!queue.troubled) queue.early = true;',
    replace: 'queue.early = true;',
    tests: order('is tried again with patience'),
  },
  {
    name: 'native-order-unsaid',
    file: 'src/broker/outbox.cc',
    why: 'the same of the native engine: a publish does not name the one before it',
    find: '? std::string_view(company->orders[company->sent - 1].id)',
    replace: '? std::string_view()',
    tests: order('the native link'),
  },
  {
    name: 'native-taken-over-shown',
    file: 'src/broker/mirrors.cc',
    why: 'who comes with a cursor to a company that a newer version keeps is resumed from what the mirror had before',
    find: `company->read = false;
  Retry(company, kLeftAloneMs);`,
    replace: 'Retry(company, kLeftAloneMs);',
    tests: [jest('test/redis/newer-format.test.ts', 'a newer version takes a company over')],
  },
  {
    name: 'native-left-alone-for-ever',
    file: 'src/broker/mirrors.cc',
    why: 'a company that was left alone is not looked at again',
    find: 'Retry(company, kLeftAloneMs);',
    replace: '',
    tests: [jest('test/redis/newer-format.test.ts', 'who is left alone is looked at again')],
  },
];
