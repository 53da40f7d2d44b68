// The scripts of lib/redis, on a real redis-server.
import { jest } from './tests.mjs';

const test = (name) => [jest('test/redis/log-scripts.test.ts', name)];
const seats = (name) => [jest('test/redis/seats.test.ts', name)];

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
  {
    name: 'seats-one-too-many',
    file: 'lib/redis/scripts/seats.ts',
    why: 'the limit of a company lets one more in',
    find: 'if count >= perCompany then',
    replace: 'if count > perCompany then',
    tests: seats('counts per user and per company'),
  },
  {
    name: 'seats-own-node-only',
    file: 'lib/redis/scripts/seats.ts',
    why: 'seats of other nodes are not counted',
    find: "count + redis.call('ZCARD', room .. ':' .. node)",
    replace: "count + (node == ARGV[1] and redis.call('ZCARD', room .. ':' .. node) or 0)",
    tests: seats('counts per user and per company'),
  },
  {
    name: 'seats-dead-count',
    file: 'lib/redis/scripts/living.ts',
    why: 'a dead node counts on',
    find: 'if node == me or (till[at] and tonumber(till[at]) > now) then',
    replace: 'if node == me or till[at] then',
    tests: seats('has its seats counted for its life'),
  },
  {
    name: 'seats-never-fenced',
    file: 'lib/redis/scripts/seats.ts',
    why: 'a node that was stopped goes on as if nobody had taken its seats',
    find: "if ARGV[2] == '1' then return { 'FENCED' } end",
    replace: '',
    tests: seats('that was only stopped asks again'),
  },
  {
    name: 'seats-force-after-stop',
    file: 'lib/redis/nodes/life.ts',
    why: 'a node that was stopped puts back what others have taken',
    find: "? 'ask' : 'keep'",
    replace: "? 'keep' : 'keep'",
    tests: seats('that was only stopped asks again'),
  },
  {
    name: 'seats-lease-evicted',
    file: 'lib/redis/scripts/seats.ts',
    why: 'a lease of acquire() is evicted like a stream',
    find: 'place(me, isLease and LEASE + now or now',
    replace: 'place(me, now',
    tests: seats('evict-oldest: the oldest stream'),
  },
  {
    name: 'seats-older-generation',
    file: 'lib/redis/scripts/seats.ts',
    why: 'an older life of an instance takes the seat of the younger one',
    find: 'tonumber(generation) < tonumber(theirs)',
    replace: 'tonumber(generation) > tonumber(theirs)',
    tests: seats('of an instance takes the place'),
  },
  {
    name: 'seats-local-forgotten',
    file: 'lib/redis/seats/seats.ts',
    why: 'what was let in while Redis was away is never told to it',
    find: `    company.dirty = true;
    this.#book.become(seat, 'local');`,
    replace: `    this.#book.become(seat, 'held');`,
    tests: seats('limits hold for the node alone'),
  },
  {
    name: 'seats-eviction-unremembered',
    file: 'lib/redis/scripts/seats.ts',
    why: 'a node that did not hear of an eviction puts the stream back',
    find: "redis.call('HSET', ended, seatId, why)",
    replace: '',
    tests: seats('an eviction that was not heard of'),
  },
  {
    name: 'seats-late-release',
    file: 'lib/redis/seats/seats.ts',
    why: 'what was given back in this turn is still counted at the next admission',
    find: `      this.#sendReturned(company);
      if (company.dirty`,
    replace: `      if (company.dirty`,
    tests: seats('counts per user and per company'),
  },
];
