/** What is in the package, and what the addon in it shows to the process that loads it and asks of the machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { consumer, listed, root, TARBALL, type Consumer } from './packed.js';

interface Manifest {
  exports: Record<string, string | Record<'import' | 'require', { types: string; default: string }>>;
  scripts: Record<string, string>;
  gypfile: boolean;
}
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest;
const PREBUILD = 'prebuilds/linux-x64/pathcast.glibc.node';
/** Debian 10, Ubuntu 18.10, RHEL 8: the oldest that Node 20 runs on. */
const OLDEST_GLIBC = [2, 28] as const;

let project: Consumer;
let addon: string;
beforeAll(() => {
  project = consumer();
  addon = path.join(project.dir, 'node_modules/pathcast', PREBUILD);
});
afterAll(() => project?.remove());

describe('the packed files', () => {
  const files = listed();

  test('every file that an entry point names is there', () => {
    const named = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry).flatMap((format) => [format.types, format.default]),
    );
    expect(named.map((file) => file.replace('./', '')).filter((file) => !files.includes(file))).toEqual([]);
  });

  test('what the addon is loaded with and built from is there, with the licences of what is inside it', () => {
    const sources = JSON.parse(readFileSync(path.join(root, 'src/sources.json'), 'utf8')) as Record<string, string[]>;
    const needed = [
      'LICENSE',
      'README.md',
      'bin/pathcast.mjs',
      'dist/cjs/package.json',
      'lib/binding.cjs',
      'lib/binding.d.cts',
      'prebuilds/NOTICE.md',
      PREBUILD,
      'scripts/build-addon.mjs',
      'scripts/node-gyp.mjs',
      'src/addon.gypi',
      'src/sources.json',
      'vendor/hiredis/COPYING',
      'vendor/hiredis/read.c',
      'vendor/hiredis/read.h',
      'vendor/hiredis/sds.c',
      'vendor/simdjson/LICENSE',
      'vendor/simdjson/include/simdjson.h',
      'vendor/simdjson/src/simdjson.cpp',
      ...Object.values(sources).flat(),
    ];
    expect(needed.filter((file) => !files.includes(file))).toEqual([]);
  });

  test('nothing else is: no tests, no reference server, no sources in TypeScript', () => {
    const allowed =
      /^(bin\/pathcast\.mjs$|dist\/(esm|cjs)\/|docs\/|examples\/|lib\/binding\.|src\/|scripts\/(build-addon|node-gyp)\.mjs$|prebuilds\/|templates\/|vendor\/(hiredis|simdjson)\/|package\.json$|[A-Z]+\.md$|LICENSE$)/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    const typescript = files.filter((file) => !/^(examples|templates)\//.test(file) && /(?<!\.d)\.ts$/.test(file));
    expect([...files.filter((file) => file.includes('/reference/')), ...typescript]).toEqual([]);
  });

  test('every type that an entry point leads to is there', () => {
    const installed = path.join(project.dir, 'node_modules/pathcast');
    const waiting = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : Object.values(entry).map(({ types }) => path.normalize(types)),
    );
    const seen = new Set<string>();
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      const text = readFileSync(path.join(installed, file), 'utf8');
      for (const [, name = ''] of text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)\.c?js['"]/g)) {
        waiting.push(`${path.join(path.dirname(file), name)}.d.ts`);
      }
    }
    expect(seen.size).toBeGreaterThan(100);
  });

  test('it is under 2 MB', () => {
    expect(statSync(TARBALL).size).toBeLessThan(2_000_000);
  });

  test('nothing runs when it is installed: no script, and no binding.gyp, which pnpm and npm would compile', () => {
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    expect(manifest.gypfile).toBe(false);
    expect(files.filter((file) => file.endsWith('binding.gyp'))).toEqual([]);
  });
});

test('publint has nothing to say', () => {
  const publint = path.join(root, 'node_modules/publint/src/cli.js');
  const output = execFileSync(process.execPath, [publint, '--strict', '--level', 'suggestion', TARBALL], { cwd: root, encoding: 'utf8' });
  expect(output).toContain('All good!');
});

test('the types resolve in every way that TypeScript knows, as attw sees it', () => {
  const attw = path.join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const done = spawnSync(process.execPath, [attw, TARBALL, '--format', 'json'], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  const { analysis } = JSON.parse(done.stdout) as { analysis: { types: unknown; problems: unknown[] } };
  expect(analysis.types).not.toBe(false);
  expect(analysis.problems).toEqual([]);
});

describe('the prebuilt addon', () => {
  test("exports Node's two entry symbols and no other", () => {
    const symbols = execFileSync('nm', ['-D', '--defined-only', addon], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.split(' ').at(-1));
    expect(symbols.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });

  test('asks for no symbol that is younger than glibc 2.28, and for none of the C++ library', () => {
    const wanted = execFileSync('objdump', ['-T', addon], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes('*UND*'));
    const versions = wanted.map((line) => /\((\w+)_([\d.]+)\)\s+(\S+)/.exec(line)).filter((match) => match !== null);
    expect(versions.length).toBeGreaterThan(20);
    const tooYoung = versions.filter(([, library, version = '']) => {
      const [major = 0, minor = 0] = version.split('.').map(Number);
      return library !== 'GLIBC' || major > OLDEST_GLIBC[0] || (major === OLDEST_GLIBC[0] && minor > OLDEST_GLIBC[1]);
    });
    expect(tooYoung.map(([text]) => text)).toEqual([]);
  });

  test("needs the C library and nothing else of the machine's", () => {
    const needed = [...execFileSync('objdump', ['-p', addon], { encoding: 'utf8' }).matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name);
    expect(needed.filter((name) => !/^(libc|libm|libpthread|libdl|ld-linux.*)\.so/.test(name ?? ''))).toEqual([]);
  });

  test('holds no path of the machine that built it', () => {
    expect(readFileSync(addon, 'latin1')).not.toContain(root);
  });

  test('is what an app loads, and its notice names each part with its version', () => {
    expect(existsSync(path.join(project.dir, 'node_modules/pathcast/build'))).toBe(false);
    const source = "const { createHub } = require('pathcast'); const hub = createHub(); console.log(hub.engine); hub.close();";
    expect(execFileSync(process.execPath, ['-e', source], { cwd: project.dir, encoding: 'utf8' }).trim()).toBe('native');
    const notice = readFileSync(path.join(path.dirname(addon), '../NOTICE.md'), 'utf8');
    expect(notice).toMatch(/\| simdjson \| \d+\.\d+\.\d+ \|/);
    expect(notice).toMatch(/\| hiredis \(its reader\) \| \d+\.\d+\.\d+ \|/);
    expect(notice).toMatch(/\| libstdc\+\+ and libgcc \| \d+\.\d+\.\d+ \|/);
    expect(notice).toMatch(/\| node-addon-api \(headers\) \| \d+\.\d+\.\d+ \|/);
  });
});
