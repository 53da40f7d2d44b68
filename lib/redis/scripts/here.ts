/**
 * Who is there, over all nodes. A node keeps one value a user in a hash of its own (`P:1:{C}:here:<node>`), whatever the streams of that user.
 *
 * KEYS: the company's, the nodes. ARGV: 1 what is to be done · 2 the node's era · 3 node · 4 '1': the node believes that something of it stands here · 5 ms that a
 * node lives · 6 ms that the keys live · then for `enter` and `leave` the user, for `enter` and `restore` pairs of user and value.
 *
 * Answers: 'OK', 'FENCED' or 'LATE' (nothing was done; the latter: it was said in an earlier era), how many users have left because their node died, and of each: the user, its last value. Then:
 * of `enter` and `leave` the values that other nodes have of the user; of `list` pairs of user and value of every node; of `sweep` nothing; of `restore` the
 * users that were nowhere.
 */
import { LIVING } from './living.js';

export const HERE = `${LIVING}
local what, era, me, holds, lifeMs, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4] == '1', tonumber(ARGV[5]), ARGV[6]
if isLate(alive, me, era) then return { 'LATE' } end
local now = clock()

if what ~= 'list' and what ~= 'sweep' and not lives(me, now) then
  if holds and what ~= 'restore' then return { 'FENCED' } end
  if what == 'enter' and shared then return { 'FENCED' } end
  if what ~= 'restore' then drop(me) end
end

local function keep()
  live(me, now + lifeMs, ttl)
  redis.call('PEXPIRE', room .. ':' .. me, ttl)
end

-- What died with a node is looked at once, by whom its keys are dropped.
local last = {}
local nodes = living(now, me, function(node)
  local held = redis.call('HGETALL', room .. ':' .. node)
  for at = 1, #held, 2 do last[held[at]] = held[at + 1] end
end)
local function elsewhere(user)
  local values = {}
  for _, node in ipairs(nodes) do
    local value = node ~= me and redis.call('HGET', room .. ':' .. node, user)
    if value then values[#values + 1] = value end
  end
  return values
end

local own = room .. ':' .. me
local answer = { 'OK', 0 }
local found = {}
if what == 'enter' then
  redis.call('HSET', own, ARGV[7], ARGV[8])
  keep()
  found = elsewhere(ARGV[7])
elseif what == 'leave' then
  redis.call('HDEL', own, ARGV[7])
  if redis.call('EXISTS', own) == 0 then redis.call('ZREM', room, me) end
  found = elsewhere(ARGV[7])
elseif what == 'restore' then
  local had = {}
  for _, user in ipairs(redis.call('HKEYS', own)) do had[user] = true end
  redis.call('DEL', own)
  for at = 7, #ARGV, 2 do
    redis.call('HSET', own, ARGV[at], ARGV[at + 1])
    if not had[ARGV[at]] and not last[ARGV[at]] and #elsewhere(ARGV[at]) == 0 then found[#found + 1] = ARGV[at] end
  end
  if #ARGV > 6 then keep() else redis.call('ZREM', room, me) end
elseif what == 'list' then
  for _, node in ipairs(nodes) do
    for _, text in ipairs(redis.call('HGETALL', room .. ':' .. node)) do found[#found + 1] = text end
  end
end
for user, value in pairs(last) do
  if redis.call('HEXISTS', own, user) == 0 and #elsewhere(user) == 0 then
    answer[2] = answer[2] + 1
    answer[#answer + 1], answer[#answer + 2] = user, value
  end
end
for _, text in ipairs(found) do answer[#answer + 1] = text end
return answer
`;
