// Which compiler reads the code.
import { createRequire } from 'node:module';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { loadCompiler, openProject } from '../../../lib/cli/audit/project/index.js';
import { fetchedCompiler } from '../../../lib/cli/audit/project/sources/fetched.js';
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import { TRPC, removeTrees, writeTree } from './audit-project-tree.js';

afterEach(removeTrees);

const installed = (name: string): string => path.resolve('node_modules', name);
/** A project with these packages: the name it has there, and the one it has here. */
function projectWith(packages: Record<string, string>): string {
  const root = writeTree({ 'node_modules/README': '', 'src/trpc.ts': TRPC, 'src/app.ts': `import { router, publicProcedure } from './trpc';\nexport const appRouter = router({ get: publicProcedure.query(() => 1) });` });
  for (const [name, ours] of Object.entries(packages)) symlinkSync(installed(ours), path.join(root, 'node_modules', name));
  return root;
}
const nothing = (): NodeJS.Require => createRequire(path.join(writeTree({ 'package.json': '{}' }), 'package.json'));

test("the audited project's own, if it has the API", () => {
  expect(loadCompiler(projectWith({ typescript: 'typescript-5-7' })).version).toMatch(/^5\.7\./);
});

test("pathcast's own where the project has none, or TypeScript 7", () => {
  const own = loadCompiler(projectWith({})).version;
  expect(own).toMatch(/^5\.9\./);
  expect(loadCompiler(projectWith({ typescript: 'typescript-7' })).version).toBe(own);
});

test('the alias beside TypeScript 7', () => {
  const root = projectWith({ typescript: 'typescript-7', 'typescript-5': 'typescript-5-7' });
  expect(loadCompiler(root, nothing()).version).toMatch(/^5\.7\./);
});

test('none that fits: one error that says what to install', () => {
  const install = /npm install -D typescript-5@npm:typescript@5\.9$/;
  expect(() => loadCompiler(projectWith({ typescript: 'typescript-7' }), nothing())).toThrow(/^The audit reads code with the compiler API of TypeScript 5 or 6, and TypeScript 7\.\S+ has no such API\./);
  expect(() => loadCompiler(projectWith({ typescript: 'typescript-7' }), nothing())).toThrow(install);
  expect(() => loadCompiler(projectWith({}), nothing())).toThrow(/none is installed/);
  expect(() => loadCompiler(projectWith({}), nothing())).toThrow(install);
});

test('where there is none that fits, the one that npm keeps', () => {
  const asked: string[] = [];
  const fetched = fetchedCompiler((args) => {
    asked.push(args.join(' '));
    return ['nowhere', path.resolve('node_modules/.bin'), ''].join(path.delimiter);
  });
  expect(asked).toEqual([expect.stringMatching(/^exec --yes .*--package=typescript@5\.9 /)]);
  expect(fetched?.version).toMatch(/^5\.9\./);
  expect(loadCompiler(projectWith({ typescript: 'typescript-7' }), nothing(), () => fetched).version).toBe(fetched?.version);
  // Without a network the message is the old one.
  expect(fetchedCompiler(() => undefined)).toBeUndefined();
  expect(() => loadCompiler(projectWith({}), nothing(), () => undefined)).toThrow(/npm install -D typescript-5@npm:typescript@5\.9$/);
});

test('TypeScript 5.7 reads a project as 5.9 does', () => {
  const read = (packages: Record<string, string>) => {
    const [root] = findRoots(openProject(projectWith(packages)), {});
    return root?.procedures.map(({ path: name, kind, place }) => ({ name, kind, place }));
  };
  const expected = [{ name: 'get', kind: 'query', place: { file: 'src/app.ts', line: 2, column: 35 } }];
  expect(read({})).toEqual(expected);
  expect(read({ typescript: 'typescript-5-7' })).toEqual(expected);
});
