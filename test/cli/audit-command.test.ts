/**
 * `pathcast audit` as a person or a CI runs it: options, streams, exit codes. What depends on a process is tried as one
 * (`cli.run`), the rest with streams of its own (`audit`).
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { RULES } from '../../lib/cli/audit/report.js';
import { checkSarif } from '../unit/cli/audit-output-sarif-shape.js';
import { Cli, CodeBase, REALTIME, router, runHere, TELL, WRITE } from './support/cli.js';

let cli: Cli;
let app: CodeBase;
const clean = { create: `${WRITE} ${TELL}` };
const broken = {
  ...clean,
  update: `${WRITE} await stale(['guests.list']);`,
  remove: `await db.delete(guests);`,
  move: `${WRITE} await db.insert(hotels).values({ id: '1' }); ${TELL}`,
};

beforeAll(async () => {
  cli = await Cli.build();
}, 120_000);
afterAll(() => cli.remove());
beforeEach(() => {
  app = new CodeBase({ 'src/app.ts': router(broken), 'src/realtime.ts': REALTIME });
});
afterEach(() => app.remove());

const audit = (...args: string[]) => runHere(['audit', app.folder, ...args]);
const json = async (...args: string[]) => JSON.parse((await audit('--json', ...args)).stdout);

describe('the program', () => {
  test('says what it can do, and which version it is', async () => {
    const { version } = JSON.parse(readFileSync(path.join(__dirname, '../../package.json'), 'utf8'));
    expect(await cli.run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await cli.run(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('audit [FOLDER]'),
      stderr: '',
    });
    expect(await cli.run([])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('audit [FOLDER]') });
    const { code, stdout } = await cli.run(['audit', '--help']);
    expect(code).toBe(0);
    for (const rule of Object.keys(RULES)) expect(stdout).toContain(rule);
  });

  test.each([
    [['adit'], 'pathcast: unknown command "adit"; did you mean audit? allowed are audit, '],
    [
      ['audit', '--fail-on', 'phantom,ghost'],
      'pathcast audit: --fail-on: unknown rule "ghost"; allowed are phantom, silent, ',
    ],
    [['audit', 'no/such/folder'], 'pathcast audit: there is no folder no/such/folder'],
    [['audit', 'package.json'], 'pathcast audit: package.json is no folder'],
    [['audit', '--config', 'no.json', 'test/unit'], 'pathcast audit: cannot read no.json: ENOENT'],
  ])('%j is refused in one line', async (args, line) => {
    const { code, stdout, stderr } = await cli.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^[^\n]*\n$/);
    expect(stderr.startsWith(line)).toBe(true);
  });

  test('a folder without a router: what was looked for, and --router', async () => {
    const none = new CodeBase({ 'a.ts': 'export const a = 1;\n' });
    try {
      const { code, stdout, stderr } = await cli.run(['audit', none.folder, '--json']);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/router/);
      expect(stderr).toContain('--router');
    } finally {
      none.remove();
    }
  });

  test('an empty folder, and a router that is not there', async () => {
    const empty = new CodeBase({});
    try {
      expect(await cli.run(['audit', empty.folder])).toMatchObject({ code: 2, stdout: '' });
    } finally {
      empty.remove();
    }
    const { code, stderr } = await audit('--router', 'src/app.ts#nothing');
    expect(code).toBe(2);
    expect(stderr).toContain('appRouter');
  });
});

/** What a CI's exit code hangs on: a severity is changed here too, and in the README, or not at all. */
test('the severity of each rule', () => {
  expect(RULES).toEqual({
    phantom: 'error',
    silent: 'error',
    cascade: 'warning',
    'missing-client-id': 'warning',
    'missing-user-id': 'warning',
    'non-atomic': 'warning',
    'broadcast-in-transaction': 'error',
    'conditional-broadcast': 'note',
    'tool-mismatch': 'warning',
    'tool-fallback': 'warning',
    'blind-helper': 'warning',
    'tx-helper-without-tx': 'warning',
    'invalid-map': 'error',
  });
});

