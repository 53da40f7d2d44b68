/** What every command has in common: the table, its help on a narrow terminal, what is misspelled, and the exit codes. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readArguments } from '../../lib/cli/arguments.js';
import { COMMANDS } from '../../lib/cli/commands.js';
import { widthOf } from '../../lib/cli/terminal/text.js';
import { runHere } from './support/cli.js';

const names = Object.keys(COMMANDS);

describe('the help', () => {
  test.each([[['--help']], [['help']], [['-h']], ...names.map((name) => [[name, '--help']])])(
    '%j fits 80 columns, is no error, and breaks no word',
    async (argv) => {
      const { code, stdout, stderr } = await runHere(argv);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: pathcast /);
      expect(stdout.split('\n').filter((line) => widthOf(line) > 80)).toEqual([]);
    },
  );

  test('lists each command with what it does', async () => {
    const { stdout } = await runHere(['--help']);
    const words = stdout.replace(/\s+/g, ' ');
    for (const [name, { takes = '', summary }] of Object.entries(COMMANDS)) {
      expect(words).toContain(` ${`${name} ${takes}`.trim()} ${summary}`);
    }
  });

  test('without a command it is an error', async () => {
    const { code, stdout, stderr } = await runHere([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe((await runHere(['--help'])).stdout);
  });
});

describe('what is misspelled', () => {
  test.each([
    ['audti', 'audit'],
    ['AUDIT', 'audit'],
    ['aud', 'audit'],
  ])('the command %s: %s is named', async (typed, meant) => {
    const { code, stdout, stderr } = await runHere([typed]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `pathcast: unknown command ${JSON.stringify(typed)}; did you mean ${meant}? allowed are ${names.join(', ')}, --help, --version\n`,
    );
  });

  test.each(['deploy-everything', 'constructor', '__proto__', '\u001b[31m'])('nothing is near %j', async (typed) => {
    const { code, stderr } = await runHere([typed]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^pathcast: unknown command "[^\n\u001b]+"; allowed are audit, [^\n]+\n$/);
  });

  test('an option', async () => {
    const { code, stderr } = await runHere(['audit', '--jsno']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^pathcast audit: unknown option --jsno; did you mean --json\? allowed are --router, /);
    expect((await runHere(['audit', '--zzzzzzzzzz'])).stderr).toMatch(/: unknown option --zzzzzzzzzz; allowed are --router, /);
  });
});

describe('the options of a command', () => {
  const OPTIONS = {
    url: { type: 'string' },
    header: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const read = (...argv: string[]) => readArguments(argv, OPTIONS, { positionals: false }).values;

  test('are read', () => {
    expect({ ...read('--url', 'u', '--header', 'a: b', '--header=c: d', '-h') }).toEqual({ url: 'u', header: ['a: b', 'c: d'], help: true });
  });

  test.each([
    [['--url', ''], '--url needs a value'],
    [['--header', 'a: b', '--header='], '--header needs a value'],
    [['http://a/'], '"http://a/" is no option; allowed are --url, --header, --help'],
    [['--ulr=http://a/?token=secret'], 'unknown option --ulr; did you mean --url? allowed are --url, --header, --help'],
    [['-x'], 'unknown option -x; allowed are --url, --header, --help'],
    [['--url'], "Option '--url <value>' argument missing"],
  ])('%j: %s', (argv, message) => {
    expect(() => read(...argv)).toThrow(message);
  });
});

/** The program itself, in a package that asks for another Node than this one. */
describe('bin/pathcast.mjs', () => {
  const pack = (node: string): string => {
    const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-bin-'));
    mkdirSync(path.join(folder, 'bin'));
    cpSync(path.join(__dirname, '../../bin/pathcast.mjs'), path.join(folder, 'bin/pathcast.mjs'));
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type: 'module', engines: { node } }));
    return folder;
  };
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

  test.each([
    [`>=${major + 1}.2`, `pathcast: needs Node ${major + 1}.2 or newer; this is ${process.version}\n`],
    [`>=${major}.${minor + 1}.0`, `pathcast: needs Node ${major}.${minor + 1} or newer; this is ${process.version}\n`],
    [`>=${major}.${minor}`, 'is missing; install the package again\n'],
    [`>=${major - 1}.${minor + 1}`, 'is missing; install the package again\n'],
  ])('of a package that needs %s it says in one line: %s', (range, line) => {
    const folder = pack(range);
    try {
      const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(folder, 'bin/pathcast.mjs'), '--version'], { encoding: 'utf8' });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^[^\n]+\n$/);
      expect(stderr.endsWith(line)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
