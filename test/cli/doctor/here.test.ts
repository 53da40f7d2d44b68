/** What the doctor finds on a machine and in a project, each set-up made for real where a test can make it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FINDINGS, type FindingId } from '../../../lib/cli/doctor/findings.js';
import { judgeMachine, type Machine } from '../../../lib/cli/doctor/machine.js';
import { Visit } from '../../../lib/cli/doctor/report.js';
import { Cli, CodeBase, REALTIME, router, runHere, TELL, WRITE } from '../support/cli.js';
import { emptyFolder, endAll, later, seen, type Seen } from './set-ups.js';

const root = path.resolve(__dirname, '../../..');
let cli: Cli;
beforeAll(async () => {
  cli = await Cli.build();
}, 120_000);
afterAll(() => cli.remove());
afterEach(endAll);

describe('the machine', () => {
  test('a shell with few descriptors', () => {
    const command = `ulimit -n 256 && exec "$0" "$1" doctor --json --project "$2"`;
    const ran = spawnSync('sh', ['-c', command, process.execPath, cli.program, emptyFolder()], { encoding: 'utf8' });
    expect(seen({ ...ran, code: ran.status })).toMatchObject({
      ids: ['few-descriptors'],
      code: 0,
      findings: [{ what: expect.stringContaining('256 descriptors'), remedy: expect.stringContaining('`ulimit -n 65536`') }],
    });
  });

  /** The package without what its addon is in: as on a machine that there is no binary for. */
  test('an addon that is not there', () => {
    const folder = emptyFolder();
    for (const file of ['package.json', 'lib/binding.cjs']) cpSync(path.join(root, file), path.join(folder, file));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const program = path.join(folder, 'pathcast.mjs');
    // main.js looks for the manifest as deep as it is in the package.
    mkdirSync(path.join(folder, 'dist/esm'), { recursive: true });
    cpSync(path.join(cli.folder, 'cli'), path.join(folder, 'dist/esm/cli'), { recursive: true });
    writeFileSync(program, `import { main } from './dist/esm/cli/main.js';\nprocess.exitCode = await main(process.argv.slice(2));\n`);
    const ran = spawnSync(process.execPath, [program, 'doctor', '--json', '--project', emptyFolder()], { encoding: 'utf8' });
    expect(seen({ ...ran, code: ran.status })).toMatchObject({
      ids: ['no-native-engine'],
      code: 0,
      findings: [{ severity: 'warning', what: expect.stringMatching(/^The JavaScript engine would be used, because the native one does not start: /), remedy: expect.stringContaining('`npx pathcast build`') }],
    });
  });

  const RIGHT: Machine = {
    node: '20.19.2', engines: '>=20.11', runtime: 'Node', libc: 'glibc', noNative: undefined, descriptors: Infinity, somaxconn: 4_096,
  };
  const NO_ADDON = 'no addon for this one';
  test.each<[what: string, machine: Partial<Machine>, ids: FindingId[]]>([
    ['that is right', {}, []],
    ['just new enough', { node: '20.11.0' }, []],
    ['with Node 24', { node: '24.0.1' }, []],
    ['with a Node that is a little too old', { node: '20.10.9' }, ['node-too-old']],
    ['with Node 18', { node: '18.20.8' }, ['node-too-old']],
    ['with musl', { libc: 'musl', noNative: NO_ADDON }, ['musl-libc']],
    ['with musl, for which somebody has built the addon', { libc: 'musl' }, []],
    ['with Bun', { runtime: 'Bun', node: '18.0.0', noNative: NO_ADDON }, ['foreign-runtime']],
    ['with Deno', { runtime: 'Deno', node: '18.0.0', noNative: NO_ADDON }, ['foreign-runtime']],
    ['that is no Linux', { libc: undefined, noNative: NO_ADDON, descriptors: undefined, somaxconn: undefined }, ['no-native-engine']],
    ['with the backlog of an old kernel', { somaxconn: 128 }, ['low-somaxconn']],
    ['with 4,095 descriptors', { descriptors: 4_095 }, ['few-descriptors']],
    ['with 4,096 descriptors', { descriptors: 4_096 }, []],
  ])('a machine %s', (_what, machine, ids) => {
    const visit = new Visit();
    judgeMachine({ ...RIGHT, ...machine }, visit);
    const { findings, notChecked } = visit.report();
    expect(findings.map(({ id }) => id)).toEqual(ids);
    expect(notChecked).toHaveLength(machine.descriptors === undefined && 'descriptors' in machine ? 1 : 0);
  });
});

