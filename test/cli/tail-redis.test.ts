/** `pathcast tail --redis`: a company's log as it stands in Redis, from a position on and live, with each gap read, and nothing written. */
import { keysOf } from '../../lib/redis/keys.js';
import { ephemeralBytes } from '../../lib/redis/stored.js';
import type { Redis } from 'ioredis';
import { RedisServer } from '../support/redis.js';
import { endAll, later } from './doctor/set-ups.js';
import { runHere } from './support/cli.js';
import { Publisher } from './support/redis-log.js';
import { Tail } from './support/tail.js';

afterEach(endAll);

interface Line {
  time: string;
  event: string;
  id?: string;
  data: { type: string; entityId?: string; seq?: number; reason?: string };
}

async function redis(settings: string[] = []): Promise<{ server: RedisServer; client: Redis; url: string }> {
  const server = await RedisServer.start(settings);
  later(() => server.end());
  return { server, client: server.client(), url: `redis+unix://${server.socket}` };
}

const shown = (tail: Tail): string[] => tail.lines.map((line) => JSON.parse(line) as Line).map(({ data, id = '' }) => `${data.entityId ?? `${data.type} ${data.reason ?? ''}`} ${id}`);

/** Resolves when somebody listens to the doorbell. */
async function listening(client: Redis, company: string, nodes = 1): Promise<void> {
  const { doorbell } = keysOf('pathcast', company);
  for (;;) {
    const [, count] = (await client.call('PUBSUB', 'NUMSUB', doorbell)) as [string, number];
    if (count === nodes) return;
  }
}

