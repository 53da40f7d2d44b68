/** One action into the log: one command, one script, all or nothing. */
import { HEAD } from './head.js';

/** Places, in the arguments from 0 on, of the bytes for the log and of those for the doorbell. */
export const PUBLISH_STORED = 15;
export const PUBLISH_RUNG = 16;

/**
 * KEYS: head, log, ids.
 *
 * ARGV: 1 doorbell · 2 PUBLISH or SPUBLISH · 3 the connection's Redis as an answer or INFO named it, '' where the caller cannot be sure of it (20 µs more) · 4 to 7 what this node knows of the company: run,
 * epoch, seq, action id (epoch '': nothing) · 8 '1': begin a new epoch where nobody vouches · 9 name of a new epoch · 10 actions
 * kept · 11 ms kept · 12 bytes kept · 13 ms that the head outlives them · 14 action id · 15 the greater of the action's timestamp
 * and 0 · 16 the action's bytes for the log · 17 the same for the doorbell, '' where they are equal · 18 '' or absent, or the id of the action that this
 * node sent just before it, and that has no answer yet: it may have been refused (NOSCRIPT, and the script is there again by now) · 19 when what this node knows was placed, ms; absent: it cannot say ·
 * 20 µs since the action was published, of one that had to wait or is sent again; '' or absent: it comes at once.
 *
 * Answers: 'OK', epoch, seq, arrivedAt, why a new epoch began or '', former names (SPEC §13), which Redis this is · 'DUPLICATE' and the same ·
 * 'EARLY': what comes before it is not there; nothing was done · 'FORGOTTEN': its company was erased after it was published; 'FORGOTTEN', 'again': perhaps, it is to say its age · 'UNVOUCHED': this Redis did not count the head, and this node cannot say whether it went back · 'FORMAT', the newer one.
 */
export const PUBLISH = `${HEAD}
local keys = { head = KEYS[1], log = KEYS[2], ids = KEYS[3] }
local bell, ring = ARGV[1], ARGV[2]
local known = { run = ARGV[4], epoch = ARGV[5], seq = tonumber(ARGV[6]) or 0, id = ARGV[7], at = tonumber(ARGV[19] or '') or 0 }
local maxActions, ttl, maxBytes, outlives = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local id, stamp, stored, rung = ARGV[14], tonumber(ARGV[15]), ARGV[16], ARGV[17]
if rung == '' then rung = stored end

local before = ARGV[18] or ''
if before ~= '' and redis.call('HEXISTS', keys.ids, before) == 0 then return { 'EARLY' } end

-- What waited at a node that was cut off, or on its way, is not to come back after the company was erased. Nothing is begun for it.
local age = tonumber(ARGV[20] or '')
local erased = tonumber(redis.call('GET', string.sub(keys.head, 1, -5) .. 'forgotten') or '')
if erased then
  local stands = redis.call('HMGET', keys.head, 'epoch', 'former')
  -- Only who knows the log that stands, and says nothing of an age, cannot have been on its way then.
  if not age and not (stands[1] and extent({ epoch = stands[1], seq = 0, former = stands[2] or '' }, known.epoch)) then return { 'FORGOTTEN', 'again' } end
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  -- One that is still to come was another Redis's time, and says nothing by this clock.
  if age and erased <= now and now - age <= erased then return { 'FORGOTTEN' } end
end

local head, why, run = judge(keys, ARGV[3], known, ARGV[8] == '1', ARGV[9])
if not head then return { why, run } end

local was = redis.call('HGET', keys.ids, id)
if not was and redis.call('EXISTS', keys.ids) == 0 then
  -- It went alone (evicted, deleted): the log knows what stood there, or an action that is sent again would be placed again.
  for _, entry in ipairs(redis.call('XRANGE', keys.log, '-', '+')) do
    if entry[2][1] == 'i' then redis.call('HSET', keys.ids, entry[2][2], string.match(entry[1], '^%d+')) end
  end
  was = redis.call('HGET', keys.ids, id)
end
if was then
  local entry = redis.call('XRANGE', keys.log, was .. '-0', was .. '-0')[1]
  if entry then return { 'DUPLICATE', head.epoch, was, entry[2][6], why or '', head.former, run } end
end

local now, reach
local function append()
  now = clock()
  if now < head.at then now = head.at end
  reach = stamp > now and stamp or now
  return redis.pcall('XADD', keys.log, plain(head.seq + 1) .. '-0', 'i', id, 'm', stored, 't', plain(now), 's', plain(reach))
end
local added = append()
if type(added) == 'table' and added.err then
  -- No room, or a key that is not ours: nothing of ours is to be given up for it.
  if not string.find(added.err, 'equal or smaller', 1, true) then return added end
  -- The log has come further than its head: one of the two is of another time.
  head, why = begin(keys, ARGV[9], run, known), 'rewound'
  append()
end
local seq = head.seq + 1
local place = plain(seq)
redis.call('HSET', keys.ids, id, place)
local count = redis.call('XLEN', keys.log)
local bytes, lost = head.bytes + #stored, head.lost
if count == 1 then
  -- What was there before has expired, or was evicted.
  bytes, lost = #stored, head.reach > lost and head.reach or lost
end

-- The oldest go first, a few at a time: what came in a burst goes with the actions that follow it. In a log that is full one goes as one comes.
-- So two are looked at, and more of them only where both go: all that is read is copied into this script, and 64 of them were two thirds of what a publish cost Redis.
local gone, upTo, last = {}, nil, nil
local function makeRoom(from, look)
  for _, entry in ipairs(redis.call('XRANGE', keys.log, from, '+', 'COUNT', look)) do
    -- Somebody else's entry has no such fields: it is as old as can be.
    local field = entry[2][1] == 'i' and entry[2] or {}
    local fits = count <= maxActions and bytes <= maxBytes and now - (tonumber(field[6] or '') or 0) <= ttl
    if fits or count == 1 then return end
    gone[#gone + 1] = field[2] or ''
    last = entry[1]
    upTo = tonumber(string.match(last, '^%d+'))
    count = count - 1
    bytes = bytes - #(field[4] or '')
    local upToThen = tonumber(field[8] or '') or 0
    if upToThen > lost then lost = upToThen end
  end
end
makeRoom('-', 2)
if #gone == 2 then makeRoom('(' .. last, 62) end
if upTo then
  redis.call('XTRIM', keys.log, 'MINID', plain(upTo + 1) .. '-0')
  redis.call('HDEL', keys.ids, unpack(gone))
end

redis.call('HSET', keys.head, 'seq', place, 'at', plain(now), 'bytes', plain(bytes), 'lost', plain(lost),
  'reach', plain(reach > head.reach and reach or head.reach))
redis.call('PEXPIRE', keys.head, plain(ttl + outlives))
redis.call('PEXPIRE', keys.log, plain(ttl))
redis.call('PEXPIRE', keys.ids, plain(ttl))
redis.call(ring, bell, table.concat({ FORMAT, head.epoch, place, plain(now), #id }, ' ') .. '\\n' .. id .. rung)
return { 'OK', head.epoch, place, plain(now), why or '', head.former, run }
`;
