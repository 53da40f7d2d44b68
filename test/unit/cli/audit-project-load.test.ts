// Which files are read, and where an import leads, without anything installed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { openProject } from '../../../lib/cli/audit/project/index.js';
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import { TRPC, listOf, openTree, removeTrees, rootsOf, unseenOf, writeTree } from './audit-project-tree.js';

afterEach(removeTrees);

const filesOf = (files: Record<string, string>, tsconfig?: string): string[] => {
  const project = openTree(files, tsconfig === undefined ? {} : { tsconfig });
  return project.files.map((file) => path.relative(project.root, file.fileName)).sort();
};

test('sources of every kind; no outputs, dependencies, declarations, tests or hidden folders', () => {
  const text = 'export const a = 1;';
  const read = ['a.ts', 'b.tsx', 'c.mts', 'd.cts', 'e.js', 'f.jsx', 'g.mjs', 'h.cjs', 'src/build/i.ts', 'src/test/j.ts', 'packages/x/src/k.ts'];
  const left = [
    'types.d.ts', 'style.d.css.ts', 'node_modules/x/index.ts', 'packages/x/node_modules/y/index.ts', 'dist/a.js', 'build/a.js', 'packages/x/dist/k.js', '.next/server.js',
    'a.test.ts', 'a.spec.tsx', 'src/__tests__/a.ts', 'tests/a.ts', 'coverage/a.js', 'vendor/jquery.min.js', 'compiled/a.js',
  ];
  expect(
    filesOf({
      'package.json': '{}',
      'packages/x/package.json': '{}',
      'tsconfig.json': '{"compilerOptions":{"outDir":"./compiled"}}',
      ...Object.fromEntries([...read, ...left].map((file) => [file, text])),
    }),
  ).toEqual([...read].sort());
});

test('what is left out is read all the same where it is imported', () => {
  expect(filesOf({ 'src/a.ts': `import { b } from './b.test';\nexport const a = b;`, 'src/b.test.ts': 'export const b = 1;', 'src/c.test.ts': '' })).toEqual(['src/a.ts', 'src/b.test.ts']);
});

test('nothing is run', () => {
  const root = writeTree({
    'src/trpc.ts': TRPC,
    'src/app.ts': `import fs from 'node:fs';\nimport { router, publicProcedure } from './trpc';\nfs.writeFileSync(__dirname + '/ran', '');\nexport const appRouter = router({ get: publicProcedure.query(() => 1) });`,
    'next.config.js': `require('fs').writeFileSync(__dirname + '/ran', '');`,
  });
  expect(findRoots(openProject(root), {})).toHaveLength(1);
  expect(existsSync(path.join(root, 'src/ran')) || existsSync(path.join(root, 'ran'))).toBe(false);
});

