/** Every entry point of the packed package: by import, by require, and with its types. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from './packed.js';

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown> };
const subpaths = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
const specifiers = subpaths.map((entry) => entry.replace('.', 'pathcast'));

let project: Consumer;
beforeAll(() => {
  project = consumer();
});
afterAll(() => {
  project.remove();
});

const node = (file: string, source: string): string => {
  writeFileSync(path.join(project.dir, file), source);
  return execFileSync(process.execPath, [file], { cwd: project.dir, encoding: 'utf8' });
};

test.each(specifiers)('%s gives the same names to import and to require', (specifier) => {
  const imported = node('names.mjs', `import * as it from '${specifier}'; console.log(JSON.stringify(Object.keys(it).sort()));`);
  const required = node('names.cjs', `console.log(JSON.stringify(Object.keys(require('${specifier}')).sort()));`);
  // Node's CommonJS interop adds these two to what is required through import; neither is ours.
  const names = (text: string) => (JSON.parse(text) as string[]).filter((name) => name !== 'default' && name !== '__esModule');
  expect(names(imported)).toEqual(names(required));
  expect(names(imported).length).toBeGreaterThan(0);
});

const useHub = (load: string): string => `${load}
  const hub = createHub({ engine: 'native' });
  hub.broadcast({ type: 'insert', module: 'guests', entityId: '1', companyId: 'c', queryPaths: ['guests.getAll'] })
    .then(async (result) => {
      await hub.close();
      console.log(JSON.stringify({ engine: hub.engine, ok: result.ok, seq: result.seq }));
    });`;

test('the native hub works from the package in both formats', () => {
  const expected = { engine: 'native', ok: true, seq: 1 };
  expect(JSON.parse(node('hub.mjs', useHub("import { createHub } from 'pathcast';")))).toEqual(expected);
  expect(JSON.parse(node('hub.cjs', useHub("const { createHub } = require('pathcast');")))).toEqual(expected);
});

// `node10` reads no "exports": "typesVersions" stands for them there.
test.each([
  ['mts', 'nodenext'],
  ['cts', 'nodenext'],
  ['ts', 'node10'],
])('the types resolve in a .%s file by %s', (ending, resolution) => {
  const lines = specifiers.map((specifier, index) => `import * as m${index} from '${specifier}';\nexport type T${index} = typeof m${index};\n`);
  const use = "import { createHub } from 'pathcast';\nexport const engine: 'native' | 'js' = createHub().engine;\n";
  writeFileSync(path.join(project.dir, `types.${ending}`), `${lines.join('')}${use}`);
  const module = resolution === 'node10' ? 'commonjs' : resolution;
  const settings = { module, moduleResolution: resolution, target: 'es2022', strict: true, noEmit: true, skipLibCheck: resolution === 'node10', types: ['node'] };
  writeFileSync(path.join(project.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: settings, files: [`types.${ending}`] }));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const done = spawnSync(process.execPath, [tsc, '--pretty', 'false'], { cwd: project.dir, encoding: 'utf8' });
  // Other packages' own declarations are not ours to check.
  expect(done.stdout.split('\n').filter((line) => line.includes('pathcast') || line.startsWith('types.'))).toEqual([]);
});

test("a browser's project compiles without Node's types, and with the declarations of libraries looked at", () => {
  const browser = ['client', 'client/trpc', 'client/report', 'react', 'tanstack', 'devtools', 'offline', 'offline/link', 'offline/tanstack', 'offline/store', 'offline/react'];
  const lines = browser.map((name, index) => `import * as m${index} from 'pathcast/${name}';\nexport type T${index} = typeof m${index};\n`);
  writeFileSync(path.join(project.dir, 'browser.ts'), lines.join(''));
  for (const lib of [
    ['ES2022', 'DOM', 'DOM.Iterable'],
    ['ES2022', 'WebWorker'],
  ]) {
    const settings = { module: 'preserve', moduleResolution: 'bundler', target: 'es2022', lib, types: [], strict: true, noEmit: true, skipLibCheck: false };
    writeFileSync(path.join(project.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: settings, files: ['browser.ts'] }));
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const done = spawnSync(process.execPath, [tsc, '--pretty', 'false'], { cwd: project.dir, encoding: 'utf8' });
    // Other packages' own declarations are not ours to check.
    expect(done.stdout.split('\n').filter((line) => /^(node_modules\/)?pathcast|^browser\.ts/.test(line))).toEqual([]);
  }
});

test("React takes the module for a client's, in both formats", () => {
  for (const folder of ['esm/react', 'cjs/react', 'esm/offline-react', 'cjs/offline-react']) {
    const [first = ''] = readFileSync(path.join(project.dir, `node_modules/pathcast/dist/${folder}/index.js`), 'utf8').split('\n');
    expect(first).toMatch(/^['"]use client['"];?$/);
  }
});
