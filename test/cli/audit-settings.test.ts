/** Options, settings and baselines that are wrong: each is refused with one sentence that says what is allowed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { applyBaseline, writeBaseline } from '../../lib/cli/audit/baseline.js';
import { checkConfig, ignores, readConfig } from '../../lib/cli/audit/config.js';
import { audit, type AuditConfig } from '../../lib/cli/audit/index.js';
import { CommandError } from '../../lib/cli/errors.js';
import { parseOptions } from '../../lib/cli/audit/options.js';
import { progressOn } from '../../lib/cli/audit/progress.js';
import { mutation, report, write } from '../unit/cli/audit-findings-model.js';
import { CodeBase, REALTIME, router, TELL, WRITE } from './support/cli.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    return (error as Error).message;
  }
  throw new Error('it was not refused');
};

describe('options', () => {
  test.each([
    [
      ['--jsn'],
      'unknown option --jsn; did you mean --json? allowed are --router, --tsconfig, --config, --json, --markdown, --sarif, --out, --fail-on, --baseline, --write-baseline, --budget, --fix, --dry-run, --force, --no-progress, --verbose, --help',
    ],
    [['--jsn=1', 'x'], 'unknown option --jsn; did you mean --json? allowed are '],
    [['-x'], 'unknown option -x; did you mean --fix? allowed are '],
    [['-7'], 'unknown option -7; allowed are '],
    [['--fail-on', 'none,silent'], '--fail-on: unknown rule "none"'],
    [['--fail-on='], '--fail-on needs a value'],
    [['--fail-on', '__proto__'], '--fail-on: unknown rule "__proto__"'],
    [['--json', '--sarif'], 'one format at a time, got --json and --sarif; allowed are --json, --markdown, --sarif'],
    [['a', 'b'], 'one FOLDER at most, got "a" and "b"'],
    [['--out'], "Option '--out <value>' argument missing"],
    [['--out='], '--out needs a value'],
    [['--json=yes'], "Option '--json' does not take an argument"],
  ])('%j', (argv, message) => {
    expect(refusal(() => parseOptions(argv)).startsWith(message)).toBe(true);
  });

  test('that are right', () => {
    expect(parseOptions([])).toEqual({ folder: '.', format: 'terminal', progress: true, verbose: false, help: false });
    expect(
      parseOptions(['src', '--json', '--fail-on', 'phantom, silent', '--fail-on', 'cascade', '--no-progress']),
    ).toMatchObject({
      folder: 'src',
      format: 'json',
      failOn: ['phantom', 'silent', 'cascade'],
      progress: false,
    });
    expect(parseOptions(['--fail-on=none']).failOn).toBe('none');
    expect(parseOptions(['--', '--odd']).folder).toBe('--odd');
  });
});

describe('settings', () => {
  test.each([
    [
      { silnt: {} },
      'file: unknown key "silnt"; allowed are broadcasts, transactions, tools, modules, silent, ignore, failOn, router, tsconfig',
    ],
    [{ silent: { 'guests.remove': '' } }, 'file: silent.guests.remove must be a non-empty string, got ""'],
    [{ silent: [] }, 'file: silent must be an object, got an array'],
    [{ modules: { guests: 'guests' } }, 'file: modules.guests must be a list of strings, got "guests"'],
    [{ failOn: ['ghost'] }, 'file: failOn: unknown rule "ghost"; allowed are phantom'],
    [{ failOn: 'phantom' }, 'file: failOn must be a list of strings, got "phantom"'],
    [{ ignore: [3] }, 'file: ignore[0] must be a non-empty string, got 3'],
    [[], 'file must be an object, got an array'],
    [null, 'file must be an object, got null'],
  ])('%j', (settings, message) => {
    expect(refusal(() => checkConfig(settings, 'file')).startsWith(message)).toBe(true);
  });

  test('come from the folder, and only from there', () => {
    expect(readConfig(folder)).toEqual({});
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ pathcast: { audit: { failOn: 'all' } } }));
    expect(readConfig(folder)).toEqual({ failOn: 'all' });
    writeFileSync(path.join(folder, 'pathcast.audit.json'), '\ufeff{"failOn":"none"}');
    expect(readConfig(folder)).toEqual({ failOn: 'none' });
    writeFileSync(path.join(folder, 'pathcast.audit.json'), '{');
    expect(refusal(() => readConfig(folder))).toContain('is no JSON');
    expect(refusal(() => readConfig(folder, path.join(folder, 'no.json')))).toMatch(/^cannot read .*: ENOENT$/);
  });

  test('that name what is not there', () => {
    const app = new CodeBase({ 'src/app.ts': router({ create: `${WRITE} ${TELL}` }), 'src/realtime.ts': REALTIME });
    try {
      const cases: [AuditConfig, string][] = [
        [
          { silent: { 'guests.creat': 'x' } },
          'config: silent: there is no mutation "guests.creat"; nearest: guests.create',
        ],
        [{ tools: { add: 'guests.create' } }, 'config: tools: there is no tool "add"'],
        [{ modules: { guest: ['x'] } }, 'config: modules: there is no module "guest"; nearest: guests'],
      ];
      for (const [config, message] of cases) {
        expect(refusal(() => audit(app.folder, { config })).startsWith(message)).toBe(true);
      }
      expect(audit(app.folder).totals).toMatchObject({ mutations: 1, broadcasting: 1, coverage: 1, files: 2 });
    } finally {
      app.remove();
    }
  });

  test('globs: within a folder, over folders, a folder itself', () => {
    const [one, over, whole, dots] = ['src/*.ts', 'src/**/*.test.ts', 'scripts/', 'a.b/(c)+'].map((glob) =>
      ignores([glob]),
    );
    expect([one!('src/a.ts'), one!('src/b/a.ts'), one!('other/src/a.ts')]).toEqual([true, false, false]);
    expect([over!('src/a.test.ts'), over!('src/b/c/a.test.ts'), over!('src/a.ts')]).toEqual([true, true, false]);
    expect([whole!('scripts/a/b.ts'), whole!('scripts2/a.ts')]).toEqual([true, false]);
    expect([dots!('a.b/(c)+'), dots!('axb/(c)+')]).toEqual([true, false]);
    expect(ignores([])('a')).toBe(false);
  });
});

