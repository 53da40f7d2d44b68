/**
 * The slips of test/mutants: each must still apply and name tests that exist, or it holds nothing. `npm run mutants` makes
 * them all, which takes long; what is tried here is the command itself, on a small code base with one slip of each kind.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '../support/wait.js';
import { root } from './tracked.js';

const script = path.join(root, 'scripts/mutants.mjs');
const mutants = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
};

test('each slip applies exactly once and names tests that are there', () => {
  const { status, stdout } = mutants('--check');
  expect(stdout).toMatch(/^\d+ slips, 0 problems\n$/);
  expect(status).toBe(0);
});

describe('on a small code base', () => {
  let folder: string;
  const SOURCE = 'export function larger(a: number, b: number): number {\n  return a >= b\n    ? a // the first of two that are equal\n    : b;\n}\n';
  const slip = (name: string, find: string, replace: string, rest = "tests: [jest('test/larger.test.ts', 'the larger')]"): string =>
    `{ name: '${name}', file: 'lib/larger.ts', why: '${name} goes wrong', find: '${find}', replace: '${replace}', ${rest} },\n`;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'pathcast-mutants-')));
    for (const name of ['lib', 'test/mutants']) mkdirSync(path.join(folder, name), { recursive: true });
    const put = (file: string, text: string): void => writeFileSync(path.join(folder, file), text);
    put('lib/larger.ts', SOURCE);
    put('test/larger.test.ts', "import { larger } from '../lib/larger';\ntest('the larger of two', () => {\n  expect(larger(1, 2)).toBe(2);\n});\n");
    put(
      'jest.config.mjs',
      "export default { testMatch: ['**/*.test.ts'], transform: { '\\\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] } };\n",
    );
    put('.gitignore', 'node_modules\n.setup\n');
    put('package.json', '{}\n');
    put('test/mutants/tests.mjs', readFileSync(path.join(root, 'test/mutants/tests.mjs'), 'utf8'));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    spawnSync('git', ['init', '-q'], { cwd: folder });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const list = (...slips: string[]): void =>
    writeFileSync(path.join(folder, 'test/mutants/small.slips.mjs'), `import { jest } from './tests.mjs';\nexport const slips = [\n${slips.join('')}];\n`);

  test('one is killed, one survives, one no longer applies, one is equivalent and not run', () => {
    list(
      // Over two lines and a comment, as a formatter may leave it.
      slip('killed', 'return a >= b ? a : b;', 'return a >= b ? b : a;'),
      slip('survives', 'a >= b', 'a > b'),
      slip('moved', 'a >= c', 'a > c'),
      slip('same', 'a: number, b: number', 'a: number, b: number, c?: number', "equivalent: 'nobody gives a third'"),
    );
    const { status, stdout } = mutants('--in', folder);
    expect(stdout).toMatch(/^killed +killed +test\/larger\.test\.ts: the larger of two$/m);
    expect(stdout).toMatch(/^survives +SURVIVED/m);
    expect(stdout).toMatch(/^moved +no longer applies +what it changes is there nowhere, not once$/m);
    expect(stdout).toMatch(/^same +equivalent +nobody gives a third$/m);
    expect(stdout).toContain('survives survived: survives goes wrong');
    expect(stdout).toMatch(/4 slips in \d+ s: 1 killed, 1 SURVIVED, 1 no longer applies, 1 equivalent\n$/);
    expect(status).toBe(1);
    expect(readFileSync(path.join(folder, 'lib/larger.ts'), 'utf8')).toBe(SOURCE);
    expect(mutants('--in', folder, 'killed', 'same').status).toBe(0);
  });

  test('what is broken counts for nothing: a slip that does not compile, a test that fails anyhow', () => {
    list(slip('broken', 'return a >= b ?', 'return a >= ?'), slip('nameless', 'a >= b', 'a <= b', "tests: [jest('test/larger.test.ts', 'the smaller')]"));
    const { status, stdout } = mutants('--in', folder);
    expect(stdout).toMatch(/^broken +could not be judged +test\/larger\.test\.ts does not run:/m);
    expect(stdout).toMatch(/^nameless +could not be judged +test\/larger\.test\.ts fails without it: no title has "the smaller"/m);
    expect(status).toBe(1);
  });

  test('--check names what is wrong with a list; a name that nothing has is refused', () => {
    list(
      slip('twice', 'number', 'string'),
      slip('twice', 'a >= b', 'a > b'),
      slip('nowhere', 'a >= b', 'a > b', "tests: [jest('test/smaller.test.ts')]"),
      slip('untested', 'a >= b', 'a > b', 'tests: []'),
    );
    const { status, stdout } = mutants('--in', folder, '--check');
    expect(stdout.split('\n')).toEqual([
      'twice (lib/larger.ts): no longer applies: what it changes is there 3 times (lib/larger.ts), not once',
      'twice (lib/larger.ts): another slip has the same name',
      'nowhere (lib/larger.ts): there is no test/smaller.test.ts',
      'untested (lib/larger.ts): names no test that must notice it',
      '4 slips, 4 problems',
      '',
    ]);
    expect(status).toBe(1);
    expect(mutants('--in', folder, 'never')).toMatchObject({ status: 1, stderr: expect.stringContaining('no slip and no list is called never') });
    expect(mutants('--in', folder, '--list').stdout.split('\n')[2]).toBe('nowhere  small  lib/larger.ts: nowhere goes wrong');
  });

  test('the addon of one slip does not answer for the next', () => {
    // What is built is a copy of the source.
    for (const name of ['src', 'scripts']) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, 'binding.gyp'), '{}\n');
    writeFileSync(path.join(folder, 'src/answer.txt'), 'right\n');
    writeFileSync(path.join(folder, 'scripts/build-native.mjs'), "import { copyFileSync } from 'node:fs';\ncopyFileSync('src/answer.txt', 'built.txt');\n");
    writeFileSync(path.join(folder, 'test/built.test.ts'), "import { readFileSync } from 'node:fs';\ntest('it is right', () => {\n  expect(readFileSync('built.txt', 'utf8')).toBe('right\\n');\n});\n");
    const seen = "tests: [jest('test/built.test.ts', 'it is right')]";
    list(slip('native', 'right', 'wrong', seen).replace('lib/larger.ts', 'src/answer.txt'), slip('other', 'a >= b', 'a > b', seen));
    const { stdout } = mutants('--in', folder);
    expect(stdout).toMatch(/^native +killed +test\/built\.test\.ts: it is right$/m);
    expect(stdout).toMatch(/^other +SURVIVED/m);
  });

  test('code that has moved to another file takes its slips with it', () => {
    list(slip('killed', 'return a >= b ? a : b;', 'return b;'));
    writeFileSync(path.join(folder, 'lib/compare.ts'), SOURCE);
    writeFileSync(path.join(folder, 'lib/larger.ts'), "export { larger } from './compare';\n");
    expect(mutants('--in', folder, '--check')).toMatchObject({ status: 0, stdout: '1 slips, 0 problems\n' });
  });

  test('ended in the middle, it has changed nothing, and the next run begins anew', async () => {
    list(slip('killed', 'return a >= b ? a : b;', 'while (a < b) {} return a;'));
    const child = spawn(process.execPath, [script, '--in', folder], { stdio: 'ignore' });
    const copy = path.join(folder, '.setup/mutants/tree-1/lib/larger.ts');
    const made = (): boolean => {
      try {
        return readFileSync(copy, 'utf8').includes('while');
      } catch {
        return false;
      }
    };
    await waitFor(made, 'the slip to be made');
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readFileSync(path.join(folder, 'lib/larger.ts'), 'utf8')).toBe(SOURCE);
    list(slip('killed', 'a >= b', 'b >= a'));
    expect(mutants('--in', folder).status).toBe(0);
    expect(readFileSync(copy, 'utf8')).toBe(SOURCE);
  });
});
