/**
 * An addon cannot be packed into a bundle. A bundle of ncc or tsup that holds pathcast runs on the JavaScript engine and
 * says once what to configure; one that leaves it out is native. esbuild's are in runtimes.test.ts, Next.js's in test/examples.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from './packed.js';

let project: Consumer;
beforeAll(() => {
  project = consumer();
  writeFileSync(
    path.join(project.dir, 'entry.mjs'),
    `import { isMainThread } from 'node:worker_threads';
    import { createHub } from 'pathcast';
    const hub = createHub();
    hub.broadcast({ type: 'insert', module: 'guests', entityId: '1', companyId: 'c', userId: 'u', queryPaths: ['guests.getAll'] })
      .then(async (result) => {
        console.log(isMainThread ? 'main' : 'worker', hub.engine, result.ok);
        await hub.close();
      });`,
  );
});
afterAll(() => project?.remove());

/** With `pathcast` a dependency of the app or not: tsup leaves dependencies out. */
const packageJson = (dependencies: object): void =>
  writeFileSync(path.join(project.dir, 'package.json'), JSON.stringify({ name: 'app', type: 'module', dependencies }));

/** Runs a bundler of this checkout, then what it made. */
function bundleAndRun(program: string, args: string[], out: string) {
  const built = spawnSync(process.execPath, [path.join(root, 'node_modules', program), ...args], { cwd: project.dir, encoding: 'utf8' });
  expect(built).toMatchObject({ status: 0 });
  const [file = ''] = readdirSync(path.join(project.dir, out)).filter((name) => /\.[cm]?js$/.test(name));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(out, file)], { cwd: project.dir, encoding: 'utf8' });
  return { status, stdout, warnings: stderr.split('\n').filter((line) => line.includes('PATHCAST_NO_NATIVE')) };
}

const NCC = '@vercel/ncc/dist/ncc/cli.js';
const TSUP = 'tsup/dist/cli-default.js';

test.each([
  ['ncc', NCC, ['build', 'entry.mjs', '-o', 'ncc-in'], 'ncc-in', '-e pathcast'],
  ['tsup', TSUP, ['entry.mjs', '--format', 'esm', '--out-dir', 'tsup-in'], 'tsup-in', "tsup: external: ['pathcast']"],
])('%s: a bundle that holds it says what to configure', (_, program, args, out, remedy) => {
  packageJson({});
  const { status, stdout, warnings } = bundleAndRun(program, args, out);
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'main js true\n' });
  expect(warnings).toEqual([expect.stringContaining(remedy)]);
});

test.each([
  ['ncc -e pathcast', NCC, ['build', 'entry.mjs', '-e', 'pathcast', '-o', 'ncc-out'], 'ncc-out'],
  ['tsup, which leaves dependencies out', TSUP, ['entry.mjs', '--format', 'esm', '--out-dir', 'tsup-out'], 'tsup-out'],
])('%s: native', (_, program, args, out) => {
  packageJson({ pathcast: '*' });
  expect(bundleAndRun(program, args, out)).toEqual({ status: 0, stdout: 'main native true\n', warnings: [] });
});

test('in a worker thread it is native too', () => {
  const source = "const { Worker } = require('node:worker_threads'); new Worker('./entry.mjs').on('exit', (code) => console.log('exit', code));";
  const { stdout } = spawnSync(process.execPath, ['-e', source], { cwd: project.dir, encoding: 'utf8' });
  expect(stdout).toBe('worker native true\nexit 0\n');
});
