/**
 * What broke: an ES module bundle of pathcast ended at import ("Dynamic require of "node:path" is not supported"), before
 * `engine: 'auto'` could fall back; a CommonJS bundle ran on the JavaScript engine and named no remedy; Bun and Deno loaded the
 * addon and died in it. Now each gets the JavaScript engine and one warning that says what to do. Pinned by bundles that
 * run, and by runtimes that call themselves Bun and Deno and in which loading an addon is an error.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { consumer, type Consumer } from './packed.js';

let project: Consumer;
beforeAll(() => {
  project = consumer();
  writeFileSync(
    path.join(project.dir, 'entry.mjs'),
    `import { createHub } from 'pathcast';
    void (async () => {
      for (const hub of [createHub(), createHub()]) {
        const result = await hub.broadcast({ type: 'insert', module: 'guests', entityId: '1', companyId: 'c', queryPaths: ['guests.getAll'] });
        console.log(hub.engine, result.ok);
        await hub.close();
      }
    })();`,
  );
});
afterAll(() => project?.remove());

function run(...args: string[]): { code: number | null; lines: string[]; warnings: string[] } {
  const done = spawnSync(process.execPath, args, { cwd: project.dir, encoding: 'utf8' });
  return {
    code: done.status,
    lines: done.stdout.trim().split('\n'),
    warnings: done.stderr.split('\n').filter((line) => line.includes('PATHCAST_NO_NATIVE')),
  };
}

const ON_JS = ['js true', 'js true'];

describe.each(['esm', 'cjs'] as const)('a bundle in %s', (format) => {
  const bundle = async (external: string[]): Promise<string> => {
    const outfile = path.join(project.dir, 'out', `bundle${external.length}.${format === 'esm' ? 'mjs' : 'cjs'}`);
    await build({ entryPoints: [path.join(project.dir, 'entry.mjs')], outfile, bundle: true, platform: 'node', format, external, logLevel: 'error' });
    return outfile;
  };

  test('runs on the JavaScript engine, and one warning says what to configure', async () => {
    const { code, lines, warnings } = run(await bundle([]));
    expect({ code, lines }).toEqual({ code: 0, lines: ON_JS });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("external: ['pathcast']");
    expect(warnings[0]).toContain("serverExternalPackages: ['pathcast']");
  });

  test('that leaves pathcast out runs natively', async () => {
    expect(run(await bundle(['pathcast']))).toEqual({ code: 0, lines: ['native true', 'native true'], warnings: [] });
  });
});

test.each([
  ['Bun', "Object.defineProperty(process.versions, 'bun', { value: '1.4.5' });"],
  ['Deno', 'globalThis.Deno = { version: {} };'],
])('%s never loads the addon', (name, pretend) => {
  writeFileSync(
    path.join(project.dir, 'pretend.mjs'),
    `${pretend} process.dlopen = () => { console.log('an addon was loaded'); process.exit(1); };`,
  );
  const { code, lines, warnings } = run('--import', './pretend.mjs', 'entry.mjs');
  expect({ code, lines }).toEqual({ code: 0, lines: ON_JS });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(name);
});

test('`native` where there can be none is an error that says why', () => {
  writeFileSync(path.join(project.dir, 'pretend.mjs'), "Object.defineProperty(process.versions, 'bun', { value: '1.4.5' });");
  const source = "import { createHub } from 'pathcast'; try { createHub({ engine: 'native' }) } catch ({ code, message }) { console.log(code, message) }";
  expect(run('--import', './pretend.mjs', '--input-type=module', '-e', source).lines).toEqual([
    'NO_NATIVE the native engine could not be started: Bun has no libuv, which the addon runs on',
  ]);
});

/** As it is where no prebuilt addon fits: the folder is there, and nothing in it is for this machine. */
const withoutPrebuild = (): void => rmSync(path.join(project.dir, 'node_modules/pathcast/prebuilds/linux-x64'), { recursive: true, force: true });

test('a machine that no prebuilt addon fits runs on the JavaScript engine, and one warning says how to compile one', () => {
  withoutPrebuild();
  const { lines, warnings } = run('entry.mjs');
  expect(lines).toEqual(ON_JS);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`no prebuilt addon for linux-x64`);
  expect(warnings[0]).toContain('npx pathcast build');
});

test('a prebuilt addon that this system cannot load is no end of the process', () => {
  const file = path.join(project.dir, 'node_modules/pathcast/prebuilds/linux-x64/pathcast.glibc.node');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, 'not an addon');
  const { lines, warnings } = run('entry.mjs');
  expect(lines).toEqual(ON_JS);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('npx pathcast build');
});

test('`pathcast build` says what the machine lacks, and leaves nothing behind', () => {
  const nothing = path.join(project.dir, 'no-programs');
  mkdirSync(nothing, { recursive: true });
  const done = spawnSync(process.execPath, ['node_modules/pathcast/bin/pathcast.mjs', 'build'], {
    cwd: project.dir,
    encoding: 'utf8',
    env: { ...process.env, PATH: nothing, CXX: undefined, PYTHON: undefined, TMPDIR: nothing },
  });
  expect(done.status).toBe(2);
  expect(done.stderr).toMatch(/this machine lacks a C\+\+20 compiler, make, Python 3: |no node-gyp was found/);
  expect(readdirSync(nothing)).toEqual([]);
  expect(existsSync(path.join(project.dir, 'node_modules/pathcast/build'))).toBe(false);
});

test('`pathcast build` compiles the addon from what the package holds, and it is loaded', () => {
  withoutPrebuild();
  const ccache = spawnSync('ccache', ['--version']).status === 0 ? { CXX: 'ccache g++' } : {};
  const done = spawnSync(process.execPath, ['node_modules/pathcast/bin/pathcast.mjs', 'build'], {
    cwd: project.dir,
    encoding: 'utf8',
    env: { ...process.env, ...ccache },
  });
  expect(done.stderr).toBe('');
  expect(done.status).toBe(0);
  expect(run('entry.mjs')).toEqual({ code: 0, lines: ['native true', 'native true'], warnings: [] });
  // One file is left, with no more than is packed for others.
  const built = path.join(project.dir, 'node_modules/pathcast/build');
  expect(readdirSync(built, { recursive: true })).toEqual(['Release', 'Release/pathcast.node']);
}, 600_000);
