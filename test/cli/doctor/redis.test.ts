/** `pathcast doctor --redis`: each badly set up Redis by its finding, a good one by none; and no password is ever printed. */
import { mkdirSync } from 'node:fs';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { attempts } from '../../../lib/cli/doctor/redis/rights.js';
import type { FindingId } from '../../../lib/cli/doctor/findings.js';
import { aclRule, CLUSTER_COMMANDS, COMMANDS } from '../../../lib/redis/rights.js';
import { keysOf } from '../../../lib/redis/keys.js';
import { listen } from '../../support/listen.js';
import { RedisServer } from '../../support/redis.js';
import { waitFor } from '../../support/wait.js';
import { runHere } from '../support/cli.js';
import { Publisher } from '../support/redis-log.js';
import { doctorOfRedis, endAll, later } from './set-ups.js';

afterEach(endAll);

const GOOD = ['--maxmemory', '64mb', '--maxmemory-policy', 'noeviction', '--appendonly', 'yes', '--appendfsync', 'everysec'];

interface Up {
  server: RedisServer;
  client: Redis;
  url: string;
}

/** As it should be, but for `settings`. */
async function redis(...settings: string[]): Promise<Up> {
  const server = await RedisServer.start([...GOOD, ...settings]);
  later(() => server.end());
  return { server, client: server.client(), url: `redis+unix://${server.socket}` };
}

describe('a Redis that is right', () => {
  test('has no finding, and what was looked at is told; nothing is left of what was tried', async () => {
    const { client, url } = await redis();
    await new Publisher(client, 'acme').publish('a');
    const before = (await client.keys('*')).sort();
    const { ids, code, checked, notChecked } = await doctorOfRedis(url);
    expect({ ids, code }).toEqual({ ids: [], code: 0 });
    for (const word of [
      `Redis: ${url} answers`, 'Version: Redis ', 'nothing is evicted', 'cut at 32 MiB, 8 MiB for 60 s', 'it stands alone', 'appendfsync everysec: a crash loses a second',
      'Clock: ', `the ${COMMANDS.length} commands`, '3 under pathcast:*, 1 companies of format 1',
    ]) {
      expect(checked.join('\n')).toContain(word);
    }
    expect(notChecked.map((one) => one.split(':')[0])).toEqual(['The project and its query paths', 'A live stream']);
    expect((await client.keys('*')).sort()).toEqual(before);
  });

  test('the rule of docs/redis.md is enough, and what it hides is said not to have been looked at', async () => {
    const { client, server } = await redis();
    await client.call('ACL', 'SETUSER', 'node', 'on', '>node-secret', ...aclRule('shop').split(' '));
    const { ids, code, checked, notChecked } = await doctorOfRedis(`redis+unix://node:node-secret@${server.socket}`, ['--prefix', 'shop']);
    expect({ ids, code }).toEqual({ ids: [], code: 0 });
    expect(checked.join('\n')).toContain('the user node may run');
    expect(notChecked.join('\n')).toMatch(/CONFIG GET[^]*SCAN/);
  });
});

/** Users that lack one thing, by what the finding says. */
const LACKING: [lacks: string, says: RegExp, remedy: string][] = [
  ['-xadd -evalsha', /may not run EVALSHA, XADD\.$/, 'ACL SETUSER node +evalsha +xadd'],
  ['-script|load', /may not run SCRIPT LOAD\.$/, '+script|load'],
  ['resetkeys ~other:*', /may not touch pathcast:\* \(keys\)\.$/, 'ACL SETUSER node ~pathcast:*'],
  ['resetchannels', /may not touch pathcast:\* \(channels\)\.$/, 'ACL SETUSER node &pathcast:*'],
  ['-@all +ping', /may not run SELECT, INFO, ROLE/, '+select +info +role'],
  ['-zlexcount', /may not run ZLEXCOUNT\.$/, '+zlexcount'],
];

test.each(LACKING)('a user that lacks %s', async (lacks, says, remedy) => {
  const { client, server } = await redis();
  await client.call('ACL', 'SETUSER', 'node', 'on', '>node-secret', ...aclRule('pathcast').split(' '), ...lacks.split(' '));
  const { ids, code, findings } = await doctorOfRedis(`redis+unix://node:node-secret@${server.socket}`);
  expect({ ids, code }).toEqual({ ids: ['redis-no-right'], code: 1 });
  expect(findings[0]?.what).toMatch(says);
  expect(findings[0]?.remedy).toContain(remedy);
  expect(JSON.stringify(findings)).not.toContain('node-secret');
});

test('every right that a node needs is tried', () => {
  const tried = Object.keys(attempts({ hash: 'h', stream: 's', zset: 'z', text: 't', channel: 'c' }, 0));
  expect([...COMMANDS, ...CLUSTER_COMMANDS].filter((name) => !tried.includes(name))).toEqual([]);
});

