// A code base of 2,000 files is read whole. How long that takes is a question for the bench.
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import { TRPC, openTree, removeTrees } from './audit-project-tree.js';

afterEach(removeTrees);

const FEATURES = 200;
const PROCEDURES = 10;
const PAGES = 8;
/** ms; writing and reading 2,000 files while other suites have the cores. */
const MAX_TIME = 120_000;

function feature(index: number): Record<string, string> {
  const folder = `src/features/f${index}`;
  const member = (n: number): string =>
    `  p${n}: protectedProcedure.input(z.object({ id: z.string() })).${n % 2 ? 'query' : 'mutation'}(async ({ ctx, input }) => save${index}(ctx.db, input.id)),`;
  const files: Record<string, string> = {
    [`${folder}/router.ts`]: [
      `import { z } from 'zod';`,
      `import { router, protectedProcedure } from '@/trpc';`,
      `import { save${index} } from './index';`,
      `export const f${index}Router = router({`,
      ...Array.from({ length: PROCEDURES }, (_, n) => member(n)),
      `});`,
    ].join('\n'),
    [`${folder}/index.ts`]: `export * from './page0';\nexport async function save${index}(db: unknown, id: string) { return { db, id }; }`,
  };
  for (let page = 0; page < PAGES; page += 1) {
    files[`${folder}/page${page}.tsx`] = `import { useRouter } from 'next/router';\nexport function Page${page}() { const router = useRouter(); return <a onClick={() => router.push('/${index}')}>{${page}}</a>; }`;
  }
  return files;
}

test('2,000 files: every procedure of 200 routers', () => {
  const indices = Array.from({ length: FEATURES }, (_, index) => index);
  const project = openTree({
    'tsconfig.json': '{"compilerOptions":{"paths":{"@/*":["./src/*"]}}}',
    'src/trpc.ts': TRPC,
    'src/root.ts': [
      ...indices.map((index) => `import { f${index}Router } from './features/f${index}/router';`),
      `import { router } from './trpc';`,
      `export const appRouter = router({ ${indices.map((index) => `f${index}: f${index}Router`).join(', ')} });`,
    ].join('\n'),
    ...Object.assign({}, ...indices.map(feature)),
  });
  expect(project.files).toHaveLength(FEATURES * (PAGES + 2) + 2);
  const roots = findRoots(project, {});
  expect(roots.map(({ name }) => name)).toEqual(['src/root.ts#appRouter']);
  const [root] = roots;
  expect(root?.procedures).toHaveLength(FEATURES * PROCEDURES);
  expect(root?.procedures.every(({ resolver, middlewares, inputs }) => resolver && middlewares.length === 1 && inputs.length === 1)).toBe(true);
  expect(root?.procedures.at(-1)).toMatchObject({ path: `f${FEATURES - 1}.p${PROCEDURES - 1}`, kind: 'query', place: { file: `src/features/f${FEATURES - 1}/router.ts`, line: 4 + PROCEDURES } });
  expect(root?.unseen).toEqual([]);
}, MAX_TIME);
