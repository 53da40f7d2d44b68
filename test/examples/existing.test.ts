/** `pathcast init` in apps that are there: what it finds, and the diff, which is written after a yes and never over what nobody has seen. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../package/packed.js';
import { existingApp, filesIn } from './support/app.js';
import { init } from './support/init.js';

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(path.join(tmpdir(), 'pathcast-existing-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const app = (name: string): string => existingApp(parent, name);

test('Fastify with Drizzle: says what it found; the middleware stands once, though two mutations begin there', async () => {
  const folder = app('fastify');
  const { code, stdout } = await init(['--yes', folder]);
  expect(code).toBe(0);
  expect(stdout).toContain('Fastify and tRPC, Drizzle; router src/router.ts#appRouter with 2 mutations; the company of a request: ctx.session.companyId');
  expect(stdout).not.toContain('by hand');
  const read = (file: string) => readFileSync(path.join(folder, 'src', file), 'utf8');
  expect(read('trpc.ts').match(/sync\.middleware\(\)/g)).toHaveLength(1);
  expect(read('sync.ts')).toContain('companyId: ({ ctx }) => ctx.session?.companyId,');
  expect(read('db.ts')).toContain('export const db = sync.transactional(drizzle(client));');
  expect(read('invalidation.ts')).toContain("'audit.note': { silent: 'to be said: ");
  // Laid out as it was.
  expect(readFileSync(path.join(folder, 'package.json'), 'utf8')).toMatch(/\n {8}"fastify": .*\n {8}"pathcast": "\^\d/);
});

test('Express in one file without semicolons: gets none, and queries are left alone', async () => {
  const folder = app('express');
  expect((await init(['--yes', folder])).code).toBe(0);
  const server = readFileSync(path.join(folder, 'src/server.ts'), 'utf8');
  expect(server).not.toMatch(/;$/m);
  expect(server).toContain('add: t.procedure.use(sync.middleware()).input(');
  expect(server).toContain('list: t.procedure.query(');
  expect(server).toContain('export const createContext');
});

test('Next in T3 shape: router, route and next.config', async () => {
  const folder = app('next');
  const { code, stdout } = await init(['--yes', folder]);
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('by hand')]);
  const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');
  expect(read('next.config.js')).toMatch(/const config = \{\n.*\n {2}serverExternalPackages: \['pathcast'\],\n {2}reactStrictMode/);
  expect(read('src/server/api/sync.ts')).toContain('userId: ({ ctx }) => ctx.session?.user?.id,');
  expect(read('src/server/api/invalidation.ts')).toContain("'post.create': ['post'],");
});

test('a `procedure` taken out of `t` keeps its name; what a broadcast says by hand tells where the company is', async () => {
  const folder = app('express');
  const file = path.join(folder, 'src/server.ts');
  const before = readFileSync(file, 'utf8')
    .replace('.create()\n', '.create()\nconst { procedure } = t\n')
    .replaceAll('t.procedure', 'procedure')
    .replace('names.push(', 'tell({ companyId: ctx.firm, queryPaths: [] })\n      names.push(');
  writeFileSync(file, before);
  const { stdout } = await init(['--yes', folder]);
  expect(stdout).toContain('the company of a request: ctx.firm');
  const after = readFileSync(file, 'utf8');
  expect(after).toContain('const { procedure: plainProcedure } = t\nconst procedure = plainProcedure.use(sync.middleware())\n');
  expect(after).toContain('add: procedure.input(');
});

test('of several routers the largest; the others are named', async () => {
  const folder = app('express');
  writeFileSync(path.join(folder, 'src/other.ts'), readFileSync(path.join(folder, 'src/server.ts'), 'utf8').replaceAll('appRouter', 'otherRouter').replace(/ {4}list.*\n/, ''));
  const { stdout } = await init([folder]);
  expect(stdout).toMatch(/router src\/server\.ts#appRouter with 1 mutation;/);
  expect(stdout.replace(/\s+/g, ' ')).toContain('There are other routers, which were left as they are: src/other.ts#otherRouter.');
});

test('what the code does not say is left to do by hand: who asks, where it is served, a database that is made twice', async () => {
  const folder = app('fastify');
  const replace = (file: string, what: RegExp, by: string): void => {
    const place = path.join(folder, 'src', file);
    const before = readFileSync(place, 'utf8');
    expect(before).toMatch(what);
    writeFileSync(place, before.replaceAll(new RegExp(what, 'g'), by));
  };
  for (const file of ['routers/guests.ts', 'router.ts']) replace(file, /ctx\.session\.\w+/, "'x'");
  replace('db.ts', /drizzle\(client\);/, 'drizzle(client);\nexport const other = drizzle(client);');
  replace('server.ts', /fastifyTRPCPlugin/, 'plugin');
  const { code, stdout } = await init(['--yes', folder]);
  expect(code).toBe(0);
  const byHand = stdout.slice(stdout.indexOf('Left to do by hand:')).replace(/\s+/g, ' ');
  for (const what of ['calls the company: ctx.companyId is a guess', 'calls the user: ctx.userId is a guess', 'it was not found where appRouter is served', 'const db = sync.transactional(drizzle(…))'])
    expect(byHand).toContain(what);
  expect(readFileSync(path.join(folder, 'src/db.ts'), 'utf8')).not.toContain('sync');
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
    execFileSync('git', ['apply', '--verbose', 'pathcast.patch'], { cwd: other, stdio: 'ignore', env: { ...process.env, GIT_CEILING_DIRECTORIES: parent } });
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
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^src\/\S+\.ts imports pathcast already/)]);
  });

  test('installed before it is used, as the README has it: it is added all the same, and package.json stays', async () => {
    const folder = app('express');
    const file = path.join(folder, 'package.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Record<string, string> };
    manifest.dependencies['pathcast'] = '^0.0.9';
    writeFileSync(file, JSON.stringify(manifest));
    const before = readFileSync(file, 'utf8');
    const { code, stdout } = await init([folder, '--yes']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Wrote 3 files')]);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect((await init([folder])).stdout).toMatch(/imports pathcast already/);
  });

  test("package.json keeps its line ends, and the mark of an editor on Windows is no fault", async () => {
    const folder = app('express');
    const file = path.join(folder, 'package.json');
    const text = `\uFEFF${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}`;
    writeFileSync(file, text);
    expect((await init([folder, '--yes'])).code).toBe(0);
    const after = readFileSync(file, 'utf8');
    expect(after).toMatch(/^\uFEFF\{\r\n/);
    expect(after.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(after).toContain('"pathcast"');
  });

  test.each([
    ['null', /package\.json must hold an object, got null/],
    ['[]', /package\.json must hold an object, got a list/],
    ['{ bad', /package\.json is no JSON/],
  ])('package.json that is %s is one line', async (text, line) => {
    const folder = app('express');
    writeFileSync(path.join(folder, 'package.json'), text);
    await expect(init([folder])).rejects.toThrow(line);
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

  test('an app in JavaScript', async () => {
    const folder = app('express');
    const server = path.join(folder, 'src/server.ts');
    writeFileSync(path.join(folder, 'src/server.js'), readFileSync(server, 'utf8').replace(', type CreateExpressContextOptions', '').replace(': CreateExpressContextOptions', '').replace('(value: unknown)', '(value)'));
    rmSync(server);
    await expect(init(['--yes', folder])).rejects.toThrow('src/server.js#appRouter is JavaScript');
    expect(readdirSync(path.join(folder, 'src'))).toEqual(['server.js']);
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
