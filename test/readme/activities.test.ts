/** docs/activities.md: its server over a PostgreSQL, the SQL and the curl of the page. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from '../package/packed.js';
import { endChild } from '../support/child.js';
import { freePort } from '../support/free-port.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait.js';
import { blocksOf } from './blocks.js';

jest.setTimeout(180_000);

const blocks = blocksOf('docs/activities.md');
const textOf = (kind: string, about: string): string => blocks.find((block) => block.kind === kind && block.about === about)?.text ?? '';
const OPTIONS = { module: 'nodenext', target: 'es2022', strict: true, skipLibCheck: true, types: ['node'], lib: ['es2022', 'dom'], rootDir: '.', outDir: 'dist' };

let project: Consumer;
let postgres: PostgresServer;
const running: ChildProcess[] = [];
beforeAll(async () => {
  postgres = await PostgresServer.start();
  project = consumer();
  mkdirSync(path.join(project.dir, 'activities'));
  writeFileSync(path.join(project.dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(project.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['activities'] }));
  for (const { kind, about, text } of blocks) if (kind === 'file') writeFileSync(path.join(project.dir, about), text);
  execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project.dir], { cwd: project.dir, stdio: 'inherit' });
});
afterAll(async () => {
  for (const child of running) await endChild(child);
  await postgres?.end();
  project?.remove();
});

function start(command: string, args: readonly string[], env: Record<string, string> = {}): { child: ChildProcess; said: () => string } {
  const child = spawn(command, args, { cwd: project.dir, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { child, said: () => said };
}

test('what psql inserts is a change in curl, and for the job; the server ends in order', async () => {
  await postgres.sql(textOf('sql', 'activities'));
  const port = String(await freePort());
  const server = start(process.execPath, ['dist/activities/server.js'], { DATABASE_URL: postgres.url(), PORT: port });
  await waitFor(() => server.said().includes('listening'), 'the server to listen');
  const [, url = ''] = /curl -N "(.*)"/.exec(textOf('shell', 'the stream')) ?? [];
  const curl = start('curl', ['-sN', url.replace('3000', port)]);
  await waitFor(() => curl.said().includes('event: offset'), 'the stream to be live');
  await postgres.sql(textOf('sql', 'a change'));
  await waitFor(() => curl.said().includes('event: change'), 'the change');
  const [, told = ''] = /^data: (\{"data".*)$/m.exec(curl.said()) ?? [];
  const shown = /^data: (.*)$/m.exec(textOf('not run', 'what curl shows'))?.[1] ?? '';
  const varying = (text: string): object => ({ ...(JSON.parse(text) as object), activityId: '', createdAt: '' });
  expect(varying(told)).toEqual(varying(shown));
  await postgres.sql(`UPDATE pages SET owner = 'bob'`);
  await waitFor(() => server.said().includes('acme: somebody did update p1'), 'the job to hear it');
  await postgres.sql(`DELETE FROM pages`);
  await waitFor(() => curl.said().includes('"action":"delete"'), 'the deletion');
  expect(curl.said()).not.toContain('"action":"update"');
  const over = new Promise((resolve) => server.child.once('exit', resolve));
  server.child.kill('SIGTERM');
  expect(await over).toBe(0);
  await waitFor(() => curl.said().includes('event: server_close') || curl.child.exitCode !== null, 'the stream to end');
});
