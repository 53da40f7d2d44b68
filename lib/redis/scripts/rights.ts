/**
 * Whether this user may do what the scripts of a node do, on keys and channels of ours. An ACL that is too small shows nowhere else: the link stands, and
 * each use is refused by itself.
 *
 * KEYS[1]: one that is nobody's, and is gone afterwards. ARGV[1]: what rings. Answers what was refused: names of commands, `keys`, `channels`.
 */
const TRIES: readonly (readonly string[])[] = [
  ['set', '1', 'PX', '60000'], ['get'], ['mget'], ['exists'], ['expire', '60'], ['pexpire', '60000'], ['pttl'], ['del'],
  ['hset', 'a', '1'], ['hget', 'a'], ['hmget', 'a'], ['hgetall'], ['hlen'], ['hexists', 'a'], ['hincrby', 'a', '1'], ['hkeys'], ['hdel', 'b'], ['unlink'],
  ['xadd', '1-0', 'a', '1'], ['xrange', '-', '+', 'COUNT', '1'], ['xrevrange', '+', '-', 'COUNT', '1'], ['xlen'], ['xtrim', 'MAXLEN', '1'], ['del'],
  ['zadd', '1', 'a'], ['zcard'], ['zcount', '-inf', '+inf'], ['zscore', 'a'], ['zmscore', 'a'], ['zrange', '0', '-1'], ['zrangebyscore', '-inf', '+inf'],
  ['zrangebylex', '-', '+'], ['zlexcount', '-', '+'], ['zrem', 'b'], ['zremrangebyscore', '2', '2'], ['del'],
];

/** What the script tries. */
export const TRIED: readonly string[] = [...new Set(TRIES.map(([name = '']) => name)), 'time', 'publish'];

const body = `
if redis.replicate_commands then redis.replicate_commands() end
local refused = {}
local function try(name, ...)
  local reply = redis.pcall(name, ...)
  local why = type(reply) == 'table' and reply.err
  if not why or not (string.find(why, 'NOPERM') or string.find(why, 'user executing') or string.find(why, 'ACL failure')) then return end
  if string.find(why, 'channel') then name = 'channels' elseif string.find(why, 'of the keys') then name = 'keys' end
  refused[#refused + 1] = string.lower(name)
end
try('time')
${TRIES.map(([name = '', ...args]) => `try(${[`'${name}'`, 'KEYS[1]', ...args.map((arg) => `'${arg}'`)].join(', ')})`).join('\n')}
try(ARGV[1], KEYS[1], '')
return refused
`;

export const RIGHTS = { name: 'rights', body };
