/** `pathcast audit --fix`: what is corrected, what is left, and that nothing is written where Git could not take it back. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CodeBase, REALTIME, router, runHere, WRITE } from './support/cli.js';

const BODY = {
  create: `${WRITE} await stale(['guests.list', "guests.getAll"]);`,
  update: `${WRITE} await stale([\`guests.list\`]);`,
  move: `${WRITE} await stale(['guests.' + 'list']);`,
  remove: `${WRITE} await stale(['payments.ofLastYear']);`,
};

let app: CodeBase;
const git = (...args: string[]) => execFileSync('git', ['-C', app.folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false', ...args], { encoding: 'utf8' });
const fix = (...args: string[]) => runHere(['audit', app.folder, '--fix', ...args]);
const source = () => readFileSync(path.join(app.folder, 'src/app.ts'), 'utf8');

beforeEach(() => {
  app = new CodeBase({ 'src/app.ts': router(BODY), 'src/realtime.ts': REALTIME });
});
afterEach(() => app.remove());

function commit(): void {
  git('init', '-q');
  git('add', '-A');
  git('commit', '-q', '-m', 'as it was');
}

test('what is certain is written; what is put together or has no near name is left and listed', async () => {
  commit();
  const before = source();
  const { code, stdout } = await fix();
  expect(code).toBe(1);
  expect(source()).toBe(before.replace(`'guests.list'`, `'guests.getAll'`).replace('`guests.list`', '`guests.getAll`'));
  expect(stdout).toMatch(/^2 query paths corrected in 1 file\.\n {2}src\/app\.ts:\d+ {2}guests\.list → guests\.getAll\n/);
  expect(stdout).toContain('guests.list: it is put together here; the right name is guests.getAll');
  expect(stdout).toContain('payments.ofLastYear: no name is certain');
  // Once more: nothing is left to do.
  expect((await fix('--force')).stdout).toMatch(/^Nothing to correct\.\n/);
});

test('--dry-run prints a diff that git takes, and writes nothing', async () => {
  commit();
  const before = source();
  const { code, stdout, stderr } = await fix('--dry-run');
  expect({ code, text: source() }).toEqual({ code: 1, text: before });
  expect(stderr).toContain('2 query paths left as they are');
  writeFileSync(path.join(app.folder, 'fix.diff'), stdout);
  git('apply', 'fix.diff');
  expect(source()).not.toBe(before);
  expect(source().match(/guests\.getAll/g)?.length).toBeGreaterThan(before.match(/guests\.getAll/g)?.length ?? 0);
});

test('a tree with changes, and a folder without Git, are left alone unless --force says so', async () => {
  const before = source();
  expect(await fix()).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('no Git repository') });
  commit();
  app.write('src/other.ts', 'export {};\n');
  expect(await fix()).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('not committed') });
  expect(source()).toBe(before);
  expect((await fix('--force')).code).toBe(1);
  expect(source()).not.toBe(before);
});

test('a byte order mark and lines that end as on Windows keep their places', async () => {
  app.write('src/app.ts', `\ufeff${router(BODY).replaceAll('\n', '\r\n')}`);
  const before = source();
  await fix('--force');
  expect(source()).toBe(before.replace(`'guests.list'`, `'guests.getAll'`).replace('`guests.list`', '`guests.getAll`'));
});

test('a file that Git ignores is left, since nothing could bring it back; --force changes it', async () => {
  app.write('.gitignore', 'src/made.ts\n');
  app.write('src/made.ts', `import { broadcastSync } from './realtime';\nexport const tell = () => broadcastSync({ module: 'guests', queryPaths: ['guests.list'] });\n`);
  app.write('src/app.ts', router({ ...BODY, create: `${WRITE} await tell();` }).replace(/^/, `import { tell } from './made';\n`));
  commit();
  const made = () => readFileSync(path.join(app.folder, 'src/made.ts'), 'utf8');
  const { stdout } = await fix();
  expect(stdout).toMatch(/src\/made\.ts:2 {2}guests\.list: Git does not keep the file, so nothing could take the change back/);
  expect(made()).toContain(`'guests.list'`);
  await fix('--force');
  expect(made()).toContain(`'guests.getAll'`);
});

test('a file that is not UTF-8 keeps its bytes', async () => {
  const bytes = Buffer.concat([Buffer.from([0x2f, 0x2f, 0x20, 0xe9, 0x0a]), Buffer.from(router(BODY))]);
  writeFileSync(path.join(app.folder, 'src/app.ts'), bytes);
  commit();
  const { code, stdout } = await fix();
  expect({ code, same: readFileSync(path.join(app.folder, 'src/app.ts')).equals(bytes) }).toEqual({ code: 1, same: true });
  expect(stdout).toContain('guests.list: the file is not UTF-8; the right name is guests.getAll');
});

test('all right: 0', async () => {
  app.write('src/app.ts', router({ create: `${WRITE} await stale(['guests.list']);` }));
  expect(await fix('--force')).toMatchObject({ code: 0, stdout: expect.stringContaining('1 query path corrected in 1 file.') });
});

test.each([
  [['--dry-run'], '--dry-run goes with --fix'],
  [['--force'], '--force goes with --fix'],
  [['--fix', '--json'], '--fix makes no report: it does not go with --json'],
])('%j is refused', async (args, line) => {
  expect(await runHere(['audit', app.folder, ...args])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(line) });
});
