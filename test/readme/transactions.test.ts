/** The server of the README's section and the client of docs/transactions.md, from the packed package, over a PostgreSQL. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from '../package/packed.js';
import { endChild } from '../support/child.js';
import { freePort } from '../support/free-port.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait.js';
import { blocksOf, pages } from './blocks.js';

const blocks = pages().flatMap(blocksOf).filter(({ about }) => about.startsWith('transactions/'));
const OPTIONS = { module: 'nodenext', target: 'es2022', strict: true, skipLibCheck: true, types: ['node'], rootDir: '.', outDir: 'dist' };

let project: Consumer;
let server: PostgresServer;
let running: ChildProcess | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
  project = consumer();
  mkdirSync(path.join(project.dir, 'transactions'));
  writeFileSync(path.join(project.dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(project.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['transactions'] }));
  for (const { kind, about, text } of blocks) if (kind === 'file') writeFileSync(path.join(project.dir, about), text);
  execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project.dir], { cwd: project.dir, stdio: 'inherit' });
});
afterAll(async () => {
  if (running) await endChild(running);
  await server.end();
  project.remove();
});

test('the client says what the page says', async () => {
  const env = { ...process.env, DATABASE_URL: server.url(), PORT: String(await freePort()) };
  running = spawn(process.execPath, ['dist/transactions/server.js'], { cwd: project.dir, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  running.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor(() => said.includes('listening'), 'the server to listen');
  const output = execFileSync(process.execPath, ['dist/transactions/client.js'], { cwd: project.dir, env, encoding: 'utf8' });
  expect(output).toBe(blocks.find(({ kind, about }) => kind === 'output' && about === 'transactions/client.ts')?.text);
});
