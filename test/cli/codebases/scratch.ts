/** Code bases that exist for one test: too odd, or too large, to keep. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Files by name; a folder of its own that `remove()` takes away. */
export function scratch(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-audit-'));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What most of them begin with. */
export const HEAD = `import { initTRPC } from '@trpc/server';
import { PrismaClient } from '@prisma/client';
import { broadcastSync } from 'pathcast';
export const prisma = new PrismaClient();
export const t = initTRPC.context<{ companyId: string; userId: string }>().create();
export const tell = (queryPaths: string[]) =>
  broadcastSync({ type: 'update', module: 'a', entityId: '1', companyId: 'c', userId: 'u', queryPaths });
`;

/** A root router with one query and one mutation, \`a.all\` and \`a.add\`, whose resolver is \`body\`. */
export const withBody = (body: string, before = ''): string => `${HEAD}
${before}
export const appRouter = t.router({
  a: t.router({
    all: t.procedure.query(() => prisma.a.findMany()),
    add: t.procedure.mutation(async ({ ctx, input }) => {
      ${body}
    }),
  }),
});
`;
