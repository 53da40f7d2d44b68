/**
 * What the scripts of the log share: reading the head, and judging whether this Redis still is the one that counted it.
 *
 * A Redis can go back in time: a replica is promoted without the last writes, an old dump is loaded, a second of an append-only
 * file is lost. Going on from there would give a seq a second time. So the head remembers the Redis that counted it, and under
 * another one no number is given in the same epoch again. A Redis is named by its `run_id` and its `master_replid`: a master that
 * was made a replica, took over the data of another one, and is the master again is the same process, and not the same Redis.
 *
 * - A node says what it knows (an epoch, a seq and the id of the action there, all of them told to it by Redis), and the log
 *   agrees: the log goes on under a new name. `former` remembers the old names and up to which seq each of them counts, so that
 *   a cursor of an old name is one of the new one, as long as it is not beyond that seq.
 * - The log does not agree: what that node and its streams saw is lost. A new epoch begins, and every stream reads anew.
 * - A node that knows nothing waits for one that does; when none comes it begins a new epoch.
 */
export const HEAD = `
local FORMAT = 1
-- How far apart the clocks of two Redises may be that count one after the other, ms.
local CLOCKS_APART = 100
-- A head of a log that nothing was placed in, ms.
local EMPTY_LIVES = 2592000000
if redis.replicate_commands then redis.replicate_commands() end

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function plain(number)
  return string.format('%.0f', number)
end

-- The Redis that carries this out, '<run_id>.<master_replid>': as the caller knows it of its connection, or asked for.
local function runOf(known)
  if known ~= '' then return known end
  local life = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') .. '.' .. (life or '')
end

local function partsOf(run)
  local process, life = string.match(run, '^(%w*)[.]?(%w*)$')
  return process or run, life or ''
end

-- The head as a table; nil: there is none. A newer format is nobody's to read.
local function readHead(key)
  local got = redis.call('HMGET', key, 'format', 'epoch', 'seq', 'run', 'at', 'bytes', 'born', 'lost', 'reach', 'former', 'life', 'gone')
  if got[1] and tonumber(got[1]) > FORMAT then return nil, got[1] end
  if not got[2] then
    -- Somebody else's hash: no stream, and so refused as what it is.
    if redis.call('EXISTS', key) == 1 then redis.call('XLEN', key) end
    return nil
  end
  return {
    -- A version that knew no lives wrote none: then the process counts.
    epoch = got[2], seq = tonumber(got[3]), run = got[4], life = got[11] or '', at = tonumber(got[5]), bytes = tonumber(got[6]),
    born = tonumber(got[7]), lost = tonumber(got[8]), reach = tonumber(got[9]),
    former = got[10] or '', gone = got[12] or '',
  }
end

-- A new life of the log. Nothing of the former one is left; known: what the caller had of it, and gives up.
local function begin(keys, epoch, run, known)
  -- Keys of another type are not ours to take away: Redis refuses them here.
  redis.call('XLEN', keys.log)
  redis.call('HLEN', keys.ids)
  redis.call('DEL', keys.head, keys.log, keys.ids)
  local now = clock()
  local process, life = partsOf(run)
  local gone = known.epoch == '' and '' or known.epoch .. '.' .. plain(known.seq)
  redis.call('HSET', keys.head, 'format', FORMAT, 'epoch', epoch, 'seq', 0, 'run', process, 'life', life, 'at', plain(now), 'bytes', 0,
    'born', plain(now), 'lost', 0, 'reach', 0, 'gone', gone)
  redis.call('PEXPIRE', keys.head, EMPTY_LIVES)
  return { epoch = epoch, seq = 0, run = process, life = life, at = now, bytes = 0, born = now, lost = 0, reach = 0, former = '', gone = gone }
end

-- Up to which seq a cursor of this epoch is one of the head's; nil: it never was.
local function extent(head, epoch)
  if epoch == head.epoch then return head.seq end
  for name, last in string.gmatch(head.former, '(%w+)[.](%d+)') do
    if name == epoch then return tonumber(last) end
  end
  return nil
end

-- Whether the head's epoch began because of what this node knows: it was given up then, and all were told.
local function isGone(head, known)
  local epoch, seq = string.match(head.gone, '^(%w+)[.](%d+)$')
  return epoch == known.epoch and known.seq <= tonumber(seq)
end

-- Whether what a node knows is so here. What is no longer kept cannot be compared, and counts as if it were.
local function agrees(keys, head, known)
  local last = extent(head, known.epoch)
  if not last or known.seq > last then return false end
  if known.seq == 0 then return true end
  local entry = redis.call('XRANGE', keys.log, plain(known.seq) .. '-0', plain(known.seq) .. '-0')[1]
  return not entry or entry[2][2] == known.id
end

-- The same log under a new name.
local function rename(keys, head, epoch, run)
  local former, count = head.epoch .. '.' .. plain(head.seq), 1
  for each in string.gmatch(head.former, '%S+') do
    if count < 8 then former, count = former .. ' ' .. each, count + 1 end
  end
  local process, life = partsOf(run)
  redis.call('HSET', keys.head, 'epoch', epoch, 'run', process, 'life', life, 'former', former)
  head.epoch, head.run, head.life, head.former = epoch, process, life, former
  return head
end

-- Whether this Redis counted the head.
local function counted(head, run)
  local process, life = partsOf(run)
  return head.run == process and (head.life == '' or head.life == life)
end

-- The head to go on with, and why a new epoch began, if one did; last, which Redis this is. nil, word: nobody may go on yet.
-- known: { run, epoch, seq, id, at } as this node had it from Redis; epoch '' where it knows nothing of this company; at: when that was placed, 0: not known.
-- told: which Redis this is, as the caller has it.
local function judge(keys, told, known, force, fresh)
  local run = runOf(told)
  local head, newer = readHead(keys.head)
  if newer then return nil, 'FORMAT', newer end
  if not head then
    -- Nor is a stream of somebody else's.
    local first = redis.call('XRANGE', keys.log, '-', '+', 'COUNT', 1)[1]
    if first and first[2][1] ~= 'i' then redis.call('HLEN', keys.log) end
    return begin(keys, fresh, run, known), known.epoch == '' and 'new' or 'lost', run
  end
  local here = counted(head, run)
  if not here and told ~= '' then
    -- What a connection was told once may have changed since: a replica that came makes a master give its replication a new name.
    run = runOf('')
    here = counted(head, run)
  end
  if known.epoch == '' then
    if here then return head, nil, run end
    if force then return begin(keys, fresh, run, known), 'unvouched', run end
    return nil, 'UNVOUCHED'
  end
  if here then
    -- Its own connection was to this Redis all the time, and so was everybody's who counted.
    if known.run == run and known.epoch == head.epoch and known.seq <= head.seq then return head, nil, run end
    -- An epoch began without it: what it knew is of no use, and what its streams saw they read anew.
    if not extent(head, known.epoch) then
      -- But what another Redis counted after that (a master that did not know yet that it was none) is lost, and nobody was told.
      if known.run ~= run and known.at + CLOCKS_APART >= head.born and not isGone(head, known) then
        return begin(keys, fresh, run, known), 'rewound', run
      end
      return head, nil, run
    end
  elseif not extent(head, known.epoch) then
    -- Neither of the two can be told to be the later one.
    return begin(keys, fresh, run, known), 'rewound', run
  end
  if not agrees(keys, head, known) then return begin(keys, fresh, run, known), 'rewound', run end
  if here then return head, nil, run end
  return rename(keys, head, fresh, run), 'vouched', run
end
`;
