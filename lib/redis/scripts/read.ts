/** What a node reads before it opens a company's streams, and where a doorbell showed a gap. */
import { HEAD } from './head.js';

/** Parts of an answer before the actions, parts of each action, and which of these its bytes are. */
export const READ_FIXED = 9;
export const READ_GROUP = 4;
export const READ_BYTES = 3;

/**
 * KEYS: head, log, ids (a new epoch may begin).
 *
 * ARGV: 1 the connection's Redis or '' · 2 to 5 what this node knows of the company: run, epoch, seq, action id · 6 '1': begin a
 * new epoch where nobody vouches · 7 name of a new epoch · 8 first seq wanted · 9 actions at most ·
 * 10 doorbell · 11 PUBLISH or SPUBLISH: where an epoch begins, the nodes that have streams of the one before it are told; absent: nobody is.
 *
 * 12 when what this node knows was placed, ms; absent: it cannot say.
 *
 * Answers: 'OK', epoch, newest seq, arrivedAt of the newest, why a new epoch began or '', when this epoch began, the greatest
 * max(timestamp, arrivedAt) among what is no longer kept (0: nothing is lost), former names, which Redis this is, then of each action: seq, arrivedAt, id, bytes ·
 * 'UNVOUCHED' · 'FORMAT', the newer one.
 */
export const READ = `${HEAD}
local keys = { head = KEYS[1], log = KEYS[2], ids = KEYS[3] }
local known = { run = ARGV[2], epoch = ARGV[3], seq = tonumber(ARGV[4]) or 0, id = ARGV[5], at = tonumber(ARGV[12] or '') or 0 }
local head, why, run = judge(keys, ARGV[1], known, ARGV[6] == '1', ARGV[7])
if not head then return { why, run } end
if why and why ~= 'vouched' and ARGV[10] then redis.call(ARGV[11], ARGV[10], FORMAT .. 'b ' .. head.epoch .. '\\n') end
-- Each action that is placed gives it a longer life.
if head.seq == 0 then redis.call('PEXPIRE', keys.head, EMPTY_LIVES) end
local lost = head.lost
if head.seq > 0 and redis.call('XLEN', keys.log) == 0 and head.reach > lost then lost = head.reach end
local answer = { 'OK', head.epoch, plain(head.seq), plain(head.at), why or '', plain(head.born), plain(lost), head.former, run }
for _, entry in ipairs(redis.call('XRANGE', keys.log, ARGV[8] .. '-0', '+', 'COUNT', ARGV[9])) do
  local field = entry[2][1] == 'i' and entry[2] or {}
  answer[#answer + 1] = string.match(entry[1], '^%d+')
  -- Of somebody else's entry they are empty: no action.
  answer[#answer + 1] = field[6] or ''
  answer[#answer + 1] = field[2] or ''
  answer[#answer + 1] = field[4] or ''
end
return answer
`;
