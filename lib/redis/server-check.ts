/** Whether a Redis can carry the log, as its INFO has it, and which troubles waiting does not mend. */

import { aclRule, patternOf } from './rights.js';

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
  if (/^redis_mode:sentinel/m.test(info)) return 'it is a sentinel, which keeps no data: redis+sentinel://host:port/name asks it for the master of that name';
  if (!sharded && /^redis_mode:cluster/m.test(info)) {
    return 'it is a node of a cluster; a cluster is asked for by redis+cluster:// or by a client of its own (Cluster of ioredis, createCluster of node-redis)';
  }
  return undefined;
}

const PASSWORD = /^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password|ERR Client sent AUTH|DENIED)/;
const NO_REDIS = /protocol error|unexpected reply|RESP type/i;
/** The last one is OpenSSL's: what answered is no TLS. */
const NO_TLS = /without TLS|wrong version number/;
const NO_DATABASE = /DB index is out of range|invalid DB index/;
const NOT_INSTALLED = /npm install/;
const NO_CLUSTER = /cluster support disabled/;
const NO_SENTINEL = /unknown command .?sentinel/i;
const NO_MASTER = /knows no master|No such master/;
const CERTIFICATE = /certificate|unable to verify|Hostname\/IP does not match/i;

/** Names of commands, `keys`, `channels`; or what Redis said. */
export function rightsFault(refused: readonly string[], prefix: string, sharded: boolean): string {
  const commands = refused.filter((name) => name !== 'keys' && name !== 'channels');
  const parts = [...new Set(commands), ...(['keys', 'channels'] as const).filter((name) => refused.includes(name)).map((name) => `${name} ${patternOf(prefix)}`)];
  return `its ACL does not let this user do what is needed (${parts.join(', ')}); this is enough: ACL SETUSER <user> ${aclRule(prefix, sharded)}`;
}

/** What a trouble of the link asks people to mend; undefined where it may pass. */
export function linkFault(trouble: string, prefix: string, sharded: boolean): string | undefined {
  if (PASSWORD.test(trouble)) return `it refuses the user or the password: set those that it has (${trouble})`;
  if (trouble.startsWith('NOPERM')) return rightsFault([trouble], prefix, sharded);
  if (NO_CLUSTER.test(trouble)) return `it is no cluster: redis:// or rediss:// asks for a single Redis (${trouble})`;
  if (NO_SENTINEL.test(trouble)) return `it is no sentinel: redis:// asks for the Redis itself (${trouble})`;
  if (NO_MASTER.test(trouble)) return `its sentinels know no master of that name: the URL ends with the one of \`sentinel monitor\` (${trouble})`;
  if (CERTIFICATE.test(trouble)) {
    return `its certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS, or give a client of your own with \`tls: { ca }\` (${trouble})`;
  }
  if (NO_TLS.test(trouble)) return `it speaks no TLS: redis:// asks for a plain Redis, and rediss:// for its tls-port (${trouble})`;
  if (NO_REDIS.test(trouble)) return `what answers there is no Redis (${trouble})`;
  if (NO_DATABASE.test(trouble)) return `it has no database of that number: name another one in the URL, or raise its setting \`databases\` (${trouble})`;
  return NOT_INSTALLED.test(trouble) ? trouble : undefined;
}