describe('where imports lead', () => {
  const procedures = `export const create = publicProcedure.mutation(() => 1);\n`;
  const app = (from: string): string => `import { router } from './trpc';\nimport { create } from '${from}';\nexport const appRouter = router({ create });`;
  const cases: [name: string, request: string, procedures: string, more: Record<string, string>][] = [
    ['relative, as .js', './create.js', 'src/create.ts', {}],
    ['relative, as .jsx', './create.jsx', 'src/create.tsx', {}],
    ['relative, as .mjs', './create.mjs', 'src/create.mts', {}],
    ['a folder', './create', 'src/create/index.ts', {}],
    ['a folder with a package.json', './create', 'src/create/lib/main.ts', { 'src/create/package.json': '{"main":"lib/main.js"}' }],
    ['tsconfig paths', '@/server/create', 'src/server/create.ts', { 'tsconfig.json': '{"compilerOptions":{"paths":{"@/*":["./src/*"]}}}' }],
    ['tsconfig paths with comments and a trailing comma', '~/create', 'src/x/create.ts', { 'tsconfig.json': '{ // comment\n"compilerOptions":{"paths":{"~/*":["./src/x/*"],},},}' }],
    ['paths, the longest first', '@app/special/create', 'special/create.ts', { 'tsconfig.json': '{"compilerOptions":{"paths":{"@app/*":["./none/*"],"@app/special/*":["./special/*"]}}}' }],
    ['paths, exact', 'create', 'elsewhere/it.ts', { 'tsconfig.json': '{"compilerOptions":{"baseUrl":".","paths":{"create":["elsewhere/it"]}}}' }],
    ['paths, a second target', '@/create', 'src/b/create.ts', { 'tsconfig.json': '{"compilerOptions":{"paths":{"@/*":["./src/a/*","./src/b/*"]}}}' }],
    ['baseUrl', 'server/create', 'src/server/create.ts', { 'tsconfig.json': '{"compilerOptions":{"baseUrl":"src"}}' }],
    ['extends', '@/create', 'src/create.ts', { 'tsconfig.json': '{"extends":"./config/base.json"}', 'config/base.json': '{"compilerOptions":{"baseUrl":"..","paths":{"@/*":["src/*"]}}}' }],
    ['references', '@/create', 'src/create.ts', { 'tsconfig.json': '{"files":[],"references":[{"path":"./tsconfig.app.json"}]}', 'tsconfig.app.json': '{"compilerOptions":{"paths":{"@/*":["./src/*"]}}}' }],
    ['jsconfig', '@/create', 'src/create.ts', { 'jsconfig.json': '{"compilerOptions":{"paths":{"@/*":["./src/*"]}}}' }],
    ['the nearest tsconfig', '@/create', 'src/lib/create.ts', { 'tsconfig.json': '{"compilerOptions":{"paths":{"@/*":["./none/*"]}}}', 'src/tsconfig.json': '{"compilerOptions":{"paths":{"@/*":["./lib/*"]}}}' }],
    ['@/ without a tsconfig', '@/create', 'src/create.ts', {}],
    ['~/ without a tsconfig', '~/create', 'create.ts', {}],
    ['package.json imports', '#server/create', 'src/server/create.ts', { 'package.json': '{"imports":{"#server/*":"./src/server/*.js"}}' }],
    ['imports with conditions, built elsewhere', '#create', 'src/create.ts', { 'package.json': '{"imports":{"#create":{"types":"./dist/create.d.ts","default":"./dist/create.js"}}}' }],
    ['a package of the workspace', '@acme/api', 'packages/api/src/index.ts', { 'package.json': '{"workspaces":["packages/*"]}', 'packages/api/package.json': '{"name":"@acme/api","main":"./dist/index.js"}' }],
    ['its subpath', '@acme/api/create', 'packages/api/src/create.ts', { 'package.json': '{"workspaces":{"packages":["packages/**"]}}', 'packages/api/package.json': '{"name":"@acme/api","exports":{".":"./dist/index.js","./*":"./dist/*.js"}}' }],
    ['sources as exports', '@acme/api', 'packages/api/api.ts', { 'package.json': '{"workspaces":["packages/*"]}', 'packages/api/package.json': '{"name":"@acme/api","exports":{".":{"types":"./api.ts","default":"./api.ts"}}}' }],
    ['pnpm', '@acme/api', 'libs/api/index.ts', { 'pnpm-workspace.yaml': `packages:\n  # ours\n  - 'libs/*'\n  - "!libs/old"\n`, 'libs/api/package.json': '{"name":"@acme/api"}' }],
    ['a package that no workspace lists', '@acme/api', 'libs/api/src/index.ts', { 'libs/api/package.json': '{"name":"@acme/api"}' }],
  ];
  test.each(cases)('%s', (_name, request, file, more) => {
    const back = path.relative(path.dirname(file), 'src/trpc');
    const [root] = rootsOf({ 'src/trpc.ts': TRPC, 'src/app.ts': app(request), [file]: `import { publicProcedure } from '${back.startsWith('.') ? back : `./${back}`}';\n${procedures}`, ...more });
    expect(listOf(root)).toEqual([`mutation create ${file}:2`]);
    expect(root?.unseen).toEqual([]);
  });

  test('the workspace above the audited folder, and a tsconfig that is a package of it', () => {
    const root = writeTree({
      'pnpm-workspace.yaml': 'packages:\n  - apps/*\n  - packages/*\n',
      'packages/config/package.json': '{"name":"@acme/tsconfig"}',
      'packages/config/base.json': '{"compilerOptions":{"paths":{"#here/*":["../../apps/web/src/*"]}}}',
      'packages/trpc/package.json': '{"name":"@acme/trpc"}',
      'packages/trpc/src/index.ts': TRPC,
      'apps/web/package.json': '{"name":"web"}',
      'apps/web/tsconfig.json': '{"extends":"@acme/tsconfig/base.json"}',
      'apps/web/src/guests.ts': `import { router, publicProcedure } from '@acme/trpc';\nexport const guests = router({ list: publicProcedure.query(() => 1) });`,
      'apps/web/src/app.ts': `import { router } from '@acme/trpc';\nimport { guests } from '#here/guests';\nexport const appRouter = router({ guests });`,
      'apps/other/src/app.ts': 'export const never = 1;',
    });
    const project = openProject(path.join(root, 'apps/web'));
    const [app] = findRoots(project, {});
    expect(listOf(app)).toEqual(['query guests.list src/guests.ts:2']);
    expect(app?.unseen).toEqual([]);
    expect(project.files.map((file) => path.relative(root, file.fileName)).sort()).toEqual(['apps/web/src/app.ts', 'apps/web/src/guests.ts', 'packages/trpc/src/index.ts']);
  });

  test('a package that node_modules links to', () => {
    const root = writeTree(
      {
        'app/src/app.ts': `import { router, publicProcedure } from 'shared';\nexport const appRouter = router({ get: publicProcedure.query(() => 1) });`,
        'shared/package.json': '{"name":"shared","main":"dist/index.js"}',
        'shared/src/index.ts': TRPC,
      },
      { 'app/node_modules/shared': 'shared' },
    );
    const [app] = findRoots(openProject(path.join(root, 'app')), {});
    expect(listOf(app)).toEqual(['query get src/app.ts:2']);
    expect(app?.unseen).toEqual([]);
  });

  test('what is installed is not read', () => {
    const [app] = rootsOf({
      'node_modules/acme/index.ts': TRPC,
      'src/trpc.ts': TRPC,
      'src/app.ts': `import { router } from './trpc';\nimport { publicProcedure } from 'acme';\nexport const appRouter = router({ get: publicProcedure.query(() => 1) });`,
    });
    expect(listOf(app)).toEqual(['query get src/app.ts:3']);
    expect(unseenOf(app)).toEqual([expect.stringMatching(/`publicProcedure`: .*'acme', which is not among the sources/)]);
  });
});

