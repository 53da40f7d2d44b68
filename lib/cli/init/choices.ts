/** What there is to choose from, and what goes together. */
import { CommandError } from '../errors.js';
import { nearestName } from '../nearest-name.js';

export const FRAMEWORKS = ['fastify', 'express', 'hono', 'node', 'next'] as const;
export type Framework = (typeof FRAMEWORKS)[number];
export const DATA = ['none', 'drizzle', 'prisma'] as const;
export type Data = (typeof DATA)[number];

/** For sentences. */
export const TITLES: Readonly<Record<Framework | Data, string>> = {
  fastify: 'Fastify and tRPC',
  express: 'Express',
  hono: 'Hono',
  node: 'plain Node and EventSource',
  next: 'Next.js',
  none: 'data in memory',
  drizzle: 'Drizzle on libSQL',
  prisma: 'Prisma on SQLite',
};

/** Of an app that is there. */
export const APPS: Readonly<Record<Framework, string>> = { fastify: 'Fastify', express: 'Express', hono: 'Hono', node: 'Node', next: 'Next.js' };

/** @throws CommandError that names what is allowed, and the nearest of it. */
export function chosen<T extends string>(option: string, given: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === given);
  if (found !== undefined) return found;
  const nearest = nearestName(given, allowed);
  const hint = nearest === undefined ? ';' : `; did you mean ${nearest}?`;
  throw new CommandError(`${option}: unknown value ${JSON.stringify(given)}${hint} allowed are ${allowed.join(', ')}`);
}

/** @throws CommandError for what was not tried, and so is not offered. */
export function checkCombination(framework: Framework, data: Data): void {
  if (framework !== 'next' || data === 'none') return;
  throw new CommandError(
    `--framework next with --data ${data} is not offered: Next packs the database's driver in a way of its own, which was not tried. ` +
      'Leave out --data, and put your database into lib/store.ts',
  );
}