describe('the project', () => {
  async function doctor(files: Record<string, string>, ...args: string[]): Promise<Seen> {
    const app = new CodeBase(files);
    later(() => app.remove());
    return seen(await runHere(['doctor', '--json', '--project', app.folder, ...args]));
  }
  const manifest = (fields: object): Record<string, string> => ({ 'package.json': JSON.stringify(fields) });
  const next = (config: string): Record<string, string> => ({ ...manifest({ dependencies: { next: '16' } }), 'next.config.ts': config });

  test('broadcasts a path that no query has', async () => {
    const report = await doctor({
      ...manifest({}),
      'src/app.ts': router({ create: `${WRITE} await stale(['guests.list']);`, remove: `${WRITE} ${TELL}` }),
      'src/realtime.ts': REALTIME,
    });
    expect(report).toMatchObject({
      ids: ['phantom-path'],
      code: 1,
      findings: [{
        severity: 'error',
        what: expect.stringMatching(/^guests\.list is broadcast \(src\/app\.ts:\d+\), and no query of src\/app\.ts#appRouter has this path: /),
        remedy: expect.stringContaining('Broadcast guests.getAll in its place'),
      }],
    });
  });

  test.each<[string, Record<string, string>, FindingId[], string]>([
    ['Next without a configuration', manifest({ dependencies: { next: '16' } }), ['next-packs-pathcast'], "`serverExternalPackages: ['pathcast']`"],
    ['Next that names another package', next(`export default { serverExternalPackages: ['sharp'] /* pathcast */ };`), ['next-packs-pathcast'], 'serverExternalPackages'],
    ['Next whose line is commented out', next(`export default {\n  // serverExternalPackages: ['pathcast'],\n};`), ['next-packs-pathcast'], 'serverExternalPackages'],
    ['esbuild that bundles all', manifest({ scripts: { build: 'esbuild src/main.ts --platform=node --bundle --outfile=dist/main.js' } }), ['bundler-packs-pathcast'], '--external:pathcast'],
    ['pm2 with several instances', { ...manifest({}), 'ecosystem.config.js': `module.exports = { apps: [{ script: 'a.js', instances: 'max' }] };` }, ['several-processes-configured'], 'one Redis'],
    ['pm2 in a script', manifest({ scripts: { start: 'pm2 start dist/server.js -i 4' } }), ['several-processes-configured'], 'one Redis'],
    ['pathcast that is not installed', manifest({ dependencies: { pathcast: '1' } }), ['other-copy'], 'npx pathcast doctor'],
  ])('%s', async (_name, files, ids, remedy) => {
    const { ids: found, findings, code } = await doctor(files);
    expect({ found, code }).toEqual({ found: ids, code: 0 });
    expect(findings[0]?.remedy).toContain(remedy);
  });

  test.each<[string, Record<string, string>]>([
    ['Next that leaves pathcast out', next(`export default { serverExternalPackages: ['sharp', "pathcast"] };`)],
    ['esbuild that leaves packages out', manifest({ scripts: { build: 'esbuild a.ts --bundle --platform=node --packages=external' } })],
    ['esbuild for a browser', manifest({ scripts: { build: 'tsc && esbuild src/client.ts --bundle --outfile=dist/client.js' } })],
    ['esbuild that bundles nothing', manifest({ scripts: { build: 'esbuild a.ts --platform=node --outdir=dist' } })],
    ['pm2 with one instance', { ...manifest({}), 'ecosystem.config.js': `module.exports = { apps: [{ script: 'a.js', instances: 1 }] };` }],
    ['a package.json that is none', { 'package.json': '{' }],
  ])('%s: nothing', async (_name, files) => {
    expect(await doctor(files)).toMatchObject({ ids: [], code: 0 });
  });

  test('that has no router: that is said, and is no finding', async () => {
    const { ids, notChecked } = await doctor({ ...manifest({}), 'a.ts': 'export const a = 1;\n' });
    expect(ids).toEqual([]);
    expect(notChecked.join('\n')).toMatch(/^Phantom paths: .*router.*--project FOLDER and --router FILE/m);
  });
});

test('docs/cli.md has each finding with its severity', () => {
  const rows = readFileSync(path.join(root, 'docs/cli.md'), 'utf8').split('\n').filter((line) => line.startsWith('| `'));
  const told = rows.flatMap((row) => {
    const [, names = '', severity = ''] = row.split('|');
    return [...names.matchAll(/`([\w-]+)`/g)].map(([, id]) => `${id} ${severity.trim()}`);
  });
  expect(told.sort()).toEqual(Object.entries(FINDINGS).map(([id, { severity }]) => `${id} ${severity}`).sort());
});

describe('the command line', () => {
  test.each([
    [['--project', 'no/such/folder'], '--project: there is no folder no/such/folder'],
    [['--header', 'A: b'], '--header is about a live stream: it needs --url'],
    [['--idle', '5'], '--idle is about a live stream: it needs --url'],
    [['--url', 'localhost:3000/sync/stream'], '--url must be the address of a stream, such as '],
    [['--url', 'http://a/', '--idle', '-1'], "Option '--idle' argument is ambiguous."],
    [['--url', 'http://a/', '--idle', '4000'], '--idle must be a whole number from 0 to 3600, got "4000"'],
    [['--url', 'http://a/', '--timeout', '0'], '--timeout must be a whole number from 1 to 3600, got "0"'],
    [['--url', 'http://a/', '--header', 'secret-token'], "--header must be 'Name: value'; there is no name before a colon"],
    [['--url', 'http://a/', '--header', 'A: b', '--header', 'Au th: secret-token'], '--header number 2: its name is none that HTTP allows'],
    [['--url', 'http://a/', '--header', 'Host: a', '--header', 'host: b'], '--header number 2: host is given twice'],
    [['--url', 'http://a/', '--header', 'Auth: secret\u0000token'], '--header: the value of auth holds a character that HTTP does not allow'],
  ])('%j is refused in one line that quotes no secret', async (argv, line) => {
    const { code, stdout, stderr } = await runHere(['doctor', ...argv]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^[^\n]*\n$/);
    expect(stderr.startsWith(`pathcast doctor: ${line}`)).toBe(true);
    expect(stderr).not.toContain('secret');
  });
});
