/**
 * KEYS: head, log, ids, when the company was erased. ARGV: 1 ms that the last one lives. Erases the log, and marks the time: what was published before, and is
 * still on its way, stays away (`publish.ts`).
 */
export const FORGET = `
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
redis.call('SET', KEYS[4], string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])), 'PX', ARGV[1])
return redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
`;
