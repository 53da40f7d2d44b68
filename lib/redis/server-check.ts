/** Whether a Redis can carry the log, as its INFO has it, and which troubles waiting does not mend. */

/** XTRIM MINID came with the one, sharded pub/sub with the other. */
const OLDEST = [6, 2] as const;
const OLDEST_CLUSTER = [7, 0] as const;

/** What is wrong with it, and how to mend it; undefined: nothing. `sharded`: the link rings by SPUBLISH. */
export function serverFault(info: string, sharded: boolean): string | undefined {
  const version = /^redis_version:(\d+)\.(\d+)(\S*)/m.exec(info);
  if (!version) return 'what answers there is no Redis: its INFO names no redis_version';
  const [, major = '', minor = '', rest = ''] = version;
  const isOlder = ([a, b]: readonly [number, number]): boolean => Number(major) < a || (Number(major) === a && Number(minor) < b);
  const name = `${major}.${minor}${rest}`;
  if (sharded && isOlder(OLDEST_CLUSTER)) return `it is Redis ${name}; a cluster must be of 7.0 or newer: upgrade it`;
  if (isOlder(OLDEST)) return `it is Redis ${name}; it must be 6.2 or newer: upgrade it`;
  if (!sharded && /^redis_mode:cluster/m.test(info)) {
    return 'it is a node of a cluster; a cluster is asked for by redis+cluster:// or by a client of its own (Cluster of ioredis, createCluster of node-redis)';
  }
  return undefined;
}

const PASSWORD = /^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password|ERR Client sent AUTH|DENIED)/;
const NO_REDIS = /protocol error|unexpected reply|RESP type/i;
const NO_DATABASE = /DB index is out of range|invalid DB index/;
const NOT_INSTALLED = /npm install/;

/** What a trouble of the link asks people to mend; undefined where it may pass. */
export function linkFault(trouble: string): string | undefined {
  if (PASSWORD.test(trouble)) return `it refuses the user or the password: set those that it has (${trouble})`;
  if (trouble.startsWith('NOPERM')) return `its ACL does not let this user do what is needed: docs/redis.md has a line that does (${trouble})`;
  if (NO_REDIS.test(trouble)) return `what answers there is no Redis (${trouble})`;
  if (NO_DATABASE.test(trouble)) return `it has no database of that number: name another one in the URL, or raise its setting \`databases\` (${trouble})`;
  return NOT_INSTALLED.test(trouble) ? trouble : undefined;
}