test('--tsconfig: the files that it lists, and what they import', () => {
  const files = {
    'tsconfig.json': '{}',
    'server/tsconfig.json': '{"compilerOptions":{"paths":{"$/*":["./lib/*"]}},"files":["main.ts"]}',
    'server/main.ts': `import { a } from '$/a';\nexport const b = a;`,
    'server/lib/a.ts': 'export const a = 1;',
    'web/page.ts': 'export const page = 1;',
  };
  expect(filesOf(files, 'server/tsconfig.json')).toEqual(['server/lib/a.ts', 'server/main.ts']);
  expect(filesOf(files)).toEqual(['server/lib/a.ts', 'server/main.ts', 'web/page.ts']);
});

test('errors name what is wrong', () => {
  const root = writeTree({ 'README.md': '', 'broken.json': '{ "files": [', 'empty.json': '{"files":[]}' });
  expect(() => openProject(path.join(root, 'nowhere'))).toThrow(/^root: .*nowhere is no folder/);
  expect(() => openProject(root)).toThrow(/^root: no TypeScript or JavaScript source below /);
  expect(() => openProject(root, { tsconfig: 'tsconfig.json' })).toThrow(/^tsconfig: there is no file tsconfig\.json \(looked for /);
  expect(() => openProject(root, { tsconfig: 'broken.json' })).toThrow(/^tsconfig: .*broken\.json: /);
  expect(() => openProject(root, { tsconfig: 'empty.json' })).toThrow('tsconfig: empty.json includes no source file');
});

test('broken files do not stop it and are noted; so is a broken tsconfig', () => {
  const [root] = rootsOf({
    'tsconfig.json': '{ "compilerOptions": { "paths": ',
    'src/trpc.ts': TRPC,
    'src/broken.ts': 'export const a = {;\nexport function (',
    'src/typed.js': 'export const a: number = 1;',
    'src/app.ts': `import { router, publicProcedure } from './trpc';\nexport const appRouter = router({ get: publicProcedure.query(() => 1) });`,
  });
  expect(listOf(root)).toEqual(['query get src/app.ts:2']);
  expect(unseenOf(root)).toEqual([
    expect.stringMatching(/^src\/broken\.ts:1 a file with a syntax error: .*may be missed/),
    expect.stringMatching(/^tsconfig\.json:1 a tsconfig: it could not be read: /),
  ]);
});

test('progress grows to the number of files', () => {
  const seen: [number, number, string][] = [];
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`src/f${index}.ts`, `export const v = ${index};`]));
  openTree(files, { onProgress: (done, total, what) => void seen.push([done, total, what]) });
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.at(-1)).toEqual([60, 60, 'reading']);
  expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
});
