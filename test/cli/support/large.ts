/** A code base of many files, shaped like those that people have: modules of a schema, services, helpers, a router and a barrel each. */
import type { CodeBase } from './cli.js';
import { REALTIME } from './cli.js';

/** Files of one module. */
const PER_MODULE = 10;
/** Mutations of one module, and those of them that broadcast nothing. */
export const MUTATIONS = 8;
export const SILENT = 2;

/** Writes at least `files` files. Resolves to the number of modules. */
export function writeLarge(app: CodeBase, files: number): number {
  const modules = Math.ceil(files / PER_MODULE);
  app.write(
    'tsconfig.json',
    JSON.stringify({ compilerOptions: { strict: true, baseUrl: '.', paths: { '~/*': ['src/*'] } } }),
  );
  app.write('src/realtime.ts', REALTIME);
  app.write(
    'src/trpc.ts',
    `import { initTRPC } from '@trpc/server';
import { drizzle } from 'drizzle-orm/node-postgres';
export const db = drizzle('');
const t = initTRPC.context<{ db: typeof db; companyId: string; userId: string }>().create();
export const { router } = t;
export const companyProcedure = t.procedure.use(({ next }) => next());
`,
  );
  for (let index = 0; index < modules; index++) writeModule(app, index);
  const names = Array.from({ length: modules }, (_, index) => `m${index}`);
  app.write(
    'src/root.ts',
    `import { router } from '~/trpc';\n${names.map((name) => `import { ${name}Router } from '~/modules/${name}';`).join('\n')}
export const appRouter = router({\n${names.map((name) => `  ${name}: ${name}Router,`).join('\n')}\n});
export type AppRouter = typeof appRouter;\n`,
  );
  return modules;
}

function writeModule(app: CodeBase, index: number): void {
  const name = `m${index}`;
  const at = (file: string, text: string): void => app.write(`src/modules/${name}/${file}.ts`, text);
  at(
    'schema',
    `import { pgTable, text } from 'drizzle-orm/pg-core';\nexport const ${name} = pgTable('${name}', { id: text() });\nexport const ${name}Items = pgTable('${name}_items', { id: text() });\n`,
  );
  at(
    'types',
    `export interface Row { id: string; name: string }\n${Array.from({ length: 40 }, (_, field) => `export type Field${field} = Row['id'] | ${field};`).join('\n')}\n`,
  );
  at(
    'validation',
    `import { z } from 'zod';\nexport const input = z.object({ id: z.string(), name: z.string().min(1) });\n`,
  );
  at(
    'service',
    `import { ${name}, ${name}Items } from './schema';
export async function recalc(tx: any, id: string) {
  await tx.update(${name}).set({ id });
}
export async function store(tx: any, id: string) {
  await tx.insert(${name}Items).values({ id });
  await recalc(tx, id);
}
`,
  );
  at(
    'notify',
    `import { broadcastSync } from '~/realtime';
export const notify = (ctx: any, queryPaths: string[]) =>
  broadcastSync({ type: 'update', module: '${name}', entityId: '1', companyId: ctx.companyId, userId: ctx.userId, queryPaths });
`,
  );
  at(
    'format',
    Array.from(
      { length: 30 },
      (_, part) => `export const format${part} = (value: string) => value.padStart(${part}).trim();`,
    ).join('\n'),
  );
  at(
    'hooks',
    `export function useRows() {\n${Array.from({ length: 30 }, (_, part) => `  const value${part} = [1, 2, ${part}].map((x) => x * 2).filter(Boolean);`).join('\n')}\n  return value0;\n}\n`,
  );
  at(
    'view',
    Array.from(
      { length: 30 },
      (_, part) => `export const View${part} = (props: { rows: string[] }) => props.rows.map((row) => row + ${part});`,
    ).join('\n'),
  );
  at(
    'router',
    `import { router, companyProcedure } from '~/trpc';
import { ${name}, ${name}Items } from './schema';
import { input } from './validation';
import { store } from './service';
import { notify } from './notify';

export const ${name}Router = router({
  getAll: companyProcedure.query(({ ctx }) => ctx.db.select().from(${name})),
  getById: companyProcedure.input(input).query(({ ctx }) => ctx.db.select().from(${name}).leftJoin(${name}Items)),
${Array.from(
  { length: MUTATIONS },
  (_, mutation) => `  change${mutation}: companyProcedure.input(input).mutation(async ({ ctx, input }) => {
    await ctx.db.transaction(async (tx) => {
      await tx.insert(${name}).values(input);
      await store(tx, input.id);
    });
    ${mutation < SILENT ? '' : `await notify(ctx, ['${name}.getAll', '${name}.${mutation % 2 === 0 ? 'getById' : 'list'}']);`}
  }),`,
).join('\n')}
});
`,
  );
  at('index', `export { ${name}Router } from './router';\nexport * from './types';\n`);
}
