// The scripts of lib/redis, on a real redis-server.
import { jest } from './tests.mjs';

const test = (name) => [jest('test/redis/log-scripts.test.ts', name)];

export const slips = [
  {
    name: 'redis-same-epoch',
    file: 'lib/redis/scripts/head.ts',
    why: 'under another Redis the log goes on in the same epoch',
    find: `  local former, count = head.epoch`,
    replace: `  epoch = head.epoch
  local former, count = head.epoch`,
    tests: test('restarted with all it had'),
  },
  {
    name: 'redis-believes-all',
    file: 'lib/redis/scripts/head.ts',
    why: 'what a node knows beyond the head is no reason for a new epoch',
    find: 'if not last or known.seq > last then return false end',
    replace: 'if not last then return false end',
    tests: test('from an old dump'),
  },
  {
    name: 'redis-compares-nothing',
    file: 'lib/redis/scripts/head.ts',
    why: 'another action under the seq that a node knows is not noticed',
    find: 'return not entry or entry[2][2] == known.id',
    replace: 'return true',
    tests: test('another action stands where'),
  },
  {
    name: 'redis-nobody-vouches',
    file: 'lib/redis/scripts/head.ts',
    why: 'a node that knows nothing goes on under another Redis',
    find: `if head.run == run then return head end
    if force`,
    replace: `if head.run ~= '' then return head end
    if force`,
    tests: test('a node that knows nothing waits'),
  },
  {
    name: 'redis-trims-all',
    file: 'lib/redis/scripts/publish.ts',
    why: 'what is over the bound takes the rest along',
    find: "plain(upTo + 1) .. '-0')",
    replace: "place .. '-0')",
    tests: test('by number, by bytes and by age'),
  },
  {
    name: 'redis-clock-back',
    file: 'lib/redis/scripts/publish.ts',
    why: 'arrivedAt goes back with the clock',
    find: 'if now < head.at then now = head.at end',
    replace: '',
    tests: test('the clock never goes back'),
  },
  {
    name: 'redis-ids-kept',
    file: 'lib/redis/scripts/publish.ts',
    why: 'ids of what is no longer kept stay',
    find: "redis.call('HDEL', keys.ids, unpack(gone))",
    replace: '',
    tests: test('a burst beyond the bound'),
  },
  {
    name: 'redis-loss-untold',
    file: 'lib/redis/scripts/publish.ts',
    why: 'an evicted log leaves no trace of what was lost by time',
    find: 'bytes, lost = #stored, head.reach > lost and head.reach or lost',
    replace: 'bytes = #stored',
    tests: test('is evicted: no seq is given twice'),
  },
];
