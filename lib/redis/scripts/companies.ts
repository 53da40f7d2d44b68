/** KEYS: one of the server's own slots. ARGV: 1 cursor · 2 pattern of the heads' names · 3 names looked at. Answers: cursor, names. */
export const SCAN_HEADS = `
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
return { found[1], found[2] }
`;
