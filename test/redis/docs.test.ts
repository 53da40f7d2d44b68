/** What docs/redis.md says of a Redis is enough and is right: the settings, the line for a user, stunnel. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { aclRule, CLUSTER_COMMANDS, rightsOf, WORKER_COMMANDS } from '../../lib/redis/rights.js';
import { doctorOfRedis, endAll, later } from '../cli/doctor/set-ups.js';
import { blocksOf } from '../readme/blocks.js';
import { listen } from '../support/listen.js';
import { RedisServer } from '../support/redis.js';
import { Stunnel } from '../support/stunnel.js';
import { tlsFiles } from '../support/tls.js';

const root = path.resolve(__dirname, '../..');
const blocks = blocksOf('docs/redis.md');
const textOf = (about: string): string => blocks.find((block) => block.kind === 'redis' && block.about === about)?.text ?? '';

afterEach(endAll);

/** A server with the settings of the page, as on a command line. */
async function asThePageSays(): Promise<RedisServer> {
  const settings = textOf('settings').trim().split('\n').flatMap((line) => {
    const [name = '', ...value] = line.split(' ');
    return [`--${name}`, value.join(' ')];
  });
  const server = await RedisServer.start(settings);
  later(() => server.end());
  return server;
}

test('with the settings of the page the doctor finds nothing', async () => {
  const server = await asThePageSays();
  expect(await doctorOfRedis(`redis+unix://${server.socket}`)).toMatchObject({ ids: [], code: 0 });
});

test('the line of the page is the rule that the doctor tries, and is enough', async () => {
  const server = await asThePageSays();
  const line = textOf('acl').trim();
  expect(line).toBe(`ACL SETUSER node on >password ${aclRule('pathcast')}`);
  expect(blocksOf('README.md').filter(({ kind, about }) => kind === 'redis' && about === 'acl').map(({ text }) => text.trim())).toEqual([line]);
  const [word = '', ...args] = line.split(' ');
  await server.client().call(word, ...args);
  expect(await doctorOfRedis(`redis+unix://node:password@${server.socket}`)).toMatchObject({ ids: [], code: 0 });
  expect(readFileSync(path.join(root, 'docs/redis.md'), 'utf8')).toContain(`\`${CLUSTER_COMMANDS.map((name) => `+${name}`).join(' ')}\``);
});

/** What a script calls, and what TypeScript sends by itself: `redis.call('XADD', …)`, `command(['ZADD', …])`. */
function commandsOf(text: string): string[] {
  const called = [...text.matchAll(/redis\.p?call\(\s*'([A-Za-z]+)'/g), ...text.matchAll(/\bcommand\(\[\s*'([A-Z]+)'/g)];
  return called.map(([, name = '']) => name.toLowerCase());
}

test('every command of a script, and every one that is sent by itself, stands in the line', () => {
  const files = readdirSync(path.join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) => /^(redis|server|jsengine|native)\/.+\.ts$/.test(file));
  const used = new Map(files.flatMap((file) => commandsOf(readFileSync(path.join(root, 'lib', file), 'utf8')).map((name) => [name, file])));
  expect([...used.keys()]).toEqual(expect.arrayContaining(['hmget', 'xadd', 'xrange', 'pexpire']));
  const allowed = [...rightsOf(true), ...WORKER_COMMANDS].map((name) => name.split('|')[0]);
  expect([...used].filter(([name]) => !allowed.includes(name))).toEqual([]);
});

test('stunnel, as the page has it, between a Unix socket and a Redis behind TLS', async () => {
  const server = await asThePageSays();
  // TLS before the server: the certificate is one for localhost.
  const tls = createTlsServer(tlsFiles(), (client) => {
    const upstream = connect(server.socket);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream).pipe(client);
  });
  const stunnel = await Stunnel.before(await listen(tls));
  later(() => stunnel.end());
  expect(await doctorOfRedis(stunnel.url)).toMatchObject({ ids: [], code: 0 });
});
