/** `pathcast init` on the command line, in folders that are empty, missing, or not. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { filesIn } from './support/app.js';
import { init } from './support/init.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-init-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('writes into a missing folder, and says how to go on', async () => {
  const { code, stdout } = await init(['--framework', 'hono', path.join(folder, 'My App')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Wrote an app in .*: Hono, data in memory\.\n/);
  expect(stdout).toMatch(/\n {2}cd '.*My App'\n {2}npm install\n {2}npm start\n/);
  const files = filesIn(path.join(folder, 'My App'));
  for (const file of files.keys()) expect(stdout).toContain(`  ${file}\n`);
  expect(JSON.parse(files.get('package.json') ?? '')).toMatchObject({ name: 'my-app', private: true });
});

test('asks for the framework where somebody can answer; else it is Fastify', async () => {
  expect((await init([path.join(folder, 'a')], ['express'])).stdout).toContain(': Express,');
  expect((await init([path.join(folder, 'b')], [''])).stdout).toContain(': Fastify and tRPC,');
  expect((await init([path.join(folder, 'c'), '--yes'], ['express'])).asked).toEqual([]);
  expect((await init([path.join(folder, 'd')])).stdout).toContain(': Fastify and tRPC,');
  await expect(init([path.join(folder, 'e')], ['fastfy'])).rejects.toThrow('unknown value "fastfy"; did you mean fastify?');
  expect(existsSync(path.join(folder, 'e'))).toBe(false);
});

test.each([
  [['--framework', 'exprss'], '--framework: unknown value "exprss"; did you mean express? allowed are fastify, express, hono, node, next'],
  [['--framework', 'rails'], '--framework: unknown value "rails"; allowed are fastify, express, hono, node, next'],
  [['--data', 'drizle'], '--data: unknown value "drizle"; did you mean drizzle? allowed are none, drizzle, prisma'],
  [['--framwork', 'hono'], 'unknown option --framwork; did you mean --framework?'],
  [['--framework', 'next', '--data', 'prisma'], '--framework next with --data prisma is not offered'],
  [['a', 'b'], 'one DIR at most, got "a" and "b"'],
])('%j is refused in one line, and nothing is written', async (args, line) => {
  const target = path.join(folder, 'new');
  const failure = await init([...args, ...(args[0] === 'a' ? [] : [target])]).catch((error: Error) => error.message);
  expect(failure).toContain(line);
  expect(String(failure).split('\n')).toHaveLength(1);
  expect(existsSync(target)).toBe(false);
});

test('a folder with something in it is left alone; one with an empty repository is empty', async () => {
  writeFileSync(path.join(folder, 'notes.txt'), 'mine');
  await expect(init([folder])).rejects.toThrow('is not empty (notes.txt), and has no package.json');
  await expect(init([path.join(folder, 'notes.txt')])).rejects.toThrow('is no folder');
  expect(readdirSync(folder)).toEqual(['notes.txt']);
  mkdirSync(path.join(folder, 'repository/.git'), { recursive: true });
  expect((await init([path.join(folder, 'repository')])).code).toBe(0);
});

test('--help fits 80 columns', async () => {
  const { code, stdout } = await init(['--help']);
  expect(code).toBe(0);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
