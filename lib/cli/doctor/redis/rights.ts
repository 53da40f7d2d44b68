/** Whether this user may do what a node does: each command is tried, on names of a company that is nobody's. */
import { createHash, randomUUID } from 'node:crypto';
import { keysOf } from '../../../redis/keys.js';
import { patternOf, rightsOf } from '../../../redis/rights.js';
import type { RedisConnection } from '../../redis/connection.js';
import { Refusal } from '../../redis/resp.js';
import type { Ward } from './ward.js';

/** ms until what was tried is gone, should this program be ended meanwhile. */
const SCRATCH_MS = 60_000;
const SCRIPT = 'return redis.call("EXISTS", KEYS[1])';

/** Nobody else's: its name says what it is for. */
export const scratchCompany = (): string => `doctor-${randomUUID()}`;

type Args = readonly (string | number)[];

interface Places {
  hash: string;
  stream: string;
  zset: string;
  text: string;
  channel: string;
}

/** Each right of `lib/redis/rights.ts` by a command that needs it, in an order in which each finds what it needs. */
export function attempts({ hash, stream, zset, text, channel }: Places, db: number): Record<string, Args> {
  return {
    ping: ['PING'],
    select: ['SELECT', db],
    info: ['INFO', 'server'],
    role: ['ROLE'],
    time: ['TIME'],
    'client|setname': ['CLIENT', 'SETNAME', 'pathcast-doctor'],
    command: ['COMMAND', 'COUNT'],
    readonly: ['READONLY'],
    'script|load': ['SCRIPT', 'LOAD', SCRIPT],
    eval: ['EVAL', 'return 1', 1, hash],
    evalsha: ['EVALSHA', createHash('sha1').update('return 1').digest('hex'), 1, hash],
    hset: ['HSET', hash, 'a', 1],
    hget: ['HGET', hash, 'a'],
    hmget: ['HMGET', hash, 'a'],
    hgetall: ['HGETALL', hash],
    hlen: ['HLEN', hash],
    hexists: ['HEXISTS', hash, 'a'],
    hincrby: ['HINCRBY', hash, 'a', 1],
    hsetnx: ['HSETNX', hash, 'a', 1],
    hkeys: ['HKEYS', hash],
    hvals: ['HVALS', hash],
    hscan: ['HSCAN', hash, 0],
    hdel: ['HDEL', hash, 'b'],
    xadd: ['XADD', stream, '1-0', 'a', 1],
    xlen: ['XLEN', stream],
    xrange: ['XRANGE', stream, '-', '+', 'COUNT', 1],
    xrevrange: ['XREVRANGE', stream, '+', '-', 'COUNT', 1],
    xtrim: ['XTRIM', stream, 'MAXLEN', 1],
    xdel: ['XDEL', stream, '2-0'],
    zadd: ['ZADD', zset, 1, 'a'],
    zincrby: ['ZINCRBY', zset, 1, 'a'],
    zcard: ['ZCARD', zset],
    zcount: ['ZCOUNT', zset, '-inf', '+inf'],
    zscore: ['ZSCORE', zset, 'a'],
    zmscore: ['ZMSCORE', zset, 'a'],
    zrange: ['ZRANGE', zset, 0, -1],
    zrangebylex: ['ZRANGEBYLEX', zset, '-', '+'],
    zlexcount: ['ZLEXCOUNT', zset, '-', '+'],
    zrangebyscore: ['ZRANGEBYSCORE', zset, '-inf', '+inf'],
    zrem: ['ZREM', zset, 'b'],
    zremrangebyscore: ['ZREMRANGEBYSCORE', zset, 2, 2],
    zpopmin: ['ZPOPMIN', zset],
    sadd: ['SADD', `${text}:set`, 'a'],
    srem: ['SREM', `${text}:set`, 'b'],
    smembers: ['SMEMBERS', `${text}:set`],
    scard: ['SCARD', `${text}:set`],
    sismember: ['SISMEMBER', `${text}:set`, 'a'],
    set: ['SET', text, 1, 'PX', SCRATCH_MS],
    get: ['GET', text],
    mget: ['MGET', text],
    incr: ['INCR', text],
    exists: ['EXISTS', text],
    type: ['TYPE', text],
    expire: ['EXPIRE', hash, SCRATCH_MS / 1_000],
    pexpire: ['PEXPIRE', stream, SCRATCH_MS],
    pttl: ['PTTL', text],
    ttl: ['TTL', text],
    persist: ['PERSIST', `${text}:none`],
    unlink: ['UNLINK', `${text}:none`],
    publish: ['PUBLISH', channel, ''],
    spublish: ['SPUBLISH', channel, ''],
    'cluster|slots': ['CLUSTER', 'SLOTS'],
    'cluster|shards': ['CLUSTER', 'SHARDS'],
    'cluster|info': ['CLUSTER', 'INFO'],
    'cluster|nodes': ['CLUSTER', 'NODES'],
    // Last of those with a key.
    del: ['DEL', hash, stream, zset, text, `${text}:set`],
    // A connection that has subscribed may do little else.
    ssubscribe: ['SSUBSCRIBE', channel],
    sunsubscribe: ['SUNSUBSCRIBE', channel],
    subscribe: ['SUBSCRIBE', channel],
    unsubscribe: ['UNSUBSCRIBE', channel],
  };
}

