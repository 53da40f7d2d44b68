/**
 * Who holds a connection, over all nodes: check and count are one script.
 *
 * What a node holds in a company is a sorted set of seats by age (`P:1:{C}:seats:<node>`), the same by user (`…:users`), and which seat a
 * browser instance has (`…:tabs`). A seat is `<user> <instance> <id>`, each without a blank. Leases are older than no stream: their age begins at LEASE.
 * A count is one of a sorted set for each node, so an admission is O(nodes × log seats).
 */
import { LIVING } from './living.js';

/** What the three have in common. */
const COMMON = `${LIVING}
local LEASE = 9e15

local function pad(at) return string.format('%016.0f', at) end

local function place(node, at, user, tab, id, generation, ttl)
  local own = room .. ':' .. node
  redis.call('ZADD', own, plain(at), user .. ' ' .. tab .. ' ' .. id)
  redis.call('ZADD', own .. ':users', 0, user .. ' ' .. pad(at) .. ' ' .. tab .. ' ' .. id)
  if tab ~= '' then redis.call('HSET', own .. ':tabs', user .. ' ' .. tab, id .. ' ' .. generation) end
  redis.call('PEXPIRE', own, ttl)
  redis.call('PEXPIRE', own .. ':users', ttl)
  redis.call('PEXPIRE', own .. ':tabs', ttl)
end

-- False: it is not there.
local function take(node, user, tab, id)
  local own = room .. ':' .. node
  local seat = user .. ' ' .. tab .. ' ' .. id
  local at = redis.call('ZSCORE', own, seat)
  if not at then return false end
  redis.call('ZREM', own, seat)
  redis.call('ZREM', own .. ':users', user .. ' ' .. pad(tonumber(at)) .. ' ' .. tab .. ' ' .. id)
  if tab ~= '' then
    local holder = redis.call('HGET', own .. ':tabs', user .. ' ' .. tab)
    if holder and string.match(holder, '^%S+') == id then redis.call('HDEL', own .. ':tabs', user .. ' ' .. tab) end
  end
  return true
end

local function ofUser(nodes, user)
  local count = 0
  for _, node in ipairs(nodes) do
    count = count + redis.call('ZLEXCOUNT', room .. ':' .. node .. ':users', '[' .. user .. ' ', '(' .. user .. '!')
  end
  return count
end

local function ofAll(nodes)
  local count = 0
  for _, node in ipairs(nodes) do count = count + redis.call('ZCARD', room .. ':' .. node) end
  return count
end

-- Which limit stands in the way of one more, and how many there are; the user's comes first.
local function obstacle(nodes, user, perUser, perCompany)
  if perUser > 0 then
    local count = ofUser(nodes, user)
    if count >= perUser then return 'USER_LIMIT', count end
  end
  if perCompany > 0 then
    local count = ofAll(nodes)
    if count >= perCompany then return 'COMPANY_LIMIT', count end
  end
  return nil
end
`;

/**
 * KEYS: the company's seats, the nodes. ARGV, behind what is to be done and the node's era: 1 node · 2 '1': the node believes that it stands in what it renews · 3 ms that a node
 * lives · 4 ms that the keys live · 5 seats per user, 0: any number · 6 per company · 7 '1': the oldest gives way · 8 user · 9 instance or '' ·
 * 10 id · 11 generation or '' · 12 '1': a lease, which is never evicted · 13 name of a node's channel without the node, '' in a
 * cluster: there the caller rings.
 *
 * Answers: 'OK', seats of this node in the company before, since when (ms) · 'USER_LIMIT' or 'COMPANY_LIMIT', how many, 0 · 'REPLACED', 0, 0: a younger life of the
 * instance has the seat · then of each stream that gave way: its node, id, why. Or 'FENCED': nothing was done.
 */
