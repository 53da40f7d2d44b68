/** The command as a user of the package has it: packed, in node_modules of another project, started through its link. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from '../package/packed.js';
import { CodeBase, REALTIME, router, TELL, WRITE } from './support/cli.js';

let project: Consumer;
let app: CodeBase;

beforeAll(() => {
  project = consumer();
  const links = path.join(project.dir, 'node_modules/.bin');
  mkdirSync(links, { recursive: true });
  symlinkSync('../pathcast/bin/pathcast.mjs', path.join(links, 'pathcast'));
  app = new CodeBase({
    'src/app.ts': router({ create: `${WRITE} ${TELL}`, remove: WRITE }),
    'src/realtime.ts': REALTIME,
  });
}, 120_000);
afterAll(() => {
  project.remove();
  app.remove();
});

const runWith = (env: Record<string, string>, ...args: string[]) =>
  spawnSync(path.join(project.dir, 'node_modules/.bin/pathcast'), args, { cwd: project.dir, encoding: 'utf8', env: { ...process.env, ...env } });
const run = (...args: string[]) => runWith({}, ...args);

test('it audits', () => {
  const { status, stdout, stderr } = run('audit', app.folder, '--json');
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(JSON.parse(stdout).totals).toMatchObject({ mutations: 2, broadcasting: 1, silent: 1 });
});

test('it knows its version', () => {
  expect(run('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('the doctor sees the engine of the package, and that it is the project’s own; tail says why there is no stream', () => {
  writeFileSync(path.join(app.folder, 'package.json'), JSON.stringify({ dependencies: { pathcast: '*' } }));
  mkdirSync(path.join(app.folder, 'node_modules'));
  symlinkSync(path.join(project.dir, 'node_modules/pathcast'), path.join(app.folder, 'node_modules/pathcast'));
  const { status, stdout, stderr } = run('doctor', '--json', '--project', app.folder);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { findings, checked } = JSON.parse(stdout);
  expect(findings).toEqual([]);
  expect(checked).toEqual(expect.arrayContaining([expect.stringContaining('Engine: native.'), expect.stringMatching(/^The project’s pathcast is this one, \d/)]));
  expect(run('tail', '--url', 'http://nowhere.invalid/')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('(ENOTFOUND)') });
});

test('without a compiler that has an interface, and without a network to fetch one, it says what to install', () => {
  const offline = { npm_config_offline: 'true', npm_config_cache: path.join(project.dir, 'empty-cache') };
  const link = path.join(project.dir, 'node_modules/typescript');
  const compiler = realpathSync(link);
  rmSync(link);
  try {
    expect(runWith(offline, 'audit', app.folder)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('none is installed'),
    });
    symlinkSync(path.join(root, 'node_modules/typescript-7'), link);
    expect(runWith(offline, 'audit', app.folder)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/TypeScript 7\.[\d.]+ has no such API/),
    });
  } finally {
    rmSync(link, { force: true });
    symlinkSync(compiler, link);
  }
});
