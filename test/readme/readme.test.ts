/** The README's code: every block compiles, and the apps that it shows run, from the packed package, with tRPC's own client. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from '../package/packed.js';
import { COMPILERS } from '../types/compilers.js';
import { waitFor } from '../support/wait.js';
import { packagesOf, readmeBlocks, type Block } from './blocks.js';

jest.setTimeout(120_000);

const blocks = readmeBlocks();
const files = blocks.filter(({ kind }) => kind === 'file');
const textOf = (kind: Block['kind'], about: string): string => blocks.find((block) => block.kind === kind && block.about === about)?.text ?? '';

let project: Consumer;
const running: ChildProcess[] = [];

beforeAll(() => {
  project = consumer();
  writeFileSync(path.join(project.dir, 'package.json'), '{ "type": "module" }');
  for (const { about, text } of files) {
    // One project for all folders, with the settings that the README shows for the first.
    const file = path.join(project.dir, path.basename(about) === 'tsconfig.json' ? 'tsconfig.json' : about);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  // QueryClient is query-core's; react-query hands it on.
  const scope = path.join(project.dir, 'node_modules/@tanstack');
  rmSync(scope);
  mkdirSync(scope);
  for (const name of ['query-core', 'react-query']) symlinkSync(path.join(root, 'node_modules/@tanstack/query-core'), path.join(scope, name));
  // What the README takes for granted, because a reader has it: the routers of an app.
  cpSync(path.join(root, 'test/fixtures/readme'), project.dir, { recursive: true });
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
afterAll(() => project?.remove());

interface Running {
  child: ChildProcess;
  output: () => string;
  /** Resolves once the output holds it. */
  said: (pattern: RegExp) => Promise<RegExpMatchArray>;
}

function start(file: string, env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [path.join('dist', file.replace(/\.ts$/, '.js'))], {
    cwd: project.dir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const said = (pattern: RegExp) => waitFor(() => pattern.exec(output) ?? undefined, `${file} to say ${String(pattern)}; it said:\n${output}`, 20_000);
  return { child, output: () => output, said };
}

/** A server that prints its address. */
async function serve(file: string): Promise<Running & { port: string }> {
  const server = start(file, { PORT: '0' });
  const [, port = ''] = await server.said(/^http:\/\/\S+:(\d+)/m);
  return { ...server, port };
}

async function stopped({ child }: Running): Promise<number | null> {
  const exit = child.exitCode === null ? once(child, 'exit') : undefined;
  child.kill('SIGTERM');
  await exit;
  return child.exitCode;
}

test('every package that a block imports stands in an npm install line', () => {
  const lines = blocks.filter(({ kind }) => kind === 'shell').flatMap(({ text }) => text.split('\n'));
  const installed = new Set(lines.filter((line) => line.startsWith('npm install')).flatMap((line) => line.split(' ').slice(2)));
  const imported = [...new Set(files.flatMap(({ text }) => packagesOf(text)))];
  expect(imported).toContain('pathcast');
  expect(imported.filter((name) => !installed.has(name))).toEqual([]);
});

// The last one writes what the tests below run.
test.each([...COMPILERS].reverse())('all blocks compile with %s', (compiler) => {
  const tsc = path.join(root, 'node_modules', compiler, 'bin/tsc');
  let said = '';
  try {
    execFileSync(process.execPath, [tsc, '-p', project.dir, '--pretty', 'false'], { cwd: project.dir, encoding: 'utf8' });
  } catch (error) {
    said = String((error as { stdout?: unknown }).stdout ?? error);
  }
  expect(said).toBe('');
});

test('the quick start: the client hears its action, and says what the README prints', async () => {
  const server = await serve('quickstart/server.ts');
  const client = start('quickstart/client.ts', { PORT: server.port });
  await client.said(/insert/);
  expect(client.output()).toBe(textOf('output', 'quickstart/client.ts'));
  expect(await stopped(server)).toBe(0);
  expect(server.output().split('\n')).toHaveLength(2);
});

test('the quick start: a client that finds no place comes back by itself once there is one', async () => {
  const first = await serve('quickstart/server.ts');
  const clients = [1, 2, 3, 4, 5, 6].map(() => start('quickstart/client.ts', { PORT: first.port }));
  // Five streams a user: one of the six waits.
  await waitFor(() => clients.filter(({ output }) => output().includes('hello')).length === 5, 'five clients to have a stream', 20_000);
  const waiting = clients.find(({ output }) => !output().includes('hello'));
  clients.find((client) => client !== waiting)?.child.kill();
  await waiting?.said(/hello/);
  expect(waiting?.output()).not.toContain('error');
});

test('the quick start: who was connected hears of everything after a restart', async () => {
  const first = await serve('quickstart/server.ts');
  const client = start('quickstart/client.ts', { PORT: first.port });
  await client.said(/insert/);
  await stopped(first);
  await start('quickstart/server.ts', { PORT: first.port }).said(/^http/m);
  await client.said(/resync/);
  expect(client.child.exitCode).toBeNull();
});

test('a path, a prefix and * name the right keys of TanStack Query', () => {
  const script = `
    import { QueryClient } from '@tanstack/react-query';
    import { invalidate } from './dist/quickstart/invalidate.js';
    const queryClient = new QueryClient();
    const stale = (...paths) => {
      queryClient.clear();
      for (const path of ['guests.getAll', 'guests.getById', 'guestTransport.getAll', 'hotels.getAll'])
        queryClient.setQueryData([path.split('.'), { input: { id: 1 }, type: 'query' }], 1);
      invalidate(queryClient, paths);
      return queryClient.getQueryCache().getAll().filter((query) => query.state.isInvalidated).map((query) => query.queryKey[0].join('.'));
    };
    console.log(JSON.stringify([stale('guests.getAll'), stale('guests'), stale('hotels', 'guests.getById'), stale('*'), stale()]));`;
  writeFileSync(path.join(project.dir, 'keys.mjs'), script);
  const said = execFileSync(process.execPath, ['keys.mjs'], { cwd: project.dir, encoding: 'utf8' });
  const all = ['guests.getAll', 'guests.getById', 'guestTransport.getAll', 'hotels.getAll'];
  expect(JSON.parse(said)).toEqual([['guests.getAll'], ['guests.getAll', 'guests.getById'], ['guests.getById', 'hotels.getAll'], all, []]);
});

test('the typed map: a mutation announces its paths and what cascades from them', () => {
  const said = execFileSync(process.execPath, ['dist/typed/told.js'], { cwd: project.dir, encoding: 'utf8' });
  expect(JSON.parse(said)).toEqual(['budget', 'clients', 'guestTransport', 'guests.getAll', 'guests.getStats', 'hotels', 'timeline']);
});

test('the recorder: the suite that the README shows passes', () => {
  const said = execFileSync(process.execPath, ['--test', 'dist/typed/guests.test.js'], { cwd: project.dir, encoding: 'utf8' });
  expect(said).toMatch(/pass 1\b[\s\S]*fail 0\b/);
});
