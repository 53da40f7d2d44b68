/** ms; longer than anything stays on its way. */
const ERA_LIVES_MS = 3_600_000;

/**
 * What the scripts of seats and of presence share: which nodes live.
 *
 * Everything that a node holds in a company stands under keys of its own, and counts as long as the node lives. So a node that dies
 * frees all of it at once: whoever asks next drops its keys, without looking at what is in them.
 *
 * KEYS[1]: the nodes that hold something in this company. KEYS[2]: until when each node lives, ms of Redis's clock. In a cluster both are
 * one key: the company's slot is all that a script may see, and a node renews itself in each company where it holds something.
 *
 * A node counts how often it has come back to Redis: its era. What it said in an earlier one may still be on its way, over a connection that was given up
 * (the kernel goes on sending what was written before the end), and does nothing when it comes. Beside KEYS[2], under its name, `:`, the
 * node's, and `:era`.
 */
const ERA = `
-- It was said before its node came back the last time.
local function isLate(nodes, node, era, renews)
  local key = nodes .. ':' .. node .. ':era'
  local newest = tonumber(redis.call('GET', key) or 0)
  if era < newest then return true end
  if era > newest or renews then redis.call('SET', key, string.format('%.0f', era), 'PX', ${String(ERA_LIVES_MS)}) end
  return false
end
`;

export const LIVING = `${ERA}
if redis.replicate_commands then redis.replicate_commands() end
local room, alive = KEYS[1], KEYS[2]
local shared = room ~= alive

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function plain(number)
  return string.format('%.0f', number)
end

local function drop(node)
  local own = room .. ':' .. node
  redis.call('UNLINK', own, own .. ':users', own .. ':tabs', own .. ':ended')
  redis.call('ZREM', room, node)
end

-- Lives until then; and has something here.
local function live(node, till, ttl)
  if shared then redis.call('ZADD', alive, plain(till), node) end
  redis.call('ZADD', room, shared and 0 or plain(till), node)
  redis.call('PEXPIRE', room, ttl)
end

-- The nodes that hold something here and live; those that died lose what they held. gone(node) is asked before. me: who asks lives.
local function living(now, me, gone)
  local found = {}
  local nodes = redis.call('ZRANGE', room, 0, -1)
  if #nodes == 0 then return found end
  local till = redis.call('ZMSCORE', alive, unpack(nodes))
  for at, node in ipairs(nodes) do
    if node == me or (till[at] and tonumber(till[at]) > now) then
      found[#found + 1] = node
    else
      if gone then gone(node) end
      drop(node)
    end
  end
  return found
end

-- Whether it lives, as far as this Redis knows.
local function lives(node, now)
  local till = redis.call('ZSCORE', alive, node)
  return till and tonumber(till) > now
end
`;

/**
 * KEYS: the nodes, or a company's where it is in a cluster. ARGV: 1 node · 2 ms that it lives on · 3 '1': whatever was before · 4 ms that
 * the key outlives the last node · 5 the node's era; '': in a cluster the list of all nodes has none, for its key has no tag.
 *
 * Answers: 'OK', then the nodes that live · 'FENCED': Redis has counted it as dead, or has forgotten it · 'LATE': it was said in an earlier era; nothing was done.
 */
export const RENEW = `${ERA}
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function plain(number) return string.format('%.0f', number) end
if ARGV[5] ~= '' and isLate(KEYS[1], ARGV[1], tonumber(ARGV[5]), true) then return { 'LATE' } end
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[3] ~= '1' and not (till and tonumber(till) > now) then return { 'FENCED' } end
redis.call('ZADD', KEYS[1], plain(now + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local answer = { 'OK' }
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. plain(now), '+inf')) do answer[#answer + 1] = node end
return answer
`;

/** KEYS: the nodes. ARGV: 1 ms since when a dead one is forgotten. Forgets what nobody counts any more. Answers: the nodes that live. */
export const NODES = `
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function plain(number) return string.format('%.0f', number) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', plain(now - tonumber(ARGV[1])))
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. plain(now), '+inf')
`;
