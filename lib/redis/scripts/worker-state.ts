/** What a worker beside the hub keeps: a hash, which its last owner alone may change. */

/** KEYS: the hash. ARGV: 1 the owner from now on. Answers: names and values of what is kept, without the owner. */
export const TAKE_STATE = `
local kept = redis.call('HGETALL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
local answer = {}
for i = 1, #kept, 2 do
  if kept[i] ~= 'owner' then
    answer[#answer + 1] = kept[i]
    answer[#answer + 1] = kept[i + 1]
  end
end
return answer
`;

/** KEYS: the hash. ARGV: 1 who asks, then names and values. Answers: 1; 0: it has another owner. */
export const KEEP_STATE = `
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
`;
