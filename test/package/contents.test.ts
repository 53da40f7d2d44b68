/** What is in the package, and what the addon shows to the process that loads it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { listed, root } from './packed.js';

interface Manifest {
  exports: Record<string, string | Record<'import' | 'require', { types: string; default: string }>>;
}
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest;

describe('the packed files', () => {
  const files = listed().map((file) => file.path);

  test('every file that an entry point names is there', () => {
    const named = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry).flatMap((format) => [format.types, format.default]),
    );
    expect(named.map((file) => file.replace('./', '')).filter((file) => !files.includes(file))).toEqual([]);
  });

  test('what the addon is loaded with and built from is there', () => {
    const sources = JSON.parse(readFileSync(path.join(root, 'src/sources.json'), 'utf8')) as Record<string, string[]>;
    const needed = [
      'LICENSE',
      'README.md',
      'binding.gyp',
      'lib/binding.cjs',
      'lib/binding.d.cts',
      'dist/cjs/package.json',
      'scripts/install.mjs',
      'scripts/node-gyp.mjs',
      'src/sources.json',
      ...Object.values(sources).flat(),
    ];
    expect(needed.filter((file) => !files.includes(file))).toEqual([]);
  });

  test('nothing else is: no tests, no reference server, no sources in TypeScript', () => {
    const allowed = /^(bin\/pathcast\.mjs$|dist\/(esm|cjs)\/|lib\/binding\.|src\/|scripts\/(install|node-gyp)\.mjs$|prebuilds\/|binding\.gyp$|package\.json$|README\.md$|LICENSE$)/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(files.filter((file) => file.includes('/reference/') || /(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });
});

test('publint has nothing to say', () => {
  const publint = path.join(root, 'node_modules/publint/src/cli.js');
  const output = execFileSync(process.execPath, [publint, '--strict', '--level', 'suggestion'], { cwd: root, encoding: 'utf8' });
  expect(output).toContain('All good!');
});

test("the addon exports Node's two entry symbols and no other", () => {
  const addon = path.join(root, 'build/Release/pathcast.node');
  const symbols = execFileSync('nm', ['-D', '--defined-only', addon], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.split(' ').at(-1));
  expect(symbols.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
});