interface SetUp {
  name: string;
  make: () => Promise<string>;
  args?: string[];
  ids: FindingId[];
  what: RegExp;
}

const withSettings = (...settings: string[]) => async (): Promise<string> => (await redis(...settings)).url;

const SET_UPS: SetUp[] = [
  { name: 'evicts what has a time to live', make: withSettings('--maxmemory-policy', 'volatile-lru'), ids: ['redis-evicts'], what: /maxmemory 64 MiB and evicts keys at the bound \(volatile-lru\)/ },
  { name: 'evicts whatever', make: withSettings('--maxmemory-policy', 'allkeys-lfu'), ids: ['redis-evicts'], what: /allkeys-lfu/ },
  { name: 'has no bound', make: withSettings('--maxmemory', '0', '--maxmemory-policy', 'allkeys-lru'), ids: ['redis-unbounded'], what: /has no maxmemory; it uses \d+ [KM]iB\. Its policy allkeys-lru would evict/ },
  {
    name: 'is nearly full',
    make: async () => {
      const { client, url } = await redis('--maxmemory', '30mb');
      for (let n = 0; n < 25; n++) await client.set(`big-${n}`, Buffer.alloc(1_000_000));
      return url;
    },
    ids: ['redis-memory-short'],
    what: /uses 2\d MiB of 30 MiB/,
  },
  { name: 'cuts subscribers early', make: withSettings('--client-output-buffer-limit', 'pubsub 1mb 256kb 60'), ids: ['redis-pubsub-buffer'], what: /pubsub: 1 MiB, 256 KiB for 60 s/ },
  { name: 'never cuts subscribers', make: withSettings('--client-output-buffer-limit', 'pubsub 0 0 0'), ids: ['redis-pubsub-unbounded'], what: /pubsub 0 0 0/ },
  { name: 'writes nothing to disk', make: withSettings('--appendonly', 'no'), ids: ['redis-no-persistence'], what: /a restart forgets everything/ },
  { name: 'writes snapshots alone', make: withSettings('--appendonly', 'no', '--save', '3600 1 300 100'), ids: ['redis-snapshots-only'], what: /since the last one, 300 s or more/ },
  {
    name: 'cannot write its snapshots',
    make: async () => {
      const { server, client, url } = await redis('--appendonly', 'no', '--save', '3600 1');
      mkdirSync(path.join(server.folder, 'dump.rdb'));
      await client.set('a', 1);
      await client.bgsave();
      await waitFor(async () => /rdb_last_bgsave_status:err/.test(await client.info('persistence')), 'a snapshot to fail');
      return url;
    },
    ids: ['redis-save-fails', 'redis-refuses', 'redis-snapshots-only'],
    what: /the last snapshot failed/,
  },
  { name: 'is a replica', make: withSettings('--replicaof', '127.0.0.1 1'), ids: ['redis-is-replica'], what: /is a replica of 127\.0\.0\.1:1\./ },
  { name: 'ends quiet connections', make: withSettings('--timeout', '7'), ids: ['redis-cuts-idle'], what: /quiet for 7 s/ },
  {
    name: 'lets few in',
    make: async () => {
      const { server, client, url } = await redis('--maxclients', '12');
      const others = Array.from({ length: 9 }, () => server.client());
      await Promise.all([client, ...others].map((each) => each.ping()));
      return url;
    },
    ids: ['redis-few-clients'],
    what: /has 11 connections and lets 12 in/,
  },
  { name: 'hides a command', make: withSettings('--rename-command', 'EVALSHA', ''), ids: ['redis-no-command'], what: /does not know EVALSHA: ERR unknown command/ },
  {
    name: 'was written by a newer pathcast',
    make: async () => {
      const { client, url } = await redis();
      await client.hset('pathcast:2:{acme}:head', 'format', 2);
      return url;
    },
    ids: ['redis-newer-format'],
    what: /1 companies of format 2; this pathcast writes format 1/,
  },
  {
    name: 'has somebody else under our prefix',
    make: async () => {
      const { client, url } = await redis();
      await client.set('pathcast:cache', 1);
      await client.set(keysOf('pathcast', 'acme').head, 'mine\u001b[31m');
      return url;
    },
    ids: ['redis-foreign-keys'],
    what: /pathcast:cache, pathcast:1:\{acme\}:head \(string, not hash\)|head \(string, not hash\)/,
  },
  { name: 'wants a password', make: withSettings('--requirepass', 'right-secret'), ids: ['redis-password'], what: /does not let this user in: NOAUTH/ },
  {
    name: 'wants another password',
    make: async () => `redis+unix://:wrong-secret@${(await redis('--requirepass', 'right-secret')).server.socket}`,
    ids: ['redis-password'],
    what: /does not let this user in: WRONGPASS/,
  },
  { name: 'has no such database', make: async () => `${(await redis()).url}?db=99`, ids: ['redis-no-database'], what: /does not have that database: ERR DB index is out of range/ },
  { name: 'is not there', make: async () => 'redis+unix:///nowhere/redis.sock', ids: ['redis-no-answer'], what: /cannot be used: \/nowhere\/redis\.sock: ENOENT/ },
  { name: 'is far', make: async () => `redis://127.0.0.1:${await delaying((await redis()).server, 12)}`, ids: ['redis-far'], what: /a round trip takes [1-9]\d+ ms/ },
  { name: 'is busy', make: async () => `redis://127.0.0.1:${await delaying((await redis()).server, 12, 'EVALSHA')}`, ids: ['redis-slow'], what: /a publish takes [1-9]\d+ ms/ },
  { name: 'is old, and has another time', make: async () => `redis://127.0.0.1:${await old()}`, ids: ['redis-too-old', 'redis-no-command', 'redis-clock'], what: /is Redis 5\.0\.14; pathcast needs 6\.2/ },
  {
    name: 'is none',
    make: async () => `redis://127.0.0.1:${await listen(createTcpServer((socket) => void socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n')))}`,
    ids: ['redis-no-redis'],
    what: /is no Redis: what it answers is no RESP/,
  },
  { name: 'has no TLS', make: async () => `rediss://127.0.0.1:${await delaying((await redis()).server, 0)}`, args: ['--timeout', '1'], ids: ['redis-tls'], what: /TLS with 127\.0\.0\.1:\d+ failed: no answer to the handshake within 1 s\./ },
];

