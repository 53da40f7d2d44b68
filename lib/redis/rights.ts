/**
 * What a Redis user must be allowed to do for a node, its own client included. docs/redis.md shows it as one line, `npx pathcast doctor
 * --redis` tries each of it, and a test holds the scripts to it.
 */

/**
 * Every command that is sent, by itself or out of a script, as ACLs name them: `script|load` is one subcommand. The doctor tries each.
 */
export const COMMANDS = [
  // A connection, whoever makes it.
  'ping', 'select', 'info', 'role', 'time', 'client|setname',
  // Scripts, and what they call.
  'eval', 'evalsha', 'script|load',
  'hget', 'hmget', 'hset', 'hdel', 'hgetall', 'hlen', 'hexists', 'hincrby', 'hkeys',
  'xadd', 'xrange', 'xrevrange', 'xlen', 'xtrim',
  'zadd', 'zrem', 'zcard', 'zcount', 'zscore', 'zmscore', 'zrange', 'zrangebyscore', 'zrangebylex', 'zlexcount', 'zremrangebyscore',
  'get', 'set', 'mget', 'del', 'unlink', 'exists', 'expire', 'pexpire', 'pttl',
  // Doorbells.
  'publish', 'subscribe', 'unsubscribe',
] as const;

/** Beside them in a cluster. */
export const CLUSTER_COMMANDS = ['spublish', 'ssubscribe', 'sunsubscribe', 'cluster|slots', 'cluster|shards', 'cluster|info', 'cluster|nodes', 'readonly', 'command'] as const;

/** Beside them for the CDC worker, where its slot was lost: it asks which companies have a log. */
export const WORKER_COMMANDS = ['scan'] as const;

export const rightsOf = (cluster: boolean): string[] => [...COMMANDS, ...(cluster ? CLUSTER_COMMANDS : [])];

/** Whole groups where keys bound what can be done: a later version then needs no other line. */
const GROUPS = ['@hash', '@sortedset', '@stream', '@string'] as const;
const SINGLE = [
  'del', 'unlink', 'exists', 'expire', 'pexpire', 'pttl', 'eval', 'evalsha', 'script|load', 'publish', 'subscribe', 'unsubscribe', 'ping', 'select',
  'info', 'role', 'time', 'client|setname',
] as const;

/** A text in a pattern: `*` and its kin stand for themselves. */
export const globOf = (text: string): string => text.replace(/[\\*?[\]^]/g, '\\$&');

/** Keys and channels that a node touches. */
export const patternOf = (prefix: string): string => `${globOf(prefix)}:*`;

/** The rule of a user that is enough, as `ACL SETUSER` and users.acl take it. */
export function aclRule(prefix: string, cluster = false): string {
  const pattern = patternOf(prefix);
  return [`resetkeys ~${pattern} resetchannels &${pattern} -@all`, ...[...GROUPS, ...SINGLE, ...(cluster ? CLUSTER_COMMANDS : [])].map((name) => `+${name}`)].join(' ');
}
