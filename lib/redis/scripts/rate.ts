/**
 * `lib/internal/gcra.ts` in Lua, by Redis's clock. KEYS: the key. ARGV: 1 µs that a call costs · 2 calls that may come at once.
 *
 * Answers: 1 or 0, how many more would be let through, ms after which one is.
 */
export const RATE = `
if redis.replicate_commands then redis.replicate_commands() end
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local held = redis.call('GET', KEYS[1])
local line = held and string.match(held, '^%d+$') and tonumber(held) or now
if held then
  -- Ours is a time up to which it lives, and no longer. Somebody else's is refused as what it is.
  local ttl = redis.call('PTTL', KEYS[1])
  if not string.match(held, '^%d+$') or ttl == -1 or line - now > (ttl + 1000) * 1000 then redis.call('XLEN', KEYS[1]) end
end
if line < now then line = now end
local following = line + interval
local room = now + interval * burst - following
if room < 0 then return { 0, 0, math.ceil(-room / 1000) } end
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', string.format('%.0f', math.ceil((following - now) / 1000)))
return { 1, math.floor(room / interval), 0 }
`;