test.each(SET_UPS)('one that $name: $ids', async ({ make, args = [], ids, what }) => {
  const url = await make();
  const { findings, code, ids: found } = await doctorOfRedis(url, args, ids);
  expect({ found, findings }).toEqual({ found: ids, findings });
  expect(findings[0]?.what).toMatch(what);
  expect(code).toBe(findings.some(({ severity }) => severity === 'error') ? 1 : 0);
  expect(findings.every(({ remedy }) => remedy.length > 20)).toBe(true);
  expect(JSON.stringify(findings)).not.toMatch(/-secret|\\u001b/);
});

test('one that takes the connection and says nothing: --timeout is the patience', async () => {
  const port = await listen(createTcpServer((socket) => void socket.on('error', () => undefined).resume()));
  const { findings, ids } = await doctorOfRedis(`redis://:my-secret@127.0.0.1:${port}`, ['--timeout', '1']);
  expect(ids).toEqual(['redis-no-answer']);
  expect(findings[0]?.what).toMatch(/^redis:\/\/:\*\*\*@127\.0\.0\.1:\d+ cannot be used: 127\.0\.0\.1:\d+: no answer to AUTH within 1 s\.$/);
});

test.each([
  [['--redis', 'redis://u:pass-secret@h:x'], "--redis: the Redis URL: what follows the host 'h' is no port"],
  [['--redis', 'http://h'], 'rediss://'],
  [['--prefix', 'x'], '--prefix is about the keys of a Redis: it needs --redis'],
  [['--timeout', '5'], 'it needs --url or --redis'],
])('%j is wrong', async (args, text) => {
  const { code, stdout, stderr } = await runHere(['doctor', ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(text);
  expect(stderr).not.toContain('pass-secret');
});

/** Passes everything on to the server; what holds `word` only after `ms`. */
function delaying(server: RedisServer, ms: number, word = ''): Promise<number> {
  return listen(
    createTcpServer((client) => {
      const upstream = connect(server.socket);
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
      client.on('data', (chunk) => void setTimeout(() => upstream.write(chunk), chunk.includes(word) ? ms : 0));
      upstream.pipe(client);
      client.on('close', () => upstream.destroy());
    }),
  );
}

/** A server that says it is an old one and an hour ahead; it knows little more. */
function old(): Promise<number> {
  const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  const answers: Record<string, () => string> = {
    PING: () => '+PONG\r\n',
    INFO: () => bulk('redis_version:5.0.14\r\nredis_mode:standalone\r\nrole:master\r\nconnected_slaves:0\r\n'),
    TIME: () => `*2\r\n${bulk(String(Math.floor(Date.now() / 1_000) + 3_600))}${bulk('0')}`,
  };
  return listen(
    createTcpServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        for (const [, name = ''] of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
          socket.write(answers[name.toUpperCase()]?.() ?? `-ERR unknown command '${name}'\r\n`);
        }
      });
    }),
  );
}
