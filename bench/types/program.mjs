/**
 * A tRPC app of many procedures, as source text: routers and a client with some screens, without pathcast's types or with
 * them. What the compiler makes of the two is what the types cost.
 */

const QUERIES = ['getAll', 'getById', 'getStats', 'getSummary', 'search', 'history', 'options', 'export', 'count', 'recent', 'related', 'preview'];
const MUTATIONS = ['create', 'update', 'delete', 'bulkImport', 'archive', 'restore', 'assign', 'rename'];
const ROUTERS_PER_SCREEN = 10;
const PER_ROUTER = QUERIES.length + MUTATIONS.length;

/** Names of routers; every tenth is nested in a group. */
export function routerNames(procedures) {
  return Array.from({ length: Math.ceil(procedures / PER_ROUTER) }, (_, i) => (i % 10 === 9 ? `group${i}.module${i}` : `module${i}`));
}

export function queryPaths(procedures) {
  return routerNames(procedures).flatMap((router) => QUERIES.map((name) => `${router}.${name}`));
}

export function mutationPaths(procedures) {
  return routerNames(procedures).flatMap((router) => MUTATIONS.map((name) => `${router}.${name}`));
}

/** Prefixes: the routers, and the groups around them. */
export function prefixes(procedures) {
  return routerNames(procedures).flatMap((name) => (name.includes('.') ? [name.split('.')[0], name] : [name]));
}

const query = (name, i) => `    ${name}: t.procedure.input(z.object({ id: z.string(), page: z.number().optional() })).query(({ input }) => ({ id: input.id, page: input.page ?? 0, of: ${i} })),`;
const mutation = (name, i) => `    ${name}: t.procedure.input(z.object({ id: z.string(), name: z.string().optional() })).mutation(({ input, ctx }) => {
      SYNC${name}${i}
      return { id: input.id, by: ctx.userId };
    }),`;

/** The app's files by name. `typed`: with createSync, a broadcast in each router, and a full map. */
export function program({ procedures, typed, pathcast }) {
  const names = routerNames(procedures);
  const files = {
    'trpc.ts': `import { initTRPC } from '@trpc/server';
export const t = initTRPC.context<{ companyId: string; userId: string }>().create();
`,
  };
  names.forEach((name, i) => {
    const body = [...QUERIES.map((each) => query(each, i)), ...MUTATIONS.map((each) => mutation(each, i))].join('\n');
    const call = `sync.broadcast({ type: 'insert', module: '${name}', entityId: input.id, companyId: ctx.companyId, userId: ctx.userId, queryPaths: ['${name}.getAll', '${name}'] });`;
    const text = `import { z } from 'zod';
import { t } from './trpc.js';
${typed ? "import { sync } from './sync.js';\n" : ''}
export const router${i} = t.router({
${body}
});
`;
    files[`router${i}.ts`] = text.replace(/ *SYNC(\w+?)\d+\n/g, (_all, verb) => (typed && verb === 'create' ? `      ${call}\n` : ''));
  });
  const entry = (name, i) => (name.includes('.') ? `  ${name.split('.')[0]}: { ${name.split('.')[1]}: router${i} },` : `  ${name}: router${i},`);
  files['app.ts'] = `${names.map((_name, i) => `import { router${i} } from './router${i}.js';`).join('\n')}
import { t } from './trpc.js';

export const appRouter = t.router({
${names.map(entry).join('\n')}
});
export type AppRouter = typeof appRouter;
`;
  // Who uses the router's type anyhow: without a client it would be for nothing.
  files['client.ts'] = `import { createTRPCClient, httpBatchLink } from '@trpc/client';
import type { AppRouter } from './app.js';

export const client = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: '/trpc' })] });
`;
  names.forEach((name, i) => {
    if (i % ROUTERS_PER_SCREEN !== 0) return;
    files[`screen${i}.ts`] = `import { client } from './client.js';

export async function screen${i}(id: string): Promise<number> {
  const { page } = await client.${name}.getAll.query({ id });
  await client.${name}.create.mutate({ id });
  return page;
}
`;
  });
  if (!typed) return files;
  files['sync.ts'] = `import { createSync } from '${pathcast}';
import type { AppRouter } from './app.js';

export const sync = createSync<AppRouter>();
`;
  const lines = names.flatMap((name, i) => {
    const next = names[(i + 1) % names.length];
    return MUTATIONS.map((each) => {
      const path = `'${name}.${each}'`;
      if (each === 'delete') return `    ${path}: ({ input, result }) => (input.id === result.id ? ['${name}'] : ['${name}.getAll', '${next}']),`;
      if (each === 'archive') return `    ${path}: { stale: ['${name}.getAll', '${name}.count'], cascade: false },`;
      if (each === 'rename') return `    ${path}: { silent: 'names are read when they are shown' },`;
      return `    ${path}: ['${name}.getAll', '${name}.getStats', '${next}.getSummary'],`;
    });
  });
  files['map.ts'] = `import type { InvalidationMap } from '${pathcast}';
import { appRouter, type AppRouter } from './app.js';
import { sync } from './sync.js';

export const map = {
  cascades: { ${names.slice(1).map((name, i) => `'${names[i]}': ['${name}']`).join(', ')} },
  mutations: {
${lines.join('\n')}
  },
} satisfies InvalidationMap<AppRouter>;

export const bound = sync.bind(appRouter, map);
`;
  return files;
}
