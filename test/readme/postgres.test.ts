/** What README.md and docs/postgres.md show of PostgreSQL: the SQL as it stands there, the apps, the worker of its own, and the change by hand. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { createHub } from '../../lib/server/hub.js';
import { consumer, type Consumer } from '../package/packed.js';
import { endChild } from '../support/child.js';
import { PostgresServer } from '../support/postgres.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import { blocksOf } from './blocks.js';

jest.setTimeout(180_000);

const blocks = [...blocksOf('README.md'), ...blocksOf('docs/postgres.md')];
const textOf = (kind: string, about: string): string => {
  const found = blocks.find((block) => block.kind === kind && block.about === about);
  if (!found) throw new Error(`no block ${kind}: ${about}`);
  return found.text;
};

let project: Consumer;
let postgres: PostgresServer;
const running: ChildProcess[] = [];
beforeAll(async () => {
  project = consumer();
  mkdirSync(path.join(project.dir, 'postgres'));
  for (const { kind, about, text } of blocks) {
    if (kind !== 'file' || !about.startsWith('postgres/')) continue;
    const isTs = about.endsWith('.ts');
    // The types are readme.test.ts's.
    writeFileSync(path.join(project.dir, about.replace(/worker\.ts$/, 'typed.mjs')), isTs ? transformSync(text, { loader: 'ts', format: 'esm' }).code : text);
  }
  postgres = await PostgresServer.start();
});
afterEach(async () => {
  for (const child of running.splice(0)) await endChild(child);
});
afterAll(async () => {
  project?.remove();
  await postgres?.end();
});

interface Running {
  child: ChildProcess;
  said: (pattern: RegExp) => Promise<RegExpExecArray>;
}

function start(args: readonly string[], env: Record<string, string>): Running {
  const child = spawn(process.execPath, [...args], { cwd: project.dir, env: { ...process.env, PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const said = (pattern: RegExp): Promise<RegExpExecArray> =>
    waitFor(() => pattern.exec(output) ?? undefined, `it to say ${String(pattern)}`, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${output}`);
    });
  return { child, said };
}

async function database(name: string, sql: string): Promise<{ url: string; sql: (text: string) => Promise<unknown> }> {
  await postgres.sql(`CREATE DATABASE ${name}`);
  const run = async (text: string): Promise<void> => {
    // ALTER SYSTEM runs in no transaction, and psql makes one of a whole `-c`.
    for (const statement of text.replace(/^--.*$/gm, '').split(/;\n/)) if (statement.trim() !== '') await postgres.sql(statement, { database: name });
  };
  await run(sql);
  return { url: postgres.url(name), sql: run };
}

/** Slots of one server have one name each. */
const freeSlot = (): Promise<unknown> =>
  waitFor(async () => (await postgres.value(`SELECT count(*) FROM pg_replication_slots WHERE active`)) === '0', 'the slot to be free').then(() =>
    postgres.sql('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots'),
  );

const inserted = (line: string): string => /-c "(.*)"$/m.exec(line)?.[1] ?? '';

test('README: a row that psql inserts is an event of the stream', async () => {
  const { url, sql } = await database('readme', textOf('sql', 'README'));
  const app = start(['postgres/app.mjs'], { DATABASE_URL: url });
  const [, port] = await app.said(/port: (\d+)/);
  const stream = await RawHttp.open(Number(port), GET('/', { Accept: 'text/event-stream' }));
  await stream.until('"type":"hello"');
  await sql(inserted(textOf('shell', 'psql')));
  await stream.until('"queryPaths":["guests.getAll","guests.getById"]');
  stream.socket.destroy();
  await endChild(app.child);
  await freeSlot();
});

test('docs/postgres.md: the set-up, the app with its router, a change, and who did it', async () => {
  const { url, sql } = await database('docs', textOf('sql', 'set-up'));
  const app = start(['postgres/typed.mjs'], { DATABASE_URL: url });
  const [, port] = await app.said(/port: (\d+)/);
  const stream = await RawHttp.open(Number(port), GET('/', { Accept: 'text/event-stream' }));
  await stream.until('"type":"hello"');
  await sql(textOf('sql', 'a change'));
  await stream.until('"where":{"guests.getById":{"id":"g1"}}');
  await postgres.sql(textOf('sql', 'metadata'), { database: 'docs' });
  await stream.until('"userId":"ann","sourceId":"tab-1"');
  stream.socket.destroy();
  await endChild(app.child, 'SIGTERM');
  await freeSlot();
});

test('docs/postgres.md: the worker of its own, with Redis', async () => {
  const redis = await RedisServer.start();
  const hub = createHub({ engine: 'js', redis: redis.unixUrl(), logger: { warn: () => undefined, error: () => undefined } });
  try {
    const { url, sql } = await database('alone', textOf('sql', 'set-up'));
    const [, command = ''] = /^npx pathcast (.*)$/m.exec(textOf('shell', 'as many as are wanted')) ?? [];
    const bin = path.join(project.dir, 'node_modules/pathcast/bin/pathcast.mjs');
    const worker = start([bin, ...command.replace('worker.mjs', 'postgres/worker.mjs').split(' ')], { DATABASE_URL: url, REDIS_URL: redis.unixUrl() });
    await worker.said(/ streaming$/m);
    await sql(textOf('sql', 'a change'));
    await waitFor(async () => (await hub.readLog('acme')).actions.some((action) => action.includes('"queryPaths":["guests"]')), 'the action');
  } finally {
    for (const child of running.splice(0)) await endChild(child);
    await hub.close({ flushMs: 0 });
    await redis.end();
  }
});