/** Whether the scripts can be tried. */
export async function judgeRights({ client, prefix, url, visit, quote }: Ward): Promise<boolean> {
  const cluster = url.kind === 'cluster';
  const { head, log, ids, doorbell } = keysOf(prefix, scratchCompany());
  const places = { hash: head, stream: log, text: ids, zset: `${ids}:z`, channel: doorbell };
  // One of its own: it subscribes.
  const connection = await client.another(head);
  const missing: string[] = [];
  const unknown: string[] = [];
  const patterns = new Set<string>();
  const odd: string[] = [];
  try {
    const tried = attempts(places, url.db);
    const needed = rightsOf(cluster);
    for (const [name, args] of Object.entries(tried)) {
      if (!needed.includes(name)) continue;
      const refusal = await refusalOf(connection, args);
      if (refusal === undefined) continue;
      if (!/^NOPERM/.test(refusal)) (/^ERR unknown (command|subcommand)/i.test(refusal) ? unknown : odd).push(`${args[0] ?? ''}: ${quote(refusal)}`);
      else if (/channel/i.test(refusal)) patterns.add(`&${patternOf(prefix)}`);
      else if (/key/i.test(refusal)) patterns.add(`~${patternOf(prefix)}`);
      else missing.push(name);
    }
  } finally {
    connection.close();
  }
  const user = url.credentials.user === '' ? 'default' : url.credentials.user;
  const rule = [...patterns, ...missing.map((name) => `+${name}`)];
  if (rule.length > 0) {
    const parts = [
      ...(missing.length > 0 ? [`may not run ${missing.map((name) => name.replace('|', ' ').toUpperCase()).join(', ')}`] : []),
      ...(patterns.size > 0 ? [`may not touch ${[...patterns].map((pattern) => `${pattern.slice(1)} (${pattern.startsWith('&') ? 'channels' : 'keys'})`).join(' and ')}`] : []),
    ];
    visit.found('redis-no-right', `The user ${quote(user)} ${parts.join(', and ')}.`, `\`ACL SETUSER ${quote(user)} ${rule.join(' ')}\`; docs/redis.md has the whole line.`);
  }
  if (unknown.length > 0) visit.found('redis-no-command', `Redis does not know ${unknown.join('; ')}.`);
  if (odd.length > 0) visit.found('redis-refuses', `Redis refused ${odd.join('; ')}.`);
  const fine = rule.length + unknown.length + odd.length === 0;
  if (fine) visit.checked(`Rights: the user ${quote(user)} may run the ${rightsOf(cluster).length} commands that a node runs, on ${patternOf(prefix)}.`);
  return fine;
}

async function refusalOf(connection: RedisConnection, args: Args): Promise<string | undefined> {
  const reply = await connection.ask(...args);
  return reply instanceof Refusal ? reply.text : undefined;
}