describe('exit codes', () => {
  test('1 where a phantom is all there is', async () => {
    app.write('src/app.ts', router({ create: `${WRITE} await stale(['guests.getAll', 'guests.list']);` }));
    const { findings } = await json();
    expect(findings.map(({ rule }: { rule: string }) => rule)).toEqual(['phantom']);
    expect((await audit()).code).toBe(1);
  });

  test('1 where an error is found, 0 where --fail-on does not ask for it', async () => {
    expect((await audit()).code).toBe(1);
    expect((await audit('--fail-on', 'none')).code).toBe(0);
    expect((await audit('--fail-on', 'missing-client-id')).code).toBe(0);
    expect((await audit('--fail-on', 'missing-client-id,cascade')).code).toBe(1);
    expect((await audit('--fail-on', 'missing-client-id', '--fail-on', 'phantom')).code).toBe(1);
  });

  test('0 where all is well, with warnings too unless all count', async () => {
    app.write('src/app.ts', router(clean));
    expect((await audit()).code).toBe(0);
    app.write('src/app.ts', router({ move: broken.move }));
    expect((await audit()).code).toBe(0);
    expect((await audit('--fail-on', 'all')).code).toBe(1);
  });
});

describe('streams', () => {
  test('--json prints JSON alone; --no-progress leaves the standard error empty, however long it takes', async () => {
    const { code, stdout, stderr } = await cli.run(['audit', app.folder, '--json', '--no-progress']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const report = JSON.parse(stdout);
    expect(report.totals).toMatchObject({ mutations: 4, broadcasting: 3, silent: 1, phantomPaths: 1, nonAtomic: 1 });
    expect(
      report.findings.map(({ rule, subject }: { rule: string; subject: string }) => `${rule} ${subject}`).sort(),
    ).toEqual(['cascade guests.move', 'non-atomic guests.move', 'phantom guests.update', 'silent guests.remove']);
    expect(report.phantoms[0]).toMatchObject({
      path: 'guests.list',
      nearest: ['guests.getAll', 'guests.getStats', 'hotels.getAll'],
    });
  });

  test('the other formats, and --out', async () => {
    expect((await audit('--markdown')).stdout).toContain('## pathcast audit');
    expect(checkSarif(JSON.parse((await audit('--sarif')).stdout))).toEqual([]);
    const file = app.at('report.sarif');
    expect(await audit('--sarif', '--out', file)).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect(checkSarif(JSON.parse(readFileSync(file, 'utf8')))).toEqual([]);
    expect(await audit('--out', app.at('no/such/file'))).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^pathcast audit: cannot write .*: ENOENT\n$/),
    });
  });

  test('files of SARIF count from the repository', async () => {
    app.write('.git/HEAD', 'ref: refs/heads/main\n');
    const { stdout } = await runHere(['audit', app.at('src'), '--sarif']);
    const [run] = JSON.parse(stdout).runs;
    expect(run.results[0].locations[0].physicalLocation.artifactLocation.uri).toBe('src/app.ts');
  });

  test('the terminal report is as wide as the screen and has no colours in a pipe', async () => {
    const { stdout } = await cli.run(['audit', app.folder], { env: { ...process.env, COLUMNS: '80' } });
    expect(stdout).toContain('guests.list ✗ → guests.getAll');
    expect(stdout).not.toContain('\u001b');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('the current folder is audited where none is given; files of --router count from it or from FOLDER', async () => {
    expect(JSON.parse((await cli.run(['audit', '--json'], { cwd: app.folder })).stdout).root).toBe(
      'src/app.ts#appRouter',
    );
    for (const [given, cwd] of [
      ['src/app.ts#appRouter', '/'],
      ['app.ts#appRouter', app.at('src')],
    ] as const) {
      expect(JSON.parse((await cli.run(['audit', app.folder, '--json', '--router', given], { cwd })).stdout).root).toBe(
        'src/app.ts#appRouter',
      );
    }
  });

  test('a reader that goes away breaks nothing', async () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`remove${index}`, broken.remove]));
    app.write('src/app.ts', router(many));
    const { code, stderr, stdout } = await cli.run(['audit', app.folder, '--json', '--no-progress', '--fail-on', 'silent'], { readOnly: 1 });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout.length).toBeLessThan(400_000);
  });
});

