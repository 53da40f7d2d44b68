/** `pathcast cdc`: the worker as a process of its own, from a file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHub } from '../../lib/server/hub.js';
import { GUEST_TABLE } from '../postgres/guests.js';
import { PostgresServer } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';
import { Cli, CodeBase, runHere } from './support/cli.js';

let cli: Cli;
let postgres: PostgresServer;
let redis: RedisServer;
let folder: CodeBase;
beforeAll(async () => {
  [cli, postgres, redis] = await Promise.all([Cli.build(), PostgresServer.start(), RedisServer.start()]);
  folder = new CodeBase({});
  await postgres.sql(GUEST_TABLE);
}, 120_000);
afterAll(async () => {
  cli?.remove();
  folder?.remove();
  await postgres?.end();
  await redis?.end();
});

const MODULE = (): string => `
export default () => ({
  connection: '${postgres.url()}', redis: '${redis.unixUrl()}', slot: 'by_module',
  map: { guests: { tenant: 'company_id', paths: ({ op }) => [\`guests.\${op}\`] } },
});`;
const JSON_FILE = (): string => JSON.stringify({ connection: postgres.url(), redis: redis.unixUrl(), slot: 'by_json', map: { guests: { tenant: 'company_id', paths: ['guests.getAll'] } } });

test.each([
  ['worker.mjs', MODULE, 'guests.insert'],
  ['worker.json', JSON_FILE, 'guests.getAll'],
])('%s: it says its states, tells a row, and ends when it is interrupted', async (name, text, path) => {
  folder.write(name, text());
  const child = spawn(process.execPath, [cli.program, 'cdc', '--config', folder.at(name)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');
  const hub = createHub({ engine: 'js', redis: redis.unixUrl(), logger: { warn: () => undefined, error: () => undefined } });
  try {
    await waitFor(() => / streaming$/m.test(said), 'it to stream');
    await postgres.sql(`INSERT INTO guests VALUES ('${name}', 'acme')`);
    await waitFor(async () => (await hub.readLog('acme')).actions.some((action) => action.includes(path)), 'the action');
    child.kill('SIGINT');
    expect((await within(ended, 'its end'))[0]).toBe(0);
    expect(said).toMatch(/^\d{4}-.*Z connecting\n.* checking\n/);
    expect(said.trimEnd().split('\n').at(-1)).toMatch(/ stopped/);
  } finally {
    child.kill('SIGKILL');
    await hub.close({ flushMs: 0 });
  }
});

test('what has to be mended in PostgreSQL is printed with its SQL, and the exit code is 1', async () => {
  folder.write('lacks.json', JSON_FILE().replace('"guests"', '"noise"').replace('company_id', 'text'));
  const ran = await cli.run(['cdc', '--config', folder.at('lacks.json')]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('run: ALTER PUBLICATION "pathcast" ADD TABLE "public"."noise"');
});

test.each([
  [[], /--config FILE is missing/],
  [['--config', 'nowhere.json'], /nowhere\.json cannot be read/],
  [['--config', 'list.json'], /must be an object/],
  [['--config', 'alone.json'], /needs redis/],
  [['--config', 'odd.json'], /no option "tables"; it has: hub, connection/],
  [['--config', 'hubless.json'], /hub must be a hub/],
])('%j is refused', async (args, why) => {
  folder.write('list.json', '[]');
  folder.write('alone.json', '{ "connection": "postgresql://localhost" }');
  folder.write('odd.json', JSON.stringify({ redis: redis.unixUrl(), tables: 1 }));
  folder.write('hubless.json', '{ "hub": 7 }');
  const ran = await runHere(['cdc', ...args.map((arg) => (arg.endsWith('.json') ? folder.at(arg) : arg))]);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toMatch(why);
});
