/**
 * `pathcast init` in apps that are there: what it adds is a diff that `git apply` takes, compiles, and makes a mutation heard by
 * another client, in a Fastify app with Drizzle, in an Express app of one file, and in a Next app of T3's shape.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../package/packed.js';
import { within } from '../support/wait.js';
import { filesIn, Workspace, type RunningApp } from './support/app.js';
import { init } from './support/init.js';

jest.setTimeout(120_000);

let workspace: Workspace;
beforeAll(() => {
  workspace = new Workspace();
});
afterAll(() => workspace?.remove());

/** A copy of the app, without pathcast in it. */
function app(name: string): string {
  const folder = path.join(workspace.dir, `${name}-${Math.random().toString(36).slice(2)}`);
  cpSync(path.join(root, 'test/fixtures/existing', name), folder, { recursive: true });
  return folder;
}

async function compile(folder: string): Promise<void> {
  const { output } = await workspace.run(folder, process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false']);
  expect(output).toBe('');
}

/** What tRPC's subscription says, as it comes. */
async function* eventsOf(app: RunningApp, headers: Record<string, string>, signal: AbortSignal): AsyncGenerator<{ type: string; queryPaths: string[] }> {
  const response = await fetch(`${app.url}/trpc/sync.onSync`, { headers: { accept: 'text/event-stream', ...headers }, signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/event-stream')]);
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const event = /^event: (.*)$/m.exec(message)?.[1];
      const data = /^data: (.*)$/m.exec(message)?.[1];
      if (event === undefined && data !== undefined) yield JSON.parse(data);
    }
  }
}

async function hears(folder: string, call: { path: string; input: unknown }, headers: Record<string, string>): Promise<unknown> {
  const served = await workspace.serve(folder);
  const leaving = new AbortController();
  const events = eventsOf(served, headers, leaving.signal);
  expect((await within(events.next(), 'hello')).value).toMatchObject({ type: 'hello' });
  const response = await fetch(`${served.url}/trpc/${call.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(call.input),
  });
  expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  const { value } = await within(events.next(), 'the action');
  leaving.abort();
  await served.stop();
  return value;
}

test('Fastify with Drizzle: what was added compiles, and a mutation is heard', async () => {
  const folder = app('fastify');
  const { code, stdout } = await init(['--yes', folder]);
  expect(code).toBe(0);
  expect(stdout).toContain('Fastify and tRPC, Drizzle; router src/router.ts#appRouter with 2 mutations; the company of a request: ctx.session.companyId');
  expect(stdout).not.toContain('by hand');
  // The middleware stands once, though two mutations begin there.
  expect(readFileSync(path.join(folder, 'src/trpc.ts'), 'utf8').match(/sync\.middleware\(\)/g)).toHaveLength(1);
  await compile(folder);
  const heard = await hears(folder, { path: 'guests.create', input: { name: 'Rose' } }, { 'x-session': 'acme/ann' });
  expect(heard).toMatchObject({ type: 'insert', module: 'guests', companyId: 'acme', userId: 'ann', queryPaths: ['guests'] });
});

test('Express in one file, CommonJS, without semicolons: the same', async () => {
  const folder = app('express');
  expect((await init(['--yes', folder])).code).toBe(0);
  await compile(folder);
  const server = readFileSync(path.join(folder, 'src/server.ts'), 'utf8');
  expect(server).not.toMatch(/;$/m);
  expect(server).not.toContain('query(({ ctx }) => ({ of: ctx.companyId, names })).use');
  expect(await hears(folder, { path: 'names.add', input: 'Rose' }, { 'x-company': 'acme' })).toMatchObject({ module: 'names', queryPaths: ['names'] });
});

test('Next in T3 shape: router, route and next.config; it compiles', async () => {
  const folder = app('next');
  const { code, stdout } = await init(['--yes', folder]);
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('by hand')]);
  const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');
  expect(read('next.config.js')).toMatch(/const config = \{\n.*\n {2}serverExternalPackages: \['pathcast'\],\n {2}reactStrictMode/);
  expect(read('src/server/api/sync.ts')).toContain('userId: ({ ctx }) => ctx.session?.user?.id,');
  expect(read('src/server/api/invalidation.ts')).toContain("'post.create': ['post'],");
  await compile(folder);
});

describe('the diff', () => {
  test('without a terminal is printed, and nothing is written: 1; `git apply` makes the same of it as a yes', async () => {
    const folder = app('fastify');
    const before = filesIn(folder);
    const { code, stdout, asked } = await init([folder]);
    expect([code, asked]).toEqual([1, []]);
    expect(stdout).toContain('Nothing was written: there is no terminal to ask at. --yes writes it.');
    expect(filesIn(folder)).toEqual(before);

    const patch = stdout.slice(stdout.indexOf('--- a/'), stdout.indexOf('\nNothing was written'));
    const other = app('fastify');
    writeFileSync(path.join(other, 'pathcast.patch'), patch);
    execFileSync('git', ['apply', '--verbose', 'pathcast.patch'], { cwd: other, stdio: 'ignore', env: { ...process.env, GIT_CEILING_DIRECTORIES: workspace.dir } });
    rmSync(path.join(other, 'pathcast.patch'));
    expect((await init([folder], ['yes'])).code).toBe(0);
    expect(filesIn(other)).toEqual(filesIn(folder));
    expect(filesIn(folder)).not.toEqual(before);
  });

  test('at a terminal waits for a yes', async () => {
    const folder = app('express');
    const before = filesIn(folder);
    for (const answer of ['', 'n', 'yeah']) {
      const { code, asked, stdout } = await init([folder], [answer]);
      expect([code, asked]).toEqual([1, [expect.stringMatching(/Write this to 4 files\? \[y\/N\]/)]]);
      expect(stdout).toContain('Nothing was written.');
    }
    expect(filesIn(folder)).toEqual(before);
    expect((await init([folder], ['Y'])).code).toBe(0);
    expect(filesIn(folder)).not.toEqual(before);
    // And there is nothing left to do.
    const again = await init([folder]);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('package.json has pathcast already')]);
  });

  test('is never written over what has changed since, nor over a file that has the name of a new one', async () => {
    const folder = app('fastify');
    writeFileSync(path.join(folder, 'src/sync.ts'), 'export const mine = 1;\n');
    const asker = { present: true, ask: async () => (writeFileSync(path.join(folder, 'src/trpc.ts'), '// gone'), 'y') };
    const { initCommand } = await import('../../lib/cli/init/command.js');
    const print = { print: async () => undefined };
    const streams = { stdout: print, stderr: print, env: {}, version: '0.1.0' };
    await expect(initCommand([folder], streams, asker)).rejects.toThrow('src/trpc.ts has changed since it was read; nothing was written');
    expect(readFileSync(path.join(folder, 'package.json'), 'utf8')).not.toContain('pathcast');

    cpSync(path.join(root, 'test/fixtures/existing/fastify/src/trpc.ts'), path.join(folder, 'src/trpc.ts'));
    expect((await init(['--yes', folder])).code).toBe(0);
    expect(readFileSync(path.join(folder, 'src/sync.ts'), 'utf8')).toBe('export const mine = 1;\n');
    expect(readFileSync(path.join(folder, 'src/trpc.ts'), 'utf8')).toContain("import { sync } from './pathcast-sync.js';");
    await compile(folder);
  });
});

describe('what cannot be done is refused', () => {
  const manifest = (folder: string, change: (text: string) => string): void => {
    const file = path.join(folder, 'package.json');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };

  test('no tRPC: the lines to add by hand', async () => {
    const folder = app('express');
    manifest(folder, (text) => text.replace('"@trpc/server": "^11.25.2", ', ''));
    const before = filesIn(folder);
    let printed = '';
    const print = { print: async (text: string) => void (printed += text) };
    const { initCommand } = await import('../../lib/cli/init/command.js');
    const done = initCommand(['--yes', folder], { stdout: print, stderr: print, env: {}, version: '0.1.0' });
    await expect(done).rejects.toThrow('no tRPC was found (package.json has no @trpc/server)');
    expect(printed).toContain("app.get('/sync/stream', handler({ identify }));");
    expect(filesIn(folder)).toEqual(before);
  });

  test('a framework or database that is not there; two frameworks; no router; a package.json that is none', async () => {
    const folder = app('fastify');
    await expect(init(['--framework', 'hono', folder])).rejects.toThrow('--framework hono: package.json has no hono; found fastify');
    await expect(init(['--data', 'prisma', folder])).rejects.toThrow('--data prisma: package.json has no @prisma/client; found drizzle');
    manifest(folder, (text) => text.replace('"fastify"', '"express": "5",\n"fastify"'));
    await expect(init([folder])).rejects.toThrow('package.json has fastify and express; say which by --framework');
    rmSync(path.join(folder, 'src/router.ts'));
    rmSync(path.join(folder, 'src/routers'), { recursive: true });
    await expect(init(['--framework', 'fastify', folder])).rejects.toThrow('no tRPC router was found');
    manifest(folder, () => '{');
    await expect(init([folder])).rejects.toThrow(/^package\.json is no JSON: /);
  });
});
