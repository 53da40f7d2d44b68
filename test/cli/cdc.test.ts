/** `pathcast cdc`: the worker as a process of its own, from a file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { placeOf } from '../../lib/cli/cdc/metrics.js';
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

test('--metrics: how it stands with the worker and its slot, for Prometheus, as long as it runs', async () => {
  folder.write('metrics.json', JSON_FILE().replace('by_json', 'by_metrics'));
  const child = spawn(process.execPath, [cli.program, 'cdc', '--config', folder.at('metrics.json'), '--metrics', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');
  try {
    const [, url = ''] = await waitFor(() => /metrics: (http:\/\/127\.0\.0\.1:\d+\/metrics)$/m.exec(said), 'its address');
    const text = async (): Promise<string> => (await fetch(url)).text();
    await waitFor(async () => (await text()).includes('\npathcast_cdc_state{state="streaming"} 1\n'), 'it to stream');
    await postgres.sql(`INSERT INTO guests VALUES ('metrics', 'acme')`);
    await waitFor(async () => /^pathcast_cdc_actions_total 1$/m.test(await text()), 'the action to be counted');
    const now = await waitFor(async () => {
      const shown = await text();
      return shown.includes('slot_wal_status{status="reserved"} 1') && shown;
    }, 'the slot');
    expect(now).toMatch(/^# TYPE pathcast_cdc_lag_seconds gauge\npathcast_cdc_lag_seconds \d/m);
    expect(now).toMatch(/^pathcast_cdc_slot_retained_bytes [1-9]\d*$/m);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
    // Taken by that one.
    const second = await cli.run(['cdc', '--config', folder.at('metrics.json'), '--metrics', new URL(url).port]);
    expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining('--metrics: listen EADDRINUSE') });
    child.kill('SIGINT');
    expect((await within(ended, 'its end'))[0]).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});

test.each([
  ['9464', { host: '127.0.0.1', port: 9_464 }],
  ['0.0.0.0:9464', { host: '0.0.0.0', port: 9_464 }],
  ['[::]:0', { host: '::', port: 0 }],
  ['metrics.internal:80', { host: 'metrics.internal', port: 80 }],
])('--metrics %s', (text, place) => expect(placeOf(text)).toEqual(place));

test.each([':9464', 'localhost', '::1:9464', '70000', '1:2:3', 'localhost:'])('--metrics %s is refused', (text) =>
  expect(() => placeOf(text)).toThrow(/the port of --metrics must be a whole number from 0 to 65535/));

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
