/** What docs/redis.md says of a Redis is enough and is right: the settings, the line for a user, stunnel. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { aclRule, CLUSTER_COMMANDS, rightsOf } from '../../lib/redis/rights.js';
import { doctorOfRedis, endAll, later } from '../cli/doctor/set-ups.js';
import { blocksOf } from '../readme/blocks.js';
import { endChild } from '../support/child.js';
import { listen } from '../support/listen.js';
import { RedisServer } from '../support/redis.js';
import { tlsFiles } from '../support/tls.js';
import { waitFor } from '../support/wait.js';

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
  const allowed = rightsOf(true).map((name) => name.split('|')[0]);
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
  const port = await listen(tls);
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-stunnel-'));
  later(() => rmSync(folder, { recursive: true, force: true }));
  // Debian's takes no other user's folder.
  chmodSync(folder, 0o700);
  const socket = path.join(folder, 'redis.sock');
  const config = textOf('stunnel')
    .replace('accept = /run/stunnel4/redis.sock', `accept = ${socket}`)
    .replace('connect = redis.internal:6379', `connect = localhost:${port}`)
    .replace('CAfile = /etc/ssl/certs/ca-certificates.crt', `CAfile = ${path.join(root, 'test/fixtures/tls/cert.pem')}`)
    .replace('checkHost = redis.internal', 'checkHost = localhost');
  expect(config).not.toMatch(/internal|\/etc\/ssl|\/run\//);
  writeFileSync(path.join(folder, 'stunnel.conf'), `foreground = yes\npid =\n${config}`);
  const child = spawn('stunnel', [path.join(folder, 'stunnel.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  later(() => endChild(child));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await waitFor(() => statSync(socket, { throwIfNoEntry: false })?.isSocket() === true || child.exitCode !== null, 'stunnel to listen').catch((error: Error) => {
    throw new Error(`${error.message}; it said:\n${said}`);
  });
  expect({ code: child.exitCode, said: child.exitCode === null ? '' : said }).toEqual({ code: null, said: '' });
  expect(await doctorOfRedis(`redis+unix://${socket}`)).toMatchObject({ ids: [], code: 0 });
});