test('one line an action: what is kept from the last N on, then what comes', async () => {
  const { client, url } = await redis();
  const log = new Publisher(client, 'acme');
  for (const entity of ['a', 'b', 'c']) await log.publish(entity);
  const tail = new Tail(['--redis', url, '--company', 'acme', '--last', '2']);
  await tail.until('e1.3');
  await log.publish('d', { more: { toolName: 'import', data: { '\u001b[31m': 1 } } });
  await tail.until('e1.4');
  const line = (entity: string, seq: number, tool = ''): unknown =>
    expect.stringMatching(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} {2}update {8}guests ${entity}  guests\\.getAll, guests\\.getStats  by bob${tool}  e1\\.${seq}$`));
  expect(tail.lines).toEqual([line('b', 2), line('c', 3), line('d', 4, ' \\(import\\)')]);
  expect(await tail.stop()).toBe(0);
  expect(tail.stderr).toBe('');
});

test('from a cursor, from a time, and from now on', async () => {
  const { client, url } = await redis();
  const log = new Publisher(client, 'a:b {x} *');
  const cursors: string[] = [];
  for (const entity of ['a', 'b', 'c']) cursors.push(await log.publish(entity));
  const args = ['--redis', url, '--company', 'a:b {x} *', '--json', '--count'];
  const from = async (count: number, ...more: string[]): Promise<string[]> => {
    const tail = new Tail([...args, String(count), ...more]);
    expect(await tail.done).toBe(0);
    return shown(tail);
  };
  expect(await from(2, '--since', cursors[0] ?? '')).toEqual(['b e1.2', 'c e1.3']);
  expect(await from(3, '--since', '1h')).toEqual(['a e1.1', 'b e1.2', 'c e1.3']);
  const late = new Tail([...args, '1']);
  await listening(client, 'a:b {x} *');
  // Who listens may not have read yet where the log stands: what comes before that is not shown.
  const told: string[] = [];
  while (late.code === undefined) {
    told.push(`d ${await log.publish('d')}`);
    await Promise.race([late.done, new Promise((resolve) => setTimeout(resolve, 100))]);
  }
  expect(late.code).toBe(0);
  expect(shown(late)).toHaveLength(1);
  expect(told).toContain(shown(late)[0]);
  // A cursor of another life: told as a browser is told.
  const head = (told.at(-1) ?? '').slice(2);
  expect(await from(2, '--since', 'zz.7')).toEqual([`resync epoch_changed ${head}`, 'a e1.1']);
  expect(await from(1, '--since', 'e1.999')).toEqual([`resync ahead_of_log ${head}`]);
});

test('a doorbell that was missed is a gap: it is read before anything newer is shown', async () => {
  const { client, url } = await redis();
  const log = new Publisher(client, 'acme');
  await log.publish('a');
  const tail = new Tail(['--redis', url, '--company', 'acme', '--json', '--last', '1']);
  await tail.until('e1.1');
  await log.publish('b', { bell: 'elsewhere' });
  expect(await client.publish(keysOf('pathcast', 'acme').doorbell, 'nobody’s text')).toBe(1);
  await log.publish('c');
  await tail.until('"c"');
  expect(shown(tail)).toEqual(['a e1.1', 'b e1.2', 'c e1.3']);
  expect(tail.stderr).toBe('pathcast tail: somebody else publishes on this channel: it is passed over\n');
});

test('it comes back after a cut and a restart, shows what it missed once, and says when a log began anew', async () => {
  const { server, client, url } = await redis();
  const log = new Publisher(client, 'acme');
  await log.publish('a');
  const tail = new Tail(['--redis', url, '--company', 'acme', '--json', '--last', '9']);
  await tail.until('e1.1');
  await client.client('KILL', 'TYPE', 'pubsub');
  await log.publish('b');
  await log.publish('c');
  await tail.until('e1.3');
  await client.flushall();
  log.forget();
  await log.publish('anew');
  await tail.until('"anew"');
  expect(shown(tail)).toEqual(['a e1.1', 'b e1.2', 'c e1.3', 'resync epoch_changed e4.1', 'anew e4.1']);
  client.disconnect();
  await server.kill();
  await tail.untilTold('ECONNREFUSED');
  expect(await tail.stop()).toBe(0);
});

test('a log that goes on under a new name is one log', async () => {
  const { client, url } = await redis();
  const log = new Publisher(client, 'acme');
  await log.publish('a');
  const tail = new Tail(['--redis', url, '--company', 'acme', '--json', '--last', '9']);
  await tail.until('e1.1');
  await client.hset(keysOf('pathcast', 'acme').head, 'run', 'another');
  await log.publish('b');
  await tail.until('e2.2');
  expect(shown(tail)).toEqual(['a e1.1', 'b e2.2']);
});

test('what was trimmed meanwhile is said', async () => {
  const { client, url } = await redis();
  const log = new Publisher(client, 'acme');
  await log.publish('a');
  for (const entity of ['b', 'c', 'd']) await log.publish(entity, { kept: 2 });
  const tail = new Tail(['--redis', url, '--company', 'acme', '--json', '--since', 'e1.1', '--count', '3']);
  expect(await tail.done).toBe(0);
  expect(shown(tail)).toEqual(['resync trimmed e1.4', 'c e1.3', 'd e1.4']);
});

test('who is there, and an empty log', async () => {
  const { client, url } = await redis();
  const tail = new Tail(['--redis', url, '--company', 'acme', '--json', '--last', '1']);
  await tail.untilTold('there is no log of this company yet');
  await client.publish(keysOf('pathcast', 'acme').doorbell, ephemeralBytes('n1', { companyId: 'acme', json: '{"type":"ephemeral","timestamp":1,"queryPaths":[],"topic":"typing","data":1}' }));
  await tail.until('typing');
  await new Publisher(client, 'acme').publish('a');
  await tail.until('e1.1');
  expect(tail.lines).toHaveLength(2);
});

test('what the app has sealed is shown by its place', async () => {
  const { client, url } = await redis();
  const log = new Publisher(client, 'acme');
  const tail = new Tail(['--redis', url, '--company', 'acme', '--json', '--last', '1']);
  await tail.untilTold('no log');
  await log.publish('a', { sealed: true });
  await tail.until('e1.1');
  await client.publish(keysOf('pathcast', 'acme').doorbell, '1s\nabc');
  await tail.untilTold('is sealed: it is passed over');
  expect(tail.lines.map((line) => (JSON.parse(line) as Line).data)).toEqual([expect.objectContaining({ type: 'sealed', seq: 1 })]);
  expect(tail.stderr).toContain('sealed by the app, or somebody else’s');
});

test('it writes nothing: what Redis holds is the same before and after', async () => {
  const { client, url } = await redis();
  await new Publisher(client, 'acme').publish('a');
  const { head, log, ids } = keysOf('pathcast', 'acme');
  const all = (): Promise<unknown> => Promise.all([client.hgetall(head), client.xrange(log, '-', '+'), client.hgetall(ids), client.keys('*')]);
  const before = await all();
  const tail = new Tail(['--redis', url, '--company', 'acme', '--last', '1', '--count', '1']);
  expect(await tail.done).toBe(0);
  const none = new Tail(['--redis', url, '--company', 'nobody']);
  await none.untilTold('no log');
  await none.stop();
  expect(await all()).toEqual(before);
});

test('a newer format is left alone', async () => {
  const { client, url } = await redis();
  await new Publisher(client, 'acme').publish('a');
  await client.hset(keysOf('pathcast', 'acme').head, 'format', 2);
  const tail = new Tail(['--redis', url, '--company', 'acme']);
  expect(await tail.done).toBe(1);
  expect(tail.stderr).toBe('pathcast tail: the log is of format 2, and this pathcast knows 1\n');
});

test('a wrong password ends it, and is not printed', async () => {
  const server = await RedisServer.start(['--requirepass', 'right-secret']);
  later(() => server.end());
  const tail = new Tail(['--redis', `redis+unix://:wrong-secret@${server.socket}`, '--company', 'acme']);
  expect(await tail.done).toBe(1);
  expect(tail.stderr).toMatch(/^pathcast tail: \S+redis\.sock: WRONGPASS [^\n]+\n$/);
  const without = new Tail(['--redis', `redis+unix://${server.socket}`, '--company', 'acme']);
  expect(await without.done).toBe(1);
  expect(without.stderr).toContain('NOAUTH');
  expect(tail.stderr + tail.stdout).not.toContain('wrong-secret');
});

test.each([
  [['--redis', 'redis://u:secret-word@h:x', '--company', 'a'], /^pathcast tail: --redis: the Redis URL: what follows the host 'h' is no port/],
  [['--redis', 'redis://h'], /--company is missing/],
  [['--company', 'acme'], /--company is about a log in Redis: it needs --redis/],
  [['--url', 'http://h', '--redis', 'redis://h'], /give one of them/],
  [['--redis', 'redis://h', '--company', 'a', '--last', '0'], /--last must be a whole number from 1/],
  [['--redis', 'redis://h', '--company', 'a', '--last', '1', '--since', '5m'], /--since and --last/],
  [['--redis', 'redis://h', '--company', 'a', '--header', 'A: b'], /--header is about a stream/],
])('%j is wrong', async (args, text) => {
  const { code, stdout, stderr } = await runHere(['tail', ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(text);
  expect(stderr).not.toContain('secret-word');
});