describe('a baseline', () => {
  const file = () => path.join(folder, 'baseline.json');
  const found = () => report([mutation('a.b', { writes: [write('x')] })]);

  test.each([
    ['{', 'is no JSON'],
    ['{"version":2,"findings":[]}', 'has version 2; allowed is 1'],
    ['{"version":1}', 'findings must be a list, got undefined'],
    ['{"version":1,"findings":[null]}', 'findings[0].fingerprint must be a string, got undefined'],
    [
      '{"version":1,"findings":[{"fingerprint":"x","count":0,"rule":"silent"}]}',
      'findings[0].count must be a whole number from 1, got 0',
    ],
    [
      '{"version":1,"findings":[{"fingerprint":"x","count":1,"rule":"toString"}]}',
      'findings[0].rule is "toString"; allowed are phantom',
    ],
    ['null', 'has version undefined'],
  ])('%s', (text, message) => {
    writeFileSync(file(), text);
    expect(refusal(() => applyBaseline(found(), file()))).toContain(message);
  });

  test('that is missing, or cannot be written', () => {
    expect(refusal(() => applyBaseline(found(), file()))).toBe(
      `cannot read the baseline ${file()}: ENOENT; --write-baseline ${file()} makes it`,
    );
    expect(refusal(() => writeBaseline(path.join(folder, 'no', 'file'), found()))).toMatch(
      /^cannot write the baseline .*: ENOENT$/,
    );
  });

  test('knows what it holds; an entry that two branches left twice is one', () => {
    writeBaseline(file(), found());
    const held = applyBaseline(found(), file());
    expect(held.findings.map((finding) => finding.known)).toEqual([true]);
    expect(held.baseline).toEqual({ file: file(), known: 1, new: 0, stale: [] });
    const fingerprint = found().findings[0]!.fingerprint;
    const entry = { fingerprint, count: 1, rule: 'silent', file: 'a.ts', message: 'm' };
    writeFileSync(file(), JSON.stringify({ version: 1, findings: [entry, entry] }));
    expect(applyBaseline(found(), file()).baseline).toMatchObject({ known: 1, stale: [] });
  });
});

describe('progress', () => {
  const on = (isTTY: boolean, wanted = true) => {
    let text = '';
    const progress = progressOn({ isTTY, columns: 20, print: async (part) => void (text += part) }, wanted);
    progress.step(1, 100, 'reading files and more of them');
    progress.end();
    return text;
  };
  test('is for terminals alone, fits on a line, and leaves nothing behind', () => {
    expect(on(false)).toBe('');
    expect(on(true, false)).toBe('');
    expect(on(true)).toBe('\r\u001b[2Kreading files and m\r\u001b[2K');
  });
});
