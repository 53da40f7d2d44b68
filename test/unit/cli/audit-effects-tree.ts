/** One mutation in a small code base, and what the audit says that it does. */
import { effectsOf, type EffectsOptions, type RawEffects } from '../../../lib/cli/audit/effects/index.js';
import { findRoots } from '../../../lib/cli/audit/routers/index.js';
import type { OpenedProject } from '../../../lib/cli/audit/project/index.js';
import { openTree } from './audit-project-tree.js';

const TRPC = `import { initTRPC } from '@trpc/server';
const t = initTRPC.context<{ userId: string; companyId: string }>().create();
export const router = t.router;
export const procedure = t.procedure;
export const middleware = t.middleware;
`;
const SCHEMA = `import { pgTable, text } from 'drizzle-orm/pg-core';
export const guests = pgTable('guests', { id: text('id') });
export const hotels = pgTable('hotels', { id: text('id') });
export const guestTransport = pgTable('guest_transport', { id: text('id') });
`;
const DB = `import { drizzle } from 'drizzle-orm/node-postgres';
export const db = drizzle('postgres://db');
`;
const HEAD = `import { z } from 'zod';
import { eq, sql } from 'drizzle-orm';
import { broadcastSync } from 'pathcast';
import { procedure, router } from './trpc';
import { db } from './db';
import { guests, hotels, guestTransport } from './schema';
`;

export interface Given {
  /** Declarations before the router, imports among them. */
  before?: string;
  /** Other files below src. */
  files?: Readonly<Record<string, string>>;
  /** Instead of `async ({ ctx, input }) => { BODY }`. */
  resolver?: string;
  /** Before `.mutation(…)`. Default: `procedure`. */
  procedure?: string;
  options?: EffectsOptions;
}

export function projectWith(body: string, given: Given = {}): OpenedProject {
  const resolver = given.resolver ?? `async ({ ctx, input }) => {\n${body}\n}`;
  const source = `${HEAD}${given.before ?? ''}
export const appRouter = router({ guests: router({
  getAll: procedure.query(() => []),
  save: ${given.procedure ?? 'procedure'}.mutation(${resolver}),
}) });
`;
  const files = { 'trpc.ts': TRPC, 'schema.ts': SCHEMA, 'db.ts': DB, ...given.files };
  return openTree({
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`src/${name}`, text])),
    'src/router.ts': source,
  });
}

/** The effects of `guests.save`, whose resolver has this body. */
export function effects(body: string, given: Given = {}): RawEffects {
  const project = projectWith(body, given);
  const procedure = findRoots(project, {}).flatMap((root) => root.procedures).find(({ path }) => path === 'guests.save');
  if (!procedure) throw new Error('guests.save is not found');
  return effectsOf(project, procedure, given.options);
}

/** `insert guests drizzle`, followed by `tx`, `loop` and the helpers on the way as far as they apply. */
export function writesOf({ writes }: RawEffects): string[] {
  return writes.map((write) =>
    [write.operation, write.table, write.by, ...(write.inTransaction ? ['tx'] : []), ...(write.inLoop ? ['loop'] : []), ...(write.via.length > 0 ? [`via ${write.via.join(' > ')}`] : [])].join(' '),
  );
}

/** `broadcastSync guests.getAll hotels.getAll`, followed by what else is not usual. */
export function broadcastsOf({ broadcasts }: RawEffects): string[] {
  return broadcasts.map((one) =>
    [
      one.by,
      ...one.queryPaths.map(({ path }) => path),
      ...(one.complete ? [] : ['…']),
      ...(one.inTransaction ? ['tx'] : []),
      ...(one.inLoop ? ['loop'] : []),
      ...(one.condition === undefined ? [] : [`if (${one.condition})`]),
      ...(one.via.length > 0 ? [`via ${one.via.join(' > ')}`] : []),
    ].join(' '),
  );
}

export const ACTION = (paths: string, more = ''): string =>
  `{ type: 'update', module: 'guests', entityId: '1', companyId: ctx.companyId, userId: ctx.userId, ${more}queryPaths: ${paths} }`;