describe('settings', () => {
  const findings = async (settings: object) => {
    app.write('pathcast.audit.json', JSON.stringify(settings));
    return (await json()).findings
      .map(({ rule, subject }: { rule: string; subject: string }) => `${rule} ${subject}`)
      .sort();
  };

  test('of the folder are read, in a file or in package.json; --config names another', async () => {
    expect(await findings({ silent: { 'guests.remove': 'on purpose' } })).not.toContain('silent guests.remove');
    app.write('other.json', '{}');
    expect((await json('--config', app.at('other.json'))).totals).toMatchObject({ silent: 1, declaredSilent: 0 });
    const packaged = new CodeBase({
      'src/app.ts': router(broken),
      'src/realtime.ts': REALTIME,
      'package.json': JSON.stringify({ name: 'x', pathcast: { audit: { failOn: 'none' } } }),
    });
    try {
      expect((await runHere(['audit', packaged.folder])).code).toBe(0);
      expect((await runHere(['audit', packaged.folder, '--fail-on', 'silent'])).code).toBe(1);
    } finally {
      packaged.remove();
    }
  });

  test('say which table is whose, which function broadcasts, which files do not count', async () => {
    expect(await findings({ modules: { guests: ['hotels'] } })).not.toContain('cascade guests.move');
    app.write(
      'src/app.ts',
      router({ ...broken, remove: `await db.delete(guests); await shout({ queryPaths: ['guests.getAll'] });` }).replace(
        'import { broadcastSync }',
        'import { broadcastSync, shout }',
      ),
    );
    app.write('src/realtime.ts', `${REALTIME}export declare function shout(action: object): Promise<void>;\n`);
    expect(await findings({ broadcasts: ['shout'] })).not.toContain('silent guests.remove');
    expect(await findings({ ignore: ['src/*.ts'] }).catch(() => 'refused')).toBe('refused');
  });

  test('that are wrong are refused in one line', async () => {
    app.write('pathcast.audit.json', JSON.stringify({ silent: { 'guests.remov': 'x' } }));
    const { code, stdout, stderr } = await audit();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^pathcast audit: config: silent: there is no mutation "guests\.remov"; nearest: guests\.remove[^\n]*\n$/,
    );
  });
});

describe('baseline', () => {
  const file = () => app.at('baseline.json');

  test('from the first finding to the last', async () => {
    expect(await audit('--baseline', file())).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('--write-baseline'),
    });
    expect((await audit('--write-baseline', file())).code).toBe(0);
    expect(JSON.parse(readFileSync(file(), 'utf8')).findings).toHaveLength(4);

    const same = await json('--baseline', file(), '--fail-on', 'all');
    expect(same.baseline).toMatchObject({ known: 4, new: 0, stale: [] });
    expect((await audit('--baseline', file(), '--fail-on', 'all')).code).toBe(0);

    // Lines move, and nothing is new.
    app.write('src/app.ts', `// a\n// b\n\n${router(broken)}`);
    expect((await audit('--baseline', file(), '--fail-on', 'all')).code).toBe(0);

    // One more is new, and counts alone.
    app.write('src/app.ts', router({ ...broken, purge: 'await db.delete(guests);' }));
    const more = await json('--baseline', file());
    expect(more.baseline).toMatchObject({ known: 4, new: 1 });
    expect(more.findings.filter(({ known }: { known: boolean }) => !known)).toEqual([
      expect.objectContaining({ rule: 'silent', subject: 'guests.purge' }),
    ]);
    expect((await audit('--baseline', file())).code).toBe(1);
    expect((await audit('--baseline', file(), '--fail-on', 'phantom')).code).toBe(0);

    // What is mended is stale in the baseline, until it is written again.
    app.write('src/app.ts', router(clean));
    const mended = await audit('--baseline', file());
    expect(mended.code).toBe(0);
    expect(mended.stdout).toContain('gone: silent: guests.remove writes guests and broadcasts nothing');
    await audit('--baseline', file(), '--write-baseline', file());
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ version: 1, findings: [] });
  });

  test('two findings alike are counted, so that a third is new', async () => {
    const tell = `await broadcastSync({ type: 'update', module: 'guests', entityId: '1', companyId: 'c', userId: 'u', queryPaths: ['guests.list'] });`;
    const twice = (count: number) => router({ create: `${WRITE} ${tell.repeat(count)}` });
    app.write('src/app.ts', twice(2));
    await audit('--write-baseline', file());
    expect(JSON.parse(readFileSync(file(), 'utf8')).findings).toEqual([
      expect.objectContaining({ rule: 'phantom', count: 2 }),
    ]);
    app.write('src/app.ts', twice(3));
    expect((await json('--baseline', file())).baseline).toMatchObject({ known: 2, new: 1 });
    app.write('src/app.ts', twice(1));
    expect((await json('--baseline', file())).baseline).toMatchObject({ known: 1, new: 0, stale: [{ count: 1 }] });
  });
});

test('names of files reach no terminal as they are', async () => {
  app.write('src/app.ts', router(broken).replace('./realtime', './real\u001b[31mtime'));
  app.write('src/real\u001b[31mtime.ts', `${REALTIME}`);
  for (const format of [[], ['--markdown'], ['--sarif'], ['--json']]) {
    expect((await audit(...format)).stdout).not.toContain('\u001b');
  }
});