const ADMIT = `
local me, ttl = ARGV[1], ARGV[4]
local perUser, perCompany, evicts = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local user, tab, id, generation, isLease = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12] == '1'
local now = clock()

if not lives(me, now) then
  if ARGV[2] == '1' then return { 'FENCED' } end
  drop(me)
end
live(me, now + tonumber(ARGV[3]), ttl)
local nodes = living(now, me)
local answer = { 'OK', redis.call('ZCARD', room .. ':' .. me), now }

-- What died of another one is told to its node, which may miss it: it stands there until that has closed the stream.
local function giveWay(node, seatUser, seatTab, seatId, why)
  take(node, seatUser, seatTab, seatId)
  local ended = room .. ':' .. node .. ':ended'
  redis.call('HSET', ended, seatId, why)
  redis.call('PEXPIRE', ended, ttl)
  if node ~= me and ARGV[13] ~= '' then
    redis.call('PUBLISH', ARGV[13] .. node, '1 {"ended":"' .. seatId .. '","reason":"' .. why .. '"}')
  end
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = node, seatId, why
end

if redis.call('ZSCORE', room .. ':' .. me, user .. ' ' .. tab .. ' ' .. id) then return answer end

if tab ~= '' then
  for _, node in ipairs(nodes) do
    local holder = redis.call('HGET', room .. ':' .. node .. ':tabs', user .. ' ' .. tab)
    if holder then
      local former, theirs = string.match(holder, '^(%S+) (%d*)$')
      if generation ~= '' and theirs ~= '' and tonumber(generation) < tonumber(theirs) then return { 'REPLACED', 0, 0 } end
      giveWay(node, user, tab, former, 'replaced')
    end
  end
end

-- The oldest stream of those that may give way, of one user or of all.
local function oldest(ofOne)
  local best, age
  for _, node in ipairs(nodes) do
    local own = room .. ':' .. node
    local found, at, seat
    if ofOne then
      found = redis.call('ZRANGEBYLEX', own .. ':users', '[' .. user .. ' ', '(' .. user .. ' 9', 'LIMIT', 0, 1)
      if found[1] then
        local seatUser, digits, seatTab, seatId = string.match(found[1], '^(%S+) (%d+) (%S*) (%S+)$')
        at, seat = tonumber(digits), { node, seatUser, seatTab, seatId }
      end
    else
      found = redis.call('ZRANGE', own, 0, 0, 'WITHSCORES')
      if found[1] and tonumber(found[2]) < LEASE then
        local seatUser, seatTab, seatId = string.match(found[1], '^(%S+) (%S*) (%S+)$')
        at, seat = tonumber(found[2]), { node, seatUser, seatTab, seatId }
      end
    end
    if seat and (not age or at < age) then best, age = seat, at end
  end
  return best
end

while true do
  local why, count = obstacle(nodes, user, perUser, perCompany)
  if not why then break end
  local seat = evicts and oldest(why == 'USER_LIMIT')
  if not seat then
    answer[1], answer[2], answer[3] = why, count, 0
    if redis.call('ZCARD', room .. ':' .. me) == 0 then redis.call('ZREM', room, me) end
    return answer
  end
  giveWay(seat[1], seat[2], seat[3], seat[4], 'evicted')
end
place(me, isLease and LEASE + now or now, user, tab, id, generation, ttl)
return answer
`;

/** KEYS: as above. ARGV: 1 node, then of each seat: user, instance or '', id. Answers how many were there. */
const RELEASE = `
local me, given = ARGV[1], 0
for at = 2, #ARGV, 3 do
  if take(me, ARGV[at], ARGV[at + 1], ARGV[at + 2]) then given = given + 1 end
  redis.call('HDEL', room .. ':' .. me .. ':ended', ARGV[at + 2])
end
if redis.call('ZCARD', room .. ':' .. me) == 0 then redis.call('ZREM', room, me) end
return given
`;

/**
 * What a node holds in a company, as it is: after Redis was away, has forgotten, or has counted the node as dead.
 *
 * KEYS: as above. ARGV: 1 node · 2 ms that it lives · 3 ms that the keys live · 4 seats per user · 5 per company · 6 '1': what is not there is
 * put there whatever the limits say, else only where they allow it · then of each seat: user, instance or '', id, generation or '', since when
 * (ms; 0: now), and 'held', 'lease', or 'asked': one whose admission is under way, kept if it is there.
 *
 * Answers, of each stream that has no seat: its id, why. What Redis has of the node beyond them goes.
 */
const RESTORE = `
local me, ttl = ARGV[1], ARGV[3]
local perUser, perCompany, force = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local now = clock()
local own = room .. ':' .. me
if #ARGV > 6 then live(me, now + tonumber(ARGV[2]), ttl) end
local nodes = living(now, me)

local ended = {}
local told = redis.call('HGETALL', own .. ':ended')
for at = 1, #told, 2 do ended[told[at]] = told[at + 1] end

local wanted = {}
for at = 7, #ARGV, 6 do wanted[ARGV[at] .. ' ' .. ARGV[at + 1] .. ' ' .. ARGV[at + 2]] = true end
local there = {}
for _, seat in ipairs(redis.call('ZRANGE', own, 0, -1)) do
  if wanted[seat] then there[seat] = true
  else take(me, string.match(seat, '^(%S+) (%S*) (%S+)$')) end
end

local answer = {}
for at = 7, #ARGV, 6 do
  local user, tab, id, generation, since, state = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 5]
  if ended[id] then
    answer[#answer + 1], answer[#answer + 2] = id, ended[id]
  elseif state ~= 'asked' and not there[user .. ' ' .. tab .. ' ' .. id] then
    if force or not obstacle(nodes, user, perUser, perCompany) then
      if since == 0 or since > now then since = now end
      place(me, state == 'lease' and LEASE + since or since, user, tab, id, generation, ttl)
    else
      answer[#answer + 1], answer[#answer + 2] = id, 'evicted'
    end
  end
end
if redis.call('ZCARD', own) == 0 then redis.call('ZREM', room, me)
else
  redis.call('PEXPIRE', own, ttl)
  redis.call('PEXPIRE', own .. ':users', ttl)
  redis.call('PEXPIRE', own .. ':tabs', ttl)
end
return answer
`;

/**
 * One script, told by a first argument what to do: a broker that finds a script unknown sends it again, and only calls of the same script keep their
 * order then. What is given back must come before what is asked for in its place. 'LATE': it was said in an earlier era of the node, and nothing was done.
 */
export const SEATS = `${COMMON}
local function admit()
${ADMIT}
end
local function release()
${RELEASE}
end
local function restore()
${RESTORE}
end
local what = table.remove(ARGV, 1)
local era = tonumber(table.remove(ARGV, 1))
if isLate(KEYS[2], ARGV[1], era) then return { 'LATE' } end
if what == 'admit' then return admit() end
if what == 'release' then return release() end
return restore()
`;
